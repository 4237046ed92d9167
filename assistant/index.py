"""The built index: what is in ``index/``, how it is made beside the old one, and how it is opened.

    index/manifest.json          format, model, counts, sources, and digests of itself and the rest
    index/generation-.../        the folder that the manifest names
        documents.jsonl          the documents, one a line, with paragraph and sentence offsets
        lines.int64              where each of these lines starts, and the end
        headers.jsonl            the documents without their texts, for narrowing a search
        first_paragraphs.int64   each document's first paragraph among all
        keys.uint8               a digest of each embedded text: the paragraphs, then the titles
        vectors.faiss            their vectors, a flat inner-product FAISS index
        tokens.int8              the vectors of their tokens, compressed, one after another
        token_lengths.float32    what these are to be divided by
        token_ids.int32          each token's number in the model's vocabulary
        token_spans.int32        where each token starts and ends in its text
        token_frequencies.int64  how many paragraphs have each token of the vocabulary
        sentence_tokens.int64    where each sentence's tokens start
        text_sentences.int64     where each text's sentences start
        lexical/                 the BM25 index of the paragraphs
        sentences/               the BM25 index of the sentences

A build writes a new generation, then replaces the manifest, which is the moment it takes effect;
until then, and if it fails, the old one serves. What an interrupted build has embedded, the next
one takes over. Files that end in a number type hold bare numbers in this machine's byte order.
Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt
import xxhash

from assistant.documents import REVISION, SourceFile
from assistant.encoder import Encoder, FloatArray, IntArray
from assistant.errors import IndexDamagedError, IndexMissingError
from assistant.lexical import TOKENIZER, LexicalIndex
from assistant.tokens import Numbers, Tokens, TokenStore, TokenWriter, compressed, mapped
from assistant.types import Document, Heading, PageStart, Paragraph, Sentence, written_date
from assistant.vectors import VectorStore

log = logging.getLogger(__name__)

FORMAT = 3
MANIFEST = "manifest.json"
_GENERATION = "generation-"
_DOCUMENTS = "documents.jsonl"
_LINES = "lines.int64"
_HEADERS = "headers.jsonl"
_FIRST_PARAGRAPHS = "first_paragraphs.int64"
_FREQUENCIES = "token_frequencies.int64"
_EMBEDDED_VECTORS = "vectors.float32"  # until there is a store of them
_UNFINISHED = "unfinished.json"  # until the build is finished
_KEYS = "keys.uint8"
_KEY_BYTES = 16
_SECONDS_AT_RISK = 10  # of a build that is interrupted
_OPENING_ATTEMPTS = 20
Progress = Callable[[int, int], None]
KeyArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class IndexKind:
    """How an index was made; with the same documents, the same kind makes the same index."""

    format: int
    model: str
    model_sha256: str
    splitter: str
    tokenizer: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the index says of itself."""

    kind: IndexKind
    generation: str
    documents_sha256: str
    dimension: int
    documents: int
    paragraphs: int
    sentences: int
    files: Mapping[str, str]
    sources: Mapping[str, SourceFile]


