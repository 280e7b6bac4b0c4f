"""The adapter of Strands keeps the contract."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.strands.harness import Strands, StrandsBlocking

NO_PAUSE = "the call waits inside the tool: nothing is parked that could be woken"
ANSWERS_ONLY = (
    "Strands takes nothing but answers from a user while it is interrupted, and keeps the pause "
    "(test_say_something_new_while_parked_is_refused_by_strands_and_the_case_stays)"
)


class TestParked(AdapterContract):
    harness = Strands
    impossible = {"C18": ANSWERS_ONLY}  # noqa: RUF012


class TestBlocking(AdapterContract):
    harness = StrandsBlocking
    impossible = dict.fromkeys(
        ("C1 two wakes", "C5", "C6", "C7", "C8", "C9 approval sent again", "C16", "C18", "C21"), NO_PAUSE
    )
