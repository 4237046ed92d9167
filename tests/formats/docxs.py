"""Word documents as they are sent around, made with python-docx and by hand."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import docx
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

_NOTES = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"


def document(fill: Callable[[Any], None]) -> bytes:
    """A document that ``fill`` has filled."""
    made = docx.Document()
    fill(made)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def add_xml(made: Any, inside: str) -> None:
    """Add a paragraph with this WordprocessingML in it."""
    made.element.body.insert(-1, parse_xml(f"<w:p {nsdecls('w')}>{inside}</w:p>"))


def add_footnote(made: Any, text: str) -> None:
    """Add the footnotes' part with one footnote, and the separator that Word puts there."""
    xml = (
        f"<w:footnotes {nsdecls('w')}>"
        '<w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:t>---</w:t></w:r></w:p></w:footnote>'
        f'<w:footnote w:id="1"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t>{text}</w:t></w:r></w:p>'
        "</w:footnote></w:footnotes>"
    )
    part = Part(PackURI("/word/footnotes.xml"), _NOTES, xml.encode(), made.part.package)
    made.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)


def rewritten(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """``content`` with each file in it changed."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as before,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for name in before.namelist():
            after.writestr(name, change(name, before.read(name)))
    return file.getvalue()


def bomb(content: bytes, megabytes: int) -> bytes:
    """``content`` with a file beside it that unpacks to that many megabytes."""
    file = io.BytesIO(content)
    with (
        zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/media/image1.png", "w", force_zip64=True) as large,
    ):
        for _ in range(megabytes):
            large.write(bytes(1024**2))
    return file.getvalue()
