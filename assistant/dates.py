"""The times a question names, and how well a document's date fits them.

"In January 2022", "early 2024", "on 7 February", "that April", and in Japanese "2022年1月" or
"令和4年春": readouts of the same people weeks apart are nearly the same, and the date is what tells
them apart. A general date parser can't be used, as it gives one day where a question names a
stretch of time, or a month of any year.
"""

from __future__ import annotations

import datetime
import re
from calendar import month_abbr, month_name, monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR
from math import exp
from unicodedata import normalize

_DAYS = 14.0  # a document this far from the time asked about has 1/e of the evidence

MONTHS = {name.casefold(): number for number, name in enumerate(month_name) if name}
MONTHS |= {name.casefold(): number for number, name in enumerate(month_abbr) if name}
MONTHS["sept"] = 9
_PARTS = {  # of a year, in months; winter ends in the next year
    "spring": (3, 5),
    "summer": (6, 8),
    "autumn": (9, 11),
    "fall": (9, 11),
    "winter": (12, 14),
    "early": (1, 4),
    "mid": (5, 8),
    "late": (9, 12),
    "beginning of": (1, 4),
    "start of": (1, 4),
    "middle of": (5, 8),
    "end of": (9, 12),
    "first half of": (1, 6),
    "second half of": (7, 12),
    "q1": (1, 3),
    "q2": (4, 6),
    "q3": (7, 9),
    "q4": (10, 12),
}
_JAPANESE_PARTS = {
    "春": (3, 5),
    "夏": (6, 8),
    "秋": (9, 11),
    "冬": (12, 14),
    "初め": (1, 4),
    "初頭": (1, 4),
    "半ば": (5, 8),
    "中頃": (5, 8),
    "末": (9, 12),
    "終わり": (9, 12),
    "前半": (1, 6),
    "上半期": (1, 6),
    "後半": (7, 12),
    "下半期": (7, 12),
}
_ERAS = {"平成": 1988, "令和": 2018}  # the year before each began
_MONTH = rf"(?P<month>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\b\.?"
_YEAR = r"(?P<year>(?:19|20)\d\d)\b"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_JAPANESE_YEAR = (
    rf"(?:(?<!\d)(?P<year>(?:19|20)\d\d)|(?P<era>{'|'.join(_ERAS)})(?P<reign>\d\d?|元))年"
)
_JAPANESE_MONTH = r"(?P<number>\d\d?)月(?:(?P<day>\d\d?)日)?"
_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_YEAR}-(?P<number>\d\d)(?:-(?P<day>\d\d))?\b",
        rf"\b{_MONTH} {_DAY}\b(?:,? {_YEAR})?(?! (?:percent|minutes|hours|people))",
        rf"\b{_DAY}(?: of)? {_MONTH}(?:,? {_YEAR})?",
        rf"\b(?P<part>{'|'.join(_PARTS)})(?:[ -]| of )(?:the year )?{_YEAR}",
        rf"\b{_MONTH}(?: of|,)? {_YEAR}",
        rf"(?<![\d,.$€£¥-]){_YEAR}(?![\d,.]\d|-\d)",
        rf"\b{_MONTH}",
        rf"{_JAPANESE_YEAR}の?(?P<part>{'|'.join(_JAPANESE_PARTS)})",
        rf"{_JAPANESE_YEAR}(?:の?{_JAPANESE_MONTH})?",
        rf"(?<!\d){_JAPANESE_MONTH}",
    )
]
# "May" and "March" are other words too; after one of these they are months.
_BEFORE_A_MONTH = re.compile(
    r"\b(?:in|on|of|by|that|this|last|next|since|until|till|during|early|mid|late|from)[ -]\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class When:
    """A stretch of time named in a text; ``year`` is None for a month or day of no certain year.

    ``months`` are the first and the last, from 1; a last one above 12 is in the next year.
    """

    text: str
    year: int | None
    months: tuple[int, int]
    day: int | None = None

    @property
    def date(self) -> datetime.date | None:
        """The day, if it is one day of a certain year."""
        if not (self.year and self.day):
            return None
        try:
            return datetime.date(self.year, self.months[0], self.day)
        except ValueError:
            return None

    def days_from(self, day: datetime.date) -> int:
        """How many days ``day`` is away from it, 0 inside."""
        years = [self.year] if self.year else [day.year - 1, day.year, day.year + 1]
        spans = [self._span(year) for year in years if MINYEAR <= year < MAXYEAR]
        return min(max((first - day).days, (day - last).days, 0) for first, last in spans)

    def _span(self, year: int) -> tuple[datetime.date, datetime.date]:
        first, last = self.months
        if self.day:
            one = datetime.date(year, first, min(self.day, monthrange(year, first)[1]))
            return one, one
        end, month = year + (last - 1) // 12, (last - 1) % 12 + 1
        return datetime.date(year, first, 1), datetime.date(end, month, monthrange(end, month)[1])


def dates_in(text: str) -> tuple[When, ...]:
    """The times that ``text`` names, in order."""
    text = normalize("NFKC", text)  # Japanese digits are often as wide as other characters
    found: list[tuple[int, int, When]] = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if any(start < match.end() and match.start() < end for start, end, _ in found):
                continue
            when = _when(match, text[: match.start()])
            if when:
                found.append((match.start(), match.end(), when))
    return tuple(when for _, _, when in sorted(found, key=lambda each: each[0]))


def date_evidence(named: Iterable[When], day: datetime.date | None) -> float:
    """1 for a document of the time asked about, less the further away; 0 if there is no date."""
    if day is None:
        return 0.0
    return max((exp(-when.days_from(day) / _DAYS) for when in named), default=0.0)


def _when(match: re.Match[str], before: str) -> When | None:
    groups = match.groupdict()
    year = int(groups["year"]) if groups.get("year") else None
    if groups.get("era"):
        year = _ERAS[groups["era"]] + (1 if groups["reign"] == "元" else int(groups["reign"]))
    day = int(groups["day"]) if groups.get("day") else None
    name, part = groups.get("month"), groups.get("part")
    if name and year is None and day is None:
        short = len(name) < len("August") and not _BEFORE_A_MONTH.search(before)
        if short or not name[0].isupper():
            return None
    if part:
        months = _PARTS.get(part.casefold()) or _JAPANESE_PARTS[part]
    elif name or groups.get("number"):
        number = MONTHS[name.casefold()] if name else int(groups["number"])
        months = (number, number)
    else:
        months = (1, 12)
    if not 1 <= months[0] <= 12 or not (day is None or 1 <= day <= 31):
        return None
    return When(match[0], year, months, day)
