"""The adapter of Pydantic AI keeps the contract."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.pydantic_ai.harness import PydanticAI, PydanticAIBlocking

NO_PAUSE = "the call waits inside the tool: nothing is parked that could be woken"


class TestParked(AdapterContract):
    harness = PydanticAI


class TestBlocking(AdapterContract):
    harness = PydanticAIBlocking
    impossible = dict.fromkeys(
        ("C1 two wakes", "C5", "C6", "C7", "C8", "C9 approval sent again", "C16", "C18", "C21"), NO_PAUSE
    )
