"""The built index: what is in ``index/``, how it is made beside the old one, and how it is opened.

    index/manifest.json          format, model, counts, sources, and SHA-256 of itself and the rest
    index/generation-.../        the folder that the manifest names
        documents.jsonl          the documents, one a line, with paragraph and sentence offsets
        first_paragraphs.int64   each document's first paragraph among all
        keys.uint8               a digest of each embedded text: the paragraphs, then the titles
        vectors.faiss            their vectors, a flat inner-product FAISS index
        tokens.int8              the vectors of their tokens, compressed, one after another
        token_lengths.float32    what these are to be divided by
        token_ids.int32          each token's number in the model's vocabulary
        token_spans.int32        where each token starts and ends in its text
        sentence_tokens.int64    where each sentence's tokens start
        text_sentences.int64     where each text's sentences start
        lexical/                 the BM25 index of the paragraphs
        sentences/               the BM25 index of the sentences

A build writes a new generation, then replaces the manifest, which is the moment it takes effect;
until then, and if it fails, the old one serves. Files that end in a number type hold bare numbers
in this machine's byte order. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, overload

import faiss
import numpy as np
import numpy.typing as npt

from assistant.documents import SourceFile
from assistant.encoder import Encoder, FloatArray, IntArray, file_sha256
from assistant.errors import IndexDamagedError, IndexMissingError
from assistant.lexical import TOKENIZER, LexicalIndex
from assistant.tokens import Numbers, Tokens, TokenStore, compressed
from assistant.types import Document, Heading, Paragraph, Sentence, written_date

FORMAT = 1
MANIFEST = "manifest.json"
_GENERATION = "generation-"
_FIRST_PARAGRAPHS = "first_paragraphs.int64"
_KEYS = "keys.uint8"
_KEY_BYTES = 16
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
        vectors: faiss.Index,
        tokens: TokenStore,
        keys: KeyArray,
        lexical: LexicalIndex,
        sentences: LexicalIndex,
    ) -> None:
        self.manifest = manifest
        self.documents: Sequence[Document] = documents
        self.vectors = vectors
        self.tokens = tokens
        self.keys = keys
        self.lexical = lexical
        self.sentences = sentences
        self._first_paragraphs = documents.first_paragraphs
        under_title = np.diff(documents.first_paragraphs)
        once = np.ones(manifest.paragraphs, dtype=np.int64)
        found = tokens.frequencies(np.concatenate([once, under_title]))
        self._token_frequencies = np.minimum(found, manifest.paragraphs)

    def is_of(self, documents: bytes, kind: IndexKind) -> bool:
        """Whether a build of these stored documents in this way would make this index again."""
        digest = hashlib.sha256(documents).hexdigest()
        return self.manifest.kind == kind and self.manifest.files["documents.jsonl"] == digest

    def token_frequencies(self, ids: IntArray) -> Numbers:
        """How many paragraphs have each of these tokens, in their text or above it in the title."""
        known = np.minimum(ids, len(self._token_frequencies) - 1)
        return np.where(known == ids, self._token_frequencies[known], 0)

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


class _StoredDocuments(Sequence[Document]):
    """Documents parsed from their lines when asked for."""

    def __init__(self, lines: Sequence[bytes], first_paragraphs: Numbers) -> None:
        self._lines = lines
        self.first_paragraphs = first_paragraphs
        self._document = lru_cache(maxsize=4096)(lambda number: _document(self._lines[number]))

    def __len__(self) -> int:
        return len(self._lines)

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
    stored = b"".join(_line(document) for document in documents)
    kind = IndexKind(
        format=FORMAT,
        model=encoder.name,
        model_sha256=encoder.fingerprint,
        splitter=f"sentencex {version('sentencex')}",
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
    building = folder / f"{_GENERATION}{secrets.token_hex(4)}"
    building.mkdir()
    try:
        (building / "documents.jsonl").write_bytes(stored)
        counts = [len(document.paragraphs) for document in documents]
        np.cumsum([0, *counts]).tofile(building / _FIRST_PARAGRAPHS)
        dimension, embedded = _write_encodings(building, texts, encoder, previous, progress)
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
        mode = (building / "documents.jsonl").stat().st_mode
        for name in _file_names(building):
            (building / name).chmod(mode)  # tantivy lets only the owner read some of its files
        manifest = Manifest(
            kind=kind,
            generation=building.name,
            dimension=dimension,
            documents=len(documents),
            paragraphs=paragraphs,
            sentences=sum(len(text.sentence_starts) for text in texts[:paragraphs]),
            files={name: _synced_digest(building / name) for name in _file_names(building)},
            sources=dict(sources),
        )
        _publish(folder, manifest)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    remove_leftovers(folder, keep=manifest.generation)
    return embedded


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
            if file_sha256(generation / name) != digest:
                raise _damaged(generation / name)
        documents = _StoredDocuments(
            (generation / "documents.jsonl").read_bytes().splitlines(),
            np.fromfile(generation / _FIRST_PARAGRAPHS, np.int64),
        )
        tokens = TokenStore.open(generation, manifest.dimension)
        paragraphs = int(documents.first_paragraphs[-1])
        counts = (len(documents), paragraphs, tokens.first_sentence(paragraphs))
        if counts != (manifest.documents, manifest.paragraphs, manifest.sentences):
            raise _damaged(folder / MANIFEST)
        return Index(
            manifest,
            documents,
            faiss.read_index(str(generation / "vectors.faiss")),
            tokens,
            np.fromfile(generation / _KEYS, np.uint8).reshape(-1, _KEY_BYTES),
            LexicalIndex.open(generation / "lexical"),
            LexicalIndex.open(generation / "sentences"),
        )
    except OSError as error:
        raise _damaged(Path(error.filename or generation), error.strerror) from error
    except (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError) as error:
        raise _damaged(generation) from error


def _write_encodings(
    building: Path,
    texts: Sequence[Text],
    encoder: Encoder,
    previous: Index | None,
    progress: Progress | None,
) -> tuple[int, int]:
    """Embed ``texts`` into files; the dimension, and how many were new: each distinct one once."""
    keys = [hashlib.blake2b(text.words.encode(), digest_size=_KEY_BYTES).digest() for text in texts]
    known: dict[bytes, int] = {}
    if previous:
        known = {key.tobytes(): number for number, key in enumerate(previous.keys)}
    new = {key: text.words for key, text in zip(keys, texts, strict=True) if key not in known}
    vectors: dict[bytes, FloatArray] = {}
    tokens: dict[bytes, Tokens] = {}
    for done, (key, encoding) in enumerate(
        zip(new, encoder.encode(list(new.values())), strict=True), start=1
    ):
        vectors[key], tokens[key] = encoding.vector, compressed(encoding)
        if progress:
            progress(done, len(new))
    if previous:
        for key in known.keys() & set(keys):
            vectors[key] = np.asarray(previous.vectors.reconstruct(known[key]))
            tokens[key] = previous.tokens[known[key]]
    matrix = np.array([vectors[key] for key in keys], dtype=np.float32)
    flat = faiss.IndexFlatIP(matrix.shape[1])
    flat.add(matrix)
    (building / "vectors.faiss").write_bytes(faiss.serialize_index(flat).tobytes())
    starts = [text.sentence_starts for text in texts]
    TokenStore.save(building, zip((tokens[key] for key in keys), starts, strict=True))
    (building / _KEYS).write_bytes(b"".join(keys))
    return matrix.shape[1], len(new)


def _publish(folder: Path, manifest: Manifest) -> None:
    """Put ``manifest`` in place of the one there, in one step that survives a power cut."""
    temporary = folder / f"{manifest.generation}.json"
    fields = asdict(manifest)
    content = json.dumps({"sha256": _json_digest(fields), "manifest": fields}, indent=1)
    temporary.write_text(content + "\n", encoding="utf-8")
    _synced_digest(temporary)
    os.replace(temporary, folder / MANIFEST)
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
    """SHA-256 of a file that is now safely on disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return file_sha256(path)


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
    return Document(**fields)
