"""Splitting texts: offsets always hold, and paragraphs and sentences are what a reader sees."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.paragraphs import markdown_blocks, plain_blocks, split
from assistant.types import Heading, Paragraph, Sentence

# Text of any kind, with much of what splits texts and what trips splitters.
pieces = st.sampled_from(
    ["U.S. ", "a.m. ", "Gen. ", "No. 5", ". ", "! ", "?", "。", "”", "\n", "\r\n", "\r", "\n\n",
     "- ", "1. ", "# ", "> ", "---\n", "```\n", "İ", "ß", "e\u0301", "👩‍👩‍👧", "会談", "\u202eשלום",
     "\u2029", "\u00a0", "\x1c", "\x85", "\u200b", "A\u2029.", "    "]
)  # fmt: skip
texts = st.lists(pieces | st.text(max_size=12), max_size=25).map("".join)


def parts(
    text: str, *, markdown: bool = False
) -> tuple[tuple[Paragraph, ...], tuple[Heading, ...]]:
    return split(text, markdown_blocks(text) if markdown else plain_blocks(text))


@given(texts, st.booleans())
def test_every_offset_gives_the_text_it_stands_for(text: str, markdown: bool) -> None:
    paragraphs, headings = parts(text, markdown=markdown)
    sentences = [each for paragraph in paragraphs for each in paragraph.sentences]
    found: list[Paragraph | Heading | Sentence] = [*paragraphs, *headings, *sentences]
    for part in found:
        assert text[part.start : part.end] == part.text
        assert part.text == part.text.strip() != ""


@given(texts, st.booleans())
def test_sentences_cover_their_paragraph_in_order(text: str, markdown: bool) -> None:
    for paragraph in parts(text, markdown=markdown)[0]:
        position = paragraph.start
        assert paragraph.sentences
        for sentence in paragraph.sentences:
            assert text[position : sentence.start].strip() == ""
            position = sentence.end
        assert position == paragraph.end


@given(texts, st.booleans())
def test_paragraphs_are_in_order_and_numbered_and_have_ids_of_their_own(
    text: str, markdown: bool
) -> None:
    paragraphs, _ = parts(text, markdown=markdown)
    assert [each.number for each in paragraphs] == list(range(1, len(paragraphs) + 1))
    assert len({each.id for each in paragraphs}) == len(paragraphs)
    for first, second in pairwise(paragraphs):
        assert first.end <= second.start


@given(texts)
def test_no_word_of_a_plain_text_is_lost(text: str) -> None:
    paragraphs, _ = parts(text)
    kept = [range(each.start, each.end) for each in paragraphs]
    for position, character in enumerate(text):
        if character.isalpha():
            marker = text[max(0, position - 1) : position + 2]
            lettered_item = marker.startswith("(") and marker.endswith(")")
            assert lettered_item or any(position in span for span in kept)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            "Gen. Brown met Mr. Kihara at 11:55 a.m. in Washington, D.C. on Jan. 5. They spoke.",
            [
                "Gen. Brown met Mr. Kihara at 11:55 a.m. in Washington, D.C. on Jan. 5.",
                "They spoke.",
            ],
        ),
        ("He left the U.S. Both agreed.", ["He left the U.S.", "Both agreed."]),
        ("See No. 5 of the list. It is long.", ["See No. 5 of the list.", "It is long."]),
        (
            "Strengthen the Japan-U.S. Alliance and the Japan-U.S.-South Korea framework.",
            ["Strengthen the Japan-U.S. Alliance and the Japan-U.S.-South Korea framework."],
        ),
        ("“We will act.” He sat down.", ["“We will act.”", "He sat down."]),
        ("会談が行われた。同盟を強化する。", ["会談が行われた。", "同盟を強化する。"]),
        ("$1 billion. 2. $700 million.", ["$1 billion.", "2. $700 million."]),
        ("A readout of one line", ["A readout of one line"]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: list[str]) -> None:
    (paragraph,), _ = parts(text)
    assert [each.text for each in paragraph.sentences] == sentences


LONG = "Prime Minister Ishiba emphasized that the alliance matters to both countries"


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("\nOne.\nTwo.\n", ["One.", "Two."]),
        ("One.\r\nTwo.\r\n", ["One.", "Two."]),
        ("One.\rTwo.", ["One.", "Two."]),
        ("One.\n \t\nTwo.", ["One.", "Two."]),
        (f"{LONG}\nand to the region.\n\nTwo.", [f"{LONG}\nand to the region.", "Two."]),
        (f"{LONG}.\n{LONG}.\nEnd.", [f"{LONG}.", f"{LONG}.", "End."]),
        (f"{LONG * 2}\n{LONG * 2}", [LONG * 2, LONG * 2]),
        ("They agreed:\n• one\n• two", ["They agreed:", "one", "two"]),
        (f"1. {LONG}\n{LONG}\n2. Two", [f"{LONG}\n{LONG}", "Two"]),
        ("One.\n\n* * *\n\nTwo.", ["One.", "Two."]),
        (" \n\n", []),
    ],
)
def test_plain_text_paragraphs(text: str, paragraphs: list[str]) -> None:
    assert [each.text for each in parts(text)[0]] == paragraphs


def test_markdown_paragraphs_items_and_headings() -> None:
    text = (
        "# Joint *statement*\n\nPara with\na wrapped line.\n\nThey agreed:\n\n- first\n- second,\n"
        "  continued\n\nSecurity\n--------\n\n> Quoted.\n\n    code\n"
    )
    paragraphs, headings = parts(text, markdown=True)
    assert [(each.text, each.heading, each.lead_in) for each in paragraphs] == [
        ("Para with\na wrapped line.", "Joint *statement*", ""),
        ("They agreed:", "Joint *statement*", ""),
        ("first", "Joint *statement*", "They agreed:"),
        ("second,\n  continued", "Joint *statement*", "They agreed:"),
        ("Quoted.", "Security", ""),
        ("code", "Security", ""),
    ]
    assert [(each.text, each.level) for each in headings] == [
        ("Joint *statement*", 1),
        ("Security", 2),
    ]


def test_the_lead_in_of_a_list_ends_with_the_list() -> None:
    paragraphs, _ = parts("They agreed:\n• to meet;\n• to talk.\nThey then left.")
    assert [each.lead_in for each in paragraphs] == ["", "They agreed:", "They agreed:", ""]


def test_ids_survive_edits_elsewhere_and_tell_repeated_paragraphs_apart() -> None:
    before, _ = parts("One.\n\nSame.\n\nTwo.\n\nSame.")
    after, _ = parts("New.\n\nOne!\n\nSame.\n\nTwo.\n\nSame.")
    assert [each.id for each in before[1:]] == [each.id for each in after[2:]]
    assert before[3].id == f"{before[1].id}-2"
