"""Experiments that try to break what the README promises, and count what was lost.

    python -m tests.torture [--seed N] [--only NAME[=RUNS]] [--report FILE]

Each module has experiments: functions of a seeded random generator and a number of runs that give a
``Row``. The tests call them with few runs, ``make torture`` with many. A loss is a promise broken:
an answer mixed of two states, words that aren't in their source, an error without words, a process
that died. What an experiment meets is drawn from its seed alone, so that a loss can be met again;
when a process is killed or two threads meet is up to the machine.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple


class Row(NamedTuple):
    """What an experiment did: how often, how many faults it put in, and the losses in words."""

    name: str
    runs: int
    faults: int
    losses: tuple[str, ...]
    detail: str = ""


class Experiment(NamedTuple):
    """``run`` with the number of runs of the long part."""

    run: Callable[[random.Random, int], Row]
    runs: int
