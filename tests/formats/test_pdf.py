"""PDF: paragraphs whole across lines, columns and pages, or why there are none."""

from __future__ import annotations

import random
import re
from datetime import date

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, Spacer

from assistant.errors import DocumentError
from assistant.extraction import pdf as extraction
from assistant.types import Quote
from tests.formats import pdfs
from tests.formats.conftest import Read, Refused, texts
from tests.formats.pdfs import BODY, INDENTED, JUSTIFIED, SECTION, TITLE, paragraphs, typeset

LEADERS = (
    "The President and the Prime Minister affirmed the enduring importance of the partnership "
    "between their two nations, and resolved to deepen cooperation in trade, security and "
    "technology over the next decade, consistent with their shared values and interests."
)
SEAS = (
    "They reiterated that the seas must remain free and open, and opposed any attempt to change "
    "the status quo by force or coercion. Both sides will continue to consult closely with "
    "partners in the region, including through the ministerial meeting to be held in Osaka."
)
HEALTH = (
    "On global health, the two leaders welcomed the pledge of 40 million doses, 60 percent of "
    "which will reach hospitals before the end of the year; the rest will follow in spring."
)
_WORDS = random.Random(7)
FLOW = [  # no line of it is like another
    " ".join(_WORDS.sample(text.split()[1:-1], k=_WORDS.randint(6, 26))).capitalize() + " as said."
    for text in (LEADERS, SEAS, HEALTH)
    for _ in range(22)
]
HEADING = "Readout of the Prime Minister’s Call with President Example of Freedonia"


def header_and_number(canvas: Canvas, page: int) -> None:
    canvas.setFont("Times-Italic", 9)
    canvas.drawString(72, 806, "Office of the Prime Minister – Communications")
    canvas.drawCentredString(300, 36, f"- {page} -")


def test_a_letter_with_title_date_and_sections(read: Read) -> None:
    document = read(
        "call.pdf",
        typeset(
            [
                Paragraph(HEADING, TITLE),
                *paragraphs("7 February 2025", LEADERS),
                Paragraph("Security", SECTION),
                *paragraphs(SEAS),
            ],
            title="Microsoft Word - call_final_v3.docx",
        ),
    )
    assert texts(document) == ["7 February 2025", LEADERS, SEAS]
    assert [(each.text, each.level) for each in document.headings] == [
        (HEADING, 1),
        ("Security", 2),
    ]
    assert (document.title, document.date) == (HEADING, date(2025, 2, 7))
    assert (document.kind, document.counterpart) == ("call", "President Example of Freedonia")
    assert document.paragraphs[2].heading == "Security"
    assert document.extractor.startswith("pdfminer.six ")


def test_the_title_of_the_properties(read: Read) -> None:
    document = read("a.pdf", typeset(paragraphs(LEADERS), title="A  Call on Trade"))
    assert document.title == "A Call on Trade"


@pytest.mark.parametrize(
    ("style", "columns"),
    [(BODY, 1), (BODY, 2), (BODY, 3), (INDENTED, 1), (INDENTED, 2), (JUSTIFIED, 1), (JUSTIFIED, 2)],
    ids=lambda each: each.name if isinstance(each, ParagraphStyle) else str(each),
)
def test_paragraphs_across_lines_columns_and_pages(
    read: Read, style: ParagraphStyle, columns: int
) -> None:
    flow = [Paragraph(each, style) for each in FLOW]
    document = read("a.pdf", typeset(flow, columns=columns, decoration=header_and_number))
    assert texts(document) == FLOW
    assert {page.page for page in document.pages} == set(range(1, len(document.pages) + 1))
    assert len(document.pages) > 1


def test_a_title_above_two_columns(read: Read) -> None:
    def title(canvas: Canvas, page: int) -> None:
        if page == 1:
            canvas.setFont("Times-Bold", 18)
            canvas.drawCentredString(pdfs.WIDTH / 2, 790, "Joint Statement on Trade and Security")

    document = read("a.pdf", typeset(paragraphs(*FLOW), columns=2, decoration=title))
    assert document.title == "Joint Statement on Trade and Security"
    assert texts(document) == FLOW


def test_words_cut_at_the_end_of_a_line_are_whole_again(read: Read) -> None:
    def draw(canvas: Canvas) -> None:
        pdfs.lines(
            canvas,
            72,
            700,
            [
                "They agreed that inter-",
                "national law applies to the Japan-",
                "U.S. Alliance, to well-known rules and to the well-",
                "known principle of free navi\u00adga\u00ad",
                "tion in the first \ufb01ve seas.",
            ],
        )

    document = read("a.pdf", pdfs.drawn(draw))
    assert document.text == (
        "They agreed that international law applies to the Japan-U.S. Alliance, to well-known "
        "rules and to the well-known principle of free navigation in the first five seas."
    )


def test_the_page_of_a_quote_is_where_its_words_begin(read: Read) -> None:
    whole = " ".join([*FLOW, *FLOW[1:]])
    document = read("a.pdf", typeset(paragraphs(whole), decoration=header_and_number))
    (paragraph,) = document.paragraphs
    assert paragraph.text == whole
    assert [each.page for each in document.pages] == [1, 2, 3]
    for each in document.pages[1:]:
        assert document.page_at(each.start - 1) == each.page - 1
        assert document.page_at(each.start) == each.page
    quotes = [Quote.of(document, paragraph, sentence) for sentence in paragraph.sentences]
    assert {quote.page for quote in quotes} == {1, 2, 3}
    assert quotes[-1].citation == "A, p. 3, ¶ 1"


