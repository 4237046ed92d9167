"""A build is killed, starved of disk, raced and read while it runs."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from assistant.errors import IndexBusyError, ReadoutError
from assistant.index import MANIFEST
from assistant.library import INDEX, SOURCES, Library
from tests.conftest import PROJECT, meanwhile, without_privilege
from tests.torture import Row, processes
from tests.torture.states import (
    NOTHING,
    QUESTIONS,
    Said,
    changed,
    expected,
    leftovers,
    outcome,
    put,
    said,
    scratch,
    state,
    text,
    toy,
)


def build(folder: Path) -> None:
    """Bring the index up to date, in a process that may be killed."""
    toy(folder).build()


def killed(random_: random.Random, runs: int) -> Row:
    """Builds, updates and deletions ended by kill -9 at a random moment."""
    losses: list[str] = []
    met: Counter[str] = Counter()
    with scratch() as folder:
        files, before = {}, NOTHING
        longest = 0.0
        for run in range(runs):
            if run % 10 == 0:  # a library never built
                shutil.rmtree(folder / INDEX, ignore_errors=True)
                files, before = state(random_, random_.randint(2, 30)), NOTHING
            else:
                files = changed(random_, files) or state(random_)
            put(folder, files)
            with scratch() as twin:  # how long it takes undisturbed, and what comes of it
                put(twin, files)
                if (folder / INDEX).exists():
                    shutil.copytree(folder / INDEX, twin / INDEX)
                undisturbed = processes.run(build, twin)
                after = outcome(twin)
            longest = max(longest, undisturbed.seconds)
            # Half of them near the end, where the new index takes the place of the old.
            first = random_.choice([0.0, 0.85])
            delay = random_.uniform(first, 1.1) * undisturbed.seconds
            ended = processes.run(build, folder, kill_after=delay)
            found = outcome(folder)
            met["killed" if ended.code else "finished before"] += 1
            if found == before:
                met["old"] += 1
            elif found == after:
                met["new"] += 1
            else:
                losses.append(f"run {run}: neither the old state nor the new: {str(found)[:300]}")
            losses += _healed(folder, f"run {run}", after)
            before = after if not isinstance(after, str) else NOTHING
    kept = f"{met['old']} old, {met['new']} new"
    return Row("kill -9 in a build", runs, met["killed"], tuple(losses), kept)


def _healed(folder: Path, run: str, after: Said | str) -> Iterator[str]:
    """What is still wrong after one more build."""
    ended = processes.run(build, folder)
    if ended.error or ended.code:
        yield f"{run}: the next build failed: {ended}"
    if outcome(folder) != after:
        yield f"{run}: the next build did not heal it"
    if left := leftovers(folder):
        yield f"{run}: left over: {left}"


_CLI = "import tests.conftest; from assistant.cli import main; main()"


def killed_command(random_: random.Random, runs: int) -> Row:
    """The same of ``readout build`` itself, with the model that ships."""
    losses: list[str] = []
    killed_in_time = 0
    with scratch() as folder:
        shutil.copytree(PROJECT / SOURCES, folder / SOURCES)
        command = [sys.executable, "-c", _CLI, "--library", str(folder), "build"]
        started = time.monotonic()
        subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
        seconds = time.monotonic() - started
        library = Library.open(folder)
        before = said(library)
        for run in range(runs):
            (folder / SOURCES / "added.txt").write_text(text(random_), encoding="utf-8")
            process = subprocess.Popen(
                command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                process.wait(random_.random() * seconds * 1.1)
            except subprocess.TimeoutExpired:
                process.kill()
                killed_in_time += 1
            process.wait()
            found = said(library)
            subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
            after = said(library)
            if found not in (before, after):
                losses.append(f"run {run}: neither the old state nor the new")
            if left := leftovers(folder):
                losses.append(f"run {run}: left over: {left}")
            before = after
    return Row("kill -9 in readout build", runs, killed_in_time, tuple(losses))


@contextmanager
def little_room(folder: Path, size: int) -> Iterator[Path]:
    """A file system of ``size`` bytes mounted in ``folder``; OSError if that isn't allowed."""
    folder.mkdir()
    options = f"size={size}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        raise OSError(mounted.stderr.decode())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def disk_full(random_: random.Random, runs: int) -> Row:
    """Builds on a file system that fills up, or, where none may be mounted, with a limit on the
    size of files.
    """
    losses: list[str] = []
    full = 0
    how = "a full tmpfs"
    for run in range(runs):
        files = state(random_, 12)
        after_files = changed(random_, files)
        after = expected(after_files)
        with scratch() as folder:
            try:
                with little_room(folder / "small", 8 << 20) as small:
                    put(small, files)
                    toy(small).build()
                    put(small, after_files)
                    room = shutil.disk_usage(small).free
                    ballast = small / "ballast"
                    ballast.write_bytes(bytes(max(0, room - random_.randrange(4096, 250_000))))
                    found = list(_full(small, run, None))
                    full += found[:1] == [""]
                    losses += found[1:]
                    ballast.unlink()
                    losses += _healed(small, f"run {run}", after)
            except OSError:
                how = "a limit on file sizes"
                put(folder, files)
                toy(folder).build()
                put(folder, after_files)
                found = list(_full(folder, run, random_.randrange(1, 20_000)))
                full += found[:1] == [""]
                losses += found[1:]
                losses += _healed(folder, f"run {run}", after)
    return Row("disk full in a build", runs, full, tuple(losses), how)


