"""What a document is cited by: as YAML or JSON says it, or as its name and first lines do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any

from assistant.dates import dates_in
from assistant.errors import DocumentError
from assistant.paragraphs import SENTENCE_END

_FIRST, _DATELINE = 6, 120  # paragraphs at the top, and characters of one, that may date the whole
_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")


def parse(block: str, where: str) -> dict[str, Any]:
    """The YAML mapping in ``block``; empty if it is some other text."""
    import yaml  # only where a document has metadata

    try:
        # The base loader makes strings, lists and mappings only, so that a date stays as written.
        parsed = yaml.load(block, Loader=yaml.BaseLoader)  # noqa: S506 (it is the safest)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        at = getattr(error, "problem_mark", None)
        place = f", line {at.line + 1}" if at else ""
        raise DocumentError(f"its {where} is not valid YAML{place}") from error
    return parsed if isinstance(parsed, dict) else {}


def words(metadata: Mapping[str, Any], key: str) -> str:
    """The line of text under ``key``, empty if there is none."""
    value = metadata.get(key, "")
    if not isinstance(value, str):
        raise DocumentError(f"its {key} is not a line of text")
    return _line(value)


def lines(metadata: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The list of lines of text under ``key``, empty if there is none."""
    value = metadata.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise DocumentError(f"its {key} are not a list of lines of text")
    return tuple(map(_line, value))


def _line(text: str) -> str:
    """``text`` on one line, without the halves of characters that YAML and JSON can write."""
    return " ".join(text.split()).encode("utf-8", "replace").decode()


def day(metadata: Mapping[str, Any]) -> date | None:
    """The date, if there is one; DocumentError if it is written otherwise than 2025-02-07."""
    value = words(metadata, "date")
    found = iso_date(value)
    if value and not found:
        raise DocumentError(f"its date {value[:40]!r} is not of the form 2025-02-07")
    return found


def iso_date(text: str) -> date | None:
    """The date that ``text`` is in the form 2025-02-07, with or without a time."""
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


def date_at_top(paragraphs: Iterable[str]) -> date | None:
    """The day in a dateline among the first paragraphs: a short one that is no sentence."""
    for text in islice(paragraphs, _FIRST):
        if len(text) > _DATELINE or SENTENCE_END.search(text):
            continue
        days = {each for when in dates_in(text) if (each := when.date)}
        if len(days) == 1:
            return days.pop()
    return None


def date_in_name(stem: str) -> date | None:
    """The date in a file's name."""
    match = _DATE.search(stem)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def title_in_name(stem: str) -> str:
    """A file's name as a title, without its date."""
    return " ".join(re.split(r"[-_\s]+", _DATE.sub("", stem))).strip().capitalize() or stem
