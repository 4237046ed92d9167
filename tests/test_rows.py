"""Rows of a file: those asked for, whoever else reads, and never what is not there."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.rows import Rows, Table, mapped

COUNT, COLUMNS, OFFSET = 50, 3, 7
NUMBERS = np.arange(COUNT * COLUMNS, dtype=np.float32).reshape(COUNT, COLUMNS)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "numbers"
    path.write_bytes(b"x" * OFFSET + NUMBERS.tobytes())
    return path


@pytest.fixture(scope="module")
def opened(file: Path) -> Rows[np.float32]:
    return Rows(file, np.float32, NUMBERS.shape, OFFSET)


@given(st.integers(0, COUNT), st.integers(0, COUNT))
def test_any_run_of_rows(opened: Rows[np.float32], one: int, other: int) -> None:
    first, after = sorted((one, other))
    np.testing.assert_array_equal(opened.read(first, after), NUMBERS[first:after])


@given(st.lists(st.lists(st.integers(0, COUNT - 1), min_size=2, max_size=2), max_size=20))
def test_rows_by_number_whatever_was_asked_before(
    opened: Rows[np.float32], numbers: list[list[int]]
) -> None:
    table = Table(opened)
    for each in (numbers, numbers[::-1]):
        asked = np.array(each, np.int32).reshape(-1, 2)
        np.testing.assert_array_equal(table[asked], NUMBERS[asked])


@pytest.mark.parametrize("positional", [True, False])
def test_threads_share_a_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, positional: bool
) -> None:
    if not positional:
        monkeypatch.delattr(os, "pread")
    shared = Rows(file, np.float32, NUMBERS.shape, OFFSET)

    def right(first: int) -> bool:
        return np.array_equal(shared.read(first, first + 2), NUMBERS[first : first + 2])

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(right, [each % (COUNT - 1) for each in range(2000)]))


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    with pytest.raises(OSError, match="No such file"):
        Rows(path, np.float32, NUMBERS.shape)
    path.write_bytes(NUMBERS.tobytes())
    with pytest.raises(ValueError, match="too short"):
        Rows(path, np.float32, (COUNT + 1, COLUMNS))
    shortened = Rows(path, np.float32, NUMBERS.shape)
    os.truncate(path, 12 * COLUMNS)
    assert shortened.read(0, 3).shape == (3, COLUMNS)
    with pytest.raises(ValueError, match="become shorter"):
        shortened.read(0, 4)


def test_files_are_closed_with_what_reads_them(file: Path) -> None:
    opened = Rows(file, np.float32, NUMBERS.shape, OFFSET)
    handle = opened._file
    os.fstat(handle)
    del opened
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)


def test_nothing_is_mapped_of_no_numbers(tmp_path: Path) -> None:
    (tmp_path / "none").touch()
    assert mapped(tmp_path / "none", np.int8, (0, 4)).shape == (0, 4)
