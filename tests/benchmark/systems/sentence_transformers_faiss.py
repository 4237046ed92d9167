"""Thirty lines of sentence-transformers and FAISS."""

import json
import os
from pathlib import Path

import faiss
from harness import K, run
from sentence_transformers import SentenceTransformer

MODEL = os.environ["MODEL"]


def build(passages, folder):
    vectors = SentenceTransformer(MODEL).encode(passages, normalize_embeddings=True)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, f"{folder}/index")
    Path(folder, "passages").write_text(json.dumps(passages))


def opened(folder):
    model = SentenceTransformer(MODEL)
    index = faiss.read_index(f"{folder}/index")
    passages = json.loads(Path(folder, "passages").read_text())

    def ask(question):
        _, found = index.search(model.encode([question], normalize_embeddings=True), K)
        return [passages[each] for each in found[0]]

    return ask


run(build, opened)