class Index:
    """An opened index. Never changes; may be read by several threads.

    Paragraphs are numbered from 0 through all documents in order. The texts that were embedded are
    these paragraphs and then the documents' titles, so a text's number is a paragraph's, or a
    document's after the number of paragraphs.
    """

    def __init__(
        self,
        manifest: Manifest,
        documents: _StoredDocuments,
        vectors: VectorStore,
        tokens: TokenStore,
        keys: KeyArray,
        token_frequencies: Numbers,
        lexical: LexicalIndex,
        sentences: LexicalIndex,
    ) -> None:
        self.manifest = manifest
        self.documents: Sequence[Document] = documents
        self._stored_documents = documents
        self.vectors = vectors
        self.tokens = tokens
        self.keys = keys
        self.lexical = lexical
        self.sentences = sentences
        self._first_paragraphs = documents.first_paragraphs
        self._token_frequencies = token_frequencies

    def is_of(self, documents: bytes, kind: IndexKind) -> bool:
        """Whether a build of these stored documents in this way would make this index again."""
        digest = hashlib.sha256(documents).hexdigest()
        return self.manifest.kind == kind and self.manifest.documents_sha256 == digest

    def token_frequencies(self, ids: IntArray) -> Numbers:
        """How many paragraphs have each of these tokens, in their text or above it in the title."""
        known = np.minimum(ids, len(self._token_frequencies) - 1)
        return np.where(known == ids, self._token_frequencies[known], 0)

    @property
    def headers(self) -> Sequence[Document]:
        """The documents without text, paragraphs and headings: all at once in little time."""
        return self._stored_documents.headers

    @property
    def embedded(self) -> _Embedded:
        """What this index has of its texts, for the next."""
        return _Embedded(self.keys, self.vectors.vectors, self.tokens)

    def document_of(self, paragraph: int) -> int:
        """The number of the document that has the paragraph with this number."""
        return int(np.searchsorted(self._first_paragraphs, paragraph, side="right")) - 1

    def paragraphs_of(self, document: int) -> range:
        """The numbers of the paragraphs of the document with this number."""
        first, after = self._first_paragraphs[document : document + 2]
        return range(int(first), int(after))

    def title_of(self, document: int) -> int:
        """The number of the text that is the title of the document with this number."""
        return self.manifest.paragraphs + document

    def paragraphs_of_title(self, text: int) -> range:
        """The numbers of the paragraphs under the title that is the text with this number."""
        return self.paragraphs_of(text - self.manifest.paragraphs)

    def paragraph(self, number: int) -> tuple[Document, Paragraph]:
        """The paragraph with this number, and its document."""
        ordinal = self.document_of(number)
        document = self.documents[ordinal]
        return document, document.paragraphs[number - int(self._first_paragraphs[ordinal])]


class Text(NamedTuple):
    """What is embedded, and where its sentences start in it."""

    words: str
    sentence_starts: tuple[int, ...]


class _Embedded(NamedTuple):
    """What was made of texts by an encoder: their keys, vectors and tokens, in one order."""

    keys: KeyArray
    vectors: FloatArray
    tokens: TokenStore


class _StoredDocuments(Sequence[Document]):
    """Documents parsed from their lines when asked for."""

    def __init__(
        self, stored: KeyArray, headers: Sequence[bytes], lines: Numbers, first_paragraphs: Numbers
    ) -> None:
        self._stored = stored
        self._headers = headers
        self._lines = lines
        self.first_paragraphs = first_paragraphs
        self._document = lru_cache(maxsize=4096)(self._parsed)

    @cached_property
    def headers(self) -> Sequence[Document]:
        """All documents without text, paragraphs and headings, parsed once."""
        return [_document(line) for line in self._headers]

    def _parsed(self, number: int) -> Document:
        start, end = self._lines[number : number + 2]
        return _document(self._stored[start:end].tobytes())

    def __len__(self) -> int:
        return len(self._lines) - 1

    @overload
    def __getitem__(self, number: int) -> Document: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Document]: ...
    def __getitem__(self, number: int | slice) -> Document | Sequence[Document]:
        if isinstance(number, slice):
            return [self._document(each) for each in range(*number.indices(len(self)))]
        return self._document(range(len(self))[number])


def _text(paragraph: Paragraph) -> Text:
    starts = tuple(each.start - paragraph.start for each in paragraph.sentences)
    return Text(paragraph.text, starts)


def title_of(document: Document) -> str:
    """The title with its date, as it is embedded: ``A Call (2 April 2024)``."""
    return f"{document.title} ({written_date(document.date)})" if document.date else document.title


def in_context(document: Document, paragraph: Paragraph) -> str:
    """The paragraph's text after the title, date, heading and lead-in a reader would see above."""
    day = document.date.isoformat() if document.date else ""
    above = [title_of(document), day, paragraph.heading, paragraph.lead_in]
    return ". ".join([*filter(None, above), paragraph.text])


def splitter() -> str:
    """What makes documents of files and splits them into sentences here and now."""
    return f"sentencex {version('sentencex')}, revision {REVISION}"


