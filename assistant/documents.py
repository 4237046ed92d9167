"""Reading ``source_docs/``: files become documents, and what can't be read is named.

A readout is a ``.txt`` or ``.md`` file in UTF-8, in any subfolder. What a reader needs to cite it
(title, date, issuer, url) stands in YAML front matter at its top, between two lines of ``---``, or
in a file beside it of the same name ending in ``.yaml``, which leaves the readout itself untouched.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from assistant.errors import DocumentError
from assistant.paragraphs import split
from assistant.types import Document, Problem

MARKDOWN_SUFFIXES = frozenset({".md", ".markdown"})
SUFFIXES = frozenset({".txt"}) | MARKDOWN_SUFFIXES
METADATA_SUFFIX = ".yaml"
MAXIMUM_BYTES = 10 * 1024 * 1024
MAXIMUM_METADATA_BYTES = 64 * 1024

_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.S | re.M)
_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of ``source_docs/`` as it was found; two with the same digest are the same.

    ``modified_ns`` is when the system last changed it, which unlike the time of modification can't
    be set; Windows doesn't tell it.
    """

    size: int
    modified_ns: int
    sha256: str


def source_state(folder: Path, known: Mapping[str, SourceFile]) -> dict[str, SourceFile]:
    """The state of every file below ``folder``, by path; digests are those of ``known`` where size
    and time are.
    """
    state: dict[str, SourceFile] = {}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            status = path.lstat()
            modified = status.st_mtime_ns if os.name == "nt" else status.st_ctime_ns
            before = known.get(name)
            if before and (before.size, before.modified_ns) == (status.st_size, modified):
                state[name] = before
                continue
            digest = hashlib.sha256(_read_bytes(path, MAXIMUM_BYTES)).hexdigest()
        except (OSError, DocumentError):  # reading it as a document will say why
            digest = ""
        state[name] = SourceFile(status.st_size, modified, digest)
    return state


def _files(folder: Path) -> Iterator[Path]:
    """Every file and link below ``folder`` in path order, but hidden ones."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in sorted([*names, *links]):
            if not name.startswith("."):
                yield Path(parent) / name


def read_documents(folder: Path) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """All readouts below ``folder`` ordered by id, and a problem for each file left out."""
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if path.suffix == METADATA_SUFFIX and any(
            _exists(path.with_suffix(suffix)) for suffix in SUFFIXES
        ):
            continue
        try:
            document = read_document(path, folder)
            if document.id in documents:
                twin = documents[document.id].path
                raise DocumentError(f"has the same name as {twin}; rename one of them")
            documents[document.id] = document
        except DocumentError as error:
            problems.append(Problem(name, str(error)))
    return tuple(documents[each] for each in sorted(documents)), tuple(problems)


def read_document(path: Path, folder: Path) -> Document:
    """The readout at ``path`` below ``folder``; DocumentError says why it can't be read."""
    suffix = format_of(path)
    name = path.relative_to(folder)
    if not _is_unicode(name.as_posix()):
        raise DocumentError("has a name that is not UTF-8; rename it")
    content = _read_bytes(path, MAXIMUM_BYTES)
    text = _decode(content)
    metadata: dict[str, Any] = {}
    if front_matter := _FRONT_MATTER.match(text[:MAXIMUM_METADATA_BYTES]):
        metadata = _parse_metadata(front_matter[1], "front matter")
        if metadata:
            text = text[front_matter.end() :]
    sidecar = path.with_suffix(METADATA_SUFFIX)
    if _exists(sidecar) and not sidecar.is_dir():
        beside = _decode(_read_bytes(sidecar, MAXIMUM_METADATA_BYTES))
        metadata |= _parse_metadata(beside, sidecar.name)
    paragraphs, headings = split(text, markdown=suffix in MARKDOWN_SUFFIXES)
    if not paragraphs:
        raise DocumentError("has no text")
    first_heading = next((each.text for each in headings if each.level == 1), "")
    return Document(
        id=name.with_suffix("").as_posix(),
        path=name.as_posix(),
        title=_words(metadata, "title") or first_heading or _title_from_name(path.stem),
        date=_date(metadata) or _date_from_name(path.stem),
        issuer=_words(metadata, "issuer"),
        url=_words(metadata, "url"),
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        source_sha256=hashlib.sha256(content).hexdigest(),
        paragraphs=paragraphs,
        headings=headings,
        questions=_lines(metadata, "questions"),
    )


def format_of(path: Path) -> str:
    """The suffix of ``path`` in lower case; DocumentError if no such file is read here."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DocumentError(f"is not one of the formats read here ({', '.join(sorted(SUFFIXES))})")
    return suffix


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise DocumentError("is a symbolic link, which is not followed; copy the file here")
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError("is not a regular file")
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise DocumentError(f"can't be read ({error.strerror}); check its permissions") from error
    if len(content) > limit:
        size = max(status.st_size, len(content)) / 1024 / 1024
        allowed = limit / 1024 / 1024
        raise DocumentError(f"is {size:.1f} MB, more than the {allowed:g} MB read; split it")
    return content


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:  # also a name too long to be one
        return False
    return True


def _is_unicode(text: str) -> bool:
    """Whether ``text`` is without surrogates, which stand for bytes that are none."""
    return text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text)


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DocumentError("is UTF-16, not UTF-8; save it as UTF-8")
    if b"\0" in content:
        raise DocumentError("is binary, not text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DocumentError(
            f"is not UTF-8 (byte {error.start}, line {line}); save it as UTF-8"
        ) from error


def _parse_metadata(block: str, where: str) -> dict[str, Any]:
    """The YAML mapping in ``block``; empty if it is some other text."""
    import yaml  # only where a document has metadata

    try:
        # The base loader makes strings, lists and mappings only, so that a date stays as written.
        parsed = yaml.load(block, Loader=yaml.BaseLoader)  # noqa: S506 (it is the safest)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        at = getattr(error, "problem_mark", None)
        place = f", line {at.line + 1}" if at else ""
        raise DocumentError(f"its {where} is not valid YAML{place}") from error
    return parsed if isinstance(parsed, dict) else {}


def _words(metadata: dict[str, Any], key: str) -> str:
    value = metadata.get(key, "")
    if not isinstance(value, str) or not _is_unicode(value):
        raise DocumentError(f"its {key} is not a line of text")
    return " ".join(value.split())


def _lines(metadata: dict[str, Any], key: str) -> tuple[str, ...]:
    value = metadata.get(key, [])
    if not isinstance(value, list) or not all(
        isinstance(each, str) and _is_unicode(each) for each in value
    ):
        raise DocumentError(f"its {key} are not a list of lines of text")
    return tuple(" ".join(each.split()) for each in value)


def _date(metadata: dict[str, Any]) -> date | None:
    value = _words(metadata, "date")
    if not value:
        return None
    try:
        return datetime.fromisoformat(value).date()
    except ValueError:
        raise DocumentError(f"its date {value[:40]!r} is not of the form 2025-02-07") from None


def _date_from_name(stem: str) -> date | None:
    match = _DATE.search(stem)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def _title_from_name(stem: str) -> str:
    return " ".join(re.split(r"[-_\s]+", _DATE.sub("", stem))).strip().capitalize() or stem
