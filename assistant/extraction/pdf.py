"""A PDF's text layer: its lines in reading order, joined to paragraphs again.

What repeats at the edge of pages and page numbers are left out; a line continues the paragraph
above it unless a gap, an indent, a list marker, another size or a line that ended early says
otherwise; a word cut by a hyphen at the end of a line is joined.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pdfminer.high_level import extract_pages
from pdfminer.layout import LAParams, LTPage
from pdfminer.pdfdocument import PDFDocument, PDFEncryptionError
from pdfminer.pdfparser import PDFParser
from pdfminer.psexceptions import PSException
from pdfminer.utils import decode_text

from assistant.extraction.extract import Extract, Piece, Stated, UnreadableError
from assistant.extraction.lines import SAME_SIZE, Line, lines_of, same_type
from assistant.paragraphs import LIST_MARKER, SENTENCE_END
from assistant.types import PageStart

MAXIMUM_PAGES = 500
_RUNNING = 1 / 3  # of the pages; what stands at the edge of so many is no text (odd ones and even)
_GAP = 1.3  # times the usual distance between lines begins a paragraph
_USUAL = 0.2  # of the distances between lines; the least of which there are so many is usual
_INDENT = 0.7  # of the font's size begins a paragraph
_PAGE_NUMBER = re.compile(
    r"(?:page|p\.)?[\s\-–—|]*\d{1,4}(?:\s*(?:/|of)\s*\d{1,4})?[\s\-–—|]*", re.I
)
_UNKNOWN = re.compile(r"\(cid:\d+\)")
_MOST_UNKNOWN = 0.1  # of the characters
_NO_TITLE = re.compile(
    r"\A\s*\Z|\A(?:untitled|microsoft \w+ - .*)\Z|\.(?:docx?|pdf|indd|rtf)\Z", re.I
)
_TITLE, _HEADING = 1.35, 1.12  # times the text's size
_LONGEST_HEADING = 200
_HYPHENS = "-\u2010\u00ad"
_WIDE = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class _Setting:
    """How the document is set: the size of its text, and the usual distance of its lines."""

    size: float
    bold: bool
    leading: float


def extract(content: bytes) -> Extract:
    """The text of all pages; UnreadableError if there is none, or what hinders reading it."""
    try:
        title = _title(content)
        pages = [lines_of(page, n) for n, page in enumerate(_pages(content), start=1)]
    except PDFEncryptionError:
        raise UnreadableError("is encrypted; save it without its password") from None
    except PSException as error:
        raise UnreadableError(
            f"is not a whole PDF ({str(error) or type(error).__name__})"
        ) from None
    _check(pages)
    lines = list(_without_running(pages))
    if not lines:
        raise UnreadableError("has no text but page headers")
    setting = _setting(lines)
    words = Counter(re.findall(r"[\w-]+", "\n".join(line.text for line in lines)))
    pieces = [_piece(group, setting, words) for group in _paragraphs(lines, setting)]
    return Extract.of(pieces, Stated(title=title))


def _title(content: bytes) -> str:
    """The title in the document's properties, unless a program put it there."""
    document = PDFDocument(PDFParser(io.BytesIO(content)))
    for info in document.info:
        title = info.get("Title", b"")
        if isinstance(title, bytes):
            words = " ".join(decode_text(title).split())
            return "" if _NO_TITLE.search(words) else words
    return ""


def _pages(content: bytes) -> Iterator[LTPage]:
    layout = LAParams(boxes_flow=None)  # boxes are ordered here
    for number, page in enumerate(extract_pages(io.BytesIO(content), laparams=layout), start=1):
        if number > MAXIMUM_PAGES:
            raise UnreadableError(f"has more than {MAXIMUM_PAGES} pages; split it")
        yield page


def _check(pages: Sequence[Sequence[Line]]) -> None:
    text = "".join(line.text for page in pages for line in page)
    if not pages:
        raise UnreadableError("has no page")
    if not text:
        raise UnreadableError(
            "has no text, only pictures of it (a scan?); recognise its characters"
        )
    unknown = len(_UNKNOWN.findall(text))
    if unknown > _MOST_UNKNOWN * len(_UNKNOWN.sub("?", text)):
        raise UnreadableError(
            "doesn't tell which characters its fonts show; recognise its characters"
        )


def _without_running(pages: Sequence[Sequence[Line]]) -> Iterator[Line]:
    """The lines but page numbers and what repeats at the edge of pages."""
    repeats = Counter(
        key for page in pages for key in {_running_key(line) for line in page if line.edge}
    )
    enough = max(2, _RUNNING * len(pages))
    for line in (line for page in pages for line in page):
        running = repeats[_running_key(line)] >= enough or _PAGE_NUMBER.fullmatch(line.text)
        if not (line.edge and running):
            yield line


