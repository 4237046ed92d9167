"""The Model Context Protocol: what the tools say of themselves, and whom the server listens to."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import mcp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from assistant.library import INDEX, SOURCES, Library
from assistant.mcp_server import create_app, create_server
from assistant.web.service import Settings
from tests.toy import ToyEncoder

Result = TypeVar("Result")
TOKEN = "a-token-of-some-length"


@pytest.fixture
def library(folder: Path) -> Library:
    (folder / SOURCES / "a.txt").write_text("They spoke of fish.\nThey met.")
    (folder / SOURCES / "b.txt").write_text("They spoke of tariffs.")
    library = Library(folder, ToyEncoder())
    library.build()
    return library


def within(library: Library, use: Callable[[mcp.Client], Awaitable[Result]]) -> Result:
    """What ``use`` returns of a client of the server over ``library``."""

    async def connected() -> Result:
        async with mcp.Client(create_server(library)) as client:
            return await use(client)

    return asyncio.run(connected())


def call(library: Library, tool: str, **arguments: Any) -> Any:
    result = within(library, lambda client: client.call_tool(tool, arguments))
    assert not result.is_error, result.content
    assert json.loads(getattr(result.content[0], "text", "")) == result.structured_content
    return result.structured_content


def test_the_tools_read_only_and_describe_what_they_give(library: Library) -> None:
    tools = within(library, lambda client: client.list_tools()).tools
    assert [each.name for each in tools] == ["search", "fetch", "answer", "verify"]
    for tool in tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.destructive_hint is False
        assert tool.annotations.open_world_hint is False
        assert tool.description
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"


def test_search_and_fetch_lead_from_a_question_to_the_text(library: Library) -> None:
    (first, *_) = call(library, "search", query="spoke of fish")["results"]
    hit = library.retrieve("spoke of fish")[0]
    assert first == {"id": "a", "title": "A", "url": ""} | hit.as_dict()
    fetched = call(library, "fetch", id=first["id"])
    assert fetched == hit.document.as_dict(text=True)
    quote = first["quote"]
    assert fetched["text"][quote["start"] : quote["end"]] == quote["text"]


def test_answer_and_verify_give_what_python_gives(library: Library) -> None:
    answer = call(library, "answer", question="spoke of fish", history=["tariffs"], k=2)
    assert answer == library.answer("spoke of fish", history=["tariffs"], k=2).as_dict()
    narrowed = call(library, "answer", question="spoke", narrowing={"documents": ["b"]})
    assert {each["quote"]["document"] for each in narrowed["hits"]} == {"b"}
    quotes = [each["quote"] for each in narrowed["hits"]]
    verdicts = call(library, "verify", quotes={"quotes": quotes})["verifications"]
    assert all(each["verified"] for each in verdicts)
    assert len(verdicts) == len(quotes)


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("answer", {"question": " "}, "the question is empty"),
        ("answer", {}, "Field required"),
        ("search", {"query": "fish", "k": 0}, "greater than or equal to 1"),
        ("search", {"query": "since:soon fish"}, "is no date"),
        ("fetch", {"id": "nothing"}, "there is no readout of that id"),
        ("verify", {"quotes": {"quotes": [{"text": "x"}]}}, "Field required"),
    ],
)
def test_mistakes_are_told_to_who_calls(
    library: Library, tool: str, arguments: dict[str, Any], words: str
) -> None:
    result = within(library, lambda client: client.call_tool(tool, arguments))
    assert result.is_error
    assert words in getattr(result.content[0], "text", "")


def test_an_unusable_index_is_told_without_paths(library: Library) -> None:
    (library.folder / INDEX / "manifest.json").write_text("{}")
    result = within(library, lambda client: client.call_tool("answer", {"question": "fish"}))
    text = getattr(result.content[0], "text", "")
    assert "the readouts can't be asked (IndexDamagedError)" in text
    assert str(library.folder) not in text


ACCEPTING = {
    "accept": "application/json, text/event-stream",
    "content-type": "application/json",
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TYPED = {
    "query": st.text() | st.sampled_from(["spoke", "since:2025 fish", '"fish" issuer:x', "a\0b"]),
    "question": st.text() | st.sampled_from(["spoke", "document:.. fish", "until:9999-99-99"]),
    "id": st.text() | st.sampled_from(["a", "../a", "a\0", "/etc/passwd"]),
    "k": st.integers(),
    "history": st.lists(st.text(), max_size=3),
    "narrowing": st.fixed_dictionaries(
        {}, optional={"documents": st.lists(st.text()), "issuer": st.text(), "since": st.text()}
    ),
    "quotes": st.fixed_dictionaries({"quotes": st.lists(ANYTHING, max_size=2)}),
}
ARGUMENTS = st.fixed_dictionaries({}, optional=TYPED) | st.dictionaries(
    st.sampled_from(sorted(TYPED)) | st.text(), ANYTHING, max_size=4
)
TOLD = re.compile("validation error|the question|readout of that id|is no date")


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(["search", "fetch", "answer", "verify"]), ARGUMENTS)))
def test_whatever_a_tool_is_given_it_gives_what_it_promises_or_tells_the_mistake(
    library: Library, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    async def all_of_them(client: mcp.Client) -> list[Any]:
        return [await client.call_tool(*each) for each in calls]

    for result, asked in zip(within(library, all_of_them), calls, strict=True):
        text = getattr(result.content[0], "text", "")
        assert str(library.folder) not in text
        if result.is_error:
            assert TOLD.search(text), (asked, text)
        else:
            assert json.loads(text) == result.structured_content


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.binary() | ANYTHING.map(lambda each: json.dumps(each).encode()))
def test_whatever_is_posted_the_server_has_no_fault(library: Library, body: bytes) -> None:
    with TestClient(create_app(library, Settings()), base_url="http://127.0.0.1") as client:
        response = client.post("/mcp", content=body, headers=ACCEPTING)
    assert 400 <= response.status_code < 500


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@pytest.mark.parametrize(
    ("settings", "base", "headers", "status"),
    [
        (Settings(), "http://127.0.0.1:7861", {}, 200),
        (Settings(), "http://localhost", {}, 200),
        (Settings(), "http://evil.example:7861", {}, 400),
        (Settings(), "http://127.0.0.1:7861", {"origin": "http://evil.example"}, 403),
        (Settings(), "http://127.0.0.1:7861", {"origin": "http://127.0.0.1:7861"}, 200),
        (Settings(hosts=("10.0.0.1",)), "http://10.0.0.1:7861", {}, 200),
        (Settings(hosts=("10.0.0.1",)), "http://127.0.0.1:7861", {}, 400),
        (Settings(token=TOKEN), "http://127.0.0.1:7861", {}, 401),
        (Settings(token=TOKEN), "http://127.0.0.1:7861", {"authorization": "Bearer x"}, 401),
        (
            Settings(token=TOKEN),
            "http://127.0.0.1:7861",
            {"authorization": f"Bearer {TOKEN}"},
            200,
        ),
    ],
)
def test_http_listens_to_its_own_names_and_those_with_the_token(
    library: Library, settings: Settings, base: str, headers: dict[str, str], status: int
) -> None:
    accepting = {"accept": "application/json, text/event-stream"} | headers
    with TestClient(create_app(library, settings), base_url=base) as client:
        response = client.post("/mcp", json=INITIALIZE, headers=accepting)
    assert response.status_code == status
    if status == 200:
        assert response.json()["result"]["serverInfo"]["name"] == "readout-assistant"
