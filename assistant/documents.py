"""Reading ``source_docs/``: files become documents, and what can't be read is named.

A readout is a file in any subfolder: text or Markdown in UTF-8, HTML, PDF, DOCX, or one of many in
a JSONL collection. What a reader needs to cite it (title, date, issuer, url) is what the file says
of itself, unless it stands in YAML front matter at the top of a text, between two lines of ``---``,
or in a file beside it of the same name ending in ``.yaml``, which leaves the readout untouched.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from assistant import metadata
from assistant.errors import DocumentError
from assistant.extraction.bounded import Extractor, extract_once, extractor_of
from assistant.extraction.extract import Extract, UnreadableError
from assistant.extraction.jsonl import Row, Unreadable, rows
from assistant.paragraphs import markdown_blocks, plain_blocks, split
from assistant.titles import stated_in
from assistant.types import Document, Problem

REVISION = 1  # of all that makes documents of files: raise it, and every file is read again
MARKDOWN, COLLECTION = "markdown", "jsonl"
FORMATS = {
    ".txt": "text",
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".jsonl": COLLECTION,
}
EXTRACTED = frozenset({"html", "pdf", "docx"})
SUFFIXES = frozenset(FORMATS)
METADATA_SUFFIX = ".yaml"
MAXIMUM_BYTES = 50 * 1024 * 1024
MAXIMUM_TEXT_BYTES = 10 * 1024 * 1024  # of a single text or page
MAXIMUM_MARKDOWN_LINES = 50_000  # the parser takes seconds and hundreds of MB over that many items
MAXIMUM_METADATA_BYTES = 64 * 1024
NOTHING: Mapping[str, Document] = MappingProxyType({})

_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.S | re.M)
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)\b", re.I)


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
    and time are. A file that is gone before it can be looked at has none.
    """
    state: dict[str, SourceFile] = {}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            status = path.lstat()
        except OSError:
            continue
        modified = status.st_mtime_ns if os.name == "nt" else status.st_ctime_ns
        before = known.get(name)
        if before and (before.size, before.modified_ns) == (status.st_size, modified):
            state[name] = before
            continue
        try:
            digest = hashlib.sha256(_read_bytes(path, MAXIMUM_BYTES)).hexdigest()
        except DocumentError:  # reading it as a document will say why
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


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A readout that needn't be read again, since its file or its line is as it was."""

    id: str


def read_documents(
    folder: Path,
    state: Mapping[str, SourceFile] = MappingProxyType({}),
    known: Mapping[str, Document] = NOTHING,
) -> Iterator[Document | Unchanged | Problem]:
    """All readouts below ``folder`` ordered by id, and a problem for each file left out.

    ``known`` are documents by id that the metadata beside the files still fits; ``state`` is that
    of the files. A known document of the same bytes, read with the same extractor, is unchanged.
    """
    seen: dict[str, Path] = {}
    with Extractor() as extract:
        for path in sorted(_files(folder), key=lambda each: _place(each.relative_to(folder))):
            name = path.relative_to(folder)
            if path.suffix == METADATA_SUFFIX and any(
                _exists(path.with_suffix(suffix)) for suffix in SUFFIXES
            ):
                continue
            try:
                file = state.get(name.as_posix())
                if file and _is_known(known.get(_id(name)), name, file.sha256):
                    _see(seen, _id(name), name)
                    yield Unchanged(_id(name))
                    continue
                for found in _read(path, folder, extract, known):
                    if not isinstance(found, Problem):
                        _see(seen, found.id, name)
                    yield found
            except DocumentError as error:
                yield Problem(name.as_posix(), str(error))


def _place(name: Path) -> str:
    """What sorts files so that their documents come by their ids."""
    return f"{_id(name)}#" if FORMATS.get(name.suffix.lower()) == COLLECTION else _id(name)


def _is_known(known: Document | None, path: Path, source_sha256: str) -> bool:
    """Whether reading these bytes would make the document that is known."""
    return known is not None and (known.source_sha256, known.path, known.extractor) == (
        source_sha256,
        path.as_posix(),
        extractor_of(format_of(path)) or known.extractor,
    )


