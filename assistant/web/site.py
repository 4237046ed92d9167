"""The page and what it asks for: panel, examples, exports, feedback, changes to the library."""

from __future__ import annotations

import hashlib
import json
import queue
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Body, Form, HTTPException, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

from assistant.documents import MAXIMUM_BYTES
from assistant.errors import IndexMissingError, NoReadoutsError, QuestionError, ReadoutError
from assistant.library import EVERYTHING, SOURCES, Library
from assistant.types import Problem
from assistant.web import export, intake
from assistant.web.catalogue import Card, Catalogue
from assistant.web.chat import FRONTEND
from assistant.web.conversation import Conversations
from assistant.web.examples import Examples
from assistant.web.feedback import Feedback
from assistant.web.page import Assets, Contents, page_html
from assistant.web.panel import (
    CHOSEN,
    NEWEST_FIRST,
    OTHER,
    Listing,
    added_html,
    adding_html,
    asking,
    documents_html,
    source_html,
)
from assistant.web.permalink import Found, find
from assistant.web.render import Mark, Reader, error_html, examples_html
from assistant.web.wording import ENGLISH, LANGUAGES

STATIC = Path(__file__).parent / "static"
_MOST_MARKS = 100
_MOST_FILES = 50
_EXPORTS = {
    "md": ("text/markdown", export.markdown),
    "html": ("text/html", export.page),
    "bib": ("application/x-bibtex", export.bibtex),
    "ris": ("application/x-research-info-systems", export.ris),
    "json": ("application/vnd.citationstyles.csl+json", export.csl_json),
}


@dataclass(frozen=True, slots=True)
class Site:
    """What the routes below serve; ``editable`` lets readers add and remove documents."""

    library: Library
    catalogue: Catalogue
    conversations: Conversations
    examples: Examples
    feedback: Feedback | None
    editable: bool

    def cards(self) -> tuple[Sequence[Card], str]:
        """The documents that can be asked, and what is wrong with the index if they can't."""
        try:
            return self.catalogue.cards(), ""
        except IndexMissingError as error:
            sources = self.library.folder / SOURCES
            files = any(not path.name.startswith(".") for path in sources.iterdir())
            return (), str(error) if files else ""
        except ReadoutError as error:
            return (), str(error)


def router(site: Site) -> APIRouter:
    """The routes of ``site``."""
    routes = APIRouter()
    library = site.library
    assets = _assets()
    instance = secrets.token_hex(8)
    editing = threading.Lock()

    @routes.get("/")
    def page(request: Request, cite: str = "") -> HTMLResponse:
        reader = _reader(request)
        cards, problem = site.cards()
        contents = Contents(
            readouts=len(cards),
            asking=asking(cards, EVERYTHING, reader.wording),
            panel=_source(site, reader, cite) if cite else _documents(site, reader),
            problem=problem,
            buildable=site.editable,
        )
        return HTMLResponse(page_html(contents, reader, assets, _theme(request)))

    @routes.get("/panel/documents")
    def panel_documents(request: Request) -> HTMLResponse:
        listing = Listing.read(request.query_params)
        return HTMLResponse(_documents(site, _reader(request), listing))

    @routes.get("/panel/source")
    def panel_source(request: Request, cite: str) -> HTMLResponse:
        also = request.query_params.getlist("also")[:_MOST_MARKS]
        return HTMLResponse(_source(site, _reader(request), cite, also))

    @routes.get("/examples")
    def example_questions() -> Response:
        cards, _ = site.cards()
        examples = site.examples.found() if cards else ()
        if examples is None:
            return Response(status_code=202, headers={"retry-after": "1"})
        return HTMLResponse(examples_html([each.question for each in examples]))

    @routes.get("/conversation/{key}.{kind}")
    def exported(request: Request, key: str, kind: str) -> Response:
        if kind not in _EXPORTS:
            raise HTTPException(404)
        media_type, write = _EXPORTS[kind]
        text = write(site.conversations.turns(key), _reader(request), date.today())
        name = f"readouts-{date.today().isoformat()}.{kind}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(text.encode(), media_type=media_type, headers=headers)

    @routes.get("/health")
    def health() -> JSONResponse:
        return JSONResponse({"instance": instance})

    if site.feedback:
        feedback = site.feedback

        @routes.post("/feedback")
        def verdict(
            conversation: Annotated[str, Body()],
            turn: Annotated[str, Body()],
            helpful: Annotated[bool, Body()],
        ) -> Response:
            turns = site.conversations.turns(conversation)
            place = next((at for at, each in enumerate(turns) if each.id == turn), None)
            if place is None:
                raise HTTPException(404)
            history = [each.question for each in turns[:place]]
            feedback.add(turns[place], history, helpful)
            return Response(status_code=204)

    if site.editable:

        @routes.get("/panel/adding")
        def panel_adding(request: Request) -> HTMLResponse:
            return HTMLResponse(adding_html(_reader(request)))

        @routes.post("/documents")
        def add(
            request: Request,
            text: Annotated[str, Form()] = "",
            title: Annotated[str, Form()] = "",
            date: Annotated[str, Form()] = "",
            issuer: Annotated[str, Form()] = "",
            files: Sequence[UploadFile] = (),
        ) -> StreamingResponse:
            readouts = [
                intake.Incoming(each.filename or "", each.file.read(MAXIMUM_BYTES + 1))
                for each in files[:_MOST_FILES]
                if each.filename
            ]
            if text.strip():
                name = f"{date} {title}".strip() or "pasted"
                pasted = intake.Incoming(f"{name}.txt", text.encode(), title, date, issuer)
                readouts.append(pasted)
            work = _add(site, readouts, _reader(request), editing)
            return StreamingResponse(work, media_type="application/x-ndjson")

        @routes.delete("/documents/{name:path}")
        def remove(name: str) -> Response:
            document = site.catalogue.document(name)
            if document is None:
                raise HTTPException(404)
            with editing:
                intake.remove(library, document)
                try:
                    readouts = library.build().documents
                except NoReadoutsError:  # an index of nothing can't be built
                    library.forget()
                    readouts = 0
            return JSONResponse({"readouts": readouts})

    return routes


