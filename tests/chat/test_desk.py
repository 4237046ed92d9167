"""The panel as a desk: finding, choosing, adding and removing readouts; keeping what was said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect

from assistant.library import Library
from assistant.web.service import Settings
from tests.chat.conftest import Visit, Visits
from tests.chat.serving import Chat, serving
from tests.chat.test_accessibility import complaints

READOUTS = {
    "lisbon": (
        "title: Talks in Lisbon\ndate: 2024-03-01\nissuer: Ministry of Trade",
        "The ministers agreed to lower tariffs on olive oil by five per cent.\n"
        "They will meet again in Porto in May.",
    ),
    "oslo": (
        "title: Talks in Oslo\ndate: 2025-06-15\nissuer: Foreign Ministry",
        "The ministers agreed to raise the quota for cod in the Barents Sea.\n"
        "Both sides welcomed the new ferry between Bergen and Hirtshals.",
    ),
    "quito": (
        "title: Talks in Quito\ndate: 2025-01-20\nissuer: Foreign Ministry",
        "The presidents signed an agreement on tariffs for bananas and cut flowers.\n"
        "They discussed the protection of the Galapagos Islands.",
    ),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    """A chat over three readouts, which may be changed and whose answers may be judged."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "source_docs").mkdir()
    for name, (metadata, text) in READOUTS.items():
        path = folder / "source_docs" / f"{name}.txt"
        path.write_text(text, encoding="utf-8")
        path.with_suffix(".yaml").write_text(metadata, encoding="utf-8")
    Library.open(folder).build()
    with serving(folder, Settings(feedback=folder / "feedback.jsonl")) as running:
        yield running


@pytest.fixture
def at_desk(visits: Visits, desk: Chat) -> Visit:
    visit = visits(desk)
    visit.open()
    return visit


def asking(visit: Visit) -> str:
    return visit.texts("#scope span")[0]


def test_documents_are_grouped_by_date_or_issuer_newest_first(at_desk: Visit) -> None:
    assert at_desk.texts("#panel .list h3") == ["2025", "2024"]
    titles = at_desk.texts("#panel .document")
    assert titles == ["Talks in Oslo", "Talks in Quito", "Talks in Lisbon"]
    at_desk.page.locator("#panel [name='by']").select_option("issuer")
    expect(at_desk.page.locator("#panel .list h3").last).to_have_text("Ministry of Trade")
    assert at_desk.texts("#panel .list h3") == ["Foreign Ministry", "Ministry of Trade"]


def test_documents_are_found_by_their_text(at_desk: Visit) -> None:
    at_desk.page.locator("#panel [name='search']").fill("galapagos islands")
    expect(at_desk.page.locator("#panel .document")).to_have_text(["Talks in Quito"])
    at_desk.page.locator("#panel [name='search']").fill("nowhere to be found")
    expect(at_desk.page.locator("#panel .list")).to_contain_text("No readout matches.")


def test_only_the_chosen_readouts_are_asked_and_the_page_says_so(at_desk: Visit) -> None:
    assert asking(at_desk) == "Asking all 3 readouts"
    at_desk.page.get_by_label("Ask only Talks in Lisbon").check()
    expect(at_desk.page.locator("#scope span")).to_have_text("Asking 1 of 3 readouts")
    at_desk.ask("What did they discuss about the Galapagos Islands?")
    assert "Asked of 1 of 3 readouts." in at_desk.texts(".answer .note")
    assert "Not in the readouts you asked, but in others:" in at_desk.texts(".answer .outcome")
    assert set(at_desk.texts(".answer > .passage .title")) == {"Talks in Quito"}
    assert set(at_desk.texts(".nearest .passage .title")) == {"Talks in Lisbon"}
    at_desk.page.locator("#clear-scope").click()
    expect(at_desk.page.locator("#scope span")).to_have_text("Asking all 3 readouts")
    at_desk.ask("What did they discuss about the Galapagos Islands?")
    assert "Galapagos" in at_desk.texts(".answer >> nth=1")[0]


