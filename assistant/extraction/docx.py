"""A Word document's text as it reads with all tracked changes accepted.

python-docx opens the package. Left out are what was deleted or moved away, hidden text, field codes
and the marks of notes; footnotes and endnotes follow the text they stand below.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any
from zipfile import BadZipFile, ZipFile

import docx
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.exceptions import OpcError
from docx.oxml import parse_xml
from docx.oxml.ns import nsmap, qn
from lxml import etree

from assistant.extraction.extract import Extract, Piece, Stated, UnreadableError

MAXIMUM_UNPACKED = 200 * 1024 * 1024
_DROPPED = {qn(f"w:{name}") for name in ("del", "moveFrom", "txbxContent", "footnoteRef", "pPr")}
_DROPPED |= {"{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}
_CHARACTERS = {
    qn("w:tab"): "\t",
    qn("w:br"): "\n",
    qn("w:cr"): "\n",
    qn("w:noBreakHyphen"): "\u2011",
}
_HEADING = re.compile(r"heading (\d)", re.I)
_OFF = {"0", "false", "off"}


def extract(content: bytes) -> Extract:
    """The text of the document's body, then of its notes; UnreadableError if it can't be opened."""
    _check_size(content)
    try:
        document = docx.Document(io.BytesIO(content))
    except (OpcError, KeyError, ValueError, etree.XMLSyntaxError) as error:
        raise UnreadableError(f"is not a whole Word document ({error})") from None
    styles = {each.style_id: each.name or "" for each in document.styles}
    pieces = list(_pieces(document.element.body, styles))
    for kind in (RELATIONSHIP_TYPE.FOOTNOTES, RELATIONSHIP_TYPE.ENDNOTES):
        for relation in document.part.rels.values():
            if relation.reltype == kind and not relation.is_external:
                notes = parse_xml(relation.target_part.blob)
                pieces += [
                    piece
                    for note in notes
                    if note.get(qn("w:type"), "normal") == "normal"
                    for piece in _pieces(note, styles)
                ]
    title = " ".join((document.core_properties.title or "").split())
    named = next((each.text for each in pieces if each.level == 1), "")
    return Extract.of(pieces, Stated(title=named or title))


def _check_size(content: bytes) -> None:
    """UnreadableError for what is no package, or unpacks to more than may be read."""
    try:
        with ZipFile(io.BytesIO(content)) as package:
            sizes = {each.filename: each.file_size for each in package.infolist()}
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise UnreadableError(f"is not a whole Word document ({error})") from None
    if sum(sizes.values()) > MAXIMUM_UNPACKED:
        size, allowed = sum(sizes.values()) // 1024**2, MAXIMUM_UNPACKED // 1024**2
        raise UnreadableError(f"unpacks to {size:,} MB, more than the {allowed} MB read")
    if "[Content_Types].xml" not in sizes:
        raise UnreadableError("is a ZIP archive, but not a Word document")


def _pieces(parent: Any, styles: dict[str, str]) -> Iterator[Piece]:
    """The paragraphs below ``parent``, those of tables and text boxes included, in order."""
    text = ""
    for paragraph in _paragraphs(parent):
        text += "".join(_characters(paragraph))
        if _is_mark_deleted(paragraph):
            continue  # the next one goes on with it
        lines = filter(None, (" ".join(line.split()) for line in text.split("\n")))
        words, text = "\n".join(lines), ""
        if words:
            style = paragraph.find("w:pPr/w:pStyle", nsmap)
            name = styles.get(style.get(qn("w:val"), ""), "") if style is not None else ""
            heading = _HEADING.fullmatch(name)
            level = int(heading[1]) if heading else int(name.casefold() == "title")
            is_item = paragraph.find("w:pPr/w:numPr", nsmap) is not None or "List" in name
            yield Piece(words, level, is_item and not level)


def _paragraphs(parent: Any) -> Iterator[Any]:
    for element in parent.iter(qn("w:p")):
        above = {each.tag for each in element.iterancestors()}
        if not above & (_DROPPED - {qn("w:txbxContent")}):
            yield element


def _is_mark_deleted(paragraph: Any) -> bool:
    return paragraph.find("w:pPr/w:rPr/w:del", nsmap) is not None


def _characters(element: Any) -> Iterator[str]:
    """The characters of a paragraph's runs."""
    for each in element:
        if each.tag in _DROPPED or not isinstance(each.tag, str):
            continue
        if each.tag == qn("w:t"):
            yield each.text or ""
        elif each.tag in _CHARACTERS:
            yield _CHARACTERS[each.tag]
        elif not (each.tag == qn("w:r") and _is_hidden(each)):
            yield from _characters(each)


def _is_hidden(run: Any) -> bool:
    vanish = run.find("w:rPr/w:vanish", nsmap)
    return vanish is not None and vanish.get(qn("w:val"), "1") not in _OFF
