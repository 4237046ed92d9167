"""The trained reader: spans and logits on fixed inputs, its place in answers, and doing without."""

from __future__ import annotations

import dataclasses
import logging
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant import answering, network, reader
from assistant.confidence import Signals, confidence, threshold
from assistant.encoder import DEFAULT_MODEL, model_folder, tokenizer_in
from assistant.graph import fastest_precision
from assistant.library import SOURCES, Library
from assistant.reader import NOTHING, WEIGHTS, Reader, Reading, load_reader
from assistant.types import Mode, Outcome
from assistant.windows import MAXIMUM_TOKENS, Passage, Windows, place
from tests.conftest import SUMMIT
from tests.toy import ToyEncoder

PLACE = "Japan–U.S. Summit Meeting (February 7, 2025)"


@pytest.fixture(scope="module", params=sorted({"f32", fastest_precision()}))
def trained(request: pytest.FixtureRequest) -> Reader:
    """The reader that ships, as this processor computes it and as the others do."""
    loaded = Reader(model_folder(DEFAULT_MODEL), WEIGHTS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(network, "fastest_precision", lambda: request.param)
        loaded.load()
    return loaded


@pytest.mark.parametrize(
    ("question", "paragraph", "words", "span", "answerable"),
    [
        ("How long did the meeting last?", 1, "approximately 110 minutes", 2.43, 1.19),
        ("How long did the meeting last?", 5, "five consecutive years", -0.42, 0.33),
        ("Which islands fall under the treaty?", 3, "the Senkaku Islands", 4.47, 1.79),
        (
            "How many American troops will leave Okinawa?",
            4,
            "the construction of the Futenma Replacement Facility",
            -18.29,
            -9.01,
        ),
    ],
)
def test_the_reader_reads_as_it_was_trained(
    trained: Reader,
    summit: Library,
    question: str,
    paragraph: int,
    words: str,
    span: float,
    answerable: float,
) -> None:
    text = summit.documents[0].paragraphs[paragraph - 1].text
    (reading,) = trained.read(question, [Passage(text, PLACE)])
    assert text[reading.start : reading.end] == words
    # Processors with bfloat16 compute in it, others in 32 bits.
    assert reading.span == pytest.approx(span, abs=0.5)
    assert reading.answerable == pytest.approx(answerable, abs=0.3)


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("What did they say about Taiwan?", "answered"),
        ("How much does Japan want to invest in the U.S.?", "answered"),
        ("Does the treaty cover the Senkaku Islands?", "answered"),
        ("Did computer chips come up?", "answered"),
        ("Did tariffs come up?", "not_found"),
        ("How many American troops will leave Okinawa?", "related"),
        ("How much does Japan pay for hosting American forces?", "related"),
        ("What is the capital of France?", "not_found"),
        ("How do I bake sourdough bread?", "not_found"),
    ],
)
def test_what_the_readout_does_not_say_is_told_from_what_it_says(
    summit: Library, question: str, outcome: str
) -> None:
    assert summit.answer(question).outcome == outcome


def test_passages_are_read_alike_alone_and_together(trained: Reader, summit: Library) -> None:
    document = summit.documents[0]
    passages = [Passage.of(document, each) for each in document.paragraphs]
    together = trained.read("Who was invited?", passages)
    for passage, reading in zip(passages, together, strict=True):
        (alone,) = trained.read("Who was invited?", [passage])
        assert (alone.start, alone.end) == (reading.start, reading.end)
        # In bfloat16, numbers from 2 to 4 are a 64th apart.
        assert alone.answerable == pytest.approx(reading.answerable, abs=1 / 32)


def test_a_passage_is_placed_by_title_and_date(summit: Library) -> None:
    document = summit.documents[0]
    assert Passage.of(document, document.paragraphs[0]).place == PLACE
    assert place("Call", date(2024, 4, 2)) == "Call (April 2, 2024)"
    assert place("Call", None) == "Call"


def test_the_answer_is_found_at_the_end_of_a_long_passage(trained: Reader) -> None:
    text = "They spoke of many things at length. " * 60 + "The call lasted 47 minutes."
    (reading,) = trained.read("How long did the call last?", [Passage(text)])
    assert text[reading.start : reading.end] == "47 minutes"


@pytest.mark.parametrize("text", ["", " ", "\n", "\u200b"])
def test_a_passage_without_words_has_no_answer(trained: Reader, text: str) -> None:
    (reading,) = trained.read("Who?", [Passage(text)])
    assert 0 <= reading.start <= reading.end <= len(text)
    assert trained.read("Who?", []) == []


@pytest.fixture(scope="module")
def windows() -> Windows:
    return Windows(tokenizer_in(model_folder(DEFAULT_MODEL)))


