"""What the README says is so: its Python runs, its examples print that, its tables are complete."""

from __future__ import annotations

import inspect
import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from assistant.citations import Style
from assistant.cli import LEAST_TOKEN, main
from assistant.documents import MAXIMUM_BYTES, MAXIMUM_MARKDOWN_LINES, MAXIMUM_TEXT_BYTES, SUFFIXES
from assistant.extraction.bounded import SECONDS
from assistant.library import SOURCES, Library
from assistant.questions import MAXIMUM_QUESTION
from assistant.schema import MAXIMUM_K
from assistant.web.api import create_api
from assistant.web.line import Line
from assistant.web.service import BODY_LIMITS
from tests.conftest import PROJECT
from tests.test_library import ORDER

README = (PROJECT / "README.md").read_text(encoding="utf-8")
DOORS = (PROJECT / "docs" / "doors.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(PROJECT / SOURCES, folder / SOURCES)
    return folder


@pytest.mark.parametrize("code", blocks("python") + blocks("python", DOORS))
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


def test_options_it_names_exist() -> None:
    known = {
        name
        for command in main.commands.values()
        for option in command.params
        for name in (*option.opts, *option.secondary_opts)
    }
    for text in (README, DOORS):
        spoken = " ".join([*re.findall(r"`([^`\n]+)`", text), *blocks("sh", text)])
        named = set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", spoken))
        assert named
        assert named <= known


def test_requests_it_names_exist() -> None:
    described = {
        f"{method.upper()} {path.replace('{name}', '{id}')}"
        for path, operations in create_api(Library(PROJECT)).openapi()["paths"].items()
        for method in operations
    }
    named = set(re.findall(r"^\| `((?:GET|POST) [^`]+)`", DOORS, re.M))
    assert named - {"GET /api/openapi.json"} == {each for each in described if "/v1/" not in each}


def test_the_configuration_it_shows_starts_the_server() -> None:
    (block,) = blocks("json", DOORS)
    (server,) = json.loads(block)["mcpServers"].values()
    assert server["command"] == "readout"
    context = main.make_context("readout", list(server["args"]), resilient_parsing=True)
    name, command, rest = main.resolve_command(context, list(server["args"]))
    assert name == "mcp"
    assert command is not None
    assert command.make_context("mcp", rest).obj == Path("/path/to/library")


def test_its_table_has_the_files_in_reading_order() -> None:
    listed = re.findall(r"^\| `assistant/(\w+)(?:\.py|/)`", README, re.M)
    order = list(dict.fromkeys(each.partition(".")[0] for each in ORDER))
    assert [each for each in listed if each in order] == order


def test_its_limits_are_those_of_the_code() -> None:
    assert f"a text or page over {MAXIMUM_TEXT_BYTES // 1024**2} MB" in README
    assert f"Markdown of more than {MAXIMUM_MARKDOWN_LINES:,} lines" in README
    assert f"any other file over {MAXIMUM_BYTES // 1024**2} MB" in README
    assert f"{SECONDS:g} seconds a file" in README
    assert all(f"`{style}`" in README for style in Style)
    assert {".txt", ".md", ".markdown", ".html", ".htm", ".pdf", ".docx", ".jsonl"} == SUFFIXES


def test_the_limits_of_the_doors_are_those_of_the_code() -> None:
    assert inspect.signature(Line).parameters["at_once"].default == 4
    assert inspect.signature(create_api).parameters["waiting"].default == 100
    assert (MAXIMUM_QUESTION, MAXIMUM_K) == (2_000, 100)
    assert BODY_LIMITS["/api/answer"] == BODY_LIMITS["/api/retrieve"] == 1024 * 1024
    told = " ".join(DOORS.split())
    for limit in (
        "2,000 characters a question, 100 passages, 100 earlier questions, 1 MB a request",
        "four questions are worked on at once, 100 wait",
        "at least 16 characters",
    ):
        assert limit in told
    assert LEAST_TOKEN == 16


def test_make_targets_it_names_exist() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M)