def _full(folder: Path, run: int, file_bytes: int | None) -> Iterator[str]:
    """First an empty text if the build failed, then the losses."""
    before = outcome(folder)
    ended = processes.run(build, folder, file_bytes=file_bytes)
    yield "" if ended.error else "finished"
    if ended.code:
        yield f"run {run}: the process died: {ended}"
    if ended.error and not ended.error.startswith("LibraryError: the index in"):
        yield f"run {run}: not told in words: {ended.error}"
    if ended.error and outcome(folder) != before:
        yield f"run {run}: the old index does not stand"


def sources_in_motion(random_: random.Random, runs: int) -> Row:
    """Source files replaced, removed and renamed by another thread while builds read them."""
    losses: list[str] = []
    changes = 0
    with scratch() as folder:
        put(folder, state(random_))
        library = toy(folder)
        library.build()
        texts = {each.text for each in library.documents}

        def move(done: threading.Event) -> None:
            nonlocal changes
            while not done.is_set():
                path = folder / SOURCES / f"{random_.randrange(12):02}.txt"
                words = text(random_)
                texts.add(words)
                try:
                    match random_.randrange(3):
                        case 0:
                            path.unlink(missing_ok=True)
                        case 1:
                            path.rename(path.with_name(f"{random_.randrange(12):02}.md"))
                        case 2:
                            temporary = folder / "temporary"
                            temporary.write_text(words, encoding="utf-8")
                            temporary.rename(path)
                    changes += 1
                except OSError:
                    pass  # there is no such file

        with meanwhile(move):
            for run in range(runs):
                try:
                    library.build()
                except ReadoutError as error:
                    losses.append(f"run {run}: {error}")
                found = {each.text for each in library.documents}
                if not found <= texts:
                    losses.append(f"run {run}: a text that never was")
                said(library)
        library.build()
        with scratch() as twin:
            shutil.copytree(folder / SOURCES, twin / SOURCES)
            toy(twin).build()
            if outcome(twin) != outcome(folder):
                losses.append("when all was still, the index was not that of the files")
    return Row("sources in motion", runs, changes, tuple(losses))


def builders_at_once(random_: random.Random, runs: int) -> Row:
    """Several builds of one library at the same time."""
    losses: list[str] = []
    refused = 0
    for run in range(runs):
        files = state(random_, 20)
        after = expected(files)
        with scratch() as folder:
            put(folder, files)
            with ThreadPoolExecutor(4) as builders:
                endings = list(builders.map(processes.run, [build] * 4, [folder] * 4))
            told = [each.error for each in endings if each.error]
            refused += len(told)
            if len(told) == len(endings):
                losses.append(f"run {run}: none of them built")
            losses += [
                f"run {run}: {error}"
                for error in told
                if not error.startswith(IndexBusyError.__name__)
            ]
            if outcome(folder) != after:
                losses.append(f"run {run}: not the state of the files")
    return Row("builds at once", runs, refused, tuple(losses), "4 at a time")


