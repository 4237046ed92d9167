"""The public door: what it exports, what it costs to import, and that quotes can be verified."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import inspect
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from typing import get_type_hints

import pytest

import assistant
from assistant import Answer, Library, Outcome, Quote, ReadoutError, Scope
from assistant.library import SOURCES
from tests.conftest import PROJECT, SUMMIT
from tests.toy import ToyEncoder


def test_the_public_names() -> None:
    assert assistant.__all__ == [
        "Answer", "BuildReport", "Document", "Heading", "Hit", "Library", "Match", "Mode",
        "Outcome", "PageStart", "Paragraph", "Problem", "Quote", "ReadoutError", "Scope",
        "Sentence", "Style", "Verification", "Why", "answer", "cite", "retrieve",
    ]  # fmt: skip
    for name in assistant.__all__:
        assert getattr(assistant, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        assistant.nothing  # noqa: B018


def test_the_library_is_asked_in_these_ways() -> None:
    asked = "question: 'str', *, k: 'int' = 5, history: 'Sequence[str]' = ()"
    scoped = f"(self, {asked}, scope: 'Scope' = Scope())"
    assert str(inspect.signature(Library.open)).startswith("(folder: 'str | Path' = '.', *, model")
    assert str(inspect.signature(Library.build)).startswith("(self, progress: ")
    for method in (Library.retrieve, Library.answer):
        signature = str(inspect.signature(method)).partition(" -> ")[0]
        shown = signature.replace(repr(Scope()), "Scope()")
        assert shown == scoped
    for function in (assistant.retrieve, assistant.answer):
        assert str(inspect.signature(function)).partition(" -> ")[0] == f"({asked})"
    assert str(inspect.signature(Library.verify)) == "(self, quote: 'Quote') -> 'Verification'"
    assert isinstance(Library.documents, property)
    for name in ("open", "build", "retrieve", "answer", "verify", "documents", "stale"):
        assert getattr(Library, name).__doc__
    assert get_type_hints(assistant.answer)["return"] is Answer


def imported_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    return set(result.stdout.split("\n"))


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = imported_by("import assistant")
    assert not loaded & {"numpy", "faiss", "torch", "gradio", "assistant.library", "click"}


def test_the_command_line_does_not_pay_for_the_chat() -> None:
    loaded = imported_by("import assistant.cli")
    assert not loaded & {"torch", "transformers", "sentence_transformers", "gradio", "sklearn"}
    assert not loaded & {"mcp", "langchain_core", "llama_index", "fastapi", "pydantic", "openai"}


def test_serving_programs_does_not_pay_for_the_chat() -> None:
    loaded = imported_by("import assistant.web.api, assistant.web.service, assistant.mcp_server")
    assert not loaded & {"gradio", "torch"}


def test_asking_pays_for_no_training_library(summit: Library) -> None:
    asked = f"['--library', {str(summit.folder)!r}, 'ask', 'Taiwan?']"
    loaded = imported_by(f"from assistant.cli import main; main({asked}, standalone_mode=False)")
    assert {"faiss", "openvino", "tokenizers"} <= loaded
    heavy = {"torch", "transformers", "sentence_transformers", "sklearn", "pandas", "gradio"}
    assert not loaded & (heavy | {"scipy", "onnxruntime", "fastapi", "huggingface_hub"})


# In the order in which data flows; a module imports only from those before it.
ORDER = [
    "types", "errors", "paragraphs", "extraction.extract", "extraction.html", "extraction.lines",
    "extraction.pdf", "extraction.docx", "extraction.jsonl", "extraction.child",
    "extraction.bounded", "dates", "titles", "metadata", "documents", "rows", "graph", "encoder",
    "tokens", "vectors", "lexical", "stored", "index", "building", "questions", "followups",
    "retrieval", "windows", "network", "reader", "confidence", "answering", "library", "evaluation",
]  # fmt: skip
BESIDE = ["markdown", "citations", "schema", "terminal", "doctor", "langchain", "llama_index"]
WEB = [
    "web.reasons",
    "web.wording",
    "web.permalink",
    "web.conversation",
    "web.catalogue",
    "web.examples",
    "web.feedback",
    "web.problems",
    "web.line",
    "web.completions",
    "web.api",
    "web.intake",
    "web.render",
    "web.panel",
    "web.page",
    "web.export",
    "web.chat",
    "web.site",
    "web.security",
    "web.service",
    "web.server",
]
DOORS = ["mcp_server", "cli"]


def test_imports_flow_one_way() -> None:
    folder = PROJECT / "assistant"
    order = [*ORDER, *BESIDE, *WEB, *DOORS]
    modules = {
        path.relative_to(folder).with_suffix("").as_posix().replace("/", ".")
        for path in folder.rglob("*.py")
        if path.stem != "__init__"
    }
    assert modules == set(order)
    for place, name in enumerate(order):
        for node in ast.walk(ast.parse((folder / f"{name.replace('.', '/')}.py").read_text())):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            package, _, module = node.module.partition(".")
            if package == "assistant":
                parts = {".".join(filter(None, [module, each.name])) for each in node.names}
                imported = ({module} | parts) & modules
                assert imported <= set(order[:place]), f"{name} imports {imported}"


def test_every_quote_is_its_slice_and_verifies(summit: Library) -> None:
    (document,) = summit.documents
    for question in ("How long did it last?", "Taiwan", "investment", "Was a statement issued?"):
        answer = summit.answer(question)
        for quote in (*answer.quotes, *(hit.quote for hit in answer.hits)):
            assert document.text[quote.start : quote.end] == quote.text
            assert quote.sha256 == document.sha256
            assert summit.verify(quote).reason == f"{SUMMIT}.txt has these words at this place"
            assert Quote.from_dict(quote.as_dict()) == quote


@pytest.fixture
def spoken(folder: Path) -> tuple[Library, Path, Quote]:
    path = folder / SOURCES / "a.txt"
    path.write_text("First.\nThey spoke of fish.")
    library = Library(folder, ToyEncoder())
    library.build()
    return library, path, library.retrieve("spoke", k=1)[0].quote


@pytest.mark.parametrize(
    ("text", "verified", "reason"),
    [
        ("First.\nThey spoke of fish.", True, "a.txt has these words at this place"),
        ("Fir3t.\nThey spoke of fish.", True, "has changed since, but has these words at this"),
        ("The first.\nThey spoke of fish.", False, "the words stand elsewhere in it"),
        ("First.\nThey spoke of fowl.", False, "a.txt does not have these words"),
        ("", False, "a.txt has no text"),
        (None, False, "a.txt is gone; put it back, or build again"),
    ],
)
def test_verify_reads_the_source_again(
    spoken: tuple[Library, Path, Quote], text: str | None, verified: bool, reason: str
) -> None:
    library, path, quote = spoken
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    verification = library.verify(quote)
    assert bool(verification) is verified
    assert reason in verification.reason


@pytest.mark.parametrize(
    "path", ["../secret.txt", "/etc/passwd", "a.txt/../../secret.txt", "a\0.txt"]
)
def test_verify_reads_nothing_outside_the_sources(
    spoken: tuple[Library, Path, Quote], path: str
) -> None:
    library, source, quote = spoken
    (source.parent.parent / "secret.txt").write_text(source.read_text())
    outside = Quote.from_dict(quote.as_dict() | {"path": path})
    verification = library.verify(outside)
    assert not verification
    assert "is not below source_docs" in verification.reason or "\0" in path


def test_the_module_level_functions_serve_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    shutil.copytree(PROJECT / SOURCES, tmp_path / SOURCES)
    monkeypatch.chdir(tmp_path)
    hits = assistant.retrieve("Does the treaty cover the Senkaku Islands?", k=2)
    assert "Senkaku" in hits[0].paragraph.text
    assert assistant.answer("How do I bake sourdough bread?").outcome is Outcome.NOT_FOUND


def test_threads_share_a_library(summit: Library) -> None:
    questions = ["How long did it last?", "Taiwan?", "Investment?", "North Korea?"] * 5
    alone = [summit.answer(question) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(summit.answer, questions)) == alone


def test_coroutines_ask_in_threads(summit: Library) -> None:
    questions = ["How long did it last?", "Taiwan?", "Investment?", "North Korea?"]

    async def ask() -> list[Answer]:
        asking = [asyncio.to_thread(summit.answer, question) for question in questions]
        return list(await asyncio.gather(*asking))

    assert asyncio.run(ask()) == [summit.answer(question) for question in questions]


class Shown(HTMLParser):
    """The text of a piece of HTML, and its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)


def test_an_answer_shows_itself_in_text_and_in_notebooks(folder: Path) -> None:
    text = "They spoke of <script>alert(1)</script> & $x$ and\u00a0fish."
    (folder / SOURCES / "a.txt").write_text(text, encoding="utf-8")
    library = Library(folder, ToyEncoder())
    library.build()
    found = library.answer("And <b>fish</b>?", history=["Did they speak?"])
    answered = dataclasses.replace(found, outcome=Outcome.ANSWERED, quotes=(found.hits[0].quote,))
    refused = dataclasses.replace(found, outcome=Outcome.RELATED, quotes=())
    assert str(answered) == f"Searched for: {found.searched_for}\n\n{text}\n  A, ¶ 1"
    assert str(refused).startswith(f"Searched for: {found.searched_for}\n\nRelated passages were")
    assert str(refused).endswith(f"which do not answer it:\n\n{found.hits[0]}")
    for answer in (answered, refused):
        shown = Shown(answer._repr_html_())
        assert text in shown.text
        assert found.searched_for in shown.text
        assert shown.tags == {"div", "p", "blockquote", "cite"}
        assert "mathjax_ignore" in answer._repr_html_()


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadoutError, match="is not a library"):
        Library.open(tmp_path / "nowhere")
