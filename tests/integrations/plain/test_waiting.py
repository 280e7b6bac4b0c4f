"""Plain functions that wait inside their calls keep the contract, as far as there is a pause."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.plain.waiting import Waiting

NO_PAUSE = (
    "the call waits inside the function: nothing is parked that could be woken (tests/integrations/plain/waiting.py)"
)


class TestWaiting(AdapterContract):
    harness = Waiting
    impossible = {  # noqa: RUF012
        **dict.fromkeys(
            (
                "C1 two wakes",
                "C5",
                "C6",
                "C7",
                "C8",
                "C9 approval sent again",
                "C11 model changes its mind",
                "C16",
                "C18",
                "C21",
            ),
            NO_PAUSE,
        ),
        "C19 named by the diagnosis": "a function that nobody gated is any function: nothing says it should have been",
    }
