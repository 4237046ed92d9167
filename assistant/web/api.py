"""The interface for programs: the library's operations over HTTP, which read and never write."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, FastAPI, HTTPException, Query, Response
from fastapi.openapi.models import Example
from fastapi.responses import JSONResponse

from assistant import __version__
from assistant.citations import cite_all
from assistant.errors import ReadoutError
from assistant.library import Library
from assistant.schema import (
    AnswerFields,
    Asked,
    Citing,
    DocumentsFields,
    DocumentTextFields,
    HitsFields,
    Quotes,
    ReferencesFields,
    VerificationsFields,
)
from assistant.types import Quote
from assistant.web import completions, problems
from assistant.web.line import Line

QUESTIONS = {
    "question": Example(
        summary="A question", value={"question": "Does the treaty cover the Senkaku Islands?"}
    ),
    "follow-up": Example(
        summary="A question after another",
        value={
            "question": "And on North Korea?",
            "history": ["What did they say about Taiwan?"],
        },
    ),
    "narrowed": Example(
        summary="A question of some readouts only",
        value={
            "question": "investment",
            "k": 3,
            "since": "2025-01-01",
            "issuer": "Official readout",
        },
    ),
}
_QUOTE = {
    "text": "The meeting, which began at 11:55 AM local time (1:55 a.m. "
    "8 February, Japan time), lasted approximately 110 minutes, including a "
    "30-minute small-group session and an 80-minute extended working lunch.",
    "document": "japan-us-summit-2025-02-07",
    "title": "Japan–U.S. Summit Meeting",
    "date": "2025-02-07",
    "issuer": "Official readout",
    "url": "",
    "path": "japan-us-summit-2025-02-07.txt",
    "paragraph": 1,
    "paragraph_id": "e0c165d8105a",
    "start": 129,
    "end": 329,
    "sha256": "afb1c16ed3d0eddb4621035f194683ac6a80c324570419a0d7edad94102c53bc",
}
QUOTES = {"quote": Example(summary="A quote as it came with an answer", value={"quotes": [_QUOTE]})}
CITING = {"reference": Example(summary="For LaTeX", value={"quotes": [_QUOTE], "style": "bibtex"})}
_DESCRIPTION = (
    "Questions about official readouts, answered in the documents' own words or not at all. "
    "Errors are problem details (RFC 9457)."
)


def create_api(library: Library, *, waiting: int = 100) -> FastAPI:
    """The application with every route for programs; nothing in it checks who asks.

    If ``waiting`` requests wait already, the next is refused.
    """
    app = FastAPI(
        title="Readout Assistant",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,  # these load scripts of other hosts
        redoc_url=None,
        responses=problems.described(401, 413, 422, 500, 503),
    )
    line = Line(waiting=waiting)
    problems.tell(app)

    @app.post("/api/retrieve", response_model=None, responses={200: {"model": HitsFields}})
    async def retrieve(
        asked: Annotated[Asked, Body(openapi_examples=QUESTIONS)],
    ) -> JSONResponse:
        """The paragraphs that may answer, best first."""
        hits = await line.run(library.retrieve, asked.question, **asked.options())
        return JSONResponse({"hits": [each.as_dict() for each in hits]})

    @app.post("/api/answer", response_model=None, responses={200: {"model": AnswerFields}})
    async def answer(
        asked: Annotated[Asked, Body(openapi_examples=QUESTIONS)],
    ) -> JSONResponse:
        """The answer in quotes, or that the readouts don't say."""
        found = await line.run(library.answer, asked.question, **asked.options())
        return JSONResponse(found.as_dict())

    @app.post("/api/verify", response_model=None, responses={200: {"model": VerificationsFields}})
    async def verify(
        sent: Annotated[Quotes, Body(openapi_examples=QUOTES)],
    ) -> JSONResponse:
        """Whether each quote still stands in its source file, which is read again."""
        verdicts = [(await line.run(library.verify, each)).as_dict() for each in _quotes(sent)]
        return JSONResponse({"verifications": verdicts})

    @app.post("/api/cite", response_model=None, responses={200: {"model": ReferencesFields}})
    async def cite(sent: Annotated[Citing, Body(openapi_examples=CITING)]) -> JSONResponse:
        """The quotes as references in one of the styles that readers and their programs take."""
        return JSONResponse({"references": cite_all(_quotes(sent), sent.style)})

    @app.get("/api/documents", response_model=None, responses={200: {"model": DocumentsFields}})
    async def documents(
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> JSONResponse:
        """The readouts that can be asked, by their ids."""
        listed = await line.run(lambda: library.documents)
        rows = [each.as_dict() for each in listed[offset : offset + limit]]
        return JSONResponse({"documents": rows, "total": len(listed)})

    @app.get(
        "/api/documents/{name:path}",
        response_model=None,
        responses={200: {"model": DocumentTextFields}, **problems.described(404)},
    )
    async def document(name: str) -> JSONResponse:
        """The readout of that id, with its text."""
        found = await line.run(library.document, name)
        if found is None:
            raise HTTPException(404, "there is no readout of that id")
        return JSONResponse(found.as_dict(text=True))

    @app.get("/healthz", response_model=None)
    async def healthz() -> Response:
        """Whether questions can be answered; asks for no password, and tells nothing else."""
        try:
            await line.run(lambda: library.encoder)
        except ReadoutError:
            return JSONResponse({"status": "unusable"}, 503)
        return JSONResponse({"status": "ok"})

    app.include_router(completions.router(library, line))
    return app


def _quotes(sent: Quotes) -> list[Quote]:
    try:
        return [each.quote() for each in sent.quotes]
    except (TypeError, ValueError) as error:
        raise HTTPException(422, f"quotes: {error}") from None
