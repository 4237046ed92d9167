"""Run the experiments and print their table; see ``tests.torture``."""

from __future__ import annotations

import argparse
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

from assistant.library import SOURCES, Library
from tests.conftest import PROJECT
from tests.torture import Experiment, Row, corruption, crash, hostile, privacy, server, verbatim
from tests.torture.states import scratch

_HEAD = """# Reliability

What `python -m tests.torture` does to the assistant, and what was lost. A run is one attempt, a
fault is something done to it: a kill, a full disk, a damaged file, a hostile text. A loss is a
promise of the README broken. A row is repeated by `python -m tests.torture --seed {seed} --only
NAME`.

"""


def experiments(library: Path | None) -> dict[str, Experiment]:
    """All of them by name; quotes are asked of ``library``, or of the readout that ships."""
    return {
        "killed": Experiment(crash.killed, 250),
        "killed-command": Experiment(crash.killed_command, 10),
        "disk-full": Experiment(crash.disk_full, 40),
        "read-only": Experiment(crash.unwritable, 10),
        "sources-in-motion": Experiment(crash.sources_in_motion, 60),
        "builders": Experiment(crash.builders_at_once, 20),
        "readers": Experiment(crash.read_during_builds, 5_000),
        "fork": Experiment(crash.forked, 10),
        "clock": Experiment(crash.clock_backwards, 20),
        "damage": Experiment(corruption.damaged_files, 5),
        "manifests": Experiment(corruption.other_manifests, 60),
        "altered-quotes": Experiment(corruption.altered_quotes, 3_000),
        "edited-sources": Experiment(corruption.edited_sources, 300),
        "quotes": Experiment(_asking(library), 3_000),
        "not": Experiment(verbatim.with_and_without_not, 8),
        "repeated": Experiment(verbatim.repeated_sentences, 5),
        "strange": Experiment(verbatim.strange_characters, 60),
        "documents": Experiment(hostile.documents, 200),
        "repetitions": Experiment(hostile.blow_up, 100),
        "questions": Experiment(hostile.questions, 5_000),
        "links": Experiment(hostile.links, 3_000),
        "requests": Experiment(hostile.requests, 3_000),
        "nowhere": Experiment(hostile.nowhere_to_add, 1),
        "commands": Experiment(hostile.commands, 500),
        "no-connection": Experiment(privacy.no_connection, 1),
        "soak": Experiment(server.soak, 600),
        "overload": Experiment(server.overload, 400),
        "dead-clients": Experiment(server.dead_clients, 100),
        "stopped": Experiment(server.stopped, 5),
    }


def _asking(folder: Path | None) -> Callable[[random.Random, int], Row]:
    def shipped(random_: random.Random, runs: int) -> Row:
        with scratch() as own:
            (own / SOURCES).symlink_to(PROJECT / SOURCES)
            library = Library.open(own)
            library.build()
            return verbatim.at_every_door(random_, runs, library)

    if folder is None:
        return shipped
    return partial(verbatim.at_every_door, library=Library.open(folder))


def main() -> None:
    """Parse the command line, run, print, and end with 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME[=RUNS]",
        help="this experiment, perhaps with another number of runs; repeatable",
    )
    parser.add_argument("--part", type=float, default=1.0, help="of each experiment's runs")
    parser.add_argument("--library", type=Path, help="a built library to ask for quotes")
    parser.add_argument("--report", type=Path, help="write the table to this file")
    options = parser.parse_args()
    every = experiments(options.library)
    chosen = {name: max(1, round(each.runs * options.part)) for name, each in every.items()}
    if options.only:
        named = [each.partition("=") for each in options.only]
        if unknown := {name for name, _, _ in named} - every.keys():
            parser.error(f"no such experiment: {', '.join(unknown)}; there are {', '.join(every)}")
        chosen = {name: int(runs) if runs else chosen[name] for name, _, runs in named}
    print(f"seed {options.seed}", flush=True)
    rows = []
    for name, runs in chosen.items():
        begun = time.monotonic()
        row = every[name].run(random.Random(f"{options.seed} {name}"), runs)
        rows.append((name, row, time.monotonic() - begun))
        print(_line(*rows[-1]), flush=True)
        for loss in row.losses[:10]:
            print(f"    LOST: {loss}", flush=True)
        if options.report:  # so far, as the whole takes long
            options.report.write_text(_report(options, rows), encoding="utf-8")
    sys.exit(any(row.losses for _, row, _ in rows))


def _line(name: str, row: Row, seconds: float) -> str:
    detail = row.detail.replace("|", "/")
    return (
        f"| {row.name} (`{name}`) | {row.runs:,} | {row.faults:,} | {len(row.losses)} "
        f"| {detail} | {seconds:.0f} s |"
    )


def _report(options: argparse.Namespace, rows: list[tuple[str, Row, float]]) -> str:
    command = ["python -m tests.torture --seed", str(options.seed)]
    command += [f"--only {each}" for each in options.only]
    if options.part != 1:
        command.append(f"--part {options.part}")
    if options.library:
        command.append("--library LIBRARY")
    made = (
        f"Made on {date.today().isoformat()} by `{' '.join(command)} --report FILE`, on Python "
        f"{platform.python_version()}, {platform.system()}, {os.cpu_count()} processors.\n\n"
    )
    table = (
        "| experiment | runs | faults | losses | | time |\n| --- | --- | --- | --- | --- | --- |\n"
    )
    lines = "\n".join(_line(*each) for each in rows)
    losses = "".join(f"\n- lost: {loss}" for _, row, _ in rows for loss in row.losses[:10])
    return _HEAD.format(seed=options.seed) + made + table + lines + "\n" + losses


if __name__ == "__main__":
    main()
