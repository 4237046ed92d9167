"""A conversation as a file to keep: Markdown or a page with every quote cited, or references."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from assistant.citations import Style, cite_all
from assistant.markdown import cited
from assistant.markdown import escape as escape_markdown
from assistant.types import Answer, Outcome, Quote
from assistant.web.conversation import Turn
from assistant.web.render import Reader, escape, language_of
from assistant.web.wording import Wording

_STYLE = (
    "body{max-width:42rem;margin:3rem auto;padding:0 1rem;font:18px/1.5 Georgia,serif}"
    "h1,h2,p,footer{font-family:system-ui,sans-serif}h2{margin-top:2.5rem;font-size:1.2rem}"
    "figure{margin:1.2rem 0}blockquote{margin:0;padding-left:1rem;border-left:3px solid #16457e}"
    "figcaption,footer{color:#556070;font:15px/1.5 system-ui,sans-serif}"
)


def markdown(turns: Sequence[Turn], reader: Reader, day: date) -> str:
    """The conversation as CommonMark, which when rendered shows every quote as it is."""
    wording = reader.wording
    blocks = [f"# {escape_markdown(wording.name)}"]
    for turn in turns:
        blocks.append(f"## {escape_markdown(' '.join(turn.question.split()))}")
        blocks += map(escape_markdown, _notes(turn.answer, wording))
        for quote in turn.answer.cited:
            if quote.context:
                blocks.append(escape_markdown(_before(quote, wording)))
            blocks.append(cited(quote.text, _citation(quote, reader)))
    blocks.append(f"---\n\n{escape_markdown(_exported(day, reader))}")
    return "\n\n".join(blocks) + "\n"


def page(turns: Sequence[Turn], reader: Reader, day: date) -> str:
    """The conversation as one HTML page that needs nothing else."""
    wording = reader.wording
    blocks = []
    for turn in turns:
        blocks.append(f'<h2 dir="auto">{escape(turn.question)}</h2>')
        blocks += [f"<p>{escape(note)}</p>" for note in _notes(turn.answer, wording)]
        for quote in turn.answer.cited:
            if quote.context:
                blocks.append(f'<p dir="auto">{escape(_before(quote, wording))}</p>')
            blocks.append(
                f'<figure><blockquote lang="{language_of(quote.text)}" dir="auto">'
                f"{escape(quote.text)}</blockquote>"
                f"<figcaption>{escape(_citation(quote, reader))}</figcaption></figure>"
            )
    name = escape(wording.name)
    return (
        f'<!doctype html>\n<html lang="{wording.language}"><head><meta charset="utf-8">'
        f"<title>{name}</title><style>{_STYLE}</style></head><body><h1>{name}</h1>\n"
        + "\n".join(blocks)
        + f"\n<footer>{escape(_exported(day, reader))}</footer></body></html>\n"
    )


def bibtex(turns: Sequence[Turn], reader: Reader, day: date) -> str:
    """References to the quotes, each once, as BibTeX."""
    return _references(turns, Style.BIBTEX)


def ris(turns: Sequence[Turn], reader: Reader, day: date) -> str:
    """References to the quotes, each once, as RIS."""
    return _references(turns, Style.RIS)


def csl_json(turns: Sequence[Turn], reader: Reader, day: date) -> str:
    """References to the quotes, each once, as CSL-JSON."""
    return _references(turns, Style.CSL_JSON)


def _references(turns: Sequence[Turn], style: Style) -> str:
    quotes = dict.fromkeys(quote for turn in turns for quote in turn.answer.quotes)
    return cite_all(list(quotes), style) + "\n"


def _notes(answer: Answer, wording: Wording) -> Iterator[str]:
    if answer.searched_for != answer.question:
        yield f"{wording.searched_for} {answer.searched_for}"
    if answer.outcome == Outcome.ANSWERED:
        yield wording.answered(len(answer.quotes))
    elif answer.outcome == Outcome.RELATED:
        yield f"{wording.related}. {wording.silence}"
    else:
        yield f"{wording.not_found}. {wording.silence}"
    if answer.elsewhere:
        yield wording.elsewhere


def _before(quote: Quote, wording: Wording) -> str:
    return wording.before.format(words=quote.context.strip())


def _citation(quote: Quote, reader: Reader) -> str:
    facts = [quote.title, quote.locator, reader.when(quote), quote.issuer, quote.url, quote.path]
    digest = quote.source_sha256 or quote.sha256
    return ", ".join([*filter(None, facts), f"SHA-256 {digest}"])


def _exported(day: date, reader: Reader) -> str:
    return reader.wording.exported.format(when=reader.wording.when(day, american=reader.american))
