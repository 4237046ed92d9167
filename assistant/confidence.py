"""How likely it is that the best sentence answers, and how sure is sure enough.

A logistic regression over what the reader says, fitted through the whole of retrieval and reading
on questions about readouts that the reader never saw; ``training/README.md`` says how, and what
error was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from math import exp

# The default: at most this share of the answers given may be wrong. With one in ten, more than a
# third of the questions that have an answer are refused.
MAXIMUM_ERROR = 0.15


@dataclass(frozen=True, slots=True)
class Signals:
    """What the reader makes of the best sentence's paragraph, and of the others.

    ``answerable`` and ``span`` are its logits for that paragraph, ``best`` is the highest
    ``answerable`` of all it read, and ``agreement`` says whether its span lies in the sentence.
    """

    answerable: float
    span: float
    best: float
    agreement: bool


# Fitted by `python -m training.fit`, in the order of the signals.
_COEFFICIENTS: Sequence[float] = (0.4076, 0.0609, 0.1676, 0.5032)
_INTERCEPT = 0.3829
# Highest share of wrong answers given, and the confidence that it takes, in cross-validation.
_THRESHOLDS: Sequence[tuple[float, float]] = (
    (0.05, 0.950),
    (0.1, 0.787),
    (0.15, 0.611),
    (0.2, 0.401),
    (0.25, 0.251),
    (0.3, 0.140),
    (0.4, 0.033),
    (1.0, 0.0),
)


def confidence(signals: Signals) -> float:
    """The probability that the sentence answers."""
    values = map(float, astuple(signals))
    total = sum(weight * each for weight, each in zip(_COEFFICIENTS, values, strict=True))
    return logistic(total + _INTERCEPT)


def logistic(value: float) -> float:
    """The logistic function, from 0 to 1."""
    return 1 / (1 + exp(-value))


def threshold(maximum_error: float) -> float:
    """The confidence above which at most ``maximum_error`` of the answers given were wrong.

    Between the errors that were measured, the stricter counts; nothing meets one below all of them.
    """
    return min((least for error, least in _THRESHOLDS if error <= maximum_error), default=1.0)
