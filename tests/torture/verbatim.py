"""Every quote at every door is a slice of its file, read here without the product's own code."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from markdown_it import MarkdownIt

from assistant.cli import main
from assistant.library import SOURCES, Library
from assistant.types import Answer, Outcome, Quote
from assistant.web import export
from assistant.web.conversation import Turn
from assistant.web.render import Reader, answer_html
from assistant.web.wording import ENGLISH
from tests.torture import Row
from tests.torture.states import scratch, toy

_READER = Reader(ENGLISH)
_PLAIN = {".txt", ".md", ".markdown"}


class _Quoted(HTMLParser):
    """The text in each ``blockquote`` of a page, with references resolved."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)  # Python's way drops some that browsers keep
        self.quotes: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "blockquote":
            self._depth += 1
            self.quotes.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "blockquote":
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.quotes[-1] += data

    def handle_charref(self, name: str) -> None:
        self.handle_data(chr(int(name)))

    def handle_entityref(self, name: str) -> None:
        self.handle_data(unescape(f"&{name};"))


def quoted_in(page: str) -> list[str]:
    """The words of each quote shown by ``page``."""
    parser = _Quoted()
    parser.feed(page)
    parser.close()
    return parser.quotes


@lru_cache(maxsize=4096)
def _source(path: Path) -> str:
    """The file's text after byte-order mark and front matter, as the README says."""
    text = path.read_bytes().decode("utf-8-sig")
    found = re.match(r"---\s*\r?\n.*?^---\s*$\r?\n?", text, re.S | re.M)
    return text[found.end() :] if found and re.search(r"^\w+:", found[0], re.M) else text


def faults_of(library: Library, quote: Quote) -> Iterator[str]:
    """What is wrong with a quote, against its file."""
    path = library.folder / SOURCES / quote.path
    if path.suffix.lower() in _PLAIN and _source(path)[quote.start : quote.end] != quote.text:
        yield f"not in {quote.path} at {quote.start}: {quote.text!r}"
    verification = library.verify(quote)
    if not verification:
        yield f"{verification.reason}: {quote.text!r}"


def shown(answer: Answer) -> Iterator[tuple[str, list[str], list[str]]]:
    """For each way an answer is shown: its name, the words shown, and those that should be."""
    quotes = [quote.text for quote in answer.quotes]
    page = answer_html(answer, _READER)
    nearest = [] if answer.quotes else [hit.quote.text for hit in answer.hits]
    yield "chat", quoted_in(page), [*quotes, *nearest]
    turns = [Turn(answer.question, answer, 1, 1)]
    yield "HTML export", quoted_in(export.page(turns, _READER, date(2025, 2, 7))), quotes
    marked_down = MarkdownIt("commonmark").render(export.markdown(turns, _READER, date(2025, 2, 7)))
    citations = [_spaced(each) for each in quoted_in(marked_down)]
    found = [each.rpartition(" — ")[0] for each in citations]
    yield "Markdown export", found, [_spaced(text) for text in quotes]
    back = json.loads(json.dumps(answer.as_dict()))
    yield "JSON", [each["text"] for each in back["quotes"]], quotes


def _spaced(text: str) -> str:
    return " ".join(text.split())


def questions_about(random_: random.Random, library: Library) -> Iterator[str]:
    """Questions in the documents' own words: whole sentences, parts, names, phrases, with typos."""
    documents = library.documents
    while True:
        document = documents[random_.randrange(len(documents))]
        sentence = random_.choice(random_.choice(document.paragraphs).sentences).text
        words = sentence.split()
        start = random_.randrange(len(words))
        part = " ".join(words[start : start + random_.randint(1, 6)]).replace('"', "")
        question = random_.choice(
            [
                sentence,
                f"{part}?",
                f"What was said about {part}?",
                f"Did they {part}?",
                f'"{part}"',
                unicodedata.normalize(random_.choice(["NFC", "NFD", "NFKC", "NFKD"]), sentence),
                part.upper(),
                "".join(random_.sample(part, len(part))),
            ]
        )
        if question.strip(' "?') and len(question) < 2000:
            yield question


Door = Callable[[str], dict[str, Any]]