def write(
    folder: Path,
    documents: Sequence[Document],
    sources: Mapping[str, SourceFile],
    encoder: Encoder,
    previous: Index | None,
    progress: Progress | None = None,
) -> int:
    """Make the index of ``documents`` the one in ``folder``; returns how many texts were embedded.

    What ``previous`` holds of a text is reused. On any error the index that was there stays as it
    was.
    """
    if previous and previous.manifest.kind.model_sha256 != encoder.fingerprint:
        previous = None
    lines = [_line(document) for document in documents]
    stored = b"".join(lines)
    kind = IndexKind(
        format=FORMAT,
        model=encoder.name,
        model_sha256=encoder.fingerprint,
        splitter=splitter(),
        tokenizer=f"{TOKENIZER}; tantivy {version('tantivy')}",
    )
    if previous and previous.is_of(stored, kind):
        if sources != previous.manifest.sources:
            _publish(folder, replace(previous.manifest, sources=sources))
        remove_leftovers(folder, keep=previous.manifest.generation)
        return 0

    texts = [_text(paragraph) for document in documents for paragraph in document.paragraphs]
    paragraphs = len(texts)
    texts += [Text(title_of(document), (0,)) for document in documents]
    known = _unfinished(folder, encoder)
    if previous:
        known.append(previous.embedded)
    building = folder / f"{_GENERATION}{secrets.token_hex(4)}"
    building.mkdir()
    try:
        (building / _DOCUMENTS).write_bytes(stored)
        np.cumsum([0, *map(len, lines)]).tofile(building / _LINES)
        headers = (replace(each, text="", paragraphs=(), headings=()) for each in documents)
        (building / _HEADERS).write_bytes(b"".join(map(_line, headers)))
        counts = np.array([len(document.paragraphs) for document in documents])
        np.cumsum([0, *counts]).tofile(building / _FIRST_PARAGRAPHS)
        (building / "lexical").mkdir()
        (building / "sentences").mkdir()
        LexicalIndex.build(
            building / "lexical",
            ([in_context(each, part) for part in each.paragraphs] for each in documents),
        )
        LexicalIndex.build(
            building / "sentences",
            (
                [one.text for part in each.paragraphs for one in part.sentences]
                for each in documents
            ),
        )
        embedded, new = _embed(building, texts, encoder, known, progress)
        dimension = embedded.vectors.shape[1]
        VectorStore.build(building, embedded.vectors)
        weights = np.concatenate([np.ones(paragraphs, dtype=np.int64), counts])
        frequencies = np.minimum(embedded.tokens.frequencies(weights), paragraphs)
        frequencies.tofile(building / _FREQUENCIES)
        (building / _EMBEDDED_VECTORS).unlink()
        (building / _UNFINISHED).unlink(missing_ok=True)
        mode = (building / _DOCUMENTS).stat().st_mode
        for name in _file_names(building):
            (building / name).chmod(mode)  # tantivy lets only the owner read some of its files
        manifest = Manifest(
            kind=kind,
            generation=building.name,
            documents_sha256=hashlib.sha256(stored).hexdigest(),
            dimension=dimension,
            documents=len(documents),
            paragraphs=paragraphs,
            sentences=sum(len(text.sentence_starts) for text in texts[:paragraphs]),
            files={name: _synced_digest(building / name) for name in _file_names(building)},
            sources=dict(sources),
        )
        _publish(folder, manifest)
    except Exception:
        shutil.rmtree(building, ignore_errors=True)  # an interruption leaves it for the next build
        raise
    remove_leftovers(folder, keep=manifest.generation)
    return new


def read_manifest(folder: Path) -> Manifest:
    """The manifest in ``folder``; IndexMissingError if there is none."""
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_bytes())
        fields = content["manifest"]
        found = fields["kind"]["format"]
        if found != FORMAT:
            raise IndexDamagedError(
                f"{path} is of format {found!r}, and this version reads {FORMAT}; "
                "rebuild it: readout build"
            )
        if content["sha256"] != _json_digest(fields):
            raise _damaged(path)
        sources = {name: SourceFile(**each) for name, each in fields.pop("sources").items()}
        return Manifest(kind=IndexKind(**fields.pop("kind")), sources=sources, **fields)
    except FileNotFoundError:
        raise IndexMissingError(f"no index in {folder} yet; make it: readout build") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error


