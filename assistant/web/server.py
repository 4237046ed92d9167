"""The chat served over HTTP: the site, the conversation mounted beside it, and the interface for
programs.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles

from assistant.errors import ReadoutError
from assistant.library import Library
from assistant.web import chat
from assistant.web.api import create_api
from assistant.web.catalogue import Catalogue
from assistant.web.chat import FRONTEND
from assistant.web.conversation import Conversations
from assistant.web.examples import Examples
from assistant.web.feedback import Feedback
from assistant.web.security import OnlyKnownPaths
from assistant.web.service import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    DEFAULTS,
    Settings,
    guard,
    is_loopback,
    names_of,
    run,
)
from assistant.web.site import STATIC, Site, router
from assistant.web.wording import LANGUAGES

log = logging.getLogger(__name__)

_CHAT = "/chat/"
_CHAT_PATHS = frozenset(
    {"config", "theme.css", "gradio_api/info", "gradio_api/queue/join", "gradio_api/queue/data"}
)


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

    app.mount("", create_api(library))  # the last, as it takes every path left
    app.add_middleware(OnlyKnownPaths, root=_CHAT, known=_CHAT_PATHS)
    guard(app, settings)
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
    settings = replace(
        settings,
        hosts=settings.hosts or names_of(host),
        editable=local if settings.editable is None else settings.editable,
    )
    run(create_app(library, settings), host, port)
