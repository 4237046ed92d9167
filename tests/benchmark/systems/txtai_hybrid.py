"""txtai, dense and BM25 together."""

import os

from harness import K, run
from txtai import Embeddings


def build(passages, folder):
    embeddings = Embeddings(path=os.environ["MODEL"], content=True, hybrid=True)
    embeddings.index(passages)
    embeddings.save(f"{folder}/index")


def opened(folder):
    embeddings = Embeddings()
    embeddings.load(f"{folder}/index")
    return lambda question: [each["text"] for each in embeddings.search(question, K)]


run(build, opened)
