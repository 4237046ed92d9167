"""From a question to the paragraphs that may answer it, best first, each with its best sentence."""

from __future__ import annotations

import faiss
import numpy as np

from assistant.encoder import Encoding, FloatArray
from assistant.index import Index
from assistant.lexical import tokenize
from assistant.types import Hit

faiss.omp_set_num_threads(1)  # with two, single queries were measured six times slower

_CANDIDATES = 50


def retrieve(index: Index, question: str, asked: Encoding, k: int) -> tuple[Hit, ...]:
    paragraphs = index.manifest.paragraphs
    _, found = index.vectors.search(
        asked.vector[np.newaxis], min(index.vectors.ntotal, _CANDIDATES)
    )
    documents = {
        index.document_of(t) if t < paragraphs else t - paragraphs for t in found[0].tolist()
    }
    lexical = dict(index.lexical.search(tokenize(question), _CANDIDATES))
    documents |= {index.document_of(p) for p in lexical}
    frequencies = index.frequencies
    known = frequencies[np.minimum(asked.token_ids, len(frequencies) - 1)]
    weights = np.sqrt(np.log(1 + (len(index.tokens) - known + 0.5) / (known + 0.5)))
    weights /= weights.sum()
    scored = []
    for d in sorted(documents):
        title = best(asked, index.tokens[paragraphs + d].vectors)
        inside = [
            np.maximum(best(asked, index.tokens[p].vectors), title) for p in index.paragraphs_of(d)
        ]
        whole = np.max(inside, axis=0)
        for p, m in zip(index.paragraphs_of(d), inside, strict=False):
            scored.append((float((0.5 * m + 0.5 * whole) @ weights), p))
    scored.sort(key=lambda each: (-each[0], each[1]))
    hits = []
    for score, p in scored[:k]:
        document, paragraph = index.paragraph(p)
        tokens = index.tokens[p]
        sims = []
        for sentence in paragraph.sentences:
            inside = (tokens.spans[:, 0] >= sentence.start - paragraph.start) & (
                tokens.spans[:, 1] <= sentence.end - paragraph.start
            )
            sims.append(float(best(asked, tokens.vectors[inside]) @ weights))
        hits.append(Hit(document, paragraph, paragraph.sentences[int(np.argmax(sims))], score))
    return tuple(hits)


def best(asked: Encoding, tokens: FloatArray) -> FloatArray:
    """For each token of the question, the cosine of the most similar of ``tokens``."""
    if not len(tokens):
        return np.zeros(len(asked.tokens), dtype=np.float32)
    return (tokens @ asked.tokens.T).max(axis=0)
