"""The values everything else passes on: documents and their parts, hits, quotes, answers.

All are frozen. Offsets count Unicode code points of ``Document.text``, from 0, end exclusive, and
every ``text`` is born as the slice ``document.text[start:end]``, never searched for afterwards.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any


class Outcome(str, Enum):
    """What an answer says about the readouts; compares equal to its plain string."""

    ANSWERED = "answered"
    RELATED = "related"
    NOT_FOUND = "not_found"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a paragraph, without the white space around it."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph or list item.

    ``id`` is made from the paragraph's own words (and a counter where a document repeats them), so
    it survives edits elsewhere. ``number`` counts from 1, as a reader would; headings don't count.
    ``heading`` and ``lead_in`` (the line ending in a colon above a list) are the words above that a
    reader needs to understand it, each empty if there are none.
    """

    id: str
    number: int
    start: int
    end: int
    text: str
    sentences: tuple[Sentence, ...]
    heading: str = ""
    lead_in: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading between paragraphs; ``level`` counts from 1, the highest."""

    start: int
    end: int
    text: str
    level: int


@dataclass(frozen=True, slots=True)
class Document:
    """A readout as read from ``source_docs/``.

    ``id`` is the path below ``source_docs/`` without its suffix, ``path`` the same with it.
    ``text`` is the file's own text after byte-order mark and front matter, otherwise unaltered;
    ``sha256`` is the hex digest of that text in UTF-8, ``source_sha256`` that of the file's bytes.
    ``questions`` are examples of what it answers, from its metadata.
    """

    id: str
    path: str
    title: str
    date: date | None
    issuer: str
    url: str
    text: str
    sha256: str
    source_sha256: str
    paragraphs: tuple[Paragraph, ...]
    headings: tuple[Heading, ...] = ()
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """Which readouts a question is asked of; every condition that is set must hold.

    ``documents`` are ids; ``issuer`` is compared without case; ``since`` and ``until`` are dates,
    both included, and leave out undated documents; ``phrases`` must stand in the paragraph word for
    word, without regard to case.
    """

    documents: tuple[str, ...] = ()
    issuer: str = ""
    since: date | None = None
    until: date | None = None
    phrases: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Scope()

    def includes(self, document: Document) -> bool:
        """Whether ``document`` meets every condition but ``phrases``."""
        if self.documents and document.id not in self.documents:
            return False
        if self.issuer and document.issuer.casefold() != self.issuer.casefold():
            return False
        if self.since and (document.date is None or document.date < self.since):
            return False
        return not (self.until and (document.date is None or document.date > self.until))


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a document, and all that is needed to find and check them later.

    ``text`` equals ``document.text[start:end]``; ``sha256`` is the document's.
    """

    text: str
    document: str
    title: str
    date: date | None
    issuer: str
    url: str
    path: str
    paragraph: int
    paragraph_id: str
    start: int
    end: int
    sha256: str

    @classmethod
    def of(cls, document: Document, paragraph: Paragraph, sentence: Sentence) -> Quote:
        """The words of ``sentence``, with their place in ``document``."""
        return cls(
            text=document.text[sentence.start : sentence.end],
            document=document.id,
            title=document.title,
            date=document.date,
            issuer=document.issuer,
            url=document.url,
            path=document.path,
            paragraph=paragraph.number,
            paragraph_id=paragraph.id,
            start=sentence.start,
            end=sentence.end,
            sha256=document.sha256,
        )

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Quote:
        """The quote that ``as_dict`` gave; KeyError, TypeError or ValueError if it is none."""
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            value = values[field.name] = fields[field.name]
            kind = "None" if value is None else type(value).__name__
            if field.name != "date" and kind not in str(field.type).split(" | "):
                raise TypeError(f"{field.name} is {value!r}, not {field.type}")
        day = values.pop("date")
        return cls(**values, date=date.fromisoformat(day) if day is not None else None)

    @property
    def citation(self) -> str:
        """What to cite it by, on one line: ``Title, ¶ 3, 7 February 2025, Issuer``."""
        parts = [self.title, f"¶ {self.paragraph}", written_date(self.date), self.issuer]
        return ", ".join(filter(None, parts))

    def as_dict(self) -> dict[str, Any]:
        """The quote as JSON types, the same at every door."""
        return {
            "text": self.text,
            "document": self.document,
            "title": self.title,
            "date": self.date.isoformat() if self.date else None,
            "issuer": self.issuer,
            "url": self.url,
            "path": self.path,
            "paragraph": self.paragraph,
            "paragraph_id": self.paragraph_id,
            "start": self.start,
            "end": self.end,
            "sha256": self.sha256,
            "citation": self.citation,
        }


