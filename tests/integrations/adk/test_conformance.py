"""The adapter of ADK keeps the contract."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.adk.harness import Adk, AdkBlocking

NO_PAUSE = "the call waits inside the tool: nothing is parked that could be woken"


class TestParked(AdapterContract):
    harness = Adk


class TestBlocking(AdapterContract):
    harness = AdkBlocking
    impossible = dict.fromkeys(
        (
            "C1 two wakes",
            "C5",
            "C6",
            "C7",
            "C8",
            "C9 approval sent again",
            "C16",
            "C18",
            "C19 removed while parked",
            "C21",
        ),
        NO_PAUSE,
    )
