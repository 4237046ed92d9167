"""What all tests share: small libraries, a toy encoder, and no way out to any network."""

from __future__ import annotations

import ipaddress
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assistant.documents import read_documents
from assistant.library import INDEX, SOURCES, Library
from assistant.types import Document, Problem

PROJECT = Path(__file__).parent.parent
SUMMIT = "japan-us-summit-2025-02-07"


def readouts_in(folder: Path) -> tuple[list[Document], list[Problem]]:
    """The readouts below ``folder``, and the problems met."""
    found = list(read_documents(folder))
    documents = [each for each in found if isinstance(each, Document)]
    return documents, [each for each in found if isinstance(each, Problem)]


class NetworkUsed(AssertionError):
    """Something tried to reach beyond this machine."""


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return
    try:
        inside = ipaddress.ip_address(name).is_loopback or name == "0.0.0.0"
    except ValueError:
        inside = False
    if not inside:
        raise NetworkUsed(f"{event} {arguments!r}")


sys.addaudithook(_refuse_network)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests last: from then on Playwright keeps an event loop in this thread."""
    items.sort(key=lambda item: "chat" in item.path.parts)


@contextmanager
def meanwhile(*work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Inside, each of ``work`` runs in a thread; its event is set however the inside ends."""
    done = threading.Event()
    threads = [threading.Thread(target=each, args=(done,), daemon=True) for each in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join(60)


@contextmanager
def without_privilege(folder: Path) -> Iterator[None]:
    """Inside, root, who may read and write everything, is nobody, and gets to ``folder``."""
    if os.geteuid() != 0:
        yield
        return
    above = [each for each in (folder, *folder.parents) if each.stat().st_uid == 0]
    modes = [each.stat().st_mode for each in above]
    try:
        for each, mode in zip(above, modes, strict=True):
            each.chmod(mode | 0o055)
        os.seteuid(65534)
        yield
    finally:
        os.seteuid(0)
        for each, mode in zip(above, modes, strict=True):
            each.chmod(mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty library's folder."""
    (tmp_path / SOURCES).mkdir()
    return tmp_path


@pytest.fixture(scope="session")
def summit(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The shipped readout as a library of its own, built with the real model."""
    folder = tmp_path_factory.mktemp("summit")
    shutil.copytree(PROJECT / SOURCES, folder / SOURCES)
    library = Library.open(folder)
    library.build()
    assert (folder / INDEX / "manifest.json").exists()
    return library
