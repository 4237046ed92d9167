"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from assistant import __version__
from assistant.citations import cite, cite_all
from assistant.cli import main
from assistant.library import INDEX, SOURCES, Library
from tests.conftest import PROJECT, SUMMIT

QUOTE = (
    "Both leaders reaffirmed that Article V of the Japan-U.S. Treaty of Mutual Cooperation and "
    "Security applies to the Senkaku Islands."
)
CITATION = "Japan–U.S. Summit Meeting, ¶ 3, 7 February 2025, Official readout"


def readout(library: Library | Path, *arguments: str, input: str | None = None) -> Result:  # noqa: A002
    folder = library.folder if isinstance(library, Library) else library
    return CliRunner().invoke(main, ["--library", str(folder), *arguments], input=input)


def test_ask_prints_quote_and_citation(summit: Library) -> None:
    result = readout(summit, "ask", "Does the treaty cover the Senkaku Islands?")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{QUOTE}\n  {CITATION}\n"


def test_ask_json_is_the_answer(summit: Library) -> None:
    question = "How long did the meeting last?"
    result = readout(summit, "ask", "--json", "-k", "2", question)
    printed = json.loads(result.stdout)
    assert printed == summit.answer(question, k=2).as_dict()
    assert printed["outcome"] == "answered"
    assert "110 minutes" in printed["quotes"][0]["text"]
    assert len(printed["hits"]) == 2


def test_a_refusal_is_no_error_and_offers_the_nearest(summit: Library) -> None:
    result = readout(summit, "ask", "How do I bake sourdough bread?")
    assert result.exit_code == 0
    assert result.stdout.startswith("Not in these readouts. A readout's silence does not show")
    assert "Nearest passages, which do not answer it:" in result.stdout


def test_a_follow_up_shows_what_was_searched(summit: Library) -> None:
    result = readout(
        summit, "ask", "--history", "What did they say about Taiwan?", "And on North Korea?"
    )
    assert result.stdout.startswith(
        "Searched for: And on North Korea? (What did they say about Taiwan? "
        "Japan–U.S. Summit Meeting (7 February 2025))\n\n(Before it: The leaders also exchanged"
    )
    assert "\nThey reaffirmed their commitment" in result.stdout


def test_retrieve_prints_paragraphs_with_scores(summit: Library) -> None:
    result = readout(summit, "retrieve", "-k", "2", "Taiwan")
    assert result.exit_code == 0
    assert result.stdout.count("¶") == 2
    rows = json.loads(readout(summit, "retrieve", "--json", "-k", "2", "Taiwan").stdout)
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert "Taiwan Strait" in rows[0]["paragraph"]


def test_scope_options_narrow_the_search(summit: Library) -> None:
    nowhere = readout(summit, "retrieve", "--json", "--since", "2026-01-01", "Taiwan")
    assert json.loads(nowhere.stdout) == []
    phrase = readout(summit, "retrieve", "--json", "--phrase", "liquefied natural gas", "Taiwan")
    assert [row["quote"]["paragraph"] for row in json.loads(phrase.stdout)] == [5]


def test_documents_lists_what_is_in_the_index(summit: Library) -> None:
    assert readout(summit, "documents").stdout == (
        f"2025-02-07  {SUMMIT}  Japan–U.S. Summit Meeting\n"
    )
    (row,) = json.loads(readout(summit, "documents", "--json").stdout)
    assert (row["id"], row["paragraphs"]) == (SUMMIT, 8)


@pytest.mark.parametrize("command", ["ask", "retrieve"])
def test_verify_confirms_what_was_printed(summit: Library, command: str) -> None:
    printed = readout(summit, command, "--json", "Was Taiwan discussed?").stdout
    result = readout(summit, "verify", input=printed)
    assert result.exit_code == 0
    assert result.stdout.startswith("verified: Japan–U.S. Summit Meeting, ¶ 6, ")


@pytest.mark.parametrize("content", [b"\xfb\xa7", b"", b"[1]", b'{"quotes": 3}', b"[" * 9999])
def test_verify_tells_what_is_no_quote(summit: Library, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "given").write_bytes(content)
    result = readout(summit, "verify", str(tmp_path / "given"))
    assert result.exit_code == 1
    assert "given is not what readout ask --json" in result.stderr


