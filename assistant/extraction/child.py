"""The process that extracts: files come in at standard input, extracts go out at standard output.

A request is a line of JSON, ``{"format": "pdf", "bytes": 123}``, and that many bytes; the reply is
a line of JSON, either an extract or ``{"unreadable": why}``. A file that breaks a library ends the
process, which tells the one that asked.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import BinaryIO

from assistant.extraction.extract import Extract, UnreadableError

MEMORY = 1536 * 1024 * 1024


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Reply to each of ``requests`` until there is none."""
    while line := requests.readline():
        request = json.loads(line)
        content = requests.read(request["bytes"])
        try:
            module = import_module(f"assistant.extraction.{request['format']}")
            extract: Extract = module.extract(content)
            reply = extract.as_dict()
        except UnreadableError as error:
            reply = {"unreadable": str(error)}
        except RecursionError:
            reply = {"unreadable": "is nested too deeply"}
        except MemoryError:
            reply = {"unreadable": f"needs more than {MEMORY // 1024**2:,} MB of memory to read"}
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()


def _limit() -> None:
    """Bound this process's memory, where the system can."""
    try:
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # macOS refuses it
    except (ImportError, OSError, ValueError):
        return


if __name__ == "__main__":
    _limit()
    serve(sys.stdin.buffer, sys.stdout.buffer)
