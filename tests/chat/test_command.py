"""The command that opens the chat, from start to stop."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from assistant.library import INDEX, SOURCES
from tests.chat.serving import free_port
from tests.conftest import PROJECT

READOUT = "import tests.conftest; from assistant.cli import main; main()"


@pytest.mark.parametrize("empty", [False, True])
def test_it_builds_serves_and_stops_when_told(tmp_path: Path, empty: bool) -> None:
    if empty:
        (tmp_path / SOURCES).mkdir()
    else:
        shutil.copytree(PROJECT / SOURCES, tmp_path / SOURCES)
    port = free_port()
    command = [
        sys.executable,
        "-c",
        READOUT,
        "--library",
        str(tmp_path),
        "chat",
        "--port",
        str(port),
    ]
    process = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    try:
        page = ""
        for _ in range(1200):
            try:
                with urlopen(f"http://127.0.0.1:{port}/") as response:
                    page = unescape(response.read().decode())
                break
            except URLError:
                assert process.poll() is None, process.stderr
                time.sleep(0.1)
        assert "Readout Assistant" in page
        assert (tmp_path / INDEX / "manifest.json").exists() is not empty
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert f"http://127.0.0.1:{port}" in errors
    assert ("the chat opens all the same" in errors) is empty
    assert "Traceback" not in errors
