"""Words to passages: BM25 by tantivy, over tokens made here.

tantivy's own tokenizers find nothing in Japanese and see "U.S." and "US" as different words, so the
tokens are made beforehand and joined by spaces. BM25 uses tantivy's constants, k1 = 1.2, b = 0.75.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import Stemmer
import tantivy

TOKENIZER = "nfkc, casefold, acronyms joined, Snowball English, CJK 1-2 grams; version 1"

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"(?:[^\W\d_{_CJK}]\.){{2,}}|[^\W_{_CJK}]+|[{_CJK}]+")
_POSSESSIVE = re.compile(r"(?<=\w)['’]s\b")
_MAXIMUM_TOKEN = 200  # characters; tantivy drops tokens above 65,530 bytes


def tokenize(text: str) -> list[str]:
    """The tokens of ``text`` in reading order: stems of words, one- and two-character CJK grams."""
    normal = _POSSESSIVE.sub("", unicodedata.normalize("NFKC", text).casefold())
    stemmer = Stemmer.Stemmer("english")
    tokens: list[str] = []
    for match in _TOKEN.finditer(normal):
        word = match[0]
        if re.match(f"[{_CJK}]", word):
            tokens.extend(word)
            tokens.extend(word[start : start + 2] for start in range(len(word) - 1))
        else:
            tokens.append(stemmer.stemWord(word.replace(".", "")[:_MAXIMUM_TOKEN]))
    return tokens


class LexicalIndex:
    """A BM25 index of passages numbered from 0, in a folder of its own."""

    def __init__(self, index: tantivy.Index) -> None:
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def build(cls, folder: Path, passages: Iterable[str]) -> LexicalIndex:
        """The index of ``passages``, written to ``folder``, which must be an empty folder."""
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("number", stored=True)
        builder.add_text_field("tokens", tokenizer_name="whitespace")
        index = tantivy.Index(builder.build(), path=str(folder))
        writer = index.writer(num_threads=1)  # one thread keeps the order, and so the ties
        for number, passage in enumerate(passages):
            tokens = " ".join(tokenize(passage))
            writer.add_document(tantivy.Document(number=number, tokens=tokens))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        return cls(index)

    @classmethod
    def open(cls, folder: Path) -> LexicalIndex:
        """The index that ``build`` wrote to ``folder``."""
        return cls(tantivy.Index.open(str(folder)))

    def search(self, tokens: Sequence[str], k: int) -> list[tuple[int, float]]:
        """At most ``k`` passages with any of ``tokens``: number and BM25 score, best first."""
        terms = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "tokens", token))
            for token in dict.fromkeys(tokens)
        ]
        if not terms:
            return []
        found = self._searcher.search(tantivy.Query.boolean_query(terms), limit=k)
        hits = [
            (int(self._searcher.doc(address)["number"][0]), float(score))
            for score, address in found.hits
        ]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))
