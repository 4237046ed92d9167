"""A library: a folder with readouts in ``source_docs/`` and their index in ``index/``."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from assistant import answering, retrieval
from assistant import index as indexing
from assistant.confidence import MAXIMUM_ERROR
from assistant.documents import (
    read_document,
    read_documents,
    source_state,
)
from assistant.encoder import DEFAULT_MODEL, Encoder, Encoding, load_encoder
from assistant.errors import (
    DocumentError,
    IndexDamagedError,
    IndexMismatchError,
    IndexMissingError,
    IndexUnusableError,
    LibraryError,
    NoReadoutsError,
)
from assistant.followups import alone, standalone
from assistant.lexical import tokenize
from assistant.questions import read_question
from assistant.reader import Reader, load_reader
from assistant.types import (
    Answer,
    BuildReport,
    Document,
    Hit,
    Outcome,
    Problem,
    Quote,
    Scope,
    Sentence,
    Verification,
)

if TYPE_CHECKING:
    from assistant.building import Progress

SOURCES = "source_docs"
INDEX = "index"
EVERYTHING = Scope()
_TURNS = 4  # of the history, the last ones count
_REMEMBERED = 256  # questions, whose vectors take some 30 KB each, and conversations


class Library:
    """A library's documents and index, for asking. May be shared by threads.

    What a method raises is always a ``ReadoutError``. The index is opened when it is first needed,
    and again when a build, here or in another process, has replaced it.
    """

    def __init__(
        self,
        folder: Path,
        encoder: Encoder | None = None,
        maximum_error: float = MAXIMUM_ERROR,
    ) -> None:
        self.folder = folder
        self.maximum_error = maximum_error
        self._chosen = encoder
        self._encoder = encoder
        self._opened: indexing.Index | None = None
        self._opened_from: tuple[int, ...] = ()
        self._current: _Asking | None = None
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    @classmethod
    def open(
        cls,
        folder: str | Path = ".",
        *,
        model: str | None = None,
        maximum_error: float = MAXIMUM_ERROR,
    ) -> Library:
        """The library in ``folder``, which has a folder ``source_docs`` in it.

        Of the answers given, a share of ``maximum_error`` may be wrong (see
        ``assistant.confidence``): the lower it is, the more questions are refused.

        ``model`` is for building; asking always uses the model that built the index, and
        IndexMismatchError says so if that is not ``model``.
        """
        path = Path(folder)
        if not os.path.isdir(path / SOURCES):  # unlike Path's, false also of an impossible name
            raise LibraryError(
                f"{path.absolute()} is not a library: it has no folder {SOURCES}; make it and put "
                "readouts there, or name another library"
            )
        return cls(path, load_encoder(model) if model else None, maximum_error)

    @property
    def documents(self) -> Sequence[Document]:
        """The documents in the index, ordered by id."""
        return self.index.documents

    def document(self, name: str) -> Document | None:
        """The document whose id is ``name``, if there is one; no other is read for it."""
        opened = self.index
        for document, header in enumerate(opened.headers):
            if header.id == name:
                return opened.documents[document]
        return None

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

    def load(self) -> None:
        """Open the index and load its models, side by side; otherwise the first question does."""
        try:
            model = indexing.read_manifest(self.folder / INDEX).kind.model
        except IndexUnusableError:
            model = ""  # opening it says why
        with ThreadPoolExecutor(2) as aside:
            loading = []
            if model:
                loading.append(aside.submit(self._encoder_called(model).load, question=True))
            if model == DEFAULT_MODEL and (reader := load_reader()):
                loading.append(aside.submit(reader.load))
            try:
                opened = self.index
            finally:
                for each in loading:
                    each.result()
        self._asking_encoder(opened)

    @property
    def encoder(self) -> Encoder:
        """The encoder that built the index."""
        return self._asking_encoder(self.index)

    @property
    def reader(self) -> Reader | None:
        """The trained reader, unless its weights are missing or another model built the index."""
        return load_reader() if self.encoder.name == DEFAULT_MODEL else None

    def build(self, progress: Progress | None = None) -> BuildReport:
        """Bring the index up to date with ``source_docs/``; only new texts are embedded.

        ``progress(done, total)`` counts these. A file that can't be read is left out and reported.
        If nothing can be read, or anything fails, the index that was there stays.
        """
        from assistant.building import Build, alone_in, known_in  # which questions don't need

        sources = self.folder / SOURCES
        target = self.folder / INDEX
        try:
            target.mkdir(exist_ok=True)
            with alone_in(target):
                previous = self._previous(target)
                encoder = self._building_encoder(previous)
                state = source_state(sources, previous.manifest.sources if previous else {})
                problems: list[Problem] = []
                with Build(target, encoder, previous) as build:
                    for found in read_documents(sources, state, known_in(previous, state)):
                        if isinstance(found, Problem):
                            problems.append(found)
                        else:
                            build.add(found)
                    if not len(build):
                        reasons = "".join(f"\n  {problem}" for problem in problems)
                        raise NoReadoutsError(f"no readout to index in {sources}{reasons}")
                    built = build.finish(state, progress)
        except OSError as error:
            raise LibraryError(f"the index in {target} can't be written: {error}") from error
        return BuildReport(
            added=built.added,
            changed=built.changed,
            removed=built.removed,
            problems=tuple(problems),
            documents=built.manifest.documents,
            paragraphs=built.manifest.paragraphs,
            sentences=built.manifest.sentences,
            embedded=built.embedded,
        )

    def forget(self) -> None:
        """Delete the index, as if nothing had ever been built; ``source_docs/`` stays."""
        from assistant.building import alone_in

        target = self.folder / INDEX
        try:
            with alone_in(target):
                indexing.discard(target)
        except OSError as error:
            raise LibraryError(f"the index in {target} can't be deleted: {error}") from error

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
        words, typed = read_question(question)
        return self._found(words, k, history, (scope, typed))[1]

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
        words, typed = read_question(question)
        scopes, wider = (scope, typed), (scope.wider, typed.wider)
        asked, hits = self._found(words, k, history, scopes)
        answer = self._answer(question, asked, hits)
        if answer.outcome is Outcome.ANSWERED or scopes == wider:
            return answer
        asked, hits = self._found(words, k, history, wider)
        outside = [hit for hit in hits if not all(each.includes(hit.document) for each in scopes)]
        beyond = self._answer(question, asked, outside)
        return replace(answer, elsewhere=beyond) if beyond.outcome is Outcome.ANSWERED else answer

    def _answer(self, question: str, searched_for: str, hits: Sequence[Hit]) -> Answer:
        return answering.answer(question, searched_for, hits, self.reader, self.maximum_error)

    def _found(
        self, question: str, k: int, history: Sequence[str], scopes: Sequence[Scope]
    ) -> tuple[str, list[Hit]]:
        """The question as it was searched, and what was found."""
        earlier = tuple(read_question(each)[0] for each in history[-_TURNS:])
        asking = self._asking()
        while True:
            try:
                asked = asking.ask(question, earlier, tuple(scopes))
                return asked.standalone.text, retrieval.retrieve(asking.index, asked, k, scopes)
            except IndexDamagedError:
                before, asking = asking, self._asking()
                if asking is before:  # the index was not replaced, so it is damaged
                    raise

    def _asking(self) -> _Asking:
        """What asks the index as it is now."""
        opened = self.index
        with self._lock:
            current = self._current
        if current is None or current.index is not opened:
            current = _Asking(opened, self._asking_encoder(opened))
            with self._lock:
                self._current = current
        return current

    def verify(self, quote: Quote) -> Verification:
        """Whether the source file, read again now, has the quote's words at the quote's place."""
        sources = self.folder / SOURCES
        path = sources / quote.path
        try:
            if not path.resolve().is_relative_to(sources.resolve()):
                return Verification(False, f"{quote.path} is not below {SOURCES}")
            document = read_document(path, sources, quote.document.partition("#")[2])
        except DocumentError as error:
            return Verification(False, f"{quote.path} {error}")
        except (OSError, ValueError):  # no file can have such a name
            return Verification(False, f"{quote.path} can't be a file's name")
        same_file = quote.source_sha256 in ("", document.source_sha256)
        changed = "has changed since"
        if same_file and document.extractor != quote.extractor:
            changed = f"is now read with {document.extractor}, not {quote.extractor}"
        if 0 <= quote.start < quote.end and document.text[quote.start : quote.end] == quote.text:
            if wrong := _miscited(quote, document):
                return Verification(
                    False, f"{quote.path} has these words at this place, with another {wrong}"
                )
            if document.sha256 == quote.sha256:
                return Verification(True, f"{quote.path} has these words at this place")
            return Verification(True, f"{quote.path} {changed}, but has these words at this place")
        if quote.text in document.text:
            return Verification(False, f"{quote.path} {changed}: the words stand elsewhere in it")
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
        encoder = self._encoder_called(opened.manifest.kind.model)
        if encoder.fingerprint != opened.manifest.kind.model_sha256:
            raise IndexMismatchError(
                f"the index in {self.folder / INDEX} was built with the model "
                f"{opened.manifest.kind.model}, and {encoder.name} is not the same; "
                "rebuild it, or ask without naming a model"
            )
        return encoder

    def _encoder_called(self, model: str) -> Encoder:
        """The encoder chosen for this library, else ``model``."""
        with self._loading:
            if self._encoder is None:
                self._encoder = load_encoder(model)
            return self._encoder


class _Asking:
    """An opened index and the encoder that asks it; remembers what was lately asked of it."""

    def __init__(self, index: indexing.Index, encoder: Encoder) -> None:
        self.index = index
        self._encoder = encoder
        self._encoding = lru_cache(maxsize=_REMEMBERED)(self._encoded)
        self._subject = lru_cache(maxsize=_REMEMBERED)(self._found_before)

    def ask(
        self, question: str, history: tuple[str, ...], scopes: tuple[Scope, ...]
    ) -> retrieval.Asked:
        """The question, made standalone by what was found for the one before it."""
        completed = alone(question)
        if history:
            completed = standalone(question, history, *self._subject(history, scopes))
        return retrieval.ask(self.index, self._encoding(completed.text), completed)

    def _encoded(self, text: str) -> Encoding:
        (encoding,) = self._encoder.encode([text], question=True)
        return encoding

    def _found_before(
        self, history: tuple[str, ...], scopes: tuple[Scope, ...]
    ) -> tuple[str, frozenset[str]]:
        """Title and words of the document found for the last question of a conversation."""
        *earlier, last = history
        found = retrieval.retrieve(self.index, self.ask(last, tuple(earlier), scopes), 1, scopes)
        if not found:
            return "", frozenset()
        title = indexing.title_of(found[0].document)
        return title, frozenset(tokenize(f"{title} {found[0].document.text}"))


def _miscited(quote: Quote, document: Document) -> str:
    """What ``quote`` says of its place in ``document`` and the document doesn't; or nothing."""
    paragraph = next((each for each in document.paragraphs if quote.end <= each.end), None)
    if paragraph is None or quote.start < paragraph.start or quote.paragraph != paragraph.number:
        return "paragraph number"
    words = Sentence(quote.start, quote.end, quote.text)
    own = Quote.of(document, paragraph, words)
    for name in ("document", "title", "date", "issuer", "url", "page"):
        if getattr(quote, name) != getattr(own, name):
            return name
    if not document.text[: quote.start].endswith(quote.context):
        return "context"
    start, end = quote.emphasis or (quote.start, quote.end)
    return "" if quote.start <= start < end <= quote.end else "emphasis"


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
