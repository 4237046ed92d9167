"""What the benchmarks measure: a command's own time and memory, not that of who runs it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.benchmark.__main__ import measured


def test_memory_is_that_of_the_command_alone() -> None:
    held = np.ones(200 * 2**17)  # 200 MB of this process
    run = measured([sys.executable, "-c", "print('done')"])
    assert held[-1] == 1
    assert 1 < run.memory < 100
    assert run.output == "done\n"


def test_memory_that_a_command_lets_go_of_counts() -> None:
    run = measured([sys.executable, "-c", "held = bytearray(b'x' * 10**8); del held"])
    assert 100 < run.memory < 200


def test_a_command_that_fails_is_told_by_its_last_line() -> None:
    with pytest.raises(RuntimeError, match="no such thing"):
        measured([sys.executable, "-c", "raise SystemExit('first\\nno such thing')"])
