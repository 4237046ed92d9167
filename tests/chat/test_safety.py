"""Documents, questions and other sites may all mean harm."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml
from gradio.routes import App as GradioApp
from playwright.sync_api import Browser

from assistant.library import SOURCES, Library
from assistant.web.server import create_app
from assistant.web.service import Settings
from tests.chat.conftest import Visit, Visits
from tests.chat.serving import Chat, Faulty, serving

HOSTILE = [
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    "<svg/onload=window.pwned=1>",
    "[click me](javascript:window.pwned=1)",
    '<a href="data:text/html,<script>parent.pwned=1</script>">data</a>',
    "${window.pwned = 1} and `${window.pwned = 1}`",
    "{{window.pwned = 1}} {{constructor.constructor('window.pwned=1')()}} {% raw %}",
    "**bold** _em_ ~~gone~~ `code` # no heading > no quote - no list 1. no number",
    "$x^2$ and $$\\frac{1}{2}$$ and \\(a\\) and \\[b\\]",
    "\u202eright to left override gnp.exe\u202c and back",
    "zero\u200bwidth\u200cjoiners\u200dand\ufeffmarks and soft\u00adhyphens",
    "x" * 1_900,
    "&amp; &lt;b&gt; &#60;i&#62; &nbsp; &#x202e; &notanentity;",
    "</blockquote></figure></div></article></main></body><h1>out of the box</h1>",
    "<iframe srcdoc='<script>top.pwned=1</script>'></iframe><object data=x></object>",
    "![picture](http://other.invalid/x.png) <img src='http://other.invalid/y.png'>",
    "http://other.invalid/link www.other.invalid someone@other.invalid",
    "| a | b | ``` fence ``` ~~~ tilde ~~~ <!-- comment --> :::note",
    "<style>* { display: none }</style><link rel=stylesheet href=//other.invalid/a.css>",
    "\"><input autofocus onfocus=window.pwned=1> ' onclick='window.pwned=1",
    "<thinking>not thought</thinking> <details open ontoggle=window.pwned=1>",
    "Z\u0334\u0321a\u0337\u0322lgo, \U0001f469\u200d\U0001f469\u200d\U0001f467, \ud55c\uad6d\uc5b4",
]
LONG_WORD = "y" * 10_000


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    """A chat whose documents, titles and issuers are all hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    sources = folder / "source_docs"
    sources.mkdir()
    for number, text in enumerate([*HOSTILE, LONG_WORD]):
        name = f"{number:02} <b>&'\"${{1}}"
        (sources / f"{name}.txt").write_text(f"Item {number}: {text}", encoding="utf-8")
        metadata = yaml.safe_dump({"title": text[:500], "issuer": text[:500]})
        (sources / f"{name}.yaml").write_text(metadata, encoding="utf-8")
    Library.open(folder).build()
    with serving(folder) as running:
        yield running


def test_hostile_text_shows_as_it_is_and_does_nothing(visits: Visits, hostile: Chat) -> None:
    library = Library.open(hostile.folder)
    texts = [paragraph.text for each in library.documents for paragraph in each.paragraphs]
    visit = visits(hostile)
    visit.open()
    for number, text in enumerate(HOSTILE):
        visit.ask(text)
        assert visit.texts(".asked")[number] == text
        for passage in visit.texts("#conversation blockquote"):
            assert any(passage in each for each in texts)
    titles = {each.title for each in library.documents}
    assert set(visit.texts(".cited .title")) <= titles
    for document in library.documents:
        with visit.page.expect_response("**/panel/documents**"):
            visit.page.locator("#panel .back").click()
        visit.page.locator("#panel .list").wait_for()
        with visit.page.expect_response("**/panel/source**"):
            visit.page.locator(f"#panel a[href^='/?cite={document.id[:2]}%20']").click()
        visit.page.locator("#panel .text").wait_for()
        assert visit.texts("#panel section p") == [each.text for each in document.paragraphs]
        assert visit.texts("#panel h2") == [document.title]
    assert visit.page.evaluate("() => window.pwned") is None
    assert outside(visit) == []


def outside(visit: Visit) -> list[str]:
    """Requests that left the chat's own host."""
    inside = (visit.chat.url, "data:", "blob:")
    return [each for each in visit.requests if not each.startswith(inside)]


def test_no_request_leaves_for_another_host(visit: Visit) -> None:
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    visit.page.locator("#new-chat").click()
    assert len(visit.requests) > 20
    assert outside(visit) == []


def test_a_request_to_another_host_would_be_seen(browser: Browser, chat: Chat) -> None:
    context = browser.new_context(bypass_csp=True)
    visit = Visit(context, chat)
    visit.open()
    with visit.page.expect_request("http://other.invalid/**"):
        visit.page.evaluate("() => { new Image().src = 'http://other.invalid/seen.png' }")
    assert outside(visit) == ["http://other.invalid/seen.png"]
    context.close()


def status(url: str, **options: object) -> int:
    try:
        with urlopen(Request(url, **options)) as response:  # type: ignore[arg-type]
            code: int = response.status
            return code
    except HTTPError as error:
        error.close()
        return error.code


@pytest.mark.parametrize(
    "path",
    [
        "/chat/en/gradio_api/upload",
        "/chat/en/gradio_api/file=/etc/passwd",
        "/chat/en/gradio_api/run/ask",
        "/chat/en/gradio_api/call/ask",
        "/chat/en/gradio_api/run/answer",
        "/chat/en/gradio_api/call/answer",
        "/chat/en/gradio_api/component_server",
        "/chat/en/gradio_api/proxy=http://other.invalid/",
        "/chat/en/monitoring",
        "/chat/en/",
        "/static/../chat.py",
        "/static/%2e%2e/chat.py",
        "/assets/%2e%2e/index.html",
        "/docs",
        "/openapi.json",
    ],
)
def test_nothing_is_open_that_the_chat_does_not_need(chat: Chat, path: str) -> None:
    assert status(chat.url + path) == 404
    assert status(chat.url + path, data=b"{}", method="POST") in (404, 405)


