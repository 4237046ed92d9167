"""What readers said of answers, kept on this machine, and as a set of questions to test with."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from assistant.web.conversation import Turn


class Feedback:
    """A file of verdicts, one JSON object a line. May be shared by threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def add(self, turn: Turn, history: Sequence[str], helpful: bool) -> None:
        """Note that the answer of ``turn``, asked after ``history``, helped, or didn't."""
        row = {
            "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "helpful": helpful,
            "question": turn.question,
            "history": list(history),
            "searched_for": turn.answer.searched_for,
            "outcome": str(turn.answer.outcome),
            "quotes": [each.as_dict() for each in turn.answer.quotes],
        }
        line = json.dumps(row, ensure_ascii=False) + "\n"
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(line)

    def question_set(self) -> Iterator[dict[str, Any]]:
        """What ``readout evaluate`` reads, a question a row: those whose latest verdict is good.

        What a bad answer should have been, nobody has said.
        """
        latest: dict[tuple[str, ...], dict[str, Any]] = {}
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                latest[(*row["history"], row["question"])] = row
        for number, row in enumerate((each for each in latest.values() if each["helpful"]), 1):
            yield {
                "id": f"f{number}",
                "type": "answerable" if row["quotes"] else "unanswerable",
                "question": row["question"],
                "history": row["history"],
                "gold": [
                    {"doc": each["document"], "paragraph": each["paragraph"], "span": each["text"]}
                    for each in row["quotes"]
                ],
            }
