"""Markdown keeps the words: what is rendered is what stands in the file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assistant.library import Library
from assistant.markdown import answer_blocks, cited, escape, hit_blocks
from tests.test_library import Shown

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"))
MARKUP = st.text("*_`~[]()<>#+-=.!|$&\\:1a \n>", max_size=40)
RENDERERS = [MarkdownIt("commonmark"), MarkdownIt("js-default", {"html": False})]


def words(text: str) -> list[str]:
    return text.split()


@given(TEXT | MARKUP)
def test_a_quote_renders_as_its_words_and_as_nothing_else(text: str) -> None:
    for renderer in RENDERERS:
        shown = Shown(renderer.render(cited(text, "Title, ¶ 1")))
        assert words(shown.text) == [*words(text), "—", "Title,", "¶", "1"]
        assert shown.tags <= {"blockquote", "p", "br"}


@given(TEXT | MARKUP)
def test_a_note_renders_as_its_words(text: str) -> None:
    for renderer in RENDERERS:
        shown = Shown(renderer.render(escape(text.strip())))
        assert words(shown.text) == words(text)
        assert shown.tags <= {"p"}


def test_most_sentences_stay_as_they_are() -> None:
    for line in (
        "Both leaders reaffirmed that Article V of the Japan-U.S. Treaty applies.",
        "It began at 11:55 AM (1:55 a.m. in Japan), and cost 3.5 billion; they said “no”!",
    ):
        assert escape(line) == line
    assert escape("1. First") == "1\\. First"
    assert escape("![x](http://other.invalid/x.png)") == "!\\[x\\](http://other.invalid/x.png)"


def test_an_answer_is_its_notes_and_its_quotes(summit: Library) -> None:
    answer = summit.answer("Does the treaty cover the Senkaku Islands?")
    (block,) = answer_blocks(answer)
    assert block == cited(answer.quotes[0].text, answer.quotes[0].citation)
    assert block.startswith("> Both leaders reaffirmed")
    refused = summit.answer("How do I bake sourdough bread?")
    notice, nearest, *passages = answer_blocks(refused)
    assert notice == refused.refusal
    assert nearest == "Nearest passages, which do not answer it:"
    assert passages == list(hit_blocks(refused.hits))
