"""BERT's layers as an OpenVINO graph, made from safetensors weights without torch.

OpenVINO computes in bfloat16 where the processor has instructions for it, else in 32 bits. The
graph is made anew in each process: that takes less time than reading a saved one.

Weights are named as in the published models, for instance
``encoder.layer.0.attention.self.query.weight``. Importing this imports OpenVINO, without the part
of it that sends usage data.
"""

from __future__ import annotations

import json
import mmap
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from assistant.rows import Rows, Table

# OpenVINO's conversion tools, which its package imports if it can and which nothing here needs,
# report each import to Google Analytics. With this entry, importing them fails.
sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]

from openvino import (  # noqa: E402
    CompiledModel,
    Core,
    Model,
    Node,
    Shape,
    Tensor,
    Type,
)
from openvino import opset13 as op  # noqa: E402

FloatArray: TypeAlias = npt.NDArray[np.float32]
# bfloat16 as unsigned numbers of its bits.
Weights: TypeAlias = Mapping[str, npt.NDArray[Any]]

HEADS = 12
IMPOSSIBLE = np.float32(-1e4)  # a logit
_WORDS = "embeddings.word_embeddings.weight"
_EPSILON = 1e-12
_TOKENS_APART = 8
_KINDS = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32}


@contextmanager
def mapped_weights(path: Path) -> Iterator[dict[str, FloatArray]]:
    """The tensors of a safetensors file, mapped from it rather than read.

    Afterwards they hold no memory, and are read again where they are still used. ValueError or
    KeyError if the file is none. https://github.com/huggingface/safetensors#format
    """
    start, header = _header(path)
    with path.open("rb") as file:
        # As if it could be written to, which OpenVINO demands.
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    data = np.frombuffer(content, np.uint8, offset=start)
    yield {
        name: data[slice(*each["data_offsets"])].view(_KINDS[each["dtype"]]).reshape(each["shape"])
        for name, each in header.items()
    }
    if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        content.madvise(mmap.MADV_DONTNEED)


def word_table(path: Path) -> Table[np.float32]:
    """What the graphs take for each token of a vocabulary, from the model's safetensors file.

    It is looked up outside of them: OpenVINO would hold all of it once more. ValueError or KeyError
    as with ``mapped_weights``.
    """
    start, header = _header(path)
    words = header[_WORDS]
    offset = start + words["data_offsets"][0]
    if words["dtype"] != "F32":
        raise ValueError(f"the words in {path} are {words['dtype']}, not F32")
    return Table(Rows(path, np.float32, tuple(words["shape"]), offset))


def _header(path: Path) -> tuple[int, dict[str, Any]]:
    """Where the tensors start in a safetensors file, and what is said of each."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > path.stat().st_size:
            raise ValueError(f"{path} is not a safetensors file")
        header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    return 8 + size, header


def constant(values: npt.ArrayLike) -> Node:
    """``values``, which must not change while the graph lives: floats are not copied."""
    array = np.asarray(values)
    return op.constant(array, shared_memory=array.size > 1)


def parameter_of_words(weights: Weights) -> Node:
    """The rows of the tokens in a ``word_table``: shape (n, tokens, size)."""
    return op.parameter([-1, -1, weights[_WORDS].shape[1]], np.float32, "words")


def lookup(table: FloatArray, numbers: Node) -> Node:
    """The rows of ``table`` with these ``numbers``, as an embedding."""
    return op.gather(constant(table), numbers, constant(np.int64(0)))


def linear(values: Node, weights: Weights, name: str) -> Node:
    """A linear layer: the tensors ``name.weight``, shape (outputs, inputs), and ``name.bias``.

    A weight in bfloat16 must live as long as the graph, which holds no reference to it.
    """
    weight = weights[f"{name}.weight"]
    if weight.dtype == np.uint16:
        shared = op.constant(Tensor(weight, Shape(weight.shape), Type.bf16), shared_memory=True)
        product = op.matmul(op.convert(values, "bf16"), shared, False, True)
        product = op.convert(product, "f32")
    else:
        product = op.matmul(values, constant(weight), False, True)
    return op.add(product, constant(weights[f"{name}.bias"]))


def bfloat16(values: FloatArray) -> npt.NDArray[np.uint16]:
    """``values``, which are lost, rounded to bfloat16: the upper halves of their bits."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    bits += 0x8000
    upper = int(sys.byteorder == "little")
    return np.ascontiguousarray(bits.view(np.uint16)[..., upper::2])


def norm(values: Node, weights: Weights, name: str) -> Node:
    """A layer norm over the last axis: the tensors ``name.weight`` and ``name.bias``."""
    normal = op.mvn(values, constant([-1]), True, _EPSILON, "inside_sqrt")
    scaled = op.multiply(normal, constant(weights[f"{name}.weight"]))
    return op.add(scaled, constant(weights[f"{name}.bias"]))


