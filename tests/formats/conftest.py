"""What the tests of the formats share: reading one file as a library would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant.documents import read_file
from assistant.errors import DocumentError
from assistant.extraction.bounded import Extractor
from assistant.types import Document, Heading, Paragraph

Read = Callable[[str, bytes], Document]
Refused = Callable[[str, bytes], str]


@pytest.fixture(scope="session")
def extractor() -> Iterator[Extractor]:
    with Extractor() as extractor:
        yield extractor


@pytest.fixture
def read(tmp_path: Path, extractor: Extractor) -> Read:
    """The one document in a file of that name and content."""

    def reading(name: str, content: bytes) -> Document:
        (tmp_path / name).write_bytes(content)
        (document,) = read_file(tmp_path / name, tmp_path, extractor)
        assert isinstance(document, Document)
        parts: list[Paragraph | Heading] = [*document.paragraphs, *document.headings]
        for part in parts:
            assert document.text[part.start : part.end] == part.text
        return document

    return reading


@pytest.fixture
def refused(tmp_path: Path, extractor: Extractor) -> Refused:
    """Why a file of that name and content is left out."""

    def refusing(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DocumentError) as error:
            list(read_file(tmp_path / name, tmp_path, extractor))
        return str(error.value)

    return refusing


def texts(document: Document) -> list[str]:
    return [each.text for each in document.paragraphs]
