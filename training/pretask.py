"""Questions made from plain paragraphs: from them the reader learns what an answer is.

A fact of a sentence (a sum, a name, what was discussed, ...) is cut out and asked for in a noisy,
question-like order of the sentence's other words. The unanswerable ones ask for a fact whose
sentence or words were removed, of another document that names the same people, for a kind of fact
that isn't there, about a foreign topic, or with one telling word changed.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.encoder import FloatArray
from assistant.windows import STOP_WORDS, Passage

_NUMBER = (
    r"(?:\d[\d,.]*\d|\d|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty"
    r"|thirty|forty|fifty|sixty|ninety|hundreds|thousands|millions)"
)
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
)
_KINDS: list[tuple[str, re.Pattern[str]]] = [
    (
        "money",
        re.compile(
            r"(?:more than |nearly |up to |over |approximately )?\$\d[\d,.]*"
            r"(?: (?:million|billion|trillion))?"
        ),
    ),
    ("percent", re.compile(_NUMBER + r"(?: percent|%)")),
    (
        "duration",
        re.compile(_NUMBER + r"[- ](?:minute|hour|day|week|month|year|decade)s?\b(?! (?:ago|old))"),
    ),
    (
        "date",
        re.compile(
            rf"{_MONTH}(?: \d{{1,2}})?(?:, \d{{4}})?(?: \d{{4}})?"
            r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|\b(?:19|20)\d\d\b"
            r"|next (?:week|month|year)|later this (?:week|month|year)"
        ),
    ),
    ("number", re.compile(rf"\b{_NUMBER}\b")),
    (
        "name",
        re.compile(r"(?:[A-Z][\w’'.&-]*)(?: (?:(?:of|the|for|and|de|al) )*[A-Z][\w’'.&-]*)*"),
    ),
]
_ASKING = {
    "money": [
        "how much", "how much money", "what amount", "what sum", "how many dollars",
        "what dollar figure",
    ],
    "percent": ["what percentage", "what share", "how much", "what percent"],
    "duration": ["how long", "for how long", "how much time", "what length"],
    "date": ["when", "what date", "on which date", "when exactly", "what day"],
    "number": ["how many", "what number of"],
    "person": ["who", "whom", "which official", "which leader"],
    "place": ["where", "in which place", "which country", "in what location"],
    "name": ["what", "which", "who", "whose"],
    "clause": ["what", "what did", "which", "how"],
}  # fmt: skip
_WEIGHTS = {
    "money": 3, "percent": 2, "duration": 3, "date": 2, "number": 2, "person": 2, "place": 2,
    "name": 2, "clause": 4,
}  # fmt: skip
_VERB = re.compile(
    r"\b(discuss|underscor|emphasiz|reaffirm|reiterat|welcom|condemn|express|rais|not|highlight"
    r"|stress|affirm|urg|announc|review|commend|thank|agree|pledg|offer|support|includ|call|invit"
    r"|explor|outlin|acknowledg|address|commit|convey|describ|provid|launch|consider|propos"
    r"|establish|creat|develop|requir|receiv|introduc|produc|reject|form)(?:ed|d|ted|s|ing)\b"
    r"( (?:on|to|that|for|about|upon|the need to|the importance of))?"
)
_CLAUSE_END = re.compile(r"[,;:.()—–]| as well as | which | while | during | following ")
_PERSON = re.compile(
    r"^(?:President|Prime|Vice|Secretary|Minister|Mr|Ms|Mrs|Dr|King|Queen|Chancellor|Ambassador"
    r"|General|Senator|Director|Governor|Administrator)\b"
)
_TITLES = frozenset(
    "President Secretary Administrator Minister Senator Director Vice Well Madam".split()
) | {"Vice President", "Prime Minister", "The President"}
_NOT_NAMES = ("Readout", "Remarks", "The", "President", "Fact", "Sheet")
_ARTICLE = re.compile(r"(?:Article|Section|Sec\.|Title|Part|No\.) ?$")
_DANGLING = re.compile(r"(?: (?:for|in|on|at|of|by|to|over|from|with|and|than|about|the|a|an))+ ?$")
_DISCUSS = [
    "discuss", "talk about", "raise", "bring up", "mention", "address", "touch on",
    "say anything about", "take up", "speak about",
]  # fmt: skip
_PLACED = ["by", "in", "with", "per", "for", "according to", "during"]
_BE = ["did", "was", "is", "will", "does", "were"]
_ABSENT = ("money", "duration", "date", "number", "percent", "place", "person")
_SENTENCE = re.compile(r"[^.!?]+(?:[.!?](?!\s+[A-Z“])[^.!?]*)*[.!?]*[”’\"]*\s*")


@dataclass(frozen=True, slots=True)
class Source:
    """A paragraph, the document it is from, and the words that place it: its title and date."""

    document: str
    title: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Made:
    """A question, and the characters of the passage that answer it, or None."""

    question: str
    passage: Passage
    answer: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class _Fact:
    """A kind of fact, where it stands in its paragraph, and where its sentence does."""

    kind: str
    start: int
    end: int
    sentence_start: int
    sentence_end: int


class Synonyms:
    """Near words by the base model's own input embeddings: a stand-in for paraphrase."""

    def __init__(self, vocabulary: Sequence[str], vectors: FloatArray) -> None:
        self._numbers = {
            word: number
            for number, word in enumerate(vocabulary)
            if word.isalpha() and len(word) > 3
        }
        self._words = list(vocabulary)
        self._unit = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)
        self._known = np.array(sorted(self._numbers.values()))
        self._cache: dict[str, list[str]] = {}

    def near(self, word: str) -> list[str]:
        """At most six, nearest first."""
        if word not in self._cache:
            near: list[str] = []
            number = self._numbers.get(word)
            if number is not None:
                cosines = self._unit[self._known] @ self._unit[number]
                top = self._known[np.argsort(-cosines)[1:7]]
                near = [
                    self._words[each]
                    for each in top
                    if self._unit[each] @ self._unit[number] > 0.45
                ]
            self._cache[word] = near
        return self._cache[word]


