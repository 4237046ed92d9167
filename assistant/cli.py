"""The command line: each command parses, calls the library method of the same name and prints.

Exit codes: 0, also when the readouts don't say; 1 for what the user can mend (no documents, no
index, an unreadable file, a quote that no longer stands); 2 for wrong usage.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from click.shell_completion import get_completion_class

from assistant import __version__, markdown
from assistant.citations import Style, cite_all
from assistant.confidence import MAXIMUM_ERROR
from assistant.errors import IndexMissingError, NoReadoutsError, QuestionError, ReadoutError
from assistant.library import Library
from assistant.terminal import answer_text, hits_text, json_text, visible
from assistant.types import BuildReport, Quote, Scope

_JSON, _MARKDOWN = "json", "markdown"
LEAST_TOKEN = 16  # characters


def _library_option(default: str | None) -> click.Option:
    def choose(context: click.Context, _: click.Parameter, folder: Path | None) -> None:
        if folder is not None:
            context.obj = folder

    return click.Option(
        ["--library"],
        default=default,
        envvar="READOUT_LIBRARY" if default else None,
        type=click.Path(path_type=Path),
        expose_value=False,
        is_eager=True,
        callback=choose,
        help="The folder with source_docs/ and index/ in it; this folder by default.",
    )


class _Command(click.Command):
    """A command that takes --library also behind its name."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(_library_option(None))


class _Commands(click.Group):
    """Prints what went wrong as one message, without a traceback."""

    command_class = _Command

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ReadoutError as error:
            raise click.ClickException(str(error)) from error


@click.group(
    cls=_Commands,
    params=[_library_option(".")],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="readout")
def main() -> None:
    """Ask official readouts, and be answered in their own words."""


@main.command()
@click.option("--model", help="A model's folder or hub name, instead of all-MiniLM-L6-v2.")
@click.pass_obj
def build(folder: Path, model: str | None) -> None:
    """Bring the index up to date with source_docs/.

    Only new texts are embedded. A file that can't be read is named and left out.

    Example: readout build
    """
    library = Library.open(folder, model=model)
    report = _build(library)
    for name, changes in (
        ("added", report.added),
        ("changed", report.changed),
        ("removed", report.removed),
    ):
        for each in changes if len(changes) <= 20 else (f"{len(changes):,} documents",):
            click.echo(f"{name}: {visible(each)}")
    click.echo(
        f"{report.documents:,} documents, {report.paragraphs:,} paragraphs, "
        f"{report.sentences:,} sentences; {report.embedded:,} new texts embedded"
    )


