"""Example questions drawn from the documents themselves, each tried before it is shown."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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

    def __init__(self, library: Library, most: int = 4) -> None:
        self._library = library
        self._most = most
        self._lock = threading.Lock()
        self._documents: Sequence[Document] | None = None
        self._examples: tuple[Example, ...] = ()

    def find(self) -> tuple[Example, ...]:
        """At most ``most`` questions that this library answers, on different paragraphs."""
        with self._lock:
            documents = self._library.documents
            if documents is not self._documents:
                self._examples = self._tried(documents)
                self._documents = documents
            return self._examples

    def found(self) -> tuple[Example, ...]:
        """The same if they were found already; never waits."""
        return self._examples

    def _tried(self, documents: Sequence[Document]) -> tuple[Example, ...]:
        examples: dict[tuple[str, str], Example] = {}
        for tried, (topic, question) in enumerate(_candidates(documents)):
            if tried == _TRIES or len(examples) == self._most:
                break
            answer = self._library.answer(question)
            if answer.outcome == Outcome.ANSWERED and topic in answer.quotes[0].text:
                quote = answer.quotes[0]
                example = Example(question, quote)
                examples.setdefault((quote.document, quote.paragraph_id), example)
        return tuple(examples.values())


def _candidates(documents: Sequence[Document]) -> Iterator[tuple[str, str]]:
    """Topics and the questions about them, one a paragraph, those of the newest documents first."""
    newest = sorted(documents, key=lambda each: (each.date is not None, each.date), reverse=True)
    for document in newest[:_TRIES]:
        for template, pattern in _TOPICS:
            words = Counter(
                word for paragraph in document.paragraphs for word in set(paragraph.text.split())
            )
            for paragraph in document.paragraphs:
                topics = [
                    topic
                    for topic in pattern.findall(paragraph.text)
                    # A name whose words are all over is who met, not what they spoke about.
                    if all(words[word] < _EVERYWHERE for word in topic.split() if word[0].isupper())
                ]
                if topics:
                    yield topics[-1], template.format(topics[-1])
