"""Questions and answers as HTML: pure functions, each from values to a string.

Messages pass through Gradio's Markdown, which would change words, and its sanitiser, which drops
most attributes. So every text is escaped by ``escape``, every message is one line of plain
elements, and what a click needs to know is in an address or a button's value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote as percent_encode

from assistant.types import Answer, Document, Hit, Outcome, Quote
from assistant.web.permalink import address
from assistant.web.wording import Wording

_NOT_ALPHANUMERIC = re.compile(r"[^0-9A-Za-z\x80-\ud7ff\ue000-\U0010ffff]")
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
        """The document's date as this reader writes it; empty if it has none."""
        return self.wording.when(document.date, american=self.american)


def escape(text: str) -> str:
    """``text`` as character references, which Markdown and HTML can't read as anything else."""
    return _NOT_ALPHANUMERIC.sub(lambda match: f"&#{ord(match[0])};", text)


def language_of(text: str) -> str:
    """The language ``text`` is most likely in, told by its script; empty if that doesn't tell."""
    return next((language for language, script in _SCRIPTS if script.search(text)), "")


def cite_url(cited: str) -> str:
    """The page that shows what the permalink's address ``cited`` names."""
    return f"/?cite={percent_encode(cited)}"


def question_html(question: str) -> str:
    """What was asked, as the asker's message."""
    return f'<div class="asked" dir="auto">{escape(question)}</div>'


def searching_html(reader: Reader) -> str:
    """What stands in the reply's place until it is there."""
    return f'<div class="searching">{escape(reader.wording.searching)}</div>'


def error_html(title: str, reason: str) -> str:
    """The reply when there is none."""
    return (
        f'<div class="answer"><div class="notice"><h2 class="outcome">{escape(title)}</h2>'
        f"<p>{escape(reason)}</p></div></div>"
    )


def answer_html(
    answer: Answer,
    reader: Reader,
    *,
    asked_of: str = "",
    turn: str = "",
    suggestions: Sequence[str] = (),
) -> str:
    """The reply to a question.

    ``asked_of`` says which readouts were asked, if not all; ``turn`` is set if readers can say
    whether it helped; ``suggestions`` are questions to go on with.
    """
    wording = reader.wording
    lines = []
    if answer.searched_for != answer.question:
        rewritten = f'<q dir="auto">{escape(answer.searched_for)}</q>'
        lines.append(f'<p class="note">{escape(wording.searched_for)} {rewritten}</p>')
    if asked_of:
        lines.append(f'<p class="note">{escape(asked_of)}</p>')
    if answer.outcome == Outcome.ANSWERED:
        lines.append(f'<p class="outcome">{escape(wording.answered(len(answer.quotes)))}</p>')
        lines.append(_quotes(answer, reader))
    else:
        lines.append(_refusal(answer, reader))
    if turn:
        lines.append(_feedback(turn, reader))
    if suggestions:
        lines.append(_suggestions(suggestions, reader))
    return f'<div class="answer">{"".join(lines)}</div>'


def _quotes(answer: Answer, reader: Reader) -> str:
    starts = {(hit.document.id, hit.paragraph.id): hit.paragraph.start for hit in answer.hits}
    return "".join(
        _passage(each, starts[each.document, each.paragraph_id], number, reader)
        for number, each in enumerate(answer.quotes, start=1)
    )


def _refusal(answer: Answer, reader: Reader) -> str:
    wording = reader.wording
    if answer.outcome == Outcome.RELATED:
        title, more, nearest = wording.related, wording.related_more, wording.nearest_related
    else:
        title, more, nearest = wording.not_found, wording.not_found_more, wording.nearest
    notice = (
        f'<div class="notice"><h2 class="outcome">{escape(title)}</h2>'
        f"<p>{escape(more)} {escape(wording.silence)}</p></div>"
    )
    if answer.elsewhere:
        title = f'<p class="outcome">{escape(wording.elsewhere)}</p>'
        notice += title + _quotes(answer.elsewhere, reader)
    return notice + (_nearest(nearest, answer.hits, reader) if answer.hits else "")


def _nearest(title: str, hits: Sequence[Hit], reader: Reader) -> str:
    passages = "".join(
        _passage(hit.quote, hit.paragraph.start, number, reader)
        for number, hit in enumerate(hits, start=1)
    )
    return f'<details class="nearest"><summary>{escape(title)}</summary>{passages}</details>'


def _passage(quote: Quote, paragraph_start: int, number: int, reader: Reader) -> str:
    facts = filter(None, [quote.locator, reader.when(quote), quote.issuer])
    details = " ".join(f'<span class="fact">{escape(fact)}</span>' for fact in facts)
    emphasis = (Mark(*quote.emphasis, "exact"),) if quote.emphasis else ()
    named = address(quote.document, quote.paragraph_id, paragraph_start, quote.start, quote.end)
    context = ""
    if quote.context:
        context = f'<p class="context" dir="auto">{escape(quote.context.strip())}</p>'
    return (
        f'<figure class="passage">{context}<blockquote lang="{language_of(quote.text)}" dir="auto">'
        f"{marked(quote.text, quote.start, emphasis)}</blockquote><figcaption>"
        f'<a class="citation" href="{escape(cite_url(named))}">'
        f'<span class="number">{number}</span> <span class="cited">'
        f'<bdi class="title">{escape(quote.title)}</bdi> {details}</span> '
        f'<span class="shown">{escape(reader.wording.shown)}</span></a>'
        "</figcaption></figure>"
    )


def _feedback(turn: str, reader: Reader) -> str:
    verdicts = {"yes": reader.wording.helpful, "no": reader.wording.not_helpful}
    buttons = "".join(
        f'<button type="button" class="verdict" value="{turn}:{verdict}">{escape(label)}</button>'
        for verdict, label in verdicts.items()
    )
    return f'<div class="feedback">{buttons}</div>'


def _suggestions(questions: Sequence[str], reader: Reader) -> str:
    items = "".join(
        f'<a class="question" href="/?q={percent_encode(each)}" lang="{language_of(each)}">'
        f"{escape(each)}</a>"
        for each in questions
    )
    return f'<p class="suggestions">{escape(reader.wording.also_answered)} {items}</p>'


def examples_html(questions: Sequence[str]) -> str:
    """The ``questions`` as list items, each a button that asks it."""
    return "".join(
        f'<li><button type="button" lang="{language_of(each)}">{escape(each)}</button></li>'
        for each in questions
    )


@dataclass(frozen=True, slots=True)
class Mark:
    """Words of a document to mark, by its offsets; ``kind`` is the class they get."""

    start: int
    end: int
    kind: str


def marked(text: str, offset: int, marks: Iterable[Mark]) -> str:
    """``text``, which begins at ``offset`` of its document, with the parts inside it marked.

    Of marks that overlap the first stays, and of two at one place the one that comes first.
    """
    pieces = []
    done = 0
    for mark in sorted(marks, key=lambda each: each.start):
        start, end = mark.start - offset, mark.end - offset
        if start >= done and end <= len(text):
            pieces.append(escape(text[done:start]))
            pieces.append(f'<mark class="{mark.kind}">{escape(text[start:end])}</mark>')
            done = end
    return "".join(pieces) + escape(text[done:])
