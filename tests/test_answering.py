"""What is quoted, with what before it, and what readouts outside the scope say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from assistant.answering import best_sentences
from assistant.library import SOURCES, Library
from assistant.types import Outcome, Quote, Scope


def quote_of(library: Library, words: str) -> Quote:
    hits = library.retrieve(words)
    return next(each for each in best_sentences(hits) if words in each.text)


@pytest.mark.parametrize(
    ("words", "context"),
    [
        ("He expressed his intent", "At the outset, Prime Minister Ishiba emphasized"),
        ("They reaffirmed their commitment to the complete", "The leaders also exchanged views"),
        ("full support on this matter", "The leaders also exchanged views"),
        ("Article V of the Japan-U.S. Treaty", ""),
        ("lasted approximately 110 minutes", ""),
    ],
)
def test_what_a_quote_refers_back_to_comes_with_it(
    summit: Library, words: str, context: str
) -> None:
    quote = quote_of(summit, words)
    text = summit.documents[0].text
    assert quote.context.startswith(context)
    assert bool(quote.context) == bool(context)
    assert text[quote.start - len(quote.context) : quote.start] == quote.context


def test_a_quote_survives_its_form_as_json(summit: Library) -> None:
    for question in ("Who met?", "Did Trump back Ishiba on the abductions?"):
        for quote in summit.answer(question).quotes:
            assert Quote.from_dict(quote.as_dict()) == quote
    before = {name: value for name, value in quote.as_dict().items() if name != "context"}
    assert Quote.from_dict(before).context == ""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Two readouts; only the later one speaks of tariffs."""
    folder: Path = tmp_path_factory.mktemp("two")
    (folder / SOURCES).mkdir()
    texts = {
        "a": "---\ntitle: Talks in Oslo\ndate: 2024-03-01\n---\n"
        "The ministers discussed fishing quotas in the Barents Sea.\n",
        "b": "---\ntitle: Talks in Quito\ndate: 2025-01-20\n---\n"
        "The presidents agreed to end tariffs on bananas by 2027.\n",
    }
    for name, text in texts.items():
        (folder / SOURCES / f"{name}.md").write_text(text, encoding="utf-8")
    library = Library.open(folder)
    library.build()
    return library


QUESTION = "When will tariffs on bananas end?"


def test_readouts_outside_the_scope_are_offered_when_those_inside_dont_say(two: Library) -> None:
    for question, scope in (
        (QUESTION, Scope(documents=("a",))),
        (QUESTION, Scope(until=date(2024, 12, 31))),
        (f"{QUESTION} document:a", Scope()),
    ):
        answer = two.answer(question, scope=scope)
        assert answer.outcome is not Outcome.ANSWERED
        assert answer.quotes == ()
        assert {each.document.id for each in answer.hits} == {"a"}
        assert answer.elsewhere is not None
        assert [each.document for each in answer.elsewhere.quotes] == ["b"]
        assert answer.as_dict()["elsewhere"]["quotes"][0]["document"] == "b"


def test_nothing_is_offered_from_outside_an_answer_or_an_open_scope(two: Library) -> None:
    assert two.answer(QUESTION).outcome is Outcome.ANSWERED
    assert two.answer(QUESTION).elsewhere is None
    assert two.answer(QUESTION, scope=Scope(documents=("b",))).elsewhere is None
    assert two.answer("Who won the football?", scope=Scope(documents=("a",))).elsewhere is None
    assert two.answer("Who won the football?").elsewhere is None
