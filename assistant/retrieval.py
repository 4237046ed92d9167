"""From a question to the paragraphs that may answer it, best first, each with its best sentence.

1. Two searches propose documents: vectors find other words for the same thing, BM25 finds names and
   numbers.
2. Late interaction (ColBERT; Khattab and Zaharia, 2020) ranks their paragraphs: each token of the
   question looks for its closest token, half of the score within the paragraph and its document's
   title, half within the neighbouring paragraphs too, since a readout says who and when only once.
   Rare tokens count more.
3. What BM25 thinks of the paragraph, and how well the document's date fits a date in the question,
   are added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np

from assistant.dates import date_evidence
from assistant.encoder import Encoding, FloatArray
from assistant.followups import Standalone
from assistant.index import Index
from assistant.lexical import terms_of, tokenize
from assistant.types import Hit, Match, Scope, Why

CANDIDATES = 50  # texts from each of the two searches; paragraphs around them are ranked
LOCAL = 0.5  # the paragraph's share of the late interaction, against its neighbourhood's
LEXICAL = 0.2  # weight of BM25, as a share of the most it could give the question
DATE = 0.05  # weight of a date that fits
RARITY = 0.5  # a token of the question counts by its inverse frequency to this power
NEIGHBOURS = 8  # paragraphs on either side that are a paragraph's neighbourhood
CARRIED_LOCAL = 0.1  # what history adds to a question hardly chooses the paragraph or its words,
CARRIED_NEAR = 0.5  # but half as much as the question itself its neighbourhood
_MATCHES = 5  # shown of each hit


@dataclass(frozen=True, slots=True)
class Asked:
    """A question made ready: its words, its tokens, and how much each of these counts."""

    standalone: Standalone
    encoding: Encoding
    local: FloatArray  # weights of the tokens in a paragraph, their sum 1
    near: FloatArray  # the same in its neighbourhood
    terms: dict[str, float]  # weights of the words for BM25


@dataclass(frozen=True, slots=True)
class _Scored:
    """A paragraph with what the ranking knows of it.

    ``sentences`` has for each of its sentences how well it meets the question's tokens, or the
    document's title does.
    """

    paragraph: int
    sentences: FloatArray
    interaction: float
    score: float


def ask(index: Index, encoding: Encoding, standalone: Standalone) -> Asked:
    """The question, with the encoding of its text, made ready to be searched in ``index``."""
    paragraphs, found = index.manifest.paragraphs, index.token_frequencies(encoding.token_ids)
    rarity = np.log(1 + (paragraphs - found + 0.5) / (found + 0.5)) ** RARITY
    carried = encoding.spans[:, 0] >= len(standalone.question)
    return Asked(
        standalone,
        encoding,
        local=_shares(rarity * np.where(carried, CARRIED_LOCAL, 1)),
        near=_shares(rarity * np.where(carried, CARRIED_NEAR, 1)),
        terms=terms_of(standalone.carried, CARRIED_LOCAL) | terms_of(standalone.question),
    )


def retrieve(index: Index, asked: Asked, k: int, scopes: Sequence[Scope]) -> list[Hit]:
    """The ``k`` best paragraphs in all of ``scopes``, best first; ties go to the earlier one.

    A paragraph's score is at most 1 + LEXICAL + DATE.
    """
    if not len(asked.encoding.token_ids):
        return []
    allowed = _allowed(index, scopes)
    documents = None if allowed is None else {index.document_of(each) for each in allowed}
    dense = _dense(index, asked, allowed)
    words = dict.fromkeys(asked.terms, 1.0)
    lexical = [found for found, _ in index.lexical.search(words, CANDIDATES, documents)]
    scored = _scored(index, asked, {*dense, *lexical})
    if allowed is not None:
        scored = [each for each in scored if each.paragraph in allowed]
    by_interaction = sorted(scored, key=lambda each: (-each.interaction, each.paragraph))
    interaction_ranks = {each.paragraph: rank for rank, each in enumerate(by_interaction, start=1)}
    best = sorted(scored, key=lambda each: (-each.score, each.paragraph))[:k]
    hits = []
    for each, sentence_scores in zip(best, _sentence_scores(index, asked, best), strict=True):
        document, paragraph = index.paragraph(each.paragraph)
        why = Why(
            dense_rank=_rank(dense, each.paragraph),
            lexical_rank=_rank(lexical, each.paragraph),
            interaction_rank=interaction_ranks[each.paragraph],
            matches=_matches(index, asked, each.paragraph, paragraph.text),
        )
        hits.append(Hit(document, paragraph, each.score, tuple(sentence_scores), why))
    return hits


def _allowed(index: Index, scopes: Sequence[Scope]) -> Set[int] | None:
    """The numbers of the paragraphs in all of ``scopes``; None if that is every paragraph."""
    if not any(scopes):
        return None
    allowed = {
        each
        for number, document in enumerate(index.headers)
        if all(scope.includes(document) for scope in scopes)
        for each in index.paragraphs_of(number)
    }
    for phrase in [phrase.casefold() for scope in scopes for phrase in scope.phrases]:
        allowed &= {
            each
            for each in index.lexical.having_all(tokenize(phrase))
            if each in allowed and phrase in index.paragraph(each)[1].text.casefold()
        }
    return allowed


def _dense(index: Index, asked: Asked, allowed: Set[int] | None) -> list[int]:
    """Paragraphs by cosine; those of a document whose title is found take the title's place."""
    among = None
    if allowed is not None:
        titles = {index.title_of(index.document_of(each)) for each in allowed}
        among = np.array([*allowed, *titles], dtype=np.int64)
    ranking: dict[int, None] = {}
    for text in index.vectors.nearest(asked.encoding.vector, CANDIDATES, among):
        if text < index.manifest.paragraphs:
            ranking[text] = None
        else:
            ranking |= dict.fromkeys(index.paragraphs_of_title(text)[: 2 * NEIGHBOURS])
    return list(ranking)


