"""The chat as people run it: its own process, on a free port of this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from assistant.library import EVERYTHING, Library
from assistant.types import Answer, Scope
from assistant.web.service import Settings
from tests.conftest import PROJECT

_START = """
import tests.conftest  # so that it can't reach beyond this machine
from pathlib import Path, PosixPath
from assistant.library import Library
from assistant.web.server import serve
from assistant.web.service import Settings
from tests.chat.serving import Faulty
serve({library}.open({folder!r}), port={port}, settings={settings!r})
"""


class Faulty(Library):
    """A library that meets what nobody foresaw, for questions with "fault" in them."""

    def answer(
        self,
        question: str,
        *,
        k: int = 5,
        history: Sequence[str] = (),
        scope: Scope = EVERYTHING,
    ) -> Answer:
        if "fault" in question:
            raise RuntimeError("a detail that is nobody's business")
        return super().answer(question, k=k, history=history, scope=scope)


@dataclass(frozen=True)
class Chat:
    """A running chat; ``seconds`` is what it took from start to the first page served."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]
    seconds: float


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def serving(
    folder: Path,
    settings: Settings | None = None,
    port: int | None = None,
    library: type[Library] = Library,
) -> Iterator[Chat]:
    """The chat over the library in ``folder``, ended on leaving."""
    port = port or free_port()
    code = _START.format(
        library=library.__name__, folder=str(folder), port=port, settings=settings or Settings()
    )
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                urlopen(f"{url}/health").close()
                break
            except HTTPError as error:  # it wants a password, and so is there
                error.close()
                break
            except URLError:
                if process.poll() is not None or time.monotonic() - started > 180:
                    raise
                time.sleep(0.05)
        yield Chat(url, folder, process, time.monotonic() - started)
    finally:
        process.terminate()
        process.wait(timeout=20)
