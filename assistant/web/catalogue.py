"""What a library holds, for listing and looking up: read once for each build of its index."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from assistant.library import Library
from assistant.types import Document, Scope

_MOST_WITH_PHRASE = 200


@dataclass(frozen=True, slots=True)
class Card:
    """A document without its text, so that very many can be kept; ``paragraphs`` counts its."""

    document: Document
    paragraphs: int

    @classmethod
    def of(cls, document: Document) -> Card:
        """The card of ``document``."""
        return cls(
            replace(document, text="", paragraphs=(), headings=(), questions=()),
            len(document.paragraphs),
        )

    def mentions(self, words: Sequence[str]) -> bool:
        """Whether all of the folded ``words`` stand in what the document is cited by."""
        day = self.document.date.isoformat() if self.document.date else ""
        about = folded(f"{self.document.title} {self.document.issuer} {day}")
        return all(word in about for word in words)


class Catalogue:
    """The cards of a library. May be shared by threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._documents: Sequence[Document] = ()
        self._cards: tuple[Card, ...] = ()
        self._places: dict[str, int] = {}

    def cards(self) -> Sequence[Card]:
        """All cards, the newest documents' first, undated ones last."""
        with self._lock:
            documents = self._library.documents
            if documents is not self._documents:
                cards = [Card.of(each) for each in documents]
                self._places = {card.document.id: at for at, card in enumerate(cards)}
                cards.sort(
                    key=lambda card: (card.document.date is not None, card.document.date),
                    reverse=True,
                )
                self._cards = tuple(cards)
                self._documents = documents
            return self._cards

    def document(self, name: str) -> Document | None:
        """The document whose id is ``name``, if there is one."""
        self.cards()
        with self._lock:
            place = self._places.get(name)
            return None if place is None else self._documents[place]

    def search(self, text: str) -> Sequence[Card]:
        """The cards that mention every word of ``text``, or whose document has it as a phrase."""
        words = folded(text).split()
        if not words:
            return self.cards()
        hits = self._library.retrieve(
            text, k=_MOST_WITH_PHRASE, scope=Scope(phrases=(" ".join(text.split()),))
        )
        having = {hit.document.id for hit in hits}
        return [card for card in self.cards() if card.mentions(words) or card.document.id in having]


def folded(text: str) -> str:
    """``text`` as it is compared: without case, and without widths of characters."""
    return unicodedata.normalize("NFKC", text).casefold()
