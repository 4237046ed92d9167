"""Tokens are the same for the same word however it is written, and BM25 finds and filters."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.lexical import LexicalIndex, LexicalWriter, PassageLines, line_of, terms_of, tokenize


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The U.S. and the US", ["the", "us", "and", "the", "us"]),
        ("Japan’s leaders' meetings", ["japan", "leader", "meet"]),
        ("Japan-U.S.-South Korea", ["japan", "us", "south", "korea"]),
        ("1,000 at 11:55 a.m.", ["1", "000", "at", "11", "55", "am"]),
        ("ＡＩ ﬁnance", ["ai", "financ"]),
        ("日米首脳", ["日", "米", "首", "脳", "日米", "米首", "首脳"]),
        ("AIと半導体", ["ai", "と", "半", "導", "体", "と半", "半導", "導体"]),
        ("?! —", []),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


@given(st.text(max_size=300))
def test_any_text_gives_tokens_that_white_space_keeps_apart(text: str) -> None:
    tokens = tokenize(text)
    assert " ".join(tokens).split() == tokens


def written(folder: Path, documents: Sequence[Sequence[str]]) -> LexicalIndex:
    with LexicalWriter(folder) as writer:
        for passages in documents:
            writer.add(map(line_of, passages))
    return LexicalIndex.open(folder)


@pytest.fixture
def index(tmp_path: Path) -> LexicalIndex:
    documents = [["alpha bravo", "alpha alpha charlie"], ["delta", "bravo delta", "会談"]]
    return written(tmp_path / "lexical", documents)


def test_passages_come_best_first_and_are_numbered_through_all_documents(
    index: LexicalIndex,
) -> None:
    def found(text: str, k: int = 10) -> list[int]:
        return [number for number, _ in index.search(terms_of(text), k)]

    assert found("alpha") == [1, 0]
    assert found("delta") == [2, 3]
    assert found("会談") == [4]
    assert found("alpha delta", k=1) == [2]
    assert found("zulu") == []
    assert found("") == []


def test_scores_are_bm25_times_the_weight(index: LexicalIndex) -> None:
    idf, length, mean = log(1 + (5 - 1 + 0.5) / (1 + 0.5)), 3, (2 + 3 + 1 + 2 + 3) / 5
    expected = idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * length / mean))
    for weight in (1.0, 0.1):
        ((_, score),) = index.search(terms_of("charlie", weight), 10)
        assert score == pytest.approx(weight * expected, rel=1e-4)


def test_no_score_reaches_the_ceiling(index: LexicalIndex) -> None:
    terms = terms_of("alpha bravo zulu")
    idf = log(1 + (5 - 2 + 0.5) / (2 + 0.5))
    of_none = log(1 + (5 + 0.5) / 0.5)
    assert index.ceiling(terms) == pytest.approx(2.2 * 2 * idf)
    assert index.ceiling(terms, unknown=True) == pytest.approx(2.2 * (2 * idf + of_none))
    assert index.search(terms, 1)[0][1] < index.ceiling(terms)


def test_documents_filter_before_ranking_and_change_no_score(index: LexicalIndex) -> None:
    terms = terms_of("bravo")
    everywhere = dict(index.search(terms, 10))
    ((number, score),) = index.search(terms, 1, documents=[1])
    assert number == 3
    assert score == pytest.approx(everywhere[3])
    assert index.search(terms, 10, documents=[]) == []


def test_passages_with_all_tokens(index: LexicalIndex) -> None:
    assert index.having_all(["alpha", "bravo"]) == [0]
    assert index.having_all(["alpha"]) == [0, 1]
    assert index.having_all(["alpha", "delta"]) == []
    assert index.having_all([]) == []


def test_an_index_made_of_anothers_lines_finds_the_same(tmp_path: Path) -> None:
    documents = [["Alpha bravo", ""], [], ["The U.S. talked.", "alpha", "会談"]]
    first = written(tmp_path / "first", documents)
    lines = PassageLines(tmp_path / "first")
    with LexicalWriter(tmp_path / "second") as writer:
        for passages in (range(2), range(2, 2), range(2, 5)):
            writer.add(lines.of(passages))
    second = LexicalIndex.open(tmp_path / "second")
    for question in ("alpha", "us talk", "会談"):
        assert first.search(terms_of(question), 5) == second.search(terms_of(question), 5) != []
    assert PassageLines(tmp_path / "second").of(range(5)) == lines.of(range(5))
