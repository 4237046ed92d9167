"""What a readout's title states: what kind of meeting it was, with whom, and where.

    Readout of Prime Minister Kishida's Call with President Yoon of the Republic of Korea

states a call, with "President Yoon of the Republic of Korea". Measured on the 1,403 titles of
docs/measurements.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_KINDS = (
    "phone call|telephone call|video call|call|telephone conversation|conversation|"
    "bilateral meeting|virtual meeting|trilateral meeting|summit meeting|meetings?|summit|"
    "visit|travel|trip|lunch|dinner|breakfast|luncheon|reception|roundtable|briefing|convening|"
    "listening session|bilateral|engagement|dialogue|talks|video conference|conference|forum"
)
_KIND = re.compile(rf"\b(?P<kind>{_KINDS})\b", re.IGNORECASE)
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
    about = title.partition(" Readout of ")[2] or title
    found = _KIND.search(about)
    if not found:
        return Titled()
    kind = found["kind"].casefold()
    met = _WITH.match(about, found.end())
    went = _TO.match(about, found.end()) if kind in {"visit", "travel", "trip"} else None
    return Titled(
        kind,
        counterpart=met["with"].strip() if met else "",
        place=went["place"].strip() if went else "",
    )
