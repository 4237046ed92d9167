"""What holds for every format: offsets, pages, and that no file harms more than itself."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.documents import read_file
from assistant.errors import DocumentError
from assistant.extraction.bounded import Extractor
from assistant.extraction.extract import Extract, Piece, Stated
from assistant.types import Document, PageStart
from tests.formats import docxs, pdfs
from tests.formats.test_html import page

pieces = st.builds(
    Piece,
    text=st.text(max_size=20),
    level=st.integers(0, 6),
    is_item=st.booleans(),
    pages=st.lists(st.builds(PageStart, st.integers(0, 20), st.integers(1, 9)), max_size=2).map(
        lambda each: tuple(sorted(each, key=lambda one: one.start))
    ),
)


@given(st.lists(pieces, max_size=8))
def test_blocks_are_the_pieces_in_their_order(parts: list[Piece]) -> None:
    extract = Extract.of(parts, Stated())
    assert [extract.text[each.start : each.end] for each in extract.blocks] == [
        each.text for each in parts
    ]
    assert [each.level for each in extract.blocks] == [each.level for each in parts]
    assert Extract.from_dict(extract.as_dict()) == extract
    changes = [each.page for each in extract.pages]
    assert all(one != two for one, two in pairwise(changes))


FILES = {
    "a.html": page("<p>They spoke about trade.</p><table><tr><td>Steel</td></tr></table>"),
    "a.docx": docxs.document(lambda made: made.add_paragraph("They spoke about trade.")),
    "a.pdf": pdfs.typeset(pdfs.paragraphs("They spoke about trade.", "They left.")),
    "a.jsonl": b'{"title": "A", "paragraphs": ["They spoke about trade."]}\n',
}


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_read_or_refused_and_end_nothing(
    tmp_path: Path, extractor: Extractor, name: str
) -> None:
    chance = random.Random(name)
    path = tmp_path / name
    for _ in range(40):
        content = bytearray(FILES[name])
        for _ in range(chance.choice((1, 5, 50))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        try:
            for found in read_file(path, tmp_path, extractor):
                if isinstance(found, Document):
                    for paragraph in found.paragraphs:
                        assert found.text[paragraph.start : paragraph.end] == paragraph.text
        except DocumentError as error:
            assert str(error)  # noqa: PT017
    path.write_bytes(FILES[name])
    (document,) = read_file(path, tmp_path, extractor)
    assert isinstance(document, Document)
    assert "They spoke about trade." in document.text
