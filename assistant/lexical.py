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
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import log
from pathlib import Path

import Stemmer
import tantivy

from assistant.errors import IndexDamagedError

TOKENIZER = "nfkc, casefold, acronyms joined, Snowball English, CJK 1-2 grams; version 1"

_K1 = 1.2
_CJK = "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"(?:[^\W\d_{_CJK}]\.){{2,}}|[^\W_{_CJK}]+|[{_CJK}]+")
_IS_CJK = re.compile(f"[{_CJK}]")
_POSSESSIVE = re.compile(r"(?<=\w)['’]s?\b")
_MAXIMUM_TOKEN = 200  # characters; tantivy drops tokens above 65,530 bytes


def terms_of(text: str, weight: float = 1.0) -> dict[str, float]:
    """The distinct tokens of ``text``, each with ``weight``."""
    return dict.fromkeys(tokenize(text), weight)


def tokenize(text: str) -> list[str]:
    """The tokens of ``text`` in reading order: stems of words, one- and two-character CJK grams."""
    normal = _POSSESSIVE.sub("", unicodedata.normalize("NFKC", text).casefold())
    stemmer = Stemmer.Stemmer("english")
    tokens: list[str] = []
    for match in _TOKEN.finditer(normal):
        word = match[0]
        if _IS_CJK.match(word):
            tokens.extend(word)
            tokens.extend(word[start : start + 2] for start in range(len(word) - 1))
        else:
            tokens.append(stemmer.stemWord(word.replace(".", "")[:_MAXIMUM_TOKEN]))
    return tokens


class LexicalIndex:
    """A BM25 index of passages numbered from 0 through all documents, in a folder of its own."""

    def __init__(self, index: tantivy.Index) -> None:
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def build(cls, folder: Path, documents: Iterable[Sequence[str]]) -> LexicalIndex:
        """The index of the passages of ``documents``, written to ``folder``, an empty folder.

        OSError if it can't be written.
        """
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("number", fast=True)
        builder.add_unsigned_field("document", indexed=True)
        builder.add_text_field("tokens", tokenizer_name="whitespace")
        try:
            index = tantivy.Index(builder.build(), path=str(folder))
            writer = index.writer(num_threads=1)  # one thread keeps the order, and so the ties
            number = 0
            for document, passages in enumerate(documents):
                for passage in passages:
                    row = tantivy.Document()
                    row.add_unsigned("number", number)
                    row.add_unsigned("document", document)
                    row.add_text("tokens", " ".join(tokenize(passage)))
                    writer.add_document(row)
                    number += 1
            writer.commit()
            writer.wait_merging_threads()
        except ValueError as error:  # how tantivy tells of a full disk
            raise OSError(str(error)) from error
        index.reload()
        return cls(index)

    @classmethod
    def open(cls, folder: Path) -> LexicalIndex:
        """The index that ``build`` wrote to ``folder``; ValueError or OSError if it is none."""
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
