"""The interface for programs over HTTP: what it takes, what it refuses, and how it says so."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from assistant.citations import Style, cite_all
from assistant.library import INDEX, SOURCES, Library
from assistant.schema import (
    AnswerFields,
    DocumentTextFields,
    HitFields,
    MatchFields,
    ProblemFields,
    QuoteFields,
    VerificationFields,
    WhyFields,
)
from assistant.web.api import create_api
from assistant.web.line import Line
from assistant.web.problems import BusyError
from assistant.web.service import Settings, guard, names_of
from tests.chat.serving import Faulty
from tests.toy import ToyEncoder

HOME = "http://127.0.0.1"
TOKEN = "a-token-of-some-length"
LOGIN = ("guest", "pass:word")


@pytest.fixture
def library(folder: Path) -> Library:
    (folder / SOURCES / "talks").mkdir()
    (folder / SOURCES / "talks" / "a.txt").write_text("They spoke of fish.\nThey met.")
    (folder / SOURCES / "b.txt").write_text("They spoke of tariffs.")
    library = Library(folder, ToyEncoder())
    library.build()
    return library


def client_of(library: Library, settings: Settings | None = None, base: str = HOME) -> TestClient:
    app = create_api(library)
    guard(app, settings or Settings())
    return TestClient(app, base_url=base, raise_server_exceptions=False)


@pytest.fixture
def client(library: Library) -> TestClient:
    return client_of(library)


def test_what_is_got_is_what_python_gives(client: TestClient, library: Library) -> None:
    asked = {"question": "spoke of fish", "k": 2, "history": ["tariffs"], "documents": ["talks/a"]}
    answer = client.post("/api/answer", json=asked).json()
    hits = client.post("/api/retrieve", json=asked).json()["hits"]
    assert len(hits) == 2
    assert answer["hits"] == hits
    assert {each["quote"]["document"] for each in hits} == {"talks/a"}
    plain = library.answer("spoke of fish")
    assert client.post("/api/answer", json={"question": "spoke of fish"}).json() == plain.as_dict()


def test_documents_are_listed_in_parts_and_read_whole(client: TestClient, library: Library) -> None:
    rows = [each.as_dict() for each in library.documents]
    assert client.get("/api/documents").json() == {"documents": rows, "total": 2}
    part = client.get("/api/documents?limit=1&offset=1").json()
    assert part == {"documents": rows[1:], "total": 2}
    whole = client.get("/api/documents/talks/a").json()
    assert whole == rows[1] | {"text": "They spoke of fish.\nThey met."}


@pytest.mark.parametrize("style", list(Style))
def test_quotes_are_cited_as_python_cites_them(
    client: TestClient, library: Library, style: Style
) -> None:
    quotes = [hit.quote for hit in library.retrieve("Taiwan", k=2)]
    sent = {"quotes": [each.as_dict() for each in quotes], "style": str(style)}
    assert client.post("/api/cite", json=sent).json() == {"references": cite_all(quotes, style)}
    sent["style"] = "vancouver"
    assert client.post("/api/cite", json=sent).status_code == 422


def test_quotes_are_verified_in_their_order(client: TestClient, library: Library) -> None:
    quote = library.retrieve("fish", k=1)[0].quote.as_dict()
    wrong = [quote | {"text": "They spoke of fowl."}, quote | {"path": "../a.txt"}]
    sent = {"quotes": [quote, *wrong, quote | {"path": "a\0.txt"}]}
    verdicts = client.post("/api/verify", json=sent).json()["verifications"]
    assert [each["verified"] for each in verdicts] == [True, False, False, False]
    assert verdicts[1]["reason"] == "talks/a.txt does not have these words"


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "detail"),
    [
        ("POST", "/api/answer", b"{}", 422, "question: Field required"),
        ("POST", "/api/answer", b"{", 422, "JSON decode error"),
        ("POST", "/api/answer", b"", 422, "the whole: Field required"),
        ("POST", "/api/answer", b'{"question": ""}', 422, "at least 1 character"),
        ("POST", "/api/answer", b'{"question": " "}', 422, "the question is empty"),
        ("POST", "/api/answer", b'{"question": "\\ud800"}', 422, "valid string"),
        ("POST", "/api/answer", b'{"question": "x", "k": 101}', 422, "k: Input should be less"),
        ("POST", "/api/answer", b'{"question": "x", "q": 1}', 422, "q: Extra inputs"),
        ("POST", "/api/answer", b'{"question": "x", "since": "soon"}', 422, "since: "),
        ("POST", "/api/answer", b'{"question": "x", "history": [1]}', 422, "history.0: "),
        ("POST", "/api/retrieve", b'{"question": "since:soon x"}', 422, "'soon' is no date"),
        ("POST", "/api/answer", json.dumps({"question": "x" * 2001}).encode(), 422, "at most 2000"),
        ("POST", "/api/answer", b" " * 1_100_000, 413, "more than 1,048,576 bytes"),
        ("POST", "/api/verify", b'{"quotes": []}', 422, "quotes: List should have at least 1"),
        ("GET", "/api/documents/nothing", b"", 404, "there is no readout of that id"),
        ("GET", "/api/documents/../../x", b"", 404, "Not Found"),
        ("GET", "/api/documents?limit=0", b"", 422, "limit: "),
        ("GET", "/api/nothing", b"", 404, "Not Found"),
        ("GET", "/api/answer", b"", 405, "Method Not Allowed"),
        ("DELETE", "/api/documents/b", b"", 405, "Method Not Allowed"),
        ("PUT", "/api/documents/b", b"{}", 405, "Method Not Allowed"),
        ("POST", "/v1/chat/completions", b"{}", 422, "model: Field required"),
        ("GET", "/v1/models/other", b"", 404, "its name is readout"),
    ],
)
def test_problems_are_told_as_such(
    client: TestClient, method: str, path: str, content: bytes, status: int, detail: str
) -> None:
    headers = {"content-type": "application/json"}
    response = client.request(method, path, content=content, headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = ProblemFields.model_validate(response.json())
    assert (problem.type, problem.status) == ("about:blank", status)
    assert detail in problem.detail
    assert ("error" in response.json()) is path.startswith("/v1")


@pytest.mark.parametrize(
    ("change", "status", "detail"),
    [
        ({"model": "gpt"}, 404, "there is one model here, and its name is readout"),
        ({"messages": []}, 422, "messages: List should have at least 1 item"),
        ({"messages": [{"role": "system", "content": "x"}]}, 422, "the last message must be"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            422,
            "only text can",
        ),
        ({"messages": [{"role": "user", "content": None}]}, 422, "the question is empty"),
        ({"n": 2}, 422, "n: Input should be 1"),
    ],
)
def test_completions_that_make_no_sense_are_refused(
    client: TestClient, change: dict[str, Any], status: int, detail: str
) -> None:
    asked = {"model": "readout", "messages": [{"role": "user", "content": "fish"}]}
    response = client.post("/v1/chat/completions", json=asked | change)
    assert response.status_code == status
    assert detail in response.json()["detail"]
    assert detail in response.json()["error"]["message"]


def test_a_question_in_parts_is_read_whole(client: TestClient, library: Library) -> None:
    parts = [{"type": "text", "text": "spoke"}, {"type": "text", "text": "of fish"}]
    said = [
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"role": "user", "content": parts},
    ]
    asked = {"model": "readout", "messages": said, "temperature": 0, "tools": []}
    reply = client.post("/v1/chat/completions", json=asked).json()
    assert reply["readout"] == library.answer("spoke\nof fish").as_dict()


def test_a_damaged_index_is_told_without_paths(client: TestClient, library: Library) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    (library.folder / INDEX / "manifest.json").write_text("{}")
    for path in ("/api/answer", "/api/retrieve"):
        response = client.post(path, json={"question": "fish"})
        assert response.status_code == 503
        assert "readout doctor" in response.json()["detail"]
        assert str(library.folder) not in response.text
    assert client.get("/healthz").status_code == 503


def test_what_nobody_foresaw_is_told_without_details(library: Library) -> None:
    client = client_of(Faulty(library.folder, ToyEncoder()))
    response = client.post("/api/answer", json={"question": "a fault"})
    assert response.status_code == 500
    assert response.json()["detail"] == "something went wrong here"


BASIC = "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()
BEARER = f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("settings", "sent", "status"),
    [
        (Settings(), None, 200),
        (Settings(token=TOKEN), None, 401),
        (Settings(token=TOKEN), BEARER, 200),
        (Settings(token=TOKEN), f"bearer  {TOKEN}", 200),
        (Settings(token=TOKEN), f"Bearer {TOKEN}x", 401),
        (Settings(token=TOKEN), f"Bearer {TOKEN[:-1]}", 401),
        (Settings(token=TOKEN), "Bearer ", 401),
        (Settings(token=TOKEN), BASIC, 401),
        (Settings(auth=LOGIN), None, 401),
        (Settings(auth=LOGIN), BASIC, 200),
        (Settings(auth=LOGIN), "Bearer ", 401),
        (Settings(auth=LOGIN), "Basic !", 401),
        (Settings(auth=LOGIN), "Bearer None", 401),
        (Settings(auth=LOGIN, token=TOKEN), BASIC, 200),
        (Settings(auth=LOGIN, token=TOKEN), BEARER, 200),
        (Settings(auth=LOGIN, token=TOKEN), None, 401),
    ],
)
def test_the_login_or_the_token_is_asked_for(
    library: Library, settings: Settings, sent: str | None, status: int
) -> None:
    client = client_of(library, settings)
    headers = {"authorization": sent} if sent else {}
    for path in ("/api/documents", "/api/openapi.json", "/v1/models"):
        response = client.get(path, headers=headers)
        assert response.status_code == status
        if status == 401:
            assert response.headers["content-type"] == "application/problem+json"
            assert ("Bearer" in response.headers["www-authenticate"]) is bool(settings.token)
            assert ("Basic" in response.headers["www-authenticate"]) is bool(settings.auth)
    assert client.get("/healthz").status_code == 200


def test_another_name_for_this_host_is_refused(library: Library) -> None:
    assert client_of(library, base="http://evil.example").get("/api/documents").status_code == 400
    named = Settings(hosts=("readouts.example",))
    assert client_of(library, named, "http://readouts.example").get("/healthz").status_code == 200
    assert [names_of(each) for each in ("127.0.0.1", "::1", "0.0.0.0", "10.0.0.1")] == [
        (),
        (),
        ("*",),
        ("10.0.0.1",),
    ]


def test_other_sites_are_refused_unless_they_are_named(library: Library) -> None:
    site = {"origin": "https://reader.example"}
    question = {"question": "fish"}
    closed = client_of(library)
    assert closed.post("/api/answer", json=question, headers=site).status_code == 403
    assert closed.post("/api/answer", json=question, headers={"origin": "null"}).status_code == 403
    assert "access-control-allow-origin" not in closed.get("/api/documents", headers=site).headers
    named = client_of(library, Settings(origins=("https://reader.example",), token=TOKEN))
    asking = site | {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    preflight = named.options("/api/answer", headers=asking)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://reader.example"
    assert named.options("/documents", headers=asking).status_code == 401  # the chat's own
    response = named.post("/api/answer", json=question, headers=site | {"authorization": BEARER})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://reader.example"
    other = {"origin": "https://other.example", "authorization": BEARER}
    assert named.post("/api/answer", json=question, headers=other).status_code == 403


def test_security_headers_are_on_every_response(client: TestClient) -> None:
    for path in ("/api/documents", "/nothing", "/healthz"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_those_who_ask_wait_in_a_line_of_some_length() -> None:
    async def ask() -> None:
        line = Line(at_once=1, waiting=1)
        release = threading.Event()
        done: list[bool] = []

        async def one() -> None:
            done.append(await line.run(release.wait, 60))

        async with anyio.create_task_group() as group:
            group.start_soon(one)
            group.start_soon(one)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(BusyError):
                await line.run(release.wait)
            release.set()
        assert done == [True, True]

    anyio.run(ask)


def test_a_line_too_long_is_told(library: Library) -> None:
    app = create_api(library, waiting=0)
    response = TestClient(app).post("/api/answer", json={"question": "fish"})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"


def examples(description: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for path, operations in description["paths"].items():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content["schema"].get("$ref", "").rpartition("/")[2]
                default = description["components"]["schemas"].get(schema, {}).get("example")
                for example in content.get("examples", {"": {"value": default}}).values():
                    yield path, example["value"]


def test_the_description_is_complete_and_its_examples_work(summit: Library) -> None:
    client = client_of(summit)
    description = client.get("/api/openapi.json").json()
    assert {
        f"{method} {path}"
        for path, operations in description["paths"].items()
        for method in operations
    } == {
        "post /api/retrieve",
        "post /api/answer",
        "post /api/verify",
        "post /api/cite",
        "get /api/documents",
        "get /api/documents/{name}",
        "get /healthz",
        "get /v1/models",
        "get /v1/models/{name}",
        "post /v1/chat/completions",
    }
    tried = list(examples(description))
    assert len(tried) == 9
    for path, value in tried:
        response = client.post(path, json=value)
        assert response.status_code == 200
        assert response.json().get("hits") != []
        assert all(each["verified"] for each in response.json().get("verifications", ()))


def test_the_description_has_the_fields_that_come(library: Library) -> None:
    answer = library.answer("spoke of fish")
    hit = answer.hits[0]
    described: list[tuple[type[BaseModel], dict[str, Any]]] = [
        (AnswerFields, answer.as_dict()),
        (HitFields, hit.as_dict()),
        (QuoteFields, hit.quote.as_dict()),
        (WhyFields, hit.why.as_dict()),
        (MatchFields, hit.why.as_dict()["matches"][0]),
        (DocumentTextFields, hit.document.as_dict(text=True)),
        (VerificationFields, library.verify(hit.quote).as_dict()),
    ]
    for model, fields in described:
        assert list(model.model_fields) == list(fields)
        assert model.model_validate(fields).model_dump() == fields
    assert QuoteFields.model_validate(hit.quote.as_dict()).quote() == hit.quote


def test_many_asking_at_once_get_what_each_asked_for(client: TestClient, library: Library) -> None:
    questions = ["spoke of fish", "tariffs", "met"] * 10

    def ask(question: str) -> Any:
        return client.post("/api/answer", json={"question": question}).json()

    with client, ThreadPoolExecutor(8) as pool:  # entered, it has one event loop, as a server has
        replies = list(pool.map(ask, questions))
    assert replies == [library.answer(each).as_dict() for each in questions]
