"""The reader's network as an OpenVINO graph: MiniLM over question and passage, with heads.

Importing this imports OpenVINO, so only the reader does, when it is first used. The weights are
those of all-MiniLM-L6-v2 as packaged, with what training learnt: low-rank updates (Hu et al., 2021)
of its linear layers, new norms, embeddings of what a token matches, and the heads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.graph import (
    IMPOSSIBLE,
    FloatArray,
    Weights,
    available_cores,
    bfloat16,
    compiled,
    constant,
    embeddings,
    encoder_layers,
    fastest_precision,
    linear,
    lookup,
    mapped_weights,
    parameter_of_words,
    places_of,
    real_tokens,
    width_of,
    word_table,
)
from assistant.rows import Table
from assistant.windows import Window

# After ``assistant.graph``, which keeps OpenVINO from reporting its use.
from openvino import Model  # isort: skip
from openvino import opset13 as op  # isort: skip


class Network:
    """The compiled network, as many windows at once as there are cores; threads may share it.

    One by one they take as long as in batches, and no padding, and less memory.
    """

    def __init__(self, base: Path, learnt: Path) -> None:
        precision = fastest_precision()
        self._words = word_table(base)
        cores = available_cores()
        self._workers = ThreadPoolExecutor(cores)
        self._own = threading.local()
        with mapped_weights(base) as original, mapped_weights(learnt) as changes:
            self._weights = merged(original, changes, precision)  # the graph uses them as they are
        self._model = compiled(graph_of(self._weights), precision, cores)

    def read(self, windows: Sequence[Window]) -> Iterator[tuple[FloatArray, FloatArray, float]]:
        """For each window, in order: start and end logits of its tokens, and answerability."""
        return self._workers.map(self._infer, windows)

    def _infer(self, window: Window) -> tuple[FloatArray, FloatArray, float]:
        if not hasattr(self._own, "request"):
            self._own.request = self._model.create_infer_request()
        found = self._own.request.infer(_inputs(window, self._words))
        return found[0][0], found[1][0], float(found[2][0])


def merged(base: Weights, learnt: Weights, precision: str) -> Weights:
    """``base`` with the low-rank updates of ``learnt`` added, and the rest of it put in.

    What is updated is in ``precision``, the rest in 32 bits.
    """
    weights = dict(base)
    for name, values in learnt.items():
        part, _, kind = name.rpartition(".")
        if kind == "up":
            update = values.astype(np.float32) @ learnt[f"{part}.down"].astype(np.float32)
            update += base[f"{part}.weight"]
            weights[f"{part}.weight"] = bfloat16(update) if precision == "bf16" else update
        elif kind != "down":
            weights[name] = values.astype(np.float32)
    return weights


def graph_of(weights: Weights) -> Model:
    """From windows, padded to one length, to logits.

    Inputs: the tokens' ``words``, shape (n, tokens, size), ``segments`` and ``matches``, shape
    (n, tokens); how many of these are a window's own, and the place of its passage's first, shape
    (n,). Outputs: logits that the answer starts and ends at a token, shape (n, tokens), where the
    first token stands for there being none, and that the passage answers, shape (n,).
    """
    words = parameter_of_words(weights)
    segments, matches = (op.parameter([-1, -1], np.int32, name) for name in ("segments", "matches"))
    lengths, first = (op.parameter([-1], np.int32, name) for name in ("lengths", "first"))
    places, impossible = places_of(words), constant(IMPOSSIBLE)
    place = op.unsqueeze(places, constant([0]))
    real = real_tokens(places, lengths)
    extra = lookup(weights["matches.weight"], matches)
    states = encoder_layers(embeddings(words, places, segments, weights, extra), real, weights)
    last = op.subtract(lengths, constant(np.int32(1)))
    passage = op.logical_and(
        op.greater_equal(place, op.unsqueeze(first, constant([1]))),
        op.less(place, op.unsqueeze(last, constant([1]))),
    )
    allowed = op.logical_or(passage, op.equal(place, constant(np.int32(0))))
    spans = op.split(linear(states, weights, "span"), constant(np.int64(2)), 2)
    start, end = (op.squeeze(each, constant([2])) for each in spans.outputs())
    inside = op.add(op.select(passage, start, impossible), op.select(passage, end, impossible))
    # Answerability is judged from the whole, the likely answer, and the question's tokens.
    likely = op.softmax(op.divide(inside, constant(np.float32(2))), 1)
    likely = op.unsqueeze(likely, constant([1]))
    focus = op.squeeze(op.matmul(likely, states, False, False), constant([1]))
    whole = op.gather(states, constant(np.int32(0)), constant(np.int64(1)))
    question = op.logical_and(op.equal(segments, constant(np.int32(0))), real)
    question = op.unsqueeze(question, constant([2]))
    asked = op.reduce_max(op.select(question, states, impossible), constant([1]))
    judged = linear(op.concat([whole, focus, asked], 1), weights, "hidden")
    answer = op.squeeze(linear(op.gelu(judged, "erf"), weights, "answer"), constant([1]))
    starts, ends = (op.select(allowed, each, impossible) for each in (start, end))
    return Model([starts, ends, answer], [words, segments, matches, lengths, first], "reader")


def _inputs(window: Window, words: Table[np.float32]) -> list[npt.NDArray[Any]]:
    tokens = np.zeros((3, 1, width_of(len(window.ids))), np.int32)
    for kind, values in enumerate((window.ids, window.segments, window.matches)):
        tokens[kind, 0, : len(values)] = values
    ids, segments, matches = tokens
    lengths, first = np.array([[len(window.ids)], [window.first]], np.int32)
    return [words[ids], segments, matches, lengths, first]
