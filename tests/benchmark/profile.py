"""Print what each millisecond of a first and of a later question is spent on.

    python -m tests.benchmark.profile LIBRARY

LIBRARY is built. Counted is processor time, so that other programs disturb little. The first
question runs in a process of its own, as from the command line; parts count their own thread there.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

QUESTIONS = 40  # after as many
Times = dict[str, float]
Clock = Callable[[], float]


def watch(times: Times, clock: Clock, owner: Any, name: str, part: str) -> None:
    """Add the milliseconds spent in a function to ``times[part]``."""
    function: Callable[..., Any] = getattr(owner, name)

    @wraps(function)
    def watched(*arguments: Any, **options: Any) -> Any:
        start = clock()
        try:
            return function(*arguments, **options)
        finally:
            times[part] += 1e3 * (clock() - start)

    setattr(owner, name, watched)


def first(folder: str, question: str) -> None:
    """Ask once, and print the parts of it."""
    times: Times = defaultdict(float)
    from assistant import cli, encoder, index
    from assistant.library import Library

    times["interpreter and imports"] = 1e3 * time.process_time()
    watch(times, time.thread_time, index, "_digest", "index: digests of its files")
    watch(times, time.thread_time, index, "open_index", "index: all of opening it")
    watch(
        times,
        time.thread_time,
        encoder,
        "weights_fingerprint",
        "model: digest of its weights, aside",
    )
    watch(times, time.thread_time, encoder.GraphEncoder, "load", "model: all of loading it, aside")
    watch(times, time.thread_time, Library, "stale", "looking whether source_docs changed")
    watch(times, time.process_time, Library, "answer", "answer")
    cli.main(["--library", folder, "ask", question], standalone_mode=False)
    times["all"] = 1e3 * time.process_time()
    print("\n".join(f"| {part} | {spent:.0f} |" for part, spent in times.items()), file=sys.stderr)


def later(folder: str) -> None:
    """Ask one question after another, and print the medians of the parts."""
    from assistant import answering, retrieval
    from assistant.encoder import GraphEncoder, _Network
    from assistant.lexical import LexicalIndex
    from assistant.library import Library
    from assistant.tokens import TokenStore
    from tests.benchmark.readouts import questions

    library = Library.open(folder)
    every = questions(2 * QUESTIONS)
    for question in every[:QUESTIONS]:
        library.answer(question)
    times: Times = defaultdict(float)
    watch(times, time.process_time, _Network, "pieces", "encoder: tokens")
    watch(times, time.process_time, _Network, "read", "encoder: network")
    watch(times, time.process_time, retrieval, "_dense", "candidates by cosine")
    watch(
        times,
        time.process_time,
        LexicalIndex,
        "search",
        "BM25: candidates, their scores, their sentences'",
    )
    watch(times, time.process_time, TokenStore, "closest", "late interaction: products and maxima")
    watch(times, time.process_time, retrieval, "_matches", "the words that speak for each hit")
    watch(times, time.process_time, answering, "answer", "outcome and quotes")
    watch(times, time.process_time, Library, "answer", "all")
    rounds: dict[str, list[float]] = defaultdict(list)
    for question in every[QUESTIONS:]:
        times.clear()
        library.answer(question)
        for part, spent in times.items():
            rounds[part].append(spent)
    assert isinstance(library.encoder, GraphEncoder)
    medians = {part: float(np.median(spent)) for part, spent in rounds.items()}
    whole = medians.pop("all")
    medians["the rest: ranking, documents, hits"] = whole - sum(medians.values())
    for part, spent in {**medians, "all": whole}.items():
        print(f"| {part} | {spent:.1f} |")


def main() -> None:
    from tests.benchmark.readouts import questions  # not in the process that is measured

    (folder,), (question,) = sys.argv[1:], questions(1)
    print("| first question | ms |\n| --- | --- |", flush=True)
    call = f"from tests.benchmark.profile import first; first({folder!r}, {question!r})"
    result = subprocess.run(
        [sys.executable, "-c", call], capture_output=True, text=True, check=True
    )
    print(result.stderr)
    print("| later question | ms |\n| --- | --- |")
    later(folder)


if __name__ == "__main__":
    main()
