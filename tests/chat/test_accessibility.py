"""Nobody needs a mouse, good sight, English, a large screen or motion."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.chat.conftest import Visit, Visits

PHONE = {"width": 360, "height": 740}


def complaints(visit: Visit) -> list[str]:
    """What axe-core has to say about the page as it is now."""
    report = Axe().run(visit.page).response
    return [
        f"{each['id']}: {json.dumps([node['html'][:200] for node in each['nodes']])}"
        for each in report["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [{"width": 1360, "height": 860}, PHONE])
def test_axe_finds_nothing(visits: Visits, scheme: str, viewport: dict[str, int]) -> None:
    visit = visits(color_scheme=scheme, viewport=viewport, reduced_motion="reduce")
    visit.open()
    visit.page.locator("#examples button").first.wait_for()
    assert complaints(visit) == []
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    visit.page.locator(".citation").first.click()
    visit.page.locator("mark.chosen").wait_for()
    assert complaints(visit) == []


def test_a_keyboard_is_enough(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("#question textarea")).to_be_focused()
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#question textarea")).to_be_focused()
    page.keyboard.type("Does the alliance treaty cover the Senkaku Islands?")
    page.keyboard.press("Enter")
    page.locator(".citation").first.wait_for()
    for _ in range(10):
        page.keyboard.press("Shift+Tab")
        if page.locator(".citation:focus").count():
            break
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#panel .back")).to_be_focused()


def test_the_outcome_is_announced(visit: Visit) -> None:
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    outcome = visit.texts(".outcome")[0]
    expect(visit.page.locator("#announcer")).to_have_text(outcome)
    expect(visit.page.locator("[role='log']")).to_have_attribute("aria-live", "off")


def test_on_a_phone_the_source_is_a_sheet(visits: Visits) -> None:
    visit = visits(viewport=PHONE, has_touch=True)
    visit.open()
    page = visit.page
    expect(page.locator("#panel")).to_be_hidden()
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    expect(page.locator("#panel")).to_be_hidden()
    page.locator(".citation").first.tap()
    expect(page.locator("#panel mark.chosen")).to_be_in_viewport()
    page.locator("#panel .close").tap()
    expect(page.locator("#panel")).to_be_hidden()
    page.locator("#more").tap()
    expect(page.locator("#theme")).to_be_visible()
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width == PHONE["width"]


def test_the_browsers_language_is_spoken_and_can_be_changed(visits: Visits) -> None:
    visit = visits(locale="ja-JP")
    visit.open()
    page = visit.page
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    assert "2025年2月7日" in visit.texts(".citation")[0]
    expect(page.locator("blockquote").first).to_have_attribute("lang", "en")
    page.locator("#language").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.locator("body:not(.loading)").wait_for()
    expect(page.locator("#question textarea")).to_have_attribute(
        "placeholder", "Ask a question about the readouts"
    )


def test_americans_read_dates_as_they_write_them(visits: Visits) -> None:
    visit = visits(locale="en-US")
    visit.open()
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    assert "February 7, 2025" in visit.texts(".citation")[0]


def test_dark_is_the_systems_choice_and_then_the_readers(visits: Visits) -> None:
    visit = visits(color_scheme="dark")
    visit.open()
    page = visit.page
    ground = "() => getComputedStyle(document.body).backgroundColor"
    night = page.evaluate(ground)
    page.locator("#theme").click()
    day = page.evaluate(ground)
    assert night != day
    page.reload()
    page.locator("body:not(.loading)").wait_for()
    assert page.evaluate(ground) == day


@pytest.mark.parametrize("width", [360, 768, 1024, 2560])
def test_nothing_is_wider_than_the_screen(visits: Visits, width: int) -> None:
    visit = visits(viewport={"width": width, "height": 800})
    visit.open()
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    assert visit.page.evaluate("() => document.documentElement.scrollWidth") == width


def test_the_page_does_not_jump_while_it_loads(visits: Visits) -> None:
    visit = visits()
    visit.context.add_init_script(
        """window.jumps = [];
        new PerformanceObserver((list) => {
          for (const each of list.getEntries()) if (!each.hadRecentInput) jumps.push(each.value);
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    visit.open()
    visit.page.locator("#examples button").first.wait_for()
    assert sum(visit.page.evaluate("() => window.jumps")) < 0.01
