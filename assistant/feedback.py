"""What readers said of answers, kept on this machine, and as a set of questions to test with."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from assistant.conversation import Turn


class Feedback:
    """A file of verdicts, one JSON object a line. May be shared by threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def add(self, turn: Turn, helpful: bool) -> None:
        """Note that the answer of ``turn`` helped, or didn't."""
        row = {
            "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "helpful": helpful,
            "question": turn.question,
            "searched_for": turn.answer.searched_for,
            "outcome": str(turn.answer.outcome),
            "quotes": [each.as_dict() for each in turn.answer.quotes],
        }
        line = json.dumps(row, ensure_ascii=False) + "\n"
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(line)

    def question_set(self) -> Iterator[dict[str, Any]]:
        """The questions with their latest verdict, in the order first asked.

        A helpful answer's quotes are what a test should expect; where it didn't help, that is for a
        person to fill in, and ``quotes`` are what was wrong.
        """
        latest: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                latest[row["searched_for"]] = row
        for question, row in latest.items():
            yield {
                "question": question,
                "outcome": row["outcome"],
                "helpful": row["helpful"],
                "quotes": [
                    {name: each[name] for name in ("document", "paragraph", "text")}
                    for each in row["quotes"]
                ],
            }
