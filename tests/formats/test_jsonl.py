"""JSONL: one file of many readouts, each found, cited, verified and removed by itself."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assistant import Library
from assistant.library import SOURCES
from assistant.web import intake
from assistant.web.permalink import Found, address, find
from tests.conftest import readouts_in
from tests.toy import ToyEncoder

CALL = {
    "doc": "2024-04-02-call",
    "title": "Readout of the President’s Call with Prime Minister Example",
    "date": "2024-04-02",
    "issuer": "White House",
    "url": "https://example.org/1",
    "paragraphs": ["They spoke about fish.", "“Tariffs” fall.\nIn May."],
}
VISIT = {"title": "A visit", "place": "Osaka", "kind": "visit", "paragraphs": ["Bravo zulu."]}


def lines(*rows: Any) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def read(folder: Path, content: str) -> tuple[dict[str, Any], list[str]]:
    (folder / "calls.jsonl").write_text(content, encoding="utf-8", newline="")
    documents, problems = readouts_in(folder)
    return {each.id: each for each in documents}, [str(each) for each in problems]


def test_each_line_is_a_document(tmp_path: Path) -> None:
    documents, problems = read(tmp_path, "\n" + lines(CALL) + "\r\n" + lines(VISIT))
    assert problems == []
    assert list(documents) == ["calls#2024-04-02-call", "calls#4"]
    call, visit = documents.values()
    assert [each.text for each in call.paragraphs] == CALL["paragraphs"]
    assert call.text == "They spoke about fish.\n\n“Tariffs” fall.\nIn May."
    assert (call.title, call.date) == (CALL["title"], date(2024, 4, 2))
    assert (call.issuer, call.url, call.path) == ("White House", CALL["url"], "calls.jsonl")
    assert (call.kind, call.counterpart) == ("call", "Prime Minister Example")
    assert (visit.place, visit.kind, visit.date, visit.extractor) == ("Osaka", "visit", None, "")


def test_a_readout_without_title_and_date_has_those_of_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "2023-01-01-export.jsonl").write_text(
        lines({"doc": "2024-04-02-a-call", "paragraphs": ["A."]}, {"paragraphs": ["B."]})
    )
    documents, _ = readouts_in(tmp_path)
    assert [(each.title, each.date) for each in documents] == [
        ("2", None),
        ("A call", date(2024, 4, 2)),
    ]


def test_list_items_begin_after_their_marker(tmp_path: Path) -> None:
    documents, _ = read(
        tmp_path, lines({"paragraphs": ["They agreed:", "- to meet;", "2. to talk."]})
    )
    (document,) = documents.values()
    assert document.text == "They agreed:\n\n- to meet;\n\n2. to talk."
    assert [each.text for each in document.paragraphs] == ["They agreed:", "to meet;", "to talk."]
    assert document.paragraphs[2].lead_in == "They agreed:"


def test_the_file_beside_it_says_what_holds_for_all(tmp_path: Path) -> None:
    (tmp_path / "calls.yaml").write_text("issuer: PMO\n")
    documents, problems = read(tmp_path, lines(CALL, VISIT))
    assert problems == []
    assert [each.issuer for each in documents.values()] == ["PMO", "PMO"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2 is not JSON in UTF-8"),
        ("[" * 100_000, "line 2 is not JSON in UTF-8"),
        ("[]", "line 2 is not a JSON object"),
        ('{"title": "A"}', "line 2: its paragraphs are not a list of texts"),
        ('{"paragraphs": "A"}', "line 2: its paragraphs are not a list of texts"),
        ('{"paragraphs": ["A", 1]}', "line 2: its paragraphs are not a list of texts"),
        ('{"paragraphs": [" "]}', "line 2: has no text"),
        ('{"title": 1, "paragraphs": ["A"]}', "line 2: its title is not a line of text"),
        (
            '{"date": "soon", "paragraphs": ["A"]}',
            "line 2: its date 'soon' is not of the form 2025-02-07",
        ),
        ('{"doc": "", "paragraphs": ["A"]}', "line 2: its doc is not a name"),
        ('{"doc": "a\\u0000b", "paragraphs": ["A"]}', "line 2: its doc is not a name"),
        ('{"doc": 7, "paragraphs": ["A"]}', "line 2: its doc is not a name"),
        (json.dumps(CALL), "line 2: has the doc 2024-04-02-call, as an earlier line has"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_told_and_the_rest_is_read(
    tmp_path: Path, line: str, reason: str
) -> None:
    documents, problems = read(tmp_path, lines(CALL) + line + "\n" + lines(VISIT))
    assert list(documents) == ["calls#2024-04-02-call", "calls#3"]
    assert problems == [f"calls.jsonl: {reason}"]


def test_many_lines_that_cannot_be_read_are_one_problem(tmp_path: Path) -> None:
    documents, problems = read(tmp_path, lines(CALL) + "{\n" * 1_001)
    assert list(documents) == ["calls#2024-04-02-call"]
    assert problems == ["calls.jsonl: line 2 is not JSON in UTF-8 (1,000 more lines can't be read)"]


def test_halves_of_characters_are_replaced(tmp_path: Path) -> None:
    documents, _ = read(tmp_path, '{"title": "A \\ud800", "paragraphs": ["B \\udfff c."]}\n')
    (document,) = documents.values()
    assert (document.title, document.text) == ("A ?", "B ? c.")


def test_a_file_of_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") == ({}, ["calls.jsonl: has no text"])
    assert read(tmp_path, "\n\n") == ({}, ["calls.jsonl: has no text"])


@pytest.fixture
def library(folder: Path) -> Library:
    (folder / SOURCES / "calls.jsonl").write_text(lines(CALL, VISIT))
    library = Library(folder, ToyEncoder())
    library.build()
    return library


def test_a_quote_is_verified_in_its_own_document(library: Library) -> None:
    path = library.folder / SOURCES / "calls.jsonl"
    quote = library.retrieve("fish", k=1)[0].quote
    assert quote.document == "calls#2024-04-02-call"
    assert library.verify(quote).reason == "calls.jsonl has these words at this place"
    path.write_text(lines(VISIT, CALL))
    assert library.verify(quote).reason == "calls.jsonl has these words at this place"
    path.write_text(lines(VISIT, CALL | {"paragraphs": ["They spoke about fowl."]}))
    assert library.verify(quote).reason == "calls.jsonl does not have these words"
    path.write_text(lines(VISIT))
    assert library.verify(quote).reason == "calls.jsonl has no readout named 2024-04-02-call"


def test_a_permalink_leads_into_the_collection(library: Library) -> None:
    documents = {each.id: each for each in library.documents}
    quote = library.retrieve("fish", k=1)[0].quote
    cited = address(quote.document, quote.paragraph_id, 0, quote.start, quote.end)
    place = find(documents.get, cited)
    assert (place.found, place.quote) == (Found.PASSAGE, quote)


def test_only_a_changed_line_is_embedded_again(library: Library) -> None:
    path = library.folder / SOURCES / "calls.jsonl"
    path.write_text(lines(VISIT, CALL, VISIT | {"doc": "new", "paragraphs": ["Charlie delta."]}))
    report = library.build()
    assert (report.added, report.embedded) == (("calls#1", "calls#new"), 1)
    assert report.removed == ("calls#2",)


def test_a_document_is_removed_from_its_collection_alone(library: Library) -> None:
    sources = library.folder / SOURCES
    (sources / "calls.yaml").write_text("issuer: PMO\n")
    _, call = library.documents
    intake.remove(library, call)
    assert (sources / "calls.jsonl").read_text() == "\n" + lines(VISIT)
    assert (sources / ".removed" / "calls.jsonl").read_text() == lines(CALL)
    assert (sources / "calls.yaml").exists()


def test_the_last_document_takes_its_collection_along(library: Library) -> None:
    sources = library.folder / SOURCES
    (sources / "calls.jsonl").write_text(lines(CALL))
    library.build()
    (call,) = library.documents
    intake.remove(library, call)
    assert not (sources / "calls.jsonl").exists()
    assert (sources / ".removed" / "calls.jsonl").read_text() == lines(CALL)


def test_a_collection_is_added_by_the_chat(folder: Path) -> None:
    library = Library(folder, ToyEncoder())
    came = intake.add(library, [intake.Incoming("calls.jsonl", (lines(CALL) + "{\n").encode())])
    assert came.added == ("calls.jsonl",)
    assert [str(each) for each in came.problems] == ["calls.jsonl: line 2 is not JSON in UTF-8"]
    assert library.build().added == ("calls#2024-04-02-call",)
