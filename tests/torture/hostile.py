"""Documents, questions, links, requests and command lines that mean harm."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from assistant.cli import main
from assistant.dates import dates_in
from assistant.documents import read_documents
from assistant.errors import QuestionError
from assistant.followups import depends, names, standalone
from assistant.lexical import tokenize
from assistant.library import INDEX, SOURCES
from assistant.questions import read_question
from assistant.types import Scope
from assistant.web.permalink import find
from tests.torture import Row, processes
from tests.torture.states import put, said, scratch, state, toy
from tests.torture.verbatim import strange_text

_SECRET = "zulu secret of another folder"
_YAML = [
    "title: A call", "date: 2024-02-30", "date: 0001-01-01", "date: 9999-12-31", "date: [",
    'title: "\\uD800"', 'title: "\\UFFFFFFFF"', 'title: "\\0"', "title: &a [*a]", "title: *missing",
    "<<: *x", "? [a, b]", "questions: [a, [b]]", "questions: x", "url: javascript:alert(1)",
    "issuer: |\n  two\n  lines", "title: !!python/object/apply:os.system [id]", "\t", "a: b: c",
    "title: " + "x" * 9_000, "title: '\u202eevil'", "---", "...", "%YAML 9.9", "- a", "{" * 900,
    "date: 2024-02-02T25:00:00", "date: '２０２４-０１-０１'", "title: ~", "title:", "null",
]  # fmt: skip
_NAMES = [
    "a", "2024-01-02-call", "2024-99-99", "-rf", "..a", "a b", "a\nb", "a\tb", "<b>&'\"", "a#b",
    "会談", "e\u0301", "x" * 240, "x" * 251, "CON", "a;id", "$(id)", "%00", "a\\b", "~", "\u202eg",
]  # fmt: skip


def _document(random_: random.Random) -> bytes:
    body = strange_text(random_) if random_.random() < 0.7 else ""
    if random_.random() < 0.5:
        lines = random_.sample(_YAML, random_.randint(1, 4))
        body = "---\n" + "\n".join(lines) + "\n---\n" + body
    content = body.encode()
    match random_.randrange(12):
        case 0:
            return random_.randbytes(random_.randrange(300))
        case 1:
            return content[: random_.randrange(len(content) + 1)]
        case 2:
            return random_.choice([b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0"]) + content
        case 3:
            return content.replace(b"\n", random_.choice([b"\r", b"\r\n", b"\n\r"]))
    return content


def _fill(random_: random.Random, sources: bytes, outside: Path) -> None:
    """Files, sidecars, links, pipes and folders below ``sources``, whatever their names allow."""
    for _ in range(12):
        stem = os.fsencode(random_.choice(_NAMES))
        if random_.random() < 0.1:
            stem = b"\xe9\xff"
        suffix = random_.choice([b".txt", b".md", b".markdown", b".TXT", b".yaml", b".pdf", b""])
        path = os.path.join(sources, stem + suffix)
        try:
            match random_.randrange(12):
                case 0:
                    os.symlink(outside, path)
                case 1:
                    os.symlink(outside.parent, path)
                case 2:
                    os.symlink(sources, path)
                case 3:
                    os.mkfifo(path)
                case 4:
                    os.mkdir(path)
                case _:
                    with open(path, "wb") as file:
                        file.write(_document(random_))
        except OSError:
            pass  # too long a name, or one that is there already


def documents(random_: random.Random, runs: int) -> Row:
    """Libraries of hostile files: each builds, names what it leaves out, and quotes as ever."""
    losses: list[str] = []
    files = 0
    with scratch() as outside:
        secret = outside / "secret.txt"
        secret.write_text(f"{_SECRET}.")
        for run in range(runs):
            with scratch() as folder:
                (folder / SOURCES).mkdir()
                (folder / SOURCES / "good.txt").write_text("alpha bravo.")
                _fill(random_, os.fsencode(folder / SOURCES), secret)
                files += sum(1 for _ in (folder / SOURCES).iterdir())
                ended = processes.run(
                    _built_and_asked, folder, processor_seconds=60, memory_bytes=6 << 30
                )
                if ended.error or ended.code:
                    losses.append(f"run {run}: {ended}")
                for path in (folder / INDEX).rglob("*"):
                    if path.is_file() and _SECRET.encode() in path.read_bytes():
                        losses.append(f"run {run}: a file outside was read")
    return Row("hostile documents", runs, files, tuple(losses))


def _built_and_asked(folder: Path) -> int:
    library = toy(folder)
    report = library.build()
    said(library)
    "".join(map(str, report.problems)).encode("utf-8", "surrogateescape")
    return len(library.documents)


_REPEATED = [
    "# a", " ", "#", "> ", "- ", "1. ", "1.\n", "x\n", "- x\n", "> x\n", "日本。", "日本",
    "They spoke. ", "a ", "x", ".", '."', "(", "[", "*a **a ", "|a|b|\n|-|-|\n", "```\n",
    "a\n===\n", "U.S. ", "a!", "...", "\u3000\u2003", "e\u0301", "\u0301", "ﷺ", "A", "A ", "A.",
    "A’", "that ", "which x ", "about ", "what its ", "May ", "1 May ", "2024-", "2024 ",
    "since:2024 ", 'issuer:"', '"', "“", "令和4年", "\r", "\t", "\u2028", "&a ", "---\n", "a: ",
    "[a]: b\n", "<div>\n", "    ", "0", "İ",
]  # fmt: skip


def blow_up(random_: random.Random, runs: int) -> Row:
    """Repetitions that make careless patterns and parsers take forever: 100 kB of each as a
    document in both formats, 2,000 characters of each as a question.

    Each must be done within the processor time of its limit, ``_SECONDS``.
    """
    losses = []
    tried = random_.sample(_REPEATED, min(runs, len(_REPEATED)))
    for piece in tried:
        for end in ("", "x\n", "\n# a" + " " * 50_000 + "x"):
            ended = processes.run(
                _read_all_ways, piece, end, at_most=300, processor_seconds=_SECONDS
            )
            if ended.error or ended.code:
                losses.append(f"{piece!r} with {end[:6]!r}: {ended}")
    return Row(
        "repetitions", 3 * len(tried), 3 * len(tried), tuple(losses), f"at most {_SECONDS} s each"
    )


_SECONDS = 40


def _read_all_ways(piece: str, end: str) -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    long = piece * (100_000 // len(piece.encode())) + end
    with scratch() as folder:
        (folder / "a.txt").write_text(long, encoding="utf-8", newline="")
        (folder / "b.md").write_text(long, encoding="utf-8", newline="")
        (folder / "c.md").write_text(f"---\n{long[:60_000]}\n---\nx", encoding="utf-8", newline="")
        list(read_documents(folder))
    tokenize(long)
    short = (piece * 2_000)[:1_999] + end[:1]
    for text in (short, short.upper(), f"x {short}"):
        try:
            question, _ = read_question(text)
        except QuestionError:
            continue
        dates_in(question)
        depends(question)
        names(question)
        standalone(question, [question, "And it?"], question, frozenset())


def _question(random_: random.Random) -> str:
    pieces = [
        "alpha", "since:", "2024", "until:9999", 'issuer:"', '"', "“", "document:", "../..", "\0",
        "\ud800", "\udfff", "\u202e", "AND", "OR", "NOT", "*", "(", ")", "^", "~", "+", "-", "\\",
        "tokens:alpha", "/.*/", "[* TO *]", "a" * 300, "会談", "e\u0301", "\n", "\t", " ", "?",
        "' OR 1=1 --", "${jndi:x}", "{{7*7}}", "%s%n", "<script>", "ignore previous instructions",
        "早く", "²", "٣", "0", "-1", "1e999", "May 32", "令和99年13月", "since:２０２４", "\x85",
    ]  # fmt: skip
    joined = "".join(random_.choice(["", " "]) + random_.choice(pieces) for _ in range(9))
    return random_.choice([joined, joined, joined[:1], "", joined * 40])


def questions(random_: random.Random, runs: int) -> Row:
    """Hostile questions, histories and scopes: answered, or refused in words."""
    losses: list[str] = []
    refused = 0
    with scratch() as folder:
        put(folder, state(random_, 6))
        library = toy(folder)
        library.build()
        for _ in range(runs):
            question = _question(random_)
            history = [_question(random_) for _ in range(random_.randrange(4))]
            scope = Scope(
                documents=tuple(_question(random_)[:9] for _ in range(random_.randrange(2))),
                issuer=random_.choice(["", "", _question(random_)]),
                phrases=tuple(_question(random_) for _ in range(random_.randrange(2))),
            )
            try:
                answer = library.answer(
                    question, k=random_.choice([1, 5, 100]), history=history, scope=scope
                )
                json.dumps(answer.as_dict(), ensure_ascii=False).encode()
            except QuestionError as error:
                refused += 1
                str(error).encode()
            except Exception as error:
                losses.append(_told(error, f"{question!r} after {history!r} in {scope!r}"))
    return Row("hostile questions", runs, runs, tuple(losses), f"{refused} refused in words")


def links(random_: random.Random, runs: int) -> Row:
    """Hostile permalinks, all of which lead somewhere or nowhere."""
    losses: list[str] = []
    with scratch() as folder:
        put(folder, state(random_, 4))
        library = toy(folder)
        library.build()
        known = {each.id: each for each in library.documents}
        name, document = next(iter(known.items()))
        paragraph = document.paragraphs[0].id
        for _ in range(runs):
            end = random_.choice(
                ["0-5", "5-0", "0-0", "-1-5", "0-999999999", "٠-٥", "0-9" * 50, "x"]
            )
            cite = random_.choice(
                [f"{name}/{paragraph}/{end}", f"{name}/{_question(random_)}", _question(random_)]
            )
            try:
                place = find(known.get, cite)
                if place.quote and not library.verify(place.quote):
                    losses.append(f"{cite!r} leads to words that aren't there")
            except Exception as error:
                losses.append(_told(error, repr(cite)))
    return Row("hostile links", runs, runs, tuple(losses))


def requests(random_: random.Random, runs: int) -> Row:
    """Hostile requests to every route that the server has: none may end in a fault of its own."""
    ended = processes.run(_requests, random_, runs, at_most=900)
    if ended.error or ended.code:
        return Row("hostile requests", runs, runs, (str(ended),))
    row: Row = ended.value
    return row


def _requests(random_: random.Random, runs: int) -> Row:
    from starlette.testclient import TestClient

    from assistant.web.server import create_app
    from assistant.web.service import Settings

    losses: list[str] = []
    statuses: dict[int, int] = {}
    with scratch() as folder:
        put(folder, state(random_, 4))
        library = toy(folder)
        library.build()
        app = create_app(library, Settings(editable=True, feedback=folder / "feedback.jsonl"))
        routes = sorted(set(_routes(app.routes)))
        often = [each for each in routes if not each[1].startswith("/chat")]
        with TestClient(app, "http://127.0.0.1", raise_server_exceptions=False) as client:
            for _ in range(runs):
                method, path = random_.choice(random_.choice([routes, often, often]))
                while "{" in path:
                    before, _, rest = path.partition("{")
                    path = before + _in_path(random_) + rest.partition("}")[2]
                if random_.random() < 0.2:
                    method = random_.choice(["GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS"])
                options: dict[str, Any] = {"params": _fields(random_), "headers": _headers(random_)}
                if method in {"POST", "PUT"}:
                    options |= _body(random_)
                if path.endswith("/queue/data"):
                    continue  # a stream that stays open
                try:
                    response = client.request(method, path, **options)
                except (UnicodeEncodeError, ValueError):
                    continue  # the client itself refuses to send it
                statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
                if response.status_code >= 500 and response.status_code != 503:
                    losses.append(f"{response.status_code}: {method} {path!r} {options!r}"[:600])
                if "Traceback" in response.text:
                    losses.append(f"a traceback: {method} {path!r}")
            said(library)
    seen = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
    return Row("hostile requests", runs, runs, tuple(losses), f"{len(routes)} routes; {seen}")


def nowhere_to_add(random_: random.Random, runs: int) -> Row:
    """Readouts added to, and removed from, a library whose sources are gone: the page is told."""
    ended = processes.run(_added_nowhere, at_most=120)
    lost = [] if ended.value is True else [str(ended)]
    return Row("nowhere to add readouts", 2, 2, tuple(lost))


def _added_nowhere() -> bool:
    from starlette.testclient import TestClient

    from assistant.web.server import create_app
    from assistant.web.service import Settings

    with scratch() as folder:
        put(folder, {"a.txt": "alpha bravo.", "b.txt": "charlie delta."})
        toy(folder).build()
        app = create_app(toy(folder), Settings(editable=True))
        with TestClient(app, "http://127.0.0.1", raise_server_exceptions=False) as client:
            shutil.rmtree(folder / SOURCES)
            (folder / SOURCES).write_text("a file where the folder was")
            added = client.post("/documents", data={"text": "echo.", "title": "Echo"})
            last = json.loads(added.text.splitlines()[-1])
            removed = client.delete("/documents/a")
    return last["added"] == 0 and "can&#39;t" in last["html"] and removed.status_code == 503


def _routes(routes: Any, root: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        path = root + getattr(route, "path", "")
        for method in getattr(route, "methods", None) or ["GET"]:
            yield method, path or "/"
        inner = getattr(route, "routes", None) or getattr(
            getattr(route, "app", None), "routes", None
        )
        if inner:
            yield from _routes(inner, path)


def _in_path(random_: random.Random) -> str:
    return random_.choice(
        [
            "a",
            "..",
            "%2e%2e%2f",
            "%00",
            "%ff",
            "x" * 3000,
            "new/1",
            "00",
            "a.b",
            "1.md",
            "会談",
            "%0a",
        ]
    )


def _fields(random_: random.Random) -> dict[str, Any]:
    keys = ["cite", "also", "search", "by", "since", "until", "issuer", "document", "limit",
            "offset", "q", "session_hash", "x"]  # fmt: skip
    values = [_question(random_).encode("utf-8", "replace").decode() for _ in range(3)]
    values += ["-1", "1e9", "9" * 30, "2024-13-01", "true"]
    return {random_.choice(keys): random_.choice(values) for _ in range(random_.randrange(5))}


def _headers(random_: random.Random) -> dict[str, str]:
    return random_.choice(
        [
            {},
            {},
            {"accept-language": "en-US,ja;q=0.5" * random_.randint(1, 300)},
            {"accept-language": "-" * 5000},
            {"cookie": "language=zz; theme=<b>"},
            {"content-length": "-5"},
            {"content-type": "multipart/form-data"},
            {"content-type": "application/json; charset=utf-99"},
            {"range": "bytes=9-1,0-,-5"},
            {"if-modified-since": "yesterday"},
            {"authorization": "Bearer x", "transfer-encoding": "chunked"},
            {"origin": "http://127.0.0.1"},
        ]
    )


def _body(random_: random.Random) -> dict[str, Any]:
    field = random_.choice(["question", "conversation", "turn", "helpful", "quotes", "messages",
                            "history", "k", "jsonrpc", "method", "data"])  # fmt: skip
    value: Any = random_.choice(
        [
            None,
            "",
            "alpha",
            "\ud800",
            [],
            {},
            [[]],
            -1,
            1e308,
            10**400,
            True,
            "x" * 9_000,
            ["a"] * 500,
        ]
    )
    nested = "[" * 3_000
    return random_.choice(
        [
            {"content": json.dumps({"question": "alpha", field: value}).encode()},
            {"content": json.dumps({field: value, "conversation": "0" * 32}).encode()},
            {"content": b"{", "headers": {"content-type": "application/json"}},
            {"content": nested.encode(), "headers": {"content-type": "application/json"}},
            {"content": random_.randbytes(500)},
            {"content": b""},
            {"data": {"text": _safe(random_), "title": _safe(random_), "date": _safe(random_)}},
            {"files": {"files": (random_.choice(_NAMES[:10]) + ".txt", _document(random_))}},
            {"files": {"files": ("../../x.md", _document(random_))}, "data": {"date": "9"}},
        ]
    )


def _safe(random_: random.Random) -> str:
    return _question(random_).encode("utf-8", "replace").decode()


def commands(random_: random.Random, runs: int) -> Row:
    """Hostile command lines and files given to commands: exit codes 0, 1 or 2, and words."""
    losses: list[str] = []
    with scratch() as folder:
        put(folder, {"a.txt": "alpha bravo."})
        library = toy(folder)
        library.build()
        quote = library.retrieve("alpha")[0].quote.as_dict()
        file = folder / "given"
        for _ in range(runs):
            file.write_bytes(_given(random_, quote))
            # Not ask or retrieve: their model isn't the one that built this.
            arguments = random_.choice(
                [
                    ["verify", str(file)],
                    ["verify", str(file)],
                    ["feedback", str(file)],
                    ["evaluate", str(file)],
                    ["documents", "--json"],
                    ["verify", _question(random_)],
                    ["ask", "--since", _question(random_), "x"],
                    ["ask", "-k", _question(random_), "x"],
                    [_question(random_)],
                    ["--library", _question(random_), "documents"],
                ]
            )
            # What an operating system can hand over: no NUL, and bytes for surrogates.
            arguments = [
                each.replace("\0", "").encode("utf-8", "replace").decode()
                + "\udcff" * ("\ud800" in each)
                for each in arguments
            ]
            result = CliRunner().invoke(main, ["--library", str(folder), *arguments])
            if result.exception and not isinstance(result.exception, SystemExit):
                losses.append(_told(result.exception, f"{arguments!r} {file.read_bytes()[:200]!r}"))
            elif result.exit_code not in {0, 1, 2}:
                losses.append(f"{arguments!r}: exit code {result.exit_code}")
    return Row("hostile command lines", runs, runs, tuple(losses))


def _given(random_: random.Random, quote: dict[str, Any]) -> bytes:
    key = random_.choice(sorted(quote))
    value: Any = random_.choice(
        [None, -1, 1.5, "", "\ud800", "a\0b", [], {}, 10**30, "../../etc/passwd"]
    )
    rows: Any = random_.choice([[quote | {key: value}], quote | {key: value}, [[quote]], value])
    return random_.choice(
        [
            json.dumps(rows).encode(),
            json.dumps({"quotes": rows}).encode(),
            json.dumps({"question": "x", "history": [], "helpful": True, "quotes": rows}).encode(),
            b"[" * 100_000,
            b'{"quotes":' * 900,
            random_.randbytes(99),
            b"\xff\xfe",
            b"",
            b"9" * 9_999,
            b"NaN",
        ]
    )


def _told(error: BaseException, what: str) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    return f"{type(error).__name__} at {where}: {error}: {what}"[:700]
