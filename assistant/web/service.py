"""How anything is served: to whom, within which limits, and until when."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from assistant.web.security import Ending, Headed, Known, Limited, Paced, SameOrigin, Shared

log = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7860
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 (only compared with)
_MOST_BYTES = 64 * 1024
BODY_LIMITS = {  # of these paths, where it is another
    "/documents": 64 * 1024 * 1024,
    "/api/verify": 1024 * 1024,
    "/api/cite": 1024 * 1024,
    "/api/answer": 1024 * 1024,  # 100 questions of 2,000 characters are its history
    "/api/retrieve": 1024 * 1024,
    "/v1/chat/completions": 4 * 1024 * 1024,  # answers are sent back with the conversation
}
_GRACE = 3  # seconds for open streams at shutdown, as they never end by themselves
_CONNECTIONS = 500


@dataclass(frozen=True, slots=True)
class Settings:
    """How a library is served.

    ``hosts`` are the names it may be called by in the address bar, without port: this machine's own
    if there are none, all if one is ``*``. ``auth`` is a name and a password and ``token`` a bearer
    token; if any is set, everyone must give one of them. ``origins`` are other sites whose pages
    may use the interface for programs, as in ``https://example.org``.

    The chat's alone: ``editable`` lets everyone add and remove documents; unset, it is on where
    only this machine can reach the chat. ``feedback`` is the file that readers' verdicts go to, and
    without one they aren't asked.
    """

    hosts: tuple[str, ...] = ()
    auth: tuple[str, str] | None = None
    token: str | None = None
    origins: tuple[str, ...] = ()
    editable: bool | None = None
    feedback: Path | None = None


DEFAULTS = Settings()


def guard(app: Starlette, settings: Settings) -> None:
    """Put around ``app`` what every request must pass and every response carries."""
    # The last added is the first to see a request.
    app.add_middleware(Limited, most=_MOST_BYTES, larger=BODY_LIMITS)
    app.add_middleware(SameOrigin, origins=settings.origins)
    app.add_middleware(Paced)
    if settings.auth or settings.token:
        app.add_middleware(Known, password=settings.auth, token=settings.token)
    if settings.origins:
        app.add_middleware(Shared, origins=settings.origins)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(settings.hosts or LOOPBACK))
    app.add_middleware(Headed)
    app.add_middleware(Ending)


def names_of(host: str) -> tuple[str, ...]:
    """The names that what listens at ``host`` may be called by, unless others are set."""
    if is_loopback(host):
        return ()
    return ("*",) if host in _EVERY_ADDRESS else (host,)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def run(app: ASGIApp, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
    """Serve ``app`` until interrupted or terminated."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        timeout_graceful_shutdown=_GRACE,
        limit_concurrency=_CONNECTIONS,
        server_header=False,
    )
    uvicorn.Server(config).run()