def _documents_starting_with(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[str]:
    """For the shell's completion."""
    with suppress(ReadoutError):
        documents = Library.open(context.obj).documents
        return [each.id for each in documents if each.id.startswith(incomplete)]
    return []


def _options(options: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """The decorators as one, which lists them in this order."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_form_options = _options(
    [
        click.option("--json", "form", flag_value=_JSON, help="Print JSON, for programs."),
        click.option("--markdown", "form", flag_value=_MARKDOWN, help="Print Markdown."),
    ]
)
_asking_options = _options(
    [
        click.option(
            "--document",
            "documents",
            multiple=True,
            shell_complete=_documents_starting_with,
            help="Only this id; repeatable.",
        ),
        click.option("--issuer", default="", help="Only this issuer's readouts."),
        click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only from this day on."),
        click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Only up to this day."),
        click.option(
            "--phrase", "phrases", multiple=True, help="Only paragraphs with these exact words."
        ),
        click.option(
            "--history", multiple=True, help="An earlier question, oldest first; repeatable."
        ),
        click.option("-k", type=click.IntRange(1, 100), default=5, help="Passages looked at."),
        click.option(
            "--cite",
            "style",
            type=click.Choice([str(each) for each in Style]),
            help="Cite in this style; bibtex, ris and csl-json print nothing but references.",
        ),
        _form_options,
    ]
)


@main.command()
@click.argument("question", required=False)
@_asking_options
@click.option(
    "--maximum-error",
    type=click.FloatRange(0, 1),
    default=MAXIMUM_ERROR,
    help=f"Share of the answers given that may be wrong; {MAXIMUM_ERROR} by default.",
)
@click.pass_obj
def ask(
    folder: Path,
    /,
    question: str | None,
    k: int,
    form: str | None,
    style: str | None,
    maximum_error: float,
    **asked: Any,
) -> None:
    """Answer QUESTION with quotes, or say that the readouts don't say.

    Without QUESTION, standard input is read, a question a line; with --json, each answer is then
    one line.

    Example: readout ask "Does the treaty cover the Senkaku Islands?"
    """
    options = {"k": k, **_asked(asked)}
    several = question is None

    def answered(library: Library, question: str) -> str:
        answer = library.answer(question, **options)
        if form == _MARKDOWN:
            return "\n\n".join(markdown.answer_blocks(answer))
        if form == _JSON:
            return json_text(answer.as_dict(), lines=several)
        if style and Style(style).is_data:
            if not answer.quotes:
                click.echo(answer_text(answer), err=True)
            return cite_all(answer.quotes, style)
        return answer_text(answer, style)

    _each(folder, question, form, answered, maximum_error)


@main.command()
@click.argument("question", required=False)
@_asking_options
@click.pass_obj
def retrieve(
    folder: Path,
    /,
    question: str | None,
    k: int,
    form: str | None,
    style: str | None,
    **asked: Any,
) -> None:
    """Print the paragraphs that may answer QUESTION, best first, with scores.

    Without QUESTION, standard input is read, a question a line; with --json, the paragraphs of each
    are then one line.

    Example: readout retrieve -k 3 "investment in the United States"
    """
    options = {"k": k, **_asked(asked)}
    several = question is None

    def found(library: Library, question: str) -> str:
        hits = library.retrieve(question, **options)
        if form == _MARKDOWN:
            return "\n\n".join(markdown.hit_blocks(hits))
        if form == _JSON:
            return json_text([hit.as_dict() for hit in hits], lines=several)
        if style:
            cited = cite_all([hit.quote for hit in hits], style)
            return cited if Style(style).is_data else visible(cited)
        return hits_text(hits)

    _each(folder, question, form, found)


def _each(
    folder: Path,
    question: str | None,
    form: str | None,
    reply: Callable[[Library, str], str],
    maximum_error: float = MAXIMUM_ERROR,
) -> None:
    """Print the reply to ``question``, or below one another those to the lines of standard input.

    A question there that can't be asked is told, and the others are replied to all the same.
    """
    if question is not None:
        click.echo(reply(_opened(folder, maximum_error), question))
        return
    lines = _lines()
    line = next(lines, None)
    if line is None:
        raise click.UsageError(
            "Missing argument 'QUESTION'; or give questions on standard input, one a line."
        )
    library = _opened(folder, maximum_error)
    failed = 0
    while line is not None:
        try:
            text = reply(library, line)
        except QuestionError as error:
            failed += 1
            click.echo(f"Error: {visible(line[:60])}: {error}", err=True)
        else:
            if form == _JSON:
                click.echo(text)
            elif form == _MARKDOWN:
                click.echo(f"## {markdown.escape(line)}\n\n{text}\n")
            else:
                click.echo(f"{click.style(visible(line), underline=True)}\n\n{text}\n")
        line = next(lines, None)
    if failed:
        raise click.ClickException(f"{failed} of the questions could not be asked")


def _lines() -> Iterator[str]:
    """The lines of standard input that aren't empty, none if it is a terminal."""
    if sys.stdin and not sys.stdin.isatty():
        with click.open_file("-", encoding="utf-8", errors="replace") as stdin:
            yield from filter(None, map(str.strip, stdin))


_host_option = click.option(
    "--host", default="127.0.0.1", help="The address to listen at; loopback by default."
)
_token_option = click.option(
    "--token",
    envvar="READOUT_TOKEN",
    help="What programs must send as a bearer token; better set as READOUT_TOKEN.",
)
_name_option = click.option(
    "--name", "names", multiple=True, help="A name it is called by; repeatable."
)
_serving_options = _options(
    [
        click.option(
            "--auth",
            envvar="READOUT_AUTH",
            metavar="NAME:PASSWORD",
            help="Ask everyone for this name and password.",
        ),
        _token_option,
        _name_option,
        click.option(
            "--origin",
            "origins",
            multiple=True,
            metavar="URL",
            help="Another site whose pages may use the interface for programs; repeatable.",
        ),
    ]
)


@main.command()
@_host_option
@click.option("--port", default=7860, type=click.IntRange(0, 65535), help="7860 by default.")
@_serving_options
@click.option(
    "--edit/--no-edit",
    default=None,
    help="Let everyone add and remove readouts; by default only where this machine alone can ask.",
)
@click.option(
    "--feedback",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Ask whether answers helped, and keep that with the question and its quotes in this file.",
)
@click.pass_obj
def chat(
    folder: Path,
    /,
    host: str,
    port: int,
    edit: bool | None,
    feedback: Path | None,
    **access: Any,
) -> None:
    """Open the web chat, after bringing the index up to date.

    The interface for programs is served beside it, as by readout serve.

    Example: readout chat --port 8000
    """
    access = _access(**access)
    if access["token"] and not access["auth"]:
        raise click.UsageError("--token goes with --auth here: a browser has no other way in.")
    library = Library.open(folder)
    try:
        _build(library)
    except NoReadoutsError as error:
        click.echo(f"note: {visible(str(error))}; the chat opens all the same", err=True)
    from assistant.web.server import serve as serve_chat  # gradio takes seconds to import
    from assistant.web.service import Settings

    settings = Settings(**access, editable=edit, feedback=feedback)
    serve_chat(library, host=host, port=port, settings=settings)


@main.command()
@_host_option
@click.option("--port", default=7860, type=click.IntRange(0, 65535), help="7860 by default.")
@_serving_options
@click.pass_obj
def serve(folder: Path, /, host: str, port: int, **access: Any) -> None:
    """Serve programs over HTTP, without the chat: /api/, described in /api/openapi.json, and /v1/.

    Example: readout serve --port 8000
    """
    access = _access(**access)
    library = _opened(folder)
    from assistant.web import service  # with fastapi, only where it is asked for
    from assistant.web.api import create_api

    app = create_api(library)
    service.guard(app, _guarded(host, access))
    _warm(library)
    service.run(app, host, port)


@main.command()
@click.option("--http", is_flag=True, help="Serve by HTTP at /mcp, not by standard input.")
@_host_option
@click.option("--port", default=7861, type=click.IntRange(0, 65535), help="7861 by default.")
@_token_option
@_name_option
@click.pass_obj
def mcp(folder: Path, /, http: bool, host: str, port: int, **access: Any) -> None:
    """Serve assistants by the Model Context Protocol, over standard input and output.

    Needs the extra readout-assistant[mcp].

    Example: readout mcp --http --port 8001
    """
    access = _access(**access)
    try:
        from assistant import mcp_server  # an extra's
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    from assistant.web import service

    library = _opened(folder)
    if http:
        app = mcp_server.create_app(library, _guarded(host, access))
        _warm(library)
        service.run(app, host, port)
    else:
        _warm(library)
        mcp_server.create_server(library).run("stdio")


def _access(
    *,
    token: str | None,
    names: tuple[str, ...],
    auth: str | None = None,
    origins: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Who may ask, as ``Settings`` take it."""
    name, colon, password = (auth or "").partition(":")
    if auth is not None and not (name and colon and password):
        raise click.BadParameter("give it as NAME:PASSWORD", param_hint="--auth")
    if token is not None and (len(token) < LEAST_TOKEN or not token.isascii()):
        raise click.BadParameter(
            f"it needs at least {LEAST_TOKEN} ASCII characters", param_hint="--token"
        )
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or origin != f"{parts.scheme}://{parts.netloc}":
            raise click.BadParameter(
                "give it as https://example.org, without a path", param_hint="--origin"
            )
    return {
        "hosts": names,
        "auth": (name, password) if auth else None,
        "token": token,
        "origins": origins,
    }


def _guarded(host: str, access: dict[str, Any]) -> Any:
    """The settings for what listens at ``host``, which beyond this machine asks who is there."""
    from assistant.web.service import Settings, is_loopback, names_of

    if not is_loopback(host) and not (access["auth"] or access["token"]):
        raise click.UsageError(
            f"{host} can be reached from other machines: set READOUT_TOKEN, or give --token."
        )
    return Settings(**access | {"hosts": access["hosts"] or names_of(host)})


def _warm(library: Library) -> None:
    """Load the model beside, by asking something, so that the first question needn't wait."""

    def ask() -> None:
        with suppress(ReadoutError):  # which the first question is told
            library.retrieve("readout", k=1)

    threading.Thread(target=ask, daemon=True).start()


@main.command(cls=click.Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def feedback(file: Path) -> None:
    """Print what `readout chat --feedback FILE` kept as a question set for `readout evaluate`.

    Example: readout feedback verdicts.jsonl > questions.jsonl
    """
    from assistant.web.feedback import Feedback  # only where it is asked for

    try:
        for question in Feedback(file).question_set():
            click.echo(json_text(question, lines=True))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise click.ClickException(f"{file} is no file of verdicts ({error!r})") from error


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def documents(folder: Path, as_json: bool) -> None:
    """List the documents in the index.

    Example: readout documents --json
    """
    listed = _opened(folder, asking=False).documents
    if as_json:
        click.echo(json_text([each.as_dict() for each in listed]))
        return
    for each in listed:
        day = each.date.isoformat() if each.date else "undated   "
        click.echo(f"{day}  {visible(each.id)}  {visible(each.title)}")


@main.command()
@click.argument("file", type=click.File("r", encoding="utf-8"), default="-")
@click.pass_obj
def verify(folder: Path, file: Any) -> None:
    """Check quotes against the source files as they are now.

    FILE holds what `readout ask --json` or `readout retrieve --json` printed; without it, standard
    input is read. Exits with 1 if any quote no longer stands.

    Example: readout ask --json "Was Taiwan discussed?" | readout verify
    """
    library = Library.open(folder)
    quotes = _quotes_in(file)
    failed = 0
    for quote in quotes:
        verification = library.verify(quote)
        failed += not verification
        mark = "verified" if verification else "FAILED"
        click.echo(f"{mark}: {visible(quote.citation)}: {visible(verification.reason)}")
    if failed:
        raise click.ClickException(f"{failed} of {len(quotes)} quotes could not be verified")


@main.command()
@click.argument("questions", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option("--plot", type=click.Path(path_type=Path), help="Write curves to this image file.")
@click.pass_obj
def evaluate(folder: Path, questions: Path, as_json: bool, plot: Path | None) -> None:
    """Measure answers to QUESTIONS beside BM25, cosine and their fusion.

    QUESTIONS is a file of questions with their answers' places, or a folder in BEIR form, whose
    passages are then asked instead of the library. Needs the extra readout-assistant[evaluate].

    Example: readout evaluate tests/summit_questions.jsonl
    """
    from assistant import evaluation  # needs packages of an extra

    asked = evaluation.read_questions(questions)
    with evaluation.library_of(questions, lambda: _opened(folder)) as library:
        responses = evaluation.run(library, asked, by_document=questions.is_dir())
        report = evaluation.report(responses, evaluation.timing(library, asked[:50]))
    click.echo(json_text(report) if as_json else evaluation.table(report))
    if plot:
        evaluation.plot(responses, plot)


@main.command()
@click.option("--json", "form", flag_value=_JSON, help="Print JSON, for programs.")
@click.pass_obj
def doctor(folder: Path, form: str | None) -> None:
    """Check the installation, the model, the documents and the index, and say what to do.

    Exits with 1 if anything keeps from asking.

    Example: readout doctor
    """
    from assistant.doctor import State, examine  # looks into packages, only where it is asked for

    colours = {State.FINE: "green", State.NOTE: "yellow", State.FAILED: "red"}
    checks = []
    for check in examine(folder):
        checks.append(check)
        if not form:
            state = click.style(f"{check.state:6}", fg=colours[check.state])
            remedy = f"\n        -> {visible(check.remedy)}" if check.remedy else ""
            click.echo(f"{state}  {check.name}: {visible(check.found)}{remedy}")
    if form:
        click.echo(json_text([each.as_dict() for each in checks]))
    failed = sum(check.state is State.FAILED for check in checks)
    if failed:
        raise click.ClickException(f"{failed} of {len(checks)} checks failed")


@main.command(cls=click.Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes SHELL complete commands, options and documents.

    Example: readout completion bash >> ~/.bashrc
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 (click has these three)
    click.echo(kind(main, {}, "readout", "_READOUT_COMPLETE").source())


def _opened(folder: Path, maximum_error: float = MAXIMUM_ERROR, *, asking: bool = True) -> Library:
    """The library in ``folder``, built if it never was; says on standard error if it is stale."""
    library = Library.open(folder, maximum_error=maximum_error)
    try:
        if asking:
            library.load()
        changes = library.stale()
    except IndexMissingError:
        _build(library)
        return library
    if changes:
        some = ", ".join(map(visible, changes[:3])) + (", ..." if len(changes) > 3 else "")
        click.echo(
            f"note: source_docs has changed since the index was built ({some}); "
            "this answer is from the index; bring it up to date: readout build",
            err=True,
        )
    return library


def _build(library: Library) -> BuildReport:
    """Build with a progress bar on a terminal; names the files left out on standard error."""
    with click.progressbar(
        length=1, label="Embedding", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        report = library.build(progress)
    for problem in report.problems:
        click.echo(f"left out: {visible(str(problem))}", err=True)
    return report


def _asked(options: dict[str, Any]) -> dict[str, Any]:
    def day(value: datetime | None) -> date | None:
        return value.date() if value else None

    scope = Scope(
        documents=options["documents"],
        issuer=options["issuer"],
        since=day(options["since"]),
        until=day(options["until"]),
        phrases=options["phrases"],
    )
    return {"history": options["history"], "scope": scope}


def _quotes_in(file: Any) -> list[Quote]:
    """The quotes in one JSON value, or in one a line."""
    try:
        text = file.read()
        try:
            contents = [json.loads(text)]
        except ValueError:
            contents = [json.loads(line) for line in text.splitlines() if line.strip()]
            if not contents:
                raise
        rows = [
            row
            for content in contents
            for row in (content.get("quotes", []) if isinstance(content, dict) else content)
        ]
        return [Quote.from_dict(row.get("quote", row)) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise click.ClickException(
            f"{file.name} is not what readout ask --json or readout retrieve --json prints"
        ) from error
