"""Making an index: a new generation beside the old one, then one step in which it takes effect.

Until that step, and if the build fails, the old index serves. What the old index has of a document
that is as it was is copied; of the others only texts that nothing is known of are embedded. What
an interrupted build has embedded, the next one takes over. Documents are read one at a time, and
what is made of them goes to disk as it comes, so that a build of any size takes about the same
memory.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import numpy as np
from filelock import FileLock, Timeout

from assistant.documents import METADATA_SUFFIX, REVISION, SourceFile, Unchanged
from assistant.encoder import Encoder, FloatArray
from assistant.errors import IndexBusyError
from assistant.index import (
    FORMAT,
    FREQUENCIES,
    GENERATION,
    KEY_BYTES,
    KEYS,
    LEXICAL,
    SENTENCES,
    Embedded,
    Index,
    IndexKind,
    Manifest,
    file_names,
    publish,
    remove_leftovers,
    replace_file,
    synced_digest,
    title_of,
)
from assistant.lexical import TOKENIZER, LexicalWriter, PassageLines, line_of
from assistant.rows import mapped
from assistant.stored import DocumentWriter, StoredDocuments, header_of
from assistant.stored import line_of as document_line
from assistant.tokens import Tokens, TokenStore, TokenWriter, compressed
from assistant.types import Document, Paragraph
from assistant.vectors import VectorStore

log = logging.getLogger(__name__)

_VECTORS = "vectors.float32"  # until there is a store of them
_UNFINISHED = "unfinished.json"  # until the build is finished
_SECONDS_AT_RISK = 10  # of a build that is interrupted
_HOLDER = ".building"  # while a process builds: which one
_NEW = -2  # the origin of what is not in the old index
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Built:
    """The manifest of the index as it is now, how many texts were embedded, and what changed: ids
    of documents in their order.
    """

    manifest: Manifest
    embedded: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


class Build:
    """A build of the index in ``folder``, to be given all documents in order, then finished.

    A context: left by an error, it deletes what it made; left by an interruption, it keeps it for
    the next. ``previous`` is the index that was there, if it can be read.
    """

    def __init__(self, folder: Path, encoder: Encoder, previous: Index | None) -> None:
        self._folder = folder
        self._encoder = encoder
        self._previous = previous
        self._kind = IndexKind(
            format=FORMAT,
            model=encoder.name,
            model_sha256=encoder.fingerprint,
            splitter=splitter(),
            tokenizer=f"{TOKENIZER}; tantivy {version('tantivy')}",
        )
        headers = previous.headers if previous else ()
        self._numbers = {header.id: number for number, header in enumerate(headers)}
        self._building = folder / f"{GENERATION}{secrets.token_hex(4)}"
        self._ids: list[str] = []
        self._origins: list[int] = []  # each document's number in the old index, or _NEW

    def __enter__(self) -> Build:
        self._building.mkdir()
        self._documents = DocumentWriter(self._building)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._documents.close()
        if kind and issubclass(kind, Exception):
            self._discard()

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, document: Document | Unchanged) -> None:
        """Take the next document, or that it is as it was in the old index."""
        line = document_line(document) if isinstance(document, Document) else b""
        known = self._numbers.get(document.id, _NEW)
        if self._previous and known != _NEW:
            stored = self._previous.documents
            if not line or line == stored.line(known):
                paragraphs = len(stored.paragraphs_of(known))
                self._take(document.id, known, stored.line(known), stored.header(known), paragraphs)
                return
        if isinstance(document, Unchanged):
            raise ValueError(f"{document.id} is not in the old index")
        self._take(document.id, _NEW, line, header_of(document), len(document.paragraphs))

    def _take(self, name: str, origin: int, line: bytes, header: bytes, paragraphs: int) -> None:
        self._documents.add(line, header, paragraphs)
        self._ids.append(name)
        self._origins.append(origin)

    def finish(self, sources: Mapping[str, SourceFile], progress: Progress | None = None) -> Built:
        """Make the index of these documents the one in the folder; where nothing changed, it is.

        ``sources`` are the files they were read from. ``progress`` is told how many texts are
        embedded, and of how many.
        """
        self._documents.finish()
        previous = self._previous
        if (
            previous
            and previous.manifest.kind == self._kind
            and self._origins == list(range(len(previous.documents)))
        ):
            self._discard()
            manifest = replace(previous.manifest, sources=dict(sources))
            if sources != previous.manifest.sources:
                publish(self._folder, manifest)
            new = 0
        else:
            manifest, new = self._written(sources, progress)
        remove_leftovers(self._folder, keep=manifest.generation)
        now = set(self._ids)
        return Built(
            manifest,
            new,
            added=tuple(each for each in self._ids if each not in self._numbers),
            changed=tuple(
                each
                for each, origin in zip(self._ids, self._origins, strict=True)
                if origin == _NEW and each in self._numbers
            ),
            removed=tuple(each for each in self._numbers if each not in now),
        )

    def _written(
        self, sources: Mapping[str, SourceFile], progress: Progress | None
    ) -> tuple[Manifest, int]:
        """Write and publish the new generation; how many texts were embedded for it."""
        building, previous = self._building, self._previous
        known = _unfinished(self._folder, self._encoder)
        if previous and previous.manifest.kind.model_sha256 == self._kind.model_sha256:
            known.append(previous.embedded)
            if previous.manifest.kind.tokenizer != self._kind.tokenizer:
                previous = None
        else:
            previous = None
        documents = StoredDocuments(building)
        texts = _Texts(documents, self._origins if previous else [_NEW] * len(self), previous)
        with ThreadPoolExecutor(1) as aside:
            if texts.new:
                aside.submit(self._encoder.load)  # an error comes again when it is used
            texts.write_lexical(building)
        dimension, new = texts.embed(building, self._encoder, known, progress)
        VectorStore.build(building, building / _VECTORS, dimension)
        paragraphs = int(documents.first_paragraphs[-1])
        weights = np.concatenate(
            [np.ones(paragraphs, dtype=np.int64), np.diff(documents.first_paragraphs)]
        )
        tokens = TokenStore.open(building, dimension, len(weights))
        frequencies = np.minimum(tokens.frequencies(weights), paragraphs)
        (building / FREQUENCIES).write_bytes(frequencies.tobytes())
        (building / _VECTORS).unlink()
        (building / _UNFINISHED).unlink(missing_ok=True)
        names = file_names(building)
        mode = (building / KEYS).stat().st_mode
        for name in names:
            (building / name).chmod(mode)  # tantivy lets only the owner read some of its files
        manifest = Manifest(
            kind=self._kind,
            generation=building.name,
            dimension=dimension,
            documents=len(documents),
            paragraphs=paragraphs,
            sentences=tokens.first_sentence(paragraphs),
            files={name: synced_digest(building / name) for name in names},
            sources=dict(sources),
        )
        publish(self._folder, manifest)
        return manifest, new

    def _discard(self) -> None:
        shutil.rmtree(self._building, ignore_errors=True)


class _Texts:
    """What is to be embedded: the paragraphs of ``documents``, then their titles.

    ``origins`` has each document's number in ``previous``, or ``_NEW`` if it isn't there.
    """

    def __init__(
        self, documents: StoredDocuments, origins: Sequence[int], previous: Index | None
    ) -> None:
        self._documents = documents
        self._document_origins = origins
        self._previous = previous
        paragraphs, titles = [], []
        for number, origin in enumerate(origins):
            if previous is None or origin == _NEW:
                paragraphs.append(np.full(len(documents.paragraphs_of(number)), _NEW))
                titles.append(_NEW)
            else:
                paragraphs.append(np.array(previous.paragraphs_of(origin)))
                titles.append(previous.title_of(origin))
        self._origins = np.concatenate([*paragraphs, titles]).astype(np.int64)
        self._is_new = self._origins == _NEW
        self._keys = np.empty((len(self._origins), KEY_BYTES), dtype=np.uint8)
        if previous:
            self._keys[~self._is_new] = previous.keys[self._origins[~self._is_new]]
        self._sentence_starts: list[Sequence[int]] = []  # in each of the new texts
        for text, words, starts in self._read():
            digest = hashlib.blake2b(words.encode(), digest_size=KEY_BYTES).digest()
            self._keys[text] = np.frombuffer(digest, dtype=np.uint8)
            self._sentence_starts.append(starts)

    @property
    def new(self) -> bool:
        """Whether there are documents that are not in the old index."""
        return bool(self._is_new.any())

    def write_lexical(self, building: Path) -> None:
        """Write the BM25 indexes of the paragraphs and of their sentences."""
        previous = self._previous
        if previous:
            old = PassageLines(previous.folder / LEXICAL)
            old_sentences = PassageLines(previous.folder / SENTENCES)
        with (
            LexicalWriter(building / LEXICAL) as lexical,
            LexicalWriter(building / SENTENCES) as sentences,
        ):
            for number, origin in enumerate(self._document_origins):
                if previous and origin != _NEW:
                    own = previous.paragraphs_of(origin)
                    lexical.add(old.of(own))
                    sentences.add(old_sentences.of(previous.tokens.sentences_of(own)))
                    continue
                document = self._documents.read(number)
                parts = document.paragraphs
                lexical.add(line_of(in_context(document, part)) for part in parts)
                sentences.add(line_of(one.text) for part in parts for one in part.sentences)

    def embed(
        self,
        building: Path,
        encoder: Encoder,
        known: Sequence[Embedded],
        progress: Progress | None,
    ) -> tuple[int, int]:
        """Embed the texts into files as they come, but copy what the old index or ``known`` has.

        The dimension, and how many were new, each counted once.
        """
        new = {each: self._keys[each].tobytes() for each in np.flatnonzero(self._is_new).tolist()}
        times = Counter(new.values())
        places = {
            key: (source, number)
            for source in known
            for number, key in enumerate(map(bytes, source.keys))
            if key in times
        }
        wanted = {key: text for text, key in reversed(new.items()) if key not in places}
        first = set(wanted.values())
        encodings = encoder.encode(words for text, words, _ in self._read() if text in first)
        starts = iter(self._sentence_starts)
        repeats: dict[bytes, tuple[FloatArray, Tokens]] = {}
        done, dimension, saved = 0, 0, time.monotonic()
        with (
            closing(TokenWriter(building)) as tokens,
            (building / _VECTORS).open("wb") as vectors,
            (building / KEYS).open("wb") as written,
        ):
            for run in self._runs():
                origin = int(self._origins[run.start])
                if self._previous and origin != _NEW:
                    here = range(origin, origin + len(run))
                    copied = self._previous.vectors.vectors[here.start : here.stop]
                    tokens.copy(self._previous.tokens.run(here))
                else:
                    key = new[run.start]
                    if key in places:
                        source, place = places[key]
                        made = source.vectors[place], source.tokens[place]
                    elif key in repeats:
                        made = repeats.pop(key)
                    else:
                        encoding = next(encodings)
                        made = encoding.vector, compressed(encoding)
                        done += 1
                        if progress:
                            progress(done, len(wanted))
                    times[key] -= 1
                    if times[key] and key not in places:
                        repeats[key] = made
                    copied = made[0][np.newaxis]
                    tokens.add(made[1], next(starts))
                dimension = copied.shape[1]
                vectors.write(copied.tobytes())
                written.write(self._keys[run.start : run.stop].tobytes())
                if time.monotonic() > saved + _SECONDS_AT_RISK:
                    tokens.sync()
                    for file in (vectors, written):
                        file.flush()
                        os.fsync(file.fileno())
                    state = _Unfinished(FORMAT, encoder.fingerprint, run.stop, dimension)
                    replace_file(building / _UNFINISHED, json.dumps(asdict(state)))
                    saved = time.monotonic()
        return dimension, len(wanted)

    def _runs(self) -> Iterator[range]:
        """All texts in order: those that stand so in the old index together, new ones by one."""
        starts = np.flatnonzero(np.diff(self._origins, prepend=2 * _NEW) != 1).tolist()
        yield from map(range, starts, [*starts[1:], len(self._origins)])

    def _read(self) -> Iterator[tuple[int, str, Sequence[int]]]:
        """The new texts in order: number, words, and where the sentences start in these."""
        new = [each for each, origin in enumerate(self._document_origins) if origin == _NEW]
        for number in new:
            paragraphs = self._documents.read(number).paragraphs
            for text, part in zip(self._documents.paragraphs_of(number), paragraphs, strict=True):
                yield text, part.text, tuple(one.start - part.start for one in part.sentences)
        titles = len(self._origins) - len(self._documents)
        for number in new:
            yield titles + number, title_of(self._documents.headers[number]), (0,)


def in_context(document: Document, paragraph: Paragraph) -> str:
    """The paragraph's text after the title, date, heading and lead-in a reader would see above."""
    day = document.date.isoformat() if document.date else ""
    above = [title_of(document), day, paragraph.heading, paragraph.lead_in]
    return ". ".join([*filter(None, above), paragraph.text])


