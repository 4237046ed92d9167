"""What is extracted from a file: its text, its blocks and pages, and what it says of itself.

The text is the file's blocks in reading order, an empty line between two; quotes are slices of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from assistant.paragraphs import Block
from assistant.types import PageStart

_BETWEEN = "\n\n"


class UnreadableError(Exception):
    """Why a file can't be read, as the rest of a sentence that begins with its name."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What a file says of itself, each empty if it doesn't; ``date`` is an ISO date."""

    title: str = ""
    date: str = ""
    issuer: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """One block of a file before it has its place in the text.

    ``level`` is that of a heading, or 0. ``pages`` count from the start of ``text``.
    """

    text: str
    level: int = 0
    is_item: bool = False
    pages: tuple[PageStart, ...] = ()


@dataclass(frozen=True, slots=True)
class Extract:
    """A file's text with its blocks and, in a paged format, where the pages begin in it."""

    text: str
    blocks: tuple[Block, ...]
    pages: tuple[PageStart, ...] = ()
    stated: Stated = Stated()

    @classmethod
    def of(cls, pieces: Iterable[Piece], stated: Stated) -> Extract:
        """The text made of ``pieces``; one page start for each change of page."""
        texts: list[str] = []
        blocks: list[Block] = []
        pages: list[PageStart] = []
        start = 0
        for piece in pieces:
            text = piece.text.encode("utf-8", "replace").decode()  # without halves of characters
            end = start + len(text)
            blocks.append(Block(start, end, piece.is_item, piece.level))
            for each in piece.pages:
                if not pages or pages[-1].page != each.page:
                    pages.append(PageStart(start + each.start, each.page))
            texts.append(text)
            start = end + len(_BETWEEN)
        return cls(_BETWEEN.join(texts), tuple(blocks), tuple(pages), stated)

    def as_dict(self) -> dict[str, Any]:
        """The extract as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Extract:
        """The extract that ``as_dict`` gave."""
        return cls(
            text=fields["text"],
            blocks=tuple(Block(*each) for each in fields["blocks"]),
            pages=tuple(PageStart(**each) for each in fields["pages"]),
            stated=Stated(**fields["stated"]),
        )
