"""The index on disk: incremental, self-describing, swapped whole, and checked when opened."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant import building, documents, index
from assistant.encoder import Encoding
from assistant.errors import (
    IndexBusyError,
    IndexDamagedError,
    IndexMismatchError,
    IndexMissingError,
    LibraryError,
    ReadoutError,
)
from assistant.library import INDEX, SOURCES, Library
from assistant.types import Answer
from tests.conftest import meanwhile, without_privilege
from tests.toy import ToyEncoder

QUESTIONS = ("alpha", "bravo delta", "zulu", "Which echo?", "会談")


def put(folder: Path, files: dict[str, str]) -> None:
    sources = folder / SOURCES
    shutil.rmtree(sources, ignore_errors=True)
    for name, text in files.items():
        path = sources / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def answers(library: Library) -> list[Answer]:
    return [library.answer(question) for question in QUESTIONS]


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / INDEX).rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    }


def test_a_build_reports_what_changed_and_embeds_only_what_is_new(folder: Path) -> None:
    encoder = ToyEncoder()
    library = Library(folder, encoder)
    put(folder, {"a.txt": "Alpha.\nBravo.", "b.txt": "Charlie.", "c.txt": "Delta."})
    first = library.build()
    assert (first.added, first.changed, first.removed) == (("a", "b", "c"), (), ())
    assert (first.documents, first.paragraphs, first.sentences) == (3, 4, 4)
    assert sorted(encoder.seen) == sorted(["Alpha.", "Bravo.", "Charlie.", "Delta.", "A", "B", "C"])

    encoder.seen.clear()
    put(folder, {"a.txt": "Alpha.\nEcho.", "b.txt": "Charlie.", "d.txt": "Delta."})
    second = library.build()
    assert (second.added, second.changed, second.removed) == (("d",), ("a",), ("c",))
    assert encoder.seen == ["Echo.", "D"]
    assert second.embedded == 2
    assert [each.id for each in library.documents] == ["a", "b", "d"]


def test_a_build_without_changes_writes_nothing_and_embeds_nothing(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha."})
    encoder = ToyEncoder()
    Library(folder, encoder).build()
    before = files_of(folder)
    encoder.seen.clear()
    report = Library(folder, encoder).build()
    assert (report.added, report.changed, report.removed, report.embedded) == ((), (), (), 0)
    assert files_of(folder) == before
    assert encoder.seen == []


contents = st.lists(
    st.lists(
        st.sampled_from(["alpha", "bravo", "echo", "İ", "👩‍👩‍👧", "会談"]), min_size=1, max_size=4
    )
    .map(" ".join)
    .map("alpha {}.".format),
    min_size=1,
    max_size=4,
).map("\n".join)
libraries = st.dictionaries(
    st.sampled_from(["a.txt", "b.md", "sub/c.txt", "d.txt"]), contents, min_size=1
)
collections = st.dictionaries(st.sampled_from("abc"), contents, max_size=3)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(libraries, collections), min_size=2, max_size=3))
def test_an_incremental_build_answers_as_a_fresh_one(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[dict[str, str], dict[str, str]]],
) -> None:
    states = [
        files | {"c.jsonl": "".join(row(name, *text.split("\n")) for name, text in rows.items())}
        for files, rows in drawn
    ]
    grown, fresh = tmp_path_factory.mktemp("grown"), tmp_path_factory.mktemp("fresh")
    library = Library(grown, ToyEncoder())
    for state in states:
        put(grown, state)
        library.build()
    put(fresh, states[-1])
    afresh = Library(fresh, ToyEncoder())
    afresh.build()
    assert list(library.documents) == list(afresh.documents)
    assert answers(library) == answers(afresh)
    assert answers(Library(grown, ToyEncoder())) == answers(library)  # opened again


def test_the_manifest_describes_the_index(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha. Bravo.\nCharlie."})
    Library(folder, ToyEncoder()).build()
    manifest = json.loads((folder / INDEX / index.MANIFEST).read_text())["manifest"]
    assert manifest["kind"]["format"] == index.FORMAT
    assert manifest["kind"]["model"] == "toy"
    assert manifest["kind"]["splitter"].startswith("sentencex ")
    assert "tantivy" in manifest["kind"]["tokenizer"]
    assert [manifest[each] for each in ("documents", "paragraphs", "sentences")] == [1, 2, 3]
    assert manifest["dimension"] == 27
    assert list(manifest["sources"]) == ["a.txt"]
    assert not any(path.suffix in {".pkl", ".pickle"} for path in (folder / INDEX).rglob("*"))


def test_a_stale_index_says_what_changed(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha.", "b.txt": "Bravo.", "c.txt": "Charlie."})
    library = Library(folder, ToyEncoder())
    library.build()
    assert library.stale() == ()
    (folder / SOURCES / "a.txt").touch()
    assert library.stale() == ()  # only its time changed
    (folder / SOURCES / "a.txt").write_text("Alpha!")
    (folder / SOURCES / "b.txt").unlink()
    (folder / SOURCES / "c.yaml").write_text("title: C")
    assert library.stale() == ("a.txt", "b.txt", "c.yaml")
    library.build()
    assert library.stale() == ()
    assert [each.title for each in library.documents] == ["A", "C"]


def test_another_models_index_is_refused_until_it_is_rebuilt(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha."})
    Library(folder, ToyEncoder()).build()
    other = ToyEncoder(name="other", fingerprint="other-weights")
    library = Library(folder, other)
    with pytest.raises(IndexMismatchError, match="built with the model toy, and other is not"):
        library.answer("alpha")
    assert library.build().embedded == 2
    assert library.answer("alpha").hits[0].paragraph.text == "Alpha."


def test_a_question_before_any_build_says_so(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha."})
    with pytest.raises(IndexMissingError, match=r"no index in .* yet; make it: readout build"):
        Library(folder, ToyEncoder()).answer("alpha")


@pytest.mark.parametrize("files", [{}, {"a.pdf": "x"}, {"a.txt": "\0"}])
def test_nothing_to_index_keeps_the_index_that_was_there(
    folder: Path, files: dict[str, str]
) -> None:
    put(folder, {"a.txt": "Alpha."})
    library = Library(folder, ToyEncoder())
    library.build()
    before = answers(library)
    put(folder, files)
    (folder / SOURCES).mkdir(exist_ok=True)
    with pytest.raises(LibraryError, match="no readout to index in") as raised:
        library.build()
    for name in files:
        assert name in str(raised.value)
    assert answers(Library(folder, ToyEncoder())) == before


class FailingEncoder(ToyEncoder):
    """Fails after its first text, as a full disk or a kill would in mid-build."""

    def encode(self, texts, *, question=False):  # type: ignore[no-untyped-def]
        encodings = super().encode(texts, question=question)
        yield next(encodings)
        raise OSError(28, "No space left on device")


def test_a_failed_build_leaves_the_old_index_whole_and_no_leftovers(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha."})
    library = Library(folder, ToyEncoder())
    library.build()
    before, before_files = answers(library), files_of(folder)
    put(folder, {"a.txt": "Alpha.", "b.txt": "Bravo.\nEcho."})
    with pytest.raises(LibraryError, match="No space left on device"):
        Library(folder, FailingEncoder()).build()
    assert files_of(folder) == before_files
    assert answers(Library(folder, ToyEncoder())) == before


class InterruptedEncoder(ToyEncoder):
    """Is interrupted after three texts, as by a key or at a shutdown."""

    def encode(self, texts, *, question=False):  # type: ignore[no-untyped-def]
        encodings = super().encode(texts, question=question)
        for _ in range(3):
            yield next(encodings)
        raise KeyboardInterrupt


@pytest.mark.parametrize("damaged", ["", "keys.uint8", "tokens.int8", "unfinished.json"])
def test_an_interrupted_build_is_taken_up_by_the_next(
    folder: Path, damaged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "_SECONDS_AT_RISK", -1)
    texts = ["Alpha.\nBravo.", "Bravo.\nCharlie.\nAlpha delta.", "Echo."]
    put(folder, dict(zip(["a.txt", "b.txt", "c.txt"], texts, strict=True)))
    with pytest.raises(KeyboardInterrupt):
        Library(folder, InterruptedEncoder()).build()
    with pytest.raises(IndexMissingError):
        Library(folder, ToyEncoder()).answer("alpha")
    if damaged:
        (path,) = (folder / INDEX).glob(f"generation-*/{damaged}")
        path.write_bytes(path.read_bytes()[:-5])
    encoder = ToyEncoder()
    report = Library(folder, encoder).build()
    rest = ["Alpha delta.", "Echo.", "A", "B", "C"]
    assert encoder.seen == (["Alpha.", "Bravo.", "Charlie."] if damaged else []) + rest
    assert report.embedded == len(encoder.seen)
    assert len(list((folder / INDEX).glob("generation-*"))) == 1
    assert not list((folder / INDEX).rglob("unfinished*"))
    after = answers(Library(folder, ToyEncoder()))
    shutil.rmtree(folder / INDEX)
    Library(folder, ToyEncoder()).build()
    assert answers(Library(folder, ToyEncoder())) == after


def test_leftovers_of_a_killed_build_are_removed_by_the_next(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha."})
    library = Library(folder, ToyEncoder())
    library.build()
    (folder / INDEX / "generation-killed").mkdir()
    (folder / INDEX / "generation-killed" / "vectors.faiss").write_bytes(b"half")
    (folder / INDEX / "generation-killed.json").write_bytes(b"half")
    put(folder, {"a.txt": "Bravo."})
    library.build()
    kept = {path.name for path in (folder / INDEX).iterdir()} - {".lock"}
    generation = json.loads((folder / INDEX / index.MANIFEST).read_text())["manifest"]["generation"]
    assert kept == {index.MANIFEST, generation}


def _damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    match how:
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case "flipped":
            middle = len(content) // 2
            path.write_bytes(
                content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
            )
        case "garbage":
            path.write_bytes(b"garbage" * 100)
        case "empty":
            path.write_bytes(b"")
        case "missing":
            path.unlink()


@pytest.mark.parametrize("how", ["truncated", "flipped", "garbage", "empty", "missing"])
def test_damage_to_any_file_is_found_named_and_healed(folder: Path, how: str) -> None:
    put(folder, {"a.txt": "Alpha.\nBravo."})
    library = Library(folder, ToyEncoder())
    library.build()
    before = answers(library)
    for number in range(len(files_of(folder))):
        path = folder / sorted(files_of(folder))[number]  # healing makes files of new names
        if how != "missing" and not path.stat().st_size:
            continue
        _damage(path, how)
        with pytest.raises((IndexDamagedError, IndexMissingError)) as raised:
            answers(Library(folder, ToyEncoder()))
        if (path.name, how) != (index.MANIFEST, "missing"):
            assert str(path) in str(raised.value)
        assert "readout build" in str(raised.value)
        Library(folder, ToyEncoder()).build()
        assert answers(Library(folder, ToyEncoder())) == before


def test_a_newer_format_is_told_from_damage(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha."})
    Library(folder, ToyEncoder()).build()
    path = folder / INDEX / index.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["manifest"]["kind"]["format"] = index.FORMAT + 1
    path.write_text(json.dumps(manifest))
    with pytest.raises(
        IndexDamagedError,
        match=f"is of format {index.FORMAT + 1}, and this version reads {index.FORMAT}",
    ):
        Library(folder, ToyEncoder()).answer("alpha")


def test_another_librarys_file_is_refused(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    put(folder, {"a.txt": "Alpha."})
    put(other, {"a.txt": "Bravo."})
    for each in (folder, other):
        Library(each, ToyEncoder()).build()
    (mine,) = (folder / INDEX).glob("generation-*")
    (foreign,) = (other / INDEX).glob("generation-*")
    shutil.copy(foreign / "vectors.faiss", mine / "vectors.faiss")
    with pytest.raises(
        IndexDamagedError, match=r"vectors\.faiss can't be used \(it is not as it was built\)"
    ):
        Library(folder, ToyEncoder()).answer("alpha")


def test_an_open_library_sees_what_another_process_built(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha."})
    reader, builder = Library(folder, ToyEncoder()), Library(folder, ToyEncoder())
    builder.build()
    assert reader.answer("alpha").hits[0].paragraph.text == "Alpha."
    put(folder, {"a.txt": "Alpha bravo."})
    builder.build()
    assert reader.answer("alpha").hits[0].paragraph.text == "Alpha bravo."


def test_what_was_asked_before_is_read_once_until_the_index_is_another(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha bravo.", "b.txt": "Charlie bravo."})
    encoder = ToyEncoder()
    library = Library(folder, encoder)
    library.build()
    encoder.seen.clear()
    turns = ["alpha?", "And bravo?", "What about it?", "And charlie?"]
    for turn, question in enumerate(turns):
        library.answer(question, history=turns[:turn])
    assert len(encoder.seen) == len(set(encoder.seen)) == len(turns)
    assert library.retrieve("alpha")[0].document.id == "a"
    put(folder, {"b.txt": "Charlie alpha."})
    library.build()
    assert library.retrieve("alpha")[0].document.id == "b"
    assert library.answer(turns[1], history=turns[:1]).hits[0].document.id == "b"


def test_two_builds_at_once_do_not_meet(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha."})
    started, go_on = threading.Event(), threading.Event()

    class SlowEncoder(ToyEncoder):
        def encode(self, texts, *, question=False):  # type: ignore[no-untyped-def]
            started.set()
            go_on.wait(30)
            yield from super().encode(texts, question=question)

    slow = threading.Thread(target=Library(folder, SlowEncoder()).build)
    slow.start()
    assert started.wait(30)
    told = rf"another process is building .*process {os.getpid()} on .+, since 20\d\d-.*; try again"
    with pytest.raises(IndexBusyError, match=told):
        Library(folder, ToyEncoder()).build()
    with pytest.raises(IndexBusyError, match=told):
        Library(folder).forget()
    go_on.set()
    slow.join(30)
    assert not (folder / "index" / ".building").exists()
    assert Library(folder, ToyEncoder()).answer("alpha").hits


def test_readers_meet_no_error_and_no_mixture_while_the_index_is_replaced(folder: Path) -> None:
    texts = ["Alpha one.\nAlpha two.", "Alpha three.\nAlpha four."]
    library = Library(folder, ToyEncoder())
    put(folder, {"a.txt": texts[0]})
    library.build()
    seen: set[tuple[str, ...]] = set()
    failures: list[ReadoutError] = []

    def read(done: threading.Event) -> None:
        while not done.is_set():
            try:
                hits = Library(folder, ToyEncoder()).answer("alpha").hits
                seen.add(tuple(sorted(hit.paragraph.text for hit in hits)))
            except ReadoutError as error:
                failures.append(error)

    with meanwhile(read, read, read):
        for turn in range(15):
            (folder / SOURCES / "a.txt").write_text(texts[turn % 2])
            library.build()
    assert failures == []
    assert seen <= {tuple(sorted(text.split("\n"))) for text in texts}


def test_vectors_cut_short_under_an_open_index_are_told(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha one.\nBravo two."})
    library = Library(folder, ToyEncoder())
    library.build()
    library.answer("alpha")
    (tokens,) = folder.rglob("tokens.int8")
    os.truncate(tokens, 1)
    with pytest.raises(IndexDamagedError, match="become shorter; rebuild the index"):
        library.answer("bravo")
    assert Library(folder, ToyEncoder()).build().documents == 1
    assert library.answer("bravo").hits


def test_a_library_that_can_not_be_written_to_is_read(folder: Path) -> None:
    put(folder, {"a.txt": "Alpha bravo."})
    library = Library(folder, ToyEncoder())
    library.build()
    before = answers(library)
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    try:
        for path in folders:
            path.chmod(0o555)
        with without_privilege(folder):
            assert answers(Library(folder, ToyEncoder())) == before
            with pytest.raises(LibraryError, match="can't be written"):
                Library(folder, ToyEncoder()).build()
    finally:
        for path in folders:
            path.chmod(0o755)


@given(st.integers(0, 40), st.integers(1, 30), st.randoms(use_true_random=False))
def test_compressed_tokens_keep_their_direction(count: int, dimension: int, random: object) -> None:
    from assistant.tokens import compressed

    values = np.random.default_rng(random.randrange(2**32)).normal(size=(count, dimension))  # type: ignore[attr-defined]
    vectors = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    numbers = np.arange(count, dtype=np.int32)
    encoding = Encoding(vectors[:0].sum(axis=0), vectors, numbers, np.zeros((count, 2), np.int32))
    back = compressed(encoding).vectors
    assert back.shape == vectors.shape
    np.testing.assert_array_less(0.999, np.einsum("nd,nd->n", back, vectors))


def test_a_file_as_it_was_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, {"a.txt": "Alpha.", "b.md": "Bravo.", "c.txt": "Charlie."})
    library = Library(folder, ToyEncoder())
    library.build()
    read: list[str] = []
    opened = documents._opened

    def recorded(path: Path) -> Any:
        read.append(path.name)
        return opened(path)

    monkeypatch.setattr(documents, "_opened", recorded)
    (folder / SOURCES / "a.txt").write_text("Alpha and more.")
    (folder / SOURCES / "b.yaml").write_text("title: Another\n")
    assert library.build().changed == ("a", "b")
    assert read == ["a.txt", "b.md"]
    monkeypatch.setattr(building, "REVISION", documents.REVISION + 1)
    library.build()
    assert read[2:] == ["a.txt", "b.md", "c.txt"]


def row(name: str, *paragraphs: str) -> str:
    return json.dumps({"doc": name, "title": name.upper(), "paragraphs": paragraphs}) + "\n"


def test_of_a_collection_only_changed_lines_are_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(
        folder, {"c.jsonl": row("b", "Bravo.") + row("a", "Alpha.", "Echo.") + row("c", "Charlie.")}
    )
    encoder = ToyEncoder()
    library = Library(folder, encoder)
    assert library.build().added == ("c#a", "c#b", "c#c")
    read: list[str] = []
    of_row = documents._of_row

    def recorded(path: Path, sources: Path, row: Any, fields: Any) -> Any:
        read.append(row.name)
        return of_row(path, sources, row, fields)

    monkeypatch.setattr(documents, "_of_row", recorded)
    encoder.seen.clear()
    put(folder, {"c.jsonl": row("a", "Alpha.", "Echo.") + row("b", "Bravo.", "Delta.")})
    report = library.build()
    assert (report.added, report.changed, report.removed) == ((), ("c#b",), ("c#c",))
    assert (report.documents, report.paragraphs, report.sentences) == (2, 4, 4)
    assert (read, encoder.seen) == (["b"], ["Delta."])
    (folder / SOURCES / "c.yaml").write_text("issuer: Somebody\n")
    assert library.build().changed == ("c#a", "c#b")
    assert read == ["b", "a", "b"]


def test_documents_come_by_their_ids_whatever_their_files_are_called(folder: Path) -> None:
    collection = row("b", "Bravo.") + row("a", "Alpha.")
    names = ["a b.txt", "a/b.txt", "ab.txt", "a.txt"]
    put(folder, {"a.jsonl": collection} | dict.fromkeys(names, "Echo."))
    library = Library(folder, ToyEncoder())
    added = library.build().added
    assert added == ("a", "a b", "a#a", "a#b", "a/b", "ab") == tuple(sorted(added))
    assert [each.id for each in library.documents] == list(added)


def test_an_index_replaced_while_it_is_searched_is_searched_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, {"a.txt": "Alpha."})
    library = Library(folder, ToyEncoder())
    library.build()

    class Gone:
        num_docs = 1

        def search(self, *_: Any, **__: Any) -> Any:
            if (folder / SOURCES / "a.txt").read_text() == "Alpha.":
                put(folder, {"a.txt": "Alpha bravo."})
                Library(folder, ToyEncoder()).build()
            raise ValueError("Data corrupted")

    monkeypatch.setattr(library.index.lexical, "_searcher", Gone())
    assert library.retrieve("alpha")[0].paragraph.text == "Alpha bravo."
    monkeypatch.setattr(library.index.lexical, "_searcher", Gone())
    with pytest.raises(IndexDamagedError, match="can't be searched"):
        library.retrieve("alpha")