def test_a_page_of_another_site_can_change_nothing(chat: Chat) -> None:
    join = f"{chat.url}/chat/en/gradio_api/queue/join"
    headers = {"origin": "http://other.invalid", "content-type": "application/json"}
    assert status(join, data=b"{}", headers=headers, method="POST") == 403
    documents = f"{chat.url}/documents/japan-us-summit-2025-02-07"
    assert status(documents, headers=headers, method="DELETE") == 403


def test_another_name_for_this_host_is_refused(chat: Chat) -> None:
    assert status(chat.url, headers={"host": "other.invalid"}) == 400


def test_a_request_too_large_is_refused(chat: Chat) -> None:
    join = f"{chat.url}/chat/en/gradio_api/queue/join"
    assert status(join, data=b"x" * 100_000, method="POST") == 413


def test_every_response_carries_the_security_headers(chat: Chat) -> None:
    for path in ("/", "/health", "/chat/en/config"):
        with urlopen(chat.url + path) as response:
            policy = response.headers["content-security-policy"]
            assert "script-src 'self';" in policy
            assert "frame-ancestors 'none'" in policy
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["cache-control"] == "no-store"
            assert "server" not in response.headers


def test_a_question_too_long_is_refused_in_words_and_can_be_shortened(visit: Visit) -> None:
    visit.ask("why " * 1_000)
    assert "at most 2,000 are read" in visit.texts(".answer")[0]
    assert visit.page.locator("#question textarea").input_value() == "why " * 1_000


def ask(chat: Chat, person: int) -> str:
    """Ask as the page does, and return the last reply's HTML."""
    question = f"Does the treaty cover the Senkaku Islands? I am person {person}."
    config = json.load(urlopen(f"{chat.url}/chat/en/config"))
    asking = next(each for each in config["dependencies"] if each["api_name"] == "ask")
    session = f"session{person}"
    body = {
        "data": [question, f"conversation={person:032x}"],
        "fn_index": asking["id"],
        "session_hash": session,
    }
    root = f"{chat.url}/chat/en/gradio_api/queue"
    headers = {"content-type": "application/json"}
    urlopen(Request(f"{root}/join", json.dumps(body).encode(), headers)).close()
    with urlopen(f"{root}/data?session_hash={session}") as events:
        for line in events:
            if line.startswith(b"data:"):
                event = json.loads(line[5:])
                if event["msg"] == "process_completed":
                    assert event["success"], event
                    messages = event["output"]["data"][0]
                    assert len(messages) == 2
                    assert f"person&#32;{person}&#46;" in messages[0]["content"][0]["text"]
                    return str(messages[1]["content"][0]["text"])
    raise AssertionError("no answer came")


def test_thirty_people_asking_at_once_are_all_answered(chat: Chat) -> None:
    with ThreadPoolExecutor(30) as people:
        replies = list(people.map(lambda person: ask(chat, person), range(30)))
    assert all("Senkaku&#32;Islands" in each for each in replies)


def test_what_gradio_remembers_of_each_page_is_bounded(tmp_path: Path) -> None:
    (tmp_path / SOURCES).mkdir()
    app = create_app(Library(tmp_path))
    mounted = [getattr(route, "app", None) for route in app.routes]
    chats = [each for each in mounted if isinstance(each, GradioApp)]
    assert len(chats) == 2
    for each in chats:
        for number in range(150):
            each.state_holder[f"page {number}"]
        assert len(each.state_holder.session_data) == 100


def test_a_fault_is_told_without_its_details_and_the_chat_goes_on(
    visits: Visits, summit: Library
) -> None:
    with serving(summit.folder, Settings(auth=("guest", "pass:word")), library=Faulty) as chat:
        assert status(chat.url) == 401
        wrong = base64.b64encode(b"guest:word").decode()
        assert status(chat.url, headers={"authorization": f"Basic {wrong}"}) == 401
        assert status(chat.url, headers={"authorization": "Basic \xff"}) == 401
        visit = visits(chat, http_credentials={"username": "guest", "password": "pass:word"})
        visit.open()
        visit.ask("Is there a fault?")
        assert visit.texts(".asked") == ["Is there a fault?"]
        assert "Something went wrong here" in visit.texts(".answer")[0]
        assert "nobody's business" not in visit.page.content()
        visit.page.locator("#question textarea").fill("And the Senkaku Islands?")
        visit.page.keyboard.press("Enter")
        visit.page.locator("blockquote", has_text="Senkaku").wait_for()
        visit.context.close()


def test_the_page_says_when_the_server_has_ended_and_when_it_is_back(
    browser: Browser, summit: Library
) -> None:
    context = browser.new_context()
    with serving(summit.folder) as chat:
        visit = Visit(context, chat)
        visit.open()
        chat.process.terminate()
        chat.process.wait(timeout=10)  # though the page is open
        visit.page.locator("#connection", has_text="not running").wait_for()
        with serving(summit.folder, port=int(chat.url.rpartition(":")[2])):
            visit.page.locator("#connection", has_text="restarted").wait_for()
            visit.page.locator("#reload").click()
            visit.page.locator("body.empty:not(.loading)").wait_for()
    context.close()