def test_an_issuer_and_dates_narrow_what_is_asked(at_desk: Visit) -> None:
    page = at_desk.page
    page.locator("#listing summary").click()
    page.locator("[name='issuer']").select_option("Foreign Ministry")
    expect(page.locator("#scope span")).to_have_text("Asking 2 of 3 readouts")
    page.locator("[name='since']").fill("2025-06-01")
    expect(page.locator("#scope span")).to_have_text("Asking 1 of 3 readouts")
    expect(page.locator("#panel .outside .document")).to_have_text(
        ["Talks in Quito", "Talks in Lisbon"]
    )
    page.locator("#new-chat").click()
    expect(page.locator("#scope span")).to_have_text("Asking all 3 readouts")


def test_axe_finds_nothing_at_the_desk(at_desk: Visit) -> None:
    page = at_desk.page
    page.locator("#listing summary").click()
    page.get_by_label("Ask only Talks in Lisbon").check()
    expect(page.locator("#scope span")).to_have_text("Asking 1 of 3 readouts")
    at_desk.ask("Who paid for the lunch?")
    page.locator("#export summary").click()
    assert complaints(at_desk) == []
    page.locator("#panel .add").click()
    page.locator("#adding").wait_for()
    assert complaints(at_desk) == []


def test_the_next_and_the_previous_quote_are_a_click_away(at_desk: Visit) -> None:
    page = at_desk.page
    at_desk.ask("What was agreed on olive oil?")
    at_desk.ask("What was agreed on cod?")
    expect(page.locator("#panel mark.chosen")).to_contain_text("cod")
    page.locator("#panel .previous").click()
    expect(page.locator("#panel mark.chosen")).to_contain_text("olive oil")
    page.locator("#panel .next").click()
    expect(page.locator("#panel mark.chosen")).to_contain_text("cod")


def test_a_pasted_readout_can_be_asked_at_once_and_removed(at_desk: Visit, desk: Chat) -> None:
    page = at_desk.page
    page.locator("#panel .add").click()
    form = page.locator("#adding")
    form.get_by_label("Text").fill("The delegations spoke about reindeer herding in Lapland.")
    form.get_by_label("Title").fill("Talks in Rovaniemi")
    form.get_by_label("Date").fill("2025-02-02")
    page.locator("#adding [type='submit']").click()
    expect(page.locator(".report")).to_contain_text("1 readout was added", timeout=20_000)
    expect(page.locator("#scope span")).to_have_text("Asking all 4 readouts")
    at_desk.ask("What was said about reindeer herding?")
    assert at_desk.texts("#conversation .cited .title")[0] == "Talks in Rovaniemi"
    added = desk.folder / "source_docs" / "2025-02-02-Talks-in-Rovaniemi.txt"
    assert added.read_text() == "The delegations spoke about reindeer herding in Lapland."
    page.locator("#panel .back").click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Remove: Talks in Rovaniemi").click()
    expect(page.locator("#panel .document")).to_have_count(3, timeout=20_000)
    assert not added.exists()
    assert (desk.folder / "source_docs" / ".removed" / added.name).exists()


def test_a_bad_file_is_named_and_the_rest_goes_in(at_desk: Visit, desk: Chat) -> None:
    page = at_desk.page
    page.locator("#panel .add").click()
    files: list[FilePayload] = [
        {"name": "../../lima.md", "mimeType": "text/markdown", "buffer": b"# Lima\n\nWe met."},
        {"name": "picture.png", "mimeType": "image/png", "buffer": b"\x89PNG"},
        {"name": "latin.txt", "mimeType": "text/plain", "buffer": b"caf\xe9"},
        {"name": "oslo.txt", "mimeType": "text/plain", "buffer": b"Another text."},
    ]
    page.locator("#adding").get_by_label("Files").set_input_files(files)
    page.locator("#adding [type='submit']").click()
    report = page.locator(".report")
    expect(report).to_contain_text("1 readout was added", timeout=20_000)
    expect(report.locator("li")).to_have_text(
        [
            re.compile(r"picture\.png: is not one of the formats read here"),
            re.compile(r"latin\.txt: is not UTF-8"),
            re.compile(r"oslo\.txt: is already there"),
        ]
    )
    assert (desk.folder / "source_docs" / "lima.md").exists()
    assert "cod" in (desk.folder / "source_docs" / "oslo.txt").read_text()
    page.locator("#panel .back").click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Remove: Lima").click()
    expect(page.locator("#panel .document")).to_have_count(3, timeout=20_000)


