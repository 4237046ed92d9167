"""Plain questions about topics: what a paragraph says about one, and ones it doesn't name.

They teach that words shared with the question speak for an answer, and that a topic which the
passage never names is not answered, however much else fits.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from assistant.windows import WORD, Passage, stem
from training.pretask import Made, Source, Synonyms, placing

_TOPICS = [
    *"""tariffs; trade; climate change; human rights; nuclear weapons; sanctions; fentanyl;
    fisheries; semiconductors; artificial intelligence; cybersecurity; migration; the
    border; refugees; counterterrorism; drugs; energy security; oil prices; natural gas;
    food security; grain exports; supply chains; critical minerals; vaccines; the pandemic;
    health care; education; space; quantum technology; infrastructure; investment; taxes;
    inflation; currency; debt relief; corruption; democracy; elections; press freedom;
    women's rights; religious freedom; hostages; prisoners; humanitarian aid; a ceasefire;
    peace talks; arms sales; military aid; submarines; missile defense; air defense; joint
    exercises; troops; military bases; freedom of navigation; the South China Sea; Taiwan;
    Hong Kong; Tibet; Xinjiang; North Korea; abductions; Ukraine; NATO; Crimea; Belarus;
    Georgia; Nagorno-Karabakh; Syria; Iraq; Iran; Yemen; Gaza; the West Bank; Lebanon;
    Libya; Sudan; Ethiopia; Somalia; the Sahel; Haiti; Venezuela; Cuba; Nicaragua;
    Afghanistan; Myanmar; AUKUS; the Quad; the G7; the G20; APEC; ASEAN; the United Nations;
    the World Bank; steel; cars; beef; rice; tourism; visas; student exchanges; TikTok; 5G;
    railways; shipping; airlines; hydrogen; nuclear energy; deforestation; plastic
    pollution; wildfires; earthquakes; water; agriculture; labor rights; child care; gun
    violence; housing; abortion; student debt; small businesses; veterans; police reform;
    voting rights; broadband""".split(";")
]
TOPICS = [" ".join(each.split()) for each in _TOPICS]
_FORMS = [
    "What did they say about {}?", "What was said about {}?", "What about {}?", "And {}?",
    "Did {} come up?", "Was {} mentioned?", "Did they discuss {}?", "Did they talk about {}?",
    "What was agreed on {}?", "Is there anything on {}?", "Were {} raised?", "{}?", "{}",
    "What did the leaders say on {}?", "Did the two sides address {}?", "Was {} on the agenda?",
]  # fmt: skip
_NAME = re.compile(
    r"(?<![.!?“\"] )(?<!^)\b(?:the )?[A-Z][\w’-]+(?: (?:of |and |the )?[A-Z][\w’-]+){0,3}"
)
_NOT_TOPICS = re.compile(
    r"^(?:the )?(?:President|Vice|Secretary|Prime|Mr|Ms|Mrs|Dr|Ambassador|Minister|Today|White"
    r"|(?:Jan|Febr)uary|March|April|May|June|July|August|(?:Sept|Nov|Dec)ember|October|Administration)"
)
_SENTENCE = re.compile(r"[^.!?]+(?:[.!?](?!\s+[A-Z“])[^.!?]*)*[.!?]*[”’\"]*")


class Topics:
    """Makes questions about topics of ``sources``; all choices come from the random numbers."""

    def __init__(
        self, sources: Sequence[Source], synonyms: Synonyms, choices: random.Random
    ) -> None:
        self._sources, self._synonyms, self._choices = sources, synonyms, choices

    def make(self, count: int) -> list[Made]:
        """``count`` questions, half of them without an answer."""
        made: list[Made] = []
        while len(made) < count:
            source = self._choices.choice(self._sources)
            each = self._absent(source) if len(made) % 2 else self._present(source)
            if each is not None:
                made.append(each)
        return made

    def _present(self, source: Source) -> Made | None:
        text, low = source.text, source.text.lower()
        named = [each[0] for each in _NAME.finditer(text) if not _NOT_TOPICS.match(each[0])]
        listed = [each for each in TOPICS if each.removeprefix("the ").lower() in low]
        topics = [*named, *listed * 3]
        if not topics:
            return None
        topic = self._choices.choice(topics)
        at = low.find(topic.removeprefix("the ").lower())
        for match in _SENTENCE.finditer(text):
            if match.start() <= at < match.end():
                start, end = _clause(text, match.start(), match.end(), at)
                return Made(self._ask(source, topic), Passage(text, source.place), (start, end))
        return None

    def _absent(self, source: Source) -> Made | None:
        stems = {stem(each) for each in WORD.findall(f"{source.place} {source.text}".lower())}
        topic = self._choices.choice(TOPICS)
        for word in WORD.findall(topic.lower().removeprefix("the ")):
            if {stem(each) for each in (word, *self._synonyms.near(word))} & stems:
                return None
        return Made(self._ask(source, topic), Passage(source.text, source.place), None)

    def _ask(self, source: Source, topic: str) -> str:
        choices = self._choices
        if choices.random() < 0.1:
            topic = topic.lower()
        question = choices.choice(_FORMS).format(topic)
        if choices.random() < 0.4 and (words := placing(source, choices)):
            end = "?" if question.endswith("?") else ""
            question = f"{question.removesuffix('?')} {' '.join(words)}{end}"
        return question[:1].upper() + question[1:] if choices.random() < 0.9 else question


def _clause(text: str, start: int, end: int, at: int) -> tuple[int, int]:
    """The part of a sentence between commas that has the place ``at`` in it; all if it is short."""
    first = max(text.rfind(mark, start, at) for mark in (", ", "; ", ": "))
    stops = [each for each in (text.find(mark, at, end) for mark in (", ", "; ")) if each > 0]
    left = first + 2 if first > start else start
    right = min(stops, default=end)
    if len(text[left:right].split()) < 6:
        left, right = start, end
    while left < right and text[left].isspace():
        left += 1
    while right > left and text[right - 1] in " .\n":
        right -= 1
    return left, right
