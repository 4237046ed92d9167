"""What the command line prints: for people with emphasis, which click drops where nobody looks."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence

from click import style

from assistant.citations import Style, cite
from assistant.types import NEAREST, Answer, Hit, Quote


def answer_text(answer: Answer, citing: str | None = None) -> str:
    """``str(answer)`` with the quotes emphasised, cited in that style, and made visible."""
    parts = [style(visible(answer.rewritten), dim=True)] if answer.rewritten else []
    if answer.refusal:
        parts.append(style(answer.refusal, fg="yellow"))
    parts += [_quote_text(quote, citing) for quote in answer.cited]
    if answer.nearest:
        parts += [NEAREST, hits_text(answer.nearest)]
    return "\n\n".join(parts)


def _quote_text(quote: Quote, citing: str | None) -> str:
    if citing == Style.MARKDOWN:
        return visible(cite(quote, citing))
    citation = cite(quote, citing) if citing else quote.citation
    before = f"{style(visible(quote.preceded), dim=True)}\n" if quote.preceded else ""
    return (
        f"{before}{style(visible(quote.text), bold=True)}\n  {style(visible(citation), dim=True)}"
    )


def hits_text(hits: Sequence[Hit]) -> str:
    """The ``hits`` one below the other, in each the best sentence emphasised, and made visible."""
    return "\n\n".join(map(_hit_text, hits))


def _hit_text(hit: Hit) -> str:
    text = hit.paragraph.text
    start = hit.sentence.start - hit.paragraph.start
    end = hit.sentence.end - hit.paragraph.start
    best = style(visible(text[start:end]), bold=True)
    citation = style(f"{hit.score:.4f}  {visible(hit.quote.citation)}", dim=True)
    return f"{visible(text[:start])}{best}{visible(text[end:])}\n  {citation}"


def visible(text: str) -> str:
    """``text`` with control and formatting characters shown as escapes: a terminal obeys them."""
    return "".join(
        each
        if each == "\n" or unicodedata.category(each) not in {"Cc", "Cf", "Cs"}
        else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def json_text(value: object, *, lines: bool = False) -> str:
    """``value`` as JSON; with ``lines``, in one of them."""
    return json.dumps(value, ensure_ascii=False, indent=None if lines else 2)
