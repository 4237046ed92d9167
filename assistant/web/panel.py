"""What the panel beside the conversation shows, as HTML: a document, the list of them, a form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from starlette.datastructures import QueryParams

from assistant.documents import MAXIMUM_BYTES, SUFFIXES
from assistant.types import Document, Problem, Scope
from assistant.web.catalogue import Card
from assistant.web.render import Mark, Reader, cite_url, escape, language_of, marked
from assistant.web.wording import Wording

CHOSEN = "chosen"
OTHER = "other"
_MOST_LISTED = 200


def source_html(
    document: Document,
    reader: Reader,
    marks: Sequence[Mark] = (),
    *,
    assurance: str = "",
    notice: str = "",
) -> str:
    """The whole of ``document``, with ``marks`` marked, and above it what is right or wrong."""
    wording = reader.wording
    facts = " · ".join(filter(None, [document.issuer, reader.when(document)]))
    buttons = [_button("back", wording.back)]
    if any(mark.kind == CHOSEN for mark in marks):
        buttons += [
            _button("copy-quote", wording.copy_quote),
            _button("copy-link", wording.copy_link),
            _button("previous", wording.previous, "‹"),
            _button("next", wording.next, "›"),
        ]
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
            f' <a class="original" href="{escape(document.url)}" target="_blank" '
            f'rel="noopener noreferrer">{escape(wording.original)}</a>'
        )
    return (
        f'<header><p class="facts"><bdi>{escape(facts)}</bdi>{original}</p>'
        f'<h2 tabindex="-1"><bdi>{escape(document.title)}</bdi></h2>'
        f"{_tools(buttons, wording)}{_assurance(assurance)}</header>"
        f'<article class="body text" lang="{language_of(document.text)}" tabindex="0" '
        f'aria-label="{escape(document.title)}">{_notice(notice)}{body}</article>'
    )


def _paragraph(number: int, start: int, text: str, marks: Sequence[Mark]) -> str:
    inside = [mark for mark in marks if start <= mark.start and mark.end <= start + len(text)]
    current = ' class="current"' if any(mark.kind == CHOSEN for mark in inside) else ""
    return (
        f'<section{current}><span class="number">{number}</span>'
        f'<p dir="auto">{marked(text, start, inside)}</p></section>'
    )


def read_scope(fields: QueryParams) -> Scope:
    """The scope that the list's form was set to; what can't be read is left out."""
    return Scope(
        documents=tuple(fields.getlist("document")),
        issuer=fields.get("issuer", ""),
        since=_day(fields.get("since", "")),
        until=_day(fields.get("until", "")),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Listing:
    """How the list of documents is asked for: what to look for, in which groups, in which scope."""

    search: str = ""
    by_issuer: bool = False
    scope: Scope = field(default_factory=Scope)

    @classmethod
    def read(cls, fields: QueryParams) -> Listing:
        """The listing that the form was set to."""
        return cls(fields.get("search", ""), fields.get("by") == "issuer", read_scope(fields))


NEWEST_FIRST = Listing()


def documents_html(
    cards: Sequence[Card],
    found: Sequence[Card],
    reader: Reader,
    listing: Listing = NEWEST_FIRST,
    *,
    editable: bool = False,
    notice: str = "",
) -> str:
    """Those of the library's ``cards`` that were ``found``, to open and to ask only some of.

    ``editable`` says whether documents can be added and removed here.
    """
    wording = reader.wording
    groups: dict[str, list[Card]] = {}
    for each in found[:_MOST_LISTED]:
        day, issuer = each.document.date, each.document.issuer
        group = str(day.year) if day else wording.undated
        groups.setdefault((issuer or wording.no_issuer) if listing.by_issuer else group, []).append(
            each
        )
    several = len(cards) > 1
    items = "".join(
        f"<h3><bdi>{escape(name)}</bdi></h3><ul>"
        + "".join(_item(each, reader, listing, several, editable) for each in group)
        + "</ul>"
        for name, group in groups.items()
    )
    if len(found) > _MOST_LISTED:
        more = wording.more_found.format(count=len(found) - _MOST_LISTED)
        items += f'<p class="facts">{escape(more)}</p>'
    if cards and not found:
        items = f'<p class="facts">{escape(wording.nothing_found)}</p>'
    form = _listing_form(cards, listing, wording) if several else ""
    buttons = [_button("add", wording.add)] if editable else []
    return (
        f'<header><h2 tabindex="-1">{escape(wording.documents)}</h2>'
        f'<p class="facts">{escape(wording.documents_hint)}</p>'
        f"{_tools(buttons, wording)}{form}</header>"
        f'<div class="body list">{_notice(notice)}'
        f'<p class="asking" hidden>{escape(asking(cards, listing.scope, wording))}</p>'
        f"{items}</div>"
    )


def asking(cards: Sequence[Card], scope: Scope, wording: Wording) -> str:
    """Which of the library's readouts a question in ``scope`` is asked of; empty if it has none."""
    return wording.asking(in_scope(cards, scope), len(cards)) if cards else ""


def in_scope(cards: Sequence[Card], scope: Scope) -> int:
    """How many of ``cards`` are in ``scope``."""
    return sum(scope.includes(each.document) for each in cards) if scope else len(cards)


