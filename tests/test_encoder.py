"""The real model: the vectors it must give, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from assistant import encoder as encoders
from assistant.encoder import DEFAULT_MODEL, SentenceTransformerEncoder, load_encoder
from assistant.errors import EncoderError


@pytest.fixture(scope="module")
def encoder() -> SentenceTransformerEncoder:
    return load_encoder()


@pytest.fixture(scope="module")
def reference() -> SentenceTransformer:
    return SentenceTransformer(str(encoders.model_folder(DEFAULT_MODEL)), local_files_only=True)


TEXTS = [
    "Both leaders reaffirmed Article V.",
    "x",
    "Taiwan Strait " * 20,
    "İ 会談 👩‍👩‍👧",
    "They spoke.",
]


def test_vectors_are_those_of_sentence_transformers(
    encoder: SentenceTransformerEncoder, reference: SentenceTransformer
) -> None:
    ours = np.array([each.vector for each in encoder.encode(TEXTS)])
    theirs = reference.encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(np.einsum("nd,nd->n", ours, theirs), 1, atol=1e-5)
    np.testing.assert_allclose(ours[0, :4], [-0.02246, 0.04883, 0.00521, 0.06747], atol=1e-4)


def test_tokens_are_unit_vectors_that_stand_for_words_of_the_text(
    encoder: SentenceTransformerEncoder,
) -> None:
    (encoding,) = encoder.encode([TEXTS[0]])
    words = [TEXTS[0][start:end] for start, end in encoding.spans]
    assert words == ["Both", "leaders", "re", "af", "firmed", "Article", "V", "."]
    assert encoding.tokens.shape == (8, 384)
    np.testing.assert_allclose(np.linalg.norm(encoding.tokens, axis=1), 1, atol=1e-5)
    assert len(encoding.token_ids) == 8


def test_a_long_text_is_read_to_its_end(encoder: SentenceTransformerEncoder) -> None:
    text = "The leaders discussed trade. " * 150 + "They ended with Okinawa."
    (encoding,) = encoder.encode([text])
    assert len(encoding.token_ids) > 2 * 256
    assert encoding.spans[-1].tolist() == [len(text) - 1, len(text)]
    assert (np.diff(encoding.spans[:, 0]) > 0).all()
    assert np.linalg.norm(encoding.vector) == pytest.approx(1, abs=1e-5)


def test_texts_come_back_in_order_and_alike_in_any_company(
    encoder: SentenceTransformerEncoder,
) -> None:
    together = list(encoder.encode(TEXTS * 3))
    for text, encoding in zip(TEXTS * 3, together, strict=True):
        (by_itself,) = encoder.encode([text])
        np.testing.assert_allclose(encoding.vector, by_itself.vector, atol=1e-5)
    assert list(encoder.encode([])) == []


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(encoders.model_folder(DEFAULT_MODEL), tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    monkeypatch.setattr(encoders, "model_folder", lambda name: tmp_path / "model")
    with pytest.raises(EncoderError, match="have been altered"):
        load_encoder()


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, tiny sentence-transformers model saved to a folder, with prompts."""
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    base, folder = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("small")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "query", "alpha", "bravo", ":"]
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", model_max_length=16
    ).save_pretrained(base)
    config = BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=16,
    )  # fmt: skip
    BertModel(config).save_pretrained(base)
    transformer = Transformer(str(base), max_seq_length=16)
    pooling = Pooling(transformer.get_embedding_dimension())
    SentenceTransformer(modules=[transformer, pooling], prompts={"query": "query : "}).save(
        str(folder)
    )
    return folder


def test_a_model_in_a_folder_serves_and_its_question_prompt_is_used(small_model: Path) -> None:
    encoder = load_encoder(str(small_model))
    assert encoder.name == str(small_model)
    (passage,) = encoder.encode(["alpha bravo"])
    (question,) = encoder.encode(["alpha bravo"], question=True)
    assert passage.tokens.shape == (2, 8)
    assert question.spans.tolist() == passage.spans.tolist() == [[0, 5], [6, 11]]
    assert not np.allclose(passage.tokens, question.tokens)
    (long,) = encoder.encode(["alpha " * 40])
    assert len(long.token_ids) == 40


def test_a_model_that_is_not_here_is_told_how_to_fetch() -> None:
    with pytest.raises(EncoderError, match="fetch it first: hf download nobody/nothing"):
        load_encoder("nobody/nothing")


def test_a_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(EncoderError, match="has no safetensors weights"):
        load_encoder(str(tmp_path))


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(EncoderError, match="can't be loaded"):
        list(load_encoder(str(tmp_path)).encode(["x"]))
