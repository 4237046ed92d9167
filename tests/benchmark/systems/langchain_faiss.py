"""LangChain with FAISS."""

import os

from harness import K, run
from langchain_community.vectorstores import FAISS
from langchain_huggingface import HuggingFaceEmbeddings


def embeddings():
    return HuggingFaceEmbeddings(model_name=os.environ["MODEL"])


def build(passages, folder):
    FAISS.from_texts(passages, embeddings()).save_local(folder)


def opened(folder):
    store = FAISS.load_local(folder, embeddings(), allow_dangerous_deserialization=True)
    return lambda question: [each.page_content for each in store.similarity_search(question, K)]


run(build, opened)
