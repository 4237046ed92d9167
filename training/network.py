"""The reader's network as it is trained; ``assistant.reader`` has it as it is used.

The base weights are all-MiniLM-L6-v2 as packaged; what training learns is low-rank updates (Hu et
al., 2021) of its linear layers, new norms, and the heads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from assistant.windows import MATCHES, Window

_NEW = frozenset({"matches", "span", "hidden", "answer"})  # parts that the base doesn't have
_IMPOSSIBLE = -1e4  # a logit
_NAMES = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "out",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "inner",
    "output.dense": "outer",
    "output.LayerNorm": "norm2",
}
_EMBEDDINGS = {
    "word_embeddings": "words",
    "position_embeddings": "positions",
    "token_type_embeddings": "segments",
}

Batch: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class Linear(nn.Linear):
    """A linear layer that may have a low-rank update beside its weight."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.down: nn.Parameter | None = None
        self.up: nn.Parameter | None = None

    def add_rank(self, rank: int) -> None:
        """Begin an update, which changes nothing until it is trained."""
        self.down = nn.Parameter(torch.randn(rank, self.in_features) / math.sqrt(self.in_features))
        self.up = nn.Parameter(torch.zeros(self.out_features, rank))

    def forward(self, values: Tensor) -> Tensor:
        return functional.linear(
            values, self._updated().to(values.dtype), self.bias.to(values.dtype)
        )

    def _updated(self) -> Tensor:
        if self.down is None or self.up is None:
            return self.weight
        return self.weight + self.up @ self.down


class Norm(nn.LayerNorm):
    """Layer norm in its input's precision."""

    def forward(self, values: Tensor) -> Tensor:
        weight, bias = self.weight.to(values.dtype), self.bias.to(values.dtype)
        return functional.layer_norm(values, self.normalized_shape, weight, bias, self.eps)


