"""Metrics on cases small enough to work out by hand, and the question sets that can be read."""

from __future__ import annotations

import gzip
import json
from math import log2
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from assistant import evaluation
from assistant.cli import main
from assistant.evaluation import Gold, Question, QuestionSetError, Response
from assistant.library import Library
from tests.conftest import PROJECT

SUMMIT_QUESTIONS = PROJECT / "tests" / "summit_questions.jsonl"


def response(
    name: str, ranking: list[int], quotes: list[int], confidence: float, *, gold: int = 1
) -> Response:
    places = tuple(Gold("d", number + 1, "x") for number in range(gold))
    return Response(
        Question(name, "?", "who", (), places),
        tuple(map(bool, ranking)), gold, tuple(map(bool, quotes)), confidence,
        confidence >= 0.5, "?",
    )  # fmt: skip


def test_ranking_metrics() -> None:
    metrics = evaluation.ranking_metrics(
        [
            response("a", [1, 0, 0], [1, 0, 0], 0.9),
            response("b", [0, 0, 1], [0, 0, 1], 0.8),
            response("c", [0, 0, 0], [0, 0, 0], 0.7),
            response("d", [], [], 0.7, gold=0),  # has no answer, so there is nothing to find
        ]
    )
    assert {name: each.value for name, each in metrics.items()} == pytest.approx(
        {
            "nDCG@10": (1 + 1 / log2(4) + 0) / 3,
            "R@1": 1 / 3,
            "R@5": 2 / 3,
            "R@10": 2 / 3,
            "MRR": (1 + 1 / 3 + 0) / 3,
            "quote@1": 1 / 3,
            "quote@3": 2 / 3,
        }
    )
    assert metrics["R@1"].low <= 1 / 3 <= metrics["R@1"].high


def test_a_question_with_two_answers_is_found_by_halves() -> None:
    metrics = evaluation.ranking_metrics([response("a", [1, 0], [1], 0.9, gold=2)])
    assert metrics["R@10"].value == 0.5
    assert metrics["nDCG@10"].value == pytest.approx(1 / (1 + 1 / log2(3)))


def test_refusal_metrics() -> None:
    metrics = evaluation.refusal_metrics(
        [
            response("a", [1], [1], 0.9),
            response("b", [1], [0], 0.6),
            response("c", [1], [1], 0.3),
            response("d", [], [0], 0.7, gold=0),
            response("e", [], [0], 0.1, gold=0),
        ]
    )
    assert metrics["AUROC"] == pytest.approx(4 / 6)
    assert metrics["answered"] == pytest.approx(2 / 3)
    assert metrics["refused"] == pytest.approx(1 / 2)
    assert metrics["wrong"] == pytest.approx(2 / 3)
    assert metrics["coverage"] == pytest.approx(1 / 5)


