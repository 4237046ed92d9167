"""Documents on disk: a line of JSON for each, and the same without its text.

documents.jsonl          the documents, one a line, with paragraph and sentence offsets
lines.int64              where each of these lines starts, and the end
headers.jsonl            the documents without their texts, for narrowing a search
first_paragraphs.int64   each document's first paragraph among all, and their number
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, overload

import numpy as np

from assistant.rows import mapped
from assistant.tokens import Numbers
from assistant.types import Document, Heading, PageStart, Paragraph, Sentence

_DOCUMENTS = "documents.jsonl"
_LINES = "lines.int64"
_HEADERS = "headers.jsonl"
_FIRST_PARAGRAPHS = "first_paragraphs.int64"


class StoredDocuments(Sequence[Document]):
    """Documents by their numbers, parsed from their lines when asked for."""

    def __init__(self, folder: Path) -> None:
        """Those that a ``DocumentWriter`` wrote to ``folder``; ValueError or OSError if none."""
        size = (folder / _DOCUMENTS).stat().st_size
        self._documents = mapped(folder / _DOCUMENTS, np.uint8, (size,))
        self._lines = np.fromfile(folder / _LINES, np.int64)
        self._headers = (folder / _HEADERS).read_bytes().splitlines(keepends=True)
        self.first_paragraphs: Numbers = np.fromfile(folder / _FIRST_PARAGRAPHS, np.int64)
        self._document = lru_cache(maxsize=4096)(self.read)

    @cached_property
    def headers(self) -> Sequence[Document]:
        """All documents without text, paragraphs and headings, parsed once."""
        return [_document(line) for line in self._headers]

    def paragraphs_of(self, document: int) -> range:
        """The numbers of the paragraphs of the document with this number."""
        first, after = self.first_paragraphs[document : document + 2]
        return range(int(first), int(after))

    def line(self, document: int) -> bytes:
        """The document with this number as it is stored."""
        start, end = self._lines[document : document + 2]
        return self._documents[start:end].tobytes()

    def header(self, document: int) -> bytes:
        """The same without its text."""
        return self._headers[document]

    def read(self, document: int) -> Document:
        """The document with this number, parsed now and not kept."""
        return _document(self.line(document))

    def __len__(self) -> int:
        return len(self._lines) - 1

    @overload
    def __getitem__(self, number: int) -> Document: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Document]: ...
    def __getitem__(self, number: int | slice) -> Document | Sequence[Document]:
        if isinstance(number, slice):
            return [self._document(each) for each in range(*number.indices(len(self)))]
        return self._document(range(len(self))[number])


class DocumentWriter:
    """Writes documents, one after another, to files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines, self._first_paragraphs = [0], [0]
        with ExitStack() as opened:
            self._documents = opened.enter_context((folder / _DOCUMENTS).open("wb"))
            self._headers = opened.enter_context((folder / _HEADERS).open("wb"))
            self._opened = opened.pop_all()

    def __len__(self) -> int:
        return len(self._lines) - 1

    def add(self, line: bytes, header: bytes, paragraphs: int) -> None:
        """Write the document with this line, header, and number of paragraphs."""
        self._documents.write(line)
        self._headers.write(header)
        self._lines.append(self._lines[-1] + len(line))
        self._first_paragraphs.append(self._first_paragraphs[-1] + paragraphs)

    def close(self) -> None:
        """Close the files, finished or not."""
        self._opened.close()

    def finish(self) -> None:
        """Complete the files."""
        self.close()
        # Not by ``tofile``, which doesn't tell of a full disk.
        lines, first = np.array(self._lines), np.array(self._first_paragraphs)
        (self._folder / _LINES).write_bytes(lines.tobytes())
        (self._folder / _FIRST_PARAGRAPHS).write_bytes(first.tobytes())


def line_of(document: Document) -> bytes:
    """The document as a line: texts that are parts of its own text are left out."""
    fields = asdict(replace(document, paragraphs=(), headings=()))
    fields["date"] = document.date.isoformat() if document.date else None
    fields["paragraphs"] = [_fields_of(each) for each in document.paragraphs]
    fields["headings"] = [_without_text(asdict(each)) for each in document.headings]
    return json.dumps(fields, ensure_ascii=True).encode() + b"\n"


def header_of(document: Document) -> bytes:
    """The line of the document without text, paragraphs and headings."""
    return line_of(replace(document, text="", paragraphs=(), headings=()))


def _fields_of(paragraph: Paragraph) -> dict[str, Any]:
    fields = asdict(replace(paragraph, sentences=()))
    fields["sentences"] = [[each.start, each.end] for each in paragraph.sentences]
    return _without_text(fields)


def _without_text(fields: dict[str, Any]) -> dict[str, Any]:
    del fields["text"]
    return fields


def _document(line: bytes) -> Document:
    fields: dict[str, Any] = json.loads(line)
    text = fields["text"]
    fields["date"] = date.fromisoformat(fields["date"]) if fields["date"] else None
    fields["headings"] = tuple(
        Heading(**each, text=text[each["start"] : each["end"]]) for each in fields["headings"]
    )
    paragraphs = []
    for each in fields["paragraphs"]:
        spans = each.pop("sentences")
        sentences = tuple(Sentence(start, end, text[start:end]) for start, end in spans)
        words = text[each["start"] : each["end"]]
        paragraphs.append(Paragraph(**each, text=words, sentences=sentences))
    fields["paragraphs"] = tuple(paragraphs)
    fields["questions"] = tuple(fields["questions"])
    fields["pages"] = tuple(PageStart(**each) for each in fields["pages"])
    return Document(**fields)
