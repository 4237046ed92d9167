"""What the README says is so: its Python runs, its examples print that, its tables are complete."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from assistant.citations import Style
from assistant.cli import main
from assistant.documents import MAXIMUM_BYTES, MAXIMUM_TEXT_BYTES, SUFFIXES
from assistant.extraction.bounded import SECONDS
from assistant.library import SOURCES
from tests.conftest import PROJECT
from tests.test_library import ORDER

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.S | re.M)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(PROJECT / SOURCES, folder / SOURCES)
    return folder


@pytest.mark.parametrize("code", blocks("python"))
def test_its_python_runs(
    code: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    exec(compile(code, "README.md", "exec"), {})
    assert "Japan–U.S. Summit Meeting, ¶" in capsys.readouterr().out


def test_its_question_prints_that_answer(folder: Path) -> None:
    (question,) = re.findall(r'^readout ask "(.*)"$', README, re.M)
    (printed,) = blocks("text")
    result = CliRunner().invoke(main, ["--library", str(folder), "ask", question])
    assert result.stdout == printed


def test_its_table_has_every_command_and_no_other() -> None:
    listed = re.findall(r"^\| `readout (\w+)", README, re.M)
    assert sorted(listed) == sorted(main.commands)


def test_its_table_has_the_files_in_reading_order() -> None:
    listed = re.findall(r"^\| `assistant/(\w+)(?:\.py|/)`", README, re.M)
    order = list(dict.fromkeys(each.partition(".")[0] for each in ORDER))
    assert [each for each in listed if each in order] == order


def test_its_limits_are_those_of_the_code() -> None:
    assert f"a text or page over {MAXIMUM_TEXT_BYTES // 1024**2} MB" in README
    assert f"any other file over {MAXIMUM_BYTES // 1024**2} MB" in README
    assert f"{SECONDS:g} seconds a file" in README
    assert all(f"`{style}`" in README for style in Style)
    assert {".txt", ".md", ".markdown", ".html", ".htm", ".pdf", ".docx", ".jsonl"} == SUFFIXES


def test_make_targets_it_names_exist() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M)
