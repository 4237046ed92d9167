"""Which questions lean on what was said before, and what they are completed with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.dates import dates_in
from assistant.followups import alone, depends, names, standalone
from assistant.lexical import tokenize
from assistant.library import Library


@pytest.mark.parametrize(
    "question",
    [
        "And how long did it last?",
        "What about the rainforest?",
        "And on North Korea?",
        "Did they discuss it?",
        "What did he say to them?",
        "Why?",
        "Did Canada agree too?",
        "What happened after that?",
        "And in their phone call that April?",
        "How long did that meeting take?",
        "Anything else?",
        "tariffs?",
    ],
)
def test_these_depend_on_history(question: str) -> None:
    assert depends(question)


@pytest.mark.parametrize(
    "question",
    [
        "What did Biden say about Taiwan in Bali?",
        "Does Article V cover the Senkaku Islands?",
        "How long did the summit between Biden and Xi last?",
        "Which countries did Harris visit on her trip to Asia?",
        "Did Washington say its defence pact covers the disputed islets?",
        "Who met Zelenskyy in Kyiv in September 2024?",
        "What did President Biden thank his Japanese counterpart for?",
        "Taiwan?",
        "What was said about tariffs?",
    ],
)
def test_these_stand_alone(question: str) -> None:
    assert not depends(question)


def test_names_are_runs_of_capitals_without_the_question_word() -> None:
    assert names("Did Prime Minister Ishiba visit the White House?") == [
        "Prime Minister Ishiba",
        "White House",
    ]
    assert names("How was it?") == []


EARLIER = "What did Biden and Xi discuss in Bali?"
TITLE = "Readout of the Meeting with President Xi (14 November 2022)"
WORDS = frozenset(tokenize("They discussed North Korea and fentanyl."))


def test_a_follow_up_carries_the_earlier_question_and_the_title() -> None:
    completed = standalone("And on trade?", [EARLIER], TITLE, frozenset())
    assert completed.text == (
        "And on trade? (What did Biden and Xi discuss in Bali? "
        "Meeting with President Xi (14 November 2022))"
    )
    assert [each.text for each in completed.dates] == ["14 November 2022"]


def test_a_follow_up_to_a_follow_up_goes_back_to_the_one_that_stood_alone() -> None:
    history = ["Did tariffs come up with Canada?", EARLIER, "And on trade?"]
    completed = standalone("Anything else?", history, "", frozenset())
    assert completed.carried == f"{EARLIER} And on trade?"


def test_a_short_question_goes_on_if_the_document_quoted_last_has_its_words() -> None:
    assert standalone("North Korea?", [EARLIER], TITLE, WORDS).carried
    assert not standalone("Afghanistan?", [EARLIER], TITLE, WORDS).carried
    assert not standalone("North Korea in May 2023?", [EARLIER], TITLE, WORDS).carried


def test_its_own_date_goes_before_the_history_s() -> None:
    completed = standalone("And in May 2023?", [EARLIER], TITLE, frozenset())
    assert completed.dates == dates_in("May 2023")


@given(st.text(max_size=80), st.lists(st.text(max_size=40), max_size=3))
def test_without_history_nothing_is_added_and_the_question_always_comes_first(
    question: str, history: list[str]
) -> None:
    assert standalone(question, [], TITLE, WORDS) == alone(question)
    assert standalone(question, history, TITLE, WORDS).text.startswith(question)


def test_a_conversation_on_the_summit(summit: Library) -> None:
    history = ["How much will Japan invest in the United States?"]
    answer = summit.answer("And what about natural gas?", history=history)
    assert answer.searched_for.startswith("And what about natural gas? (How much will Japan")
    assert "liquefied natural gas" in answer.quotes[0].text
    unrelated = summit.answer("Does Article V cover the Senkaku Islands?", history=history)
    assert unrelated == summit.answer("Does Article V cover the Senkaku Islands?")
