"""From hits to an answer: which sentences to quote, or that none of them says it."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.types import Answer, Hit, Outcome


def answer(question: str, searched_for: str, hits: Sequence[Hit]) -> Answer:
    best = max((hit.score for hit in hits), default=0.0)
    return Answer(
        question,
        searched_for,
        Outcome.ANSWERED,
        best,
        tuple(hit.quote for hit in hits[:1]),
        tuple(hits),
    )