@dataclass(frozen=True, slots=True)
class Match:
    """A word of the question and the word of a paragraph that means most nearly the same there."""

    question: str
    paragraph: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Why:
    """Why a paragraph ranks where it does.

    Ranks count from 1: by vectors and by BM25 among what these searches found, None if they didn't
    find it, and by late interaction among all that was ranked. ``matches`` come strongest first.
    """

    dense_rank: int | None
    lexical_rank: int | None
    interaction_rank: int
    matches: tuple[Match, ...]

    def as_dict(self) -> dict[str, Any]:
        """The reasons as JSON types, the same at every door."""
        matches = [dataclasses.asdict(match) for match in self.matches]
        return dataclasses.asdict(self) | {"matches": matches}


@dataclass(frozen=True, slots=True)
class Hit:
    """A paragraph that was found, with how well each of its sentences matches.

    ``score`` orders the hits of one question and ``sentence_scores`` the sentences of all of them,
    higher first; they are no probabilities and can't be compared between questions.
    """

    document: Document
    paragraph: Paragraph
    score: float
    sentence_scores: tuple[float, ...]
    why: Why

    @property
    def sentence(self) -> Sentence:
        """The sentence that matches best, the earlier of equals."""
        best = self.sentence_scores.index(max(self.sentence_scores))
        return self.paragraph.sentences[best]

    @property
    def quote(self) -> Quote:
        """That sentence as a quote."""
        return Quote.of(self.document, self.paragraph, self.sentence)

    def as_dict(self) -> dict[str, Any]:
        """The hit as JSON types, the same at every door."""
        return {
            "score": self.score,
            "paragraph": self.paragraph.text,
            "heading": self.paragraph.heading,
            "lead_in": self.paragraph.lead_in,
            "sentence_scores": list(self.sentence_scores),
            "quote": self.quote.as_dict(),
            "why": self.why.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What the readouts say to a question, in their own words.

    ``quotes`` is empty unless ``outcome`` is *answered*. ``hits`` are the passages looked at, best
    first; under a refusal they are the nearest ones, which don't answer. ``searched_for`` is the
    question as it was searched: the same unless earlier turns made a follow-up standalone.
    ``confidence``, 0 to 1, estimates how likely it is that the best sentence found answers.
    """

    question: str
    searched_for: str
    outcome: Outcome
    confidence: float
    quotes: tuple[Quote, ...]
    hits: tuple[Hit, ...]

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON types, the same at every door."""
        return {
            "question": self.question,
            "searched_for": self.searched_for,
            "outcome": str(self.outcome),
            "confidence": self.confidence,
            "quotes": [each.as_dict() for each in self.quotes],
            "hits": [each.as_dict() for each in self.hits],
        }


def written_date(day: date | None) -> str:
    """``7 February 2025``, or nothing."""
    return f"{day.day} {day:%B %Y}" if day else ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A file below ``source_docs/`` that was left out, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build changed, as document ids in order; ``problems`` are the files left out."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    problems: tuple[Problem, ...]
    documents: int
    paragraphs: int
    sentences: int
    embedded: int


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a quote still stands in its source, and in ``reason`` the same in words."""

    verified: bool
    reason: str

    def __bool__(self) -> bool:
        return self.verified
