"""What went wrong, told to programs as problem details (RFC 9457), without this machine's paths."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from assistant.errors import QuestionError, ReadoutError
from assistant.schema import ProblemFields, faults

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
FOR_PROGRAMS = ("/api/", "/v1/", "/mcp", "/healthz")
UNUSABLE = (
    "the readouts can't be asked at present; on the machine that serves them, readout doctor says "
    "why and what to do"
)


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What FastAPI is told about responses with these statuses."""
    content = {MEDIA_TYPE: {"schema": ProblemFields.model_json_schema()}}
    return {each: {"description": HTTPStatus(each).phrase, "content": content} for each in statuses}


class BusyError(Exception):
    """Too many questions wait already."""


def is_for_programs(path: str) -> bool:
    """Whether ``path`` is part of the interface for programs, and not of the chat."""
    return path.startswith(FOR_PROGRAMS)


def problem(
    path: str, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The problem as a response; below /v1/ it also holds what OpenAI's clients look for."""
    title = HTTPStatus(status).phrase
    content: dict[str, object] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if path.startswith("/v1/"):
        kind = "invalid_request_error" if status < 500 else "server_error"
        content["error"] = {"message": detail, "type": kind, "param": None, "code": None}
    return JSONResponse(content, status, headers, MEDIA_TYPE)


def tell(app: FastAPI) -> None:
    """Make ``app`` tell everything that goes wrong as a problem."""

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 400 and error.__cause__:  # FastAPI's, of what it fails to decode
            return problem(request.url.path, 422, "the body can't be read as JSON in UTF-8")
        return problem(request.url.path, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(request.url.path, 422, faults(error.errors(), root=1))

    @app.exception_handler(QuestionError)
    def no_question(request: Request, error: QuestionError) -> JSONResponse:
        return problem(request.url.path, 422, str(error))

    @app.exception_handler(ReadoutError)
    def unusable(request: Request, error: ReadoutError) -> JSONResponse:
        log.warning("a request could not be answered: %s", error)
        return problem(request.url.path, 503, UNUSABLE, {"retry-after": "10"})

    @app.exception_handler(BusyError)
    def busy(request: Request, _: BusyError) -> JSONResponse:
        detail = "too many questions wait already; ask again"
        return problem(request.url.path, 503, detail, {"retry-after": "2"})

    @app.exception_handler(Exception)
    def failed(request: Request, _: Exception) -> JSONResponse:
        return problem(request.url.path, 500, "something went wrong here")
