"""Haystack with its in-memory store."""

import os

from harness import K, run
from haystack import Document
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)


def build(passages, folder):
    embedder = SentenceTransformersDocumentEmbedder(model=os.environ["MODEL"], progress_bar=False)
    embedder.warm_up()
    store = InMemoryDocumentStore()
    store.write_documents(
        embedder.run(
            [Document(id=str(place), content=each) for place, each in enumerate(passages)]
        )["documents"]
    )
    store.save_to_disk(f"{folder}/store.json")


def opened(folder):
    embedder = SentenceTransformersTextEmbedder(model=os.environ["MODEL"], progress_bar=False)
    embedder.warm_up()
    retriever = InMemoryEmbeddingRetriever(
        InMemoryDocumentStore.load_from_disk(f"{folder}/store.json"), top_k=K
    )

    def ask(question):
        found = retriever.run(query_embedding=embedder.run(question)["embedding"])
        return [each.content for each in found["documents"]]

    return ask


run(build, opened)
