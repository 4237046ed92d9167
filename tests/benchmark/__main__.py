"""Print what this project takes, beside a short script and five other tools, on the same passages.

    python -m tests.benchmark DATA --peers FOLDER [--documents N] [--rounds 5]

DATA is a JSONL file of readouts, which may be gzipped; FOLDER has the environments that
`tests/benchmark/install_peers.sh` makes. All run the same weights on the same paragraphs. Systems
take turns in each round, and medians are given, so that what else the machine does falls on all of
them alike: read the ratios, not the milliseconds. "cpu" is processor time, which is disturbed less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from assistant import graph
from assistant.encoder import DEFAULT_MODEL, model_folder
from assistant.library import INDEX, SOURCES, Library
from tests.benchmark.readouts import questions, write_library
from tests.conftest import PROJECT

SYSTEMS = Path(__file__).parent / "systems"
MEASURE = Path(__file__).parent / "measure.py"
OURS = "readout_assistant"
SCRIPT = "sentence_transformers_faiss"
QUESTIONS_A_ROUND = 8


class Run(NamedTuple):
    """A process that ended: seconds of the clock and of the processor, and megabytes at most."""

    seconds: float
    processor: float
    memory: float
    output: str


class System(NamedTuple):
    name: str
    python: str
    folder: Path

    def command(self, mode: str, *arguments: str) -> list[str]:
        script = str(SYSTEMS / f"{self.name}.py")
        return [self.python, script, mode, str(self.folder), *arguments]

    def build(self, passages: Path) -> list[str]:
        return self._ours("build") if self.name == OURS else self.command("build", str(passages))

    def ask(self, question: str) -> list[str]:
        ours = self.name == OURS
        return self._ours("ask", question) if ours else self.command("ask", question)

    def _ours(self, *arguments: str) -> list[str]:
        """The command line, as a person would use it."""
        main = "from assistant.cli import main; main()"
        return [self.python, "-c", main, "--library", str(self.folder), *arguments]


def environment() -> dict[str, str]:
    offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    own = {"MODEL": str(model_folder(DEFAULT_MODEL)), "PYTHONPATH": str(PROJECT)}
    return {**os.environ, **offline, **own, "HAYSTACK_TELEMETRY_ENABLED": "False"}


def measured(command: Sequence[str]) -> Run:
    """The command run to its end; RuntimeError with the last it printed if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder) / "taken.json"
        run = [sys.executable, "-S", str(MEASURE), str(taken), *command]
        result = subprocess.run(run, capture_output=True, text=True, env=environment())
        if result.returncode:
            raise RuntimeError((result.stderr.strip().splitlines() or ["failed"])[-1])
        seconds, processor, memory = json.loads(taken.read_text())
        return Run(seconds, processor, memory, result.stdout)


