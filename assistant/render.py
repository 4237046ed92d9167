"""Answers and documents as HTML: pure functions, each from values to a string.

What they return stands in two places: in the page, and in chat messages, which pass through
Gradio's Markdown and sanitiser. The first would change words and the second drops attributes, so
every text is escaped by ``escape`` and every message is one line of plain elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote as percent_encode

from assistant.permalink import address
from assistant.types import Answer, Document, Hit, Outcome, Quote
from assistant.wording import Wording

_NOT_ALPHANUMERIC = re.compile(r"[^0-9A-Za-z\x80-\U0010ffff]")
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("en", re.compile(r"[A-Za-z]")),
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: in which language, and whether with American dates."""

    wording: Wording
    american: bool = False

    def when(self, document: Document | Quote) -> str:
        return self.wording.when(document.date, american=self.american)


def escape(text: str) -> str:
    """``text`` as character references, which Markdown and HTML can't read as anything else."""
    return _NOT_ALPHANUMERIC.sub(lambda match: f"&#{ord(match[0])};", text)


def language_of(text: str) -> str:
    """The language ``text`` is most likely in, told by its script; empty if that doesn't tell."""
    return next((language for language, script in _SCRIPTS if script.search(text)), "")


def _cite(quote: Quote, paragraph_start: int) -> str:
    """The address of the page that shows ``quote`` in its document."""
    named = address(quote.document, quote.paragraph_id, paragraph_start, quote.start, quote.end)
    return f"/?cite={percent_encode(named)}"


def question_html(question: str) -> str:
    return f'<div class="asked" dir="auto">{escape(question)}</div>'


def searching_html(reader: Reader) -> str:
    return f'<div class="searching">{escape(reader.wording.searching)}</div>'


def error_html(title: str, reason: str) -> str:
    return (
        f'<div class="answer"><div class="notice error"><h3 class="outcome">{escape(title)}</h3>'
        f"<p>{escape(reason)}</p></div></div>"
    )


def answer_html(answer: Answer, reader: Reader, asked_of: str = "") -> str:
    """The reply to a question. ``asked_of`` says which readouts were asked, if not all."""
    wording = reader.wording
    lines = []
    if answer.searched_for != answer.question:
        rewritten = f'<q dir="auto">{escape(answer.searched_for)}</q>'
        lines.append(f'<p class="note">{escape(wording.searched_for)} {rewritten}</p>')
    if asked_of:
        lines.append(f'<p class="note">{escape(asked_of)}</p>')
    if answer.outcome == Outcome.ANSWERED:
        lines.append(f'<p class="outcome">{escape(wording.answered(len(answer.quotes)))}</p>')
        starts = {(hit.document.id, hit.paragraph.id): hit.paragraph.start for hit in answer.hits}
        lines.extend(
            _passage(each, starts[each.document, each.paragraph_id], number, reader)
            for number, each in enumerate(answer.quotes, start=1)
        )
    else:
        related = answer.outcome == Outcome.RELATED
        title, more = (
            (wording.related, wording.related_more)
            if related
            else (wording.not_found, wording.not_found_more)
        )
        lines.append(
            f'<div class="notice refusal"><h3 class="outcome">{escape(title)}</h3>'
            f"<p>{escape(more)} {escape(wording.silence)}</p></div>"
        )
        if answer.hits:
            lines.append(_nearest(answer.hits, related, reader))
    return f'<div class="answer">{"".join(lines)}</div>'


def _nearest(hits: Sequence[Hit], related: bool, reader: Reader) -> str:
    title = reader.wording.nearest_related if related else reader.wording.nearest
    passages = "".join(
        _passage(hit.quote, hit.paragraph.start, number, reader)
        for number, hit in enumerate(hits, start=1)
    )
    return f'<details class="nearest"><summary>{escape(title)}</summary>{passages}</details>'


def _passage(quote: Quote, paragraph_start: int, number: int, reader: Reader) -> str:
    facts = [f"¶ {quote.paragraph}", reader.when(quote), quote.issuer]
    details = "".join(f'<span class="fact">{escape(fact)}</span>' for fact in facts if fact)
    return (
        f'<figure class="passage"><blockquote lang="{language_of(quote.text)}" dir="auto">'
        f"{escape(quote.text)}</blockquote><figcaption>"
        f'<a class="citation" href="{escape(_cite(quote, paragraph_start))}">'
        f'<span class="number">{number}</span> <span class="cited">'
        f'<bdi class="title">{escape(quote.title)}</bdi> {details}</span></a>'
        "</figcaption></figure>"
    )


