"""What the OpenAPI document says of the HTTP API holds for whatever is sent to it (schemathesis).

No request may end in a fault of the server's own, and status, media type and body of every response
are those that the document promises, for requests that fit it and for such that don't.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from assistant.library import SOURCES, Library
from assistant.web.api import create_api
from tests.toy import ToyEncoder

OPERATIONS = [
    "GET /api/documents",
    "GET /api/documents/{name}",
    "GET /healthz",
    "GET /v1/models",
    "GET /v1/models/{name}",
    "POST /api/answer",
    "POST /api/cite",
    "POST /api/retrieve",
    "POST /api/verify",
    "POST /v1/chat/completions",
]
ANYTHING_FITS = {"GET /api/documents/{name}", "GET /healthz", "GET /v1/models"}
ANYTHING_FITS |= {"GET /v1/models/{name}"}
TRIED = [(each, GenerationMode.POSITIVE) for each in OPERATIONS]
TRIED += [(each, GenerationMode.NEGATIVE) for each in OPERATIONS if each not in ANYTHING_FITS]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the document describes, by method and path."""
    folder = tmp_path_factory.mktemp("library")
    (folder / SOURCES).mkdir()
    (folder / SOURCES / "call.txt").write_text("Alpha spoke of bravo. Charlie was not there.")
    library = Library(folder, ToyEncoder())
    library.build()
    described = schemathesis.openapi.from_asgi("/api/openapi.json", create_api(library))
    found: list[Any] = list(described.get_all_operations())
    return {each.ok().label: each.ok() for each in found}


def test_all_operations_are_tried(operations: dict[str, Any]) -> None:
    assert sorted(operations) == sorted(OPERATIONS)


@pytest.mark.parametrize(("operation", "mode"), TRIED)
def test_every_response_is_as_promised(
    operations: dict[str, Any], operation: str, mode: GenerationMode
) -> None:
    @given(case=operations[operation].as_strategy(generation_mode=mode))
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def hold(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    hold()
