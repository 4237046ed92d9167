"""Words to passages: BM25 by tantivy, over tokens made here.

tantivy's own tokenizers find nothing in Japanese and see "U.S." and "US" as different words, so the
tokens are made beforehand and joined by spaces. BM25 uses tantivy's constants, k1 = 1.2, b = 0.75.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import unicodedata
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from math import log
from pathlib import Path

import numpy as np
import Stemmer
import tantivy

from assistant.errors import IndexDamagedError
from assistant.rows import mapped

TOKENIZER = "nfkc, casefold, acronyms joined, Snowball English, CJK 1-2 grams; version 1"

_K1 = 1.2
_CJK = "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"(?:[^\W\d_{_CJK}]\.){{2,}}|[^\W_{_CJK}]+|[{_CJK}]+")
_IS_CJK = re.compile(f"[{_CJK}]")
_POSSESSIVE = re.compile(r"(?<=\w)['’]s?\b")
_HEAP_BYTES = 64 << 20  # that tantivy may fill before it writes a part
_MAXIMUM_TOKEN = 200  # characters; tantivy drops tokens above 65,530 bytes


def terms_of(text: str, weight: float = 1.0) -> dict[str, float]:
    """The distinct tokens of ``text``, each with ``weight``."""
    return dict.fromkeys(tokenize(text), weight)


def tokenize(text: str) -> list[str]:
    """The tokens of ``text`` in reading order: stems of words, one- and two-character CJK grams."""
    normal = _POSSESSIVE.sub("", unicodedata.normalize("NFKC", text).casefold())
    tokens: list[str] = []
    for match in _TOKEN.finditer(normal):
        word = match[0]
        if _IS_CJK.match(word):
            tokens.extend(word)
            tokens.extend(word[start : start + 2] for start in range(len(word) - 1))
        else:
            tokens.append(_stem(word.replace(".", "")[:_MAXIMUM_TOKEN]))
    return tokens


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return str(Stemmer.Stemmer("english").stemWord(word))  # made anew, as threads can't share it


class LexicalWriter:
    """Writes the passages of documents, one document after another, to a new index in ``folder``.

    Their tokens also go, a passage a line, to a file beside the folder, so that they needn't be
    made again for the next index. OSError if anything can't be written.
    """

    def __init__(self, folder: Path) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("number", fast=True)
        builder.add_unsigned_field("document", indexed=True)
        builder.add_text_field("tokens", tokenizer_name="whitespace")
        folder.mkdir()
        self._number = self._document = 0
        with _told_as_os_error():
            index = tantivy.Index(builder.build(), path=str(folder))
            # One thread keeps the order, and so the ties.
            self._writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        self._lines = _lines_of(folder).open("wb")

    def add(self, passages: Iterable[bytes]) -> None:
        """Write the passages of the next document, each as its tokens in a line."""
        with _told_as_os_error():
            for passage in passages:
                row = tantivy.Document()
                row.add_unsigned("number", self._number)
                row.add_unsigned("document", self._document)
                row.add_text("tokens", passage.decode())
                self._writer.add_document(row)
                self._lines.write(passage)
                self._number += 1
        self._document += 1

    def __enter__(self) -> LexicalWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish the index, which can then be opened."""
        self._lines.close()
        if kind is None:
            with _told_as_os_error():
                self._writer.commit()
                self._writer.wait_merging_threads()


class PassageLines:
    """The lines that a ``LexicalWriter`` wrote beside ``folder``, by the passages' numbers."""

    def __init__(self, folder: Path) -> None:
        path = _lines_of(folder)
        self._text = mapped(path, np.uint8, (path.stat().st_size,))
        ends = np.flatnonzero(self._text == ord("\n")) + 1
        self._starts = np.concatenate([[0], ends])

    def of(self, passages: range) -> list[bytes]:
        """The lines of the passages with these numbers, in order."""
        start, end = self._starts[[passages.start, passages.stop]]
        return self._text[start:end].tobytes().splitlines(keepends=True)