def _see(seen: dict[str, Path], document: str, path: Path) -> None:
    if document in seen:
        twin = seen[document].as_posix()
        raise DocumentError(f"has the same name as {twin}; rename one of them")
    seen[document] = path


def read_file(
    path: Path, folder: Path, extract: Callable[[str, bytes], Extract] = extract_once
) -> Iterator[Document | Problem]:
    """The readouts in the file at ``path`` below ``folder``: one, or those of a collection.

    DocumentError says why it can't be read; a collection's lines that can't be are one problem.
    """
    for found in _read(path, folder, extract, NOTHING):
        if not isinstance(found, Unchanged):
            yield found


def _read(
    path: Path,
    folder: Path,
    extract: Callable[[str, bytes], Extract],
    known: Mapping[str, Document],
) -> Iterator[Document | Unchanged | Problem]:
    file_format, content, fields = _opened(path)
    if file_format == COLLECTION:
        yield from _collection(path, folder, content, fields, known)
    else:
        name = path.relative_to(folder)
        yield _document(
            name, _id(name), _extracted(file_format, content, fields, extract), content, fields
        )


def read_document(path: Path, folder: Path, name: str = "") -> Document:
    """The readout at ``path`` below ``folder``, in a collection the one of that name.

    DocumentError says why it can't be read.
    """
    file_format, content, fields = _opened(path)
    if file_format != COLLECTION:
        relative = path.relative_to(folder)
        extract = _extracted(file_format, content, fields, extract_once)
        return _document(relative, _id(relative), extract, content, fields)
    for row in rows(content):
        if isinstance(row, Row) and row.name == name:
            return _of_row(path, folder, row, fields)
    raise DocumentError(f"has no readout named {name}")


def _opened(path: Path) -> tuple[str, bytes, dict[str, Any]]:
    """The file's format and content, and the fields beside it."""
    if not _is_unicode(str(path)):
        raise DocumentError("has a name that is not UTF-8; rename it")
    file_format = format_of(path)
    large = file_format in {"pdf", "docx", COLLECTION}
    content = _read_bytes(path, MAXIMUM_BYTES if large else MAXIMUM_TEXT_BYTES)
    _check_format(content, file_format)
    fields: dict[str, Any] = {}
    sidecar = path.with_suffix(METADATA_SUFFIX)
    if _exists(sidecar) and not sidecar.is_dir():
        beside = _decode(_read_bytes(sidecar, MAXIMUM_METADATA_BYTES))
        fields = metadata.parse(beside, sidecar.name)
    return file_format, content, fields


def _extracted(
    file_format: str,
    content: bytes,
    fields: dict[str, Any],
    extract: Callable[[str, bytes], Extract],
) -> Extract:
    """The text in ``content``; front matter is put below what ``fields`` has."""
    if file_format in EXTRACTED:
        try:
            return extract(file_format, content)
        except UnreadableError as error:
            raise DocumentError(str(error)) from None
    text = _decode(content)
    if front_matter := _FRONT_MATTER.match(text[:MAXIMUM_METADATA_BYTES]):
        inside = metadata.parse(front_matter[1], "front matter")
        if inside:
            text = text[front_matter.end() :]
            fields |= inside | fields
    if file_format != MARKDOWN:
        return Extract(text, tuple(plain_blocks(text)))
    if text.count("\n") + text.count("\r") > MAXIMUM_MARKDOWN_LINES:
        raise DocumentError(
            f"has more than the {MAXIMUM_MARKDOWN_LINES:,} lines that are read as Markdown; "
            "split it, or rename it to .txt"
        )
    return Extract(text, tuple(markdown_blocks(text)))