@given(question=st.text(max_size=300), where=st.text(max_size=99), text=st.text(max_size=900))
@settings(max_examples=100, deadline=None)
def test_windows_cover_any_text_within_their_bounds(
    windows: Windows, question: str, where: str, text: str
) -> None:
    covered: set[int] = set()
    for window in windows.of(question, Passage(text, where)):
        assert len(window.ids) == len(window.segments) == len(window.matches) <= MAXIMUM_TOKENS
        assert window.first + len(window.offsets) == len(window.ids) - 1
        for start, end in window.offsets:
            assert 0 <= start <= end <= len(text)
            covered |= set(range(start, end))
    for index, letter in enumerate(text):
        assert index in covered or not (letter.isascii() and letter.isalnum())


@given(question=st.text(min_size=1, max_size=60), text=st.text(max_size=200))
@settings(max_examples=25, deadline=None)
def test_offsets_are_within_any_text(trained: Reader, question: str, text: str) -> None:
    (reading,) = trained.read(question, [Passage(text, "Title")])
    assert 0 <= reading.start <= reading.end <= len(text)
    assert np.isfinite([reading.span, reading.answerable]).all()


def test_the_answer_is_marked_inside_its_quote(summit: Library) -> None:
    answer = summit.answer("How long did the meeting last?")
    assert answer.mode is Mode.READER
    quote = answer.quotes[0]
    assert quote.emphasis is not None
    start, end = quote.emphasis
    assert quote.start <= start < end <= quote.end
    assert summit.documents[0].text[start:end] == "approximately 110 minutes"
    assert answer.as_dict()["quotes"][0]["emphasis"] == [start, end]
    assert answer.as_dict()["mode"] == "reader"


def test_every_emphasis_lies_within_its_quote(summit: Library) -> None:
    for question in ("Who met?", "What about Taiwan?", "How much investment?", "Which groupings?"):
        for quote in summit.answer(question).quotes:
            if quote.emphasis:
                assert quote.start <= quote.emphasis[0] < quote.emphasis[1] <= quote.end


def test_no_words_are_marked_that_read_the_other_way_without_the_rest(
    summit: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = "Did they support changing the status quo by force?"
    hits = summit.retrieve(question)
    hit = next(each for each in hits if "status quo by force" in each.paragraph.text)
    denied = hit.paragraph.text.index("change the status quo by force")
    found = Reading(denied, denied + len("change the status quo by force"), 9.0, 9.0)

    class Misled(Reader):
        def read(self, question: str, passages: object) -> list[Reading]:
            return [found if each is hit else NOTHING for each in hits]

    misled = Misled(WEIGHTS.parent, WEIGHTS)
    answer = answering.answer(question, question, hits, misled, 1.0)
    quote = next(each for each in answer.quotes if "status quo by force" in each.text)
    assert "efforts to change" in quote.text  # the sentence is whole


def test_without_its_weights_the_ranking_answers_alone(
    summit: Library,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    altered = tmp_path / "reader.safetensors"
    altered.write_bytes(WEIGHTS.read_bytes()[:-1] + b"x")
    with caplog.at_level(logging.WARNING):
        assert load_reader(altered) is None
        assert load_reader(tmp_path / "missing.safetensors") is None
    assert "has been altered" in caplog.records[0].message
    assert "No such file" in caplog.records[1].message
    monkeypatch.setattr("assistant.library.load_reader", lambda: None)
    answer = summit.answer("How long did the meeting last?")
    assert (answer.mode, answer.outcome) == (Mode.RANKING, Outcome.ANSWERED)
    assert "110 minutes" in answer.quotes[0].text
    assert answer.quotes[0].emphasis is None
    assert summit.answer("How do I bake sourdough bread?").outcome is Outcome.NOT_FOUND


def test_another_encoder_does_without_the_reader(folder: Path) -> None:
    (folder / SOURCES / "a.txt").write_text("Alpha bravo.")
    library = Library(folder, ToyEncoder())
    library.build()
    assert library.answer("alpha").mode is Mode.RANKING


def test_altered_weights_are_never_loaded() -> None:
    import hashlib

    digest = hashlib.sha256(reader.WEIGHTS.read_bytes()).hexdigest()
    assert digest == reader.WEIGHTS_SHA256


def test_a_lower_error_takes_more_confidence() -> None:
    thresholds = [threshold(each) for each in (0.0, 0.05, 0.1, 0.2, 0.3, 1.0)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] == 1.0
    signals = Signals(2.0, 7.0, 2.0, agreement=True)
    unsure = dataclasses.replace(signals, answerable=-5.0, best=-5.0, agreement=False)
    assert 0 < confidence(unsure) < confidence(signals) < 1


def test_a_stricter_library_refuses_more(summit: Library) -> None:
    strict = Library.open(summit.folder, maximum_error=0.0)
    answer = strict.answer("How long did the meeting last?")
    assert answer.outcome is Outcome.RELATED
    assert answer.quotes == ()
    assert SUMMIT in answer.hits[0].document.id
