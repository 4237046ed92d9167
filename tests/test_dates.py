"""The times that questions name."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.dates import date_evidence, dates_in


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What was said in January 2022?", [("January 2022", 2022, (1, 1), None)]),
        ("on February 7, 2025", [("February 7, 2025", 2025, (2, 2), 7)]),
        ("on 7 Feb 2025", [("7 Feb 2025", 2025, (2, 2), 7)]),
        ("on the 7th of February", [("7th of February", None, (2, 2), 7)]),
        ("2025-02-07", [("2025-02-07", 2025, (2, 2), 7)]),
        ("in early 2022", [("early 2022", 2022, (1, 4), None)]),
        ("the spring 2024 call", [("spring 2024", 2024, (3, 5), None)]),
        ("winter of 2023", [("winter of 2023", 2023, (12, 14), None)]),
        ("And in their phone call that April?", [("April", None, (4, 4), None)]),
        ("2021 or May 2023", [("2021", 2021, (1, 12), None), ("May 2023", 2023, (5, 5), None)]),
        ("in May", [("May", None, (5, 5), None)]),
        ("May they march on?", []),
        ("They may march", []),
        ("$2021 million, 2,021 people, 12021", []),
        ("Q3 2024", [("Q3 2024", 2024, (7, 9), None)]),
        ("2025-13-07", []),
        ("2022年1月のテレビ会談で", [("2022年1月", 2022, (1, 1), None)]),
        ("２０２５年２月７日に", [("2025年2月7日", 2025, (2, 2), 7)]),
        ("2024年春、2月", [("2024年春", 2024, (3, 5), None), ("2月", None, (2, 2), None)]),
        ("2023年に", [("2023年", 2023, (1, 12), None)]),
        ("2022年初めに", [("2022年初め", 2022, (1, 4), None)]),
        ("2022年の末", [("2022年の末", 2022, (9, 12), None)]),
        ("令和元年", [("令和元年", 2019, (1, 12), None)]),
        ("令和4年1月", [("令和4年1月", 2022, (1, 1), None)]),
        ("2月7日の会談", [("2月7日", None, (2, 2), 7)]),
        ("11月に", [("11月", None, (11, 11), None)]),
        ("12022年、13月、3か月、20年前、1万2022円", []),
        ("", []),
    ],
)  # fmt: skip
def test_dates(text: str, found: list[tuple[str, int | None, tuple[int, int], int | None]]) -> None:
    assert [(each.text, each.year, each.months, each.day) for each in dates_in(text)] == found


@pytest.mark.parametrize(
    ("text", "day", "days"),
    [
        ("January 2022", date(2022, 1, 21), 0),
        ("January 2022", date(2022, 2, 3), 3),
        ("January 2022", date(2021, 12, 30), 2),
        ("7 February", date(2025, 2, 7), 0),
        ("31 December", date(2025, 1, 1), 1),
        ("winter 2023", date(2024, 2, 29), 0),
        ("30 February 2023", date(2023, 2, 28), 0),
        ("2022", date(2025, 1, 1), 732),
    ],
)
def test_distance_in_days(text: str, day: date, days: int) -> None:
    (when,) = dates_in(text)
    assert when.days_from(day) == days


def test_evidence_is_one_inside_less_outside_and_nothing_without_dates() -> None:
    named = dates_in("in January 2022")
    assert date_evidence(named, date(2022, 1, 1)) == 1.0
    assert 0.3 < date_evidence(named, date(2022, 2, 14)) < 0.4
    assert date_evidence(named, date(2024, 1, 1)) < 1e-9
    assert date_evidence(named, None) == date_evidence((), date(2022, 1, 1)) == 0.0


@given(st.text(max_size=200), st.dates(date(2, 1, 1), date(9998, 12, 31)))
def test_no_text_and_no_day_trip_it(text: str, day: date) -> None:
    assert 0 <= date_evidence(dates_in(text), day) <= 1
