"""Citations: what each style prints, and that reference managers' own readers take them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
import rispy
from bibtexparser.entrypoint import parse_string
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assistant import Quote, Style, cite
from assistant.citations import cite_all

SHA = "ab" * 32
PDF = Quote(
    text="They agreed that “5 %” of tariffs\nwill fall.",
    document="2024/call",
    title="Readout of the President’s Call",
    date=date(2024, 4, 2),
    issuer="White House",
    url="https://example.org/call_1",
    path="2024/call.pdf",
    paragraph=3,
    paragraph_id="x",
    start=120,
    end=160,
    sha256="cd" * 32,
    source_sha256=SHA,
    extractor="pdfminer.six 1, revision 1",
    page=2,
)
BARE = replace(PDF, title="Do they agree?", date=None, issuer="", url="", page=None)


@pytest.mark.parametrize(
    ("quote", "style", "cited"),
    [
        (
            PDF,
            "chicago",
            "White House, “Readout of the President’s Call,” April 2, 2024, p. 2, para. 3, "
            f"https://example.org/call_1 (2024/call.pdf, SHA-256 {SHA}).",
        ),
        (
            BARE,
            "chicago",
            f"“Do they agree?,” n.d., para. 3 (2024/call.pdf, SHA-256 {SHA}).",
        ),
        (
            PDF,
            "apa",
            "White House. (2024, April 2). Readout of the President’s Call (p. 2, para. 3) "
            f"[2024/call.pdf, SHA-256 {SHA}]. https://example.org/call_1",
        ),
        (BARE, "apa", f"Do they agree? (n.d.). (para. 3) [2024/call.pdf, SHA-256 {SHA}]."),
        (
            PDF,
            "bibtex",
            "@misc{2024-call-cdcdcd-120,\n"
            "  author = {{White House}},\n"
            "  title = {{Readout of the President’s Call}},\n"
            "  year = {2024},\n"
            "  month = apr,\n"
            "  day = {2},\n"
            "  url = {https://example.org/call_1},\n"
            f"  note = {{p. 2, para. 3; 2024/call.pdf, SHA-256 {SHA}}},\n"
            "  annote = {They agreed that “5 \\%” of tariffs will fall.},\n"
            "}",
        ),
        (
            PDF,
            "ris",
            "TY  - ELEC\nID  - 2024-call-cdcdcd-120\nAU  - White House\n"
            "TI  - Readout of the President’s Call\nPY  - 2024\nDA  - 2024/04/02\n"
            "UR  - https://example.org/call_1\nSP  - 2\n"
            f"N1  - p. 2, para. 3; 2024/call.pdf, SHA-256 {SHA}\n"
            "N1  - They agreed that “5 %” of tariffs will fall.\nER  - ",
        ),
    ],
)
def test_each_style(quote: Quote, style: str, cited: str) -> None:
    assert cite(quote, style) == cited


def test_markdown_shows_the_quote_and_links_its_title() -> None:
    html = MarkdownIt("commonmark").render(cite(PDF, Style.MARKDOWN))
    assert html == (
        "<blockquote>\n<p>They agreed that “5 %” of tariffs\nwill fall.</p>\n"
        '<p>— <a href="https://example.org/call_1">Readout of the President’s Call</a>, '
        f"p. 2, ¶ 3, 2 April 2024, White House, 2024/call.pdf, SHA-256 {SHA}</p>\n</blockquote>\n"
    )


def test_csl_json() -> None:
    (item,) = json.loads(cite(PDF, "csl-json"))
    assert item == {
        "id": "2024-call-cdcdcd-120",
        "type": "webpage",
        "title": "Readout of the President’s Call",
        "author": [{"literal": "White House"}],
        "issued": {"date-parts": [[2024, 4, 2]]},
        "URL": "https://example.org/call_1",
        "page": "2",
        "note": f"p. 2, para. 3; 2024/call.pdf, SHA-256 {SHA}",
        "annote": PDF.text,
    }


def test_several_quotes_are_one_file() -> None:
    later = replace(PDF, start=400)
    assert [each["id"] for each in json.loads(cite_all([PDF, later], "csl-json"))] == [
        "2024-call-cdcdcd-120",
        "2024-call-cdcdcd-400",
    ]
    assert len(rispy.loads(cite_all([PDF, later], "ris"))) == 2
    assert len(parse_string(cite_all([PDF, later], "bibtex")).entries) == 2
    assert cite_all([], "csl-json") == "[]"
    assert cite_all([], "ris") == ""


def test_a_style_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="'mla' is not a valid Style"):
        cite(PDF, "mla")


hostile = st.text(
    st.sampled_from("ab {}\\%$#&_~^\"'@,=<>*[]()!`\n\r\u2028\x00\x1b“”’é会-:/") | st.characters(),
    max_size=40,
)


@settings(deadline=None)
@given(hostile, hostile, hostile, hostile)
def test_no_text_breaks_out_of_its_field(text: str, title: str, issuer: str, url: str) -> None:
    quote = replace(PDF, text=f"a{text}", title=f"a{title}", issuer=issuer, url=url)
    (item,) = json.loads(cite(quote, "csl-json"))
    assert (item["annote"], item["title"]) == (quote.text, quote.title)

    parsed = parse_string(cite(quote, "bibtex"))
    assert parsed.failed_blocks == []
    (entry,) = parsed.entries
    allowed = {"author", "title", "year", "month", "day", "url", "note", "annote"}
    assert {each.key for each in entry.fields} <= allowed

    lines = cite(quote, "ris").split("\n")
    assert [line[:6] for line in lines if line[:2] in ("TY", "ER")] == ["TY  - ", "ER  - "]
    assert all(line[2:6] == "  - " for line in lines)

    for style in ("chicago", "apa", "markdown"):
        assert cite(quote, style)
