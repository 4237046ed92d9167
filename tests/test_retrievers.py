"""LangChain's and LlamaIndex's retrievers: what their documents and nodes hold."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from llama_index.core.schema import MetadataMode, QueryBundle, TextNode

from assistant import langchain, llama_index
from assistant.errors import QuestionError
from assistant.library import SOURCES, Library
from assistant.types import Quote, Scope
from tests.conftest import PROJECT
from tests.toy import ToyEncoder


@pytest.fixture
def library(folder: Path) -> Library:
    front = "---\ntitle: Fish talks\ndate: 2025-02-07\nurl: https://example.org/a\n---\n"
    (folder / SOURCES / "a.txt").write_text(f"{front}First.\nThey spoke of fish. They met.")
    (folder / SOURCES / "b.txt").write_text("They spoke of tariffs.")
    library = Library(folder, ToyEncoder())
    library.build()
    return library


def test_a_document_of_langchain_holds_paragraph_quote_and_offset(library: Library) -> None:
    retriever = langchain.ReadoutRetriever(library=library, k=2)
    documents = retriever.invoke("spoke of fish")
    hits = library.retrieve("spoke of fish", k=2)
    assert [each.page_content for each in documents] == [each.paragraph.text for each in hits]
    assert [each.metadata["score"] for each in documents] == [each.score for each in hits]
    for document, hit in zip(documents, hits, strict=True):
        start = document.metadata["start_index"]
        text = hit.document.text[start : start + len(document.page_content)]
        assert text == document.page_content
        quote = Quote.from_dict(document.metadata)
        assert quote == hit.quote
        assert library.verify(quote)
    assert documents[0].metadata["source"] == "https://example.org/a"
    assert documents[0].id == f"a/{hits[0].paragraph.id}"
    assert asyncio.run(retriever.ainvoke("spoke of fish")) == documents


def test_a_node_of_llama_index_holds_paragraph_quote_and_offsets(library: Library) -> None:
    retriever = llama_index.ReadoutRetriever(library, k=2)
    nodes = retriever.retrieve("spoke of fish")
    hits = library.retrieve("spoke of fish", k=2)
    assert [each.score for each in nodes] == [each.score for each in hits]
    for found, hit in zip(nodes, hits, strict=True):
        node = found.node
        assert isinstance(node, TextNode)
        assert hit.document.text[node.start_char_idx : node.end_char_idx] == node.text
        assert node.ref_doc_id == hit.document.id
        assert Quote.from_dict(node.metadata) == hit.quote
    shown = nodes[0].node.get_content(MetadataMode.LLM)
    assert "Fish talks, ¶ 2, 7 February 2025" in shown
    assert "sha256" not in shown
    again = asyncio.run(retriever.aretrieve(QueryBundle("spoke of fish")))
    assert [each.node.node_id for each in again] == [each.node.node_id for each in nodes]


def test_a_scope_narrows_both(library: Library) -> None:
    scope = Scope(since=date(2025, 1, 1))
    documents = langchain.ReadoutRetriever(library=library, scope=scope).invoke("spoke")
    nodes = llama_index.ReadoutRetriever(library, scope=scope).retrieve("spoke")
    assert {each.metadata["document"] for each in documents} == {"a"}
    assert {each.node.metadata["document"] for each in nodes} == {"a"}


def test_what_can_not_be_asked_raises_the_same(library: Library) -> None:
    with pytest.raises(QuestionError, match="empty"):
        langchain.ReadoutRetriever(library=library).invoke(" ")
    with pytest.raises(QuestionError, match="empty"):
        llama_index.ReadoutRetriever(library).retrieve(" ")


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("langchain", "langchain_core", "langchain"),
        ("llama_index", "llama_index", "llama-index"),
        ("mcp_server", "mcp", "mcp"),
    ],
)
def test_without_its_package_a_door_names_the_extra(module: str, package: str, extra: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; import assistant.{module}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=PROJECT)
    assert result.returncode == 1
    assert f"pip install 'readout-assistant[{extra}]'" in result.stderr.decode()