def _running_key(line: Line) -> str:
    return f"{round(line.foot / 6)} {re.sub(r'[0-9]+', '#', line.text)}"


def _setting(lines: Sequence[Line]) -> _Setting:
    sizes: Counter[tuple[float, bool]] = Counter()
    for line in lines:
        sizes[round(line.size, 1), line.bold] += len(line.text)
    (size, bold), _ = sizes.most_common(1)[0]
    steps = Counter(
        round(above.foot - line.foot)
        for above, line in pairwise(lines)
        if above.page == line.page
        and above.foot > line.foot
        and abs(above.size - size) < 1 > abs(line.size - size)
    )
    usual = [step for step, count in steps.items() if count >= _USUAL * steps.total()]
    return _Setting(size, bold, min([*usual, 2.5 * size]))


def _paragraphs(lines: Sequence[Line], setting: _Setting) -> list[list[Line]]:
    """The lines of each paragraph, in the order of their first lines."""
    groups: list[list[Line]] = []
    for line in lines:
        group = _continued(groups, line, setting)
        if group:
            group.append(line)
        else:
            groups.append([line])
    return groups


def _continued(groups: Sequence[list[Line]], line: Line, setting: _Setting) -> list[Line] | None:
    """The paragraph that ``line`` goes on with, if any.

    At the top of a column or page that is the last of the same size, footnotes passed over.
    """
    if not groups or line.is_item or LIST_MARKER.match(line.text):
        return None
    above = groups[-1][-1]
    if above.page == line.page and above.foot > line.foot and _is_below(above, line):
        return groups[-1] if _goes_on(groups[-1], line, setting) else None
    for group in reversed(groups[-8:]):
        last = group[-1]
        if last.page < line.page - 1:
            return None
        if same_type(last, line):
            full = not _would_fit(last, line)
            open_end = not last.ended and (full or line.text[0].islower())
            return group if open_end or (last.text[-1] in _HYPHENS) else None
    return None


def _goes_on(group: Sequence[Line], line: Line, setting: _Setting) -> bool:
    above, first = group[-1], group[0]
    if not same_type(above, line) or above.foot - line.foot > _GAP * max(
        setting.leading, line.size
    ):
        return False
    if LIST_MARKER.match(first.text):  # its other lines hang
        return line.left > first.left + 1 and (len(group) == 1 or line.left >= above.left - 1)
    if first.is_item:
        return line.left >= first.left - 1
    indented = line.left > (above.left if len(group) > 1 else line.column[0]) + _INDENT * line.size
    if indented and _is_text(line, setting) and (above.ended or len(group) > 1):
        return False
    return not (above.ended and _would_fit(above, line))


def _is_text(line: Line, setting: _Setting) -> bool:
    return abs(line.size - setting.size) <= SAME_SIZE * setting.size


def _is_below(above: Line, line: Line) -> bool:
    return above.left < line.right and line.left < above.right


def _would_fit(before: Line, line: Line) -> bool:
    """Whether the first word of ``line`` had room on the line before: that one ended on purpose."""
    width = (line.right - line.left) / len(line.text)
    return before.right + (len(line.text.split()[0]) + 2) * width < before.column[1]


def _piece(group: Sequence[Line], setting: _Setting, words: Counter[str]) -> Piece:
    first = group[0]
    marker = LIST_MARKER.match(first.text)
    text = first.text[marker.end() :] if marker else first.text
    pages = [PageStart(0, first.page)]
    for line in group[1:]:
        text = _before(text, line.text, words)
        if line.page != pages[-1].page:
            pages.append(PageStart(len(text), line.page))
        text += line.text
    return Piece(text, _level(first, text, setting), first.is_item or bool(marker), tuple(pages))


def _before(text: str, line: str, words: Counter[str]) -> str:
    """``text`` made ready for ``line`` to follow: with a space, or without its hyphen."""
    if text.endswith("\u00ad"):
        return text[:-1]
    if cut := re.search(r"(\w[\w-]*)[-\u2010]\Z", text):
        rest = re.match(r"[\w-]*", line)
        whole, hyphened = (cut[1] + mark + (rest[0] if rest else "") for mark in ("", "-"))
        keeps = not line[0].islower() or words[hyphened] > words[whole]
        return text if keeps else text[:-1]
    return text if _WIDE.match(text[-1]) and _WIDE.match(line[0]) else f"{text} "


def _level(first: Line, text: str, setting: _Setting) -> int:
    """The level of the heading that the paragraph is, told by size and weight; 0 if it is none."""
    if first.is_item or len(text) > _LONGEST_HEADING or SENTENCE_END.search(text):
        return 0
    if first.size >= _TITLE * setting.size:
        return 1
    larger = first.size >= _HEADING * setting.size
    return 2 if larger or (first.bold and not setting.bold) else 0
