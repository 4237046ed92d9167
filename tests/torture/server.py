"""The chat as a server: many users for long, too many at once, users who vanish, and its end."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from assistant.library import SOURCES, Library
from tests.chat.serving import Chat, serving
from tests.conftest import PROJECT
from tests.torture import Row
from tests.torture.states import scratch

USERS = 20
_STREAMS = "/chat/en/gradio_api/queue"
_QUESTIONS = [
    "Does the treaty cover the Senkaku Islands?",
    "How long did the meeting last?",
    "What was said about investment?",
    "And on North Korea?",
    "Who paid for the lunch?",
    "Taiwan",
    "How do I bake bread?",
]


@contextlib.contextmanager
def chat() -> Iterator[Chat]:
    """The chat over the readout that ships."""
    with scratch() as folder:
        shutil.copytree(PROJECT / SOURCES, folder / SOURCES)
        Library.open(folder).build()
        with serving(folder) as running:
            yield running


class User:
    """Asks as the page does, over connections of its own."""

    def __init__(self, url: str, random_: random.Random) -> None:
        self.host = urlsplit(url).netloc
        self.random = random_
        with urlopen(f"{url}/chat/en/config") as response:
            config = json.load(response)
        self.asking = next(
            each["id"] for each in config["dependencies"] if each["api_name"] == "ask"
        )
        self.conversation = f"{random_.getrandbits(128):032x}"

    def join(self, question: str, session: str) -> int:
        """Ask, without waiting for the answer; the status of the response."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        body = {
            "data": [question, f"conversation={self.conversation}"],
            "fn_index": self.asking,
            "session_hash": session,
        }
        headers = {"content-type": "application/json"}
        connection.request("POST", f"{_STREAMS}/join", json.dumps(body), headers)
        status: int = connection.getresponse().status
        connection.close()
        return status

    def listen(self, session: str) -> tuple[http.client.HTTPConnection, Any]:
        """The stream of what comes of it."""
        connection = http.client.HTTPConnection(self.host, timeout=120)
        connection.request("GET", f"{_STREAMS}/data?session_hash={session}")
        return connection, connection.getresponse()

    def ask(self, question: str) -> str:
        """The reply's HTML, or what came instead."""
        session = f"{self.random.getrandbits(64):x}"
        status = self.join(question, session)
        if status != 200:
            return f"status {status}"
        connection, events = self.listen(session)
        with contextlib.closing(connection):
            for line in events:
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    if event["msg"] == "process_completed":
                        if not event["success"]:
                            return "no success"
                        return str(event["output"]["data"][0][-1]["content"][0]["text"])
        return "no answer"