def _item(card: Card, reader: Reader, listing: Listing, several: bool, editable: bool) -> str:
    wording = reader.wording
    document = card.document
    facts = [reader.when(document) or wording.undated]
    if not listing.by_issuer and document.issuer:
        facts.append(document.issuer)
    facts.append(wording.paragraphs(card.paragraphs))
    chosen = ""
    if several:
        checked = " checked" if document.id in listing.scope.documents else ""
        label = escape(wording.ask_only.format(title=document.title))
        chosen = (
            f'<input type="checkbox" form="listing" name="document" '
            f'value="{escape(document.id)}" aria-label="{label}"{checked}>'
        )
    remove = ""
    if editable:
        sure = escape(wording.remove_sure.format(title=document.title))
        label = escape(f"{wording.remove}: {document.title}")
        remove = (
            f'<button type="button" class="remove" value="{escape(document.id)}" '
            f'data-sure="{sure}" aria-label="{label}">{escape(wording.remove)}</button>'
        )
    outside = "" if listing.scope.includes(document) else ' class="outside"'
    return (
        f'<li{outside}>{chosen}<div><a class="document" href="{escape(cite_url(document.id))}">'
        f"<bdi>{escape(document.title)}</bdi></a>"
        f'<p class="facts">{escape(" · ".join(facts))}</p></div>{remove}</li>'
    )


def _listing_form(cards: Sequence[Card], listing: Listing, wording: Wording) -> str:
    scope = listing.scope
    issuers = sorted(
        {each.document.issuer for each in cards if each.document.issuer}, key=str.casefold
    )
    groupings = [("date", wording.by_date), ("issuer", wording.by_issuer)]
    since = scope.since.isoformat() if scope.since else ""
    until = scope.until.isoformat() if scope.until else ""
    opened = " open" if replace(scope, documents=()) else ""
    return (
        f'<form id="listing" role="search" aria-label="{escape(wording.documents)}">'
        f'<input type="search" name="search" value="{escape(listing.search)}" '
        f'aria-label="{escape(wording.search)}" placeholder="{escape(wording.search)}">'
        + _select("by", wording.group_by, groupings, groupings[listing.by_issuer][0])
        + f"<details{opened}><summary>{escape(wording.narrow)}</summary><div>"
        + _select(
            "issuer",
            wording.issuer,
            [("", wording.any_issuer), *((each, each) for each in issuers)],
            scope.issuer,
        )
        + f'<label>{escape(wording.since)} <input type="date" name="since" value="{since}"></label>'
        f'<label>{escape(wording.until)} <input type="date" name="until" value="{until}"></label>'
        "</div></details></form>"
    )


def _select(name: str, label: str, options: Iterable[tuple[str, str]], chosen: str) -> str:
    items = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>'
        f"{escape(words)}</option>"
        for value, words in options
    )
    return f'<label>{escape(label)} <select name="{name}">{items}</select></label>'


def adding_html(reader: Reader) -> str:
    """The form that adds readouts."""
    wording = reader.wording
    hint = wording.add_hint.format(
        formats=", ".join(sorted(SUFFIXES)), megabytes=MAXIMUM_BYTES // 1024 // 1024
    )
    accept = ",".join(sorted(SUFFIXES))
    return (
        f'<header><h2 tabindex="-1">{escape(wording.add)}</h2>'
        f'<p class="facts">{escape(hint)}</p>'
        f"{_tools([_button('back', wording.back)], wording)}</header>"
        f'<div class="body"><form id="adding">'
        f'<label>{escape(wording.add_text)} <textarea name="text" rows="9"></textarea></label>'
        f'<label>{escape(wording.add_title)} <input name="title" maxlength="300"></label>'
        f'<div class="row"><label>{escape(wording.add_date)} <input type="date" name="date">'
        f'</label><label>{escape(wording.add_issuer)} <input name="issuer" maxlength="300"></label>'
        f"</div><label>{escape(wording.add_files)} "
        f'<input type="file" name="files" multiple accept="{accept}"></label>'
        f'<button type="submit">{escape(wording.add_submit)}</button>'
        f'<p class="progress" hidden>{escape(wording.adding)} <progress></progress></p>'
        "</form></div>"
    )


def added_html(added: int, problems: Sequence[Problem], reader: Reader) -> str:
    """What came of adding readouts."""
    wording = reader.wording
    lines = []
    if added:
        lines.append(f"<p>{escape(wording.added(added))}</p>")
    if problems:
        items = "".join(
            f"<li><bdi>{escape(f'{each.path}: {wording.reason(each.reason)}')}</bdi></li>"
            for each in problems
        )
        lines.append(f"<p>{escape(wording.left_out)}</p><ul>{items}</ul>")
    if not lines:
        lines.append(f"<p>{escape(wording.nothing_to_add)}</p>")
    return f'<div class="notice report" role="status">{"".join(lines)}</div>'


def _tools(buttons: Sequence[str], wording: Wording) -> str:
    return f'<div class="tools">{"".join(buttons)}{_button("close", wording.close)}</div>'


def _assurance(words: str) -> str:
    return f'<p class="assurance">{escape(words)}</p>' if words else ""


def _notice(words: str) -> str:
    return f'<p class="notice" role="note">{escape(words)}</p>' if words else ""


def _button(name: str, label: str, sign: str = "") -> str:
    named = f' aria-label="{escape(label)}" title="{escape(label)}"' if sign else ""
    return f'<button type="button" class="{name}"{named}>{escape(sign or label)}</button>'
