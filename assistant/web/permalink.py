"""Addresses of passages, which outlive edits elsewhere in the document.

``document/paragraph_id/start-end`` names a paragraph by its content and the words by their offsets
in it; ``document`` alone names a whole readout.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from assistant.types import Document, Quote, Sentence

_SPAN = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")


class Found(str, Enum):
    """What became of an address."""

    PASSAGE = "passage"
    DOCUMENT = "document"
    CHANGED = "changed"
    GONE = "gone"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address leads: the document if it is there, and the words in it if they are."""

    found: Found
    document: Document | None = None
    quote: Quote | None = None


def address(document: str, paragraph: str, paragraph_start: int, start: int, end: int) -> str:
    """The address of the words from ``start`` to ``end``, both offsets of the document."""
    return f"{document}/{paragraph}/{start - paragraph_start}-{end - paragraph_start}"


def find(lookup: Callable[[str], Document | None], address: str) -> Place:
    """Where ``address`` leads, whatever it is; ``lookup`` gives the document of an id."""
    if whole := lookup(address):
        return Place(Found.DOCUMENT, whole)
    try:
        name, paragraph_id, span = address.rsplit("/", 2)
    except ValueError:
        return Place(Found.GONE)
    numbers = _SPAN.fullmatch(span)
    if not numbers:
        return Place(Found.GONE)
    document = lookup(name)
    if document is None:
        return Place(Found.GONE)
    paragraph = next((each for each in document.paragraphs if each.id == paragraph_id), None)
    if paragraph is None:
        return Place(Found.CHANGED, document)
    start, end = (paragraph.start + int(number) for number in numbers.groups())
    if not paragraph.start <= start < end <= paragraph.end:
        return Place(Found.BAD, document)
    words = Sentence(start, end, document.text[start:end])
    return Place(Found.PASSAGE, document, Quote.of(document, paragraph, words))
