"""Run a command, and write to a file what it took: ``python measure.py FILE COMMAND...``

A process of its own that imports next to nothing: until a program has started, Linux counts the
memory of the process that starts it as the program's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Write seconds of the clock and of the processor, and megabytes at most, as a list."""
    file, *command = sys.argv[1:]
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10
    with open(file, "w") as written:
        json.dump([seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit], written)
    process.returncode = os.waitstatus_to_exitcode(status)
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
