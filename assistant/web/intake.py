"""Putting readouts into a library's folder, and taking them out."""

from __future__ import annotations

import re
import shutil
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.documents import (
    COLLECTION,
    METADATA_SUFFIX,
    SUFFIXES,
    format_of,
    read_file,
)
from assistant.errors import DocumentError, LibraryError
from assistant.extraction.jsonl import parted
from assistant.library import SOURCES, Library
from assistant.types import Document, Problem

REMOVED = ".removed"  # below source_docs/; hidden, so it isn't read
_MOST_NAME = 100
_SCRATCH = ".intake-"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A readout to add: the file's name and bytes, and what it is cited by where that is known."""

    name: str
    content: bytes
    title: str = ""
    date: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class Intake:
    """What came in, as paths below ``source_docs/``, and what was left out and why."""

    added: tuple[str, ...]
    problems: tuple[Problem, ...]


def add(library: Library, readouts: Sequence[Incoming]) -> Intake:
    """Put ``readouts`` into the library's folder; one that can't be read is left out.

    No file is replaced, as long as one caller adds at a time. The library isn't built.
    """
    added: list[str] = []
    problems: list[Problem] = []
    for left in (library.folder / SOURCES).glob(f"{_SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)  # of an addition that was killed
    for each in readouts:
        try:
            path, left_out = _add(library.folder / SOURCES, each)
            added.append(path)
            problems += left_out
        except DocumentError as error:
            problems.append(Problem(each.name, str(error)))
        except OSError as error:
            problems.append(Problem(each.name, f"can't be kept ({error.strerror})"))
    return Intake(tuple(added), tuple(problems))


def _add(folder: Path, readout: Incoming) -> tuple[str, list[Problem]]:
    """The path of ``readout``, now below ``folder``, and what in it can't be read."""
    format_of(Path(readout.name))
    suffix = Path(readout.name).suffix.lower()
    stem = _stem(Path(readout.name).stem)
    metadata = _metadata(readout)
    beside = folder / f"{stem}{METADATA_SUFFIX}"
    taken = any((folder / f"{stem}{each}").exists() for each in SUFFIXES)
    # Metadata alone is what an addition leaves that was killed; one of other words is someone's.
    if taken or (beside.exists() and beside.read_bytes() != metadata.encode()):
        raise DocumentError(f"is already there as {stem}; rename it or remove the other first")
    with tempfile.TemporaryDirectory(dir=folder, prefix=_SCRATCH) as scratch:
        # Read where it can't be seen before it stands where the library would find it.
        path = Path(scratch) / f"{stem}{suffix}"
        path.write_bytes(readout.content)
        if metadata:
            path.with_suffix(METADATA_SUFFIX).write_bytes(metadata.encode())
        found = list(read_file(path, Path(scratch)))
        problems = [each for each in found if isinstance(each, Problem)]
        if len(found) == len(problems):
            raise DocumentError(problems[0].reason)
        if metadata:
            path.with_suffix(METADATA_SUFFIX).replace(beside)
        path.rename(folder / path.name)
    return path.name, problems


def _stem(name: str) -> str:
    """``name`` as one that every file system takes and that hides nothing."""
    plain = unicodedata.normalize("NFC", name)
    words = re.sub(r"[^\w]+", "-", plain).strip("-_")[:_MOST_NAME]
    return words or "readout"


def _metadata(readout: Incoming) -> str:
    import yaml  # as reading documents does, only where there is metadata

    fields = {"title": readout.title, "date": readout.date, "issuer": readout.issuer}
    given = {name: value.strip() for name, value in fields.items() if value.strip()}
    return yaml.safe_dump(given, allow_unicode=True, sort_keys=False) if given else ""


def remove(library: Library, document: Document) -> None:
    """Move the document's file, and the one beside it, to ``source_docs/.removed``.

    Of a collection only the document's line is moved, as long as there are others. LibraryError if
    they can't be moved.
    """
    path = library.folder / SOURCES / document.path
    attic = library.folder / SOURCES / REMOVED
    try:
        attic.mkdir(exist_ok=True)
        if format_of(path) == COLLECTION:
            content = path.read_bytes()
            kept, line = parted(content, document.id.partition("#")[2])
            if kept.strip():
                _unused(attic / path.name).write_bytes(line)
                temporary = path.with_name(f".{path.name}")
                temporary.write_bytes(kept)
                temporary.replace(path)
                return
        for each in (path, path.with_suffix(METADATA_SUFFIX)):
            if each.exists():
                each.rename(_unused(attic / each.name))
    except OSError as error:
        raise LibraryError(f"{path} can't be removed: {error}") from error


def _unused(path: Path) -> Path:
    """``path``, or one like it that isn't there yet."""
    target, count = path, 1
    while target.exists():
        count += 1
        target = path.with_stem(f"{path.stem}-{count}")
    return target
