"""From hits to an answer: which sentences to quote, or that none of them says it.

The ranking proposes the quotes, and the reader moves up the sentence in which it finds the answer.
Whether that is an answer at all, the reader tells: it was trained to tell what a passage says from
what it only talks about. How well the best sentence meets the question's words tells questions
about something else from the readouts' own subjects; without the reader, that decides alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from assistant.confidence import MAXIMUM_ERROR, Signals, confidence, logistic, threshold
from assistant.questions import read_question
from assistant.reader import NOTHING, Reader, Reading
from assistant.types import Answer, Hit, Mode, Outcome, Paragraph, Quote, Sentence
from assistant.windows import Passage

# Set on development questions of the summit readout and of the White House readouts, where
# off-topic questions stay below .4. Below the first even a sure reader doesn't count: it has learnt
# from questions that were all about readouts. Without a reader, below the third is no answer.
OFF_TOPIC_BELOW = 0.30
NOT_FOUND_BELOW = 0.40
RELATED_BELOW = 0.46
# Logistic regression of "the best sentence answers" on the evidence, on the same questions.
_SLOPE, _INTERCEPT = 5.55, -2.83
_ALSO_QUOTED = 0.04  # sentences that score this little less than the best are quoted too,
_MAXIMUM_QUOTES = 3  # up to so many in all
_READ = 5  # hits that the reader reads
# What a sentence gains at most if the reader finds the answer in it, and the scale of its margin.
_READ_HERE, _SPAN_SCALE = 0.1, 3.0
_MAXIMUM_CONTEXT = 2  # sentences shown before a quote that refers back
_REFERS_BACK = re.compile(
    r"^\W*(?:\w+\W+){0,3}?(?:he|she|they|it|his|her|their|its|also)\b"
    r"|\b(?:this|these|those|such)\b(?! (?:end|year|week|month|day)s?\b) \w",
    re.I,
)
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|oppos\w+|reject\w*|refus\w+|den(?:y|ied|ies)"
    r"|declin\w+|against|prevent\w*|avoid\w*|unless)\b|n[’']t\b",
    re.I,
)
_ATTEMPT = re.compile(r"\b(?:efforts?|attempts?|threats?|plans?) to\W*$", re.I)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A sentence, how well it meets the question, and its paragraph's reading if there is one."""

    score: float
    evidence: float
    hit: Hit
    sentence: Sentence
    reading: Reading | None


def answer(
    question: str,
    searched_for: str,
    hits: Sequence[Hit],
    reader: Reader | None = None,
    maximum_error: float = MAXIMUM_ERROR,
) -> Answer:
    """The best sentences of ``hits`` as quotes, or the outcome that says why there are none.

    With ``reader``, at most ``maximum_error`` of the answers given were wrong when it was measured.
    """
    readings = readings_of(question, searched_for, hits, reader)
    ranked = _ranked(hits, readings)
    evidence = ranked[0].evidence if ranked else 0.0
    if reader and ranked:
        sure = confidence(_signals(ranked[0], readings))
        enough = sure >= threshold(maximum_error)
    else:
        sure = logistic(_SLOPE * evidence + _INTERCEPT)
        enough = evidence >= RELATED_BELOW
    if enough and evidence >= OFF_TOPIC_BELOW:
        outcome = Outcome.ANSWERED
    else:
        outcome = Outcome.NOT_FOUND if evidence < NOT_FOUND_BELOW else Outcome.RELATED
    quotes = tuple(map(_quote, _close(ranked))) if outcome is Outcome.ANSWERED else ()
    mode = Mode.READER if reader else Mode.RANKING
    return Answer(question, searched_for, outcome, sure, quotes, tuple(hits), mode)


def best_sentences(hits: Sequence[Hit], readings: Sequence[Reading] = ()) -> list[Quote]:
    """The sentences of ``hits`` as quotes, best first; ties go to the better hit, then earlier.

    ``readings`` are those of the first hits, in order.
    """
    return [_quote(each) for each in _ranked(hits, readings)]