def doors(library: Library) -> dict[str, Door]:
    """Every door there is, each from a question to the answer as JSON."""
    found: dict[str, Door] = {"command line": lambda question: _by_command(library, question)}
    if find_spec("assistant.web.api"):
        found["HTTP"] = _by_http(library)
    if find_spec("assistant.mcp_server") and find_spec("mcp"):
        found["MCP"] = lambda question: _by_mcp(library, question)
    return found


def _by_command(library: Library, question: str) -> dict[str, Any]:
    result = CliRunner().invoke(
        main, ["--library", str(library.folder), "ask", "--json", "--", question]
    )
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def _by_http(library: Library) -> Door:
    from starlette.testclient import TestClient

    api = import_module("assistant.web.api")
    client = TestClient(api.create_api(library))

    def ask(question: str) -> dict[str, Any]:
        response = client.post("/api/answer", json={"question": question})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    return ask


def _by_mcp(library: Library, question: str) -> dict[str, Any]:
    import asyncio

    from mcp.client import Client

    mcp_server = import_module("assistant.mcp_server")

    async def ask() -> dict[str, Any]:
        async with Client(mcp_server.create_server(library)) as client:
            result = await client.call_tool("answer", {"question": question})
            answer: dict[str, Any] = result.structured_content
            return answer

    return asyncio.run(ask())


def at_every_door(
    random_: random.Random, runs: int, library: Library, through_doors: int = 10
) -> Row:
    """Questions to ``library``; every quote and nearest passage is compared with its file.

    ``through_doors`` of the questions also go through each door, which must give the same.
    """
    losses: list[str] = []
    quotes = answered = 0
    asking = questions_about(random_, library)
    others = doors(library)
    for run in range(runs):
        question = next(asking)
        answer = library.answer(question)
        answered += answer.outcome is Outcome.ANSWERED
        for quote in (*answer.quotes, *(hit.quote for hit in answer.hits)):
            quotes += 1
            losses += faults_of(library, quote)
        for door, found, wanted in shown(answer):
            if found != wanted:
                losses.append(f"{door}: {question!r}: {found} instead of {wanted}")
        if run < through_doors:
            wanted_ = json.loads(json.dumps(answer.as_dict()))["quotes"]
            for name, door_ in others.items():
                got = door_(question)["quotes"]
                if got != wanted_:
                    losses.append(f"{name}: {question!r}: {got} instead of {wanted_}")
    names = ", ".join(["screen", "JSON", "Markdown", "HTML", *others])
    return Row(
        "quotes at every door",
        runs,
        0,
        tuple(losses),
        f"{quotes:,} quotes of {len(library.documents):,} readouts; {names}",
    )


_AGREEMENTS = [
    "The two leaders {}agree to extend the treaty on fisheries.",
    "Japan will {}purchase the aircraft this year.",
    "The Prime Minister {}supports the sanctions on steel.",
    "The ministers did {}discuss the islands in the south.",
    "Both sides will {}share data on satellites.",
    "The alliance does {}cover the northern waters.",
    "The President was {}invited to visit Tokyo in May.",
    "The company shall {}acquire the port of Osaka.",
]


def with_and_without_not(random_: random.Random, runs: int) -> Row:
    """Sentences that differ only in "not", in documents of their own or side by side.

    Asked with its own words, each must come first, with its own place.
    """
    losses: list[str] = []
    pairs = [(each.format(""), each.format("not ")) for each in _AGREEMENTS]
    with scratch() as folder:
        sources = folder / SOURCES
        sources.mkdir()
        every = [sentence for pair in pairs for sentence in pair]
        random_.shuffle(every)
        (sources / "together.txt").write_text("\n".join(every))
        for number, (yes, no) in enumerate(pairs[:runs]):
            (sources / f"yes-{number}.txt").write_text(f"{yes}\n")
            (sources / f"no-{number}.txt").write_text(f"{no}\n")
        library = Library.open(folder)
        library.build()
        for sentence in every:
            answer = library.answer(sentence)
            if not answer.quotes or answer.quotes[0].text != sentence:
                first = answer.quotes[0].text if answer.quotes else answer.outcome
                losses.append(f"{sentence!r} was answered with {first!r}")
            for quote in answer.quotes:
                losses += faults_of(library, quote)
                negated = "not " in quote.text
                if quote.document.startswith("yes") and negated:
                    losses.append(f"{quote.text!r} is cited as of {quote.document}")
                if quote.document.startswith("no") and not negated:
                    losses.append(f"{quote.text!r} is cited as of {quote.document}")
    return Row("with and without not", len(every), 0, tuple(losses))


