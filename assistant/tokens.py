"""Token vectors on disk: compressed, one text's after another's, and read where they are needed.

A vector is kept as signed bytes, scaled so that its largest is 127, and the length of what that
gives, by which it is divided again when read; scale itself is not needed, as only directions are
compared.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from assistant.encoder import Encoding, FloatArray, IntArray
from assistant.errors import IndexDamagedError
from assistant.rows import Rows, mapped

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
_TEXTS_AT_ONCE = 10_000
_END = np.iinfo(np.int32).max  # after every token

ByteArray = npt.NDArray[np.int8]
Numbers = npt.NDArray[np.int64]


class Tokens(NamedTuple):
    """The n tokens of one text, as they are stored."""

    vectors: ByteArray  # (n, dimension)
    lengths: FloatArray  # (n,)
    ids: IntArray  # (n,), in the model's vocabulary
    spans: IntArray  # (n, 2), where they start and end in the text


class Run(NamedTuple):
    """Texts one after another: their tokens, where among these each sentence ends, and where among
    the sentences each text.
    """

    tokens: Tokens
    sentence_ends: Numbers
    text_ends: Numbers


class TokenStore:
    """The tokens of texts numbered from 0, each made of one or more sentences."""

    def __init__(
        self,
        vectors: Rows[np.int8],
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
    def open(cls, folder: Path, dimension: int, texts: int) -> TokenStore:
        """The first ``texts`` texts that a ``TokenWriter`` wrote to ``folder``.

        ValueError or OSError if they are not there.
        """
        text_sentences = np.fromfile(folder / _TEXT_SENTENCES, np.int64, texts + 1)
        sentence_tokens = np.fromfile(folder / _SENTENCE_TOKENS, np.int64, text_sentences[-1] + 1)
        count = int(sentence_tokens[-1])
        return cls(
            Rows(folder / _VECTORS, np.int8, (count, dimension)),
            mapped(folder / _LENGTHS, np.float32, (count,)),
            mapped(folder / _IDS, np.int32, (count,)),
            mapped(folder / _SPANS, np.int32, (count, 2)),
            sentence_tokens,
            text_sentences,
        )

    def __len__(self) -> int:
        return len(self._text_sentences) - 1

    def __getitem__(self, text: int) -> Tokens:
        return self.run(range(text, text + 1)).tokens

    def run(self, texts: range) -> Run:
        """The texts with these numbers, of which there is at least one."""
        part = self._tokens_of(texts.start, texts.stop)
        sentences = self._text_sentences[texts.start : texts.stop + 1]
        return Run(
            Tokens(self._vectors_of(part), self._lengths[part], self._ids[part], self._spans[part]),
            self._sentence_tokens[sentences[0] + 1 : sentences[-1] + 1] - part.start,
            sentences[1:] - sentences[0],
        )

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
                vectors[:] = self._vectors_of(block)
                start, end = end, end + len(vectors)
                np.matmul(vectors, question.T, out=cosines[start:end])
                cosines[start:end] /= self._lengths[block, np.newaxis]
        return cosines

    def first_sentence(self, text: int) -> int:
        """The number of the text's first sentence among the sentences of all texts."""
        return int(self._text_sentences[text])

    def sentences_of(self, texts: range) -> range:
        """The numbers of the sentences of these texts."""
        return range(self.first_sentence(texts.start), self.first_sentence(texts.stop))

    def frequencies(self, weights: Numbers) -> Numbers:
        """In how many texts each token id occurs, a text counted ``weights`` times.

        As long as the highest id demands.
        """
        size = int(self._ids.max(initial=0)) + 1
        counted = np.zeros(size, dtype=np.int64)
        for first in range(0, len(self), _TEXTS_AT_ONCE):
            texts = range(first, min(first + _TEXTS_AT_ONCE, len(self)))
            lengths = np.diff(self._sentence_tokens[self._text_sentences[first : texts.stop + 1]])
            owners = np.repeat(np.array(texts), lengths)
            pairs = np.sort(owners * size + self._ids[self._tokens_of(first, texts.stop)])
            owners, ids = np.divmod(pairs[np.diff(pairs, prepend=-1) > 0], size)
            np.add.at(counted, ids, weights[owners])
        return counted

    def _vectors_of(self, tokens: slice) -> ByteArray:
        try:
            return self._vectors.read(tokens.start, tokens.stop)
        except (OSError, ValueError) as error:
            raise IndexDamagedError(f"{error}; rebuild the index: readout build") from error

    def _tokens_of(self, first: int, after: int) -> slice:
        start, end = self._sentence_tokens[self._text_sentences[[first, after]]]
        return slice(int(start), int(end))


class TokenWriter:
    """Writes the tokens of texts, one text after another, to the files of a store in ``folder``."""

    def __init__(self, folder: Path) -> None:
        names = (_VECTORS, _LENGTHS, _IDS, _SPANS, _SENTENCE_TOKENS, _TEXT_SENTENCES)
        with ExitStack() as opened:
            self._files = [opened.enter_context((folder / name).open("wb")) for name in names]
            self._opened = opened.pop_all()
        self._sentence_tokens, self._text_sentences = self._files[4:]
        self._tokens = self._sentences = 0
        self._sentence_tokens.write(_number(0))
        self._text_sentences.write(_number(0))

    def add(self, tokens: Tokens, sentence_starts: Sequence[int]) -> None:
        """Write a text's tokens, and where its sentences start in it: the first at 0."""
        ends = np.searchsorted(tokens.spans[:, 0], [*sentence_starts[1:], _END])
        self.copy(Run(tokens, ends.astype(np.int64), np.array([len(sentence_starts)])))

    def copy(self, run: Run) -> None:
        """Write texts as a store has them."""
        vectors, lengths, ids, spans = run.tokens
        for file, values in zip(self._files, (vectors, lengths, ids, spans), strict=False):
            file.write(np.ascontiguousarray(values).data)
        self._sentence_tokens.write((self._tokens + run.sentence_ends).tobytes())
        self._text_sentences.write((self._sentences + run.text_ends).tobytes())
        self._tokens += len(run.tokens.ids)
        self._sentences += len(run.sentence_ends)

    def sync(self) -> None:
        """Return when what was written is safely on disk."""
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        self._opened.close()


def compressed(encoding: Encoding) -> Tokens:
    """The tokens of ``encoding`` as they are stored."""
    largest = np.abs(encoding.tokens).max(axis=1, keepdims=True, initial=1e-12)
    scaled = np.asarray(encoding.tokens * (127 / largest), dtype=np.float32)
    np.rint(scaled, out=scaled)
    lengths = np.maximum(np.sqrt(np.einsum("nd,nd->n", scaled, scaled)), np.float32(1e-12))
    return Tokens(scaled.astype(np.int8), lengths, encoding.token_ids, encoding.spans)


def _number(value: int) -> bytes:
    return np.int64(value).tobytes()