def close_sentences(hits: Sequence[Hit], readings: Sequence[Reading] = ()) -> list[Quote]:
    """The first of the best sentences, as many as an answer would quote."""
    return [_quote(each) for each in _close(_ranked(hits, readings))]


def readings_of(
    question: str, searched_for: str, hits: Sequence[Hit], reader: Reader | None
) -> list[Reading]:
    """What the reader, if there is one, makes of the first hits, in order.

    A follow-up is read as it was asked and as it was searched, and the surer reading counts.
    """
    if reader is None:
        return []
    passages = [Passage.of(hit.document, hit.paragraph) for hit in hits[:_READ]]
    asked = dict.fromkeys([read_question(question)[0], searched_for])
    readings = zip(*(reader.read(each, passages) for each in asked), strict=True)
    return [max(some, key=lambda each: each.answerable) for some in readings]


def signals(hits: Sequence[Hit], readings: Sequence[Reading]) -> Signals:
    """What is known about the best sentence of ``hits``, of which there is at least one.

    ``readings`` are those of the first hits, in order.
    """
    return _signals(_ranked(hits, readings)[0], readings)


def _signals(best: _Ranked, readings: Sequence[Reading]) -> Signals:
    reading = best.reading or NOTHING
    return Signals(
        answerable=reading.answerable,
        span=reading.span,
        best=max((each.answerable for each in readings), default=NOTHING.answerable),
        agreement=_emphasis(best.hit.paragraph, best.sentence, reading) is not None,
    )


def _ranked(hits: Sequence[Hit], readings: Sequence[Reading]) -> list[_Ranked]:
    ranked = []
    for hit, reading in zip_longest(hits, readings):
        for score, sentence in zip(hit.sentence_scores, hit.paragraph.sentences, strict=True):
            evidence = score - hit.score
            if reading and _emphasis(hit.paragraph, sentence, reading):
                score += _READ_HERE * logistic(reading.span / _SPAN_SCALE)
            ranked.append(_Ranked(score, evidence, hit, sentence, reading))
    return sorted(ranked, key=lambda each: -each.score)


def _close(ranked: Sequence[_Ranked]) -> list[_Ranked]:
    close = [each for each in ranked if each.score > ranked[0].score - _ALSO_QUOTED]
    return close[:_MAXIMUM_QUOTES]


def _quote(ranked: _Ranked) -> Quote:
    paragraph, sentence = ranked.hit.paragraph, ranked.sentence
    emphasis = None
    if ranked.reading:
        emphasis = _emphasis(paragraph, sentence, ranked.reading)
        if emphasis and _reads_otherwise(sentence, emphasis):
            emphasis = None
    context_start = _context_start(paragraph, sentence)
    document = ranked.hit.document
    return Quote.of(document, paragraph, sentence, emphasis=emphasis, context_start=context_start)


def _context_start(paragraph: Paragraph, sentence: Sentence) -> int | None:
    """Where the sentences begin without which a reader doesn't know whom or what this one means.

    None if it stands alone, or is its paragraph's first.
    """
    start = None
    before = paragraph.sentences[: paragraph.sentences.index(sentence)]
    for earlier in reversed(before[-_MAXIMUM_CONTEXT:]):
        if not _REFERS_BACK.search(sentence.text):
            break
        start, sentence = earlier.start, earlier
    return start


def _emphasis(paragraph: Paragraph, sentence: Sentence, reading: Reading) -> tuple[int, int] | None:
    """The reader's span by its place in the document, if it lies in the sentence."""
    start, end = paragraph.start + reading.start, paragraph.start + reading.end
    return (start, end) if sentence.start <= start < end <= sentence.end else None


def _reads_otherwise(sentence: Sentence, emphasis: tuple[int, int]) -> bool:
    """Whether the rest of the sentence denies something, so that the emphasis could mislead."""
    start, end = emphasis[0] - sentence.start, emphasis[1] - sentence.start
    before, after = sentence.text[:start], sentence.text[end:]
    return any(map(_NEGATION.search, (before, after))) or bool(_ATTEMPT.search(before))