def places_of(words: Node) -> Node:
    """0, 1, 2, ... for the tokens of ``words``, shape (n, tokens, size)."""
    count = op.gather(op.shape_of(words, "i32"), constant(np.int32(1)), constant(np.int32(0)))
    return op.range(constant(np.int32(0)), count, constant(np.int32(1)), "i32")


def real_tokens(places: Node, lengths: Node) -> Node:
    """Which of the padded tokens are a text's own: shape (n, tokens), from ``lengths`` (n,)."""
    return op.less(op.unsqueeze(places, constant([0])), op.unsqueeze(lengths, constant([1])))


def embeddings(
    words: Node, places: Node, segments: Node | None, weights: Weights, extra: Node | None = None
) -> Node:
    """What goes into the first layer, shape (n, tokens, size), from the tokens' words.

    Without ``segments`` all tokens are of segment 0. ``extra`` is added before the norm.
    """
    kinds = weights["embeddings.token_type_embeddings.weight"]
    positions = weights["embeddings.position_embeddings.weight"]
    if segments is None:
        positions = positions + kinds[0]
    values = op.add(words, lookup(positions, places))
    if segments is not None:
        values = op.add(values, lookup(kinds, segments))
    if extra is not None:
        values = op.add(values, extra)
    return norm(values, weights, "embeddings.LayerNorm")


def encoder_layers(values: Node, real: Node, weights: Weights, heads: int = HEADS) -> Node:
    """The token states after all layers in ``weights``, shape (n, tokens, size).

    ``values`` has the same shape; ``real`` says which tokens may be attended to, shape (n, tokens).
    """
    mask = op.select(real, constant(np.float32(0)), constant(IMPOSSIBLE))
    mask = op.unsqueeze(mask, constant([1, 2]))
    layers = 0
    while f"encoder.layer.{layers}.output.dense.weight" in weights:
        values = _layer(values, mask, weights, f"encoder.layer.{layers}", heads)
        layers += 1
    return values


def _layer(values: Node, mask: Node, weights: Weights, name: str, heads: int) -> Node:
    size = weights[f"{name}.output.dense.bias"].shape[0]
    query, key, value = (
        _by_head(linear(values, weights, f"{name}.attention.self.{part}"), size, heads)
        for part in ("query", "key", "value")
    )
    attention = op.scaled_dot_product_attention(query, key, value, mask)
    joined = op.transpose(attention, constant([0, 2, 1, 3]))
    joined = op.reshape(joined, constant([0, 0, size]), True)
    attended = linear(joined, weights, f"{name}.attention.output.dense")
    values = norm(op.add(values, attended), weights, f"{name}.attention.output.LayerNorm")
    inner = op.gelu(linear(values, weights, f"{name}.intermediate.dense"), "erf")
    outer = linear(inner, weights, f"{name}.output.dense")
    return norm(op.add(values, outer), weights, f"{name}.output.LayerNorm")


def _by_head(values: Node, size: int, heads: int) -> Node:
    """(n, tokens, size) as (n, heads, tokens, size of a head)."""
    split = op.reshape(values, constant([0, 0, heads, size // heads]), True)
    return op.transpose(split, constant([0, 2, 1, 3]))


def sentence_encoder(weights: Weights) -> Model:
    """From ``words`` (n, tokens, size) and ``lengths`` (n,) to unit vectors of texts and of tokens.

    Shapes (n, size) and (n, tokens, size); a text's vector is the mean of all its tokens.
    """
    words = parameter_of_words(weights)
    lengths = op.parameter([-1], np.int32, "lengths")
    places = places_of(words)
    real = real_tokens(places, lengths)
    states = encoder_layers(embeddings(words, places, None, weights), real, weights)
    counted = op.multiply(states, op.convert(op.unsqueeze(real, constant([2])), "f32"))
    total = op.reduce_sum(counted, constant([1]))
    vectors = op.normalize_l2(total, constant([1]), _EPSILON, "max")
    tokens = op.normalize_l2(states, constant([2]), _EPSILON, "max")
    return Model([vectors, tokens], [words, lengths], "sentence encoder")


def compiled(model: Model, precision: str, threads: int) -> CompiledModel:
    """The model ready to run in so many threads at once, each on one core.

    ``precision`` is ``f32``, or what ``fastest_precision`` says. Two requests on a core each do
    more than two cores on one request.
    """
    return _core().compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            "ENABLE_CPU_PINNING": False,  # other processes run here too
        },
    )


def width_of(tokens: int) -> int:
    """How wide a batch is whose longest text has so many tokens.

    A multiple of some tokens, since OpenVINO spends time and memory on each width it meets.
    """
    return -(-tokens // _TOKENS_APART) * _TOKENS_APART


def fastest_precision() -> str:
    """``bf16`` where this processor computes in it, else ``f32``."""
    return "bf16" if "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


@cache
def _core() -> Core:
    return Core()


def available_cores() -> int:
    """How many of the machine's cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1
