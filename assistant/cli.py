"""The command line: ``readout build``, ``ask``, ``retrieve``, ``chat``, ``documents``, ``verify``.

Each command parses, calls the library method of the same name and prints. Exit codes: 0, also when
the readouts don't say; 1 for what the user can mend (no documents, no index, an unreadable file,
a quote that no longer stands); 2 for wrong usage.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from assistant import __version__
from assistant.errors import IndexMissingError, NoReadoutsError, ReadoutError
from assistant.library import Library
from assistant.types import Answer, BuildReport, Hit, Outcome, Quote, Scope

_OUTCOMES = {
    Outcome.RELATED: "Related passages were found, but none of them answers this.",
    Outcome.NOT_FOUND: "Not in these readouts.",
}
_SILENCE = "A readout's silence does not show that a topic was not raised."


class _Commands(click.Group):
    """Prints what went wrong as one message, without a traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ReadoutError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="readout")
@click.option(
    "--library",
    "folder",
    default=".",
    envvar="READOUT_LIBRARY",
    type=click.Path(path_type=Path),
    help="The folder with source_docs/ and index/ in it; this folder by default.",
)
@click.pass_context
def main(context: click.Context, folder: Path) -> None:
    """Ask official readouts, and be answered in their own words."""
    context.obj = folder


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
            click.echo(f"{name}: {_visible(each)}")
    click.echo(
        f"{report.documents:,} documents, {report.paragraphs:,} paragraphs, "
        f"{report.sentences:,} sentences; {report.embedded:,} new texts embedded"
    )


def _scope_options(command: Any) -> Any:
    for option in reversed(
        [
            click.option(
                "--document", "documents", multiple=True, help="Only this id; repeatable."
            ),
            click.option("--issuer", default="", help="Only this issuer's readouts."),
            click.option(
                "--since", type=click.DateTime(["%Y-%m-%d"]), help="Only from this day on."
            ),
            click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Only up to this day."),
            click.option(
                "--phrase", "phrases", multiple=True, help="Only paragraphs with these exact words."
            ),
            click.option(
                "--history", multiple=True, help="An earlier question, oldest first; repeatable."
            ),
            click.option("-k", type=click.IntRange(1, 100), default=5, help="Passages looked at."),
            click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs."),
        ]
    ):
        command = option(command)
    return command


@main.command()
@click.argument("question")
@_scope_options
@click.pass_obj
def ask(folder: Path, /, question: str, k: int, as_json: bool, **asked: Any) -> None:
    """Answer QUESTION with quotes, or say that the readouts don't say.

    Example: readout ask "Does the treaty cover the Senkaku Islands?"
    """
    library = _opened(folder)
    answer = library.answer(question, k=k, **_asked(asked))
    click.echo(_json(answer.as_dict()) if as_json else _answer_text(answer))


@main.command()
@click.argument("question")
@_scope_options
@click.pass_obj
def retrieve(folder: Path, /, question: str, k: int, as_json: bool, **asked: Any) -> None:
    """Print the paragraphs that may answer QUESTION, best first, with scores.

    Example: readout retrieve -k 3 "investment in the United States"
    """
    library = _opened(folder)
    hits = library.retrieve(question, k=k, **_asked(asked))
    click.echo(_json([hit.as_dict() for hit in hits]) if as_json else _hits_text(hits))


