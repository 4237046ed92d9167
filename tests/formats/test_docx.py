"""Word: the text with its changes accepted, and no more than is shown."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import Any

import pytest

from tests.formats import docxs
from tests.formats.conftest import Read, Refused, texts

TITLE = "Readout of the Chancellor’s Meeting with Prime Minister Example of Sylvania"
TRADE = "The two leaders agreed that trade should grow, and that tariffs “must” be lowered by May."
SEAS = "They reaffirmed that the seas must remain free and open – and will meet again in Osaka."


def plain(made: Any) -> None:
    made.add_paragraph(TRADE)


def test_title_sections_lists_and_tables(read: Read) -> None:
    def fill(made: Any) -> None:
        made.add_heading(TITLE, 0)
        made.add_paragraph("Berlin, 7 February 2025")
        made.add_heading("Trade", 1)
        made.add_paragraph("They agreed to:")
        made.add_paragraph("lower tariffs;", style="List Bullet")
        made.add_paragraph("meet again.", style="List Bullet")
        table = made.add_table(1, 2)
        table.cell(0, 0).text, table.cell(0, 1).text = "Steel", "5 percent"
        made.add_paragraph(SEAS)

    document = read("a.docx", docxs.document(fill))
    assert texts(document) == [
        "Berlin, 7 February 2025",
        "They agreed to:",
        "lower tariffs;",
        "meet again.",
        "Steel",
        "5 percent",
        SEAS,
    ]
    assert [(each.text, each.level) for each in document.headings] == [(TITLE, 1), ("Trade", 1)]
    assert document.paragraphs[3].lead_in == "They agreed to:"
    assert (document.title, document.date) == (TITLE, date(2025, 2, 7))
    assert (document.kind, document.counterpart) == (
        "meeting",
        "Prime Minister Example of Sylvania",
    )
    assert document.extractor.startswith("python-docx ")


def test_the_title_of_the_properties_where_none_is_in_the_text(read: Read) -> None:
    def fill(made: Any) -> None:
        made.core_properties.title = "A Meeting on Trade"
        made.add_paragraph(TRADE)

    assert read("a.docx", docxs.document(fill)).title == "A Meeting on Trade"


def test_tracked_changes_are_accepted(read: Read) -> None:
    def fill(made: Any) -> None:
        docxs.add_xml(
            made,
            "<w:r><w:t xml:space='preserve'>They agreed </w:t></w:r>"
            "<w:del w:id='1' w:author='x'><w:r><w:delText>not </w:delText></w:r></w:del>"
            "<w:ins w:id='2' w:author='x'><w:r><w:t>fully </w:t></w:r></w:ins>"
            "<w:r><w:t>to</w:t></w:r>"
            "<w:moveFrom w:id='3' w:author='x'><w:r><w:t> ever</w:t></w:r></w:moveFrom>"
            "<w:moveTo w:id='4' w:author='x'><w:r><w:t> soon</w:t></w:r></w:moveTo>"
            "<w:r><w:t xml:space='preserve'> meet.</w:t></w:r>",
        )

    assert texts(read("a.docx", docxs.document(fill))) == ["They agreed fully to soon meet."]


def test_paragraphs_whose_break_was_deleted_are_one(read: Read) -> None:
    def fill(made: Any) -> None:
        docxs.add_xml(
            made,
            "<w:pPr><w:rPr><w:del w:id='1' w:author='x'/></w:rPr></w:pPr>"
            "<w:r><w:t xml:space='preserve'>They met </w:t></w:r>",
        )
        docxs.add_xml(made, "<w:r><w:t>in Osaka.</w:t></w:r>")

    assert texts(read("a.docx", docxs.document(fill))) == ["They met in Osaka."]


def test_footnotes_follow_the_text(read: Read) -> None:
    def fill(made: Any) -> None:
        docxs.add_xml(
            made,
            "<w:r><w:t>They adopted the plan</w:t></w:r><w:r><w:footnoteReference w:id='1'/></w:r>"
            "<w:r><w:t xml:space='preserve"
            "'> in May.</w:t></w:r>",
        )
        made.add_paragraph(SEAS)
        docxs.add_footnote(made, "The plan of 3 May.")

    document = read("a.docx", docxs.document(fill))
    assert texts(document) == ["They adopted the plan in May.", SEAS, "The plan of 3 May."]


def test_hidden_text_field_codes_and_comments_are_no_text(read: Read) -> None:
    def fill(made: Any) -> None:
        made.add_paragraph(TRADE)
        run = made.add_paragraph("They met. ").add_run("The treaty is void.")
        run.font.hidden = True
        docxs.add_xml(
            made,
            "<w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText> DATE </w:instrText>"
            "</w:r><w:r><w:fldChar w:fldCharType='separate'/></w:r><w:r><w:t>7 May</w:t></w:r>"
            "<w:r><w:fldChar w:fldCharType='end'/></w:r>",
        )
        made.add_comment(made.paragraphs[0].runs, text="Is this so?", author="x")

    assert texts(read("a.docx", docxs.document(fill))) == [TRADE, "They met.", "7 May"]


def test_tabs_breaks_and_hyphens_that_do_not_break(read: Read) -> None:
    def fill(made: Any) -> None:
        docxs.add_xml(
            made,
            "<w:r><w:t>Tokyo</w:t><w:tab/><w:t>F</w:t><w:noBreakHyphen/><w:t>35</w:t><w:br/>"
            "<w:t>The end.</w:t></w:r>",
        )

    assert texts(read("a.docx", docxs.document(fill))) == ["Tokyo F\u201135\nThe end."]


def test_text_boxes_are_read_once(read: Read) -> None:
    def fill(made: Any) -> None:
        box = "<w:txbxContent><w:p><w:r><w:t>In the box.</w:t></w:r></w:p></w:txbxContent>"
        mc = "http://schemas.openxmlformats.org/markup-compatibility/2006"
        docxs.add_xml(
            made,
            f"<w:r><w:t>Beside it.</w:t></w:r><w:r><mc:AlternateContent xmlns:mc='{mc}'>"
            f"<mc:Choice Requires='wps'>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
            "</mc:AlternateContent></w:r>",
        )

    assert texts(read("a.docx", docxs.document(fill))) == ["Beside it.", "In the box."]


def test_japanese(read: Read) -> None:
    words = "両首脳は、引き続き緊密に連携していくことで一致した。"
    document = read("2025-02-07-a.docx", docxs.document(lambda made: made.add_paragraph(words)))
    assert (texts(document), document.date) == ([words], date(2025, 2, 7))


def test_entities_are_not_resolved(refused: Refused) -> None:
    def change(name: str, content: bytes) -> bytes:
        if name != "word/document.xml":
            return content
        lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
        head, _, rest = content.decode().partition("?>")
        text = rest.replace(TRADE, "&l11;")
        return f'{head}?><!DOCTYPE w [<!ENTITY l0 "lol">{lol}]>{text}'.encode()

    reason = refused("a.docx", docxs.rewritten(docxs.document(plain), change))
    assert reason in {"has no text"} or reason.startswith("is not a whole Word document")


def archive(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(name, "They spoke.")
    return file.getvalue()


WHOLE = docxs.document(plain)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.docx", b"", "has no text"),
        ("a.docx", docxs.document(lambda made: None), "has no text"),
        ("a.docx", b"They spoke.", "is not a DOCX file"),
        ("a.docx", archive("notes.txt"), "is not a DOCX file"),
        ("a.docx", archive("word/document.xml"), "is a ZIP archive, but not a Word document"),
        ("a.docx", WHOLE[:-200], "is not a whole Word document (File is not a zip file)"),
        ("a.docx", docxs.bomb(WHOLE, 300), "unpacks to 300 MB, more than the 200 MB read"),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
            "is an old or an encrypted Word document; save it as a plain .docx",
        ),
        ("a.txt", WHOLE, "holds DOCX; rename it to end in .docx"),
        ("a.pdf", WHOLE, "holds DOCX; rename it to end in .docx"),
    ],
    ids=[
        "bytes",
        "empty",
        "text",
        "zip",
        "no-types",
        "cut",
        "bomb",
        "old",
        "named-txt",
        "named-pdf",
    ],
)
def test_what_cannot_be_read(refused: Refused, name: str, content: bytes, reason: str) -> None:
    assert refused(name, content) == reason
