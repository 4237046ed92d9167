"""What every request must pass and every response carries, as ASGI middleware."""

from __future__ import annotations

import base64
import hmac
from asyncio import CancelledError
from collections import OrderedDict
from collections.abc import Collection, Mapping
from ipaddress import ip_address, ip_network
from math import ceil
from time import monotonic
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.web.problems import is_for_programs, problem

# Gradio needs styles in the page; scripts come from files of this host only, and none from text.
_HEADERS = {
    "content-security-policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_KEPT = "max-age=31536000, immutable"
_FILES = ("/static/", "/assets/")  # named by their content, or of a pinned release
_REALM = "Readout Assistant"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Headed:
    """Adds the security headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                kept = scope["path"].startswith(_FILES) and message["status"] == 200
                headers.setdefault("cache-control", _KEPT if kept else "no-store")
            await send(message)

        await self.app(scope, receive, send_headed if scope["type"] == "http" else send)


def _refusal(
    scope: Scope, status: int, reason: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Told to programs as a problem, to people as text."""
    if is_for_programs(scope["path"]):
        return problem(scope["path"], status, reason, headers)
    return PlainTextResponse(reason, status, headers)


class Ending:
    """Completes a stream that the server's own end cancels, which would fail with a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        except CancelledError:
            if scope["type"] != "http" or not started:
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class SameOrigin:
    """Refuses what a page of another site sends, which a browser names in Origin.

    Pages of ``origins`` may use the interface for programs, and that only.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str] = ()) -> None:
        self.app = app
        self.origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _SAFE_METHODS:
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            known = is_for_programs(scope["path"]) and origin in self.origins
            if origin is not None and not known and urlsplit(origin).netloc != headers.get("host"):
                refusal = _refusal(scope, 403, "asked by another site")
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


class Shared(CORSMiddleware):
    """Lets pages of some other sites read the interface for programs, and that only (CORS)."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        super().__init__(
            app,
            allow_origins=tuple(origins),
            allow_methods=("GET", "POST"),
            allow_headers=("authorization", "content-type"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_for_programs(scope["path"]):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class OnlyKnownPaths:
    """Below ``root``, lets through ``known`` paths only: Gradio opens many more, even uploads."""

    def __init__(self, app: ASGIApp, root: str, known: frozenset[str]) -> None:
        self.app = app
        self.root = root
        self.known = known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self.root):
            _, _, path = scope["path"][len(self.root) :].partition("/")
            if path not in self.known:
                await PlainTextResponse("not found", status_code=404)(scope, receive, send)
                return
        await self.app(scope, receive, send)


class _TooLargeError(Exception):
    """More came than may."""


class Limited:
    """Refuses a request body over ``most`` bytes, or over that of the longest matching path."""

    def __init__(self, app: ASGIApp, most: int, larger: dict[str, int]) -> None:
        self.app = app
        self.most = most
        self.larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = self.larger.get(scope["path"], self.most)
        received = 0
        started = False

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise _TooLargeError
            return message

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        announced = Headers(scope=scope).get("content-length", "0")
        try:
            if not announced.isdecimal() or int(announced) > most:
                raise _TooLargeError
            await self.app(scope, receive_counted, send_noted)
        except _TooLargeError:
            if started:
                raise
            await _refusal(scope, 413, f"more than {most:,} bytes")(scope, receive, send)


class Paced:
    """Refuses a client that sends more than ``per_second`` for long, after ``burst`` at once.

    Pages and files don't count, questions and changes do. A client is known by its address, of IPv6
    the network's part; this machine's own are not held back. The last ``clients`` are remembered.
    """

    def __init__(
        self, app: ASGIApp, burst: int = 120, per_second: float = 2.0, clients: int = 10_000
    ) -> None:
        self.app = app
        self.burst = burst
        self.per_second = per_second
        self.clients = clients
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # and as of when

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counts = scope["type"] == "http" and scope["method"] not in _SAFE_METHODS
        if counts and not self._may((scope["client"] or ("127.0.0.1",))[0]):
            wait = str(ceil(1 / self.per_second))
            refusal = _refusal(
                scope, 429, "too many questions from you; wait a little", {"retry-after": wait}
            )
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _may(self, address: str) -> bool:
        try:
            client = ip_address(address)
        except ValueError:  # not TCP
            return True
        if client.is_loopback:
            return True
        known = str(ip_network((client, 64), strict=False)) if client.version == 6 else address
        now = monotonic()
        left, then = self._left.pop(known, (float(self.burst), now))
        left = min(float(self.burst), left + (now - then) * self.per_second)
        self._left[known] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > self.clients:
            self._left.popitem(last=False)
        return left >= 1


class Known:
    """Asks everyone for ``password``, a name and a password (HTTP Basic, RFC 7617), or ``token``
    (Bearer, RFC 6750), whichever of them is set, before anything else but ``/healthz``.
    """

    def __init__(
        self, app: ASGIApp, password: tuple[str, str] | None = None, token: str | None = None
    ) -> None:
        self.app = app
        self.password = ":".join(password).encode() if password else None
        self.token = token.encode() if token else None
        self.challenge = ", ".join(
            [f'Basic realm="{_REALM}", charset="UTF-8"'] * (self.password is not None)
            + [f'Bearer realm="{_REALM}"'] * (self.token is not None)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["path"] != "/healthz"
            and not self._knows(Headers(scope=scope))
        ):
            headers = {"www-authenticate": self.challenge}
            refusal = _refusal(scope, 401, "a password or a token is needed", headers)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _knows(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            sent = given.strip().encode("latin-1")  # as the bytes came
            return self.token is not None and hmac.compare_digest(sent, self.token)
        try:
            decoded = base64.b64decode(given, validate=True)
        except ValueError:
            return False
        return (
            scheme.lower() == "basic"
            and self.password is not None
            and hmac.compare_digest(decoded, self.password)
        )
