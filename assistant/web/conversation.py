"""What was asked and answered in each conversation, kept in memory while the chat runs."""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from assistant.types import Answer

_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with its answer, which ``asked`` of the library's ``total`` readouts gave."""

    question: str
    answer: Answer
    asked: int
    total: int
    id: str = field(default_factory=lambda: secrets.token_hex(4))


class Conversations:
    """The latest ``most`` conversations, each with its latest ``turns``, by their secret keys.

    A page makes its own key of 128 random bits, so that no one can name another's. May be shared
    by threads.
    """

    def __init__(self, most: int = 1_000, turns: int = 100) -> None:
        self._most = most
        self._turns = turns
        self._kept: OrderedDict[str, tuple[Turn, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def turns(self, key: str) -> tuple[Turn, ...]:
        """The turns of that conversation, oldest first; none if it isn't known."""
        with self._lock:
            return self._kept.get(key, ())

    def add(self, key: str, turn: Turn) -> tuple[Turn, ...]:
        """The conversation's turns with ``turn`` added; kept only if ``key`` is a proper one."""
        with self._lock:
            turns = (*self._kept.get(key, ()), turn)[-self._turns :]
            if _KEY.fullmatch(key):
                self._kept[key] = turns
                self._kept.move_to_end(key)
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return turns
