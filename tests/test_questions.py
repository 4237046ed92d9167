"""What narrows a question can be typed in it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import QuestionError
from assistant.questions import read_question
from assistant.types import Scope


@pytest.mark.parametrize(
    ("text", "question", "scope"),
    [
        (" Did tariffs come up? ", "Did tariffs come up?", Scope()),
        ("tariffs issuer:PMO now", "tariffs now", Scope(issuer="PMO")),
        ('Issuer:"White House" tariffs', "tariffs", Scope(issuer="White House")),
        ("since:2022 x", "x", Scope(since=date(2022, 1, 1))),
        ("x until:2022", "x", Scope(until=date(2022, 12, 31))),
        ("x until:2024-02", "x", Scope(until=date(2024, 2, 29))),
        ("x since:2024-02-07 since:2023", "x", Scope(since=date(2024, 2, 7))),
        ("x document:a document:b/c", "x", Scope(documents=("a", "b/c"))),
        ('Did they say "a b"?', 'Did they say "a b"?', Scope(phrases=("a b",))),
        ("“A” and “B”", "“A” and “B”", Scope(phrases=("A", "B"))),
        ("the issuer: who?", "the issuer: who?", Scope()),
        ('an unclosed "quote', 'an unclosed "quote', Scope()),
        ('empty "" quote', 'empty "" quote', Scope()),
    ],
)  # fmt: skip
def test_questions_and_scopes(text: str, question: str, scope: Scope) -> None:
    assert read_question(text) == (question, scope)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the question is empty"),
        ("issuer:PMO", "the question is empty"),
        ("x since:soon", "'soon' is no date; write since:2024, since:2024-06 or since:2024-06-30"),
        ("x until:2024-13", "'2024-13' is no date"),
        ("x" * 2001, "has 2,001 characters; at most 2,000 are read"),
    ],
)
def test_what_can_not_be_asked(text: str, message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        read_question(text)


@given(st.text(alphabet=st.sampled_from('ab :"“”issuer since:2\u3000\n'), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        question, _ = read_question(text)
    except QuestionError:
        return
    assert question.strip() == question != ""
