"""A web page's main content: what a reader came for, without navigation, banners and scripts.

Trafilatura (Barbaresi, 2021) tells the content from the rest and finds title and date. What the
page hides from its readers is taken away first.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any

import trafilatura
from lxml import etree, html
from trafilatura.settings import Document

from assistant.extraction.extract import Extract, Piece, Stated, UnreadableError

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_HIDDEN = etree.XPath(
    "//script | //style | //template | //noscript | //*[@hidden] | //*[@aria-hidden='true']"
    " | //*[contains(translate(@style, ' ', ''), 'display:none')]"
    " | //*[contains(translate(@style, ' ', ''), 'visibility:hidden')]"
)
_BLOCKS = {"p", "head", "item", "cell", "quote", "code"}
_LEVELS = {f"h{level}": level for level in range(1, 7)}


def extract(content: bytes) -> Extract:
    """The main content of the page; UnreadableError if it has none."""
    page = _parsed(content)
    for hidden in _HIDDEN(page):
        if hidden.getparent() is not None:
            hidden.drop_tree()
    found = trafilatura.bare_extraction(
        page,
        include_comments=False,
        with_metadata=True,
        date_extraction_params={"original_date": True, "extensive_search": False},  # no guesses
    )
    if not isinstance(found, Document):
        raise UnreadableError("has no text that reads as a page's main content")
    stated = Stated(
        title=found.title or "",
        date=found.date or "",
        issuer=found.sitename or "",
        url=found.url or "",
    )
    return Extract.of(_pieces(found.body), stated)


def _parsed(content: bytes) -> Any:
    """The page's tree, its characters as a mark at its start says, else UTF-8, else as it says."""
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        encoding = ""
    parser = html.HTMLParser(encoding=encoding or None, remove_comments=True)
    try:
        return html.document_fromstring(content, parser=parser)
    except etree.ParserError:
        raise UnreadableError("has no text") from None


def _pieces(body: Any) -> Iterator[Piece]:
    """The blocks below ``body`` in order; what stands between blocks within a block is its own."""
    words: list[str] = []
    at: Any = body

    def piece() -> Iterator[Piece]:
        text = "\n".join(
            filter(None, (" ".join(line.split()) for line in "".join(words).split("\n")))
        )
        words.clear()
        if text:
            level = _LEVELS.get(at.get("rend", ""), 2) if at.tag == "head" else 0
            yield Piece(text, level, is_item=at.tag == "item")

    for event, element in etree.iterwalk(body, events=("start", "end")):
        is_block = element.tag in _BLOCKS
        if event == "start":
            if is_block:
                yield from piece()
                at = element
            elif element.tag == "lb":
                words.append("\n")
            words.append((element.text or "").replace("\n", " "))
        else:
            if is_block:
                yield from piece()
                at = next((each for each in element.iterancestors() if each.tag in _BLOCKS), body)
            words.append((element.tail or "").replace("\n", " "))
    yield from piece()