def splitter() -> str:
    """What makes documents of files and splits them into sentences here and now."""
    return f"sentencex {version('sentencex')}, revision {REVISION}"


def known_in(previous: Index | None, now: Mapping[str, SourceFile]) -> dict[str, Document]:
    """Documents of the index by id, without their texts, that their files would make again.

    That is, if the files are as they were: what is here compared is only the metadata beside them,
    and how files are made documents.
    """
    if previous is None or previous.manifest.kind.splitter != splitter():
        return {}
    before = previous.manifest.sources

    def beside(files: Mapping[str, SourceFile], document: Document) -> str | None:
        path = PurePosixPath(document.path).with_suffix(METADATA_SUFFIX).as_posix()
        return files[path].sha256 if path in files else None

    return {
        header.id: header
        for header in previous.headers
        if beside(before, header) == beside(now, header) != ""
    }


@contextmanager
def alone_in(target: Path) -> Iterator[None]:
    """The sole right to change the index there; IndexBusyError tells who has it."""
    holder = target / _HOLDER
    try:
        with FileLock(target / ".lock", timeout=0):
            since = datetime.now(timezone.utc).isoformat(timespec="seconds")
            holder.write_text(f"process {os.getpid()} on {platform.node()}, since {since}", "utf-8")
            try:
                yield
            finally:
                holder.unlink(missing_ok=True)
    except Timeout:
        try:
            who = f" ({holder.read_text(encoding='utf-8')})"
        except (OSError, ValueError):
            who = ""  # it has only just begun, or is about to end
        raise IndexBusyError(
            f"another process is building {target}{who}; try again when it has finished"
        ) from None


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """How far a build has come: its first ``texts`` texts are safely on disk."""

    format: int
    model_sha256: str
    texts: int
    dimension: int


def _unfinished(folder: Path, encoder: Encoder) -> list[Embedded]:
    """What interrupted builds with this encoder left."""
    left = []
    for path in folder.glob(f"{GENERATION}*/{_UNFINISHED}"):
        try:
            state = _Unfinished(**json.loads(path.read_bytes()))
            if (state.format, state.model_sha256) == (FORMAT, encoder.fingerprint):
                left.append(_embedded(path.parent, state.texts, state.dimension))
        except (OSError, ValueError, TypeError, IndexError) as error:
            log.warning("what an interrupted build left in %s is of no use: %s", path.parent, error)
    return left


def _embedded(folder: Path, texts: int, dimension: int) -> Embedded:
    return Embedded(
        mapped(folder / KEYS, np.uint8, (texts, KEY_BYTES)),
        mapped(folder / _VECTORS, np.float32, (texts, dimension)),
        TokenStore.open(folder, dimension, texts),
    )