def test_verify_tells_what_no_longer_stands(summit: Library, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(summit.folder / SOURCES, copy / SOURCES)
    printed = readout(summit, "ask", "--json", "Was Taiwan discussed?").stdout
    path = copy / SOURCES / f"{SUMMIT}.txt"
    path.write_text(path.read_text().replace("Taiwan Strait", "Formosa Strait"))
    result = readout(copy, "verify", input=printed)
    assert result.exit_code == 1
    assert result.stdout.startswith("FAILED: ")
    assert "does not have these words" in result.stdout
    assert "1 of 1 quotes could not be verified" in result.stderr


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '{"quotes": [{"text": "x"}]}', '"x"', "[" * 9999]
)
def test_verify_says_what_it_can_not_read(summit: Library, content: str) -> None:
    result = readout(summit, "verify", input=content)
    assert result.exit_code == 1
    assert "is not what readout ask --json or readout retrieve --json prints" in result.stderr


def test_build_reports_and_names_what_it_leaves_out(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / SOURCES, tmp_path / SOURCES)
    (tmp_path / SOURCES / "scan.pdf").write_bytes(b"%PDF")
    result = readout(tmp_path, "build")
    assert result.exit_code == 0
    assert result.stdout == (
        f"added: {SUMMIT}\n1 documents, 8 paragraphs, 17 sentences; 9 new texts embedded\n"
    )
    assert result.stderr.startswith("left out: scan.pdf: is not a PDF file")


def test_asking_builds_a_missing_index_and_tells_of_a_stale_one(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / SOURCES, tmp_path / SOURCES)
    first = readout(tmp_path, "ask", "Was Taiwan discussed?")
    assert (first.exit_code, first.stderr) == (0, "")
    (tmp_path / SOURCES / "new.txt").write_text("They spoke.")
    second = readout(tmp_path, "ask", "Was Taiwan discussed?")
    assert second.stdout == first.stdout
    assert "source_docs has changed since the index was built (new.txt)" in second.stderr
    assert "readout build" in second.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ask", " "], 1, "Error: the question is empty"),
        (["ask", "x" * 5000], 1, "Error: the question has 5,000 characters; at most 2,000"),
        (["ask"], 2, "Missing argument 'QUESTION'"),
        (["ask", "-k", "0", "x"], 2, "Invalid value for '-k'"),
        (["ask", "--since", "soon", "x"], 2, "Invalid value for '--since'"),
        (["chat", "--port", "99999"], 2, "Invalid value for '--port'"),
        (["chat", "--auth", "name"], 2, "Invalid value for --auth: give it as NAME:PASSWORD"),
        (["feedback", "nowhere.jsonl"], 2, "File 'nowhere.jsonl' does not exist"),
        (["feedback", __file__], 1, "is no file of verdicts"),
        (["sing"], 2, "No such command 'sing'"),
        (["serve", "--token", "short"], 2, "it needs at least 16 ASCII characters"),
        (["serve", "--origin", "https://a.example/x"], 2, "without a path"),
        (["serve", "--host", "0.0.0.0"], 2, "can be reached from other machines"),
        (["mcp", "--http", "--host", "10.0.0.1"], 2, "can be reached from other machines"),
        (["chat", "--token", "a-token-of-some-length"], 2, "--token goes with --auth here"),
        (["completion", "tcsh"], 2, "'tcsh' is not one of"),
        (["build", "--model", "no/such-model"], 1, "fetch it first: hf download no/such-model"),
    ],
)
def test_mistakes_are_told_in_one_message(
    summit: Library, arguments: list[str], code: int, message: str
) -> None:
    result = readout(summit, *arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_questions_come_from_standard_input_one_a_line(summit: Library) -> None:
    questions = ["Was Taiwan discussed?", "How long did the meeting last?"]
    given = f"{questions[0]}\n\n  {questions[1]}"
    lines = readout(summit, "ask", "--json", "-k", "2", input=given).stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        summit.answer(question, k=2).as_dict() for question in questions
    ]
    verified = readout(summit, "verify", input="\n".join(lines))
    assert verified.stdout.count("verified: ") == verified.stdout.count("\n") >= 2
    text = readout(summit, "ask", input=given).stdout
    assert text == "".join(f"{each}\n\n{summit.answer(each)}\n\n" for each in questions)
    found = readout(summit, "retrieve", "--json", "-k", "1", input=given).stdout.splitlines()
    assert [len(json.loads(line)) for line in found] == [1, 1]


