"""PDF files as governments publish them, and as they shouldn't: made with reportlab."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence

from PIL import Image
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    ListFlowable,
    ListItem,
    PageTemplate,
    Paragraph,
)

WIDTH, HEIGHT = A4
BODY = ParagraphStyle("body", fontName="Times-Roman", fontSize=11, leading=14, spaceAfter=8)
INDENTED = ParagraphStyle("indented", parent=BODY, firstLineIndent=18, spaceAfter=0)
JUSTIFIED = ParagraphStyle("justified", parent=BODY, alignment=TA_JUSTIFY)
TITLE = ParagraphStyle("title", parent=BODY, fontName="Times-Bold", fontSize=18, leading=22)
SECTION = ParagraphStyle("section", parent=BODY, fontName="Times-Bold", fontSize=13, leading=17)

pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))  # which comes with reportlab

Decoration = Callable[[Canvas, int], None]


def typeset(
    flow: Sequence[Flowable],
    *,
    columns: int = 1,
    decoration: Decoration | None = None,
    title: str = "",
    author: str = "",
    encrypt: StandardEncryption | None = None,
    height: float = HEIGHT,
) -> bytes:
    """``flow`` set on pages of ``columns``; ``decoration`` draws headers and the like on each."""
    margin, gutter = 72.0, 24.0
    width = (WIDTH - 2 * margin - gutter * (columns - 1)) / columns
    frames = [
        Frame(margin + at * (width + gutter), margin, width, height - 2 * margin, id=str(at))
        for at in range(columns)
    ]

    def draw(canvas: Canvas, template: BaseDocTemplate) -> None:
        if decoration:
            decoration(canvas, template.page)

    file = io.BytesIO()
    template = BaseDocTemplate(
        file, pagesize=(WIDTH, height), title=title, author=author, encrypt=encrypt
    )
    template.addPageTemplates([PageTemplate(frames=frames, onPage=draw)])
    template.build(list(flow))
    return file.getvalue()


def paragraphs(*texts: str, style: ParagraphStyle = BODY) -> list[Flowable]:
    """``texts`` as flowing paragraphs."""
    return [Paragraph(each, style) for each in texts]


def bullets(*texts: str) -> Flowable:
    """``texts`` as a bulleted list."""
    items = [ListItem(Paragraph(each, BODY)) for each in texts]
    return ListFlowable(items, bulletType="bullet", start="\u2022", bulletFontName="Vera")


def drawn(draw: Callable[[Canvas], None], *, compress: int = 1) -> bytes:
    """A PDF that ``draw`` paints by hand."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, pageCompression=compress)
    draw(canvas)
    canvas.save()
    return file.getvalue()


def lines(canvas: Canvas, x: float, y: float, texts: Sequence[str], leading: float = 14) -> None:
    """``texts`` one below the other, the first at ``x``, ``y``."""
    canvas.setFont("Vera", 11)
    for number, text in enumerate(texts):
        canvas.drawString(x, y - number * leading, text)


def scanned(pages: int = 2) -> bytes:
    """Pages that are pictures only."""

    def draw(canvas: Canvas) -> None:
        picture = ImageReader(Image.new("RGB", (200, 280), "lightgrey"))
        for _ in range(pages):
            canvas.drawImage(picture, 0, 0, WIDTH, HEIGHT)
            canvas.showPage()

    return drawn(draw)


def japanese(*texts: str) -> bytes:
    """``texts`` in a Japanese font, wrapped as Japanese is: anywhere."""
    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiMin-W3"))
    style = ParagraphStyle("ja", parent=BODY, fontName="HeiseiMin-W3", wordWrap="CJK")
    return typeset([Paragraph(each, style) for each in texts])


def packed_spaces(megabytes: int) -> bytes:
    """A zlib stream of that many megabytes, made of one megabyte's block again and again."""
    spaces = b" " * 1024**2
    compressor = zlib.compressobj(9)
    first = compressor.compress(spaces) + compressor.flush(zlib.Z_FULL_FLUSH)
    again = compressor.compress(spaces) + compressor.flush(zlib.Z_FULL_FLUSH)
    check = 1
    for _ in range(megabytes):
        check = zlib.adler32(spaces, check)
    end = b"\x03\x00" + check.to_bytes(4, "big")  # an empty last block, and the checksum
    return first + again * (megabytes - 1) + end


def bomb(megabytes: int) -> bytes:
    """One page whose content unpacks to that many megabytes of spaces."""
    packed = packed_spaces(megabytes)
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
    ]
    content = b"%PDF-1.4\n"
    places = []
    for number, part in enumerate(parts, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(content)
    return content + (
        b"xref\n0 5\n0000000000 65535 f \n%strailer\n<< /Size 5 /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (table, start)
    )
