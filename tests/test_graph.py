"""The layers as a graph: weights as they are, nothing sent, and padding that changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from assistant import graph
from assistant.encoder import DEFAULT_MODEL, model_folder
from tests.conftest import PROJECT

WEIGHTS = model_folder(DEFAULT_MODEL) / "model.safetensors"


def test_weights_are_read_as_safetensors_reads_them() -> None:
    theirs = load_file(WEIGHTS)
    with graph.mapped_weights(WEIGHTS) as ours:
        assert ours.keys() == theirs.keys()
        for name, values in theirs.items():
            assert ours[name].dtype == values.dtype
            np.testing.assert_array_equal(ours[name], values)
    for name, values in theirs.items():  # let go of, and read again
        np.testing.assert_array_equal(ours[name], values)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff" * 100, b"\2\0\0\0\0\0\0\0{}x"[:9]])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    unreadable = pytest.raises(ValueError, match=r"not a safetensors file|Expecting|Extra data")
    with unreadable, graph.mapped_weights(path):
        pass
    with unreadable:
        graph.word_table(path)


def test_words_that_are_not_in_32_bits_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"embeddings.word_embeddings.weight": np.zeros((3, 2), np.float16)}, path)
    with pytest.raises(ValueError, match="are F16, not F32"):
        graph.word_table(path)


def test_bfloat16_is_the_nearest() -> None:
    values = np.random.default_rng(0).normal(size=(300, 400)).astype(np.float32)
    expected = torch.from_numpy(values.copy()).to(torch.bfloat16).view(torch.uint16).numpy()
    np.testing.assert_array_equal(graph.bfloat16(values), expected)


@pytest.mark.parametrize("precision", sorted({"f32", graph.fastest_precision()}))
def test_padding_and_company_change_nothing(precision: str) -> None:
    with graph.mapped_weights(WEIGHTS) as weights:
        model = graph.compiled(graph.sentence_encoder(weights), precision, 2)
    words = graph.word_table(WEIGHTS)
    ids = np.random.default_rng(0).integers(1000, 30000, (3, 12)).astype(np.int32)
    lengths = np.array([12, 7, 1], np.int32)
    together, tokens = model([words[ids], lengths]).values()
    assert (together.shape, tokens.shape) == ((3, 384), (3, 12, 384))
    for row, length in enumerate(lengths):
        alone, own = model([words[ids[row : row + 1, :length]], lengths[row : row + 1]]).values()
        np.testing.assert_allclose(together[row], alone[0], atol=1e-5)
        np.testing.assert_allclose(tokens[row, :length], own[0], atol=1e-5)


def test_importing_it_reports_to_nobody(tmp_path: Path) -> None:
    watch = (
        "import sys; sys.addaudithook(lambda event, _: event.startswith(('socket', 'os.fork',"
        " 'subprocess')) and print(event)); from assistant import graph; graph.fastest_precision();"
        " print(*(name for name in sys.modules if 'telemetry' in name))"
    )
    result = subprocess.run(
        [sys.executable, "-c", watch],
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert result.stdout.strip() == ""
    assert list(tmp_path.iterdir()) == []
