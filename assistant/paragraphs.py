"""A text's paragraphs, headings and sentences, as offsets into it.

Plain text. Lines end at LF, CRLF or CR; blank lines separate blocks. A block of several lines is
one hard-wrapped paragraph if every line but its last is 40 to 120 characters long and at least one
of these stops in mid-sentence; otherwise each line is a paragraph. A line that begins with a list
marker always starts a paragraph, which begins after the marker.

Markdown. CommonMark decides: its paragraphs, list items, headings and code blocks. Markup inside a
paragraph stays as it is in the file, since quotes are the file's own characters.

Lines without a letter or digit (rules, rows of asterisks) are layout, not paragraphs.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import sentencex

from assistant.types import Heading, Paragraph, Sentence

_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
LIST_MARKER = re.compile(
    r"[\s>]*(?:[-*+•‣◦▪●○■□·–—\uf0a7\uf0b7]|\(?[0-9]{1,3}[.)]|\([a-zA-Z]\))[ \t]+(?=\S)"
)
SENTENCE_END = re.compile(r"[.!?。\uff01\uff1f…][\"'”’)\]」』]*\Z")
_ATX_HEADING = re.compile(r"[ \t>]*#{1,6}[ \t]+")
_JAPANESE = re.compile(r"[\u3040-\u30ff]")
_FULL_STOPS = "。\uff01\uff1f」』"  # after these, Chinese and Japanese put no space
_DASHES = "-‐‑‒–—"
_WRAPPED_LINE = range(40, 121)
_JAPANESE_AT_ONCE = 2_000  # characters; the splitter takes quadratic time over Japanese


class _Span(NamedTuple):
    start: int
    end: int


class Block(NamedTuple):
    """A stretch of a text; ``level`` is that of a heading, or 0."""

    start: int
    end: int
    is_item: bool = False
    level: int = 0


def split(text: str, blocks: Iterable[Block]) -> tuple[tuple[Paragraph, ...], tuple[Heading, ...]]:
    """The paragraphs and the headings that ``blocks`` of ``text`` are, each in order."""
    paragraphs: list[Paragraph] = []
    headings: list[Heading] = []
    repeats: Counter[str] = Counter()
    heading = lead_in = ""
    for block in blocks:
        start, end = _stripped(text, _Span(block.start, block.end))
        words = text[start:end]
        if not any(character.isalnum() for character in words):
            continue
        if block.level:
            headings.append(Heading(start, end, words, block.level))
            heading, lead_in = words, ""
            continue
        if not block.is_item and SENTENCE_END.search(words):
            lead_in = ""
        digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        repeats[digest] += 1
        paragraphs.append(
            Paragraph(
                id=digest if repeats[digest] == 1 else f"{digest}-{repeats[digest]}",
                number=len(paragraphs) + 1,
                start=start,
                end=end,
                text=words,
                sentences=tuple(_sentences(text, start, end)),
                heading=heading,
                lead_in=lead_in,
            )
        )
        if words.endswith((":", "\uff1a")):
            lead_in = words
    return tuple(paragraphs), tuple(headings)


def _sentences(text: str, start: int, end: int) -> Iterator[Sentence]:
    """The sentences of ``text[start:end]``; a bare number or bullet stays with what follows it."""
    # The splitter sees a shadow of equal length with plain spaces for white space and dashes: it
    # then keeps "Japan-U.S. Alliance" whole, doesn't break at wrapped lines, and doesn't panic at
    # wide white space as its version 1.0.32 can.
    shadow = "".join(" " if each.isspace() or each in _DASHES else each for each in text[start:end])
    language = "ja" if _JAPANESE.search(shadow) else "en"
    size = _JAPANESE_AT_ONCE if language == "ja" else len(shadow)
    begin = position = start
    has_letter = False
    spans: list[_Span] = []
    for piece in _segments(shadow, language, size):
        position += len(piece)
        has_letter = has_letter or any(character.isalpha() for character in piece)
        ends_here = position == end or text[position - 1].isspace() or piece[-1] in _FULL_STOPS
        if ends_here and has_letter:
            spans.append(_Span(begin, position))
            begin, has_letter = position, False
    if begin < end:  # what is left over has no letter
        spans.append(_Span(spans.pop().start if spans else begin, end))
    for span in spans:
        first, last = _stripped(text, span)
        yield Sentence(first, last, text[first:last])


def _segments(shadow: str, language: str, size: int) -> Iterator[str]:
    """What the splitter makes of stretches of ``size`` characters, which end at a full stop if one
    is near.
    """
    start = 0
    while start < len(shadow):
        end = min(start + size, len(shadow))
        if end < len(shadow):
            end = shadow.rfind("。", start, end) + 1 or end
        yield from sentencex.segment(language, shadow[start:end])
        start = end


def plain_blocks(text: str) -> Iterator[Block]:
    """The paragraphs and list items of a plain text."""
    block: list[_Span] = []
    for line in _lines(text):
        if text[line.start : line.end].strip():
            block.append(line)
        else:
            yield from _plain_paragraphs(text, block)
            block = []
    yield from _plain_paragraphs(text, block)


def _plain_paragraphs(text: str, lines: list[_Span]) -> Iterator[Block]:
    """One block's paragraphs: the whole if it is hard-wrapped, else each line; items apart."""
    wrapped = all(line.end - line.start in _WRAPPED_LINE for line in lines[:-1]) and not all(
        SENTENCE_END.search(text[line.start : line.end].rstrip()) for line in lines[:-1]
    )
    current: Block | None = None
    for line in lines:
        marker = LIST_MARKER.match(text, line.start, line.end)
        if current and wrapped and not marker:
            current = current._replace(end=line.end)
            continue
        if current:
            yield current
        current = Block(marker.end() if marker else line.start, line.end, bool(marker))
    if current:
        yield current


