"""What a title states, and that nothing is read into it."""

from __future__ import annotations

import pytest

from assistant.titles import Titled, stated_in


@pytest.mark.parametrize(
    ("title", "stated"),
    [
        (
            "Readout of President Biden’s Call with Prime Minister Kishida of Japan",
            Titled("call", "Prime Minister Kishida of Japan"),
        ),
        (
            "Readout of Jon Finer’s Call with the UN on the Humanitarian Situation in Gaza",
            Titled("call", "the UN"),
        ),
        (
            "Joint Statement on Jake Sullivan’s Meeting with Secretary Patrushev",
            Titled("meeting", "Secretary Patrushev"),
        ),
        ("Readout of Jake Sullivan’s Travel to Brasilia, Brazil",
         Titled("travel", place="Brasilia, Brazil")),
        ("Readout of the Vice President’s Calls with European Leaders",
         Titled("calls", "European Leaders")),
        ("Japan–U.S. Summit Meeting", Titled("summit meeting")),
        ("日米首脳電話会談", Titled("電話会談")),
        ("Statement on the Forum of Nations", Titled()),
        ("Joint Statement", Titled()),
        ("", Titled()),
    ],
)  # fmt: skip
def test_what_a_title_states(title: str, stated: Titled) -> None:
    assert stated_in(title) == stated