def test_a_question_that_can_not_be_asked_keeps_no_other_from_it(summit: Library) -> None:
    given = f"{'x' * 3000}\nWas Taiwan discussed?\n"
    result = readout(summit, "ask", "--json", input=given)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert "the question has 3,000 characters" in result.stderr
    assert "1 of the questions could not be asked" in result.stderr


def test_markdown_is_printed_when_asked_for(summit: Library) -> None:
    question = "Does the treaty cover the Senkaku Islands?"
    assert readout(summit, "ask", "--markdown", question).stdout == (
        f"> {QUOTE}\n>\n> — {CITATION}\n"
    )
    several = readout(summit, "ask", "--markdown", input=f"{question}\n")
    assert several.stdout == f"## {question}\n\n> {QUOTE}\n>\n> — {CITATION}\n\n"
    found = readout(summit, "retrieve", "--markdown", "-k", "2", question).stdout
    assert found.count("> — ") == 2


@pytest.mark.parametrize("question", ["Was Taiwan discussed?", "How do I bake sourdough bread?"])
def test_what_is_piped_is_the_answer_as_text(summit: Library, question: str) -> None:
    assert readout(summit, "ask", question).stdout == f"{summit.answer(question)}\n"
    hits = "\n\n".join(map(str, summit.retrieve(question)))
    assert readout(summit, "retrieve", question).stdout == f"{hits}\n"


def test_on_a_terminal_the_quotes_are_emphasised(summit: Library) -> None:
    arguments = ["--library", str(summit.folder), "retrieve", "-k", "1", "Senkaku Islands?"]
    result = CliRunner().invoke(main, arguments, color=True)
    assert f"\x1b[1m{QUOTE}\x1b[0m" in result.stdout


def test_the_library_is_named_before_or_behind_the_command(summit: Library) -> None:
    folder = str(summit.folder)
    before = CliRunner().invoke(main, ["--library", folder, "documents"])
    behind = CliRunner().invoke(main, ["documents", "--library", folder])
    assert before.stdout == behind.stdout != ""
    both = CliRunner().invoke(main, ["--library", "nowhere", "documents", "--library", folder])
    assert both.stdout == before.stdout


def test_doctor_finds_nothing_wrong_with_a_good_library(summit: Library) -> None:
    result = readout(summit, "doctor")
    assert result.exit_code == 0
    assert "ok      index: 1 documents" in result.stdout
    assert "ok      model: all-MiniLM-L6-v2 with OpenVINO" in result.stdout
    assert "ok      reader: " in result.stdout
    assert "ok      asking: 5 passages" in result.stdout
    checks = json.loads(readout(summit, "doctor", "--json").stdout)
    assert {each["name"] for each in checks} >= {"installation", "library", "documents", "index"}


def test_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    nowhere = readout(tmp_path, "doctor")
    assert nowhere.exit_code == 1
    assert "FAILED  library: " in nowhere.stdout
    assert "make it and put readouts there" in nowhere.stdout
    (tmp_path / SOURCES).mkdir()
    assert (
        "FAILED  documents: none can be read\n        -> put" in readout(tmp_path, "doctor").stdout
    )
    shutil.copytree(PROJECT / SOURCES, tmp_path / SOURCES, dirs_exist_ok=True)
    (tmp_path / SOURCES / "scan.bin").write_bytes(b"\0")
    unbuilt = readout(tmp_path, "doctor")
    assert unbuilt.exit_code == 0
    assert "note    documents: left out: scan.bin: " in unbuilt.stdout
    assert "note    index: not built yet\n        -> readout build" in unbuilt.stdout
    readout(tmp_path, "build")
    (tmp_path / SOURCES / "new.txt").write_text("They spoke.")
    stale = readout(tmp_path, "doctor")
    assert "changed since: new.txt\n        -> readout build" in stale.stdout
    (vectors,) = (tmp_path / INDEX).glob("*/vectors.faiss")
    vectors.write_bytes(b"foreign")
    damaged = readout(tmp_path, "doctor")
    assert damaged.exit_code == 1
    assert "FAILED  index: " in damaged.stdout
    assert "rebuild the index" in damaged.stdout
    assert " checks failed" in damaged.stderr