class Maker:
    """Makes questions; all its choices come from the random numbers it is given."""

    def __init__(
        self, sources: Sequence[Source], synonyms: Synonyms, choices: random.Random
    ) -> None:
        self._sources, self._synonyms, self._choices = sources, synonyms, choices
        self._by_document: dict[str, list[Source]] = defaultdict(list)
        self._naming: dict[str, list[Source]] = defaultdict(list)
        self._facts: dict[str, list[str]] = defaultdict(list)
        self._topics: list[str] = []
        for source in sources:
            self._by_document[source.document].append(source)
            for name in _names(source.title):
                self._naming[name].append(source)
        for source in choices.sample(list(sources), min(6000, len(sources))):
            for kind, start, end in _facts(source.text, 0, len(source.text)):
                pool = self._topics if kind == "clause" else self._facts[kind]
                pool.append(source.text[start:end])

    def make(self, count: int, negative: float = 0.42) -> list[Made]:
        """``count`` questions, of which about the share ``negative`` is unanswerable."""
        made: list[Made] = []
        while len(made) < count:
            source = self._choices.choice(self._sources)
            each = self._example(source, self._choices.random() < negative)
            if each is not None:
                words = each.question.lower().rstrip("?").split()
                if sum(word not in STOP_WORDS for word in words) >= 4:
                    made.append(each)
        return made

    def _example(self, source: Source, negative: bool) -> Made | None:
        choices, text = self._choices, source.text
        by_kind: dict[str, list[_Fact]] = defaultdict(list)
        for start, end in (match.span() for match in _SENTENCE.finditer(text) if match[0].strip()):
            if end - start > 40:
                for kind, first, last in _facts(text, start, end):
                    by_kind[kind].append(_Fact(kind, first, last, start, end))
        if not by_kind:
            return None
        kinds = list(by_kind)
        kind = choices.choices(kinds, [_WEIGHTS[each] for each in kinds])[0]
        fact = choices.choice(by_kind[kind])
        if not negative:
            question = self._finish(self._ask(source, fact))
            return Made(question, Passage(text, source.place), (fact.start, fact.end))
        way = choices.random()
        if way < 0.17:
            return self._without_sentence(source, fact)
        if way < 0.32:
            return self._of_another_document(source, fact)
        if way < 0.47 and fact.kind not in ("clause", "name"):
            return self._without_fact(source, fact)
        if way < 0.7:
            return self._of_absent_kind(source, fact)
        if fact.kind == "clause" and choices.random() < 0.5 and self._topics:
            return self._of_foreign_topic(source, fact)
        return self._with_changed_word(source, fact)

    def _without_sentence(self, source: Source, fact: _Fact) -> Made | None:
        """The fact's sentence is gone, or it is another paragraph of the same document."""
        siblings = [each for each in self._by_document[source.document] if each.text != source.text]
        question = self._finish(self._ask(source, fact))
        if siblings and self._choices.random() < 0.6:
            return Made(question, Passage(self._choices.choice(siblings).text, source.place), None)
        rest = (source.text[: fact.sentence_start] + source.text[fact.sentence_end :]).strip()
        return Made(question, Passage(rest, source.place), None) if len(rest) > 80 else None

    def _of_another_document(self, source: Source, fact: _Fact) -> Made | None:
        """The passage is from another document that names the same people."""
        names = _names(source.title)
        if not names:
            return None
        other = self._choices.choice(self._naming[self._choices.choice(names)])
        words = " ".join(source.text[fact.start : fact.end].split())
        if other.place == source.place or words.lower() in other.text.lower():
            return None
        question = self._finish([*self._ask(source, fact), *placing(source, self._choices)])
        return Made(question, Passage(other.text, other.place), None)

    def _without_fact(self, source: Source, fact: _Fact) -> Made:
        """The fact is gone from its sentence."""
        question = self._finish(self._ask(source, fact))
        left = _DANGLING.sub(" ", source.text[: fact.start])
        right = source.text[fact.end :]
        text = left.rstrip() + right if right[:1] in ".,;" else left + right.lstrip()
        return Made(question, Passage(text, source.place), None)

    def _of_absent_kind(self, source: Source, fact: _Fact) -> Made | None:
        choices, text = self._choices, source.text
        start, end = fact.sentence_start, fact.sentence_end
        present = {kind for kind, *_ in _facts(text, start, end)}
        absent = [each for each in _ABSENT if each not in present]
        if not absent:
            return None
        cut = max(start, text.rfind(" ", start, choices.randint(start, end)))
        kind = choices.choice(absent)
        missing = _Fact(kind, cut, cut, start, end)
        asked = self._ask(source, missing, choices.choice(_ASKING[kind]))
        return Made(self._finish(asked), Passage(text, source.place), None)

    def _of_foreign_topic(self, source: Source, fact: _Fact) -> Made | None:
        choices, text = self._choices, source.text
        topic = choices.choice(self._topics)
        if topic.lower() in text.lower():
            return None
        before = text[fact.sentence_start : fact.start].split()
        who = self._noisy(before[-choices.randint(2, 6) : -1])[:5]
        words = ["did", *who, choices.choice(_DISCUSS)]
        words += self._noisy(topic.split()[: choices.randint(2, 8)])
        words += placing(source, self._choices)
        return Made(self._finish(words), Passage(text, source.place), None)

    def _with_changed_word(self, source: Source, fact: _Fact) -> Made | None:
        """One telling word of the question is changed."""
        choices, text = self._choices, source.text
        words = self._ask(source, fact)
        places = [
            place
            for place, word in enumerate(words)
            if word.lower() not in STOP_WORDS and word.lower() in text.lower() and place > 0
        ]
        if not places:
            return None
        place = choices.choice(places)
        word = words[place]
        if word[:1].isdigit():
            new = choices.choice(self._facts["number"])
        elif word[:1].isupper():
            new = choices.choice(self._facts["name"])
        else:
            new = choices.choice(choices.choice(self._topics).split()).lower()
            if choices.random() < 0.5 and (near := self._synonyms.near(word)):
                if len(near) < 3:
                    return None
                words[place] = "not" if choices.random() < 0.2 else new
                return Made(self._finish(words), Passage(text, source.place), None)
        if new.lower() in text.lower() or new.lower() in STOP_WORDS:
            return None
        words[place] = new
        return Made(self._finish(words), Passage(text, source.place), None)

    def _ask(self, source: Source, fact: _Fact, asking: str | None = None) -> list[str]:
        """The words of a question for ``fact``."""
        choices, text = self._choices, source.text
        before = text[fact.sentence_start : fact.start].split()
        after = text[fact.end : fact.sentence_end].split()
        if fact.kind == "clause" and choices.random() < 0.45:  # yes or no
            who = ["they"]
            if len(before) > 2:
                who = self._noisy(before[-choices.randint(2, 6) : -1])[:5]
            topic = text[fact.start : fact.end].split()
            words = ["did", *who, choices.choice(_DISCUSS)]
            words += self._noisy(topic[: choices.randint(2, 9)], 0.8)
            return words + placing(source, self._choices)
        left, right = before[-choices.randint(3, 10) :], after[: choices.randint(2, 9)]
        left, right = self._noisy(left), self._noisy(right)
        if len(left) + len(right) < 4:
            left = self._noisy(before, 1.0)[-10:]
            right = self._noisy(after, 1.0)[:8]
        words = (asking or choices.choice(_ASKING[fact.kind])).split()
        if choices.random() < 0.4 and words[-1] != "did":
            words += [choices.choice(_BE)]
        form = choices.random()
        if form < 0.5:
            turned = choices.random() < 0.5 and fact.kind in ("number", "person", "name")
            body = words + right + left if turned else words + left + right
        elif form < 0.8:
            body = words + right + left
        else:
            body = left + words + right
        extra = placing(source, self._choices) if choices.random() < 0.4 else []
        return extra + body if choices.random() < 0.3 else body + extra

    def _noisy(self, words: Sequence[str], keep: float = 0.78) -> list[str]:
        """The words in lower case, some dropped, some replaced by near ones."""
        choices = self._choices
        kept = []
        for word in words:
            low = word.lower().strip('.,;:()“”"')
            if not low:
                continue
            if low in STOP_WORDS:
                if choices.random() < 0.6:
                    kept.append(low)
            elif choices.random() < keep:
                capital = low[:1].upper() == word[:1]
                if not capital and choices.random() < 0.4 and (near := self._synonyms.near(low)):
                    low = choices.choice(near)
                elif not capital and choices.random() < 0.2 and low.endswith("ed"):
                    low = low[:-2] if choices.random() < 0.5 else low[:-1]
                kept.append(low)
        return kept

    def _finish(self, words: Sequence[str]) -> str:
        text = " ".join(words)
        return text[:1].upper() + text[1:] + "?" if self._choices.random() < 0.9 else text