def line_of(passage: str) -> bytes:
    """The tokens of a passage as a line."""
    return f"{' '.join(tokenize(passage))}\n".encode()


def _lines_of(folder: Path) -> Path:
    return folder.with_suffix(".txt")


@contextmanager
def _told_as_os_error() -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # how tantivy tells of a full disk
        raise OSError(str(error)) from error


class LexicalIndex:
    """A BM25 index of passages numbered from 0 through all documents, in a folder of its own."""

    def __init__(self, index: tantivy.Index) -> None:
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def open(cls, folder: Path) -> LexicalIndex:
        """The index that a ``LexicalWriter`` wrote to ``folder``; ValueError or OSError if none."""
        effective = os.access in os.supports_effective_ids
        if os.access(folder, os.W_OK, effective_ids=effective):
            return cls(tantivy.Index.open(str(folder)))
        # tantivy makes a lock file even to read, so what can't be written to is read from a copy.
        copy = Path(tempfile.mkdtemp())
        for path in folder.iterdir():
            if path.suffix != ".lock":
                shutil.copyfile(path, copy / path.name)
        index = cls(tantivy.Index.open(str(copy)))
        weakref.finalize(index, shutil.rmtree, copy, ignore_errors=True)
        return index

    def search(
        self, terms: Mapping[str, float], k: int, documents: Collection[int] | None = None
    ) -> list[tuple[int, float]]:
        """At most ``k`` passages with any of ``terms``: number and BM25 score, best first.

        A term's part of the score is multiplied by its weight. Only passages of ``documents`` if
        these are given. Ties go to the lower number.
        """
        if not terms:
            return []
        return self._found(self._query(terms, tantivy.Occur.Should), k, documents)

    def having_all(self, tokens: Sequence[str]) -> list[int]:
        """The numbers of the passages that have every one of ``tokens``, in order."""
        if not tokens:
            return []
        query = self._query(dict.fromkeys(tokens, 1.0), tantivy.Occur.Must)
        found = self._found(query, self._searcher.num_docs, None)
        return sorted(number for number, _ in found)

    def ceiling(self, terms: Mapping[str, float], *, unknown: bool = False) -> float:
        """The most that BM25 could give a passage for ``terms``, were each in it without end.

        Terms that no passage has count too with ``unknown``: of a question in another language only
        a number or a name may be known, and finding these is not finding the question.
        """
        total = self._searcher.num_docs
        frequencies = {term: self._searcher.doc_freq("tokens", term) for term in terms}
        return sum(
            terms[term] * (_K1 + 1) * log(1 + (total - found + 0.5) / (found + 0.5))
            for term, found in frequencies.items()
            if found or unknown
        )

    def _query(self, terms: Mapping[str, float], occur: tantivy.Occur) -> tantivy.Query:
        query = tantivy.Query
        return query.boolean_query(
            [
                (occur, query.boost_query(query.term_query(self._schema, "tokens", term), weight))
                for term, weight in terms.items()
            ]
        )

    def _found(
        self, query: tantivy.Query, k: int, documents: Collection[int] | None
    ) -> list[tuple[int, float]]:
        if documents is not None:
            among = tantivy.Query.term_set_query(self._schema, "document", list(documents))
            filtered = tantivy.Query.boost_query(among, 0.0)  # it must match, and adds no score
            must = tantivy.Occur.Must
            query = tantivy.Query.boolean_query([(must, query), (must, filtered)])
        try:
            found = self._searcher.search(query, limit=max(k, 1), count=False).hits
        except ValueError as error:  # it reads some of its files only now
            raise IndexDamagedError(
                f"the index can't be searched ({error}); rebuild it: readout build"
            ) from error
        numbers = self._searcher.fast_field_values("number", [address for _, address in found])
        scored = [
            (int(number or 0), score) for number, (score, _) in zip(numbers, found, strict=True)
        ]
        return sorted(scored, key=lambda hit: (-hit[1], hit[0]))[:k]
