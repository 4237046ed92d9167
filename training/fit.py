"""Fit the confidence of answers through the whole of retrieval and reading.

    python -m training.fit LIBRARY --data ../shared/data

``LIBRARY`` holds all White House readouts (``python -m tests.jsonl_library`` makes it). Of the
written questions, only those on documents that the reader never trained on count. Printed are the
constants of ``assistant/confidence.py`` and how good they are on documents left out.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assistant.answering import best_sentences, readings_of, signals
from assistant.confidence import Signals
from assistant.encoder import FloatArray
from assistant.evaluation import calibration_error
from assistant.library import Library
from assistant.reader import load_reader
from assistant.types import Scope
from training.train import kept_documents, read_lines, says_which

ERRORS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6)
_FOLDS = 10
_STRENGTH = 0.1  # of the fit, against its regularisation

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Case:
    """A question put to the library: what it is about, what is known, whether the quote answers."""

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


def cases(library: Library, data: Path, questions: Path) -> Iterator[Case]:
    """The written questions on documents kept from training, as the library meets them.

    Each is asked of its own document, and of the whole library if it says which meeting it means.
    """
    reader = load_reader()
    if reader is None:
        raise SystemExit("the reader's weights are missing")
    documents = {each.id: each for each in library.documents}
    readouts = {row["doc"]: row for row in read_lines(data / "white-house-readouts.jsonl.gz")}
    rows = read_lines(questions)
    kept = kept_documents(row["doc"] for row in rows)
    for row in rows:
        if row["doc"] not in kept or row["doc"] not in documents:
            continue
        scopes = [Scope(documents=(row["doc"],))]
        if says_which(row["question"]):
            scopes.append(Scope())
        for scope in scopes:
            hits = library.retrieve(row["question"], scope=scope)
            quote = best_sentences(hits)[0]
            right = False
            if row["start"] is not None and quote.document == row["doc"]:
                text = readouts[row["doc"]]["paragraphs"][row["paragraph"]]
                begin = documents[row["doc"]].text.index(text)
                right = quote.start < begin + row["end"] and begin + row["start"] < quote.end
            readings = readings_of(row["question"], hits, reader)
            known = signals(hits, readings)
            yield Case(row["doc"], row["start"] is not None, right, known)


def fit(found: Sequence[Case]) -> Fit:
    """The logistic regression of "the first quote answers", cross-validated by document."""
    values = np.array([astuple(each.signals) for each in found], dtype=np.float64)
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
    parser.add_argument("library", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    here = Path(__file__).parent
    parser.add_argument("--questions", type=Path, default=here / "questions.jsonl")
    given = parser.parse_args()
    report(list(cases(Library.open(given.library), given.data, given.questions)))


def report(found: Sequence[Case]) -> None:
    """Log the fit to ``found``, its scores, and the trade-off between error and coverage."""
    fitted = fit(found)
    right = np.array([each.right for each in found])
    answerable = np.array([each.answerable for each in found])
    _log.info("%d questions, %d answerable", len(found), answerable.sum())
    _log.info("first quote right: %d", right.sum())
    _log.info("AUROC answerable %.3f", roc_auc_score(answerable, fitted.left_out))
    _log.info("AUROC right %.3f", roc_auc_score(right, fitted.left_out))
    _log.info("calibration error %.3f", calibration_error(fitted.left_out, right))
    _log.info("_COEFFICIENTS = (%s)", ", ".join(f"{each:.4f}" for each in fitted.coefficients))
    _log.info("_INTERCEPT = %.4f", fitted.intercept)
    for error in ERRORS:
        least = least_confidence(fitted.left_out, [*right], error)
        given = fitted.left_out >= least
        _log.info(
            "error at most %.2f: confidence %.3f, answered %.2f of answerable, refused %.2f of "
            "unanswerable, wrong %.3f of %d answers",
            error,
            least,
            given[answerable].mean(),
            (~given[~answerable]).mean(),
            (~right[given]).mean() if given.any() else 0.0,
            given.sum(),
        )


if __name__ == "__main__":
    main()
