"""Fit the confidence of answers through the whole of retrieval and reading.

    python -m training.fit --data ../shared/data

The written questions on documents that the reader never trained on are each asked of their own
readout, where it is known what answers and what doesn't. To these, for the thresholds only, come
those of ``tests/summit_questions.jsonl``, asked of the readout that ships. Printed are the
constants of ``assistant/confidence.py``, how good they are on documents left out, and how good
those in use are on the questions of ``development.jsonl``, of whose authors and documents neither
the reader nor the constants know anything.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assistant.answering import close_sentences, readings_of, signals
from assistant.confidence import Signals, confidence, threshold
from assistant.encoder import FloatArray
from assistant.evaluation import calibration_error, read_questions
from assistant.library import Library
from assistant.types import Hit, Scope
from training.train import (
    DEVELOPMENT,
    READOUTS,
    STATEMENTS,
    documents_of,
    kept_documents,
    library_of,
    read_lines,
    readouts_in,
    standing_alone,
)

PROJECT = Path(__file__).parent.parent
ERRORS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
_FOLDS = 10
_STRENGTH = 0.3  # of the fit, against its regularisation

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Case:
    """A question put to a library: what it is about, what is known, whether a quote answers."""

    document: str
    answerable: bool
    right: bool
    signals: Signals


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients in the order of the signals, and each case's confidence when left out."""

    coefficients: tuple[float, ...]
    intercept: float
    left_out: FloatArray

    def confidence(self, found: Sequence[Case]) -> FloatArray:
        """That of cases which were not fitted to."""
        total = _values(found) @ np.array(self.coefficients) + self.intercept
        return np.asarray(1 / (1 + np.exp(-total)), dtype=np.float32)


def asked(
    library: Library, readouts: Mapping[str, Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]
) -> Iterator[Case]:
    """Written questions, each asked of its own readout."""
    known = documents_of(library)
    for row in rows:
        readout = readouts[row["doc"]]
        searched = standing_alone(row, readout)
        hits = library.retrieve(searched, scope=Scope(documents=(known[row["doc"]].id,)))
        if not hits:
            continue
        gold = None
        if row["start"] is not None:
            begin = hits[0].document.text.index(readout["paragraphs"][row["paragraph"]])
            gold = begin + row["start"], begin + row["end"]
        yield _case(library, row["question"], searched, hits, row["doc"], gold)


def summit() -> Iterator[Case]:
    """The questions on the readout that ships."""
    library = Library.open(PROJECT)
    library.build()
    text = library.documents[0].text
    for each in read_questions(PROJECT / "tests" / "summit_questions.jsonl"):
        gold = None
        if each.gold:
            start = text.index(each.gold[0].span)
            gold = start, start + len(each.gold[0].span)
        hits = library.retrieve(each.text)
        yield _case(library, each.text, each.text, hits, each.id, gold)


def _case(
    library: Library,
    question: str,
    searched_for: str,
    hits: Sequence[Hit],
    group: str,
    gold: tuple[int, int] | None,
) -> Case:
    readings = readings_of(question, searched_for, hits, library.reader)
    right = gold is not None and any(
        quote.start < gold[1] and gold[0] < quote.end for quote in close_sentences(hits, readings)
    )
    return Case(group, gold is not None, right, signals(hits, readings))


def fit(found: Sequence[Case]) -> Fit:
    """The logistic regression of "a quote answers", cross-validated by document."""
    values = _values(found)
    right = np.array([each.right for each in found])
    groups = [each.document for each in found]
    left_out = np.zeros(len(found), dtype=np.float32)
    for train, test in GroupKFold(_FOLDS).split(values, right, groups):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH))
        left_out[test] = model.fit(values[train], right[train]).predict_proba(values[test])[:, 1]
    scaler = StandardScaler().fit(values)
    model = LogisticRegression(C=_STRENGTH).fit(scaler.transform(values), right)
    coefficients = model.coef_[0] / scaler.scale_
    intercept = float(model.intercept_[0] - coefficients @ scaler.mean_)
    return Fit(tuple(map(float, coefficients)), intercept, left_out)


def _values(found: Sequence[Case]) -> FloatArray:
    return np.array([astuple(each.signals) for each in found], dtype=np.float32)


def least_confidence(confidence: FloatArray, right: Sequence[bool], error: float) -> float:
    """The lowest confidence above which at most ``error`` of the answers are wrong; 1 if none."""
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~np.array(right)[order]) / np.arange(1, len(order) + 1)
    meets = np.flatnonzero(wrong <= error)
    return float(confidence[order[meets[-1]]]) if len(meets) else 1.0


def main() -> None:
    """Print the constants and how good they are."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    here = Path(__file__).parent
    parser.add_argument("--questions", type=Path, default=here / "questions.jsonl")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        files = [given.data / READOUTS, given.data / STATEMENTS]
        library = library_of(files, Path(folder))
        if library.reader is None:
            raise SystemExit("the reader's weights are missing")
        readouts = readouts_in(given.data)
        rows = read_lines(given.questions)
        kept = kept_documents(row["doc"] for row in rows)
        written = asked(library, readouts, (row for row in rows if row["doc"] in kept))
        report(list(written), list(summit()))
        report_development(list(asked(library, readouts, read_lines(DEVELOPMENT))))


def report(found: Sequence[Case], shipped: Sequence[Case]) -> None:
    """Log the fit to ``found``, its scores, and the trade-off between error and coverage."""
    fitted = fit(found)
    _log.info("_COEFFICIENTS = (%s)", ", ".join(f"{each:.4f}" for each in fitted.coefficients))
    _log.info("_INTERCEPT = %.4f", fitted.intercept)
    sets = {
        "written": (found, fitted.left_out),
        "summit": (shipped, fitted.confidence(shipped)),
    }
    for name, (cases, sure) in sets.items():
        _log.info("%s", _scores(name, cases, sure))
    every = [*found, *shipped]
    sure = np.concatenate([confidence for _, confidence in sets.values()])
    for error in ERRORS:
        least = least_confidence(sure, [each.right for each in every], error)
        shares = [_shares(cases, confidence >= least) for cases, confidence in sets.values()]
        _log.info("error at most %.2f: confidence %.3f; %s", error, least, "; ".join(shares))


def report_development(cases: Sequence[Case]) -> None:
    """Log how good the constants in use are on ``cases``."""
    sure = np.array([confidence(each.signals) for each in cases], dtype=np.float32)
    _log.info("%s", _scores("development", cases, sure))
    for error in ERRORS:
        given = sure >= threshold(error)
        _log.info("error at most %.2f as shipped: %s", error, _shares(cases, given))


def _scores(name: str, cases: Sequence[Case], sure: FloatArray) -> str:
    right = np.array([each.right for each in cases])
    answerable = np.array([each.answerable for each in cases])
    return (
        f"{name}: {len(cases)} questions, {answerable.sum()} answerable, quoted rightly "
        f"{right.sum()}; AUROC answerable {roc_auc_score(answerable, sure):.3f}, right "
        f"{roc_auc_score(right, sure):.3f}, calibration error {calibration_error(sure, right):.3f}"
    )


def _shares(cases: Sequence[Case], given: np.ndarray) -> str:
    right = np.array([each.right for each in cases])
    answerable = np.array([each.answerable for each in cases])
    wrong = (~right[given]).mean() if given.any() else 0.0
    return (
        f"answered {given[answerable].mean():.2f} of answerable, refused "
        f"{(~given[~answerable]).mean():.2f} of unanswerable, wrong {wrong:.2f} of {given.sum()}"
    )


if __name__ == "__main__":
    main()
