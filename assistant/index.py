"""The built index: what is in ``index/``, how it is made beside the old one, and how it is opened.

    index/manifest.json          format, model, counts, sources, and a SHA-256 of every file below
    index/generation-.../        the folder that the manifest names
        documents.jsonl          the documents, one a line, with paragraph and sentence offsets
        rows.npy                 what each vector stands for: document, paragraph, sentence
        keys.npy                 a digest of each text that was embedded, to reuse its vector
        vectors.faiss            the vectors, a flat inner-product FAISS index
        lexical/                 the BM25 index

A build writes a new generation, then replaces the manifest, which is the moment it takes effect;
until then, and if it fails, the old one serves. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, overload

import faiss
import numpy as np
import numpy.typing as npt

from assistant.documents import SourceFile
from assistant.encoder import Encoder, FloatArray, Progress
from assistant.errors import IndexDamagedError, IndexMissingError
from assistant.lexical import TOKENIZER, LexicalIndex
from assistant.types import Document, Heading, Paragraph, Sentence

FORMAT = 1
MANIFEST = "manifest.json"
_GENERATION = "generation-"
_OPENING_ATTEMPTS = 20
_WHOLE_PARAGRAPH = -1

IntArray = npt.NDArray[np.int32]
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
    """An opened index. Never changes; may be read by several threads."""

    def __init__(
        self,
        manifest: Manifest,
        documents: Sequence[Document],
        rows: IntArray,
        keys: KeyArray,
        vectors: faiss.Index,
        lexical: LexicalIndex,
    ) -> None:
        self.manifest = manifest
        self.documents = documents
        self.rows = rows
        self.keys = keys
        self.vectors = vectors
        self.lexical = lexical
        # Rows of one paragraph stand together, its own vector first.
        self.paragraph_rows = np.flatnonzero(rows[:, 2] == _WHOLE_PARAGRAPH)
        self.paragraph_of_row = np.cumsum(rows[:, 2] == _WHOLE_PARAGRAPH) - 1

    def is_of(self, lines: Sequence[bytes], kind: IndexKind) -> bool:
        """Whether a build of these documents in this way would make this index again."""
        digest = hashlib.sha256(b"".join(lines)).hexdigest()
        return self.manifest.kind == kind and self.manifest.files["documents.jsonl"] == digest

    def paragraph(self, number: int) -> tuple[Document, Paragraph]:
        """The paragraph with that number, counted from 0 through all documents."""
        document, paragraph, _ = self.rows[self.paragraph_rows[number]]
        found = self.documents[int(document)]
        return found, found.paragraphs[int(paragraph)]


class _StoredDocuments(Sequence[Document]):
    """Documents parsed from their lines when asked for."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._lines = lines
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


def passages_of(document: Document) -> Iterator[tuple[int, int, str]]:
    """What is embedded of a document: paragraph, sentence (-1: the whole) and text to embed.

    Title, date, heading and lead-in go with every paragraph, so that near-duplicates can be told
    apart; sentences stand alone.
    """
    for number, paragraph in enumerate(document.paragraphs):
        yield number, _WHOLE_PARAGRAPH, in_context(document, paragraph)
        for position, sentence in enumerate(paragraph.sentences):
            yield number, position, sentence.text


