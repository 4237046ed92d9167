"""How long a person waits. The best of a few tries counts, as others use the machine too."""

from __future__ import annotations

import os
import time

import pytest

from assistant.library import Library
from tests.chat.conftest import Visit, Visits
from tests.chat.serving import serving

pytestmark = pytest.mark.skipif(
    os.getloadavg()[0] > 2 * (os.cpu_count() or 1),
    reason="the machine is too busy with other things for times to mean anything",
)


def test_the_chat_can_be_used_within_eight_seconds_of_its_start(
    visits: Visits, summit: Library
) -> None:
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        with serving(summit.folder) as chat:
            visit = visits(chat)
            visit.open()
            seconds.append(time.monotonic() - started)
            visit.context.close()
        if seconds[-1] < 8:
            break
    assert min(seconds) < 8, seconds


def test_a_warm_answer_is_on_the_screen_within_half_a_second(visit: Visit) -> None:
    visit.ask("Does the alliance treaty cover the Senkaku Islands?")
    seconds = []
    for _ in range(5):
        visit.page.locator("#new-chat").click()
        visit.page.locator("body.empty").wait_for()
        started = time.monotonic()
        visit.ask("Was liquefied natural gas discussed?")
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 0.5, seconds
