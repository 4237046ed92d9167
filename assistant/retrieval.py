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

from collections.abc import Iterator, Set
from dataclasses import dataclass

import faiss
import numpy as np

from assistant.dates import date_evidence, dates_in
from assistant.encoder import Encoding, FloatArray
from assistant.index import Index
from assistant.lexical import tokenize
from assistant.types import Hit, Match, Scope, Why

faiss.omp_set_num_threads(1)  # with two, single queries were measured six times slower

CANDIDATES = 50  # texts from each of the two searches; paragraphs around them are ranked
LOCAL = 0.5  # the paragraph's share of the late interaction, against its neighbourhood's
LEXICAL = 0.2  # weight of BM25, as a share of the most it could give the question
DATE = 0.05  # weight of a date that fits
NEIGHBOURS = 8  # paragraphs on either side that are a paragraph's neighbourhood
_MATCHES = 5  # shown of each hit


@dataclass(frozen=True, slots=True)
class _Scored:
    """A paragraph with what the ranking knows of it.

    ``sentences``, shape (sentences, q), has for each of its sentences and each token of the
    question the cosine of the closest token in the sentence or the document's title.
    """

    paragraph: int
    sentences: FloatArray
    interaction: float
    score: float


def retrieve(index: Index, question: str, asked: Encoding, k: int, scope: Scope) -> list[Hit]:
    """The ``k`` best paragraphs in ``scope`` for ``question``, encoded as ``asked``, best first.

    Ties go to the earlier paragraph. A score is at most 1 + LEXICAL + DATE.
    """
    if not len(asked.token_ids):
        return []
    allowed = _allowed(index, scope)
    words = tokenize(question)
    dense = _dense(index, asked, allowed)
    documents = None if allowed is None else {index.document_of(each) for each in allowed}
    lexical = [found for found, _ in index.lexical.search(words, CANDIDATES, documents)]
    weights = _token_weights(index, asked)
    scored = _scored(index, question, words, asked, weights, {*dense, *lexical})
    if allowed is not None:
        scored = [each for each in scored if each.paragraph in allowed]
    by_interaction = sorted(scored, key=lambda each: (-each.interaction, each.paragraph))
    hits = []
    for each in sorted(scored, key=lambda each: (-each.score, each.paragraph))[:k]:
        document, paragraph = index.paragraph(each.paragraph)
        best = int(np.argmax(each.sentences @ weights))
        why = Why(
            dense_rank=_rank(dense, each.paragraph),
            lexical_rank=_rank(lexical, each.paragraph),
            interaction_rank=by_interaction.index(each) + 1,
            matches=_matches(index, question, asked, weights, each.paragraph, paragraph.text),
        )
        hits.append(Hit(document, paragraph, paragraph.sentences[best], each.score, why))
    return hits


def _allowed(index: Index, scope: Scope) -> Set[int] | None:
    """The numbers of the paragraphs in ``scope``; None if that is all of them."""
    if not scope:
        return None
    documents = (
        number for number, document in enumerate(index.documents) if scope.includes(document)
    )
    allowed = {each for document in documents for each in index.paragraphs_of(document)}
    for phrase in scope.phrases:
        wanted = phrase.casefold()
        allowed &= {
            each
            for each in index.lexical.having_all(tokenize(phrase))
            if each in allowed and wanted in index.paragraph(each)[1].text.casefold()
        }
    return allowed


def _dense(index: Index, asked: Encoding, allowed: Set[int] | None) -> list[int]:
    """Paragraphs by cosine; those of a document whose title is found take the title's place."""
    parameters = faiss.SearchParameters()
    if allowed is not None:
        titles = {index.title_of(index.document_of(each)) for each in allowed}
        parameters.sel = faiss.IDSelectorBatch(np.array([*allowed, *titles], dtype=np.int64))
    wanted = min(CANDIDATES, index.vectors.ntotal)
    _, found = index.vectors.search(asked.vector[np.newaxis], wanted, params=parameters)
    ranking: dict[int, None] = {}
    for text in found[0].tolist():
        if 0 <= text < index.manifest.paragraphs:
            ranking[text] = None
        elif text >= 0:
            ranking |= dict.fromkeys(index.paragraphs_of_title(text)[: 2 * NEIGHBOURS])
    return list(ranking)


def _scored(
    index: Index,
    question: str,
    words: list[str],
    asked: Encoding,
    weights: FloatArray,
    candidates: Set[int],
) -> list[_Scored]:
    """The candidates and the paragraphs around them, in order."""
    runs = list(_runs(index, candidates))
    documents = {index.document_of(run.start) for run in runs}
    bm25 = dict(index.lexical.search(words, sum(map(len, runs)), documents))
    ceiling = index.lexical.ceiling(words)
    named = dates_in(question)
    scored = []
    for run in runs:
        number = index.document_of(run.start)
        title_number = index.title_of(number)
        title, _ = index.tokens.closest(asked.tokens, title_number, title_number + 1)
        sentences, starts = index.tokens.closest(asked.tokens, run.start, run.stop)
        sentences = np.maximum(sentences, title)
        local = np.maximum.reduceat(sentences, starts, axis=0)
        near = local.copy()
        for step in range(1, min(NEIGHBOURS + 1, len(run))):
            near[step:] = np.maximum(near[step:], local[:-step])
            near[:-step] = np.maximum(near[:-step], local[step:])
        interaction = (LOCAL * local + (1 - LOCAL) * near) @ weights
        date = DATE * date_evidence(named, index.documents[number].date) if named else 0.0
        for place, own in enumerate(np.split(sentences, starts[1:])):
            paragraph = run[place]
            lexical = LEXICAL * bm25.get(paragraph, 0.0) / max(ceiling, 1e-12)
            seen = float(interaction[place])
            scored.append(_Scored(paragraph, own, seen, seen + lexical + date))
    return scored


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


def _token_weights(index: Index, asked: Encoding) -> FloatArray:
    """The share of each token of the question: the square root of its inverse text frequency."""
    texts = len(index.tokens)
    known = index.frequencies[np.minimum(asked.token_ids, len(index.frequencies) - 1)]
    found = np.where(asked.token_ids < len(index.frequencies), known, 0)
    weights = np.sqrt(np.log(1 + (texts - found + 0.5) / (found + 0.5)))
    return np.asarray(weights / weights.sum(), dtype=np.float32)


def _matches(
    index: Index,
    question: str,
    asked: Encoding,
    weights: FloatArray,
    paragraph: int,
    text: str,
) -> tuple[Match, ...]:
    """The pairs of words that speak most for the paragraph, strongest first."""
    tokens = index.tokens[paragraph]
    if not len(tokens.ids):
        return ()
    cosines = (tokens.vectors.astype(np.float32) @ asked.tokens.T) / tokens.lengths[:, np.newaxis]
    closest = cosines.argmax(axis=0)
    share = cosines.max(axis=0) * weights
    matches: dict[tuple[str, str], Match] = {}
    for token in np.argsort(-share, kind="stable").tolist():
        mine = _word_at(question, *asked.spans[token])
        theirs = _word_at(text, *tokens.spans[closest[token]])
        cosine = float(cosines[closest[token], token])
        matches.setdefault((mine, theirs), Match(mine, theirs, round(cosine, 4)))
    return tuple(matches.values())[:_MATCHES]


def _word_at(text: str, start: int, end: int) -> str:
    """The whole word that has the token at ``start`` to ``end`` in it."""
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    return text[start:end]


def _rank(ranking: list[int], paragraph: int) -> int | None:
    return ranking.index(paragraph) + 1 if paragraph in ranking else None
