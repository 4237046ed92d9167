"""The vectors of the embedded texts in FAISS: in a large library not all are compared in full.

Up to ``APPROXIMATE_FROM`` texts a search compares the question with every vector. With more,
product quantization by table look-up in registers (Jegou et al., 2011; Andre et al., 2015) first
finds many times as many texts as are wanted, and only these are compared in full.
``docs/performance.md`` has what that saves and what it loses. A search that is narrowed to some
texts is always exact.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import faiss
import numpy as np

from assistant.encoder import FloatArray
from assistant.tokens import Numbers

APPROXIMATE_FROM = 50_000  # texts; comparing these takes some 6 ms
_PROPOSED = 20  # times as many as are wanted
_PARTS, _BITS = 2, 4  # a vector's code has 4 bits for each 2 of its numbers
_EXACT = "vectors.faiss"
_CODES = "codes.faiss"
_MAPPED = faiss.IO_FLAG_MMAP_IFC

faiss.omp_set_num_threads(1)  # with two, single queries were measured six times slower


class VectorStore:
    """Vectors by the numbers of their texts. Never changes; may be read by several threads."""

    def __init__(self, exact: faiss.IndexFlat, codes: faiss.IndexPQFastScan | None) -> None:
        self._exact = exact
        self._codes = codes
        numbers = faiss.rev_swig_ptr(exact.get_xb(), exact.ntotal * exact.d)
        self.vectors: FloatArray = numbers.reshape(exact.ntotal, exact.d)  # shape (texts, d)

    @staticmethod
    def build(folder: Path, written: Path, dimension: int) -> None:
        """Write what ``open`` reads; the file ``written`` holds nothing but vectors of length 1.

        OSError if it can't be written.
        """
        try:
            VectorStore._build(folder, written, dimension)
            VectorStore.open(folder)  # FAISS doesn't tell if the last of a file was not written
        except RuntimeError as error:  # how it tells of a full disk
            raise OSError(str(error)) from error

    @staticmethod
    def _build(folder: Path, written: Path, dimension: int) -> None:
        texts = written.stat().st_size // (4 * dimension)
        exact = faiss.IndexFlatIP(dimension)
        # Read into the index's own memory, since a large library's vectors are hundreds of MB.
        exact.codes.resize(4 * dimension * texts)
        exact.ntotal = texts
        vectors = faiss.rev_swig_ptr(exact.get_xb(), texts * dimension).reshape(texts, dimension)
        with written.open("rb") as file:
            file.readinto(vectors.data)
        faiss.write_index(exact, str(folder / _EXACT))
        if texts >= APPROXIMATE_FROM and dimension % _PARTS == 0:
            parts = dimension // _PARTS
            codes = faiss.IndexPQFastScan(dimension, parts, _BITS, faiss.METRIC_INNER_PRODUCT)
            codes.train(vectors)
            codes.add(vectors)
            faiss.write_index(codes, str(folder / _CODES))

    @classmethod
    def open(cls, folder: Path) -> VectorStore:
        """The vectors in ``folder``, mapped; RuntimeError or OSError if the files are not these."""
        exact = cast(faiss.IndexFlat, faiss.read_index(str(folder / _EXACT), _MAPPED))
        path = folder / _CODES
        codes = faiss.read_index(str(path)) if path.exists() else None
        return cls(exact, cast("faiss.IndexPQFastScan | None", codes))

    def nearest(self, vector: FloatArray, count: int, among: Numbers | None = None) -> list[int]:
        """The ``count`` texts, or fewer, of highest inner product with ``vector``, best first.

        Only those with numbers in ``among`` are looked at, if that is given.
        """
        query, count = vector[np.newaxis], min(count, self._exact.ntotal)
        if among is None and self._codes:
            proposed = min(_PROPOSED * count, self._exact.ntotal)
            found = np.sort(self._codes.search(query, proposed)[1][0])
            found = found[found >= 0]
            best = np.argsort(-(self.vectors[found] @ vector), kind="stable")[:count]
            return [int(each) for each in found[best]]
        parameters = faiss.SearchParameters()
        if among is not None:
            parameters.sel = faiss.IDSelectorBatch(among)
        found = self._exact.search(query, count, params=parameters)[1][0]
        return [int(each) for each in found if each >= 0]  # -1 stands for nothing more found