def markdown_blocks(text: str) -> Iterator[Block]:
    """The paragraphs, list items, headings and code blocks of a Markdown text."""
    from markdown_it import MarkdownIt  # only where a Markdown file is read

    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    lines = list(_lines(text))
    tokens = parser.parse(text)
    for token in tokens:
        if token.map is None or token.type not in {
            "heading_open",
            "paragraph_open",
            "fence",
            "code_block",
        }:
            continue
        first, last = token.map
        if token.type == "fence":
            first, last = first + 1, last - 1
        if token.type == "heading_open" and token.markup in {"=", "-"}:
            last -= 1  # the underline
        if first >= last:
            continue
        span = _Span(lines[first].start, lines[last - 1].end)
        if token.type == "heading_open":
            yield Block(*_heading(text, span), level=int(token.tag[1]))
            continue
        is_item = False
        if token.type == "paragraph_open":
            while marker := LIST_MARKER.match(text, span.start, span.end):
                span, is_item = _Span(marker.end(), span.end), True
            quoted = re.compile(r"[ \t]*>[ \t>]*").match(text, span.start, span.end)
            span = _Span(quoted.end(), span.end) if quoted else span
        yield Block(*span, is_item)


def _heading(text: str, span: _Span) -> _Span:
    """The words of the heading at ``span``, without number signs before and behind."""
    opening = _ATX_HEADING.match(text, span.start, span.end)
    if not opening:
        return span
    words = text[opening.end() : span.end].rstrip(" \t")
    unclosed = words.rstrip("#")
    if unclosed != words and unclosed.endswith((" ", "\t")):
        words = unclosed.rstrip(" \t")
    return _Span(opening.end(), opening.end() + len(words))


def _lines(text: str) -> Iterable[_Span]:
    return (_Span(*match.span(1)) for match in _LINE.finditer(text))


def _stripped(text: str, span: _Span) -> _Span:
    """``span`` without the white space at both ends."""
    words = text[span.start : span.end]
    return _Span(span.start + len(words) - len(words.lstrip()), span.start + len(words.rstrip()))