def served(systems: Sequence[System], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds of each warm question, of the clock and of the processor, system by system."""
    commands = {each.name: each.command("serve") for each in systems}
    commands["candidates"] = [*commands[OURS], "first"]
    running = {
        name: subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
        )
        for name, command in commands.items()
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number, question in enumerate(questions(QUESTIONS_A_ROUND * (rounds + 1))):
        for name, process in running.items():
            assert process.stdin
            assert process.stdout
            process.stdin.write(question + "\n")
            process.stdin.flush()
            wall, processor, _ = json.loads(process.stdout.readline())
            if number >= QUESTIONS_A_ROUND:  # the first round warms up
                times[name].append((wall, processor))
    for process in running.values():
        process.communicate()
    return times


def peak(precision: str) -> float:
    """Operations a second of bare matrix products on all cores, the best of several shapes."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    best = 0.0
    for rows, inner, columns in ((1024, 384, 384), (1024, 384, 1536), (2048, 2048, 2048)):
        left, right = torch.randn(rows, inner).to(kind), torch.randn(inner, columns).to(kind)
        for _ in range(30):
            start = time.perf_counter()
            left @ right
            best = max(best, 2 * rows * inner * columns / (time.perf_counter() - start))
    return best


def operations_a_token() -> int:
    """Of the linear layers, two for each weight; attention adds little to short texts."""
    with graph.mapped_weights(model_folder(DEFAULT_MODEL) / "model.safetensors") as weights:
        return 2 * sum(
            each.size
            for name, each in weights.items()
            if name.startswith("encoder.layer") and each.ndim == 2
        )


def size_of(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--documents", type=int, help="only so many of the readouts")
    parser.add_argument("--rounds", type=int, default=5, help="at most 11")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        compare(Path(temporary), arguments)


def compare(folder: Path, arguments: argparse.Namespace) -> None:
    write_library(arguments.data, folder / OURS)
    for path in sorted((folder / OURS / SOURCES).iterdir())[arguments.documents or 10**9 :]:
        path.unlink()
    systems = [System(OURS, sys.executable, folder / OURS)]
    for name in sorted(path.stem for path in SYSTEMS.glob("*_*.py")):
        own = arguments.peers and arguments.peers / name
        python = str(own / "bin" / "python") if own and (own / "installed").exists() else ""
        if name == SCRIPT:
            python = sys.executable
        if name != OURS and not python:
            print(f"left out: {name}, which is not installed in {arguments.peers}")
        elif name != OURS:
            (folder / name).mkdir()
            systems.append(System(name, python, folder / name))

    built: dict[str, Run] = {}
    passages = folder / "passages.json"
    for each in list(systems):
        try:
            built[each.name] = measured(each.build(passages))
        except RuntimeError as error:
            print(f"left out: {each.name}, which can't be built ({error})")
            systems.remove(each)
        if each.name == OURS:
            documents = Library.open(each.folder).documents
            texts = [part.text for one in documents for part in one.paragraphs]
            passages.write_text(json.dumps(texts), encoding="utf-8")

    cold: dict[str, list[Run]] = {each.name: [] for each in systems}
    for question in questions(arguments.rounds):
        for each in systems:
            cold[each.name].append(measured(each.ask(question)))
    warm = served(systems, arguments.rounds)
    report(systems, len(texts), built, cold, warm)
    own = systems[0].folder
    update(own, built[OURS])
    index = Library.open(own).index
    tokens = int(sum(len(index.tokens[each].ids) + 2 for each in range(len(index.tokens))))
    precision = graph.fastest_precision()
    done = tokens * operations_a_token()
    bare = peak(precision)
    print(
        f"\n{tokens:,} tokens of {operations_a_token() / 1e6:.1f} MFLOP each: the build does "
        f"{done / built[OURS].seconds / 1e9:.0f} GFLOP/s, where bare {precision} matrix products "
        f"reach {bare / 1e9:.0f}: {done / built[OURS].seconds / bare:.0%}."
    )


def update(library: Path, full: Run) -> None:
    path = sorted((library / SOURCES).iterdir())[0]
    path.write_text(path.read_text(encoding="utf-8") + "\nThey met again.\n", encoding="utf-8")
    system = System(OURS, sys.executable, library)
    changed = measured(system.build(library))
    print(
        f"\nAfter one changed readout a build takes {changed.seconds:.1f} s "
        f"({changed.processor:.1f} s cpu), {changed.processor / full.processor:.1%} of a full one."
    )


def report(
    systems: Sequence[System],
    passages: int,
    built: dict[str, Run],
    cold: dict[str, list[Run]],
    warm: dict[str, list[tuple[float, float]]],
) -> None:
    machine = f"{processor_name()}, {graph.available_cores()} cores, {graph.fastest_precision()}"
    print(f"\n{passages:,} passages; {machine}; load {os.getloadavg()[0]:.1f}\n")
    names = ["build, passages/s", "cpu s", "memory, MB", "on disk, MB", "cold answer, s", "cpu s"]
    names += ["memory, MB", "warm question, ms", "95th percentile", "cpu ms"]
    print("| |", " | ".join(names), "|")
    print("| --- |" + " --- |" * len(names))
    for each in systems:
        name, runs = each.name, cold[each.name]
        where = each.folder / INDEX if name == OURS else each.folder
        print(
            f"| {name.replace('_', ' ')} | {passages / built[name].seconds:.0f} "
            f"| {built[name].processor:.1f} | {built[name].memory:.0f} | {size_of(where):.0f} "
            f"| {median([run.seconds for run in runs]):.2f} "
            f"| {median([run.processor for run in runs]):.2f} "
            f"| {max(run.memory for run in runs):.0f} | {milliseconds(warm[name])} |"
        )
    alone = "its dense and BM25 candidates alone"
    print(f"| {alone} | | | | | | | | {milliseconds(warm['candidates'])} |")


def milliseconds(times: Sequence[tuple[float, float]]) -> str:
    wall, processor = np.array(times).T
    return f"{np.median(wall):.1f} | {np.percentile(wall, 95):.1f} | {np.median(processor):.1f}"


def median(values: Sequence[float]) -> float:
    return float(np.median(values))


def processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))


if __name__ == "__main__":
    main()
