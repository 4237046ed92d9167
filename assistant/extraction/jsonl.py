"""A collection: a file of many readouts, each a line of JSON.

A line has ``title`` and ``paragraphs``, and where known ``doc`` (its name in the collection; else
its line's number), ``date``, ``issuer``, ``url`` (or ``source_url``), ``counterpart``, ``place``,
``kind`` and ``questions``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from assistant.extraction.extract import Extract, Piece, Stated, UnreadableError
from assistant.paragraphs import LIST_MARKER, Block

_LONGEST_NAME = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a collection: its number, the readout's name, and its own bytes."""

    number: int
    name: str
    line: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """What the line says; parsed anew each time, since a collection may be large."""
        fields = {key: value for key, value in json.loads(self.line).items() if value is not None}
        return {"url": fields.get("source_url", ""), **fields}

    @property
    def extract(self) -> Extract:
        """The readout's text: its paragraphs, list markers apart; UnreadableError without."""
        paragraphs = self.fields.get("paragraphs")
        if not isinstance(paragraphs, list) or not all(isinstance(p, str) for p in paragraphs):
            raise UnreadableError("its paragraphs are not a list of texts")
        extract = Extract.of((Piece(each) for each in paragraphs if each.strip()), Stated())
        return replace(extract, blocks=tuple(_unmarked(extract.text, *extract.blocks)))


class Unreadable(NamedTuple):
    """A line that can't be read: its number, and in ``reason`` which it is and why."""

    number: int
    reason: str


def _unmarked(text: str, *blocks: Block) -> Iterator[Block]:
    for block in blocks:
        marker = LIST_MARKER.match(text, block.start, block.end)
        yield Block(marker.end(), block.end, is_item=True) if marker else block


def parted(content: bytes, name: str) -> tuple[bytes, bytes]:
    """A collection without the readout of that name, and that readout's line.

    An empty line takes its place, as lines without ``doc`` are named by their number.
    """
    line = next(
        (row.line for row in rows(content) if isinstance(row, Row) and row.name == name), b""
    )
    lines = content.split(b"\n")
    kept = [b"" if each == line else each for each in lines]
    return b"\n".join(kept), line + b"\n"


def rows(content: bytes) -> Iterator[Row | Unreadable]:
    """The lines of a collection in order, empty ones left out, or why one can't be read."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            yield Unreadable(number, f"line {number} is not JSON in UTF-8")
            continue
        if not isinstance(fields, dict):
            yield Unreadable(number, f"line {number} is not a JSON object")
            continue
        name = fields.get("doc")
        if name is None:
            name = str(number)
        if (
            not isinstance(name, str)
            or not name.isprintable()
            or not 0 < len(name) <= _LONGEST_NAME
        ):
            yield Unreadable(number, f"line {number}: its doc is not a name")
            continue
        yield Row(number, name, line)
