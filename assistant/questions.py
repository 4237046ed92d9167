"""What a person types: a question, and with it perhaps where to look.

    tariffs issuer:"White House" since:2022-06 until:2023 document:2022-01-21-call
    Did they say "free and open Indo-Pacific"?

Words in double quotes must stand in the paragraph word for word; they also count as words of the
question. A year or a month stands for its first day after ``since:`` and its last after ``until:``.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

from assistant.errors import QuestionError
from assistant.types import Scope

MAXIMUM_QUESTION = 2_000  # characters

_FILTER = re.compile(
    r"(?<!\S)(?P<name>issuer|since|until|document):(?:[\"“](?P<quoted>[^\"“”]*)[\"”]|(?P<bare>\S+))",
    re.IGNORECASE,
)
_PHRASE = re.compile(r"\"([^\"]+)\"|“([^“”]+)”")
_DAY = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def read_question(text: str) -> tuple[str, Scope]:
    """The question in ``text`` without what narrows it, and the scope that this asks for.

    QuestionError if nothing is left to ask, it is too long or no text, or a date can't be read.
    """
    words = text.strip()
    if any("\ud800" <= each <= "\udfff" for each in words):
        raise QuestionError("the question is not UTF-8 text")
    if len(words) > MAXIMUM_QUESTION:
        raise QuestionError(
            f"the question has {len(words):,} characters; at most {MAXIMUM_QUESTION:,} are read"
        )
    given: dict[str, list[str]] = {"issuer": [], "since": [], "until": [], "document": []}
    for match in _FILTER.finditer(words):
        given[match["name"].casefold()].append(match["quoted"] or match["bare"] or "")
    question = " ".join(_FILTER.sub(" ", words).split()) if any(given.values()) else words
    if not question:
        raise QuestionError("the question is empty")
    scope = Scope(
        documents=tuple(given["document"]),
        issuer="".join(given["issuer"][-1:]),
        since=max((_day(each, last=False) for each in given["since"]), default=None),
        until=min((_day(each, last=True) for each in given["until"]), default=None),
        phrases=tuple(plain or curly for plain, curly in _PHRASE.findall(question)),
    )
    return question, scope


def _day(text: str, *, last: bool) -> date:
    match = _DAY.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        year = int(match[1])
        month = int(match[2] or (12 if last else 1))
        day = int(match[3] or (monthrange(year, month)[1] if last else 1))
        return date(year, month, day)
    except ValueError:
        raise QuestionError(
            f"{text[:40]!r} is no date; write since:2024, since:2024-06 or since:2024-06-30"
        ) from None
