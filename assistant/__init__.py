"""Ask official readouts, and be answered in their own words.

    from assistant import retrieve
    for hit in retrieve("Does the treaty cover the Senkaku Islands?"):
        print(hit.sentence.text)

The public names are those in ``__all__``. They are imported when first used, so that importing the
package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistant.citations import Style, cite
    from assistant.errors import ReadoutError
    from assistant.library import Library, answer, retrieve
    from assistant.types import (
        Answer,
        BuildReport,
        Document,
        Heading,
        Hit,
        Match,
        Mode,
        Outcome,
        PageStart,
        Paragraph,
        Problem,
        Quote,
        Scope,
        Sentence,
        Verification,
        Why,
    )

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "BuildReport",
    "Document",
    "Heading",
    "Hit",
    "Library",
    "Match",
    "Mode",
    "Outcome",
    "PageStart",
    "Paragraph",
    "Problem",
    "Quote",
    "ReadoutError",
    "Scope",
    "Sentence",
    "Style",
    "Verification",
    "Why",
    "answer",
    "cite",
    "retrieve",
]

_MODULES = {"Library": "library", "answer": "library", "retrieve": "library"}
_MODULES |= {"ReadoutError": "errors", "Style": "citations", "cite": "citations"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'types')}"), name)