def memory(pid: int) -> int:
    """The process's resident memory in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def soak(random_: random.Random, runs: int) -> Row:
    """``USERS`` users who ask and read for ``runs`` seconds, over loopback.

    Every question must be answered; the memory of the last third may not be above that of the
    second by more than a twentieth.
    """
    losses: list[str] = []
    seconds: list[float] = []
    samples: list[tuple[float, int]] = []
    with chat() as running:
        end = time.monotonic() + runs
        seeds = [random_.getrandbits(32) for _ in range(USERS)]

        def use(seed: int) -> None:
            own = random.Random(seed)
            user = User(running.url, own)
            while time.monotonic() < end:
                if own.random() < 0.2:  # a new conversation
                    user.conversation = f"{own.getrandbits(128):032x}"
                begun = time.monotonic()
                reply = user.ask(own.choice(_QUESTIONS))
                if 'class="answer"' not in reply:
                    losses.append(reply[:200])
                seconds.append(time.monotonic() - begun)
                time.sleep(own.uniform(0.5, 3))

        users = [threading.Thread(target=use, args=(seed,)) for seed in seeds]
        for user in users:
            user.start()
        while any(user.is_alive() for user in users):
            samples.append((time.monotonic(), memory(running.process.pid)))
            time.sleep(1)
    third = runs / 3
    second = [size for at, size in samples if end - 2 * third <= at < end - third]
    last = [size for at, size in samples if end - third <= at]
    grown = statistics.median(last) / statistics.median(second)
    if grown > 1.05:
        losses.append(f"memory grew by a factor of {grown:.3f} from the second third to the last")
    ranked = sorted(seconds)
    percentiles = ", ".join(
        f"p{each} {ranked[min(len(ranked) - 1, len(ranked) * each // 100)]:.2f} s"
        for each in (50, 95, 99)
    )
    sizes = f"{statistics.median(second) / 1e6:.0f} to {statistics.median(last) / 1e6:.0f} MB"
    detail = f"{runs} s, {USERS} users, {percentiles}; {sizes}"
    return Row("soak", len(seconds), 0, tuple(losses), detail)


def overload(random_: random.Random, runs: int) -> Row:
    """``runs`` questions at once, more than may wait: some are told to wait, and it goes on."""
    losses: list[str] = []
    statuses: dict[str, int] = {}
    with chat() as running:
        users = [User(running.url, random.Random(random_.getrandbits(32))) for _ in range(8)]
        users[0].ask(_QUESTIONS[0])

        def press(user: User) -> None:
            for number in range(runs // len(users)):
                try:
                    found = str(user.join(_QUESTIONS[number % 3], f"{user.conversation}{number}"))
                except OSError as error:
                    found = type(error).__name__
                statuses[found] = statuses.get(found, 0) + 1

        threads = [threading.Thread(target=press, args=(user,)) for user in users]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if strange := statuses.keys() - {"200", "429", "503"}:
            losses.append(f"statuses {strange}")
        reply = ""
        for _ in range(120):  # until the line is short again
            reply = users[0].ask(_QUESTIONS[0])
            if 'class="answer"' in reply:
                break
            time.sleep(1)
        if "Senkaku" not in reply:
            losses.append(f"afterwards: {reply[:200]}")
    told = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
    return Row("overload", runs, runs, tuple(losses), told)


def dead_clients(random_: random.Random, runs: int) -> Row:
    """``runs`` users who ask and vanish in mid-answer leave nothing behind."""
    losses: list[str] = []
    with chat() as running:
        user = User(running.url, random_)
        process = Path(f"/proc/{running.process.pid}")
        for _ in range(5):
            user.ask(_QUESTIONS[0])
        before = len(list((process / "fd").iterdir()))
        for number in range(runs):
            session = f"dead{number}"
            user.join(random_.choice(_QUESTIONS), session)
            with socket.create_connection(address_of(user.host)) as sock:
                path = f"{_STREAMS}/data?session_hash={session}"
                sock.sendall(f"GET {path} HTTP/1.1\r\nhost: {user.host}\r\n\r\n".encode())
                sock.settimeout(10)
                sock.recv(random_.randrange(1, 400))
                option = b"\1\0\0\0\0\0\0\0"  # close with a reset
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        after = before + runs
        for _ in range(60):
            after = len(list((process / "fd").iterdir()))
            if after <= before + 5:
                break
            time.sleep(1)
        if after > before + 5:
            losses.append(f"{after} open files after, {before} before")
        if "Senkaku" not in user.ask(_QUESTIONS[0]):
            losses.append("it answers no more")
    return Row("dead clients", runs, runs, tuple(losses), f"{before} open files, then {after}")


def address_of(host: str) -> tuple[str, int]:
    """``name:port`` as an address."""
    name, _, port = host.partition(":")
    return name, int(port)


@contextlib.contextmanager
def _errors_to(path: Path) -> Iterator[None]:
    """What this process and those it starts write to standard error goes to ``path``."""
    own = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(own, 2)
            os.close(own)


def stopped(random_: random.Random, runs: int) -> Row:
    """SIGTERM while windows are open: it ends within five seconds, and without a traceback."""
    losses: list[str] = []
    longest = 0.0
    with scratch() as folder:
        shutil.copytree(PROJECT / SOURCES, folder / SOURCES)
        Library.open(folder).build()
        for run in range(runs):
            with _errors_to(folder / "errors"), serving(folder) as running:
                user = User(running.url, random_)
                open_ = []
                for number in range(10):
                    user.join(_QUESTIONS[number % 3], f"open{number}")
                    open_.append(user.listen(f"open{number}"))
                begun = time.monotonic()
                running.process.send_signal(signal.SIGTERM)
                try:
                    running.process.wait(timeout=30)
                except subprocess.TimeoutExpired as error:
                    losses.append(f"run {run}: {error}")
                took = time.monotonic() - begun
                longest = max(longest, took)
                if took > 5:
                    losses.append(f"run {run}: it took {took:.1f} s")
                for connection, _ in open_:
                    connection.close()
            if "Traceback" in (folder / "errors").read_text():
                losses.append(f"run {run}: a traceback was shown")
    return Row("SIGTERM with windows open", runs, runs, tuple(losses), f"at most {longest:.1f} s")
