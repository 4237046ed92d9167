"""The chat served over HTTP: the page, the panel, and the conversation mounted beside them."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

# Read by Gradio when it is imported: without it, it reports to its makers.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from assistant import chat
from assistant.conversation import Conversations
from assistant.errors import ReadoutError
from assistant.examples import Examples
from assistant.library import Library
from assistant.page import Assets, page_html
from assistant.permalink import Found, find
from assistant.render import Mark, Reader, documents_html, examples_html, source_html
from assistant.security import Headed, Limited, OnlyKnownPaths, Password, SameOrigin
from assistant.types import Document, Quote
from assistant.wording import ENGLISH, LANGUAGES

log = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7860
_STATIC = Path(__file__).parent / "static"
_GRADIO = Path(gradio.__file__).parent / "templates" / "frontend"
_CHAT = "/chat/"
_CHAT_PATHS = frozenset(
    {"config", "theme.css", "gradio_api/info", "gradio_api/queue/join", "gradio_api/queue/data"}
)
_MOST_BYTES = 64 * 1024
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 (only compared with)
_GRACE = 3  # seconds for open streams at shutdown; they never end by themselves


@dataclass(frozen=True, slots=True)
class Settings:
    """How the chat is served.

    ``hosts`` are the names it may be called by in the address bar, without port: this machine's own
    if there are none. ``auth`` is a name and a password that everyone must give.
    """

    hosts: tuple[str, ...] = ()
    auth: tuple[str, str] | None = None


DEFAULTS = Settings()


def create_app(library: Library, settings: Settings = DEFAULTS) -> FastAPI:
    """The application that serves ``library``, ready for any ASGI server."""
    conversations = Conversations()
    examples = Examples(library)
    instance = secrets.token_hex(8)
    assets = _assets()

    @asynccontextmanager
    async def warm(_: FastAPI) -> AsyncIterator[None]:
        # Beside, so that the page opens while the model loads.
        threading.Thread(target=_warm, args=(examples,), daemon=True).start()
        yield

    app = FastAPI(lifespan=warm, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/")
    def page(request: Request, cite: str = "") -> HTMLResponse:
        reader = _reader(request)
        problem = ""
        documents: Sequence[Document] = ()
        try:
            documents = library.documents
        except ReadoutError as error:
            problem = str(error)
        panel = _panel(library, documents, reader, cite) if cite else ""
        html = page_html(
            len(documents),
            panel or documents_html(documents, reader),
            reader,
            assets,
            theme=_theme(request),
            problem=problem,
        )
        return HTMLResponse(html)

    @app.get("/panel/documents")
    def panel_documents(request: Request) -> HTMLResponse:
        return HTMLResponse(documents_html(library.documents, _reader(request)))

    @app.get("/panel/source")
    def panel_source(request: Request, cite: str) -> HTMLResponse:
        also = request.query_params.getlist("also")[:100]
        return HTMLResponse(_panel(library, library.documents, _reader(request), cite, also))

    @app.get("/examples")
    def example_questions() -> HTMLResponse:
        return HTMLResponse(examples_html(examples.questions()))

    @app.get("/health")
    def health() -> JSONResponse:
        return JSONResponse({"instance": instance})

    @app.exception_handler(ReadoutError)
    def unusable(_: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse(str(error), status_code=503)

    app.mount("/static", StaticFiles(directory=_STATIC))
    app.mount("/assets", StaticFiles(directory=_GRADIO / "assets"))
    for language, wording in LANGUAGES.items():
        blocks = chat.build(library, conversations, Reader(wording))
        chat.mount(app, blocks, f"{_CHAT}{language}")

    # The last added is the first to see a request.
    app.add_middleware(OnlyKnownPaths, root=_CHAT, known=_CHAT_PATHS)
    app.add_middleware(Limited, most=_MOST_BYTES, larger={})
    app.add_middleware(SameOrigin)
    if settings.auth:
        app.add_middleware(Password, name=settings.auth[0], password=settings.auth[1])
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(settings.hosts or _LOOPBACK))
    app.add_middleware(Headed)
    return app


def serve(
    library: Library,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    settings: Settings = DEFAULTS,
) -> None:
    """Serve until interrupted or terminated."""
    if not is_loopback(host) and not settings.auth:
        log.warning("anyone who can reach %s can ask and read everything: set a password", host)
    if not is_loopback(host) and not settings.hosts:
        everyone = host in _EVERY_ADDRESS
        settings = replace(settings, hosts=("*",) if everyone else (host,))
    config = uvicorn.Config(
        create_app(library, settings),
        host=host,
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=_GRACE,
        server_header=False,
        limit_concurrency=500,
    )
    uvicorn.Server(config).run()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _warm(examples: Examples) -> None:
    try:
        examples.questions()
    except ReadoutError as error:
        log.warning("%s", error)


def _reader(request: Request) -> Reader:
    """By the reader's own choice, or else by what the browser prefers."""
    preferred = [
        tag.partition(";")[0].strip()
        for tag in request.headers.get("accept-language", "").split(",")
    ]
    chosen = request.cookies.get("language")
    known = (tag.partition("-")[0].lower() for tag in preferred)
    language = (
        chosen if chosen in LANGUAGES else next((each for each in known if each in LANGUAGES), "en")
    )
    english = next((tag for tag in preferred if tag.lower().startswith("en")), "")
    return Reader(LANGUAGES.get(language, ENGLISH), american=english.lower() == "en-us")


def _theme(request: Request) -> str:
    chosen = request.cookies.get("theme", "")
    return chosen if chosen in ("light", "dark") else ""


def _panel(
    library: Library,
    documents: Sequence[Document],
    reader: Reader,
    cite: str,
    also: Sequence[str] = (),
) -> str:
    """The panel for the address ``cite``, the places ``also`` of its document marked too."""
    wording = reader.wording
    place = find(documents, cite)
    if place.document is None:
        return documents_html(documents, reader, wording.document_gone)
    others = [
        Mark(other.span.start, other.span.end, False)
        for other in (find([place.document], each) for each in also)
        if other.span and other.span != place.span
    ]
    if place.found is Found.CHANGED:
        return source_html(place.document, reader, others, wording.passage_changed)
    if place.found is Found.BAD:
        return source_html(place.document, reader, others, wording.bad_link)
    if place.span is None or place.paragraph is None:
        return source_html(place.document, reader, others)
    verification = library.verify(Quote.of(place.document, place.paragraph, place.span))
    notice = "" if verification else wording.not_verified.format(reason=verification.reason)
    marks = [*others, Mark(place.span.start, place.span.end, True)]
    return source_html(place.document, reader, marks, notice)


def _assets() -> Assets:
    """Where the page's own files and Gradio's entry script are, the former named by content."""
    page = (_GRADIO / "index.html").read_text(encoding="utf-8")
    _, found, rest = page.partition('src="./assets/')
    if not found:
        raise RuntimeError("this release of Gradio has no entry script where 6.31.0 has it")
    return Assets(
        stylesheet=_named_by_content("chat.css"),
        script=_named_by_content("chat.js"),
        gradio=f"/assets/{rest.partition(chr(34))[0]}",
    )


def _named_by_content(name: str) -> str:
    digest = hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{digest}"
