"""Follow-up questions: seeing that one leans on what was said before, and making it stand alone.

"And how long did it last?" has no answer by itself. It is completed, not rewritten, so that a
person sees what was asked and what was added: the earlier question it goes back to, and the title
and date of the document quoted then, in brackets behind it. Everything here is rules over words,
set on the development parts of CANARD, of the TREC CAsT rewrites and of our readout questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.dates import MONTHS, When, dates_in
from assistant.lexical import tokenize

_OPENER = re.compile(
    r"^(?:and|but|or|so|also|then|(?:and |but )?(?:what|how) about|why(?: not)?\?|ok(?:ay)?)\b",
    re.I,
)
_MORE = re.compile(
    r"\b(?:too|as well|else|instead|either|likewise|the same|the others?|another one)\b\W*$", re.I
)
_SUBJECT = re.compile(r"\b(?:he|she|they|it|his|her|hers|its|their|theirs)\b", re.I)
_REFERS_WITHIN = re.compile(
    r"\b(?:which|what|whose|how many) \w+.* (?:its|their)\b"
    r"|\b(?:makes?|made|find|found|is|was) it \w+ (?:for|to|that)\b",
    re.I,
)
_OBJECT = re.compile(r"\b(?:him|them|this|these|those|such|latter|former)\b", re.I)
_THAT = re.compile(
    r"\bthat\W*$|^that\b"
    r"|\b(?:to|of|about|after|before|for|with|on|in|by|from|at|is|was|did|does|do) that\b"
    r"(?! \w+ (?:the|a)\b)"
    r"|\bthat (?:year|month|day|week|time|meeting|call|summit|visit|trip|deal|one|spring|summer"
    rf"|autumn|fall|winter|{'|'.join(MONTHS)})\b"
    r"|\bthere\W*$|\bit (?:last|happen|end|start|begin)\b",
    re.I,
)
_TOPIC = re.compile(r"\b(?:about|concerning|regarding)\b.*\w{4,}", re.I)
_SETTING = re.compile(r"(?:in|at|on|during|after|before)\b", re.I)
_NAME = re.compile(r"[A-ZÀ-Þ][\w.-]*(?:['’](?!s\b)\w+)?(?:\s+[A-ZÀ-Þ][\w.-]*)*")
_WORD = re.compile(r"[\w’'-]+")
_COMMON = frozenset(
    """
    a about according after all am an and any are as at be before between by can could did do does
    during each for from give had has have how i if in into is list many may me might more most
    much must name of on or per shall should show since so tell than that the their then there
    these they this those through to under until was we were what when where whether which while
    who whom whose why will with would you your he she it his her its them him us our say said come
    came up go went go got get make made take took happen happened mention mentioned discuss
    discussed talk talked long
    """.split()
)
_TITLE_START = re.compile(r"^Readout (?:of|from) (?:the )?")
_MAXIMUM_CONTENT = 3


@dataclass(frozen=True, slots=True)
class Standalone:
    """A question that stands alone: its own words and, in brackets, what history adds to them.

    ``dates`` are the times asked about: the question's own, else the history's, else those of the
    document quoted last.
    """

    question: str
    carried: str
    dates: tuple[When, ...]

    @property
    def text(self) -> str:
        """The whole of it, as it is searched and shown."""
        return f"{self.question} ({self.carried})" if self.carried else self.question


def alone(question: str) -> Standalone:
    """The question as one that needs no history."""
    return Standalone(question, "", dates_in(question))


def standalone(
    question: str, history: Sequence[str], title: str, words: frozenset[str]
) -> Standalone:
    """The question, completed from ``history`` if it needs that.

    ``history`` holds the earlier questions, oldest first, and ``title`` and ``words`` (tokens) are
    those of the document quoted to the last of them. Carried over are the last earlier question
    that stood alone, the one just before, and the title.
    """
    itself = alone(question)
    if not history or not (depends(question) or _continues(question, words)):
        return itself
    root = next((each for each in reversed(history) if not depends(each)), history[0])
    earlier = list(dict.fromkeys([root, history[-1]]))
    carried = " ".join([*earlier, _TITLE_START.sub("", title)]).strip()
    sources = [*reversed(earlier), title]
    dates = itself.dates or next(filter(None, map(dates_in, sources)), ())
    return Standalone(question, carried, dates)


def depends(question: str) -> bool:
    """Whether the question by its wording needs what was said before.

    It opens or closes as a continuation, points back at something unnamed, or is a fragment.
    """
    text = question.strip()
    if _OPENER.search(text) or _MORE.search(text) or _THAT.search(text):
        return True
    named = [match.start() for match in _NAME.finditer(text) if names(match[0])]
    if _OBJECT.search(text) and len(named) < 2:
        return True
    pronoun = _SUBJECT.search(text)
    if pronoun and not named and not _REFERS_WITHIN.search(text):
        return True
    if pronoun and named and pronoun.start() < named[0] and not _SETTING.match(text):
        return True
    fragment = len(_content(text)) <= 1 and not _TOPIC.search(text)
    return fragment and not named and not dates_in(text)


def names(question: str) -> list[str]:
    """Its runs of capitalised words, without common words that only begin a sentence."""
    found = []
    for match in _NAME.finditer(question):
        run = match[0].split()
        while run and run[0].casefold().strip(".") in _COMMON:
            run.pop(0)
        if run:
            found.append(" ".join(run))
    return found


def _continues(question: str, words: frozenset[str]) -> bool:
    """Whether a short question that names at most one thing goes on from the document quoted last.

    It does if that document has the thing too.
    """
    content, named = _content(question), names(question)
    if not content or len(content) > _MAXIMUM_CONTENT or len(named) > 1 or dates_in(question):
        return False
    return words.issuperset(tokenize(" ".join(named or content)))


def _content(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word.casefold() not in _COMMON]
