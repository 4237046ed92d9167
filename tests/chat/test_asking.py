"""Asking in a real browser, and what then stands on the screen."""

from __future__ import annotations

from playwright.sync_api import expect

from assistant.library import Library
from tests.chat.conftest import Visit, Visits

SENKAKU = (
    "Both leaders reaffirmed that Article V of the Japan-U.S. Treaty of Mutual Cooperation and "
    "Security applies to the Senkaku Islands."
)


def source(library: Library) -> str:
    return (library.folder / "source_docs" / "japan-us-summit-2025-02-07.txt").read_text(
        encoding="utf-8"
    )


def test_the_quote_on_screen_is_the_files_text(visit: Visit, summit: Library) -> None:
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    assert visit.texts(".passage blockquote")[0] == SENKAKU
    assert SENKAKU in source(summit)
    assert "¶ 3" in visit.texts(".citation")[0]
    assert "7 February 2025" in visit.texts(".citation")[0]


def test_a_citation_marks_exactly_that_sentence_in_the_whole_document(
    visit: Visit, summit: Library
) -> None:
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    visit.page.locator(".citation").first.click()
    visit.page.locator("mark.chosen").wait_for()
    assert visit.texts("mark.chosen") == [SENKAKU]
    assert visit.texts("#panel section.current > .number") == ["3"]
    assert "\n".join(visit.texts("#panel section p")) == source(summit).strip()


def test_an_example_question_is_answered(visit: Visit) -> None:
    example = visit.page.locator("#examples button", has_text="the Senkaku Islands")
    example.click()
    visit.page.locator(".answer blockquote", has_text=SENKAKU).wait_for()


def test_an_earlier_citation_is_still_right_after_a_later_question(visit: Visit) -> None:
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    visit.ask("Was liquefied natural gas discussed?")
    visit.page.locator(".citation").first.click()
    visit.page.locator("mark.chosen", has_text=SENKAKU).wait_for()


def test_a_refusal_is_plain_and_folds_the_nearest_passages(visit: Visit) -> None:
    visit.ask("Who paid for the lunch?")
    refusal = visit.page.locator(".answer .notice")
    expect(refusal.locator("h2")).to_have_text("Not stated in the readouts")
    expect(refusal).to_contain_text("silence does not show that a topic was not raised")
    passage = visit.page.locator(".nearest .passage").first
    expect(passage).to_be_hidden()
    visit.page.locator(".nearest summary").click()
    expect(passage).to_be_visible()


def test_a_rewritten_follow_up_is_shown_as_it_was_searched(visit: Visit) -> None:
    visit.ask("What was agreed on North Korea?")
    visit.ask("And the abductions?")
    note = visit.page.locator(".answer >> nth=1").locator(".note")
    expect(note).to_contain_text("Searched for:")
    expect(note).to_contain_text("North Korea")


def test_the_newest_answer_is_in_view(visit: Visit) -> None:
    for question in ("Was liquefied natural gas discussed?", "What about Futenma?") * 2:
        visit.ask(question)
        expect(visit.page.locator(".answer .outcome").last).to_be_in_viewport()
        expect(visit.page.locator(".asked").last).to_be_in_viewport()


def test_two_browsers_do_not_mix(visits: Visits) -> None:
    one, other = visits(), visits()
    one.open()
    other.open()
    one.ask("Does the alliance treaty cover the Senkaku Islands?")
    other.ask("Was liquefied natural gas discussed?")
    one.ask("What about Futenma?")
    assert len(one.texts(".asked")) == 2
    assert other.texts(".asked") == ["Was liquefied natural gas discussed?"]


def test_a_new_chat_forgets_the_old_one(visit: Visit) -> None:
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    visit.page.locator("#new-chat").click()
    visit.page.locator("#welcome").wait_for()
    visit.ask("Was liquefied natural gas discussed?")
    assert visit.texts(".asked") == ["Was liquefied natural gas discussed?"]


def test_a_question_that_found_the_queue_full_is_kept_and_says_so(visits: Visits) -> None:
    visit = visits()
    visit.open()
    full = {"detail": "Queue is full. Max size is 100 and size is 100."}
    visit.page.route("**/queue/join*", lambda route: route.fulfill(status=503, json=full))
    visit.page.locator("#question textarea").fill("What did they say about Taiwan?")
    visit.page.keyboard.press("Enter")
    busy = visit.page.locator("#busy")
    expect(busy).to_be_visible()
    expect(busy).to_contain_text("ask again in a moment")
    expect(visit.page.locator("#question textarea")).to_have_value(
        "What did they say about Taiwan?"
    )
    expect(visit.page.locator(".toast-body")).to_have_count(0)
    assert all("503" in each for each in visit.errors)
    visit.errors.clear()
    visit.page.unroute("**/queue/join*")
    visit.page.keyboard.press("Enter")
    visit.page.locator("gradio-app .answer").wait_for()
    assert "Taiwan Strait" in visit.texts(".answer blockquote")[0]
