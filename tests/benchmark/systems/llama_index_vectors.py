"""LlamaIndex with its own vector store."""

import os

from harness import K, run
from llama_index.core import Settings, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding

Settings.embed_model = HuggingFaceEmbedding(model_name=os.environ["MODEL"])


def build(passages, folder):
    index = VectorStoreIndex([TextNode(text=each) for each in passages])
    index.storage_context.persist(folder)


def opened(folder):
    index = load_index_from_storage(StorageContext.from_defaults(persist_dir=folder))
    retriever = index.as_retriever(similarity_top_k=K)
    return lambda question: [each.node.text for each in retriever.retrieve(question)]


run(build, opened)
