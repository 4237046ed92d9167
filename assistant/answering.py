"""From hits to an answer: which sentences to quote, or that none of them says it.

How well the best sentence meets the question's words is the evidence. It tells questions about
something else from the readouts' own subjects, and much less well what the readouts say from what
they only talk about.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from assistant.types import Answer, Hit, Outcome, Quote

# Evidence below the first is off topic, below the second no answer; set on development questions
# of the summit readout and of the White House readouts, where off-topic questions stay below .4.
NOT_FOUND_BELOW = 0.40
RELATED_BELOW = 0.46
# Logistic regression of "the best sentence answers" on the evidence, on the same questions.
_SLOPE, _INTERCEPT = 5.55, -2.83
_ALSO_QUOTED = 0.04  # sentences that score this little less than the best are quoted too,
_MAXIMUM_QUOTES = 3  # up to so many in all


def answer(question: str, searched_for: str, hits: Sequence[Hit]) -> Answer:
    """The best sentences of ``hits`` as quotes, or the outcome that says why there are none."""
    ranked = _ranked(hits)
    evidence = ranked[0][0] - ranked[0][1].score if ranked else 0.0
    if evidence < NOT_FOUND_BELOW:
        outcome = Outcome.NOT_FOUND
    elif evidence < RELATED_BELOW:
        outcome = Outcome.RELATED
    else:
        outcome = Outcome.ANSWERED
    quotes: tuple[Quote, ...] = ()
    if outcome is Outcome.ANSWERED:
        close = [quote for score, _, quote in ranked if score > ranked[0][0] - _ALSO_QUOTED]
        quotes = tuple(close[:_MAXIMUM_QUOTES])
    confidence = 1 / (1 + exp(-(_SLOPE * evidence + _INTERCEPT)))
    return Answer(question, searched_for, outcome, confidence, quotes, tuple(hits))


def best_sentences(hits: Sequence[Hit]) -> list[Quote]:
    """The sentences of ``hits`` as quotes, best first; ties go to the better hit, then earlier."""
    return [quote for _, _, quote in _ranked(hits)]


def _ranked(hits: Sequence[Hit]) -> list[tuple[float, Hit, Quote]]:
    scored = [
        (score, hit, Quote.of(hit.document, hit.paragraph, sentence))
        for hit in hits
        for score, sentence in zip(hit.sentence_scores, hit.paragraph.sentences, strict=True)
    ]
    return sorted(scored, key=lambda each: -each[0])
