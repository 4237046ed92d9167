"""The same questions at every door, each through its own real client, get the same quotes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import gradio_client
import mcp
import openai
import pytest

from assistant.langchain import ReadoutRetriever as LangChainRetriever
from assistant.library import Library
from assistant.llama_index import ReadoutRetriever as LlamaIndexRetriever
from assistant.types import Answer, Quote
from assistant.web.service import Settings
from tests.chat.serving import free_port, serving
from tests.conftest import PROJECT

QUESTIONS = [
    "Does the treaty cover the Senkaku Islands?",
    "How long did the meeting last?",
    "What did they say about Taiwan?",
    "How much does Japan want to invest in the U.S.?",
    "Was liquefied natural gas discussed?",
    "What was agreed on North Korea?",
    'What was said about "extended deterrence"?',
    "Who attended the working lunch?",
    "How do I bake sourdough bread?",
    "semiconductors document:japan-us-summit-2025-02-07 since:2025",
]
HISTORY = ["What did they say about Taiwan?"]
FOLLOW_UP = "And on North Korea?"
READOUT = "import tests.conftest; from assistant.cli import main; main()"


class Place(NamedTuple):
    """What makes a quote: its words, and where they stand in which text."""

    text: str
    document: str
    start: int
    end: int
    sha256: str


class Reply(NamedTuple):
    """What a door gave: quotes, where it answers, and the best sentence of each passage."""

    quotes: tuple[Place, ...] | None
    hits: tuple[Place, ...]


def place(fields: dict[str, Any]) -> Place:
    return Place(*(fields[name] for name in Place._fields))


def answered(content: dict[str, Any]) -> Reply:
    """The reply in an answer as JSON."""
    quotes = tuple(place(each) for each in content["quotes"])
    return Reply(quotes, found(content["hits"]).hits)


def found(hits: Sequence[dict[str, Any]]) -> Reply:
    """The reply in hits as JSON."""
    return Reply(None, tuple(place(each["quote"]) for each in hits))


@contextmanager
def served(library: Library, *arguments: str) -> Iterator[str]:
    """What ``readout`` serves on a port of its own, ended on leaving; the address without path."""
    port = free_port()
    command = [sys.executable, "-c", READOUT, "--library", str(library.folder), *arguments]
    process = subprocess.Popen([*command, "--port", str(port)], cwd=PROJECT)
    try:
        while True:
            try:
                urlopen(f"http://127.0.0.1:{port}/").close()
            except HTTPError as error:  # it is there, and has no such page
                error.close()
            except URLError:
                assert process.poll() is None
                time.sleep(0.1)
                continue
            break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


@dataclass(frozen=True)
class Doors:
    """The library, and where it is served."""

    library: Library
    chat: str
    mcp: str


@pytest.fixture(scope="module")
def doors(summit: Library) -> Iterator[Doors]:
    with serving(summit.folder) as chat, served(summit, "mcp", "--http") as protocol:
        yield Doors(summit, chat.url, f"{protocol}/mcp")


def post(url: str, content: object) -> Any:
    request = Request(url, json.dumps(content).encode(), {"content-type": "application/json"})
    with urlopen(request) as response:
        return json.load(response)


def by_python(doors: Doors, questions: Sequence[str], history: Sequence[str]) -> list[Reply]:
    def reply(answer: Answer) -> Reply:
        return answered(answer.as_dict())

    return [reply(doors.library.answer(each, history=history)) for each in questions]


def by_command_line(doors: Doors, questions: Sequence[str], history: Sequence[str]) -> list[Reply]:
    earlier = [word for each in history for word in ("--history", each)]
    command = [sys.executable, "-c", READOUT, "ask", "--json", *earlier]
    result = subprocess.run(
        [*command, "--library", str(doors.library.folder)],
        input="\n".join(questions),
        capture_output=True,
        encoding="utf-8",
        check=True,
        cwd=PROJECT,
    )
    return [answered(json.loads(line)) for line in result.stdout.splitlines()]


def by_http(doors: Doors, questions: Sequence[str], history: Sequence[str]) -> list[Reply]:
    url = f"{doors.chat}/api/answer"
    return [answered(post(url, {"question": each, "history": list(history)})) for each in questions]


def by_http_retrieving(
    doors: Doors, questions: Sequence[str], history: Sequence[str]
) -> list[Reply]:
    url = f"{doors.chat}/api/retrieve"
    contents = [{"question": each, "history": list(history)} for each in questions]
    return [found(post(url, each)["hits"]) for each in contents]


def messages(question: str, history: Sequence[str]) -> list[Any]:
    said = [{"role": "system", "content": "Answer in verse."}]
    for each in history:
        said += [{"role": "user", "content": each}, {"role": "assistant", "content": "So."}]
    return [*said, {"role": "user", "content": question}]


def extra(completion: Any) -> dict[str, Any]:
    """The answer as JSON, in the field that only we send."""
    content: dict[str, Any] = completion.model_extra["readout"]
    return content


def by_openai(doors: Doors, questions: Sequence[str], history: Sequence[str]) -> list[Reply]:
    replies = []
    with openai.OpenAI(base_url=f"{doors.chat}/v1", api_key="unused") as client:
        (model,) = client.models.list().data
        for question in questions:
            completion = client.chat.completions.create(
                model=model.id, messages=messages(question, history)
            )
            assert completion.choices[0].message.content
            replies.append(answered(extra(completion)))
    return replies


def by_openai_streaming(
    doors: Doors, questions: Sequence[str], history: Sequence[str]
) -> list[Reply]:
    replies = []
    with openai.OpenAI(base_url=f"{doors.chat}/v1", api_key="unused") as client:
        for question in questions:
            asked: Any = {"model": "readout", "messages": messages(question, history)}
            whole = client.chat.completions.create(**asked)
            chunks = list(client.chat.completions.create(**asked, stream=True))
            said = "".join(each.choices[0].delta.content or "" for each in chunks)
            assert said == whole.choices[0].message.content
            assert chunks[-1].choices[0].finish_reason == "stop"
            replies.append(answered(extra(chunks[-1])))
    return replies


async def by_protocol(
    server: mcp.StdioServerParameters | str, questions: Sequence[str], history: Sequence[str]
) -> list[Reply]:
    replies = []
    async with mcp.Client(server) as client:
        for question in questions:
            result = await client.call_tool(
                "answer", {"question": question, "history": list(history)}
            )
            assert not result.is_error
            replies.append(answered(result.structured_content))
    return replies


def by_mcp(doors: Doors, questions: Sequence[str], history: Sequence[str]) -> list[Reply]:
    arguments = ["-c", READOUT, "--library", str(doors.library.folder), "mcp"]
    server = mcp.StdioServerParameters(command=sys.executable, args=arguments, cwd=PROJECT)
    return asyncio.run(by_protocol(server, questions, history))


def by_mcp_over_http(doors: Doors, questions: Sequence[str], history: Sequence[str]) -> list[Reply]:
    return asyncio.run(by_protocol(doors.mcp, questions, history))


def by_gradio(doors: Doors, questions: Sequence[str], history: Sequence[str]) -> list[Reply]:
    client = gradio_client.Client(
        f"{doors.chat}/chat/en/", verbose=False, analytics_enabled=False, download_files=False
    )
    try:
        return [
            answered(client.predict(each, list(history), 5, api_name="/answer"))
            for each in questions
        ]
    finally:
        client.close()


def by_langchain(doors: Doors, questions: Sequence[str], history: Sequence[str]) -> list[Reply]:
    retriever = LangChainRetriever(library=doors.library)
    return [
        Reply(None, tuple(place(each.metadata) for each in retriever.invoke(question)))
        for question in questions
    ]


def by_llama_index(doors: Doors, questions: Sequence[str], history: Sequence[str]) -> list[Reply]:
    retriever = LlamaIndexRetriever(doors.library)
    return [
        Reply(None, tuple(place(each.metadata) for each in retriever.retrieve(question)))
        for question in questions
    ]


Door = Callable[[Doors, Sequence[str], Sequence[str]], list[Reply]]
WITH_HISTORY: list[Door] = [
    by_command_line,
    by_http,
    by_http_retrieving,
    by_openai,
    by_openai_streaming,
    by_mcp,
    by_mcp_over_http,
    by_gradio,
]
WITHOUT_HISTORY: list[Door] = [by_langchain, by_llama_index]


def named(door: Door) -> str:
    return door.__name__


def check(replies: Sequence[Reply], expected: Sequence[Reply]) -> None:
    assert [each.hits for each in replies] == [each.hits for each in expected]
    if any(each.quotes is not None for each in replies):
        assert [each.quotes for each in replies] == [each.quotes for each in expected]


@pytest.mark.parametrize("door", [*WITH_HISTORY, *WITHOUT_HISTORY], ids=named)
def test_the_same_questions_get_the_same_quotes(doors: Doors, door: Door) -> None:
    expected = by_python(doors, QUESTIONS, [])
    assert len({each.hits for each in expected}) == len(QUESTIONS)
    assert sum(bool(each.quotes) for each in expected) >= 6
    assert any(each.quotes == () for each in expected)
    check(door(doors, QUESTIONS, []), expected)


@pytest.mark.parametrize("door", WITH_HISTORY, ids=named)
def test_a_follow_up_gets_the_same_quotes(doors: Doors, door: Door) -> None:
    expected = by_python(doors, [FOLLOW_UP], HISTORY)
    assert expected != by_python(doors, [FOLLOW_UP], [])
    check(door(doors, [FOLLOW_UP], HISTORY), expected)


def test_with_a_password_every_door_wants_it_or_the_token(summit: Library) -> None:
    token = "a-token-of-some-length"
    bearer = {"authorization": f"Bearer {token}"}
    with serving(summit.folder, Settings(auth=("guest", "word"), token=token)) as chat:
        for path in ("/", "/api/documents", "/v1/models", "/chat/en/config", "/static/chat.css"):
            with pytest.raises(HTTPError, match="401") as refused:
                urlopen(chat.url + path)
            refused.value.close()
            urlopen(Request(chat.url + path, headers=bearer)).close()
        client = gradio_client.Client(
            f"{chat.url}/chat/en/",
            headers=bearer,
            verbose=False,
            analytics_enabled=False,
            download_files=False,
        )
        answer = client.predict(QUESTIONS[0], [], 5, api_name="/answer")
        client.close()
        with openai.OpenAI(base_url=f"{chat.url}/v1", api_key=token) as program:
            asked = messages(QUESTIONS[0], [])
            completion = program.chat.completions.create(model="readout", messages=asked)
            assert extra(completion) == answer == summit.answer(QUESTIONS[0]).as_dict()
        with (
            openai.OpenAI(base_url=f"{chat.url}/v1", api_key="guessed") as stranger,
            pytest.raises(openai.AuthenticationError, match="a password or a token is needed"),
        ):
            stranger.models.list()


def test_programs_are_served_without_the_chat_too(summit: Library) -> None:
    with served(summit, "serve") as url:
        answer = post(f"{url}/api/answer", {"question": QUESTIONS[0]})
        assert answer == summit.answer(QUESTIONS[0]).as_dict()
        with urlopen(f"{url}/healthz") as response:
            assert json.load(response) == {"status": "ok"}
        for path in ("/", "/documents", "/chat/en/config"):
            with pytest.raises(HTTPError, match="404") as missing:
                urlopen(url + path)
            missing.value.close()


def test_what_came_through_a_door_verifies(doors: Doors) -> None:
    answer = post(f"{doors.chat}/api/answer", {"question": QUESTIONS[0]})
    (verdict,) = post(f"{doors.chat}/api/verify", answer)["verifications"]
    quote = Quote.from_dict(answer["quotes"][0])
    assert verdict == doors.library.verify(quote).as_dict()
    assert verdict["verified"]
