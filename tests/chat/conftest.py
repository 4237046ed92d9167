"""A real server over the readout that ships, and a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from assistant.library import Library
from tests.chat.serving import Chat, serving

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


expect.set_options(timeout=30_000)  # what must be seen, not how fast: the machine may be busy


@pytest.fixture(scope="session")
def chat(summit: Library) -> Iterator[Chat]:
    """The chat over the readout that ships."""
    with serving(summit.folder) as running:
        yield running


def launch(playwright: Playwright) -> Browser:
    """The machine's own Chromium, which asks nobody anything by itself."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, f"the chat is looked at with one of {', '.join(BROWSERS)}; install one"
    return playwright.chromium.launch(executable_path=path, args=list(QUIET))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


class Visit:
    """A page of the chat, with what went wrong on it and whom it asked."""

    def __init__(self, context: BrowserContext, chat: Chat) -> None:
        self.context = context
        self.chat = chat
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _heard(self, message: object) -> None:
        kind, text = getattr(message, "type", ""), getattr(message, "text", "")
        if kind in ("error", "warning"):
            self.errors.append(text)

    def open(self, address: str = "/") -> None:
        self.page.goto(self.chat.url + address)
        self.page.locator("body:not(.loading)").wait_for()

    def ask(self, question: str) -> None:
        """Ask, and wait until it is answered."""
        answers = self.page.locator("gradio-app .answer")
        before = answers.count()
        self.page.locator("#question textarea").fill(question)
        self.page.keyboard.press("Enter")
        answers.nth(before).wait_for()

    def texts(self, selector: str) -> list[str]:
        return [each.text_content() or "" for each in self.page.locator(selector).all()]


class Visits:
    """Opens visits in contexts of their own and closes them together."""

    def __init__(self, browser: Browser, chat: Chat) -> None:
        self.browser = browser
        self.chat = chat
        self.open: list[Visit] = []

    def __call__(self, chat: Chat | None = None, **options: object) -> Visit:
        arguments = {"locale": "en-GB", "viewport": {"width": 1360, "height": 860}} | options
        context = self.browser.new_context(**arguments)  # type: ignore[arg-type]
        visit = Visit(context, chat or self.chat)
        self.open.append(visit)
        return visit


@pytest.fixture
def visits(browser: Browser, chat: Chat) -> Iterator[Visits]:
    """For several visits, or ones with options; every page must be free of errors at the end."""
    visits = Visits(browser, chat)
    yield visits
    for visit in visits.open:
        visit.context.close()
        assert visit.errors == []


@pytest.fixture
def visit(visits: Visits) -> Visit:
    """The chat, opened."""
    visit = visits()
    visit.open()
    return visit
