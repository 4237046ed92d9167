"""What programs send and get, as types that validate and describe themselves in JSON Schema.

What is got is always the values' own ``as_dict()``, unaltered: the models only describe it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from assistant.citations import Style
from assistant.questions import MAXIMUM_QUESTION
from assistant.types import Quote, Scope

MAXIMUM_K = 100

Question = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAXIMUM_QUESTION,
        description='In plain words; may narrow itself, as in: tariffs issuer:"White House" '
        'since:2022-06, or "words that must stand there".',
        examples=["Does the treaty cover the Senkaku Islands?"],
    ),
]
Passages = Annotated[int, Field(ge=1, le=MAXIMUM_K, description="How many passages are looked at.")]
History = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MAXIMUM_QUESTION)]],
    Field(
        max_length=100,
        description="The earlier questions of the conversation, oldest first.",
        examples=[["What did they say about Taiwan?"]],
    ),
]


class Narrowing(BaseModel):
    """Which readouts are asked: every condition that is set must hold."""

    model_config = ConfigDict(extra="forbid")

    documents: Annotated[list[str], Field(max_length=1_000, description="Only these ids.")] = []
    issuer: Annotated[str, Field(max_length=500, description="Only this issuer's.")] = ""
    since: Annotated[date | None, Field(description="Only from this day on.")] = None
    until: Annotated[date | None, Field(description="Only up to this day.")] = None
    phrases: Annotated[
        list[str], Field(max_length=20, description="Only paragraphs with these exact words.")
    ] = []

    def scope(self) -> Scope:
        """The same as the library takes it."""
        return Scope(
            documents=tuple(self.documents),
            issuer=self.issuer,
            since=self.since,
            until=self.until,
            phrases=tuple(self.phrases),
        )


class Asked(Narrowing):
    """A question and where to look."""

    question: Question
    k: Passages = 5
    history: History = []

    def options(self) -> dict[str, Any]:
        """What ``Library.retrieve`` and ``Library.answer`` take besides the question."""
        return {"k": self.k, "history": self.history, "scope": self.scope()}


class QuoteFields(BaseModel):
    """Words of a document: ``text`` is its slice from ``start`` to ``end``, in code points."""

    text: str
    document: Annotated[str, Field(description="The document's id.")]
    title: str
    date: Annotated[str | None, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    issuer: str
    url: str
    path: Annotated[str, Field(description="Below source_docs/.")]
    paragraph: Annotated[int, Field(ge=1, description="The paragraph's number, from 1.")]
    paragraph_id: str
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(description="Of the document's text in UTF-8, in hex.")]
    source_sha256: Annotated[str, Field(description="Of the file's bytes, in hex.")] = ""
    extractor: Annotated[str, Field(description="What made text of the file, if it is none.")] = ""
    page: Annotated[int | None, Field(ge=1, description="In a format that has pages.")] = None
    emphasis: Annotated[
        tuple[int, int] | None,
        Field(description="Where in the document the most exact words start and end."),
    ] = None
    context: Annotated[
        str, Field(description="What stands before it, where its words refer back.")
    ] = ""
    citation: str = ""

    def quote(self) -> Quote:
        """The same as a value; ValueError if the date is none."""
        return Quote.from_dict(self.model_dump())


class MatchFields(BaseModel):
    """A word of the question and the word of a paragraph that means most nearly the same there."""

    question: str
    paragraph: str
    cosine: float


class WhyFields(BaseModel):
    """Why a paragraph ranks where it does; ranks count from 1."""

    dense_rank: int | None
    lexical_rank: int | None
    interaction_rank: int
    matches: list[MatchFields]


class HitFields(BaseModel):
    """A paragraph that may answer, and its best sentence as a quote; the higher score is better."""

    score: float
    paragraph: str
    heading: str
    lead_in: str
    sentence_scores: list[float]
    quote: QuoteFields
    why: WhyFields


class HitsFields(BaseModel):
    """Paragraphs that may answer, best first."""

    hits: list[HitFields]


class AnswerFields(BaseModel):
    """What the readouts say in their own words, or that they don't say."""

    question: str
    searched_for: str
    outcome: Annotated[str, Field(description="answered, related or not_found.")]
    confidence: Annotated[
        float, Field(ge=0, le=1, description="How likely it is that the best sentence answers.")
    ]
    mode: Annotated[str, Field(description="What that rests on: reader or ranking.")]
    quotes: Annotated[list[QuoteFields], Field(description="Empty unless answered.")]
    elsewhere: Annotated[
        AnswerFields | None, Field(description="The answer of readouts outside the scope.")
    ] = None
    hits: Annotated[list[HitFields], Field(description="The passages looked at, best first.")]


class DocumentFields(BaseModel):
    """What a readout is cited by; ``paragraphs`` is their number."""

    id: str
    title: str
    date: str | None
    issuer: str
    url: str
    path: str
    counterpart: str
    place: str
    kind: Annotated[str, Field(description="The kind of meeting.")]
    paragraphs: int
    sha256: str
    source_sha256: str
    extractor: str


class DocumentTextFields(DocumentFields):
    """The same with its text, which quotes' offsets count in."""

    text: str


class DocumentsFields(BaseModel):
    """A part of the documents in order of their ids, and how many there are in all."""

    documents: list[DocumentFields]
    total: int


class Quotes(BaseModel):
    """Quotes to check; a whole answer may be sent as it is."""

    quotes: Annotated[list[QuoteFields], Field(min_length=1, max_length=100)]


class Citing(Quotes):
    """Quotes to cite, and the style."""

    style: Style


class ReferencesFields(BaseModel):
    """The citations one below the other; of a style for programs, a file of references."""

    references: str


class VerificationFields(BaseModel):
    """Whether a quote still stands in its source file, read again now."""

    verified: bool
    reason: str


class VerificationsFields(BaseModel):
    """A verdict for each quote, in their order."""

    verifications: list[VerificationFields]


class ProblemFields(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


def faults(errors: Sequence[Mapping[str, Any]], root: int = 0) -> str:
    """What pydantic found wrong, in a line that doesn't repeat what was sent.

    Of each place the first ``root`` steps are left out.
    """
    return "; ".join(
        f"{'.'.join(map(str, each['loc'][root:])) or 'the whole'}: {each['msg']}"
        for each in errors[:10]
    )
