"""Adding readouts to a folder, also after an addition that was killed half-way."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.library import SOURCES, Library
from assistant.web.intake import Incoming, add

CALL = Incoming("call.txt", b"They spoke.", title="A call", date="2024-04-02")
METADATA = "title: A call\ndate: '2024-04-02'\n"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    (tmp_path / SOURCES).mkdir()
    return Library(tmp_path)


def test_what_a_killed_addition_left_does_not_stand_in_the_way(library: Library) -> None:
    sources = library.folder / SOURCES
    (sources / ".intake-abc").mkdir()
    (sources / ".intake-abc" / "call.txt").write_bytes(CALL.content)
    (sources / "call.yaml").write_text(METADATA)
    came = add(library, [CALL])
    assert (came.added, came.problems) == (("call.txt",), ())
    assert sorted(each.name for each in sources.iterdir()) == ["call.txt", "call.yaml"]
    assert (sources / "call.yaml").read_text() == METADATA


@pytest.mark.parametrize("name", ["call.txt", "call.md", "call.yaml"])
def test_no_file_of_the_same_name_is_replaced(library: Library, name: str) -> None:
    (library.folder / SOURCES / name).write_text("title: Mine\n")
    came = add(library, [CALL])
    assert came.added == ()
    assert [each.reason for each in came.problems] == [
        "is already there as call; rename it or remove the other first"
    ]
    assert [each.name for each in (library.folder / SOURCES).iterdir()] == [name]
    assert (library.folder / SOURCES / name).read_text() == "title: Mine\n"
