"""Plain functions that ask and come back keep the contract."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.plain.tickets import Tickets


class TestTickets(AdapterContract):
    harness = Tickets
    impossible = {  # noqa: RUF012
        "C19 named by the diagnosis": "a function that nobody gated is any function: nothing says it should have been",
    }
