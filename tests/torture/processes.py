"""Processes to be killed, starved and watched: forked from one that has loaded all they need."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["assistant.web.intake", "tests.torture.states"])


class Ended(NamedTuple):
    """How a process ended: what it returned or raised, in words, and its exit code.

    ``code`` is negative for the signal that ended it, None if it had to be ended for taking too
    long.
    """

    value: Any
    error: str
    code: int | None
    seconds: float


def run(
    function: Callable[..., Any],
    *arguments: Any,
    kill_after: float | None = None,
    at_most: float = 120.0,
    processor_seconds: int | None = None,
    memory_bytes: int | None = None,
    file_bytes: int | None = None,
) -> Ended:
    """``function`` in a process of its own, killed (-9) after ``kill_after`` seconds.

    The limits are those of setrlimit.
    """
    limits = {
        resource.RLIMIT_CPU: processor_seconds,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
    }
    mine, theirs = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(
        target=_work, args=(theirs, function, arguments, limits), daemon=True
    )
    process.start()
    theirs.close()
    started = time.monotonic()
    if kill_after is not None:
        # It begins to count when the process begins, not when it is asked for.
        if mine.poll(at_most):
            mine.recv()
        started = time.monotonic()
        process.join(kill_after)
        process.kill()  # SIGKILL, if it has not ended by now
        process.join()
        return Ended(None, "", process.exitcode, time.monotonic() - started)
    value, error = None, ""
    begun = False
    deadline = started + at_most
    while mine.poll(max(0.0, deadline - time.monotonic())):
        try:
            message = mine.recv()
        except EOFError:
            break
        if not begun:
            begun, started = True, time.monotonic()
            continue
        value, error = message
        break
    process.join(max(0.1, deadline - time.monotonic()))
    if process.is_alive():
        process.kill()
        process.join()
        return Ended(None, "took too long", None, time.monotonic() - started)
    return Ended(value, error, process.exitcode, time.monotonic() - started)


def _work(
    connection: Connection,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    limits: dict[int, int | None],
) -> None:
    for limit, value in limits.items():
        if value is not None:
            if limit == resource.RLIMIT_CPU:
                value += int(time.process_time())
            resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))
    connection.send("begun")
    try:
        result: Any = (function(*arguments), "")
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f" ({os.path.basename(last.filename)}:{last.lineno})"
        result = (None, f"{type(error).__name__}: {error}{where}")
    connection.send(result)