def open_index(folder: Path) -> Index:
    """The index in ``folder``, after checking the digest of each of its files.

    IndexMissingError if there is none, IndexDamagedError naming the file that is not as built.
    """
    for _ in range(_OPENING_ATTEMPTS):
        manifest = read_manifest(folder)
        try:
            return _open_generation(folder, manifest)
        except IndexDamagedError:
            if read_manifest(folder).generation == manifest.generation:
                raise
            # A build replaced this generation while it was being read: open the new one.
    raise IndexDamagedError(f"{folder} is replaced faster than it can be read; try again")


def discard(folder: Path) -> None:
    """Delete the index in ``folder``, if there is one."""
    (folder / MANIFEST).unlink(missing_ok=True)
    remove_leftovers(folder, keep="")


def remove_leftovers(folder: Path, keep: str) -> None:
    """Delete what else builds made: replaced generations, and what killed builds left."""
    for path in folder.glob(f"{_GENERATION}*"):
        if path.is_dir() and path.name != keep:
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file():
            path.unlink(missing_ok=True)


def _open_generation(folder: Path, manifest: Manifest) -> Index:
    generation = folder / str(manifest.generation)
    try:
        for name, digest in manifest.files.items():
            if _digest(generation / name) != digest:
                raise _damaged(generation / name)
        size = (generation / _DOCUMENTS).stat().st_size
        documents = _StoredDocuments(
            mapped(generation / _DOCUMENTS, np.uint8, (size,)),
            (generation / _HEADERS).read_bytes().splitlines(),
            np.fromfile(generation / _LINES, np.int64),
            np.fromfile(generation / _FIRST_PARAGRAPHS, np.int64),
        )
        texts = manifest.paragraphs + manifest.documents
        tokens = TokenStore.open(generation, manifest.dimension, texts)
        paragraphs = int(documents.first_paragraphs[-1])
        counts = (len(documents), paragraphs, tokens.first_sentence(paragraphs))
        if counts != (manifest.documents, manifest.paragraphs, manifest.sentences):
            raise _damaged(folder / MANIFEST)
        return Index(
            manifest,
            documents,
            VectorStore.open(generation),
            tokens,
            mapped(generation / _KEYS, np.uint8, (texts, _KEY_BYTES)),
            np.fromfile(generation / _FREQUENCIES, np.int64),
            LexicalIndex.open(generation / "lexical"),
            LexicalIndex.open(generation / "sentences"),
        )
    except OSError as error:
        raise _damaged(Path(error.filename or generation), error.strerror) from error
    except (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError) as error:
        raise _damaged(generation) from error


def _embed(
    building: Path,
    texts: Sequence[Text],
    encoder: Encoder,
    known: Sequence[_Embedded],
    progress: Progress | None,
) -> tuple[_Embedded, int]:
    """Embed ``texts`` into files as they come, and count those that were new, each once.

    What ``known`` has, is copied.
    """
    keys = [hashlib.blake2b(text.words.encode(), digest_size=_KEY_BYTES).digest() for text in texts]
    places = {
        key.tobytes(): (source, number)
        for source in known
        for number, key in enumerate(source.keys)
    }
    new = {key: text.words for key, text in zip(keys, texts, strict=True) if key not in places}
    encodings = encoder.encode(list(new.values()))
    repeated = {key for key, times in Counter(keys).items() if times > 1} & new.keys()
    repeats: dict[bytes, tuple[FloatArray, Tokens]] = {}
    done, dimension, saved = 0, 0, time.monotonic()
    with (
        closing(TokenWriter(building)) as tokens,
        (building / _EMBEDDED_VECTORS).open("wb") as vectors,
        (building / _KEYS).open("wb") as written,
    ):
        for number, (key, text) in enumerate(zip(keys, texts, strict=True), start=1):
            if key in places:
                source, place = places[key]
                made = source.vectors[place], source.tokens[place]
            elif key in repeats:
                made = repeats[key]
            else:
                encoding = next(encodings)
                made = encoding.vector, compressed(encoding)
                if key in repeated:
                    repeats[key] = made
                done += 1
                if progress:
                    progress(done, len(new))
            dimension = len(made[0])
            vectors.write(made[0].tobytes())
            tokens.add(made[1], text.sentence_starts)
            written.write(key)
            if time.monotonic() > saved + _SECONDS_AT_RISK:
                tokens.sync()
                for file in (vectors, written):
                    file.flush()
                    os.fsync(file.fileno())
                state = _Unfinished(FORMAT, encoder.fingerprint, number, dimension)
                _replace(building / _UNFINISHED, json.dumps(asdict(state)))
                saved = time.monotonic()
    return _embedded(building, len(texts), dimension), len(new)


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """How far a build has come: its first ``texts`` texts are safely on disk."""

    format: int
    model_sha256: str
    texts: int
    dimension: int