def _document(
    path: Path, name: str, extract: Extract, source: bytes, fields: Mapping[str, Any]
) -> Document:
    """The document that ``extract`` of ``source`` makes, in the file named ``path``."""
    paragraphs, headings = split(extract.text, extract.blocks)
    if not paragraphs:
        raise DocumentError("has no text")
    stated = extract.stated
    own_name = name.partition("#")[2] if format_of(path) == COLLECTION else path.stem
    heading = next((each.text for each in headings if each.level == 1), "")
    title = (
        metadata.words(fields, "title")
        or stated.title
        or heading
        or metadata.title_in_name(own_name)
    )
    titled = stated_in(title)
    return Document(
        id=name,
        path=path.as_posix(),
        title=title,
        date=metadata.day(fields)
        or metadata.iso_date(stated.date)
        or metadata.date_in_name(own_name)
        or metadata.date_at_top(each.text for each in paragraphs),
        issuer=metadata.words(fields, "issuer") or stated.issuer,
        url=metadata.words(fields, "url") or stated.url,
        text=extract.text,
        sha256=hashlib.sha256(extract.text.encode()).hexdigest(),
        source_sha256=hashlib.sha256(source).hexdigest(),
        paragraphs=paragraphs,
        headings=headings,
        questions=metadata.lines(fields, "questions"),
        counterpart=metadata.words(fields, "counterpart") or titled.counterpart,
        place=metadata.words(fields, "place") or titled.place,
        kind=metadata.words(fields, "kind") or titled.kind,
        pages=extract.pages,
        extractor=extractor_of(format_of(path)),
    )


def _collection(
    path: Path,
    folder: Path,
    content: bytes,
    fields: Mapping[str, Any],
    known: Mapping[str, Document],
) -> Iterator[Document | Unchanged | Problem]:
    name = path.relative_to(folder)
    found = list(rows(content))
    problems = [each for each in found if isinstance(each, Unreadable)]
    before = ""
    for row in sorted(
        (each for each in found if isinstance(each, Row)), key=lambda each: each.name
    ):
        own_id = f"{_id(name)}#{row.name}"
        try:
            if row.name == before:
                raise DocumentError(f"has the doc {row.name}, as an earlier line has")
            before = row.name
            digest = hashlib.sha256(row.line).hexdigest()
            if _is_known(known.get(own_id), name, digest):
                yield Unchanged(own_id)
            else:
                yield _of_row(path, folder, row, fields)
        except DocumentError as error:
            problems.append(Unreadable(row.number, f"line {row.number}: {error}"))
    if not found:
        raise DocumentError("has no text")
    if problems:
        more = f" ({len(problems) - 1:,} more lines can't be read)" if problems[1:] else ""
        yield Problem(name.as_posix(), min(problems).reason + more)


def _of_row(path: Path, folder: Path, row: Row, fields: Mapping[str, Any]) -> Document:
    name = path.relative_to(folder)
    try:
        return _document(
            name, f"{_id(name)}#{row.name}", row.extract, row.line, {**row.fields, **fields}
        )
    except UnreadableError as error:
        raise DocumentError(str(error)) from None


def _id(name: Path) -> str:
    return name.with_suffix("").as_posix()


def format_of(path: Path) -> str:
    """The format that the suffix of ``path`` names; DocumentError if no such file is read here."""
    file_format = FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise DocumentError(f"is not one of the formats read here ({', '.join(sorted(SUFFIXES))})")
    return file_format


def _check_format(content: bytes, file_format: str) -> None:
    """DocumentError if ``content`` is empty, or plainly of another format than its name says."""
    if not content.strip():
        raise DocumentError("has no text")
    start = content[:1024]
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise DocumentError("is an old or an encrypted Word document; save it as a plain .docx")
    if b"%PDF-" in start:
        found = "pdf"
    elif start.startswith(b"PK\x03\x04") and b"word/document.xml" in content:
        found = "docx"
    elif _HTML.match(start):
        found = "html"
    else:
        found = ""
    if found and found != file_format:
        raise DocumentError(f"holds {found.upper()}; rename it to end in .{found}")
    if not found and file_format in {"pdf", "docx"}:
        raise DocumentError(f"is not a {file_format.upper()} file")


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise DocumentError("is a symbolic link, which is not followed; copy the file here")
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError("is not a regular file")
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError as error:
        raise DocumentError("is gone; put it back, or build again") from error
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
