"""Nearest vectors: exact, by codes in a large library, and among some of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant import vectors
from assistant.encoder import FloatArray
from assistant.vectors import VectorStore

TEXTS, DIMENSION = 4_000, 32


def unit(values: np.ndarray) -> FloatArray:
    return np.asarray(values / np.linalg.norm(values, axis=-1, keepdims=True), dtype=np.float32)


@pytest.fixture(scope="module")
def some() -> FloatArray:
    random = np.random.default_rng(7)
    topics = random.normal(size=(50, DIMENSION))
    return unit(topics[random.integers(50, size=TEXTS)] + random.normal(size=(TEXTS, DIMENSION)))


@pytest.fixture(params=["exact", "by codes"])
def store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    some: FloatArray,
    monkeypatch: pytest.MonkeyPatch,
) -> VectorStore:
    by_codes = request.param == "by codes"
    monkeypatch.setattr(vectors, "APPROXIMATE_FROM", TEXTS if by_codes else TEXTS + 1)
    some.tofile(tmp_path / "written")
    VectorStore.build(tmp_path, tmp_path / "written", DIMENSION)
    assert (tmp_path / "codes.faiss").exists() == by_codes
    return VectorStore.open(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk")
@pytest.mark.parametrize("name", ["vectors.faiss", "codes.faiss"])
@pytest.mark.parametrize("count", [100, 4_000])
def test_a_full_disk_is_told(
    tmp_path: Path, some: FloatArray, name: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "APPROXIMATE_FROM", 1)
    some[:count].tofile(tmp_path / "written")
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(OSError):  # noqa: PT011  # in FAISS's words
        VectorStore.build(tmp_path, tmp_path / "written", DIMENSION)


def test_a_dimension_that_can_not_be_halved_is_compared_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "APPROXIMATE_FROM", 100)
    odd = unit(np.random.default_rng(2).normal(size=(100, 5)))
    odd.tofile(tmp_path / "written")
    VectorStore.build(tmp_path, tmp_path / "written", 5)
    store = VectorStore.open(tmp_path)
    np.testing.assert_array_equal(store.vectors, odd)
    assert store.nearest(odd[7], 1) == [7]


def test_the_nearest_come_first_and_hardly_one_is_missed(
    store: VectorStore, some: FloatArray
) -> None:
    questions = unit(some[::40] + 0.3 * np.random.default_rng(1).normal(size=(100, DIMENSION)))
    shared = 0
    for question in questions:
        products = some @ question
        found = store.nearest(question, 10)
        assert len(found) == len(set(found)) == 10
        assert list(products[found]) == sorted(products[found], reverse=True)
        shared += len(set(found) & set(np.argsort(-products)[:10].tolist()))
    assert shared >= 995


def test_among_some_it_is_exact(store: VectorStore, some: FloatArray) -> None:
    among = np.arange(0, TEXTS, 7)
    products = some[among] @ some[3]
    assert store.nearest(some[3], 5, among) == among[np.argsort(-products)[:5]].tolist()
    assert store.nearest(some[3], 5, np.array([12])) == [12]
    assert store.nearest(some[3], 5, np.array([], dtype=np.int64)) == []


def test_the_vectors_are_kept_as_they_were(store: VectorStore, some: FloatArray) -> None:
    assert np.array_equal(store.vectors, some)
    assert len(store.nearest(some[0], 2 * TEXTS)) == TEXTS