def _scored(index: Index, asked: Asked, candidates: Set[int]) -> list[_Scored]:
    """The candidates and the paragraphs around them, in order."""
    runs = list(_runs(index, candidates))
    numbers = [index.document_of(run.start) for run in runs]
    bm25 = dict(index.lexical.search(asked.terms, sum(map(len, runs)), set(numbers)))
    lexical_weight = LEXICAL / max(index.lexical.ceiling(asked.terms, unknown=True), 1e-12)
    tokens, named = asked.encoding.tokens, asked.standalone.dates
    titles = [range(index.title_of(each), index.title_of(each) + 1) for each in numbers]
    met = index.tokens.closest(tokens, [*runs, *titles])
    scored = []
    for run, document, (sentences, starts), (title, _) in zip(
        runs, numbers, met, met[len(runs) :], strict=False
    ):
        sentences = np.maximum(sentences, title)
        local = np.maximum.reduceat(sentences, starts, axis=0)
        near = local.copy()
        for step in range(1, min(NEIGHBOURS + 1, len(run))):
            near[step:] = np.maximum(near[step:], local[:-step])
            near[:-step] = np.maximum(near[:-step], local[step:])
        interaction = LOCAL * local @ asked.local + (1 - LOCAL) * near @ asked.near
        date = DATE * date_evidence(named, index.documents[document].date) if named else 0.0
        own = sentences @ asked.local
        bounds = [*starts.tolist(), len(own)]
        for place, paragraph in enumerate(run):
            seen = float(interaction[place])
            score = seen + date + lexical_weight * bm25.get(paragraph, 0.0)
            here = own[bounds[place] : bounds[place + 1]]
            scored.append(_Scored(paragraph, here, seen, score))
    return scored


def _sentence_scores(index: Index, asked: Asked, best: Sequence[_Scored]) -> Iterator[list[float]]:
    """For each paragraph the scores of its sentences, comparable between paragraphs."""
    documents = {index.document_of(each.paragraph) for each in best}
    every = index.manifest.sentences
    bm25 = dict(index.sentences.search(asked.terms, every, documents)) if documents else {}
    lexical_weight = LEXICAL / max(index.sentences.ceiling(asked.terms), 1e-12)
    for each in best:
        first = index.tokens.first_sentence(each.paragraph)
        yield [
            each.score + float(interaction) + lexical_weight * bm25.get(first + place, 0.0)
            for place, interaction in enumerate(each.sentences)
        ]


def _runs(index: Index, candidates: Set[int]) -> Iterator[range]:
    """Candidates with their neighbourhoods, joined where they meet, none across documents."""
    current = own = range(0)
    for paragraph in sorted(candidates):
        if paragraph not in own:
            own = index.paragraphs_of(index.document_of(paragraph))
        start = max(own.start, paragraph - NEIGHBOURS)
        stop = min(own.stop, paragraph + NEIGHBOURS + 1)
        if current and current.start in own and start <= current.stop:
            current = range(current.start, stop)
            continue
        if current:
            yield current
        current = range(start, stop)
    if current:
        yield current


def _shares(weights: FloatArray) -> FloatArray:
    return np.asarray(weights / max(float(weights.sum()), 1e-12), dtype=np.float32)


def _matches(index: Index, asked: Asked, paragraph: int, text: str) -> tuple[Match, ...]:
    """The pairs of words that speak most for the paragraph, strongest first."""
    tokens = index.tokens[paragraph]
    if not len(tokens.ids):
        return ()
    cosines = tokens.vectors.astype(np.float32) @ asked.encoding.tokens.T
    cosines /= tokens.lengths[:, np.newaxis]
    closest = cosines.argmax(axis=0)
    strength = cosines.max(axis=0) * asked.local
    matches: dict[tuple[str, str], Match] = {}
    for token in np.argsort(-strength, kind="stable").tolist():
        mine = _word_at(asked.standalone.text, *asked.encoding.spans[token])
        theirs = _word_at(text, *tokens.spans[closest[token]])
        cosine = round(float(cosines[closest[token], token]), 4)
        matches.setdefault((mine, theirs), Match(mine, theirs, cosine))
        if len(matches) == _MATCHES:
            break
    return tuple(matches.values())


def _word_at(text: str, start: int, end: int) -> str:
    """The whole word that has the token at ``start`` to ``end`` in it."""
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    return text[start:end]


def _rank(ranking: list[int], paragraph: int) -> int | None:
    return ranking.index(paragraph) + 1 if paragraph in ranking else None
