"""What the functions that write the page return: no server, no browser, no Gradio."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assistant.citations import cite
from assistant.evaluation import read_questions
from assistant.library import Library
from assistant.types import Answer, Outcome, Quote
from assistant.web import export
from assistant.web.conversation import Conversations, Turn
from assistant.web.feedback import Feedback
from assistant.web.panel import CHOSEN, OTHER, source_html
from assistant.web.render import (
    Mark,
    Reader,
    answer_html,
    escape,
    language_of,
    marked,
    question_html,
)
from assistant.web.wording import ENGLISH, JAPANESE

READER = Reader(ENGLISH)
# Browsers keep control characters, but this parser drops them.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"))


class Text(HTMLParser):
    """The text of a piece of HTML, and its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def answer(library: Library, outcome: Outcome = Outcome.ANSWERED) -> Answer:
    found = library.answer("Does the treaty cover the Senkaku Islands?")
    quotes = tuple(hit.quote for hit in found.hits[:2]) if outcome == Outcome.ANSWERED else ()
    return dataclasses.replace(found, outcome=outcome, quotes=quotes)


@given(TEXT)
def test_escaped_text_reads_back_as_it_was(text: str) -> None:
    parsed = Text(escape(text))
    assert (parsed.text, parsed.tags) == (text, [])


@given(TEXT)
def test_a_question_is_one_line_without_markup_of_its_own(question: str) -> None:
    html = question_html(question)
    assert Text(html).text == question
    assert html.isprintable() or not question.isprintable()
    assert "\n" not in html


@given(TEXT, st.integers(0, 20), st.integers(0, 20), st.integers(0, 1_000))
def test_marking_changes_no_text(text: str, start: int, length: int, offset: int) -> None:
    mark = Mark(offset + start, offset + start + length, CHOSEN)
    assert Text(marked(text, offset, [mark])).text == text


def test_marks_stand_where_they_should() -> None:
    marks = [Mark(14, 17, OTHER), Mark(10, 13, CHOSEN), Mark(12, 15, OTHER)]
    assert marked("one two", 10, marks) == (
        '<mark class="chosen">one</mark>&#32;<mark class="other">two</mark>'
    )


def test_an_answer_counts_quotes_and_cites(summit: Library) -> None:
    html = answer_html(answer(summit), READER)
    assert "2&#32;passages&#32;in&#32;the&#32;readouts&#32;address&#32;this" in html
    assert html.count("<blockquote") == 2
    assert "\n" not in html


def test_a_refusal_says_that_silence_shows_nothing_and_folds_the_nearest(summit: Library) -> None:
    for outcome, title in (
        (Outcome.RELATED, "Not answered in the readouts"),
        (Outcome.NOT_FOUND, "Not stated in the readouts"),
    ):
        parsed = Text(answer_html(answer(summit, outcome), READER))
        assert title in parsed.text
        assert "silence does not show that a topic was not raised" in parsed.text
        assert "details" in parsed.tags


def test_a_rewritten_question_is_shown(summit: Library) -> None:
    rewritten = dataclasses.replace(answer(summit), searched_for="The treaty & the islands?")
    html = answer_html(rewritten, READER)
    assert "Searched for: The treaty & the islands?" in Text(html).text
    assert "Searched for" not in Text(answer_html(answer(summit), READER)).text


def test_a_document_is_shown_whole(summit: Library) -> None:
    document = summit.documents[0]
    parsed = Text(source_html(document, READER))
    for paragraph in document.paragraphs:
        assert paragraph.text in parsed.text


def test_a_documents_address_is_a_link_only_if_a_browser_can_open_it(summit: Library) -> None:
    document = summit.documents[0]
    for url, links in (("https://example.org/x?a=1&b", 1), ("javascript:alert(1)", 0), ("", 0)):
        html = source_html(dataclasses.replace(document, url=url), READER)
        assert html.count('class="original"') == links


def test_texts_tell_their_language() -> None:
    assert [language_of(text) for text in ("Hello", "会談は", "회담", "会谈", "…")] == [
        *("en", "ja", "ko", "zh", "")
    ]


