"""The adapter of AutoGen keeps the contract, as far as there is a pause."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.autogen.harness import AutoGen

NO_PAUSE = (
    "the call waits inside the tool and AutoGen keeps nothing of a run before its end: nothing is parked that could be "
    "woken (test_save_the_state_while_a_call_waits_has_nothing_that_would_run_it)"
)


class TestAutoGen(AdapterContract):
    harness = AutoGen
    impossible = dict.fromkeys(
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
            "C19 removed while parked",
            "C21",
        ),
        NO_PAUSE,
    )