def read_during_builds(random_: random.Random, runs: int) -> Row:
    """Questions asked by threads while another process builds, again and again.

    ``runs`` counts the questions, the faults are the builds.
    """
    states = [state(random_, 10), state(random_, 14)]
    possible = [expected(each) for each in states]
    losses: list[str] = []
    asked = builds = 0
    lock = threading.Lock()
    with scratch() as folder:
        put(folder, states[0])
        toy(folder).build()
        shared = toy(folder)

        def read(done: threading.Event, library: Library | None) -> None:
            nonlocal asked
            while not done.is_set():
                try:
                    mine = library or toy(folder)
                    for place, question in enumerate(QUESTIONS):
                        answer = mine.answer(question)
                        if all(answer != each[1][place] for each in possible):
                            losses.append(f"an answer of neither state to {question!r}")
                        with lock:
                            asked += 1
                except (ReadoutError, OSError, ValueError, RuntimeError, LookupError) as error:
                    losses.append(f"{type(error).__name__}: {error}")

        with meanwhile(*(partial(read, library=each) for each in (shared, shared, None))):
            while asked < runs and len(losses) < 20:
                builds += 1
                put(folder, states[builds % 2])
                ended = processes.run(build, folder)
                if ended.error:
                    losses.append(ended.error)
    return Row("questions during builds", asked, builds, tuple(losses), "3 threads")


def answer_in_fork(folder: Path) -> bool:
    """Whether children of a process that has the library open answer as it does."""
    library = toy(folder)
    before = said(library)
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            os._exit(0 if said(library) == before else 1)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return codes == [0] * 4 and said(library) == before


def forked(random_: random.Random, runs: int) -> Row:
    """Processes forked from one that has asked already."""
    losses = []
    with scratch() as folder:
        put(folder, state(random_))
        toy(folder).build()
        for run in range(runs):
            ended = processes.run(answer_in_fork, folder, at_most=60)
            if ended.value is not True:
                losses.append(f"run {run}: {ended}")
    return Row("asking after a fork", runs, 4 * runs, tuple(losses), "4 children each")


def clock_backwards(random_: random.Random, runs: int) -> Row:
    """File times that run backwards, stand still, or lie in the future."""
    losses = []
    with scratch() as folder:
        files = state(random_)
        put(folder, files)
        reader = toy(folder)
        reader.build()
        now = time.time()
        for run in range(runs):
            files = changed(random_, files) or state(random_)
            put(folder, files)
            for path in (folder / SOURCES).rglob("*"):
                os.utime(path, (now, now + random_.choice([-1e6, 0, 0, 1e6])))
            toy(folder).build()
            earlier = now - run * 1000
            os.utime(folder / INDEX / MANIFEST, (earlier, random_.choice([earlier, now, 0])))
            if said(reader) != expected(files):
                losses.append(f"run {run}: an open library did not see the build")
            if reader.stale():
                losses.append(f"run {run}: stale right after the build")
            name = next(each for each in files if not each.endswith(".yaml"))
            path = folder / SOURCES / name
            status = path.stat()
            words = path.read_text(encoding="utf-8")
            path.write_text(words[::-1], encoding="utf-8")  # as long
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
            if reader.stale() != (name,):
                losses.append(f"run {run}: an edit that kept size and time was not seen")
            files[name] = words[::-1]
    return Row("clock backwards", runs, 3 * runs, tuple(losses))


def unwritable(random_: random.Random, runs: int) -> Row:
    """Libraries that may be read but not written, by someone without privileges."""
    losses = []
    for run in range(runs):
        with scratch() as folder:
            put(folder, state(random_, 4))
            toy(folder).build()
            before = outcome(folder)
            everything = [folder, *folder.rglob("*")]
            try:
                for path in everything:
                    path.chmod(0o555 if path.is_dir() else 0o444)
                with without_privilege(folder):
                    if outcome(folder) != before:
                        losses.append(f"run {run}: it can't be read")
                    try:
                        toy(folder).build()
                    except ReadoutError as error:
                        if "can't be written" not in str(error):
                            losses.append(f"run {run}: {error}")
            finally:
                for path in everything:
                    path.chmod(0o755)
            if outcome(folder) != before:
                losses.append(f"run {run}: it was changed")
    return Row("read-only library", runs, runs, tuple(losses))