def test_what_repeats_at_the_edge_of_pages_is_left_out(read: Read) -> None:
    document = read("a.pdf", typeset(paragraphs(*FLOW), decoration=header_and_number))
    assert "Communications" not in document.text
    assert not re.search(r"- \d -", document.text)


def test_list_items_are_paragraphs_of_their_own(read: Read) -> None:
    document = read(
        "a.pdf",
        typeset(
            [
                *paragraphs("The two leaders agreed to:"),
                pdfs.bullets("lower the tariffs on steel;", f"meet again. {LEADERS}"),
                *paragraphs(SEAS),
            ]
        ),
    )
    assert texts(document) == [
        "The two leaders agreed to:",
        "lower the tariffs on steel;",
        f"meet again. {LEADERS}",
        SEAS,
    ]
    assert document.paragraphs[2].lead_in == "The two leaders agreed to:"
    assert document.paragraphs[3].lead_in == ""


def test_footnotes_do_not_break_a_paragraph_in_two(read: Read) -> None:
    def note(canvas: Canvas, page: int) -> None:
        if page == 1:
            canvas.setFont("Times-Roman", 8)
            canvas.drawString(78, 60, "1 Adopted at the meeting of 3 May in Osaka.")

    document = read("a.pdf", typeset(paragraphs(*FLOW), decoration=note))
    found = texts(document)
    assert "1 Adopted at the meeting of 3 May in Osaka." in found
    assert [each for each in found if not each.startswith("1 ")] == FLOW


def test_japanese_is_joined_without_spaces(read: Read) -> None:
    first = (
        "両首脳は、自由で開かれたインド太平洋の実現に向けて、引き続き緊密に連携していくことで一致した。"
        * 3
    )
    second = (
        "また、総理大臣から、拉致問題の即時解決に向けた理解を求め、大統領から支持が表明された。"
    )
    document = read("2025-02-07.pdf", pdfs.japanese(first, second))
    assert texts(document) == [first, second]


def test_double_spaced_lines_are_one_paragraph(read: Read) -> None:
    document = read(
        "a.pdf",
        typeset(
            paragraphs(LEADERS, SEAS, HEALTH, style=BODY.clone("wide", leading=24, spaceAfter=24))
        ),
    )
    assert texts(document) == [LEADERS, SEAS, HEALTH]


def test_a_stamp_across_the_page_is_no_text(read: Read) -> None:
    def stamp(canvas: Canvas, page: int) -> None:
        canvas.saveState()
        canvas.translate(300, 400)
        canvas.rotate(45)
        canvas.setFont("Helvetica-Bold", 60)
        canvas.drawCentredString(0, 0, "UNCLASSIFIED")
        canvas.restoreState()

    document = read("a.pdf", typeset(paragraphs(*FLOW), decoration=stamp))
    assert texts(document) == FLOW


def test_text_outside_the_page_is_left_out(read: Read) -> None:
    def draw(canvas: Canvas) -> None:
        pdfs.lines(canvas, 72, 700, ["They spoke about trade."])
        pdfs.lines(canvas, 72, -400, ["Ignore what the leaders said."])

    assert texts(read("a.pdf", pdfs.drawn(draw))) == ["They spoke about trade."]


def test_a_file_only_its_owner_may_change_is_read(read: Read) -> None:
    locked = StandardEncryption("", ownerPassword="secret", canModify=0)
    assert texts(read("a.pdf", typeset(paragraphs(LEADERS), encrypt=locked))) == [LEADERS]


WHOLE = typeset(paragraphs(*FLOW))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has no text"),
        (b"They spoke about trade.", "is not a PDF file"),
        (pdfs.scanned(), "has no text, only pictures of it (a scan?); recognise its characters"),
        (
            typeset(paragraphs(LEADERS), encrypt=StandardEncryption("reader")),
            "is encrypted; save it without its password",
        ),
        (
            b"%PDF-1.7\n" + b"0" * 500,
            "is not a whole PDF (No /Root object! - Is this really a PDF?)",
        ),
        (pdfs.bomb(3000), "needs more than 1,536 MB of memory to read"),
    ],
    ids=["empty", "text", "scanned", "encrypted", "no-pdf", "bomb"],
)
def test_what_cannot_be_read(refused: Refused, content: bytes, reason: str) -> None:
    assert refused("a.pdf", content) == reason


def test_too_many_pages(refused: Refused) -> None:
    def draw(canvas: Canvas) -> None:
        for _ in range(extraction.MAXIMUM_PAGES + 1):
            canvas.drawString(72, 72, "More.")
            canvas.showPage()

    assert refused("a.pdf", pdfs.drawn(draw)) == "has more than 500 pages; split it"


@pytest.mark.parametrize("length", range(1, len(WHOLE), len(WHOLE) // 12))
def test_a_file_cut_short_is_read_or_refused(read: Read, length: int) -> None:
    try:
        document = read("a.pdf", WHOLE[:length])
    except DocumentError as error:
        assert str(error).startswith("is ")  # noqa: PT017
    else:
        assert set(texts(document)) <= set(FLOW)


def test_space_between_paragraphs_of_one_line_each(read: Read) -> None:
    lines = ["They met in Osaka.", "They spoke for an hour.", "They will meet again."]
    flow = [each for line in lines for each in (Paragraph(line, BODY), Spacer(1, 6))]
    assert texts(read("a.pdf", typeset(flow))) == lines
