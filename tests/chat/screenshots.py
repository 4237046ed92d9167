"""The pictures in docs/, taken of the real thing: python -m tests.chat.screenshots"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from assistant.library import INDEX, SOURCES, Library
from tests.chat.conftest import Visit, launch
from tests.chat.serving import Chat, serving
from tests.conftest import PROJECT

DESKTOP = {"width": 1360, "height": 860}
PHONE = {"width": 390, "height": 844}
QUESTIONS = (
    "Does the alliance treaty cover the Senkaku Islands?",
    "What was said about investment in the United States?",
)
REFUSED = "Who paid for the lunch?"


def take(browser: Browser, chat: Chat, target: Path) -> None:
    """Every picture, into the folder ``target``."""

    def visit(**options: object) -> Visit:
        wanted = {"locale": "en-GB", "viewport": DESKTOP, "reduced_motion": "reduce"} | options
        opened = Visit(browser.new_context(**wanted), chat)  # type: ignore[arg-type]
        opened.open()
        opened.page.locator("#examples button").first.wait_for()
        return opened

    def keep(shown: Visit, name: str) -> None:
        shown.page.wait_for_load_state("networkidle")
        shown.page.screenshot(path=target / f"{name}.png")

    for scheme in ("light", "dark"):
        desktop = visit(color_scheme=scheme)
        keep(desktop, f"chat-{scheme}-empty")
        for question in QUESTIONS:
            desktop.ask(question)
        desktop.page.locator("mark.chosen").wait_for()
        keep(desktop, f"chat-{scheme}-answer")
        desktop.page.locator("#new-chat").click()
        desktop.page.locator("body.empty").wait_for()
        desktop.ask(REFUSED)
        desktop.page.locator(".nearest summary").click()
        keep(desktop, f"chat-{scheme}-refusal")
        desktop.context.close()

    japanese = visit(locale="ja-JP")
    japanese.ask(QUESTIONS[0])
    japanese.page.locator("mark.chosen").wait_for()
    keep(japanese, "chat-japanese")
    japanese.context.close()

    phone = visit(viewport=PHONE, device_scale_factor=2, has_touch=True)
    keep(phone, "chat-phone-empty")
    phone.ask(QUESTIONS[0])
    keep(phone, "chat-phone-answer")
    phone.page.locator(".citation").first.tap()
    phone.page.locator("mark.chosen").wait_for()
    keep(phone, "chat-phone-source")
    phone.context.close()


def main() -> None:
    """Take the pictures of the readout that ships."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "docs"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(PROJECT / SOURCES, folder / SOURCES)
        (folder / INDEX).mkdir()
        Library.open(folder).build()
        with serving(folder) as chat, sync_playwright() as playwright:
            browser = launch(playwright)
            take(browser, chat, target)
            browser.close()


if __name__ == "__main__":
    main()