def repeated_sentences(random_: random.Random, runs: int) -> Row:
    """One sentence in many paragraphs, each with a neighbour of its own: the quote's paragraph is
    the one that was matched.
    """
    losses: list[str] = []
    topics = "fisheries tariffs satellites hydrogen visas whaling semiconductors rice".split()
    with scratch() as folder:
        sources = folder / SOURCES
        sources.mkdir()
        for number in range(runs):
            random_.shuffle(topics)
            lines = [f"On {topic}, the two ministers met. They agreed." for topic in topics]
            (sources / f"{number}.txt").write_text("\n".join(lines))
        library = Library.open(folder)
        library.build()
        asked = 0
        for document in library.documents:
            for topic in topics:
                asked += 1
                hit = library.retrieve(f"{topic} document:{document.id}", k=1)[0]
                if f"On {topic}," not in hit.paragraph.text:
                    losses.append(f"{document.id}, {topic}: {hit.paragraph.text!r}")
                for sentence in hit.paragraph.sentences:
                    quote = Quote.of(hit.document, hit.paragraph, sentence)
                    losses += faults_of(library, quote)
                    start = document.text[: quote.start].count("\n") + 1
                    if quote.paragraph != start:
                        losses.append(f"¶ {quote.paragraph} is ¶ {start} of {document.id}")
    return Row("repeated sentences", asked, 0, tuple(losses))


_STRANGE = [
    "e\u0301", "é", "ﬁ", "\uff21\uff22", "①", "ℌ", "\u1e9b\u0323", "İ", "ß", "ſ", "\u212b", "Å",
    "\u0958", "한국", "\u1112\u1161\u11ab", "👩‍👩‍👧", "\U0001f1ef\U0001f1f5", "\ufe0f", "\u200d",
    "\u00ad", "\u200b", "\u202e", "\u2066", "\u2069", "\ufeff", "\u2028", "\u2029", "\x85", "\x1c",
    "\u00a0", "\u3000", "’", "“", "”", "–", "—", "…", "\t", "  ", ". ", "! ", "。", "\n", "\r\n",
    "\n\n", "&amp;", "<b>", "*", "_", "`", "$", "|", "\\", "[x](y)", "#", "1. ", "- ", "> ",
]  # fmt: skip


def strange_text(random_: random.Random) -> str:
    """Text of everything that normalisation, splitting or markup would change."""
    words = ["alpha", "Bravo", "echo", "delta", "会談", "été", "U.S.", "not"]
    return "alpha " + "".join(
        random_.choice(_STRANGE) if random_.random() < 0.5 else f" {random_.choice(words)} "
        for _ in range(random_.randint(3, 120))
    )


def strange_characters(random_: random.Random, runs: int) -> Row:
    """Documents of strange characters, asked in every normal form."""
    losses: list[str] = []
    asked = 0
    for _ in range(runs):
        with scratch() as folder:
            sources = folder / SOURCES
            sources.mkdir()
            for number in range(6):
                path = sources / f"{number}{random_.choice(['.txt', '.md'])}"
                path.write_bytes(strange_text(random_).encode())
            library = toy(folder)
            library.build()
            for question in _asked_strangely(random_, library):
                asked += 1
                answer = library.answer(question)
                for quote in (*answer.quotes, *(hit.quote for hit in answer.hits)):
                    losses += faults_of(library, quote)
                for door, found, wanted in shown(answer):
                    if found != wanted:
                        losses.append(f"{door}: {found} instead of {wanted}")
    return Row("strange characters", asked, 0, tuple(losses))


def _asked_strangely(random_: random.Random, library: Library) -> Sequence[str]:
    text = random_.choice(library.documents).text[:300]
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    return [each for each in ["alpha", *forms] if each.strip()]
