"""The values everything else passes on: documents and their parts, hits, quotes, answers.

All are frozen. Offsets count Unicode code points of ``Document.text``, from 0, end exclusive, and
every ``text`` is born as the slice ``document.text[start:end]``, never searched for afterwards.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from html import escape
from typing import Any


class Outcome(str, Enum):
    """What an answer says about the readouts; compares equal to its plain string."""

    ANSWERED = "answered"
    RELATED = "related"
    NOT_FOUND = "not_found"

    __str__ = str.__str__


class Mode(str, Enum):
    """What an answer's outcome and confidence rest on; compares equal to its plain string.

    With *reader*, the trained reader has read the best passages; with *ranking*, how well the best
    sentence meets the question's words is all there is.
    """

    READER = "reader"
    RANKING = "ranking"

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
class PageStart:
    """Where in a text a page begins; ``page`` counts from 1."""

    start: int
    page: int


@dataclass(frozen=True, slots=True)
class Document:
    """A readout as read from ``source_docs/``.

    ``id`` is the path below ``source_docs/`` without its suffix (and, in a collection, ``#`` and
    its own name there), ``path`` the same with its suffix. Of a text file, ``text`` is the file's
    own text after byte-order mark and front matter, otherwise unaltered, and ``extractor`` is
    empty; of another file, ``text`` is what ``extractor`` (a library, its release, our revision)
    makes of it. ``sha256`` is the hex digest of that text in UTF-8, ``source_sha256`` that of the
    file's bytes. ``kind`` is the kind of meeting. ``pages`` are in the order of their starts, and
    empty where the format has none. ``questions`` are examples of what it answers, from its
    metadata.
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
    counterpart: str = ""
    place: str = ""
    kind: str = ""
    pages: tuple[PageStart, ...] = ()
    extractor: str = ""

    def page_at(self, offset: int) -> int | None:
        """The page that has the character at ``offset``; None in a format without pages."""
        starts = [each.start for each in self.pages]
        place = bisect_right(starts, offset)
        return self.pages[place - 1].page if place else None

    def as_dict(self, *, text: bool = False) -> dict[str, Any]:
        """What it is cited by as JSON types, the same at every door; with ``text``, that too.

        ``paragraphs`` is their number.
        """
        about = {
            "id": self.id,
            "title": self.title,
            "date": self.date.isoformat() if self.date else None,
            "issuer": self.issuer,
            "url": self.url,
            "path": self.path,
            "counterpart": self.counterpart,
            "place": self.place,
            "kind": self.kind,
            "paragraphs": len(self.paragraphs),
            "sha256": self.sha256,
            "source_sha256": self.source_sha256,
            "extractor": self.extractor,
        }
        return about | {"text": self.text} if text else about


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

    @property
    def wider(self) -> Scope:
        """The same of all readouts."""
        return Scope(phrases=self.phrases)

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

    ``text`` equals ``document.text[start:end]``; ``sha256``, ``source_sha256`` and ``extractor``
    are the document's. ``page`` is where the words begin, in a format that has pages. ``emphasis``
    is where in the document, within ``start`` and ``end``, the words stand that answer the question
    most exactly; None if they can't be told from the rest. ``context`` is what stands right before
    ``start``, up to there, where the quote's words refer back to it ("he", "also", "this matter").
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
    source_sha256: str = ""
    extractor: str = ""
    page: int | None = None
    emphasis: tuple[int, int] | None = None
    context: str = ""

    @classmethod
    def of(
        cls,
        document: Document,
        paragraph: Paragraph,
        sentence: Sentence,
        *,
        emphasis: tuple[int, int] | None = None,
        context_start: int | None = None,
    ) -> Quote:
        """The words of ``sentence``, with their place in ``document``."""
        context = "" if context_start is None else document.text[context_start : sentence.start]
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
            source_sha256=document.source_sha256,
            extractor=document.extractor,
            page=document.page_at(sentence.start),
            emphasis=emphasis,
            context=context,
        )

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Quote:
        """The quote that ``as_dict`` gave; KeyError, TypeError or ValueError if it is none."""
        known = {field.name: field for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for name, field in known.items():
            default = field.default
            value = fields[name] if default is dataclasses.MISSING else fields.get(name, default)
            kind = "None" if value is None else type(value).__name__
            if name not in {"date", "emphasis"} and kind not in str(field.type).split(" | "):
                raise TypeError(f"{name} is {value!r}, not {field.type}")
            values[name] = value
        day, emphasis = values.pop("date"), values.pop("emphasis")
        if emphasis is not None:
            start, end = map(int, emphasis)
            emphasis = start, end
        return cls(
            **values,
            date=date.fromisoformat(day) if day is not None else None,
            emphasis=emphasis,
        )

    @property
    def preceded(self) -> str:
        """``context`` as a remark above the quote; empty if there is none."""
        return f"(Before it: {self.context.strip()})" if self.context else ""

    @property
    def locator(self) -> str:
        """Where the words stand in their document: ``p. 2, ¶ 3``."""
        page = f"p. {self.page}, " if self.page else ""
        return f"{page}¶ {self.paragraph}"

    @property
    def citation(self) -> str:
        """What to cite it by, on one line: ``Title, p. 2, ¶ 3, 7 February 2025, Issuer``."""
        parts = [self.title, self.locator, written_date(self.date), self.issuer]
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
            "source_sha256": self.source_sha256,
            "extractor": self.extractor,
            "page": self.page,
            "emphasis": list(self.emphasis) if self.emphasis else None,
            "context": self.context,
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

    def __str__(self) -> str:
        """The paragraph, and below it the score and the citation."""
        return f"{self.paragraph.text}\n  {self.score:.4f}  {self.quote.citation}"


_REFUSALS = {
    Outcome.RELATED: "Related passages were found, but none of them answers this.",
    Outcome.NOT_FOUND: "Not in these readouts.",
}
_SILENCE = "A readout's silence does not show that a topic was not raised."
_ELSEWHERE = "Other readouts than the chosen ones answer:"
NEAREST = "Nearest passages, which do not answer it:"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the readouts say to a question, in their own words.

    ``quotes`` is empty unless ``outcome`` is *answered*. ``hits`` are the passages looked at, best
    first; under a refusal they are the nearest ones, which don't answer. ``searched_for`` is the
    question as it was searched: the same unless earlier turns made a follow-up standalone.
    ``confidence``, 0 to 1, estimates how likely it is that the best sentence found answers, and
    ``mode`` says what that rests on. ``elsewhere`` is the answer of the readouts outside
    the question's scope, if there is one there and none inside.
    """

    question: str
    searched_for: str
    outcome: Outcome
    confidence: float
    quotes: tuple[Quote, ...]
    hits: tuple[Hit, ...]
    mode: Mode = Mode.RANKING
    elsewhere: Answer | None = None

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON types, the same at every door."""
        return {
            "question": self.question,
            "searched_for": self.searched_for,
            "outcome": str(self.outcome),
            "confidence": self.confidence,
            "mode": str(self.mode),
            "quotes": [each.as_dict() for each in self.quotes],
            "elsewhere": self.elsewhere.as_dict() if self.elsewhere else None,
            "hits": [each.as_dict() for each in self.hits],
        }

    @property
    def refusal(self) -> str:
        """That the readouts don't say, in words; empty when they do."""
        words = _REFUSALS.get(self.outcome)
        if words and self.elsewhere:
            return f"{words} {_SILENCE} {_ELSEWHERE}"
        return f"{words} {_SILENCE}" if words else ""

    @property
    def cited(self) -> tuple[Quote, ...]:
        """What to show: the quotes, or without any those from elsewhere."""
        return self.elsewhere.quotes if self.elsewhere else self.quotes

    @property
    def nearest(self) -> tuple[Hit, ...]:
        """What to show below a refusal, unless there is something from elsewhere."""
        return self.hits if self.refusal and not self.elsewhere else ()

    @property
    def rewritten(self) -> str:
        """What was searched, in words, if that isn't the question as it was asked; or nothing."""
        return f"Searched for: {self.searched_for}" if self.searched_for != self.question else ""

    def __str__(self) -> str:
        """The quotes with their citations, or the refusal and the nearest passages."""
        parts = [self.rewritten, self.refusal]
        for quote in self.cited:
            parts += [quote.preceded, f"{quote.text}\n  {quote.citation}"]
        if self.nearest:
            parts += [NEAREST, *map(str, self.nearest)]
        return "\n\n".join(filter(None, parts))

    def _repr_html_(self) -> str:
        """The same for a notebook, which is told to read no formulas into it."""
        cited = [(quote.preceded, quote.text, quote.citation) for quote in self.cited]
        notes = [self.rewritten, self.refusal]
        if self.nearest:
            cited = [("", hit.paragraph.text, hit.quote.citation) for hit in self.nearest]
            notes.append(NEAREST)
        html = [f"<p>{escape(note)}</p>" for note in notes if note]
        for before, text, citation in cited:
            html += [f'<p dir="auto">{escape(before)}</p>'] if before else []
            html.append(
                f'<blockquote dir="auto" style="white-space: pre-wrap">{escape(text)}</blockquote>'
                f"<p><cite>{escape(citation)}</cite></p>"
            )
        return f'<div class="mathjax_ignore tex2jax_ignore">{"".join(html)}</div>'


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

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON types, the same at every door."""
        return dataclasses.asdict(self)

    def __bool__(self) -> bool:
        return self.verified