def test_a_verdict_is_kept_with_question_and_quotes(at_desk: Visit, desk: Chat) -> None:
    at_desk.ask("What was agreed on cod?")
    at_desk.page.locator(".verdict", has_text="Not helpful").click()
    expect(at_desk.page.locator(".verdict[aria-pressed='true']")).to_have_text("Not helpful")
    row = json.loads((desk.folder / "feedback.jsonl").read_text().splitlines()[-1])
    assert (row["question"], row["helpful"]) == ("What was agreed on cod?", False)
    assert row["quotes"][0]["document"] == "oslo"


def test_without_a_file_for_them_no_verdicts_are_asked(visit: Visit) -> None:
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    assert visit.texts(".verdict") == []


@pytest.mark.parametrize(
    ("label", "suffix", "where"),
    [
        ("As Markdown", "md", "¶ 1"),
        ("As a web page", "html", "¶"),
        ("BibTeX", "bib", "para. 1"),
        ("RIS", "ris", "para. 1"),
        ("CSL-JSON", "json", "para. 1"),
    ],
)
def test_the_conversation_is_exported_with_its_citations(
    at_desk: Visit, label: str, suffix: str, where: str
) -> None:
    at_desk.ask("What was agreed on cod?")
    at_desk.page.locator("#export summary").click()
    with at_desk.page.expect_download() as download:
        at_desk.page.get_by_text(label, exact=True).click()
    assert download.value.suggested_filename.endswith(f".{suffix}")
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert "cod in the Barents Sea" in re.sub(r"&#32;", " ", text)
    assert where in text


def test_a_changed_file_is_told_where_its_quote_is_shown(at_desk: Visit, desk: Chat) -> None:
    path = desk.folder / "source_docs" / "quito.txt"
    before = path.read_text(encoding="utf-8")
    at_desk.ask("What was said about the Galapagos Islands?")
    try:
        path.write_text("Nothing of the kind.", encoding="utf-8")
        at_desk.page.locator(".citation").first.click()
        note = at_desk.page.locator("#panel [role='note']")
        expect(note).to_contain_text("has changed since it was indexed")
    finally:
        path.write_text(before, encoding="utf-8")


def test_an_empty_library_says_what_to_do_and_takes_its_first_readout(
    visits: Visits, folder: Path
) -> None:
    with serving(folder) as chat:
        visit = visits(chat)
        visit.open()
        expect(visit.page.locator("#welcome")).to_contain_text("There are no readouts yet")
        expect(visit.page.locator("#scope")).to_be_hidden()
        visit.ask("Is there anything?")
        assert "cannot be searched yet" in visit.texts(".answer")[0]
        (folder / "source_docs" / "first.txt").write_text("The ministers met in Turin.")
        visit.open()
        expect(visit.page.locator("#welcome")).to_contain_text("cannot be searched yet")
        visit.page.locator("#building button").click()
        loaded = "1 readout loaded"  # after the model, which takes seconds
        expect(visit.page.locator("#welcome")).to_contain_text(loaded, timeout=30_000)
        visit.page.locator("body:not(.loading)").wait_for()
        visit.ask("Where did the ministers meet?")
        assert visit.texts("blockquote")[0] == "The ministers met in Turin."
        visit.page.on("dialog", lambda dialog: dialog.accept())
        visit.page.locator("#panel .back").click()
        visit.page.locator("#panel .remove").click()
        expect(visit.page.locator("#welcome")).to_contain_text("There are no readouts yet")
        assert (folder / "source_docs" / ".removed" / "first.txt").exists()
        visit.context.close()