@main.command()
@click.option("--host", default="127.0.0.1", help="The address to listen at; loopback by default.")
@click.option("--port", default=7860, type=click.IntRange(0, 65535), help="7860 by default.")
@click.option(
    "--auth",
    envvar="READOUT_AUTH",
    metavar="NAME:PASSWORD",
    help="Ask everyone for this name and password.",
)
@click.option("--name", "names", multiple=True, help="A name it is called by; repeatable.")
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
    host: str,
    port: int,
    auth: str | None,
    names: tuple[str, ...],
    edit: bool | None,
    feedback: Path | None,
) -> None:
    """Open the web chat, after bringing the index up to date.

    Example: readout chat --port 8000
    """
    name, colon, password = (auth or "").partition(":")
    if auth is not None and not (name and colon and password):
        raise click.BadParameter("give it as NAME:PASSWORD", param_hint="--auth")
    library = Library.open(folder)
    try:
        _build(library)
    except NoReadoutsError as error:
        click.echo(f"note: {_visible(str(error))}; the chat opens all the same", err=True)
    from assistant.web.server import Settings, serve  # gradio takes seconds to import

    settings = Settings(
        hosts=names, auth=(name, password) if auth else None, editable=edit, feedback=feedback
    )
    serve(library, host=host, port=port, settings=settings)


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def feedback(file: Path) -> None:
    """Print what `readout chat --feedback FILE` kept as a question set for `readout evaluate`.

    Example: readout feedback verdicts.jsonl > questions.jsonl
    """
    from assistant.web.feedback import Feedback  # only where it is asked for

    try:
        for question in Feedback(file).question_set():
            click.echo(json.dumps(question, ensure_ascii=False))
    except (ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"{file} is no file of verdicts ({error!r})") from error


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def documents(folder: Path, as_json: bool) -> None:
    """List the documents in the index.

    Example: readout documents --json
    """
    listed = _opened(folder).documents
    if as_json:
        rows = [
            {
                "id": each.id,
                "title": each.title,
                "date": each.date.isoformat() if each.date else None,
                "issuer": each.issuer,
                "url": each.url,
                "path": each.path,
                "paragraphs": len(each.paragraphs),
                "sha256": each.sha256,
            }
            for each in listed
        ]
        click.echo(_json(rows))
        return
    for each in listed:
        day = each.date.isoformat() if each.date else "undated   "
        click.echo(f"{day}  {_visible(each.id)}  {_visible(each.title)}")


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
        click.echo(f"{mark}: {_visible(quote.citation)}: {_visible(verification.reason)}")
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
    click.echo(_json(report) if as_json else evaluation.table(report))
    if plot:
        evaluation.plot(responses, plot)


def _opened(folder: Path) -> Library:
    """The library in ``folder``, built if it never was; says on standard error if it is stale."""
    library = Library.open(folder)
    try:
        changes = library.stale()
    except IndexMissingError:
        _build(library)
        return library
    if changes:
        some = ", ".join(map(_visible, changes[:3])) + (", ..." if len(changes) > 3 else "")
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
        click.echo(f"left out: {_visible(str(problem))}", err=True)
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


def _answer_text(answer: Answer) -> str:
    parts = []
    if answer.searched_for != answer.question:
        parts.append(f"Searched for: {_visible(answer.searched_for)}")
    if answer.outcome is Outcome.ANSWERED:
        parts += [f"{_visible(each.text)}\n  {_visible(each.citation)}" for each in answer.quotes]
        return "\n\n".join(parts)
    parts.append(f"{_OUTCOMES[answer.outcome]} {_SILENCE}")
    if answer.hits:
        parts += ["Nearest passages, which do not answer it:", _hits_text(answer.hits)]
    return "\n\n".join(parts)


def _hits_text(hits: Sequence[Hit]) -> str:
    return "\n\n".join(
        f"{_visible(hit.paragraph.text)}\n  {hit.score:.4f}  {_visible(hit.quote.citation)}"
        for hit in hits
    )


def _visible(text: str) -> str:
    """``text`` with control and formatting characters shown as escapes: a terminal obeys them."""
    return "".join(
        each
        if each == "\n" or unicodedata.category(each) not in {"Cc", "Cf", "Cs"}
        else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _quotes_in(file: Any) -> list[Quote]:
    try:
        content = json.load(file)
        rows = content.get("quotes", []) if isinstance(content, dict) else content
        return [Quote.from_dict(row.get("quote", row)) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise click.ClickException(
            f"{file.name} is not what readout ask --json or readout retrieve --json prints"
        ) from error
