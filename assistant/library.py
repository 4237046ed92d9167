"""A library: a folder with readouts in ``source_docs/`` and their index in ``index/``."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from filelock import FileLock, Timeout

from assistant import answering, retrieval
from assistant import index as indexing
from assistant.documents import read_document, read_documents, source_state
from assistant.encoder import DEFAULT_MODEL, Encoder, load_encoder
from assistant.errors import (
    DocumentError,
    IndexBusyError,
    IndexDamagedError,
    IndexMismatchError,
    IndexMissingError,
    LibraryError,
    NoReadoutsError,
)
from assistant.followups import alone, standalone
from assistant.lexical import tokenize
from assistant.questions import read_question
from assistant.types import (
    Answer,
    BuildReport,
    Document,
    Hit,
    Quote,
    Scope,
    Sentence,
    Verification,
)

SOURCES = "source_docs"
INDEX = "index"
EVERYTHING = Scope()
_TURNS = 4  # of the history, the last ones count


class Library:
    """A library's documents and index, for asking. May be shared by threads.

    What a method raises is always a ``ReadoutError``. The index is opened when it is first needed,
    and again when a build, here or in another process, has replaced it.
    """

    def __init__(self, folder: Path, encoder: Encoder | None = None) -> None:
        self.folder = folder
        self._chosen = encoder
        self._encoder = encoder
        self._opened: indexing.Index | None = None
        self._opened_from: tuple[int, ...] = ()
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: str | Path = ".", *, model: str | None = None) -> Library:
        """The library in ``folder``, which has a folder ``source_docs`` in it.

        ``model`` is for building; asking always uses the model that built the index, and
        IndexMismatchError says so if that is not ``model``.
        """
        path = Path(folder)
        if not os.path.isdir(path / SOURCES):  # unlike Path's, false also of an impossible name
            raise LibraryError(
                f"{path.absolute()} is not a library: it has no folder {SOURCES}; make it and put "
                "readouts there, or name another library"
            )
        return cls(path, load_encoder(model) if model else None)

    @property
    def documents(self) -> Sequence[Document]:
        """The documents in the index, ordered by id."""
        return self.index.documents

    @property
    def index(self) -> indexing.Index:
        """The index as it is now: opened, checked, and opened again when it was replaced."""
        manifest = self.folder / INDEX / indexing.MANIFEST
        stamp: tuple[int, ...] = ()
        try:
            status = manifest.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        except OSError:
            pass  # opening it says why
        with self._lock:
            if self._opened is None or stamp != self._opened_from:
                self._opened = indexing.open_index(self.folder / INDEX)
                self._opened_from = stamp
            return self._opened

    @property
    def encoder(self) -> Encoder:
        """The encoder that built the index."""
        return self._asking_encoder(self.index)

    def build(self, progress: indexing.Progress | None = None) -> BuildReport:
        """Bring the index up to date with ``source_docs/``; only new texts are embedded.

        ``progress(done, total)`` counts these. A file that can't be read is left out and reported.
        If nothing can be read, or anything fails, the index that was there stays.
        """
        sources = self.folder / SOURCES
        target = self.folder / INDEX
        try:
            target.mkdir(exist_ok=True)
            with FileLock(target / ".lock", timeout=0):
                previous = self._previous(target)
                encoder = self._building_encoder(previous)
                state = source_state(sources, previous.manifest.sources if previous else {})
                documents, problems = read_documents(sources)
                if not documents:
                    reasons = "".join(f"\n  {problem}" for problem in problems)
                    raise NoReadoutsError(f"no readout to index in {sources}{reasons}")
                before = {each.id: each for each in previous.documents} if previous else {}
                embedded = indexing.write(target, documents, state, encoder, previous, progress)
        except Timeout:
            raise IndexBusyError(
                f"another process is building {target}; try again when it has finished"
            ) from None
        except OSError as error:
            raise LibraryError(f"the index in {target} can't be written: {error}") from error
        after = {each.id: each for each in documents}
        return BuildReport(
            added=tuple(each for each in after if each not in before),
            changed=tuple(each for each in after if before.get(each, after[each]) != after[each]),
            removed=tuple(each for each in before if each not in after),
            problems=problems,
            documents=len(documents),
            paragraphs=sum(len(each.paragraphs) for each in documents),
            sentences=sum(len(part.sentences) for each in documents for part in each.paragraphs),
            embedded=embedded,
        )

    def stale(self) -> tuple[str, ...]:
        """Paths below ``source_docs/`` added, changed or removed since the index was built."""
        known = self.index.manifest.sources
        now = source_state(self.folder / SOURCES, known)
        names = sorted(known.keys() | now.keys())
        return tuple(
            name
            for name in names
            if name not in known or name not in now or known[name].sha256 != now[name].sha256
        )

    def retrieve(
        self,
        question: str,
        *,
        k: int = 5,
        history: Sequence[str] = (),
        scope: Scope = EVERYTHING,
    ) -> Sequence[Hit]:
        """At most ``k`` paragraphs that may answer ``question``, best first.

        ``history`` holds the earlier questions of the conversation, oldest first. Searched is only
        what is in ``scope`` and in the scope typed in the question (see ``assistant.questions``).
        """
        return self.answer(question, k=k, history=history, scope=scope).hits

    def answer(
        self,
        question: str,
        *,
        k: int = 5,
        history: Sequence[str] = (),
        scope: Scope = EVERYTHING,
    ) -> Answer:
        """What the readouts say to ``question`` in their own words, or that they don't say.

        ``k`` bounds the hits looked at; ``history`` and ``scope`` are as for ``retrieve``.
        """
        opened = self.index  # once: a build may replace it meanwhile
        encoder = self._asking_encoder(opened)
        words, typed = read_question(question)
        scopes = (scope, typed)
        earlier = [read_question(each)[0] for each in history[-_TURNS:]]
        asked = self._asked(opened, encoder, words, earlier, scopes)
        hits = retrieval.retrieve(opened, asked, k, scopes)
        return answering.answer(question, asked.standalone.text, hits)

    def _asked(
        self,
        opened: indexing.Index,
        encoder: Encoder,
        question: str,
        history: Sequence[str],
        scopes: Sequence[Scope],
    ) -> retrieval.Asked:
        """The question made standalone by what was found for the one before it, and so on back."""
        if not history:
            return retrieval.ask(opened, encoder, alone(question))
        before = self._asked(opened, encoder, history[-1], history[:-1], scopes)
        found = retrieval.retrieve(opened, before, 1, scopes)
        title, words = "", frozenset[str]()
        if found:
            title = indexing.title_of(found[0].document)
            words = frozenset(tokenize(f"{title} {found[0].document.text}"))
        completed = standalone(question, history, title, words)
        return retrieval.ask(opened, encoder, completed)

    def verify(self, quote: Quote) -> Verification:
        """Whether the source file, read again now, has the quote's words at the quote's place."""
        sources = self.folder / SOURCES
        path = sources / quote.path
        try:
            if not path.resolve().is_relative_to(sources.resolve()):
                return Verification(False, f"{quote.path} is not below {SOURCES}")
            document = read_document(path, sources)
        except DocumentError as error:
            return Verification(False, f"{quote.path} {error}")
        except (OSError, ValueError):  # no file can have such a name
            return Verification(False, f"{quote.path} can't be a file's name")
        if 0 <= quote.start < quote.end and document.text[quote.start : quote.end] == quote.text:
            if wrong := _miscited(quote, document):
                return Verification(
                    False, f"{quote.path} has these words at this place, with another {wrong}"
                )
            if document.sha256 == quote.sha256:
                return Verification(True, f"{quote.path} has these words at this place")
            return Verification(
                True, f"{quote.path} has changed since, but has these words at this place"
            )
        if quote.text in document.text:
            return Verification(False, f"{quote.path} has changed: the words stand elsewhere in it")
        return Verification(False, f"{quote.path} does not have these words")

    def _previous(self, target: Path) -> indexing.Index | None:
        try:
            return indexing.open_index(target)
        except (IndexMissingError, IndexDamagedError):
            return None  # built anew

    def _building_encoder(self, previous: indexing.Index | None) -> Encoder:
        """The encoder chosen for this library, else the one that built its index."""
        if self._chosen:
            return self._chosen
        name = previous.manifest.kind.model if previous else DEFAULT_MODEL
        if self._encoder is None or self._encoder.name != name:
            self._encoder = load_encoder(name)
        return self._encoder

    def _asking_encoder(self, opened: indexing.Index) -> Encoder:
        with self._lock:
            if self._encoder is None:
                self._encoder = load_encoder(opened.manifest.kind.model)
            encoder = self._encoder
        if encoder.fingerprint != opened.manifest.kind.model_sha256:
            raise IndexMismatchError(
                f"the index in {self.folder / INDEX} was built with the model "
                f"{opened.manifest.kind.model}, and {encoder.name} is not the same; "
                "rebuild it, or ask without naming a model"
            )
        return encoder


def _miscited(quote: Quote, document: Document) -> str:
    """What ``quote`` says of its place in ``document`` and the document doesn't; or nothing."""
    paragraph = next((each for each in document.paragraphs if quote.end <= each.end), None)
    if paragraph is None or quote.start < paragraph.start or quote.paragraph != paragraph.number:
        return "paragraph number"
    words = Sentence(quote.start, quote.end, quote.text)
    own = Quote.of(document, paragraph, words)
    for name in ("document", "title", "date", "issuer", "url"):
        if getattr(quote, name) != getattr(own, name):
            return name
    return ""


def retrieve(question: str, *, k: int = 5, history: Sequence[str] = ()) -> Sequence[Hit]:
    """``Library.retrieve`` of the library in the current folder, built first if it never was."""
    return _here(Path.cwd()).retrieve(question, k=k, history=history)


def answer(question: str, *, k: int = 5, history: Sequence[str] = ()) -> Answer:
    """``Library.answer`` of the library in the current folder, built first if it never was."""
    return _here(Path.cwd()).answer(question, k=k, history=history)


@lru_cache(maxsize=1)
def _here(folder: Path) -> Library:
    library = Library.open(folder)
    if not (folder / INDEX / indexing.MANIFEST).exists():
        library.build()
    return library
