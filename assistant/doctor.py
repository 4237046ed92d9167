"""Whether everything is there and in order: installation, model, documents, index."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from re import match
from typing import Any

from assistant import __version__
from assistant.documents import read_documents
from assistant.encoder import DEFAULT_MODEL, Encoder, load_encoder
from assistant.errors import IndexMissingError, ReadoutError
from assistant.library import SOURCES, Library
from assistant.types import Problem

DISTRIBUTION = "readout-assistant"
_SOME = 3


class State(str, Enum):
    """What came of a check; a note is nothing that keeps from asking."""

    FINE = "ok"
    NOTE = "note"
    FAILED = "FAILED"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, what was found, and what to do about it if anything."""

    name: str
    state: State
    found: str
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The check as JSON types."""
        return asdict(self) | {"state": str(self.state)}


def examine(folder: Path) -> Iterator[Check]:
    """The checks of the installation and of the library in ``folder``, each as it is made."""
    yield from _installation()
    try:
        library = Library.open(folder)
    except ReadoutError as error:
        yield Check("library", State.FAILED, str(error))
        yield _model()
        return
    yield Check("library", State.FINE, str(library.folder.absolute()))
    yield from _documents(library)
    yield _index(library)
    try:
        title = library.documents[0].title
    except ReadoutError:
        yield _model()
        return
    yield _attempt("model", lambda: f"{_loaded(library.encoder)}, which built the index")
    yield _reader(library)
    yield _attempt("asking", lambda: f"{len(library.retrieve(title[:200]))} passages of a readout")


def _installation() -> Iterator[Check]:
    name = f"readout-assistant {__version__}, Python {platform.python_version()}"
    try:
        needed = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        yield Check("installation", State.NOTE, f"{name}, not installed as a package")
        return
    missing = [each for each in needed if "extra ==" not in each and not _installed(each)]
    if missing:
        remedy = "pip install --force-reinstall readout-assistant"
        yield Check("installation", State.FAILED, f"{name}; missing: {', '.join(missing)}", remedy)
    else:
        yield Check("installation", State.FINE, name)
    for extra, door in (
        ("mcp", "MCP"),
        ("langchain", "LangChain"),
        ("llama-index", "LlamaIndex"),
        ("formats", "HTML, PDF and DOCX"),
        ("evaluate", "measuring"),
    ):
        packages = [each for each in needed if f'extra == "{extra}"' in each.replace("'", '"')]
        if all(map(_installed, packages)):
            yield Check(door, State.FINE, "installed")
        else:
            remedy = f"if it is wanted: pip install 'readout-assistant[{extra}]'"
            yield Check(door, State.NOTE, "not installed", remedy)


def _installed(requirement: str) -> bool:
    name = match(r"[\w.-]+", requirement)
    try:
        return name is not None and bool(version(name[0]))
    except PackageNotFoundError:
        return False


def _documents(library: Library) -> Iterator[Check]:
    sources = library.folder / SOURCES
    readable = 0
    for found in read_documents(sources):
        if isinstance(found, Problem):
            yield Check("documents", State.NOTE, f"left out: {found}")
        else:
            readable += 1
    if readable:
        yield Check("documents", State.FINE, f"{readable:,} can be read")
    else:
        remedy = f"put readouts into {sources.absolute()}"
        yield Check("documents", State.FAILED, "none can be read", remedy)


def _index(library: Library) -> Check:
    try:
        changes = library.stale()
    except IndexMissingError:
        return Check("index", State.NOTE, "not built yet", "readout build")
    except ReadoutError as error:
        return Check("index", State.FAILED, str(error))
    found = f"{len(library.documents):,} documents"
    if changes:
        some = ", ".join(changes[:_SOME]) + (", ..." if len(changes) > _SOME else "")
        return Check("index", State.NOTE, f"{found}; changed since: {some}", "readout build")
    return Check("index", State.FINE, found)


def _model() -> Check:
    return _attempt("model", lambda: f"{_loaded(load_encoder(DEFAULT_MODEL))}, as it was packed")


def _loaded(encoder: Encoder) -> str:
    encoder.load(question=True)
    return f"{encoder.name} with {encoder.runtime}"


def _reader(library: Library) -> Check:
    if library.reader:
        return Check("reader", State.FINE, "tells what the readouts say from what they don't")
    remedy = "pip install --force-reinstall readout-assistant"
    if library.encoder.name != DEFAULT_MODEL:
        remedy = f"build the index with {DEFAULT_MODEL} if it is wanted"
    return Check("reader", State.NOTE, "off: answers rest on the ranking alone", remedy)


def _attempt(name: str, attempt: Callable[[], str]) -> Check:
    try:
        return Check(name, State.FINE, attempt())
    except ReadoutError as error:
        return Check(name, State.FAILED, str(error))