def test_a_shell_completes_commands_options_and_documents(summit: Library) -> None:
    def completed(words: str) -> list[str]:
        environment = {
            "_READOUT_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        result = CliRunner().invoke(main, [], env=environment, prog_name="readout")
        return [line.partition(",")[2] for line in result.stdout.split()]

    assert completed("readout re") == ["retrieve"]
    assert "--phrase" in completed("readout ask --")
    library = f"readout --library {summit.folder}"
    assert completed(f"{library} ask --document jap") == [SUMMIT]
    assert completed(f"readout ask --library {summit.folder} --document jap") == [SUMMIT]
    assert completed("readout --library /nowhere ask --document jap") == []
    assert "_READOUT_COMPLETE=zsh_complete" in readout(summit, "completion", "zsh").stdout


def test_a_folder_that_is_no_library_is_told(tmp_path: Path) -> None:
    result = readout(tmp_path, "ask", "x")
    assert result.exit_code == 1
    assert "is not a library: it has no folder source_docs" in result.stderr
    (tmp_path / SOURCES).mkdir()
    result = readout(tmp_path, "ask", "x")
    assert result.exit_code == 1
    assert "no readout to index in" in result.stderr


def test_a_damaged_index_is_told_and_healed(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / SOURCES, tmp_path / SOURCES)
    readout(tmp_path, "build")
    (vectors,) = (tmp_path / INDEX).glob("*/vectors.faiss")
    vectors.write_bytes(b"foreign")
    result = readout(tmp_path, "ask", "Taiwan?")
    assert result.exit_code == 1
    assert (
        "vectors.faiss can't be used (it is not as it was built); rebuild the index"
        in result.stderr
    )
    assert readout(tmp_path, "build").exit_code == 0
    assert readout(tmp_path, "ask", "Taiwan?").exit_code == 0


def test_control_characters_of_a_document_do_not_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / SOURCES).mkdir()
    hostile = "They spoke of \x1b[31mred\x1b[0m lines and \u202etheir defence\u202c."
    (tmp_path / SOURCES / "a.txt").write_text(hostile)
    question = "What did they speak of?"
    assert (
        "\\x1b[31mred\\x1b[0m lines and \\u202etheir" in readout(tmp_path, "ask", question).stdout
    )
    (quote,) = json.loads(readout(tmp_path, "ask", "--json", question).stdout)["quotes"]
    assert quote["text"] == hostile


def commands() -> list[str]:
    assert isinstance(main, click.Group)
    return sorted(main.commands)


@pytest.mark.parametrize("command", commands())
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    example = " ".join(result.stdout.split()).partition("Example: readout ")[2]
    assert command in example


def test_version() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"readout, version {__version__}\n"


def test_references_are_printed_alone_to_be_saved(summit: Library) -> None:
    question = "Does the treaty cover the Senkaku Islands?"
    for style in ("bibtex", "ris", "csl-json"):
        printed = readout(summit, "ask", "--cite", style, question).stdout
        quotes = summit.answer(question).quotes
        assert printed == cite_all(quotes, style) + "\n"
    refused = readout(summit, "ask", "--cite", "csl-json", "How do I bake sourdough bread?")
    assert json.loads(refused.stdout) == []
    assert "Not in these readouts." in refused.stderr


def test_quotes_are_printed_with_their_citation_in_a_style(summit: Library) -> None:
    question = "Does the treaty cover the Senkaku Islands?"
    quote = summit.answer(question).quotes[0]
    printed = readout(summit, "ask", "--cite", "chicago", question).stdout
    assert printed.startswith(f"{quote.text}\n  {cite(quote, 'chicago')}")
    printed = readout(summit, "ask", "--cite", "markdown", question).stdout
    assert printed.startswith(cite(quote, "markdown"))
    hits = summit.retrieve(question, k=2)
    printed = readout(summit, "retrieve", "--cite", "apa", "-k", "2", question).stdout
    assert printed == cite_all([hit.quote for hit in hits], "apa") + "\n"
