"""The adapter of Microsoft Agent Framework keeps the contract."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.agent_framework.harness import AgentFramework, AgentFrameworkBlocking

NO_PAUSE = "the call waits inside the tool: nothing is parked that could be woken"


class TestParked(AdapterContract):
    harness = AgentFramework


class TestBlocking(AdapterContract):
    harness = AgentFrameworkBlocking
    impossible = dict.fromkeys(
        (
            "C1 two wakes",
            "C5",
            "C6",
            "C7",
            "C8",
            "C9 approval sent again",
            "C9 the framework's own ways",
            "C11 the framework's own ways",
            "C11 model changes its mind",
            "C16",
            "C18",
            "C19 removed while parked",
            "C21",
        ),
        NO_PAUSE,
    )
