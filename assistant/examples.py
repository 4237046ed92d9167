"""Example questions drawn from the documents themselves, each tried before it is shown."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from assistant.catalogue import Card, Catalogue
from assistant.library import Library
from assistant.types import Document, Outcome, Quote

_TRIES = 24  # questions asked of the library at most, as each costs a search
_EVERYWHERE = 4  # paragraphs
# In Latin script a topic is two or more capitalised words inside a sentence, in Japanese a long
# compound; each comes with the question that is natural for it.
_TOPICS = (
    (
        "What was said about {}?",
        re.compile(
            r"(?<=[a-z,] )(?:the )?[A-Z][a-z]+(?:-[A-Z][a-z]+)*"
            r"(?: (?:of |and )?[A-Z][a-z]+(?:-[A-Z][a-z]+)*)+"
        ),
    ),
    ("{}について何が話されましたか?", re.compile(r"[\u30a1-\u30fa\u30fc\u4e00-\u9fff]{4,12}")),
)


@dataclass(frozen=True, slots=True)
class Example:
    """A question, and the first quote it was answered with when it was tried."""

    question: str
    quote: Quote


class Examples:
    """The example questions of a library, found when they are first asked for."""

    def __init__(self, library: Library, catalogue: Catalogue, most: int = 4) -> None:
        self._library = library
        self._catalogue = catalogue
        self._most = most
        self._lock = threading.Lock()
        self._cards: Sequence[Card] = ()
        self._examples: tuple[Example, ...] = ()

    def find(self) -> tuple[Example, ...]:
        """At most ``most`` questions that this library answers, on different paragraphs."""
        with self._lock:
            cards = self._catalogue.cards()
            if cards is not self._cards:
                self._examples = self._tried(cards)
                self._cards = cards
            return self._examples

    def found(self) -> tuple[Example, ...]:
        """The same if they were found already; never waits."""
        return self._examples

    def _tried(self, cards: Sequence[Card]) -> tuple[Example, ...]:
        newest = (self._catalogue.document(card.document.id) for card in cards[:_TRIES])
        examples: dict[tuple[str, str], Example] = {}
        for tried, (topic, question) in enumerate(_candidates(filter(None, newest))):
            if tried == _TRIES or len(examples) == self._most:
                break
            answer = self._library.answer(question)
            if answer.outcome == Outcome.ANSWERED and topic in answer.quotes[0].text:
                quote = answer.quotes[0]
                example = Example(question, quote)
                examples.setdefault((quote.document, quote.paragraph_id), example)
        return tuple(examples.values())


def _candidates(documents: Iterable[Document]) -> Iterator[tuple[str, str]]:
    """Topics and the questions about them, one a paragraph, in the order of ``documents``."""
    for document in documents:
        words = Counter(
            word for paragraph in document.paragraphs for word in set(paragraph.text.split())
        )
        for template, pattern in _TOPICS:
            for paragraph in document.paragraphs:
                topics = [
                    topic
                    for topic in pattern.findall(paragraph.text)
                    # A name whose words are all over is who met, not what they spoke about.
                    if all(words[word] < _EVERYWHERE for word in topic.split() if word[0].isupper())
                ]
                if topics:
                    yield topics[-1], template.format(topics[-1])
