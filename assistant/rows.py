"""Rows of numbers in a file: mapped into memory where most are used, read from it where few are.

Around each place that is touched, Linux maps what else of the file it holds: 600 bytes at random
places of a large file made 150 MB. So what is used here and there is read.
"""

from __future__ import annotations

import mmap
import os
import threading
import weakref
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", bound=np.generic)


def mapped(path: Path, kind: type[Number], shape: tuple[int, ...]) -> npt.NDArray[Number]:
    """The numbers at the start of a file, mapped; ValueError or OSError if they are not there."""
    if 0 in shape:
        return np.empty(shape, kind)
    return np.asarray(np.memmap(path, kind, "r", shape=shape))


class Rows(Generic[Number]):
    """Rows of a file, read when asked for; threads and forked processes may share it.

    ``shape`` is that of all rows, ``offset`` where in the file they start, in bytes. ValueError or
    OSError if they are not there.
    """

    def __init__(
        self, path: Path, kind: type[Number], shape: tuple[int, int], offset: int = 0
    ) -> None:
        self.shape = shape
        self.kind = np.dtype(kind)
        self._path = path
        self._offset = offset
        self._size = shape[1] * self.kind.itemsize
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._file)
        if os.fstat(self._file).st_size < offset + shape[0] * self._size:
            raise ValueError(f"{path} is too short")

    def read(self, first: int, after: int) -> npt.NDArray[Number]:
        """Rows ``first`` to ``after``, exclusive; ValueError if the file has become shorter."""
        content = self._bytes(self._offset + first * self._size, (after - first) * self._size)
        return np.frombuffer(content, self.kind).reshape(after - first, self.shape[1])

    def _bytes(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            content = os.pread(self._file, size, offset)
        else:  # Windows
            with self._lock:
                os.lseek(self._file, offset, os.SEEK_SET)
                content = os.read(self._file, size)
        if len(content) < size:
            raise ValueError(f"{self._path} has become shorter")
        return content


class Table(Generic[Number]):
    """Rows by their numbers, each read when it is first asked for; threads may share it."""

    def __init__(self, rows: Rows[Number]) -> None:
        self._rows = rows
        self._known = np.zeros(rows.shape[0], bool)
        # Takes no memory where it isn't touched; NumPy asks for large pages, which are.
        memory = mmap.mmap(-1, max(1, rows.shape[0] * rows.shape[1] * rows.kind.itemsize))
        self._values = np.frombuffer(memory, rows.kind, rows.shape[0] * rows.shape[1])
        self._values = self._values.reshape(rows.shape)

    def __getitem__(self, numbers: npt.NDArray[np.int32]) -> npt.NDArray[Number]:
        """The rows with these numbers: of their shape, and one axis more."""
        for each in set(numbers[~self._known[numbers]].tolist()):
            self._values[each] = self._rows.read(each, each + 1)[0]
            self._known[each] = True
        return self._values[numbers]