def _add(
    site: Site, readouts: Sequence[intake.Incoming], reader: Reader, editing: threading.Lock
) -> Iterator[str]:
    """Adds and indexes, telling on the way: lines of JSON, the last with what came of it."""
    events: queue.SimpleQueue[dict[str, object]] = queue.SimpleQueue()

    def work() -> None:
        told: dict[str, object] = {
            "html": error_html(reader.wording.failed, reader.wording.failed_more),
            "added": 0,
        }
        try:
            told = _added(site, readouts, reader, editing, events.put)
        finally:  # whatever happens, or the page would wait for ever
            events.put(told)

    threading.Thread(target=work, daemon=True).start()
    event: dict[str, object] = {}
    while "html" not in event:
        event = events.get()
        yield json.dumps(event) + "\n"


def _added(
    site: Site,
    readouts: Sequence[intake.Incoming],
    reader: Reader,
    editing: threading.Lock,
    tell: Callable[[dict[str, object]], None],
) -> dict[str, object]:
    with editing:
        came = intake.add(site.library, readouts)
        problems = came.problems
        _, unbuilt = site.cards()
        try:
            if came.added or unbuilt:
                site.library.build(lambda done, all_: tell({"done": done, "of": all_}))
        except ReadoutError as error:
            problems = (*problems, *(Problem(each, str(error)) for each in came.added))
    added = len(came.added) if problems == came.problems else 0
    _, still = site.cards()
    html = added_html(added, problems, reader)
    return {"html": html, "added": added, "built": bool(unbuilt and not still)}


def _documents(
    site: Site, reader: Reader, listing: Listing = NEWEST_FIRST, notice: str = ""
) -> str:
    """The panel with the documents that ``listing`` asks for."""
    cards, _ = site.cards()
    try:
        found = site.catalogue.search(listing.search) if cards else ()
    except QuestionError:  # too long to be in any document
        found = ()
    return documents_html(cards, found, reader, listing, editable=site.editable, notice=notice)


def _source(site: Site, reader: Reader, cite: str, also: Sequence[str] = ()) -> str:
    """The panel for the address ``cite``, the places ``also`` of its document marked too."""
    wording = reader.wording
    if not site.cards()[0]:
        return _documents(site, reader)
    place = find(site.catalogue.document, cite)
    document = place.document
    if document is None:
        return _documents(site, reader, notice=wording.document_gone)
    quote = place.quote
    if quote is None:
        notices = {Found.CHANGED: wording.passage_changed, Found.BAD: wording.bad_link}
        return source_html(document, reader, notice=notices.get(place.found, ""))
    others = [find({document.id: document}.get, each).quote for each in also]
    marks = [Mark(quote.start, quote.end, CHOSEN)] + [
        Mark(other.start, other.end, OTHER)
        for other in others
        if other and (other.end <= quote.start or quote.end <= other.start)
    ]
    verification = site.library.verify(quote)
    if verification:
        return source_html(document, reader, marks, assurance=wording.verified)
    notice = wording.not_verified.format(reason=wording.reason(verification.reason))
    return source_html(document, reader, marks, notice=notice)


def _reader(request: Request) -> Reader:
    """By the reader's own choice, or else by what the browser prefers."""
    accepted = request.headers.get("accept-language", "").lower()
    preferred = re.findall(r"([a-z]{2})(?:-([a-z]+))?(?:;[^,]*)?", accepted)
    chosen = request.cookies.get("language", "")
    known = [each for each in (chosen, *(each for each, _ in preferred)) if each in LANGUAGES]
    english = [region for language, region in preferred if language == "en"]
    return Reader(LANGUAGES[known[0]] if known else ENGLISH, american=english[:1] == ["us"])


def _theme(request: Request) -> str:
    chosen = request.cookies.get("theme", "")
    return chosen if chosen in ("light", "dark") else ""


def _assets() -> Assets:
    """Where the page's own files and Gradio's entry script are, the former named by content."""
    entry = re.search(r'src="\./assets/([\w-]+\.js)"', (FRONTEND / "index.html").read_text())
    if not entry:
        raise RuntimeError("this release of Gradio has no entry script where 6.31.0 has it")
    return Assets(
        stylesheet=_named_by_content("chat.css"),
        script=_named_by_content("chat.js"),
        gradio=f"/assets/{entry[1]}",
    )


def _named_by_content(name: str) -> str:
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{digest}"
