"""The line of those who ask: a few at once, and not too many waiting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from assistant.web.problems import BusyError

Result = TypeVar("Result")


class Line:
    """Runs what takes long in threads, for one event loop.

    ``at_once`` are run at a time, as the model uses every core for each, and more would only wait
    inside it; if ``waiting`` wait for that, the next is told so by ``BusyError``.
    """

    def __init__(self, *, waiting: int, at_once: int = 4) -> None:
        self._limiter = CapacityLimiter(at_once)
        self._waiting = waiting

    async def run(
        self, function: Callable[..., Result], *arguments: object, **options: Any
    ) -> Result:
        """What ``function`` returns."""
        if self._limiter.statistics().tasks_waiting >= self._waiting:
            raise BusyError
        call = partial(function, *arguments, **options)
        return await to_thread.run_sync(call, limiter=self._limiter)
