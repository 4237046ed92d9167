"""The engine's reasons, as it gives them, in Japanese."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assistant.errors import QuestionError
from assistant.library import SOURCES, Library
from assistant.questions import read_question
from assistant.types import Quote
from assistant.web.reasons import in_language
from tests.conftest import readouts_in
from tests.toy import ToyEncoder

_ENGLISH = re.compile(r"[A-Za-z]+(?:\s+[A-Za-z']+){2}")  # three words in a row


def test_what_is_wrong_with_files_is_told_in_japanese(folder: Path) -> None:
    sources = folder / SOURCES
    (sources / "binary.txt").write_bytes(b"\0\1\2" * 99)
    (sources / "empty.txt").write_text("")
    (sources / "large.txt").write_bytes(b"word " * 3_000_000)
    (sources / "latin.txt").write_bytes("caf\xe9 au lait".encode("latin-1"))
    (sources / "sixteen.txt").write_text("words", encoding="utf-16")
    (sources / "picture.png").write_bytes(b"\x89PNG")
    (sources / "cut.pdf").write_bytes(b"%PDF-1.4\nnothing")
    (sources / "cut.docx").write_bytes(b"PK\3\4nothing")
    (sources / "day.md").write_text("---\ndate: yesterday\n---\nWords.")
    (sources / "twin.md").write_text("Words.")
    (sources / "twin.txt").write_text("Words.")
    (sources / "link.txt").symlink_to("twin.txt")
    _, problems = readouts_in(sources)
    assert len(problems) >= 11
    for problem in problems:
        told = in_language(problem.reason, "ja")
        assert not _ENGLISH.search(told), (problem.reason, told)
        assert in_language(problem.reason, "en") == problem.reason


def test_what_is_wrong_with_a_quote_is_told_in_japanese(folder: Path) -> None:
    source = folder / SOURCES / "a.txt"
    source.write_text("Alpha bravo charlie.")
    library = Library(folder, ToyEncoder())
    library.build()
    quote = library.retrieve("alpha")[0].quote
    for text, told in (
        ("More words. Alpha bravo charlie.", "a.txt 変更され、引用は別の場所にあります"),
        ("Delta echo.", "a.txt この引用は見当たりません"),
    ):
        source.write_text(text)
        reason = library.verify(Quote.from_dict(quote.as_dict())).reason
        assert in_language(reason, "ja") == told


@pytest.mark.parametrize("question", [" ", "x" * 3000, "tariffs since:soon", "\ud800"])
def test_what_is_wrong_with_a_question_is_told_in_japanese(question: str) -> None:
    with pytest.raises(QuestionError) as refused:
        read_question(question)
    assert not _ENGLISH.search(in_language(str(refused.value), "ja"))


def test_an_unknown_reason_stays_as_it_is() -> None:
    assert in_language("the moon is full", "ja") == "the moon is full"
