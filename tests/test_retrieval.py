"""Ranking, with the toy encoder so that numbers can be asserted, and with the real model."""

from __future__ import annotations

from datetime import date
from math import log, sqrt
from pathlib import Path

import pytest

from assistant.answering import best_sentences
from assistant.errors import QuestionError
from assistant.library import SOURCES, Library
from assistant.retrieval import DATE, LEXICAL, LOCAL
from assistant.types import Match, Scope
from tests.toy import ToyEncoder


def toy_library(folder: Path, **texts: str) -> Library:
    for name, text in texts.items():
        (folder / SOURCES / f"{name}.txt").write_text(text, encoding="utf-8")
    library = Library(folder, ToyEncoder())
    library.build()
    return library


def test_a_score_is_what_its_parts_make_it(folder: Path) -> None:
    library = toy_library(folder, doc="Alpha bravo.\nCharlie.")
    first, second = library.retrieve("bravo zulu")
    assert [first.paragraph.text, second.paragraph.text] == ["Alpha bravo.", "Charlie."]
    # Of two paragraphs, one has a token on axis b, and none has one on axis z.
    bravo, zulu = (sqrt(log(1 + (2 - found + 0.5) / (found + 0.5))) for found in (1, 0))
    share = bravo / (bravo + zulu)
    length, mean = 3, (3 + 2) / 2  # the title "Doc" counts
    saturation = 1 / (1 + 1.2 * (0.25 + 0.75 * length / mean))
    lexical = saturation * bravo**2 / (bravo**2 + zulu**2)
    assert first.score == pytest.approx(share + LEXICAL * lexical, abs=2e-3)
    assert second.score == pytest.approx((1 - LOCAL) * share, abs=2e-3)  # from its neighbour


def test_the_best_sentence_of_a_paragraph_is_its_evidence(folder: Path) -> None:
    library = toy_library(folder, doc="Alpha one. Bravo two. Charlie three.")
    (hit,) = library.retrieve("bravo")
    assert hit.sentence.text == "Bravo two."
    assert hit.quote.text == "Bravo two."
    assert len(hit.sentence_scores) == 3


def test_a_hit_says_why_it_ranks(folder: Path) -> None:
    library = toy_library(folder, doc="Alpha bravo.\nCharlie.")
    first, second = library.retrieve("bravo")
    assert (first.why.dense_rank, first.why.lexical_rank, first.why.interaction_rank) == (1, 1, 1)
    assert (second.why.lexical_rank, second.why.interaction_rank) == (None, 2)
    assert first.why.matches == (Match("bravo", "bravo", 1.0),)


def test_a_date_in_the_question_decides_between_near_duplicates(folder: Path) -> None:
    same = "They discussed the alliance."
    library = toy_library(
        folder,
        a=f"---\ntitle: Call\ndate: 2022-01-21\n---\n{same}",
        b=f"---\ntitle: Call\ndate: 2023-01-13\n---\n{same}",
    )
    asked = library.retrieve("What did they discuss at the start of 2023?")
    assert [hit.document.id for hit in asked] == ["b", "a"]
    assert asked[0].score - asked[1].score > 0.9 * DATE
    assert [hit.document.id for hit in library.retrieve("In January 2022?")] == ["a", "b"]


@pytest.fixture
def scoped(folder: Path) -> Library:
    text = "---\nissuer: {}\ndate: {}\n---\nAlpha bravo.\nAlpha  Bravo “X”.\nAlpha."
    return toy_library(
        folder,
        a=text.format("PMO", "2022-01-01"),
        b=text.format("White House", "2023-01-01"),
        c="Alpha.",
    )


@pytest.mark.parametrize(
    ("scope", "documents"),
    [
        (Scope(), {"a", "b", "c"}),
        (Scope(documents=("a", "c")), {"a", "c"}),
        (Scope(issuer="white house"), {"b"}),
        (Scope(since=date(2022, 6, 1)), {"b"}),
        (Scope(until=date(2022, 1, 1)), {"a"}),
        (Scope(since=date(2022, 1, 1), until=date(2023, 1, 1)), {"a", "b"}),
        (Scope(phrases=("alpha BRAVO",)), {"a", "b"}),
        (Scope(phrases=("“x”",), issuer="pmo"), {"a"}),
        (Scope(documents=("nowhere",)), set()),
        (Scope(phrases=("bravo alpha",)), set()),
        (Scope(phrases=("?",)), set()),
    ],
)
def test_a_scope_is_applied_before_ranking(
    scoped: Library, scope: Scope, documents: set[str]
) -> None:
    hits = scoped.retrieve("alpha", k=50, scope=scope)
    assert {hit.document.id for hit in hits} == documents
    if scope.phrases and hits:
        assert {hit.paragraph.number for hit in hits} <= {1, 2}
    if hits:  # also for one hit: what is out of scope takes no place
        assert len(scoped.retrieve("alpha", k=1, scope=scope)) == 1


def test_repeated_paragraphs_keep_their_own_places(folder: Path) -> None:
    library = toy_library(folder, doc="Alpha.\n\nBravo.\n\nAlpha.")
    hits = library.retrieve("alpha", k=3)
    assert [hit.paragraph.number for hit in hits] == [1, 3, 2]
    for hit in hits:
        assert hit.document.text[hit.quote.start : hit.quote.end] == hit.quote.text


def test_only_k_hits_come_back(folder: Path) -> None:
    library = toy_library(folder, doc="\n".join(f"Alpha {number}." for number in range(60)))
    assert len(library.retrieve("alpha", k=7)) == 7
    assert len(library.retrieve("alpha")) == 5


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("", "the question is empty"),
        (" \n\t", "the question is empty"),
        ("x" * 100_000, "the question has 100,000 characters; at most 2,000 are read"),
    ],
)
def test_an_impossible_question_is_refused(folder: Path, question: str, message: str) -> None:
    library = toy_library(folder, doc="Alpha.")
    with pytest.raises(QuestionError, match=message):
        library.answer(question)


@pytest.mark.parametrize("question", ["?", "…", "🦄", "\x00", "a" * 2000, "あ" * 2000, "\u202e"])
def test_an_odd_question_is_answered_or_refused_in_peace(summit: Library, question: str) -> None:
    answer = summit.answer(question)
    assert answer.quotes == () or answer.quotes[0].text


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("How long did the meeting last?", "lasted approximately 110 minutes"),
        ("Does the treaty cover the Senkaku Islands?", "Article V of the Japan-U.S. Treaty"),
        ("What did they say about Taiwan?", "peace and stability in the Taiwan Strait"),
        ("How much will Japan invest in the United States?", "one trillion dollars"),
        ("What was agreed on North Korea?", "complete denuclearization of North Korea"),
        ("Was liquefied natural gas discussed?", "liquefied natural gas"),
    ],
)
def test_the_summit_readout_is_found_in_its_own_words(
    summit: Library, question: str, words: str
) -> None:
    (quote, *_) = best_sentences(summit.retrieve(question))
    assert words in quote.text
    assert summit.verify(quote)


@pytest.mark.parametrize(
    "question",
    [
        "How do I bake sourdough bread?",
        "Who wrote Hamlet?",
        "How many legs does a spider have?",
        "Write a Python function that sorts a list",
    ],
)
def test_a_question_about_something_else_is_refused(summit: Library, question: str) -> None:
    answer = summit.answer(question)
    assert answer.outcome == "not_found"
    assert answer.quotes == ()
    assert answer.hits
