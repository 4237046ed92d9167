"""Print what a library of many paragraphs takes to build, to open and to ask.

    python -m tests.benchmark.scale PARAGRAPHS LIBRARY [COUNT]

PARAGRAPHS is a JSONL file with one paragraph a line: id (document, "#", number), title, date and
text; the first COUNT are written to LIBRARY and built there, and memory is read meanwhile.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
import time
from datetime import date
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import yaml

from assistant.library import SOURCES, Library
from assistant.types import Scope
from tests.benchmark.__main__ import size_of
from tests.benchmark.readouts import questions

WARMING, ASKED = 8, 40  # questions


def write_library(paragraphs: Path, library: Path, count: int | None) -> None:
    sources = library / SOURCES
    sources.mkdir(parents=True)
    with gzip.open(paragraphs, "rt", encoding="utf-8") as file:
        rows = map(json.loads, islice(file, count))
        for document, parts in groupby(rows, lambda row: row["id"].split("#")[0]):
            first, *others = parts
            front = {"title": first["title"], "date": first["date"]}
            texts = [" ".join(each["text"].split()) for each in (first, *others)]
            text = f"---\n{yaml.safe_dump(front)}---\n" + "\n\n".join(texts) + "\n"
            (sources / f"{document}.txt").write_text(text, encoding="utf-8")


def memory() -> float:
    """The most memory that this process has held so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def recall(library: Library) -> tuple[float, float, float]:
    """Recall@10 of the nearest texts against comparing all in full, and milliseconds of both.

    Asked with the first sentences of 500 paragraphs from all over the library.
    """
    index = library.index
    every = index.manifest.paragraphs
    asked = [
        index.paragraph(number)[1].sentences[0].text
        for number in range(0, every, max(1, every // 500))
    ]
    vectors = [each.vector for each in library.encoder.encode(asked, question=True)]
    found: list[list[list[int]]] = []
    spent = []
    for among in (None, np.arange(len(index.vectors.vectors))):
        start = time.perf_counter()
        found.append([index.vectors.nearest(each, 10, among) for each in vectors])
        spent.append(1e3 * (time.perf_counter() - start) / len(vectors))
    products = [
        [np.sort(index.vectors.vectors[ids] @ vector) for ids in both]
        for vector, *both in zip(vectors, *found, strict=True)
    ]  # compared by these, since equal texts have equal vectors
    shared = np.mean([np.isclose(one, all_, atol=1e-6).mean() for one, all_ in products])
    return float(shared), spent[0], spent[1]


def main() -> None:
    paragraphs, folder = map(Path, sys.argv[1:3])
    if not folder.exists():
        write_library(paragraphs, folder, int(sys.argv[3]) if len(sys.argv) > 3 else None)
    library = Library.open(folder)
    seen: list[float] = []

    def progress(done: int, total: int) -> None:
        if done in {total // 10, total // 2, total}:
            seen.append(memory())

    start, processor = time.perf_counter(), time.process_time()
    report = library.build(progress)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    at = ", ".join(f"{each:.0f}" for each in seen)
    print(f"{report.paragraphs:,} paragraphs, {size_of(folder / 'index'):.0f} MB on disk")
    print(f"build: {seconds:.0f} s ({processor:.0f} s cpu); at most {memory():.0f} MB")
    print(f"memory after a tenth, a half and all of the texts: {at} MB")
    start, processor = time.perf_counter(), time.process_time()
    library = Library.open(folder)
    library.load()
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    print(f"index and model opened in {seconds:.2f} s ({processor:.2f} s cpu)")
    shared, found, compared = recall(library)
    print(f"nearest texts: recall@10 {shared:.4f}, {found:.1f} ms; comparing all {compared:.1f} ms")
    narrow = Scope(since=date(2025, 2, 1), until=date(2025, 2, 7))
    scopes = (("question", Scope()), ("question of one week's documents", narrow))
    every = iter(questions(len(scopes) * (WARMING + ASKED)))
    for name, scope in scopes:
        times = []
        for number, question in enumerate(islice(every, WARMING + ASKED)):
            start, processor = time.perf_counter(), time.process_time()
            library.answer(question, scope=scope)
            spent = time.perf_counter() - start, time.process_time() - processor
            if number >= WARMING:
                times.append(spent)
        wall, busy = 1e3 * np.array(times).T
        print(
            f"{name}: median {np.median(wall):.0f} ms, 95th percentile "
            f"{np.percentile(wall, 95):.0f}, cpu {np.median(busy):.0f}"
        )


if __name__ == "__main__":
    main()
