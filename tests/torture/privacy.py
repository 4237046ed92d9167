"""Build, ask and chat with no network at all, every connection noted by the operating system."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from ipaddress import ip_address

from assistant.library import SOURCES
from tests.conftest import PROJECT
from tests.torture import Row
from tests.torture.states import scratch

_USE = """
import json, random, sys
from pathlib import Path
from assistant.cli import main
from assistant.library import Library
from click.testing import CliRunner

def run(*arguments, given=None):
    result = CliRunner().invoke(main, ["--library", sys.argv[1], *arguments], input=given)
    assert result.exit_code == 0, result.output
    return result.stdout

run("build")
printed = run("ask", "--json", "A question of nobody's business about Taiwan?")
run("verify", given=printed)
run("documents")
from tests.torture.server import User
from tests.torture.verbatim import doors
library = Library.open(sys.argv[1])
for name, door in doors(library).items():
    assert "quotes" in door("A question of nobody's business about Taiwan?"), name
from tests.chat.serving import serving
with serving(Path(sys.argv[1])) as chat:
    reply = User(chat.url, random.Random(1)).ask("A question of nobody's business about Taiwan?")
    assert 'class="answer"' in reply, reply
print("used")
"""
_ADDRESS = re.compile(r'(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"')
_CONFINED = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def works(command: list[str]) -> bool:
    """Whether ``command`` can be run here."""
    try:
        return subprocess.run([*command, "true"], capture_output=True, timeout=30).returncode == 0
    except OSError:
        return False


def no_connection(random_: random.Random, runs: int) -> Row:
    """Every door is used in a network namespace of its own with nothing but loopback, where that is
    allowed, and under strace, where that is installed; elsewhere Python's own calls are noted.

    No address beyond loopback may be tried, no name looked up, and the question must be in no file
    and no log.
    """
    losses: list[str] = []
    how = []
    wrapped: list[str] = []
    connections = 0
    with scratch() as folder:
        shutil.copytree(PROJECT / SOURCES, folder / SOURCES)
        trace = folder / "trace"
        if works(_CONFINED):
            wrapped += _CONFINED
            how.append("no network but loopback")
        tracing = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o"]
        if works([*tracing, os.devnull]):
            wrapped += [*tracing, str(trace)]
            how.append("strace")
        else:
            how.append("Python's audit events")
        used = subprocess.run(
            [*wrapped, sys.executable, "-c", f"import tests.conftest\n{_USE}", str(folder)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=900,
        )
        if used.stdout.strip() != "used":
            losses.append(f"it can't be used: {used.stderr[-600:]}")
        if trace.exists():
            for line in trace.read_text(errors="replace").splitlines():
                for address in _ADDRESS.findall(line):
                    connections += 1
                    beyond = not ip_address(address).is_loopback and address != "0.0.0.0"
                    # A UDP socket that is "connected" to learn the own address sends nothing, and
                    # is still none of our business.
                    if beyond:
                        losses.append(f"tried {address}: {line[:200]}")
            trace.unlink()
        if "nobody's business" in used.stderr:
            losses.append("the question is in the log")
        for path in folder.rglob("*"):
            if path.is_file() and b"nobody's business" in path.read_bytes():
                losses.append(f"the question is in {path}")
    return Row("no connection", 1, connections, tuple(losses), ", ".join(how))
