"""How likely it is that the best sentence answers, and how sure is sure enough.

A logistic regression over few signals: what the reader thinks of the quoted paragraph and of the
others, and how well and how clearly the sentence was found. It was fitted through the whole of
retrieval and reading, on questions about readouts that the reader never saw; ``training/README.md``
says how, and what error was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from math import exp

MAXIMUM_ERROR = 0.1  # the default: at most this share of the answers given may be wrong


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known about the best sentence.

    Of the reader: ``answerable`` and ``span``, its logits for the sentence's paragraph, ``best``,
    the highest ``answerable`` among all hits, and ``agreement``, whether its span lies in the
    sentence. Of the ranking: ``evidence``, how well the sentence itself meets the question's words,
    and ``lead``, by how much it is ahead of the best sentence of other paragraphs.
    """

    answerable: float
    span: float
    best: float
    agreement: bool
    evidence: float
    lead: float


# Fitted by `python -m training.fit`, in the order of the signals.
_COEFFICIENTS: Sequence[float] = (0.1445, 0.0567, 0.0257, 0.5710, 2.2417, 3.5190)
_INTERCEPT = -3.4283
# Highest share of wrong answers given, and the confidence that it takes, in cross-validation.
_THRESHOLDS: Sequence[tuple[float, float]] = (
    (0.15, 0.602),
    (0.2, 0.597),
    (0.25, 0.534),
    (0.3, 0.527),
    (1.0, 0.0),
)


def confidence(signals: Signals) -> float:
    """The probability that the sentence answers."""
    values = map(float, astuple(signals))
    total = sum(weight * each for weight, each in zip(_COEFFICIENTS, values, strict=True))
    return 1 / (1 + exp(-(total + _INTERCEPT)))


def threshold(maximum_error: float) -> float:
    """The confidence above which at most ``maximum_error`` of the answers given were wrong.

    Between the errors that were measured, the stricter counts; nothing meets one below all of them.
    """
    return min((least for error, least in _THRESHOLDS if error <= maximum_error), default=1.0)
