"""The MCP gateway keeps the contract, with clients of both protocol eras."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.mcp.harness import Held, Tickets

NO_PAUSE = "the call is held inside the client's request: nothing is parked that could be woken"
NO_WAY_AROUND = "a client reaches the server through the gateway only, so there is no tool beside it"
NO_NEWS = (
    "a client that was given a ticket has no message for a user who moved on; before that its cancellation takes the "
    "case back (TestHeld)"
)


class TestTickets(AdapterContract):
    harness = Tickets
    impossible = {"C18": NO_NEWS, "C19 named by the diagnosis": NO_WAY_AROUND}  # noqa: RUF012


class TestHeld(AdapterContract):
    harness = Held
    impossible = {  # noqa: RUF012
        **dict.fromkeys(("C1 two wakes", "C5", "C6", "C7", "C8", "C9 approval sent again", "C16", "C21"), NO_PAUSE),
        "C19 named by the diagnosis": NO_WAY_AROUND,
    }
