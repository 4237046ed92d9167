"""What each part of the ranking adds: the question set measured again with that part changed.

    python -m tests.ablation LIBRARY QUESTIONS

The last row asks every standalone question right after one about another document, to see whether
a question that needs no history is dragged along by it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from assistant import retrieval
from assistant.evaluation import Question, Response, ranking_metrics, read_questions, respond
from assistant.library import Library

CHANGES: dict[str, dict[str, float]] = {
    "as it is": {},
    "no neighbourhood": {"LOCAL": 1.0},
    "neighbourhood 0.7": {"LOCAL": 0.3},
    "no BM25 in the score": {"LEXICAL": 0.0},
    "BM25 0.1": {"LEXICAL": 0.1},
    "BM25 0.3": {"LEXICAL": 0.3},
    "no dates": {"DATE": 0.0},
    "dates 0.1": {"DATE": 0.1},
    "3 neighbours": {"NEIGHBOURS": 3},
    "20 candidates": {"CANDIDATES": 20},
    "200 candidates": {"CANDIDATES": 200},
    "rare tokens not favoured": {"RARITY": 0.0},
    "rare tokens by full idf": {"RARITY": 1.0},
    "history counts like the question": {"CARRIED_LOCAL": 1.0, "CARRIED_NEAR": 1.0},
}


def measure(library: Library, questions: Sequence[Question]) -> list[Response]:
    return [respond(library, each) for each in questions]


def after_another(questions: Sequence[Question]) -> list[Question]:
    """Each standalone question, asked after one whose answer stands in another document."""
    alone = [each for each in questions if each.gold and not each.history]
    asked = []
    for place, question in enumerate(alone):
        others = [*alone[place + 1 :], *alone[:place]]
        other = next(each for each in others if each.gold[0].document != question.gold[0].document)
        asked.append(replace(question, history=(other.text,)))
    return asked


def row(name: str, responses: Sequence[Response]) -> str:
    cells = []
    for follow_up in (False, True):
        some = [each for each in responses if bool(each.question.history) is follow_up]
        metrics = ranking_metrics(some)
        for metric in ("nDCG@10", "R@1", "quote@1"):
            cells.append(f"{metrics[metric].value:.3f}" if metrics else "")
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path)
    parser.add_argument("questions", type=Path)
    arguments = parser.parse_args()
    library = Library.open(arguments.library)
    questions = read_questions(arguments.questions)
    print("| change | nDCG@10 | R@1 | quote@1 | follow-ups nDCG@10 | R@1 | quote@1 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, constants in CHANGES.items():
        with ExitStack() as changed:
            for constant, value in constants.items():
                changed.enter_context(patch.object(retrieval, constant, value))
            print(row(name, measure(library, questions)), flush=True)
    dragged = measure(library, after_another(questions))
    completed = np.mean([each.searched_for != each.question.text for each in dragged])
    print(row(f"after another question ({completed:.0%} completed)", dragged))


if __name__ == "__main__":
    main()
