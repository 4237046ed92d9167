"""Small libraries in states drawn at random, and what such a library says when asked."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assistant.errors import IndexMissingError, ReadoutError
from assistant.index import MANIFEST
from assistant.library import INDEX, SOURCES, Library
from tests.toy import ToyEncoder

State = Mapping[str, str]  # files of source_docs/ and their texts
Said = tuple[Any, ...]  # all that a library has and answers
NOTHING: Said = ()

QUESTIONS = ("alpha", "bravo delta", "Which echo?", "zulu 7", "会談")
_WORDS = (
    "alpha bravo charlie delta echo foxtrot golf hotel india not U.S. İstanbul 会談。 “quoted” "
    "don’t naïve e\u0301cole 110 ﬁve"
).split()


def state(random_: random.Random, documents: int = 12) -> dict[str, str]:
    """Some documents of a few paragraphs, some with metadata beside them."""
    files: dict[str, str] = {}
    for number in random_.sample(range(documents * 2), documents):
        folder = random_.choice(["", "", "calls/"])
        stem = f"{folder}{number:02}"
        files[f"{stem}{random_.choice(['.txt', '.md'])}"] = text(random_)
        if random_.random() < 0.5:
            files[f"{stem}.yaml"] = f"title: Call {number}\ndate: 2024-01-{number % 28 + 1:02}\n"
    return files


def text(random_: random.Random) -> str:
    """A few paragraphs of a few sentences."""
    return "\n\n".join(
        " ".join(
            f"{' '.join(random_.choices(_WORDS, k=random_.randint(3, 12)))}."
            for _ in range(random_.randint(1, 4))
        )
        for _ in range(random_.randint(1, 6))
    )


def changed(random_: random.Random, files: State) -> dict[str, str]:
    """``files`` after additions, edits and removals."""
    after = dict(files)
    for name in random_.sample(sorted(after), random_.randint(0, len(after) // 3)):
        del after[name]
    texts = [name for name in after if not name.endswith(".yaml")]
    for name in random_.sample(texts, min(len(texts), random_.randint(0, 4))):
        after[name] = text(random_)
    for _ in range(random_.randint(1, 4)):
        after[f"new/{random_.randrange(100)}.txt"] = text(random_)
    return after


def put(folder: Path, files: State) -> None:
    """Make ``files`` all that is in the library's ``source_docs/``."""
    sources = folder / SOURCES
    shutil.rmtree(sources, ignore_errors=True)
    sources.mkdir(parents=True)
    for name, words in files.items():
        path = sources / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words, encoding="utf-8", newline="")


def toy(folder: Path) -> Library:
    """The library in ``folder``, with an encoder that takes no time."""
    return Library(folder, ToyEncoder())


def said(library: Library) -> Said:
    """Every document and every answer; nothing if no index was ever built.

    AssertionError if a quote isn't the slice that it says it is.
    """
    try:
        documents = tuple(library.documents)
    except IndexMissingError:
        return NOTHING
    answers = tuple(library.answer(question) for question in QUESTIONS)
    texts = {each.id: each.text for each in documents}
    for answer in answers:
        for quote in (*answer.quotes, *(hit.quote for hit in answer.hits)):
            assert texts[quote.document][quote.start : quote.end] == quote.text
    return documents, answers


def expected(files: State) -> Said:
    """What a library of ``files`` says, built in a folder of its own and undisturbed."""
    with scratch() as folder:
        put(folder, files)
        library = toy(folder)
        library.build()
        return said(library)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="readout-torture-") as folder:
        yield Path(folder)


def leftovers(folder: Path) -> list[str]:
    """What is in the library's ``index/`` besides one generation, its manifest and the lock."""
    names = sorted(path.name for path in (folder / INDEX).iterdir())
    generations = [name for name in names if name.startswith("generation-")]
    known = {MANIFEST, ".lock", "README.md", *generations[:1]}
    return [name for name in names if name not in known]


def outcome(folder: Path) -> Said | str:
    """What the library in ``folder`` says, or what it says instead: the error in its words."""
    try:
        return said(toy(folder))
    except ReadoutError as error:
        return f"{type(error).__name__}: {error}"
