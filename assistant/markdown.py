"""Answers as CommonMark, which when rendered shows every word as it stands in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from assistant.types import NEAREST, Answer, Hit

# What CommonMark, its tables and strike-through, and formulas read as markup wherever it stands,
# and what they do at the beginning of a line. All else stays as it is, and so do most sentences.
_MARKUP = re.compile(r"([\\`*_\[\]<>&#|~$])")
_OPENING = re.compile(r"^(?:([-+=])|([0-9]{1,9})([.)]))")


def escape(text: str) -> str:
    """Plain text as Markdown, in one line."""
    line = " ".join(text.splitlines())
    return _OPENING.sub(r"\2\\\1\3", _MARKUP.sub(r"\\\1", line))


def quoted(text: str) -> str:
    """``text`` as a block quote."""
    return "\n".join(f"> {escape(line.strip())}" for line in text.splitlines())


def cited(text: str, citation: str) -> str:
    """``text`` as a block quote, with ``citation`` below it."""
    return f"{quoted(text)}\n>\n> — {escape(citation)}"


def answer_blocks(answer: Answer) -> Iterator[str]:
    """The blocks of an answer in their order: its notes, then a block for each passage."""
    yield from map(escape, filter(None, [answer.rewritten, answer.refusal]))
    for quote in answer.cited:
        if quote.preceded:
            yield escape(quote.preceded)
        yield cited(quote.text, quote.citation)
    if answer.nearest:
        yield escape(NEAREST)
        yield from hit_blocks(answer.nearest)


def hit_blocks(hits: Sequence[Hit]) -> Iterator[str]:
    """A block for each paragraph found."""
    for hit in hits:
        yield cited(hit.paragraph.text, hit.quote.citation)