def _unfinished(folder: Path, encoder: Encoder) -> list[_Embedded]:
    """What interrupted builds with this encoder left."""
    left = []
    for path in folder.glob(f"{_GENERATION}*/{_UNFINISHED}"):
        try:
            state = _Unfinished(**json.loads(path.read_bytes()))
            if (state.format, state.model_sha256) == (FORMAT, encoder.fingerprint):
                left.append(_embedded(path.parent, state.texts, state.dimension))
        except (OSError, ValueError, TypeError, IndexError) as error:
            log.warning("what an interrupted build left in %s is of no use: %s", path.parent, error)
    return left


def _embedded(folder: Path, texts: int, dimension: int) -> _Embedded:
    return _Embedded(
        mapped(folder / _KEYS, np.uint8, (texts, _KEY_BYTES)),
        mapped(folder / _EMBEDDED_VECTORS, np.float32, (texts, dimension)),
        TokenStore.open(folder, dimension, texts),
    )


def _publish(folder: Path, manifest: Manifest) -> None:
    """Put ``manifest`` in place of the one there, in one step that survives a power cut."""
    fields = asdict(manifest)
    content = json.dumps({"sha256": _json_digest(fields), "manifest": fields}, indent=1)
    _replace(folder / MANIFEST, content + "\n", folder / f"{manifest.generation}.json")


def _replace(path: Path, content: str, temporary: Path | None = None) -> None:
    """Put ``content`` into the file, in one step that survives a power cut."""
    temporary = temporary or path.with_suffix(".new")
    temporary.write_text(content, encoding="utf-8")
    _synced_digest(temporary)
    os.replace(temporary, path)
    folder = path.parent
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _file_names(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    )


def _synced_digest(path: Path) -> str:
    """The digest of a file that is now safely on disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return _digest(path)


def _digest(path: Path) -> str:
    """XXH3 of a file, in hex. It finds damage, not intent, eight times as fast as SHA-256."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _json_digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _damaged(path: Path, what: str | None = None) -> IndexDamagedError:
    what = what or "it is not as it was built"
    return IndexDamagedError(f"{path} can't be used ({what}); rebuild the index: readout build")


def _line(document: Document) -> bytes:
    fields = asdict(document)
    fields["date"] = document.date.isoformat() if document.date else None
    for paragraph in fields["paragraphs"]:
        del paragraph["text"]
        paragraph["sentences"] = [[each["start"], each["end"]] for each in paragraph["sentences"]]
    for heading in fields["headings"]:
        del heading["text"]
    return json.dumps(fields, ensure_ascii=True).encode() + b"\n"


def _document(line: bytes) -> Document:
    fields: dict[str, Any] = json.loads(line)
    text = fields["text"]
    fields["date"] = date.fromisoformat(fields["date"]) if fields["date"] else None
    fields["headings"] = tuple(
        Heading(**each, text=text[each["start"] : each["end"]]) for each in fields["headings"]
    )
    paragraphs = []
    for each in fields["paragraphs"]:
        spans = each.pop("sentences")
        sentences = tuple(Sentence(start, end, text[start:end]) for start, end in spans)
        words = text[each["start"] : each["end"]]
        paragraphs.append(Paragraph(**each, text=words, sentences=sentences))
    fields["paragraphs"] = tuple(paragraphs)
    fields["questions"] = tuple(fields["questions"])
    fields["pages"] = tuple(PageStart(**each) for each in fields["pages"])
    return Document(**fields)
