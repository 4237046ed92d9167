"""A trained reader: where in a passage the answer to a question would stand, and whether it does.

It marks the answer inside what retrieval quotes, and is most of what tells an answer from a passage
that only talks about the same thing. How it was trained is in ``training/README.md``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.encoder import DEFAULT_MODEL, file_sha256, model_folder, tokenizer_in
from assistant.errors import EncoderError
from assistant.windows import Passage, Windows, best_span

if TYPE_CHECKING:
    from assistant.network import Network

WEIGHTS = Path(__file__).with_name("reader.safetensors")
WEIGHTS_SHA256 = "920511d28501f98417e1f8ab25cd353ffd0d617c8c160011134307284f550fa1"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader makes of one passage.

    ``start`` and ``end`` are offsets into the passage's text of the best span, equal if it has no
    words. ``span`` is that span's margin over there being none, ``answerable`` says whether the
    passage answers; both are logits, higher surer, and neither is calibrated.
    """

    start: int
    end: int
    span: float
    answerable: float


NOTHING = Reading(0, 0, -20.0, -20.0)  # of a passage without words


class Reader:
    """Loaded when first used; threads may share it."""

    def __init__(self, base: Path, weights: Path) -> None:
        self._base = base
        self._weights = weights
        self._lock = threading.Lock()
        self._loaded: tuple[Windows, Network] | None = None

    def load(self) -> None:
        """Load the weights now; otherwise they are loaded when first used."""
        self._load()

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        """A reading of each passage, in order."""
        windows_of, network = self._load()
        windows = [
            (number, window)
            for number, passage in enumerate(passages)
            for window in windows_of.of(question, passage)
        ]
        windows.sort(key=lambda each: -len(each[1].ids))  # so that no core is left with a long one
        readings = [NOTHING] * len(passages)
        for (number, window), (start, end, answerable) in zip(
            windows, network.read([window for _, window in windows]), strict=True
        ):
            span = best_span(start, end, window)
            if span and answerable > readings[number].answerable:
                readings[number] = Reading(*span, answerable)
        return readings

    def _load(self) -> tuple[Windows, Network]:
        with self._lock:
            if self._loaded is None:
                from assistant.network import Network  # and with it OpenVINO

                network = Network(self._base / "model.safetensors", self._weights)
                self._loaded = Windows(tokenizer_in(self._base)), network
            return self._loaded


@lru_cache(maxsize=4)
def load_reader(weights: Path = WEIGHTS, sha256: str = WEIGHTS_SHA256) -> Reader | None:
    """The reader, or None, with a warning logged, if its weights are missing or altered.

    The base weights are those of the default encoder, which checks them.
    """
    try:
        base = model_folder(DEFAULT_MODEL)
        found = file_sha256(weights)
    except (OSError, EncoderError) as error:
        _log.warning("the reader is off, answers rest on the ranking alone: %s", error)
        return None
    if found != sha256:
        _log.warning(
            "the reader is off, answers rest on the ranking alone: %s has been altered "
            "(SHA-256 %s); reinstall readout-assistant",
            weights,
            found,
        )
        return None
    return Reader(base, weights)
