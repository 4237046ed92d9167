"""A quote's citation in the forms that readers and their reference managers take.

Each names issuer, title and date, where the words stand (page, paragraph), where the document was
published and which file was read, with its SHA-256. Chicago is the full note of the Manual of Style
(17th edition, 14.207), APA the reference to a web page (7th edition, 10.16). citeproc-py was tried
for both: it repeats a title that stands for an author, ends "agree?." with two marks, and needs
89 MB of styles.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from enum import Enum

from assistant.markdown import escape, quoted
from assistant.types import Quote

_NO_ADDRESS = re.compile(r"[<>\s\\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BIBTEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_BIBTEX |= {each: f"\\{each}" for each in "&%$#_{}"}
_ADDRESS = {ord("{"): "%7B", ord("}"): "%7D", ord("\\"): "%5C"}
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


class Style(str, Enum):
    """How to cite; compares equal to its plain string."""

    CHICAGO = "chicago"
    APA = "apa"
    MARKDOWN = "markdown"
    BIBTEX = "bibtex"
    RIS = "ris"
    CSL_JSON = "csl-json"

    __str__ = str.__str__

    @property
    def is_data(self) -> bool:
        """Whether programs read it, so that nothing else may stand between citations."""
        return self in {Style.BIBTEX, Style.RIS, Style.CSL_JSON}


def cite(quote: Quote, style: str) -> str:
    """The citation of ``quote`` in that ``Style``, ValueError if there is no such style.

    Markdown has the quoted words above it; BibTeX, RIS and CSL-JSON hold them as a note.
    """
    return cite_all([quote], style)


def cite_all(quotes: Sequence[Quote], style: str) -> str:
    """The citations of ``quotes`` as one text, or one file of references."""
    chosen = Style(style)
    if chosen is Style.CSL_JSON:
        return json.dumps([_csl(each) for each in quotes], ensure_ascii=False, indent=2)
    write = {
        Style.CHICAGO: _chicago,
        Style.APA: _apa,
        Style.MARKDOWN: _markdown,
        Style.BIBTEX: _bibtex,
        Style.RIS: _ris,
    }[chosen]
    return "\n\n".join(map(write, quotes))


def _chicago(quote: Quote) -> str:
    day = f"{quote.date:%B} {quote.date.day}, {quote.date.year}" if quote.date else "n.d."
    title = f"“{quote.title.replace('“', '‘').replace('”', '’')},”"
    issuer = f"{quote.issuer}, " if quote.issuer else ""
    url = f", {quote.url}" if quote.url else ""
    return f"{issuer}{title} {day}, {_locator(quote)}{url} ({_file(quote)})."


def _apa(quote: Quote) -> str:
    day = f"{quote.date.year}, {quote.date:%B} {quote.date.day}" if quote.date else "n.d."
    about = f"({_locator(quote)}) [{_file(quote)}]."
    begin = [f"{_ended(quote.issuer)} ({day}).", f"{quote.title} {about}"]
    if not quote.issuer:
        begin = [f"{_ended(quote.title)} ({day}).", about]
    return " ".join(filter(None, [*begin, quote.url]))


def _markdown(quote: Quote) -> str:
    title = escape(quote.title)
    if quote.url.startswith(("https://", "http://")):
        title = f"[{title}](<{_NO_ADDRESS.sub('', quote.url)}>)"
    facts = escape(", ".join([quote.citation.removeprefix(quote.title), _file(quote)]))
    return f"{quoted(quote.text)}\n>\n> — {title}{facts}"


def _bibtex(quote: Quote) -> str:
    fields = {
        "author": f"{{{_tex(quote.issuer)}}}" if quote.issuer else "",  # in braces: one name,
        "title": f"{{{_tex(quote.title)}}}",  # and capital letters as they are
        "year": str(quote.date.year) if quote.date else "",
        "month": _MONTHS[quote.date.month - 1] if quote.date else "",
        "day": str(quote.date.day) if quote.date else "",
        "url": "".join(_line(quote.url).split()).translate(_ADDRESS),
        "note": _tex(f"{_locator(quote)}; {_file(quote)}"),
        "annote": _tex(quote.text),
    }
    lines = [
        f"  {name} = {value if name == 'month' else f'{{{value}}}'},"
        for name, value in fields.items()
        if value
    ]
    return "\n".join([f"@misc{{{_key(quote)},", *lines, "}"])


def _ris(quote: Quote) -> str:
    tags = [
        ("TY", "ELEC" if quote.url else "GEN"),
        ("ID", _key(quote)),
        ("AU", f"{quote.issuer}," if "," in quote.issuer else quote.issuer),
        ("TI", quote.title),
        ("PY", str(quote.date.year) if quote.date else ""),
        ("DA", f"{quote.date:%Y/%m/%d}" if quote.date else ""),
        ("UR", quote.url),
        ("SP", str(quote.page or "")),
        ("N1", f"{_locator(quote)}; {_file(quote)}"),
        ("N1", quote.text),
    ]
    lines = [f"{tag}  - {_line(value)}" for tag, value in tags if value]
    return "\n".join([*lines, "ER  - "])


def _csl(quote: Quote) -> dict[str, object]:
    day = quote.date
    fields = {
        "id": _key(quote),
        "type": "webpage" if quote.url else "document",
        "title": quote.title,
        "author": [{"literal": quote.issuer}] if quote.issuer else None,
        "issued": {"date-parts": [[day.year, day.month, day.day]]} if day else None,
        "URL": quote.url,
        "page": str(quote.page or ""),
        "note": f"{_locator(quote)}; {_file(quote)}",
        "annote": quote.text,
    }
    return {name: value for name, value in fields.items() if value}


def _locator(quote: Quote) -> str:
    page = f"p. {quote.page}, " if quote.page else ""
    return f"{page}para. {quote.paragraph}"


def _file(quote: Quote) -> str:
    return f"{quote.path}, SHA-256 {quote.source_sha256 or quote.sha256}"


def _ended(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _line(text: str) -> str:
    return _CONTROL.sub("", " ".join(text.split()))


def _key(quote: Quote) -> str:
    """A name for the quote that reference managers take: the document's, and where it starts."""
    words: Iterable[str] = re.findall(r"[A-Za-z0-9]+", quote.document)
    return "-".join([*words, quote.sha256[:6], str(quote.start)])


def _tex(text: str) -> str:
    return "".join(_BIBTEX.get(each, each) for each in _line(text))
