"""The adapter of the OpenAI Agents SDK keeps the contract."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.openai_agents.harness import OpenAIAgents, OpenAIAgentsBlocking

REUSED = (
    "the SDK gives the first result to a later call with the same id and arguments, without asking any tool "
    "(test_reuse_a_call_id_is_answered_by_the_sdk_itself)"
)
NO_PAUSE = "the call waits inside the tool: nothing is parked that could be woken"


class TestParked(AdapterContract):
    harness = OpenAIAgents
    impossible = {"C14 same id in a later turn": REUSED}  # noqa: RUF012


class TestBlocking(AdapterContract):
    harness = OpenAIAgentsBlocking
    impossible = {  # noqa: RUF012
        **dict.fromkeys(
            ("C1 two wakes", "C5", "C6", "C7", "C8", "C9 approval sent again", "C16", "C18", "C21"), NO_PAUSE
        ),
        "C14 same id in a later turn": REUSED,
    }