def in_context(document: Document, paragraph: Paragraph) -> str:
    """The paragraph's text after the title, date, heading and lead-in a reader would see above."""
    day = document.date.isoformat() if document.date else ""
    above = [document.title, day, paragraph.heading, paragraph.lead_in]
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

    Vectors of ``previous`` are reused where the text is the same. On any error the index that was
    there stays as it was.
    """
    if previous and previous.manifest.kind.model_sha256 != encoder.fingerprint:
        previous = None
    lines = [_line(document) for document in documents]
    kind = IndexKind(
        format=FORMAT,
        model=encoder.name,
        model_sha256=encoder.fingerprint,
        splitter=f"sentencex {version('sentencex')}",
        tokenizer=f"{TOKENIZER}; tantivy {version('tantivy')}",
    )
    if previous and previous.is_of(lines, kind):
        if sources != previous.manifest.sources:
            _publish(folder, replace(previous.manifest, sources=sources))
        return 0

    rows: list[tuple[int, int, int]] = []
    texts: list[str] = []
    for ordinal, document in enumerate(documents):
        for paragraph, sentence, text in passages_of(document):
            rows.append((ordinal, paragraph, sentence))
            texts.append(text)
    keys = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
    vectors, embedded = _vectors(keys, texts, encoder, previous, progress)

    folder.mkdir(exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=_GENERATION, dir=folder))
    try:
        (building / "documents.jsonl").write_bytes(b"".join(lines))
        np.save(building / "rows.npy", np.array(rows, dtype=np.int32), allow_pickle=False)
        key_array = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 16)
        np.save(building / "keys.npy", key_array, allow_pickle=False)
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        (building / "vectors.faiss").write_bytes(faiss.serialize_index(flat).tobytes())
        (building / "lexical").mkdir()
        LexicalIndex.build(
            building / "lexical",
            (in_context(each, paragraph) for each in documents for paragraph in each.paragraphs),
        )
        paragraphs = sum(len(each.paragraphs) for each in documents)
        manifest = Manifest(
            kind=kind,
            generation=building.name,
            dimension=vectors.shape[1],
            documents=len(documents),
            paragraphs=paragraphs,
            sentences=len(rows) - paragraphs,
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
        fields = json.loads(path.read_bytes())
        found = fields["kind"]["format"]
        if found != FORMAT:
            raise IndexDamagedError(
                f"{path} is of format {found!r}, and this version reads {FORMAT}; "
                "rebuild it: readout build"
            )
        sources = {name: SourceFile(**each) for name, each in fields.pop("sources").items()}
        kind = IndexKind(**fields.pop("kind"))
        return Manifest(**fields, kind=kind, sources=sources)
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
    generation = folder / manifest.generation
    content: dict[str, bytes] = {}
    for name, digest in manifest.files.items():
        path = generation / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _damaged(path) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise _damaged(path)
        if not name.startswith("lexical/"):
            content[name] = data
    try:
        documents = _StoredDocuments(content["documents.jsonl"].splitlines())
        rows = np.load(io.BytesIO(content["rows.npy"]), allow_pickle=False)
        keys = np.load(io.BytesIO(content["keys.npy"]), allow_pickle=False)
        vectors = faiss.deserialize_index(np.frombuffer(content["vectors.faiss"], dtype=np.uint8))
        lexical = LexicalIndex.open(generation / "lexical")
    except (KeyError, ValueError, RuntimeError) as error:
        raise _damaged(generation) from error
    return Index(manifest, documents, rows, keys, vectors, lexical)


def _vectors(
    keys: Sequence[bytes],
    texts: Sequence[str],
    encoder: Encoder,
    previous: Index | None,
    progress: Progress | None,
) -> tuple[FloatArray, int]:
    """The vector of each text, and how many had to be embedded: each distinct new one once."""
    vectors: dict[bytes, FloatArray] = {}
    if previous:
        old = previous.vectors.reconstruct_n(0, previous.vectors.ntotal)
        known = {
            key.tobytes(): np.asarray(row) for key, row in zip(previous.keys, old, strict=True)
        }
        vectors = {key: known[key] for key in keys if key in known}
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in vectors}
    if new:
        vectors |= zip(new, encoder.encode(list(new.values()), progress), strict=True)
    return np.array([vectors[key] for key in keys], dtype=np.float32), len(new)


def _publish(folder: Path, manifest: Manifest) -> None:
    """Put ``manifest`` in place of the one there, in one step that survives a power cut."""
    temporary = folder / f"{manifest.generation}.json"
    temporary.write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
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
        return hashlib.sha256(file.read()).hexdigest()


def _damaged(path: Path) -> IndexDamagedError:
    return IndexDamagedError(f"{path} is missing or not as it was built; rebuild: readout build")


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
    return Document(**fields)
