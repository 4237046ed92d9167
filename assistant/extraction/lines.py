"""The lines of a PDF's page in reading order, as pdfminer.six finds them.

List markers are put to their lines, lines that wide spaces broke in two are whole again, and
columns are read one after the other between the lines that span them.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pdfminer.layout import LTChar, LTPage, LTTextBox

from assistant.paragraphs import LIST_MARKER, SENTENCE_END

_EDGE = 0.12  # of the page's height, where running headers and footers stand
SAME_SIZE = 0.08  # sizes this close, relatively, are one size
_WIDE_SPACE = 2  # times the size; a wider gap within a row is no space
_FEW_LINES = 4  # too few to tell how wide the column is
_LIGATURES = {
    ord(each): letters
    for each, letters in zip("ﬀﬁﬂﬃﬄﬅﬆ", "ff fi fl ffi ffl st st".split(), strict=True)
}
_SOFT_HYPHEN = re.compile(r"\u00ad(?=\S)")  # within a line it doesn't show


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is printed; lengths in points, ``foot`` counts upwards."""

    text: str
    page: int
    left: float
    right: float
    foot: float
    size: float
    bold: bool
    edge: bool  # of the page
    page_width: float
    column: tuple[float, float] = (0.0, 0.0)  # from left to right
    is_item: bool = False

    @property
    def ended(self) -> bool:
        """Whether a sentence or a lead-in ends with it."""
        return bool(SENTENCE_END.search(self.text) or self.text.endswith((":", ";")))


def lines_of(page: LTPage, number: int) -> list[Line]:
    """The page's lines in reading order."""
    lines = []
    for line in (line for box in page if isinstance(box, LTTextBox) for line in box):
        characters = [each for each in line if isinstance(each, LTChar)]
        text = " ".join(_SOFT_HYPHEN.sub("", line.get_text().translate(_LIGATURES)).split())
        inside = page.x0 < line.x1 and line.x0 < page.x1 and page.y0 < line.y1 and line.y0 < page.y1
        if not text or not inside or not all(each.upright for each in characters):
            continue  # on the page's margin, or a stamp across it
        middle = ((line.y0 + line.y1) / 2 - page.y0) / page.height
        lines.append(
            Line(
                text=text,
                page=number,
                left=line.x0,
                right=line.x1,
                foot=line.y0,
                size=statistics.median(each.size for each in characters),
                bold=all(_is_bold(each) for each in characters if each.get_text().strip()),
                edge=not _EDGE < middle < 1 - _EDGE,
                page_width=page.width,
            )
        )
    return _ordered(_with_markers(_rejoined(lines)))


def _is_bold(character: LTChar) -> bool:
    return any(weight in character.fontname for weight in ("Bold", "Black", "Heavy"))


def _with_markers(lines: Sequence[Line]) -> list[Line]:
    """``lines`` with list markers that stand alone put to the line on their right."""
    markers = [line for line in lines if _is_marker(line.text)]
    texts = [line for line in lines if line not in markers]
    for marker in markers:
        beside = [each for each in texts if _same_row(marker, each) and marker.right <= each.left]
        if beside:
            nearest = min(beside, key=lambda each: each.left)
            texts[texts.index(nearest)] = replace(nearest, is_item=True)
    return texts


def _is_marker(text: str) -> bool:
    marker = LIST_MARKER.match(f"{text} x")
    return marker is not None and marker.end() == len(text) + 1


def _same_row(one: Line, two: Line) -> bool:
    return min(one.foot + one.size, two.foot + two.size) > max(one.foot, two.foot)


def _rejoined(lines: Sequence[Line]) -> list[Line]:
    """``lines`` with those whole again that wide spaces (of justified text) broke in two.

    A gap is such a space unless it is very wide, or what is right of it begins where other lines
    do: a column.
    """
    rows: list[Line] = []
    starts = Counter(round(line.left) for line in lines)
    for line in sorted(lines, key=lambda each: each.left):
        for place, before in enumerate(rows):
            near = line.left - _WIDE_SPACE * line.size < before.right <= line.left
            begin = sum(starts[round(line.left) + by] for by in (-1, 0, 1))
            one = near and _same_row(before, line) and same_type(before, line)
            if one and begin < _FEW_LINES:
                text = f"{before.text} {line.text}"
                rows[place] = replace(before, text=text, right=line.right)
                break
        else:
            rows.append(line)
    return rows


def _ordered(lines: Sequence[Line]) -> list[Line]:
    """``lines`` in reading order: columns left to right between the lines that span them."""
    gutters = {
        (one.right, two.left)
        for one in lines
        for two in lines
        if one.right <= two.left and _same_row(one, two)
    }
    ordered: list[Line] = []
    band: list[Line] = []
    for line in sorted(lines, key=lambda each: (-each.foot, each.left)):
        if any(line.left < left and right < line.right for left, right in gutters):
            ordered += [*_by_column(band), *_by_column([line])]
            band = []
        else:
            band.append(line)
    return ordered + _by_column(band)


def _by_column(lines: Sequence[Line]) -> list[Line]:
    """``lines`` column by column, each from the top; a column is what overlaps sideways."""
    columns: list[list[Line]] = []
    right = float("-inf")
    for line in sorted(lines, key=lambda each: each.left):
        if line.left >= right:
            columns.append([])
        columns[-1].append(line)
        right = max(right, line.right)
    ordered = []
    for column in columns:
        left, right = column[0].left, max(line.right for line in column)
        if len(column) < _FEW_LINES and len(columns) == 1:
            right = max(right, column[0].page_width - left)  # margins are mostly of one width
        ordered += [
            replace(line, column=(left, right))
            for line in sorted(column, key=lambda each: -each.foot)
        ]
    return ordered


def same_type(one: Line, two: Line) -> bool:
    """Whether both are set in one size and weight."""
    return abs(one.size - two.size) <= SAME_SIZE * max(one.size, two.size) and one.bold == two.bold
