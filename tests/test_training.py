"""What training takes from a library and from written questions; training itself takes an hour."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from assistant.library import Library
from assistant.windows import Passage
from tests.conftest import PROJECT
from tests.toy import ToyEncoder
from training import train


def collection(path: Path, readouts: dict[str, list[str]]) -> None:
    rows = [
        {"doc": name, "title": f"Call {name}", "date": "2024-04-02", "paragraphs": paragraphs}
        for name, paragraphs in readouts.items()
    ]
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two readouts, one of them kept for development, and a statement; asked by a toy encoder."""
    readouts = {"one": ["Alpha bravo.", "Alpha charlie.", "Delta."], "kept": ["Alpha echo."]}
    collection(tmp_path / train.READOUTS, readouts)
    collection(tmp_path / train.STATEMENTS, {"two": ["Foxtrot golf. Hotel."]})
    (tmp_path / "readouts_qa_dev.json").write_text('[{"gold": [{"doc": "kept"}]}]')

    def opened(folder: Path) -> Library:
        return Library(folder, ToyEncoder())

    monkeypatch.setattr(Library, "open", opened)
    return tmp_path


def test_near_misses_are_passages_found_that_do_not_answer(data: Path, tmp_path: Path) -> None:
    library = train.library_of([data / train.READOUTS], tmp_path / "library")
    examples = [
        train.Example("alpha?", Passage("Alpha bravo."), (6, 11), ("bravo",), "one"),
        train.Example("Did Alpha meet Bravo?", Passage("Delta."), None, (), "one"),  # of all
        train.Example("alpha?", Passage("Elsewhere."), None, (), "unknown"),
    ]
    found = [[each.text for each in some] for some in train.near_misses(library, data, examples)]
    assert found == [["Alpha charlie.", "Delta."], ["Alpha bravo.", "Alpha charlie."], []]


def test_written_questions_stand_where_they_say(data: Path, tmp_path: Path) -> None:
    rows = [
        {"doc": "one", "paragraph": 1, "question": "Who?", "start": 6, "end": 13},
        {"doc": "two", "paragraph": 0, "question": "What else?", "start": None, "end": None},
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    trained, kept = train.readout_questions(data, path)
    assert [each.group for each in kept] == ["one"]  # every fourth, so the first of two
    assert kept[0].golds == ("charlie",)
    assert kept[0].passage.place == "Call one (April 2, 2024)"
    assert [(each.group, each.answer, each.golds) for each in trained] == [("two", None, ())]


def test_nobody_trains_on_development_questions() -> None:
    folder = PROJECT / "training"
    trained = {row["doc"] for row in train.read_lines(folder / "questions.jsonl")}
    development = train.read_lines(train.DEVELOPMENT)
    assert not trained & {row["doc"] for row in development}
    assert len(development) == len({(row["doc"], row["question"]) for row in development})