@dataclass(frozen=True, slots=True)
class Mark:
    """Words of a document to mark, by its offsets; ``chosen`` are those the reader asked to see."""

    start: int
    end: int
    chosen: bool


def marked(text: str, offset: int, marks: Iterable[Mark]) -> str:
    """``text``, which begins at ``offset`` of its document, with the parts inside it marked."""
    pieces = []
    done = 0
    for mark in sorted(marks, key=lambda each: each.start):
        start, end = mark.start - offset, mark.end - offset
        if start < done or end > len(text):
            continue
        kind = "chosen" if mark.chosen else "other"
        pieces.append(escape(text[done:start]))
        pieces.append(f'<mark class="{kind}">{escape(text[start:end])}</mark>')
        done = end
    return "".join(pieces) + escape(text[done:])


def source_html(
    document: Document, reader: Reader, marks: Sequence[Mark] = (), notice: str = ""
) -> str:
    """The whole of ``document`` for the panel, with ``marks`` marked and ``notice`` above it."""
    wording = reader.wording
    facts = " · ".join(filter(None, [document.issuer, reader.when(document)]))
    chosen = next((mark for mark in marks if mark.chosen), None)
    buttons = [_button("back", wording.back)]
    if chosen:
        buttons += [
            _button("copy-quote", wording.copy_quote),
            _button("copy-link", wording.copy_link),
            _button("previous", wording.previous, "‹"),
            _button("next", wording.next, "›"),
        ]
    buttons.append(_button("close", wording.close))
    parts = [
        *((each.start, f'<h3 dir="auto">{escape(each.text)}</h3>') for each in document.headings),
        *(
            (each.start, _paragraph(each.number, each.start, each.text, marks))
            for each in document.paragraphs
        ),
    ]
    body = "".join(html for _, html in sorted(parts))
    original = ""
    if document.url.startswith(("https://", "http://")):
        original = (
            f'<a class="original" href="{escape(document.url)}" target="_blank" '
            f'rel="noopener noreferrer">{escape(wording.original)}</a>'
        )
    return (
        f'<header><p class="facts">{escape(facts)}{original}</p>'
        f'<h2 tabindex="-1"><bdi>{escape(document.title)}</bdi></h2>'
        f'<div class="tools">{"".join(buttons)}</div></header>'
        f'<article class="text" lang="{language_of(document.text)}" tabindex="0" '
        f'aria-label="{escape(document.title)}">{_notice(notice)}{body}</article>'
    )


def _paragraph(number: int, start: int, text: str, marks: Sequence[Mark]) -> str:
    inside = [mark for mark in marks if start <= mark.start and mark.end <= start + len(text)]
    current = ' class="current"' if any(mark.chosen for mark in inside) else ""
    return (
        f'<section{current}><span class="number">{number}</span>'
        f'<p dir="auto">{marked(text, start, inside)}</p></section>'
    )


def _notice(words: str) -> str:
    return f'<p class="notice" role="note">{escape(words)}</p>' if words else ""


def _button(name: str, label: str, sign: str = "") -> str:
    named = f' aria-label="{escape(label)}" title="{escape(label)}"' if sign else ""
    return f'<button type="button" class="{name}"{named}>{escape(sign or label)}</button>'


def examples_html(questions: Sequence[str]) -> str:
    """The ``questions`` as list items, each a button that asks it."""
    return "".join(
        f'<li><button type="button" lang="{language_of(each)}">{escape(each)}</button></li>'
        for each in questions
    )


def documents_html(documents: Sequence[Document], reader: Reader, notice: str = "") -> str:
    """The list of ``documents`` for the panel, newest first within each issuer."""
    wording = reader.wording
    groups: dict[str, list[Document]] = {}
    for each in sorted(
        documents, key=lambda each: (each.date is not None, each.date), reverse=True
    ):
        groups.setdefault(each.issuer or wording.no_issuer, []).append(each)
    items = "".join(
        f"<h3><bdi>{escape(issuer)}</bdi></h3><ul>"
        + "".join(
            f'<li><a class="document" href="/?cite={escape(percent_encode(each.id, safe=""))}">'
            f'<bdi>{escape(each.title)}</bdi></a> <span class="facts">'
            f"{escape(reader.when(each) or wording.undated)} · "
            f"{escape(wording.paragraphs(len(each.paragraphs)))}</span></li>"
            for each in group
        )
        + "</ul>"
        for issuer, group in groups.items()
    )
    return (
        f'<header><h2 tabindex="-1">{escape(wording.documents)}</h2>'
        f'<p class="facts">{escape(wording.documents_hint)}</p>'
        f'<div class="tools">{_button("close", wording.close)}</div></header>'
        f'<div class="list">{_notice(notice)}{items}</div>'
    )
