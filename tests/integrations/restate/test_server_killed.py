"""The server is killed in the middle, more than once; the effect happens once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import restate

import handrail
from handrail.integrations.restate import GatedTools, gate, waker
from handrail.testing.conformance.scene import wait_until
from tests.integrations.restate.harness import SOON
from tests.integrations.restate.server import Server, free_port, query, register
from tests.integrations.restate.serving import Serving

POLICY = """
escalation_policies:
  - {action_type: pay, autonomy: confirm, sla_seconds: 600, undo_seconds: 0}
"""


class Shop:
    """A service with one gated tool, whose effects are lines of a file."""

    def __init__(self, hr: handrail.Client, folder: Path):
        self.hr = hr
        self.paid = folder / "paid"
        # done right after the effect
        self.then: Callable[[], None] = lambda: None
        self.gated: GatedTools = gate(hr, [self._pay_tool()])

    def _pay_tool(self) -> Callable[..., str]:
        def pay(to: str, amount: int) -> str:
            """Pay somebody."""
            file = os.open(self.paid, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
            os.write(file, f"{to} {amount}\n".encode())
            os.close(file)
            self.then()
            return f"paid {amount} to {to}"

        return pay

    def endpoint(self) -> restate.Service:
        service = restate.Service("shop", invocation_retry_policy=SOON)

        @service.handler()
        async def order(ctx: restate.Context, amount: int) -> str:
            return str(await self.gated.call(ctx, "pay", {"to": "Asha", "amount": amount}))

        return service


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with handrail.open(tmp_path / "handrail.db", policy=POLICY) as hr:
        yield Shop(hr, tmp_path)


def begin(server: Server, shop: Shop, port: int) -> str:
    """Order something; returns the invocation, parked."""
    register(server.admin, f"http://127.0.0.1:{port}")
    answer = httpx2.post(f"{server.ingress}/shop/order/send", json=5, timeout=30).raise_for_status()
    wait_until(lambda: bool(shop.hr.parks()), "the park")
    return str(answer.json()["invocationId"])


def result(server: Server, invocation: str) -> httpx2.Response:
    return httpx2.get(f"{server.ingress}/restate/invocation/{invocation}/attach", timeout=60)


def test_kill_the_server_while_people_decide_loses_nothing(own_server: Server, shop: Shop) -> None:
    port = free_port()
    with Serving(restate.app([shop.endpoint()]), port):
        invocation = begin(own_server, shop, port)
        own_server.kill()
        shop.hr.desk("Ann").next().approve()  # type: ignore[union-attr]
        wakes = waker(shop.hr, own_server.ingress)
        # nobody is there to be woken: the park stays, and is tried again
        assert wakes.step(timeout=30)
        assert wakes.failed == 1
        (park,) = shop.hr.parks()
        own_server.start()
        wait_until(lambda: wakes.step(timeout=1), "the next try", 30)
        assert result(own_server, invocation).json() == "paid 5 to Asha"
    assert shop.paid.read_text() == "Asha 5\n"
    assert park.failures == 1
    assert shop.hr.parks() == []


def test_kill_the_server_between_effect_and_journal_repeats_nothing(own_server: Server, shop: Shop) -> None:
    shop.then = own_server.kill
    port = free_port()
    with Serving(restate.app([shop.endpoint()]), port):
        invocation = begin(own_server, shop, port)
        shop.hr.desk("Ann").next().approve()  # type: ignore[union-attr]
        assert waker(shop.hr, own_server.ingress).step(timeout=30)
        wait_until(shop.paid.exists, "the effect")
        shop.then = lambda: None
        own_server.start()
        # the handler is replayed, its last step is done again, and gets the result that handrail kept
        assert result(own_server, invocation).json() == "paid 5 to Asha"
    assert shop.paid.read_text() == "Asha 5\n"


def test_reject_ends_the_invocation_with_a_terminal_error(own_server: Server, shop: Shop) -> None:
    port = free_port()
    with Serving(restate.app([shop.endpoint()]), port):
        invocation = begin(own_server, shop, port)
        shop.hr.desk("Ann").next().reject("wrong", note="not this month")  # type: ignore[union-attr]
        assert waker(shop.hr, own_server.ingress).step(timeout=30)
        answer = result(own_server, invocation)
    assert answer.status_code == 403
    assert "not this month" in answer.text
    assert not shop.paid.exists()


def test_kill_the_invocation_leaves_a_waker_nothing_to_do(own_server: Server, shop: Shop) -> None:
    port = free_port()
    with Serving(restate.app([shop.endpoint()]), port):
        invocation = begin(own_server, shop, port)
        httpx2.patch(f"{own_server.admin}/invocations/{invocation}/kill", timeout=30).raise_for_status()
        sql = f"select status from sys_invocation where id = '{invocation}'"
        wait_until(lambda: query(own_server.admin, sql)[0]["status"] == "completed", "its end")
        shop.hr.desk("Ann").next().approve()  # type: ignore[union-attr]
        wakes = waker(shop.hr, own_server.ingress)
        assert wakes.step(timeout=30)
        assert wakes.failed == 0
    assert not shop.paid.exists()
