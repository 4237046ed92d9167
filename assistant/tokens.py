"""Token vectors on disk: compressed, one text's after another's, and mapped into memory when read.

A unit vector is kept as signed bytes scaled so that its largest is 127. Only its direction is
needed, and that is what the bytes give back when divided by their length.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assistant.encoder import Encoding, FloatArray, IntArray

FILES = ("tokens.bin", "token_starts.npy", "token_ids.npy", "token_spans.npy")

ByteArray = npt.NDArray[np.int8]


class Tokens(NamedTuple):
    """The n tokens of one text: compressed vectors (n, dimension), ids (n,) and spans (n, 2)."""

    compressed: ByteArray
    ids: IntArray
    spans: IntArray

    @property
    def vectors(self) -> FloatArray:
        """The unit vectors, shape (n, dimension)."""
        return decompress(self.compressed)


class TokenStore:
    """The tokens of texts numbered from 0."""

    def __init__(
        self,
        compressed: ByteArray,
        starts: npt.NDArray[np.int64],
        ids: IntArray,
        spans: IntArray,
    ) -> None:
        self._compressed = compressed
        self.starts = starts
        self._ids = ids
        self._spans = spans

    @classmethod
    def open(cls, folder: Path, dimension: int) -> TokenStore:
        """The store that ``save`` wrote to ``folder``; ValueError or OSError if it is none."""
        vectors, starts, ids, spans = (folder / name for name in FILES)
        flat = np.memmap(vectors, dtype=np.int8, mode="r") if vectors.stat().st_size else _EMPTY
        return cls(
            flat.reshape(-1, dimension),
            np.load(starts, allow_pickle=False),
            np.load(ids, allow_pickle=False),
            np.load(spans, allow_pickle=False),
        )

    @staticmethod
    def save(folder: Path, texts: Iterable[Tokens]) -> None:
        """Write the tokens of ``texts`` to ``folder`` as they come."""
        starts, ids, spans = [0], [], []
        with (folder / FILES[0]).open("wb") as file:
            for text in texts:
                file.write(text.compressed.tobytes())
                starts.append(starts[-1] + len(text.ids))
                ids.append(text.ids)
                spans.append(text.spans)
        arrays = (np.array(starts, dtype=np.int64), np.concatenate(ids), np.concatenate(spans))
        for name, array in zip(FILES[1:], arrays, strict=True):
            np.save(folder / name, array, allow_pickle=False)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, text: int) -> Tokens:
        part = slice(int(self.starts[text]), int(self.starts[text + 1]))
        return Tokens(self._compressed[part], self._ids[part], self._spans[part])

    def frequencies(self) -> IntArray:
        """In how many texts each token id occurs; as long as the highest id demands."""
        owners = np.repeat(np.arange(len(self)), np.diff(self.starts))
        size = int(self._ids.max(initial=0)) + 1
        distinct = np.unique(owners * size + self._ids)
        return np.bincount(distinct % size, minlength=size).astype(np.int32)


def compressed(encoding: Encoding) -> Tokens:
    """The tokens of ``encoding`` as they are stored."""
    largest = np.abs(encoding.tokens).max(axis=1, keepdims=True, initial=1e-12)
    values = np.rint(encoding.tokens * (127 / largest)).astype(np.int8)
    return Tokens(values, encoding.token_ids, encoding.spans)


def decompress(values: ByteArray) -> FloatArray:
    """The unit vectors that ``values``, shape (n, dimension), stand for."""
    vectors = values.astype(np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    vectors /= np.maximum(lengths, 1e-12)[:, np.newaxis]
    return vectors


_EMPTY: ByteArray = np.empty(0, dtype=np.int8)
