"""Reading source_docs/: what becomes a document, and what is named and left out."""

from __future__ import annotations

import hashlib
import os
from datetime import date
from pathlib import Path

import pytest

from assistant import documents
from assistant.documents import MAXIMUM_TEXT_BYTES, read_documents, source_state
from assistant.types import Document
from tests.conftest import PROJECT, SUMMIT, readouts_in, without_privilege

READ = ".docx, .htm, .html, .jsonl, .markdown, .md, .pdf, .txt"


def read_one(folder: Path, name: str, content: bytes) -> Document:
    (folder / name).write_bytes(content)
    (document,), problems = readouts_in(folder)
    assert problems == []
    return document


def test_the_shipped_readout_is_read_as_it_is() -> None:
    (document,), problems = readouts_in(PROJECT / "source_docs")
    content = (PROJECT / "source_docs" / f"{SUMMIT}.txt").read_bytes()
    assert problems == []
    assert (document.id, document.path) == (SUMMIT, f"{SUMMIT}.txt")
    assert document.title == "Japan–U.S. Summit Meeting"
    assert (document.date, document.issuer) == (date(2025, 2, 7), "Official readout")
    assert document.text == content.decode()
    assert document.sha256 == document.source_sha256 == hashlib.sha256(content).hexdigest()
    assert len(document.paragraphs) == 8
    assert [len(each.sentences) for each in document.paragraphs] == [2, 2, 3, 1, 3, 3, 1, 2]


def test_byte_order_mark_and_line_ends(tmp_path: Path) -> None:
    document = read_one(tmp_path, "a.txt", b"\xef\xbb\xbfOne.\r\nTwo.\r\n")
    assert document.text == "One.\r\nTwo.\r\n"
    assert [each.text for each in document.paragraphs] == ["One.", "Two."]
    assert document.sha256 != document.source_sha256


def test_front_matter_is_metadata_and_not_text(tmp_path: Path) -> None:
    document = read_one(
        tmp_path,
        "call.md",
        b"---\ntitle: 'A  Call'\ndate: 2024-04-02\nissuer: White House\nurl: https://x.example\n"
        b"tags: [a, b]\n---\n# Heading\n\nThey spoke.\n",
    )
    assert (document.title, document.date) == ("A Call", date(2024, 4, 2))
    assert (document.issuer, document.url) == ("White House", "https://x.example")
    assert document.text == "# Heading\n\nThey spoke.\n"


def test_a_rule_at_the_top_is_not_front_matter(tmp_path: Path) -> None:
    document = read_one(tmp_path, "a.txt", b"---\nThey spoke.\n---\nThey left.\n")
    assert [each.text for each in document.paragraphs] == ["They spoke.", "They left."]


def test_a_sidecar_overrides_front_matter_and_file_name(tmp_path: Path) -> None:
    (tmp_path / "2024-01-02-call.yaml").write_text("title: Beside\ndate: 2024-01-03T09:00:00\n")
    document = read_one(
        tmp_path, "2024-01-02-call.txt", b"---\ntitle: Inside\nissuer: PMO\n---\nThey spoke.\n"
    )
    assert (document.title, document.date) == ("Beside", date(2024, 1, 3))
    assert document.issuer == "PMO"


@pytest.mark.parametrize(
    ("name", "content", "title", "day"),
    [
        ("2024-04-02_call-with-xi.txt", b"They spoke.", "Call with xi", date(2024, 4, 2)),
        ("notes.md", b"# The *Call*\n\nThey spoke.", "The *Call*", None),
        ("2024-13-45.txt", b"They spoke.", "2024-13-45", None),
        ("a.txt", b"Tokyo, 3 April 2024\n\nThey spoke on 2 April 2024.", "A", date(2024, 4, 3)),
        ("a.txt", "令和6年4月3日\n\nThey spoke.".encode(), "A", date(2024, 4, 3)),
        ("a.txt", b"The treaty of 8 September 1951 holds.", "A", None),
        ("a.txt", b"From 3 April 2024 to 5 April 2024", "A", None),
        ("a.txt", b"30 February 2024\n\nThey spoke.", "A", None),
    ],
)
def test_title_and_date_without_metadata(
    tmp_path: Path, name: str, content: bytes, title: str, day: date | None
) -> None:
    document = read_one(tmp_path, name, content)
    assert (document.title, document.date) == (title, day)


