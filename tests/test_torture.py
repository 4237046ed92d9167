"""The quick part of ``tests.torture``: the same experiments, with a fixed seed and few runs."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from assistant.library import Library
from assistant.web.security import Paced
from tests.torture import Row, corruption, crash, hostile, verbatim
from tests.torture.__main__ import experiments

SEED = 20250207


@pytest.mark.parametrize(
    ("experiment", "runs"),
    [
        (crash.killed, 5),
        (crash.disk_full, 2),
        (crash.unwritable, 1),
        (crash.sources_in_motion, 3),
        (crash.builders_at_once, 1),
        (crash.read_during_builds, 100),
        (crash.forked, 1),
        (crash.clock_backwards, 2),
        (corruption.damaged_files, 1),
        (corruption.other_manifests, 4),
        (corruption.altered_quotes, 150),
        (corruption.edited_sources, 20),
        (verbatim.strange_characters, 2),
        (hostile.documents, 4),
        (hostile.blow_up, 3),
        (hostile.questions, 150),
        (hostile.links, 100),
        (hostile.requests, 150),
        (hostile.nowhere_to_add, 1),
        (hostile.commands, 25),
    ],
)
def test_nothing_is_lost(experiment: Callable[[random.Random, int], Row], runs: int) -> None:
    row = experiment(random.Random(SEED), runs)
    assert row.losses == ()
    assert row.runs


def test_every_quote_is_its_slice_at_every_door(summit: Library) -> None:
    row = verbatim.at_every_door(random.Random(SEED), 25, summit, through_doors=1)
    assert row.losses == ()
    assert "command line" in row.detail


def test_every_experiment_is_run_and_has_a_row_in_the_report() -> None:
    for module in (crash, corruption, verbatim, hostile):
        named = {
            name
            for name, each in vars(module).items()
            if not name.startswith("_")
            and getattr(each, "__annotations__", {}).get("return") == "Row"
        }
        run = {getattr(each.run, "__name__", "") for each in experiments(None).values()}
        assert named - run <= {"at_every_door"}


def test_a_client_that_asks_too_fast_is_told_to_wait_and_others_are_not() -> None:
    def accept(_: object) -> PlainTextResponse:
        return PlainTextResponse("accepted")

    app = Starlette(routes=[Route("/ask", accept, methods=["GET", "POST"])])
    app.add_middleware(Paced, burst=3, per_second=0.001)
    hasty = TestClient(app, client=("203.0.113.9", 1))
    assert [hasty.post("/ask").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert int(hasty.post("/ask").headers["retry-after"]) >= 1
    assert hasty.get("/ask").status_code == 200
    assert TestClient(app, client=("203.0.113.10", 1)).post("/ask").status_code == 200
    neighbours = [TestClient(app, client=(f"2001:db8::{each}", 1)) for each in range(4)]
    assert [each.post("/ask").status_code for each in neighbours] == [200, 200, 200, 429]
    own = TestClient(app, client=("127.0.0.1", 1))
    assert {own.post("/ask").status_code for _ in range(9)} == {200}
