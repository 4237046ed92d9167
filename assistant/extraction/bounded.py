"""Extracting within bounds: in another process, which is ended when it takes too long.

What a file holds is hostile, and the libraries that read it are large; so they run where an endless
loop, a crash or memory without end harms nothing but the reading of that file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from threading import Timer
from time import monotonic
from types import TracebackType

from assistant.extraction.extract import Extract, UnreadableError

REVISION = 1  # of how files are extracted here; raise it when any is read otherwise
SECONDS = 120.0  # a file may take
MAXIMUM_REPLY = 64 * 1024 * 1024
EXTRA = "readout-assistant[formats]"
_LIBRARIES = {"html": "trafilatura", "pdf": "pdfminer.six", "docx": "python-docx"}
_PROJECT = Path(__file__).parents[2]


def extractor_of(file_format: str) -> str:
    """What extracts ``file_format`` here and now: a library, its release, and our revision.

    Another of them may read the same bytes otherwise. Empty for text as it is, and
    where the library isn't installed.
    """
    if file_format not in _LIBRARIES:
        return ""
    from importlib.metadata import PackageNotFoundError, version  # slow to import, rarely needed

    try:
        return f"{_LIBRARIES[file_format]} {version(_LIBRARIES[file_format])}, revision {REVISION}"
    except PackageNotFoundError:
        return ""


class Extractor:
    """Extracts in a process that starts when it is first needed, and again after it was ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Extractor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def __call__(self, file_format: str, content: bytes) -> Extract:
        """What ``content`` holds, read as ``file_format``; UnreadableError says why it can't be.

        It has SECONDS and the memory that ``child.py`` allows.
        """
        if not extractor_of(file_format):
            raise UnreadableError(f"needs more to be read; install it: pip install '{EXTRA}'")
        begun = monotonic()
        reply = self._reply(file_format, content)
        if not reply.endswith(b"\n"):
            self._end()
            if monotonic() - begun >= SECONDS:
                raise UnreadableError(f"takes more than {SECONDS:g} seconds to read; split it")
            if len(reply) >= MAXIMUM_REPLY:
                raise UnreadableError("holds too much text; split it")
            raise UnreadableError("is damaged; the library that reads it broke off")
        fields = json.loads(reply)
        if "unreadable" in fields:
            raise UnreadableError(fields["unreadable"])
        return Extract.from_dict(fields)

    def _reply(self, file_format: str, content: bytes) -> bytes:
        """The process's reply, cut short if it died or was ended."""
        process = self._process = self._process or _started()
        assert process.stdin  # noqa: S101 (it is piped)
        assert process.stdout  # noqa: S101
        request = json.dumps({"format": file_format, "bytes": len(content)}).encode() + b"\n"
        timer = Timer(SECONDS, process.kill)
        timer.start()
        try:
            process.stdin.write(request + content)
            process.stdin.flush()
            return process.stdout.readline(MAXIMUM_REPLY)
        except BrokenPipeError:
            return b""
        finally:
            timer.cancel()

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None


@lru_cache(maxsize=4)
def extract_once(file_format: str, content: bytes) -> Extract:
    """What ``content`` holds, for one file at a time; the last few are remembered."""
    with Extractor() as extract:
        return extract(file_format, content)


def _started() -> subprocess.Popen[bytes]:
    # The same bytes must give the same text: sets of strings have one order with a fixed seed.
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment |= {"PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [sys.executable, "-m", "assistant.extraction.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_PROJECT,
        env=environment,
    )
