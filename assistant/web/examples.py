"""Example questions drawn from the documents themselves, each tried before it is shown."""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from assistant.errors import ReadoutError
from assistant.library import Library
from assistant.types import Document, Outcome, Quote
from assistant.web.catalogue import Card, Catalogue

log = logging.getLogger(__name__)

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
    """The example questions of a library, looked for in a thread of their own, again when the index
    was rebuilt. May be shared by threads.
    """

    def __init__(self, library: Library, catalogue: Catalogue, most: int = 4) -> None:
        self._library = library
        self._catalogue = catalogue
        self._most = most
        self._lock = threading.Lock()
        self._looking = False
        self._cards: Sequence[Card] = ()
        self._examples: tuple[Example, ...] = ()

    def found(self) -> tuple[Example, ...] | None:
        """At most ``most`` questions that this library answers, with different quotes.

        None while they are being looked for, which this call begins; it never waits.
        """
        cards = self._catalogue.cards()
        with self._lock:
            if cards is self._cards:
                return self._examples
            if not self._looking:
                self._looking = True
                threading.Thread(target=self._look, args=(cards,), daemon=True).start()
            return None

    def _look(self, cards: Sequence[Card]) -> None:
        examples: tuple[Example, ...] = ()
        try:
            examples = self._tried(cards)
        except ReadoutError as error:
            log.warning("no example questions: %s", error)
        with self._lock:
            self._cards, self._examples, self._looking = cards, examples, False

    def _tried(self, cards: Sequence[Card]) -> tuple[Example, ...]:
        newest = (self._catalogue.document(card.document.id) for card in cards[:_TRIES])
        examples: dict[tuple[str, int], Example] = {}
        for tried, (topic, question) in enumerate(_candidates(filter(None, newest))):
            if tried == _TRIES or len(examples) == self._most:
                break
            answer = self._library.answer(question)
            if answer.outcome == Outcome.ANSWERED and topic in answer.quotes[0].text:
                quote = answer.quotes[0]
                example = Example(question, quote)
                examples.setdefault((quote.document, quote.start), example)
        return tuple(examples.values())


def _candidates(documents: Iterable[Document]) -> Iterator[tuple[str, str]]:
    """Topics and the questions about them, one a paragraph, in the order of ``documents``.

    A document's own questions come first, with no topic to look for.
    """
    for document in documents:
        yield from (("", question) for question in document.questions)
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
