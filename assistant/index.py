"""The built index: what is in ``index/``, and how it is opened and read.

    index/manifest.json          format, model, counts, sources, and digests of itself and the rest
    index/generation-.../        the folder that the manifest names
        documents.jsonl ...      the documents, see ``assistant.stored``
        keys.uint8               a digest of each embedded text: the paragraphs, then the titles
        vectors.faiss            their vectors, see ``assistant.vectors``
        tokens.int8              the vectors of their tokens, compressed, one after another
        token_lengths.float32    what these are to be divided by
        token_ids.int32          each token's number in the model's vocabulary
        token_spans.int32        where each token starts and ends in its text
        token_frequencies.int64  how many paragraphs have each token of the vocabulary
        sentence_tokens.int64    where each sentence's tokens start
        text_sentences.int64     where each text's sentences start
        lexical/, lexical.txt    the BM25 index of the paragraphs, and the tokens it was made of
        sentences/, sentences.txt  the same of the sentences

``assistant.building`` makes it. Files that end in a number type hold bare numbers in this machine's
byte order. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from assistant.documents import SourceFile
from assistant.encoder import FloatArray, IntArray
from assistant.errors import IndexDamagedError, IndexMissingError
from assistant.lexical import LexicalIndex
from assistant.rows import mapped
from assistant.stored import StoredDocuments
from assistant.tokens import Numbers, TokenStore
from assistant.types import Document, Paragraph, written_date
from assistant.vectors import VectorStore

FORMAT = 4
MANIFEST = "manifest.json"
GENERATION = "generation-"
FREQUENCIES = "token_frequencies.int64"
KEYS = "keys.uint8"
KEY_BYTES = 16
LEXICAL, SENTENCES = "lexical", "sentences"
_OPENING_ATTEMPTS = 20
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
        folder: Path,
        manifest: Manifest,
        documents: StoredDocuments,
        vectors: VectorStore,
        tokens: TokenStore,
        keys: KeyArray,
        token_frequencies: Numbers,
        lexical: LexicalIndex,
        sentences: LexicalIndex,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.documents = documents
        self.vectors = vectors
        self.tokens = tokens
        self.keys = keys
        self.lexical = lexical
        self.sentences = sentences
        self._token_frequencies = token_frequencies

    def token_frequencies(self, ids: IntArray) -> Numbers:
        """How many paragraphs have each of these tokens, in their text or above it in the title."""
        known = np.minimum(ids, len(self._token_frequencies) - 1)
        return np.where(known == ids, self._token_frequencies[known], 0)

    @property
    def headers(self) -> Sequence[Document]:
        """The documents without text, paragraphs and headings: all at once in little time."""
        return self.documents.headers

    @property
    def embedded(self) -> Embedded:
        """What this index has of its texts, for the next."""
        return Embedded(self.keys, self.vectors.vectors, self.tokens)

    def document_of(self, paragraph: int) -> int:
        """The number of the document that has the paragraph with this number."""
        return int(np.searchsorted(self.documents.first_paragraphs, paragraph, side="right")) - 1

    def paragraphs_of(self, document: int) -> range:
        """The numbers of the paragraphs of the document with this number."""
        return self.documents.paragraphs_of(document)

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
        return document, document.paragraphs[number - self.paragraphs_of(ordinal).start]


class Embedded(NamedTuple):
    """What was made of texts by an encoder: their keys, vectors and tokens, in one order."""

    keys: KeyArray
    vectors: FloatArray
    tokens: TokenStore


def title_of(document: Document) -> str:
    """The title with its date, as it is embedded: ``A Call (2 April 2024)``."""
    return f"{document.title} ({written_date(document.date)})" if document.date else document.title


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
    for path in folder.glob(f"{GENERATION}*"):
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
        documents = StoredDocuments(generation)
        texts = manifest.paragraphs + manifest.documents
        tokens = TokenStore.open(generation, manifest.dimension, texts)
        paragraphs = int(documents.first_paragraphs[-1])
        counts = (len(documents), paragraphs, tokens.first_sentence(paragraphs))
        if counts != (manifest.documents, manifest.paragraphs, manifest.sentences):
            raise _damaged(folder / MANIFEST)
        return Index(
            generation,
            manifest,
            documents,
            VectorStore.open(generation),
            tokens,
            mapped(generation / KEYS, np.uint8, (texts, KEY_BYTES)),
            np.fromfile(generation / FREQUENCIES, np.int64),
            LexicalIndex.open(generation / LEXICAL),
            LexicalIndex.open(generation / SENTENCES),
        )
    except OSError as error:
        raise _damaged(Path(error.filename or generation), error.strerror) from error
    except (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError) as error:
        raise _damaged(generation) from error
    except AttributeError as error:  # of a field that is not what it should be
        raise _damaged(folder / MANIFEST) from error


def publish(folder: Path, manifest: Manifest) -> None:
    """Put ``manifest`` in place of the one there, in one step that survives a power cut."""
    fields = asdict(manifest)
    content = json.dumps({"sha256": _json_digest(fields), "manifest": fields}, indent=1)
    replace_file(folder / MANIFEST, content + "\n", folder / f"{manifest.generation}.json")


def replace_file(path: Path, content: str, temporary: Path | None = None) -> None:
    """Put ``content`` into the file, in one step that survives a power cut."""
    temporary = temporary or path.with_suffix(".new")
    temporary.write_text(content, encoding="utf-8")
    synced_digest(temporary)
    os.replace(temporary, path)
    folder = path.parent
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def file_names(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    )


def synced_digest(path: Path) -> str:
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