def placing(source: Source, choices: random.Random) -> list[str]:
    """Words that place a question: who met, and when; perhaps none."""
    names = _names(source.title)
    words = []
    if names and choices.random() < 0.6:
        words.append(choices.choice(_PLACED))
        words += choices.sample(names, min(len(names), choices.randint(1, 2)))
    if choices.random() < 0.5 and (day := re.search(r"\((\w+) \d+, (\d{4})\)", source.place)):
        words += ["in", day[1], day[2]] if choices.random() < 0.6 else ["in", day[2]]
    return words


def _names(title: str) -> list[str]:
    return [each for each in re.findall(r"[A-Z][a-z]+", title) if each not in _NOT_NAMES]


def _facts(text: str, start: int, end: int) -> list[tuple[str, int, int]]:
    """Kind, start and end of the facts between ``start`` and ``end``; clauses last."""
    facts: list[tuple[str, int, int]] = []
    taken: list[tuple[int, int]] = []
    for kind, pattern in _KINDS:
        for match in pattern.finditer(text, start, end):
            first, last = match.span()
            while last > first and text[last - 1] in ".,’'":
                last -= 1
            words = text[first:last]
            opening = first == start and " " not in words
            if kind == "name" and (opening or words.lower() in STOP_WORDS or len(words) < 3):
                continue
            if words in _TITLES:
                continue
            if kind == "number" and _ARTICLE.search(text[max(0, first - 9) : first]):
                continue
            if last <= first or any(first < stop and begun < last for begun, stop in taken):
                continue
            taken.append((first, last))
            facts.append(
                (_name_kind(text, start, first, words) if kind == "name" else kind, first, last)
            )
    for match in _VERB.finditer(text, start, end):
        first = match.end() + 1
        stop = _CLAUSE_END.search(text, first, end)
        last = min(stop.start() if stop else end, end)
        parts = text[first:last].split()
        if len(parts) >= 2:
            if len(parts) > 18:
                last = first + len(" ".join(parts[:18]))
            while last > first and text[last - 1] in " .,":
                last -= 1
            facts.append(("clause", first, last))
    return facts


def _name_kind(text: str, start: int, first: int, words: str) -> str:
    if _PERSON.match(words):
        return "person"
    before = text[max(start, first - 8) : first].split()
    return "place" if before and before[-1] in ("in", "at", "from", "near") else "name"