def test_subfolders_are_read_and_hidden_files_are_not(tmp_path: Path) -> None:
    for name in ("b.txt", "2024/a.md", ".hidden.txt", ".git/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("They spoke.")
    documents, problems = readouts_in(tmp_path)
    assert [(each.id, each.path) for each in documents] == [("2024/a", "2024/a.md"), ("b", "b.txt")]
    assert problems == []


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"PK\x03\x04\x00\x00", "is binary, not text"),
        ("a.txt", b"One.\nCaf\xe9.", "is not UTF-8 (byte 8, line 2); save it as UTF-8"),
        ("a.txt", "One.".encode("utf-16"), "is UTF-16, not UTF-8; save it as UTF-8"),
        ("a.txt", b" \n***\n", "has no text"),
        ("a.txt", b"", "has no text"),
        ("a.rtf", b"{", f"is not one of the formats read here ({READ})"),
        ("a.yaml", b"title: x", f"is not one of the formats read here ({READ})"),
        ("a.md", b"---\ntitle: [\n---\nOne.", "its front matter is not valid YAML, line 2"),
        (
            "a.md",
            b"-\n" * 50_001,
            "has more than the 50,000 lines that are read as Markdown; split it, "
            "or rename it to .txt",
        ),
        ("a.md", b"---\ndate: soon\n---\nOne.", "its date 'soon' is not of the form 2025-02-07"),
        ("a.md", b"---\ntitle: [a]\n---\nOne.", "its title is not a line of text"),
        (
            "a.txt",
            b"x" * (MAXIMUM_TEXT_BYTES + 1),
            "is 10.0 MB, more than the 10 MB read; split it",
        ),
        ("a.txt", b"x" * 50_000_000, "is 47.7 MB, more than the 10 MB read; split it"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_is_read(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "good.txt").write_text("They spoke.")
    documents, problems = readouts_in(tmp_path)
    assert [each.id for each in documents] == ["good"]
    assert [str(each) for each in problems] == [f"{name}: {reason}"]


def test_two_files_of_one_name_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("One.")
    (tmp_path / "a.txt").write_text("Two.")
    (document,), (problem,) = readouts_in(tmp_path)
    assert document.path == "a.md"
    assert str(problem) == "a.txt: has the same name as a.md; rename one of them"


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("Secret.")
    folder = tmp_path / "source_docs"
    folder.mkdir()
    (folder / "link.txt").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.txt")
    documents, problems = readouts_in(folder)
    assert documents == []
    assert [each.path for each in problems] == ["link.txt", "loop", "pipe.txt"]
    assert "symbolic link" in problems[0].reason
    assert "not a regular file" in problems[2].reason


def test_a_file_gone_between_being_listed_and_being_read_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("Alpha.")
    listed = [tmp_path / "a.txt", tmp_path / "gone.txt"]
    monkeypatch.setattr(documents, "_files", lambda _: iter(listed))
    assert list(source_state(tmp_path, {})) == ["a.txt"]
    document, problem = read_documents(tmp_path)
    assert isinstance(document, Document)
    assert str(problem) == "gone.txt: is gone; put it back, or build again"


def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("They spoke.")
    path.chmod(0)
    with without_privilege(tmp_path):
        documents, problems = readouts_in(tmp_path)
    assert documents == []
    assert [str(each) for each in problems] == [
        "a.txt: can't be read (Permission denied); check its permissions"
    ]


def test_deeply_nested_metadata_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"---\ntitle: {'[' * 20_000}\n---\nOne.")
    documents, (problem,) = readouts_in(tmp_path)
    assert documents == []
    assert problem.reason.startswith("its front matter is not valid YAML")
