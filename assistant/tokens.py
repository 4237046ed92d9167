"""Token vectors on disk: compressed, one text's after another's, and mapped into memory when read.

A vector is kept as signed bytes, scaled so that its largest is 127, and the length of what that
gives, by which it is divided again when read; scale itself is not needed, as only directions are
compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from assistant.encoder import Encoding, FloatArray, IntArray

# Products of few columns are slower with a second thread than without: measured on two cores, six
# times, and some hundred times when other processes are busy.
threadpool_limits(1, user_api="blas")

_VECTORS = "tokens.int8"
_LENGTHS = "token_lengths.float32"
_IDS = "token_ids.int32"
_SPANS = "token_spans.int32"
_SENTENCE_TOKENS = "sentence_tokens.int64"
_TEXT_SENTENCES = "text_sentences.int64"
_ROWS_AT_ONCE = 512

ByteArray = npt.NDArray[np.int8]
Numbers = npt.NDArray[np.int64]


class Tokens(NamedTuple):
    """The n tokens of one text, as they are stored."""

    vectors: ByteArray  # (n, dimension)
    lengths: FloatArray  # (n,)
    ids: IntArray  # (n,), in the model's vocabulary
    spans: IntArray  # (n, 2), where they start and end in the text


class TokenStore:
    """The tokens of texts numbered from 0, each made of one or more sentences."""

    def __init__(
        self,
        vectors: ByteArray,
        lengths: FloatArray,
        ids: IntArray,
        spans: IntArray,
        sentence_tokens: Numbers,
        text_sentences: Numbers,
    ) -> None:
        self._vectors = vectors
        self._lengths = lengths
        self._ids = ids
        self._spans = spans
        self._sentence_tokens = sentence_tokens  # where each sentence's tokens start, and the end
        self._text_sentences = text_sentences  # where each text's sentences start, and the end

    @classmethod
    def open(cls, folder: Path, dimension: int) -> TokenStore:
        """The store that ``save`` wrote to ``folder``; ValueError or OSError if it is none."""
        path = folder / _VECTORS
        flat = np.memmap(path, np.int8, "r") if path.stat().st_size else np.empty(0, np.int8)
        return cls(
            flat.reshape(-1, dimension),
            np.fromfile(folder / _LENGTHS, np.float32),
            np.fromfile(folder / _IDS, np.int32),
            np.fromfile(folder / _SPANS, np.int32).reshape(-1, 2),
            np.fromfile(folder / _SENTENCE_TOKENS, np.int64),
            np.fromfile(folder / _TEXT_SENTENCES, np.int64),
        )

    @staticmethod
    def save(folder: Path, texts: Iterable[tuple[Tokens, Sequence[int]]]) -> None:
        """Write the tokens of ``texts`` as they come, each with where its sentences start in it."""
        sentence_tokens, text_sentences, count = [], [0], 0
        with (
            (folder / _VECTORS).open("wb") as vectors,
            (folder / _LENGTHS).open("wb") as lengths,
            (folder / _IDS).open("wb") as ids,
            (folder / _SPANS).open("wb") as spans,
        ):
            for tokens, sentence_starts in texts:
                vectors.write(tokens.vectors.tobytes())
                lengths.write(tokens.lengths.tobytes())
                ids.write(tokens.ids.tobytes())
                spans.write(tokens.spans.tobytes())
                first = np.searchsorted(tokens.spans[:, 0], sentence_starts)
                first[0] = 0
                sentence_tokens.append(count + first)
                text_sentences.append(text_sentences[-1] + len(sentence_starts))
                count += len(tokens.ids)
        np.concatenate([*sentence_tokens, [count]]).tofile(folder / _SENTENCE_TOKENS)
        np.array(text_sentences).tofile(folder / _TEXT_SENTENCES)

    def __len__(self) -> int:
        return len(self._text_sentences) - 1

    def __getitem__(self, text: int) -> Tokens:
        part = self._tokens_of(text, text + 1)
        return Tokens(self._vectors[part], self._lengths[part], self._ids[part], self._spans[part])

    def closest(
        self, question: FloatArray, runs: Sequence[range]
    ) -> list[tuple[FloatArray, Numbers]]:
        """How close the sentences of runs of texts come to a question, a pair for each run.

        ``question`` are the unit vectors of its tokens, shape (q, dimension). The first of a pair,
        shape (sentences, q), has for each sentence and token of the question the cosine of the
        closest token of the sentence; 0 for a sentence without tokens. The second has the place
        of each text's first sentence in it.
        """
        parts = [self._tokens_of(run.start, run.stop) for run in runs]
        cosines = self._cosines(question, parts)
        found, end = [], 0
        for run, part in zip(runs, parts, strict=True):
            starts = self._text_sentences[run.start : run.stop + 1]
            sentences = self._sentence_tokens[starts[0] : starts[-1] + 1] - part.start
            start, end = end, end + part.stop - part.start
            best = np.zeros((len(sentences) - 1, len(question)), dtype=np.float32)
            full = np.flatnonzero(np.diff(sentences))
            if len(full):
                best[full] = np.maximum.reduceat(cosines[start:end], sentences[full], axis=0)
            found.append((best, starts[:-1] - starts[0]))
        return found

    def _cosines(self, question: FloatArray, parts: Sequence[slice]) -> FloatArray:
        """The cosine of each stored token in ``parts`` with each of the question's."""
        count = sum(part.stop - part.start for part in parts)
        cosines = np.empty((count, len(question)), dtype=np.float32)
        # In blocks that stay in the processor's cache, in memory used again.
        buffer = np.empty((_ROWS_AT_ONCE, question.shape[1]), dtype=np.float32)
        end = 0
        for part in parts:
            for first in range(part.start, part.stop, _ROWS_AT_ONCE):
                block = slice(first, min(first + _ROWS_AT_ONCE, part.stop))
                vectors = buffer[: block.stop - block.start]
                vectors[:] = self._vectors[block]
                start, end = end, end + len(vectors)
                np.matmul(vectors, question.T, out=cosines[start:end])
                cosines[start:end] /= self._lengths[block, np.newaxis]
        return cosines

    def first_sentence(self, text: int) -> int:
        """The number of the text's first sentence among the sentences of all texts."""
        return int(self._text_sentences[text])

    def frequencies(self, weights: Numbers) -> Numbers:
        """In how many texts each token id occurs, a text counted ``weights`` times.

        As long as the highest id demands.
        """
        counts = np.diff(self._sentence_tokens[self._text_sentences])
        owners = np.repeat(np.arange(len(self)), counts)
        size = int(self._ids.max(initial=0)) + 1
        owners, ids = np.divmod(np.unique(owners * size + self._ids), size)
        return np.bincount(ids, weights[owners], size).astype(np.int64)

    def _tokens_of(self, first: int, after: int) -> slice:
        start, end = self._sentence_tokens[self._text_sentences[[first, after]]]
        return slice(int(start), int(end))


def compressed(encoding: Encoding) -> Tokens:
    """The tokens of ``encoding`` as they are stored."""
    largest = np.abs(encoding.tokens).max(axis=1, keepdims=True, initial=1e-12)
    vectors = np.rint(encoding.tokens * (127 / largest)).astype(np.int8)
    lengths = np.maximum(np.linalg.norm(vectors.astype(np.float32), axis=1), 1e-12)
    return Tokens(vectors, lengths.astype(np.float32), encoding.token_ids, encoding.spans)
