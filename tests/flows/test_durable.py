"""Steps of durable engines, in process and over HTTP: what an engine may repeat, and what it may give up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from handrail.client.client import Client
from handrail.client.durable import DurableGate
from handrail.client.steps import Call
from handrail.client.transport import Sent, Transport
from handrail.errors import Unavailable
from tests.flows.conftest import World

TERMS: dict[str, Any] = {
    "send": {"action": "pay", "confidence": 0.99, "amount": lambda to, amount: (amount, "INR")},
    "wipe": {"action": "book"},
}
SEND = {"to": "A1", "amount": 500}


class Cut:
    """A line that breaks: the park of a call never arrives, though its proposal did."""

    def __init__(self, inner: Transport):
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def asend(self, step: Sent) -> Any:
        if isinstance(step, Call) and step.verb == "park":
            raise Unavailable("the server does not answer")
        return await self._inner.asend(step)


class Shop:
    """Two tools, and what they did."""

    def __init__(self, client: Client):
        self.sent: list[tuple[str, int]] = []

        def send(to: str, amount: int) -> str:
            """Send money."""
            self.sent.append((to, amount))
            return f"sent {amount} to {to}"

        def wipe(to: str, amount: int) -> str:
            """Do something else."""
            raise AssertionError("nobody approved this")

        self.steps = DurableGate(client, [send, wipe], framework="an-engine", terms=TERMS)

    def ask(self) -> Any:
        return asyncio.run(self.steps.ask("send", dict(SEND), run="run-1", call_id="c1", state={}))

    def give_up(self) -> None:
        asyncio.run(self.steps.give_up("send", dict(SEND), run="run-1", call_id="c1", reason="nobody waits"))


def test_give_up_a_call_whose_asking_failed_takes_its_case_back(world: World) -> None:
    client = world.client()
    shop = Shop(Client(Cut(client.transport)))
    for _ in range(2):
        with pytest.raises(Unavailable):
            shop.ask()
    desk = world.desk("ann")
    held = desk.next()
    assert held is not None
    shop.give_up()
    decision = client.decision(held.case_id)
    assert decision is not None
    assert decision.kind == "cancelled"
    assert desk.next() is None


def test_give_up_what_is_decided_leaves_the_decision(world: World) -> None:
    client = world.client()
    shop = Shop(client)
    case_id = shop.ask().case_id
    held = world.desk("ann").next()
    assert held is not None
    held.approve()
    shop.give_up()
    decision = client.decision(case_id)
    assert decision is not None
    assert decision.kind == "approved"
    assert client.parks() == []
    assert shop.sent == []


def test_ask_again_after_the_asking_failed_is_the_same_case(world: World) -> None:
    client = world.client()
    with pytest.raises(Unavailable):
        Shop(Client(Cut(client.transport))).ask()
    held = world.desk("ann").next()
    assert held is not None
    assert Shop(client).ask().case_id == held.case_id


def test_act_with_another_tool_is_refused_and_the_approval_stays_unused(world: World) -> None:
    shop = Shop(world.client())
    case_id = shop.ask().case_id
    held = world.desk("ann").next()
    assert held is not None
    held.approve()
    wrong = asyncio.run(shop.steps.act("wipe", case_id))
    assert wrong.kind == "refused"
    assert "approves pay and not book" in wrong.text
    right = asyncio.run(shop.steps.act("send", case_id))
    assert (right.kind, right.value, shop.sent) == ("ran", "sent 500 to A1", [("A1", 500)])