class Layer(nn.Module):
    """One layer of a BERT encoder."""

    def __init__(self, size: int, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = Linear(size, size), Linear(size, size)
        self.value, self.out = Linear(size, size), Linear(size, size)
        self.inner, self.outer = Linear(size, inner), Linear(inner, size)
        self.norm1, self.norm2 = Norm(size, eps=1e-12), Norm(size, eps=1e-12)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        texts, tokens, size = values.shape
        shape = (texts, tokens, self.heads, size // self.heads)
        query, key, value = (
            part(values).view(shape).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        # In full, since the fused kernel's backward pass is slow without a GPU.
        scaled = query / math.sqrt(size // self.heads)
        attention = torch.softmax(scaled @ key.transpose(2, 3) + mask, -1) @ value
        attended = self.out(attention.transpose(1, 2).reshape(texts, tokens, size))
        values = self.norm1(values + attended)
        fed: Tensor = self.norm2(values + self.outer(functional.gelu(self.inner(values))))
        return fed


class Network(nn.Module):
    """Start, end and answerability logits of windows.

    ``precision`` is that of the layers: a lower one makes training faster.
    """

    def __init__(
        self, size: int = 384, layers: int = 6, inner: int = 1536, heads: int = 12
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(30522, size)
        self.positions = nn.Embedding(512, size)
        self.segments = nn.Embedding(2, size)
        self.matches = nn.Embedding(MATCHES, size)
        nn.init.zeros_(self.matches.weight)
        self.norm = Norm(size, eps=1e-12)
        self.layers = nn.ModuleList(Layer(size, inner, heads) for _ in range(layers))
        self.span = nn.Linear(size, 2)
        self.hidden = nn.Linear(3 * size, size)
        self.answer = nn.Linear(size, 1)
        self.precision = torch.float32

    def load_base(self, weights: Path) -> None:
        """Take the weights of all-MiniLM-L6-v2; ValueError if the file holds something else."""
        state = {}
        for key, value in load_file(weights).items():
            part, _, kind = key.rpartition(".")
            if part == "embeddings.LayerNorm":
                state[f"norm.{kind}"] = value
            elif part.startswith("embeddings.") and kind == "weight":
                state[f"{_EMBEDDINGS[part.removeprefix('embeddings.')]}.weight"] = value
            elif part.startswith("encoder.layer."):
                _, _, layer, name = part.split(".", 3)
                state[f"layers.{layer}.{_NAMES[name]}.{kind}"] = value
        self._load(state, _NEW)

    def add_rank(self, rank: int) -> None:
        """Begin low-rank updates of every linear layer of the encoder."""
        for module in self.modules():
            if isinstance(module, Linear):
                module.add_rank(rank)

    def trained(self) -> dict[str, Tensor]:
        """What was trained, in half precision."""
        return {
            name: parameter.detach().to(torch.float16).contiguous()
            for name, parameter in self.named_parameters()
            if parameter.requires_grad
        }

    def learnt(self) -> dict[str, Tensor]:
        """The same by the names that ``assistant.network`` knows."""
        return {_published(name): values for name, values in self.trained().items()}

    def _load(self, state: dict[str, Tensor], may_miss: frozenset[str]) -> None:
        missing, unexpected = self.load_state_dict(state, strict=False)
        missing = [each for each in missing if each.split(".")[0] not in may_miss]
        if missing or unexpected:
            raise ValueError(f"missing {missing}, unexpected {unexpected}")

    def forward(
        self, ids: Tensor, segments: Tensor, matches: Tensor, lengths: Tensor, first: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of shape (n, tokens), (n, tokens) and (n,).

        A span's place 0 stands for "not in this window"; elsewhere outside the passage, a span's
        logits are very low.
        """
        places = torch.arange(ids.shape[1])
        values = self.words(ids) + self.positions(places)
        values = values + self.segments(segments) + self.matches(matches)
        values = self.norm(values.to(self.precision))
        real = places < lengths[:, None]
        mask = torch.zeros(len(ids), 1, 1, ids.shape[1], dtype=values.dtype)
        mask = mask.masked_fill(~real[:, None, None, :], _IMPOSSIBLE)
        for layer in self.layers:
            values = layer(values, mask)
        values = values.float()
        passage = (places >= first[:, None]) & (places < lengths[:, None] - 1)
        allowed = passage | (places == 0)
        start, end = self.span(values).masked_fill(~allowed[..., None], _IMPOSSIBLE).unbind(-1)
        inside = start.masked_fill(~passage, _IMPOSSIBLE) + end.masked_fill(~passage, _IMPOSSIBLE)
        # Answerability is judged from the whole, the likely answer, and the question's tokens.
        focus = torch.bmm(torch.softmax(inside.detach() / 2, -1)[:, None], values)[:, 0]
        question = ((segments == 0) & real)[..., None]
        asked = values.masked_fill(~question, _IMPOSSIBLE).amax(1)
        judged = torch.cat([values[:, 0], focus, asked], -1)
        return start, end, self.answer(functional.gelu(self.hidden(judged)))[:, 0]


def _published(name: str) -> str:
    """The name under which all-MiniLM-L6-v2 publishes a part of the network, or its own name."""
    part, _, kind = name.rpartition(".")
    if part == "norm":
        return f"embeddings.LayerNorm.{kind}"
    if part.startswith("layers."):
        _, layer, own = part.split(".")
        published = next(each for each, ours in _NAMES.items() if ours == own)
        return f"encoder.layer.{layer}.{published}.{kind}"
    return name


def batch(windows: Sequence[Window]) -> Batch:
    """The windows as the network's arguments, padded to the longest."""
    width = max(len(each.ids) for each in windows)
    ids, segments, matches = (torch.zeros(len(windows), width, dtype=torch.long) for _ in range(3))
    for row, each in enumerate(windows):
        length = len(each.ids)
        ids[row, :length] = torch.tensor(each.ids)
        segments[row, :length] = torch.tensor(each.segments)
        matches[row, :length] = torch.tensor(each.matches)
    lengths = torch.tensor([len(each.ids) for each in windows])
    return ids, segments, matches, lengths, torch.tensor([each.first for each in windows])
