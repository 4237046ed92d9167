"""The chat served over HTTP: the site, and the conversation mounted beside it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from assistant.errors import ReadoutError
from assistant.library import Library
from assistant.web import chat
from assistant.web.catalogue import Catalogue
from assistant.web.chat import FRONTEND
from assistant.web.conversation import Conversations
from assistant.web.examples import Examples
from assistant.web.feedback import Feedback
from assistant.web.security import (
    Ending,
    Headed,
    Limited,
    OnlyKnownPaths,
    Paced,
    Password,
    SameOrigin,
)
from assistant.web.site import STATIC, Site, router
from assistant.web.wording import LANGUAGES

log = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7860
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 (only compared with)
_CHAT = "/chat/"
_CHAT_PATHS = frozenset(
    {"config", "theme.css", "gradio_api/info", "gradio_api/queue/join", "gradio_api/queue/data"}
)
_MOST_BYTES = 64 * 1024
_MOST_ADDED_BYTES = 32 * 1024 * 1024
_GRACE = 3  # seconds for open streams at shutdown, as they never end by themselves
_CONNECTIONS = 500


@dataclass(frozen=True, slots=True)
class Settings:
    """How the chat is served.

    ``hosts`` are the names it may be called by in the address bar, without port: this machine's own
    if there are none. ``auth`` is a name and a password that everyone must give. ``editable`` lets
    everyone add and remove documents; unset, it is on where only this machine can reach the chat.
    ``feedback`` is the file that readers' verdicts go to, and without one they aren't asked.
    """

    hosts: tuple[str, ...] = ()
    auth: tuple[str, str] | None = None
    editable: bool | None = None
    feedback: Path | None = None


DEFAULTS = Settings()


def create_app(library: Library, settings: Settings = DEFAULTS) -> FastAPI:
    """The application that serves ``library``, for any ASGI server.

    What can reach it isn't known here, so that documents can be changed only if ``editable`` is
    set.
    """
    conversations = Conversations()
    catalogue = Catalogue(library)
    examples = Examples(library, catalogue)
    feedback = Feedback(settings.feedback) if settings.feedback else None
    site = Site(library, catalogue, conversations, examples, feedback, bool(settings.editable))

    @asynccontextmanager
    async def warm(_: FastAPI) -> AsyncIterator[None]:
        try:
            examples.found()  # so that the model is loaded beside, while the first page opens
        except ReadoutError as error:
            log.warning("%s", error)
        yield

    app = FastAPI(lifespan=warm, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router(site))
    app.mount("/static", StaticFiles(directory=STATIC))
    app.mount("/assets", StaticFiles(directory=FRONTEND / "assets"))
    for language, wording in LANGUAGES.items():
        blocks = chat.build(
            library, catalogue, conversations, examples, wording, feedback=feedback is not None
        )
        chat.mount(app, blocks, f"{_CHAT}{language}")

    @app.exception_handler(ReadoutError)
    def unusable(_: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse(str(error), status_code=503)

    # The last added is the first to see a request.
    app.add_middleware(OnlyKnownPaths, root=_CHAT, known=_CHAT_PATHS)
    app.add_middleware(Limited, most=_MOST_BYTES, larger={"/documents": _MOST_ADDED_BYTES})
    app.add_middleware(SameOrigin)
    app.add_middleware(Paced)
    if settings.auth:
        app.add_middleware(Password, name=settings.auth[0], password=settings.auth[1])
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(settings.hosts or _LOOPBACK))
    app.add_middleware(Headed)
    app.add_middleware(Ending)
    return app


def serve(
    library: Library,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    settings: Settings = DEFAULTS,
) -> None:
    """Serve until interrupted or terminated."""
    local = is_loopback(host)
    if not local and not settings.auth:
        log.warning("anyone who can reach %s can ask and read everything: set a password", host)
    if not local and not settings.hosts:
        settings = replace(settings, hosts=("*",) if host in _EVERY_ADDRESS else (host,))
    if settings.editable is None:
        settings = replace(settings, editable=local)
    config = uvicorn.Config(
        create_app(library, settings),
        host=host,
        port=port,
        access_log=False,
        timeout_graceful_shutdown=_GRACE,
        limit_concurrency=_CONNECTIONS,
        server_header=False,
    )
    uvicorn.Server(config).run()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
