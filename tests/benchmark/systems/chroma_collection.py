"""Chroma with a sentence-transformers embedding function."""

import os

import chromadb
from chromadb.config import Settings
from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction
from harness import K, run


def collection(folder):
    client = chromadb.PersistentClient(folder, settings=Settings(anonymized_telemetry=False))
    embed = SentenceTransformerEmbeddingFunction(os.environ["MODEL"])
    return client.get_or_create_collection("passages", embedding_function=embed)


def build(passages, folder):
    into = collection(folder)
    for start in range(0, len(passages), 1000):
        some = passages[start : start + 1000]
        into.add(ids=[str(start + each) for each in range(len(some))], documents=some)


def opened(folder):
    of = collection(folder)
    return lambda question: of.query(query_texts=[question], n_results=K)["documents"][0]


run(build, opened)
