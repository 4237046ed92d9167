"""Links that ask, links that cite, and links that lead nowhere."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from assistant.library import Library
from assistant.web.catalogue import Catalogue
from assistant.web.permalink import Found, address, find
from tests.chat.conftest import Visit, Visits
from tests.chat.test_asking import SENKAKU
from tests.conftest import SUMMIT


def test_a_link_with_a_question_asks_it(visits: Visits) -> None:
    visit = visits()
    visit.open("/?q=Does+the+treaty+cover+the+Senkaku+Islands%3F")
    visit.page.locator(".answer blockquote", has_text=SENKAKU).wait_for()
    assert visit.texts(".asked") == ["Does the treaty cover the Senkaku Islands?"]


def test_a_citations_address_opens_its_sentence_marked(visits: Visits, visit: Visit) -> None:
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    link = visit.page.locator(".citation").first.get_attribute("href") or ""
    other = visits()
    other.open(link)
    assert other.texts("mark.chosen") == [SENKAKU]
    expect(other.page.locator("mark.chosen")).to_be_in_viewport()


def test_what_is_copied_has_text_citation_and_link(visits: Visits) -> None:
    visit = visits(permissions=["clipboard-read", "clipboard-write"])
    visit.open()
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    visit.page.locator("#panel .copy-quote").click()
    expect(visit.page.locator("#panel .copy-quote")).to_have_text("Copied")
    words, citation, link = visit.page.evaluate("() => navigator.clipboard.readText()").split("\n")
    assert words == f"“{SENKAKU}”"
    assert citation == "— Japan–U.S. Summit Meeting, ¶ 3, Official readout · 7 February 2025"
    visit.page.locator("#panel .copy-link").click()
    expect(visit.page.locator("#panel .copy-link")).to_have_text("Copied")
    assert visit.page.evaluate("() => navigator.clipboard.readText()") == link
    assert link.startswith(f"{visit.chat.url}/?cite={SUMMIT}")


@pytest.mark.parametrize(
    ("cite", "said"),
    [
        ("nowhere", "not in this library"),
        ("../../etc/passwd", "not in this library"),
        ("<script>pwned=1</script>", "not in this library"),
        (f"{SUMMIT}/000000000000/0-5", "has changed or is gone"),
        ("x" * 5_000, "not in this library"),
    ],
)
def test_a_bad_link_is_harmless_and_says_so(visits: Visits, cite: str, said: str) -> None:
    visit = visits()
    visit.open(f"/?cite={quote(cite)}")
    expect(visit.page.locator("#panel [role='note']")).to_contain_text(said)
    assert visit.texts("mark.chosen") == []
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")


def test_a_link_with_offsets_past_the_paragraph_marks_nothing(summit: Library) -> None:
    paragraph = summit.documents[0].paragraphs[0]
    place = find(Catalogue(summit).document, f"{SUMMIT}/{paragraph.id}/5-99999")
    assert (place.found, place.document, place.quote) == (Found.BAD, summit.documents[0], None)


def test_a_link_survives_an_edit_elsewhere(folder: Path) -> None:
    source = folder / "source_docs" / "a" / "readout.txt"
    source.parent.mkdir()
    source.write_text("The first paragraph.\nThe two leaders met. They agreed.\n")
    library = Library.open(folder)
    library.build()
    _, second = library.documents[0].paragraphs
    sentence = second.sentences[1]
    cited = address("a/readout", second.id, second.start, sentence.start, sentence.end)
    source.write_text("A new one.\nThe first paragraph.\nThe two leaders met. They agreed.\n")
    library.build()
    found = find(Catalogue(library).document, cited)
    assert found.quote is not None
    assert (found.quote.text, found.quote.paragraph) == ("They agreed.", 3)
    source.write_text("The first paragraph.\nThe two leaders met. They disagreed.\n")
    library.build()
    assert find(Catalogue(library).document, cited).found is Found.CHANGED