def test_dates_are_written_as_their_readers_write_them() -> None:
    day = date(2025, 2, 7)
    assert ENGLISH.when(day) == "7 February 2025"
    assert ENGLISH.when(day, american=True) == "February 7, 2025"
    assert JAPANESE.when(day) == "2025年2月7日"
    assert ENGLISH.when(None) == ""


def test_both_languages_have_all_words_and_the_same_blanks() -> None:
    for field in dataclasses.fields(ENGLISH):
        english, japanese = getattr(ENGLISH, field.name), getattr(JAPANESE, field.name)
        assert english.strip()
        assert japanese.strip()
        assert blanks(english) == blanks(japanese), field.name


def blanks(words: str) -> set[str]:
    return {part.partition("}")[0] for part in words.split("{")[1:]}


def turn(quote: Quote) -> Turn:
    answer = Answer("What?", "What?", Outcome.ANSWERED, confidence=1, quotes=(quote,), hits=())
    return Turn("What?", answer, asked=1, total=1)


@given(TEXT)
def test_exported_markdown_renders_the_words_as_they_are(text: str) -> None:
    words = " ".join(text.split()) or "word"
    quote = Quote(words, "d", "Title", None, "", "", "d.txt", 1, "id", 0, len(words), "0" * 64)
    rendered = MarkdownIt().render(export.markdown([turn(quote)], READER, date(2025, 2, 7)))
    assert words in " ".join(Text(rendered).text.split())


def test_quotes_are_exported_as_references_each_once() -> None:
    quote = Quote("A b.", "d", "Title", None, "", "", "d.txt", 1, "id", 0, 4, "0" * 64)
    turns, day = [turn(quote), turn(quote)], date(2025, 2, 7)
    assert export.bibtex(turns, READER, day) == cite(quote, "bibtex") + "\n"
    assert export.ris(turns, READER, day) == cite(quote, "ris") + "\n"
    assert export.csl_json(turns, READER, day) == cite(quote, "csl-json") + "\n"


def test_an_exported_page_needs_nothing_else(summit: Library) -> None:
    turns = [Turn("<b>What?</b>", answer(summit), asked=1, total=1)]
    html = export.page(turns, READER, date(2025, 2, 7))
    assert "<b>" not in html
    assert "Exported on 7 February 2025" in Text(html).text
    assert not {"script", "link", "img"} & set(Text(html).tags)


def test_conversations_forget_the_oldest(summit: Library) -> None:
    conversations = Conversations(most=2, turns=3)
    one = Turn("What?", answer(summit), asked=1, total=1)
    keys = [f"{number:032x}" for number in range(3)]
    for key in keys:
        conversations.add(key, one)
    assert [len(conversations.turns(key)) for key in keys] == [0, 1, 1]
    for _ in range(5):
        conversations.add(keys[2], one)
    assert len(conversations.turns(keys[2])) == 3
    assert conversations.add("guessable", one) == (one,)
    assert conversations.turns("guessable") == ()


def test_good_verdicts_become_a_set_of_questions(summit: Library, folder: Path) -> None:
    feedback = Feedback(folder / "verdicts.jsonl")
    answered = Turn("And the islands?", answer(summit), asked=1, total=1)
    refused = Turn("Who paid?", answer(summit, Outcome.NOT_FOUND), asked=1, total=1)
    feedback.add(answered, ["What of the treaty?"], helpful=False)
    feedback.add(answered, ["What of the treaty?"], helpful=True)
    feedback.add(refused, [], helpful=True)
    feedback.add(Turn("Which lunch?", answer(summit), asked=1, total=1), [], helpful=False)
    rows = folder / "questions.jsonl"
    rows.write_text("\n".join(map(json.dumps, feedback.question_set())), encoding="utf-8")
    first, second = read_questions(rows)
    assert (first.text, first.history) == ("And the islands?", ("What of the treaty?",))
    assert first.gold[0].span == answered.answer.quotes[0].text
    assert (second.text, second.type, second.gold) == ("Who paid?", "unanswerable", ())
