"""An encoder whose vectors can be worked out by hand, so that exact numbers can be asserted.

A token is a word; its vector points along the axis of its first letter, a to z, or along a last,
27th axis for any other character. A text's vector is the sum of its tokens', made a unit vector.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from assistant.encoder import Encoding

AXES = 27


def axis(word: str) -> int:
    letter = word[0]
    return ord(letter.lower()) - ord("a") if letter.isascii() and letter.isalpha() else AXES - 1


class ToyEncoder:
    """Counts what it is asked to encode in ``seen``."""

    def __init__(self, name: str = "toy", fingerprint: str = "toy-weights") -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.seen: list[str] = []
        self.runtime = "by hand"

    def load(self, *, question: bool = False) -> None:
        """Nothing to do."""

    def encode(self, texts: Iterable[str], *, question: bool = False) -> Iterator[Encoding]:
        for text in texts:
            self.seen.append(text)
            words = list(re.finditer(r"\w+", text))
            ids = np.array([axis(word[0]) for word in words], dtype=np.int32)
            tokens = np.eye(AXES, dtype=np.float32)[ids]
            total = tokens.sum(axis=0)
            yield Encoding(
                vector=total / max(float(np.linalg.norm(total)), 1e-12),
                tokens=tokens,
                token_ids=ids,
                spans=np.array([word.span() for word in words], dtype=np.int32).reshape(-1, 2),
            )
