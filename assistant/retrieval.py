"""From a question to the paragraphs that may answer it, best first, each with its best sentence.

Two searches see different things: vectors find other words for the same thing, BM25 finds names and
numbers. Their rankings are joined by reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009).
"""

from __future__ import annotations

import faiss
import numpy as np

from assistant.encoder import FloatArray
from assistant.index import Index
from assistant.lexical import tokenize
from assistant.types import Hit

faiss.omp_set_num_threads(1)  # with two, single queries were measured six times slower

_DEPTH = 100  # paragraphs taken from each search
_ROWS_A_PARAGRAPH = 4  # vectors looked at for each of these, as a paragraph has several
_RANK_CONSTANT = 60  # of reciprocal rank fusion, as in the paper


def retrieve(index: Index, question: str, vector: FloatArray, k: int) -> tuple[Hit, ...]:
    """The ``k`` best paragraphs for ``question``, whose unit vector is ``vector``, best first.

    Ties go to the earlier paragraph. Scores are sums of reciprocal ranks: at most 2 / 61.
    """
    scores: dict[int, float] = {}
    for ranking in (_dense(index, vector), _lexical(index, question)):
        for rank, paragraph in enumerate(ranking, start=1):
            scores[paragraph] = scores.get(paragraph, 0.0) + 1 / (_RANK_CONSTANT + rank)
    best = sorted(scores, key=lambda paragraph: (-scores[paragraph], paragraph))[:k]
    return tuple(_hit(index, paragraph, vector, scores[paragraph]) for paragraph in best)


def _dense(index: Index, vector: FloatArray) -> list[int]:
    """Paragraphs by the cosine of their closest vector, be it a sentence's or the whole's."""
    rows = min(index.vectors.ntotal, _DEPTH * _ROWS_A_PARAGRAPH)
    _, found = index.vectors.search(vector[np.newaxis], rows)
    return list(dict.fromkeys(index.paragraph_of_row[found[0]].tolist()))[:_DEPTH]


def _lexical(index: Index, question: str) -> list[int]:
    return [paragraph for paragraph, _ in index.lexical.search(tokenize(question), _DEPTH)]


def _hit(index: Index, number: int, vector: FloatArray, score: float) -> Hit:
    document, paragraph = index.paragraph(number)
    similarity = sentence_similarities(index, number, vector)
    return Hit(document, paragraph, paragraph.sentences[int(np.argmax(similarity))], score)


def sentence_similarities(index: Index, number: int, vector: FloatArray) -> FloatArray:
    """Cosine of ``vector`` with each sentence of the paragraph with that number, in order."""
    first = int(index.paragraph_rows[number]) + 1
    count = len(index.paragraph(number)[1].sentences)
    similarities: FloatArray = index.vectors.reconstruct_n(first, count) @ vector
    return similarities
