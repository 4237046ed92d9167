"""A question and a passage as the reader's input: windows of tokens that know what they match.

A window holds the question, the words that place the passage (its document's title and date) and as
much of the passage as fits; longer passages get several windows that overlap. Beside its id each
token carries how its word relates to the other side, which spares the model learning to compare.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from assistant.types import Document, Paragraph

MAXIMUM_TOKENS = 256
_QUESTION_TOKENS = 64
_PLACE_TOKENS = 40
_STRIDE = 96
_CLS, _SEP = 101, 102  # in the vocabulary of all-MiniLM-L6-v2
_LONGEST_ANSWER = 48  # tokens
MATCHES = 7  # kinds of match
# A question's word stands in the passage, or its stem does, or it is in the title only, or nowhere;
# a passage's word stands in the question, or its stem does.
_NONE, _ASKED_WORD, _ASKED_STEM, _ASKED_PLACE, _ASKED_NOWHERE, _GIVEN_WORD, _GIVEN_STEM = range(7)

WORD = re.compile(r"\w+")
STOP_WORDS = frozenset(
    "a an the of to in on at by for from with about into over under as and or but if than that "
    "this these those it its is are was were be been being do does did done has have had having "
    "will would shall should can could may might must not no nor so such there their they them he "
    "him his she her hers we us our you your i my me what which who whom whose when where why how "
    "many much long any some s t".split()
)
_SUFFIXES = "ations ation ments ment ings ing ies ied ed es s ly e y".split()


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph's text and the words that place it."""

    text: str
    place: str = ""

    @classmethod
    def of(cls, document: Document, paragraph: Paragraph) -> Passage:
        """The paragraph as the reader reads it."""
        return cls(paragraph.text, place(document.title, document.date))


@dataclass(frozen=True, slots=True)
class Window:
    """One input of the model.

    ``ids``, ``segments`` and ``matches`` are as long as each other; ``offsets`` are where the
    passage's tokens stand in its text, and ``first`` is the place of the first of these in ``ids``.
    """

    ids: list[int]
    segments: list[int]
    matches: list[int]
    offsets: list[tuple[int, int]]
    first: int


def place(title: str, day: date | None) -> str:
    """A document's title with its date as the training texts write it: ``Call (April 2, 2024)``."""
    return f"{title} ({day:%B} {day.day}, {day.year})" if day else title


def stem(word: str) -> str:
    """A crude stem, enough to let "discussed" meet "discuss" and "talks" meet "talk"."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


class Windows:
    """Makes windows with the tokenizer of the base model, which neither pads nor truncates."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def of(self, question: str, passage: Passage) -> list[Window]:
        """The windows over ``passage``, in order; at least one."""
        asked_ids, _, asked_words = self._tokens(question)
        asked_ids, asked_words = asked_ids[:_QUESTION_TOKENS], asked_words[:_QUESTION_TOKENS]
        place_ids, _, place_words = self._tokens(passage.place)
        place_ids, place_words = place_ids[:_PLACE_TOKENS], place_words[:_PLACE_TOKENS]
        ids, offsets, words = self._tokens(passage.text)
        head = [_CLS, *asked_ids, _SEP, *place_ids, _SEP]
        room = MAXIMUM_TOKENS - len(head) - 1
        starts = [0]
        while starts[-1] + room < len(ids):
            starts.append(starts[-1] + _STRIDE)
        content = {each for each in asked_words if _counts(each)}
        stems = {stem(each) for each in content}
        place_stems = {stem(each) for each in place_words}
        windows = []
        for start in starts:
            own = words[start : start + room]
            text, text_stems = set(own), {stem(each) for each in own}
            all_ids = [*head, *ids[start : start + room], _SEP]
            matches = [
                _NONE,
                *(_asked(each, text, text_stems, place_stems) for each in asked_words),
                _NONE,
                *(_given(each, content, stems) for each in place_words),
                _NONE,
                *(_given(each, content, stems) for each in own),
                _NONE,
            ]
            asked = len(asked_ids) + 2
            segments = [0] * asked + [1] * (len(all_ids) - asked)
            here = offsets[start : start + room]
            windows.append(Window(all_ids, segments, matches, here, len(head)))
        return windows

    def _tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]], list[str]]:
        """Ids, offsets and, in lower case, the words that the tokens begin in or are part of."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        spans = [(each.start(), each.end(), each[0].lower()) for each in WORD.finditer(text)]
        words = [""] * len(encoding.ids)
        current = 0
        for token, (start, _) in enumerate(encoding.offsets):
            while current < len(spans) and spans[current][1] <= start:
                current += 1
            if current < len(spans) and spans[current][0] <= start:
                words[token] = spans[current][2]
        return encoding.ids, encoding.offsets, words


def best_span(
    start: npt.NDArray[np.float32], end: npt.NDArray[np.float32], window: Window
) -> tuple[int, int, float] | None:
    """Where the best span stands in the passage, and its margin over there being none.

    ``start`` and ``end`` are logits, one a token of the window or more. None if the window has
    nothing of the passage.
    """
    count = len(window.offsets)
    if not count:
        return None
    own = slice(window.first, window.first + count)
    scores = start[own, None] + end[None, own]
    places = np.arange(count)
    length = places[None] - places[:, None]
    scores[(length < 0) | (length >= _LONGEST_ANSWER)] = -np.inf
    begin, last = np.unravel_index(int(scores.argmax()), scores.shape)
    margin = float(scores[begin, last] - start[0] - end[0])
    return window.offsets[begin][0], window.offsets[last][1], margin


def _counts(word: str) -> bool:
    return bool(word) and word not in STOP_WORDS


def _asked(word: str, text: Set[str], text_stems: Set[str], place_stems: Set[str]) -> int:
    if not _counts(word):
        return _NONE
    if word in text:
        return _ASKED_WORD
    if stem(word) in text_stems:
        return _ASKED_STEM
    return _ASKED_PLACE if stem(word) in place_stems else _ASKED_NOWHERE


def _given(word: str, content: Set[str], stems: Set[str]) -> int:
    if word in content:
        return _GIVEN_WORD
    return _GIVEN_STEM if _counts(word) and stem(word) in stems else _NONE
