"""Files of all formats in one library: extracted once, quoted, and verified by reading again."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from assistant import Library, Quote
from assistant.errors import NoReadoutsError
from assistant.extraction import bounded
from assistant.library import SOURCES
from tests.conftest import PROJECT, readouts_in
from tests.formats import docxs, pdfs
from tests.formats.test_html import page
from tests.toy import ToyEncoder

FILES = {
    "call.html": page("<p>They spoke about alpha.</p>"),
    "meeting.docx": docxs.document(lambda made: made.add_paragraph("They spoke about bravo.")),
    "summit.pdf": pdfs.typeset(pdfs.paragraphs("They spoke about zulu.")),
    "plain.txt": b"They spoke about echo.",
}


@pytest.fixture
def library(folder: Path) -> Library:
    for name, content in FILES.items():
        (folder / SOURCES / name).write_bytes(content)
    library = Library(folder, ToyEncoder())
    assert library.build().problems == ()
    return library


def quote_of(library: Library, word: str) -> Quote:
    quotes = [hit.quote for hit in library.retrieve(word, k=4)]
    return next(quote for quote in quotes if word in quote.text)


@pytest.mark.parametrize(
    ("word", "name", "extractor", "where"),
    [
        ("alpha", "call.html", "trafilatura ", None),
        ("bravo", "meeting.docx", "python-docx ", None),
        ("zulu", "summit.pdf", "pdfminer.six ", 1),
        ("echo", "plain.txt", "", None),
    ],
)
def test_quotes_of_every_format_verify(
    library: Library, word: str, name: str, extractor: str, where: int | None
) -> None:
    quote = quote_of(library, word)
    assert (quote.path, quote.page) == (name, where)
    assert quote.extractor.startswith(extractor)
    assert library.verify(quote).reason == f"{name} has these words at this place"
    assert Quote.from_dict(quote.as_dict()) == quote
    stored = next(each for each in library.documents if each.path == name)
    assert stored.text[quote.start : quote.end] == quote.text
    assert stored.source_sha256 == quote.source_sha256


def test_a_changed_file_and_another_release_are_told_apart(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    quote = quote_of(library, "zulu")
    path = library.folder / SOURCES / "summit.pdf"
    path.write_bytes(pdfs.typeset(pdfs.paragraphs("They spoke about zulu. They left.")))
    assert library.verify(quote).reason == (
        "summit.pdf has changed since, but has these words at this place"
    )
    path.write_bytes(pdfs.typeset(pdfs.paragraphs("They left.")))
    assert library.verify(quote).reason == "summit.pdf does not have these words"
    path.write_bytes(FILES["summit.pdf"])
    monkeypatch.setattr(bounded, "REVISION", bounded.REVISION + 1)
    older = Quote.from_dict(quote.as_dict() | {"sha256": "0" * 64})  # as if it read otherwise then
    verification = library.verify(older)
    assert verification
    assert f"is now read with {bounded.extractor_of('pdf')}, not {quote.extractor}" in (
        verification.reason
    )


def test_what_has_not_changed_is_not_extracted_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(library.documents)

    def refuse(self: object, file_format: str, content: bytes) -> None:
        raise AssertionError(f"extracted a {file_format} again")

    with monkeypatch.context() as patched:
        patched.setattr(bounded.Extractor, "__call__", refuse)
        (library.folder / SOURCES / "plain.txt").write_text("They spoke about delta.")
        assert library.build().changed == ("plain",)
        assert [each for each in library.documents if each.extractor] == [
            each for each in before if each.extractor
        ]
        patched.setattr(bounded, "REVISION", bounded.REVISION + 1)
        with pytest.raises(AssertionError, match="extracted a html again"):
            library.build()
    (library.folder / SOURCES / "call.yaml").write_text("title: Another title")
    assert library.build().changed == ("call",)
    assert library.documents[0].title == "Another title"


def test_without_the_extra_it_is_named_and_what_was_extracted_stays(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = importlib.metadata.version

    def missing(name: str) -> str:
        if name in {"trafilatura", "pdfminer.six", "python-docx"}:
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    (library.folder / SOURCES / "new.pdf").write_bytes(FILES["summit.pdf"])
    report = library.build()
    assert [str(each) for each in report.problems] == [
        "new.pdf: needs more to be read; install it: pip install 'readout-assistant[formats]'"
    ]
    assert [each.path for each in library.documents] == sorted(FILES)
    assert quote_of(library, "zulu").page == 1


def test_asking_and_importing_load_no_extractor() -> None:
    code = "import sys, assistant.cli, assistant.web.intake; print('\\n'.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    assert not {"trafilatura", "pdfminer", "docx", "lxml"} & set(result.stdout.split("\n"))


def test_a_file_that_takes_too_long_is_left_out_and_the_next_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "SECONDS", 0.0)
    (folder / SOURCES / "a.pdf").write_bytes(FILES["summit.pdf"])
    with pytest.raises(NoReadoutsError, match=r"a\.pdf: takes more than 0 seconds to read"):
        Library(folder, ToyEncoder()).build()
    monkeypatch.undo()
    assert Library(folder, ToyEncoder()).build().documents == 1


def test_a_file_that_ends_the_process_is_left_out_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = bounded._started
    broken = [True]

    def breaking() -> subprocess.Popen[bytes]:
        process = started()
        if broken.pop() if broken else False:
            process.kill()
            process.wait()
        return process

    monkeypatch.setattr(bounded, "_started", breaking)
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(FILES["summit.pdf"])
    documents, problems = readouts_in(tmp_path)
    assert [str(each) for each in problems] == [
        "a.pdf: is damaged; the library that reads it broke off"
    ]
    assert [each.id for each in documents] == ["b"]


def test_extraction_gives_the_same_again(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    assert readouts_in(tmp_path) == readouts_in(tmp_path)
