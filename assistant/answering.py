"""From hits to an answer: which sentences to quote, or that none of them says it."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.types import Answer, Hit, Outcome


def answer(question: str, searched_for: str, hits: Sequence[Hit]) -> Answer:
    return Answer(
        question,
        searched_for,
        Outcome.ANSWERED,
        tuple(h.quote for h in hits[:1]),
        tuple(hits),
    )