def test_risk_and_coverage() -> None:
    coverage, risk = evaluation.risk_coverage(
        [response("a", [1], [0], 0.2), response("b", [1], [1], 0.9), response("c", [], [0], 0.5)]
    )
    np.testing.assert_allclose(coverage, [1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(risk, [0, 1 / 2, 2 / 3])
    points = evaluation.risks(
        [response(str(each), [1], [each < 5], 1 - each / 10) for each in range(10)]
    )
    assert points["10%"] == points["50%"] == 0
    assert points["60%"] == pytest.approx(1 / 6)
    assert points["100%"] == pytest.approx(1 / 2)


def test_calibration_error() -> None:
    confidence = np.array([0.95, 0.95, 0.05, 0.05], dtype=np.float32)
    right = np.array([True, False, False, False])
    assert evaluation.calibration_error(confidence, right) == pytest.approx(0.25)


def test_question_files(tmp_path: Path) -> None:
    row = {"id": "a", "type": "who", "question": "Who?", "gold": [{"doc": "d", "paragraph": 2}]}
    zero = {"doc": "d", "paragraph_index": 1, "span": "x"}
    turns = [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "That."}]
    other = row | {"id": "b", "gold": [zero], "history": turns}
    expected = (
        Question("a", "Who?", "who", (), (Gold("d", 2),)),
        Question("b", "Who?", "who", ("What?",), (Gold("d", 2, "x"),)),
    )
    path = tmp_path / "questions.json"
    path.write_text(json.dumps([row, other]))
    assert evaluation.read_questions(path) == expected
    path.write_text(f"{json.dumps(row)}\n{json.dumps(other)}\n")
    assert evaluation.read_questions(path) == expected


@pytest.mark.parametrize("content", ["", "[]", "{", "[1]", '[{"id": "a"}]', "\0"])
def test_an_unreadable_question_file_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "questions.json"
    path.write_text(content)
    with pytest.raises(QuestionSetError, match=r"questions\.json"):
        evaluation.read_questions(path)


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    corpus = [
        {"_id": "p1", "title": "Fish", "text": "Salmon swim up the rivers to spawn."},
        {"_id": "p2", "title": "Bread", "text": "Sourdough is leavened by wild yeast."},
        {"_id": "p3", "text": "The treaty was signed in Vienna.\n\nIt entered into force later."},
    ]
    queries = [
        {"_id": "q1", "text": "What do salmon do in rivers?"},
        {"_id": "q2", "text": "Where was the treaty signed?"},
        {"_id": "q3", "text": "Who signed the treaty?", "answerable": False},
    ]
    (tmp_path / "corpus.jsonl.gz").write_bytes(
        gzip.compress("\n".join(map(json.dumps, corpus)).encode())
    )
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (tmp_path / "qrels.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\tp1\t1\nq2\tp3\t1\nq1\tp2\t0\n"
    )
    return tmp_path


def test_a_beir_folder_is_a_library_and_a_question_set(beir: Path) -> None:
    result = CliRunner().invoke(main, ["evaluate", "--json", str(beir)])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert set(report["ranking"]) == {"all (2)", "answerable (2)"}
    assert set(report["ranking"]["all (2)"]) == {"readout", "BM25", "cosine", "BM25 + cosine"}
    assert report["ranking"]["all (2)"]["readout"]["nDCG@10"]["value"] == 1.0
    assert set(report["refusal"]["readout"]) >= {"AUROC", "answered", "refused", "wrong"}


def test_evaluate_prints_tables_and_draws_curves(summit: Library, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    lines = SUMMIT_QUESTIONS.read_text().splitlines()
    questions.write_text("\n".join(lines[::8]))
    plot = tmp_path / "curves.png"
    result = CliRunner().invoke(
        main, ["--library", str(summit.folder), "evaluate", str(questions), "--plot", str(plot)]
    )
    assert result.exit_code == 0, result.output
    assert "| readout | " in result.stdout
    assert "| BM25 + cosine | " in result.stdout
    assert "| refusal | AUROC |" in result.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_the_committed_questions_are_what_they_say() -> None:
    questions = evaluation.read_questions(SUMMIT_QUESTIONS)
    assert len(questions) >= 60
    assert sum(not each.gold for each in questions) * 3 >= len(questions) - 3
    text = (PROJECT / "source_docs" / "japan-us-summit-2025-02-07.txt").read_text()
    for each in questions:
        assert all(gold.span in text for gold in each.gold)


def test_the_summit_questions_are_answered_at_least_this_well(summit: Library) -> None:
    questions = evaluation.read_questions(SUMMIT_QUESTIONS)
    responses = [evaluation.respond(summit, each) for each in questions]
    metrics = evaluation.ranking_metrics(responses)
    assert metrics["R@1"].value >= 0.83
    assert metrics["R@5"].value == 1.0
    assert metrics["quote@1"].value >= 0.85
    assert metrics["quote@3"].value >= 0.93


def test_an_answer_in_a_collection_is_named_with_or_without_the_collection() -> None:
    for name in ("a", "calls#a"):
        assert evaluation.Gold(name, 2).is_in("calls#a", 2)
        assert not evaluation.Gold(name, 2).is_in("calls#b", 2)
        assert not evaluation.Gold(name, 2).is_in("calls#a", 3)
    assert evaluation.Gold("a").is_in("a", 7)
