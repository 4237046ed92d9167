"""What each system runs in: `build FOLDER PASSAGES`, `ask FOLDER QUESTION`, or `serve FOLDER`.

Served questions come one a line; each is answered by a line with the milliseconds it took, of the
clock and of the processor, and the first passage found.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

K = 10


def run(
    build: Callable[[list[str], str], object],
    opened: Callable[[str], Callable[[str], list[str]]],
) -> None:
    mode, folder, *rest = sys.argv[1:]
    if mode == "build":
        build(json.loads(Path(rest[0]).read_text(encoding="utf-8")), folder)
        return
    ask = opened(folder)
    if mode == "ask":
        print(ask(rest[0])[0])
        return
    for line in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        found = ask(line.strip())
        spent = 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - processor)
        print(json.dumps([*spent, found[0]]), flush=True)
