"""What a readout's title states: what kind of meeting it was, with whom, and where.

    Readout of Prime Minister Kishida's Call with President Yoon of the Republic of Korea

states a call, with "President Yoon of the Republic of Korea". What is found in 1,403 titles stands
in docs/measurements.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_KINDS = (
    "phone call|telephone call|video call|call|telephone conversation|conversation|discussion|"
    "bilateral meeting|virtual meeting|trilateral meeting|summit meeting|meeting|summit|bilateral|"
    "visit|travel|trip|lunch|dinner|breakfast|luncheon|reception|roundtable|briefing|convening|"
    "listening session|engagement|dialogue|talk|video conference|conference|forum|pull aside|"
    "audience|event"
)
_KIND = re.compile(rf"\b(?P<kind>(?:{_KINDS})s?)\b", re.IGNORECASE)
_READOUT = re.compile(r"\A(?:joint )?readout\b|\breadout of\b", re.IGNORECASE)
_WITH = re.compile(
    r"\s+with\s+(?P<with>.+?)(?=,? (?:on|to discuss|about|in advance|at the margins)\b|$)"
)
_TO = re.compile(r"\s+to\s+(?P<place>[A-Z].*?)(?=,? (?:on|for|and Meeting|with)\b|$)")
_JAPANESE = re.compile(r"電話会談|首脳会談|外相会談|テレビ会談|会談|訪問|会合")


@dataclass(frozen=True, slots=True)
class Titled:
    """What a title states, in its own words, each empty if it doesn't; ``kind`` in lower case."""

    kind: str = ""
    counterpart: str = ""
    place: str = ""


def stated_in(title: str) -> Titled:
    """What ``title`` states."""
    if japanese := _JAPANESE.search(title):
        return Titled(kind=japanese[0])
    found = _KIND.search(title)
    if not found:
        return Titled()
    kind = found["kind"].casefold()
    met = _WITH.match(title, found.end())
    if not (met or _READOUT.search(title) or found.end() == len(title)):
        return Titled()  # something else may be about a meeting, too
    went = _TO.match(title, found.end()) if kind in {"visit", "travel", "trip"} else None
    return Titled(
        kind,
        counterpart=met["with"].strip() if met else "",
        place=went["place"].strip() if went else "",
    )
