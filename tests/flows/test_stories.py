"""Whole stories in the words of the glossary; each runs in process and over HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel

import handrail
from handrail.client.http import HttpTransport
from handrail.client.steps import Finish
from handrail.client.watch import Watch
from handrail.errors import (
    Conflict,
    HandrailError,
    InvalidInput,
    KeyReused,
    NotExecutable,
    Unavailable,
    VerdictNotAllowed,
)
from tests.flows.conftest import World


class Receipt(BaseModel):
    to: str
    amount: Decimal


class Plan(BaseModel):
    steps: list[str]


def make_transfer(world: World, hr: handrail.Client, **more: Any) -> Any:
    @hr.gate("pay", confidence=0.99, amount=lambda to, amount: amount, currency="INR", **more)
    def transfer(to: str, amount: Decimal) -> Receipt:
        """Move money."""
        world.ledger.append((to, amount))
        return Receipt(to=to, amount=amount)

    return transfer


def answering(desk: handrail.Desk, verdict: Callable[[handrail.Held], object]) -> threading.Thread:
    """Somebody who answers the next case as soon as there is one."""

    def answer() -> None:
        for _ in range(200):
            held = desk.next()
            if held is not None:
                verdict(held)
                return
            threading.Event().wait(0.02)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    return thread


async def leave(hr: handrail.Client) -> None:
    """Let go of the connections of this event loop."""
    if isinstance(hr.transport, HttpTransport):
        await hr.transport.aclose()


def test_call_under_the_cap_runs_at_once_and_keeps_its_type(world: World) -> None:
    transfer = make_transfer(world, world.client())
    assert transfer("A1", Decimal(5)) == Receipt(to="A1", amount=Decimal(5))
    assert transfer.__name__ == "transfer"
    assert transfer.__doc__ == "Move money."
    assert world.ledger == [("A1", Decimal(5))]


def test_call_above_the_cap_waits_for_a_person_and_runs_what_he_edited(world: World) -> None:
    transfer = make_transfer(world, world.client())
    thread = answering(world.desk("Asha"), lambda held: held.edit({"to": "A2", "amount": "400"}))
    assert transfer("A1", Decimal(500)) == Receipt(to="A2", amount=Decimal(400))
    thread.join()
    assert world.ledger == [("A2", Decimal(400))]


def test_rejected_call_raises_with_reason_and_never_runs(world: World) -> None:
    transfer = make_transfer(world, world.client())
    pending = transfer.request("A1", Decimal(500))
    assert pending.status == "open"
    world.desk("Asha").next().reject("too_risky", note="ask again on Monday")
    with pytest.raises(handrail.Rejected) as refused:
        pending.result(5)
    assert refused.value.reason == "too_risky"
    assert refused.value.decision.note == "ask again on Monday"
    assert world.ledger == []


def test_two_people_must_agree_above_the_higher_amount(world: World) -> None:
    transfer = make_transfer(world, world.client())
    pending = transfer.request("A1", Decimal(6000))
    asha, bo = world.desk("Asha"), world.desk("Bo")
    held = asha.next()
    held.approve()
    assert pending.status == "open"
    assert asha.next() is None
    bo.next().approve()
    assert pending.result(5) == Receipt(to="A1", amount=Decimal(6000))
    assert len(pending.decision().by) == 2


def test_same_key_gives_the_same_decision_and_one_effect(world: World) -> None:
    transfer = make_transfer(world, world.client()).using(key="invoice-7")
    first = transfer("A1", Decimal(7))
    again = make_transfer(world, world.client()).using(key="invoice-7")
    assert again("A1", Decimal(7)) == first
    assert len(world.ledger) == 1
    with pytest.raises(KeyReused):
        again("A1", Decimal(8))


def test_two_equal_calls_without_a_key_are_two_effects(world: World) -> None:
    transfer = make_transfer(world, world.client())
    transfer("A1", Decimal(5))
    transfer("A1", Decimal(5))
    assert len(world.ledger) == 2


def test_run_replayed_after_a_crash_repeats_nothing(world: World) -> None:
    for _ in range(2):
        hr = world.client()
        transfer = make_transfer(world, hr)
        with hr.run("run-7", agent="billing", user="ann"):
            transfer("A1", Decimal(1))
            transfer("A1", Decimal(1))
    assert len(world.ledger) == 2


def test_requester_may_not_judge_his_own_case(world: World) -> None:
    hr = world.client()
    transfer = make_transfer(world, hr)
    with hr.run("run-8", agent="billing", user="Asha"):
        pending = transfer.request("A1", Decimal(500))
    asha = world.desk("Asha")
    assert asha.next() is None
    with pytest.raises(handrail.HandrailError, match="requester"):
        asha.take(pending.case_id)
    world.desk("Bo").next().approve()
    assert pending.result(5).to == "A1"


def test_question_is_answered_in_the_asked_shape(world: World) -> None:
    desk = world.desk("Asha")
    thread = answering(desk, lambda held: held.respond(42))
    assert world.client().ask("How many?", schema=int, within="2h", timeout=60) == 42
    thread.join()


def test_answer_of_the_wrong_shape_is_refused_and_the_case_stays_answerable(world: World) -> None:
    desk = world.desk("Asha")

    def answer(held: handrail.Held) -> None:
        with pytest.raises(InvalidInput, match="does not fit"):
            held.respond("many")
        held.respond(3)

    thread = answering(desk, answer)
    assert world.client().ask("How many?", schema=int, timeout=60) == 3
    thread.join()


def test_question_to_a_role_is_not_offered_to_others(world: World) -> None:
    pending_answer: list[object] = []
    hr = world.client()
    thread = threading.Thread(target=lambda: pending_answer.append(hr.ask("Budget?", to="role:finance", timeout=60)))
    thread.start()
    finance = world.desk("Fay", roles=("reviewer", "finance"))
    held = None
    while held is None:
        held = finance.next()
    held.release()
    assert world.desk("Asha").next() is None
    finance.next().respond("plenty")
    thread.join()
    assert pending_answer == ["plenty"]


def test_plan_comes_back_as_the_reviewer_left_it(world: World) -> None:
    thread = answering(world.desk("Asha"), lambda held: held.edit({"plan": {"steps": ["measure", "cut"]}}))
    assert world.client().review(Plan(steps=["cut"]), timeout=60) == Plan(steps=["measure", "cut"])
    thread.join()


def test_sure_prediction_passes_and_an_unsure_one_is_answered_by_a_person(world: World) -> None:
    hr = world.client()
    assert hr.predict("label", {"text": "hello"}, {"ham": 0.95, "spam": 0.05}) == "ham"
    thread = answering(world.desk("Asha"), lambda held: held.respond("spam"))
    assert hr.predict("label", {"text": "hello"}, {"ham": 0.6, "spam": 0.4}, timeout=60) == "spam"
    thread.join()


def test_halted_agent_is_stopped_until_the_halt_is_lifted(world: World) -> None:
    hr = world.client()
    transfer = make_transfer(world, hr)
    halt = hr.halt(agent="billing", reason="odd invoices")
    with hr.run("run-9", agent="billing"), pytest.raises(handrail.Halted, match="odd invoices"):
        transfer("A1", Decimal(1))
    hr.lift(halt)
    with hr.run("run-10", agent="billing"):
        transfer("A1", Decimal(1))
    assert len(world.ledger) == 1


def test_program_is_stopped_by_a_halt_of_the_agent_it_speaks_for(world: World) -> None:
    hr = world.agent("collections")
    transfer = make_transfer(world, hr)
    halt = hr.halt(agent="collections", reason="odd reminders")
    with pytest.raises(handrail.Halted, match="odd reminders"):
        transfer("A1", Decimal(1))
    hr.lift(halt)
    transfer("A1", Decimal(1))
    assert len(world.ledger) == 1


def test_approved_before_a_halt_stays_dead_after_it(world: World) -> None:
    hr = world.client()
    transfer = make_transfer(world, hr)
    pending = transfer.request("A1", Decimal(500))
    world.desk("Asha").next().approve()
    hr.lift(hr.halt(action="pay", reason="audit"))
    with pytest.raises(NotExecutable, match="halted"):
        pending.result(5)
    assert world.ledger == []


def test_undo_of_an_executed_action_runs_its_declared_reverse_once(world: World) -> None:
    reversed_: list[object] = []
    hr = world.client()
    transfer = make_transfer(world, hr, undo=lambda arguments, result: reversed_.append((arguments, result)))
    pending = transfer.request("A1", Decimal(3))
    pending.result(5)
    undo = hr.undo(pending.case_id, reason="wrong account")
    assert undo is not None
    assert hr.undo(pending.case_id) == undo
    world.desk("Asha").next().approve()
    assert hr.decision(undo, timeout=60).approved
    for _ in range(300):
        if reversed_:
            break
        threading.Event().wait(0.02)
    assert reversed_ == [({"to": "A1", "amount": "3"}, {"to": "A1", "amount": "3"})]


def test_undo_declared_while_the_worker_begins_to_watch_is_served_too(world: World) -> None:
    hr = world.client()
    watch = hr.transport.watch
    begun, declared = threading.Event(), threading.Event()

    def slow(actions: tuple[str, ...]) -> Watch:
        begun.set()
        assert declared.wait(60)
        return watch(actions)

    hr.transport.watch = slow  # type: ignore[method-assign]
    hr.serve_undo("refund.undo", lambda arguments, result: None)
    assert begun.wait(60)
    reversed_: list[object] = []
    transfer = make_transfer(world, hr, undo=lambda arguments, result: reversed_.append(result))
    declared.set()
    pending = transfer.request("A1", Decimal(3))
    pending.result(5)
    undo = hr.undo(pending.case_id)
    assert undo is not None
    world.desk("Asha").take(undo).approve()
    for _ in range(300):
        if reversed_:
            break
        threading.Event().wait(0.02)
    assert reversed_ == [{"to": "A1", "amount": "3"}]


def test_worker_stopped_while_it_begins_to_watch_ends(world: World) -> None:
    hr = world.client()
    watch = hr.transport.watch
    worker = hr.worker({"pay": lambda to: None})

    def stopping(actions: tuple[str, ...]) -> Watch:
        worker.stop()
        return watch(actions)

    hr.transport.watch = stopping  # type: ignore[method-assign]
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def test_answer_taken_back_in_its_window_decides_nothing(world: World) -> None:
    hr = world.client()

    @hr.gate("slow")
    def act(what: str) -> str:
        world.ledger.append((what,))
        return what

    pending = act.request("x")
    desk = world.desk("Asha")
    made = desk.next().approve()
    desk.withdraw(made["review"]["id"])
    assert pending.decision(timeout=0.8) is None
    desk.next().approve()
    assert pending.result(60) == "x"


def test_withdrawn_proposal_cannot_be_answered(world: World) -> None:
    transfer = make_transfer(world, world.client())
    pending = transfer.request("A1", Decimal(500))
    desk = world.desk("Asha")
    held = desk.next()
    pending.cancel("not needed")
    with pytest.raises(handrail.HandrailError):
        held.approve()
    with pytest.raises(handrail.Cancelled):
        pending.result(5)


def test_tool_that_raises_is_recorded_and_not_run_again(world: World) -> None:
    hr = world.client()

    @hr.gate("pay", confidence=0.99, amount="1", currency="INR")
    def broken(to: str) -> None:
        world.ledger.append((to,))
        raise RuntimeError("the bank said no")

    keyed = broken.using(key="k-1")
    with pytest.raises(RuntimeError, match="the bank said no"):
        keyed("A1")
    with pytest.raises(handrail.ToolFailed, match="the bank said no"):
        keyed("A1")
    assert len(world.ledger) == 1


def test_tool_that_cannot_tell_is_settled_by_a_person(world: World) -> None:
    hr = world.client()

    @hr.gate("pay", confidence=0.99, amount="1", currency="INR")
    def unsure(to: str) -> None:
        world.ledger.append((to,))
        raise handrail.Uncertain("timed out")

    keyed = unsure.using(key="k-2")
    with pytest.raises(handrail.Uncertain):
        keyed("A1")
    with pytest.raises(handrail.OutcomeUnknown) as unknown:
        keyed("A1")
    case_id = str(unknown.value).split()[2]
    world.desk("Asha").settle(case_id, happened=True, note="seen on the statement")
    assert keyed("A1") is None
    assert len(world.ledger) == 1


def test_outcome_reported_later_is_kept(world: World) -> None:
    hr = world.client()
    pending = make_transfer(world, hr).request("A1", Decimal(3))
    hr.outcome(pending.case_id, correct=False, source="chargeback")
    with pytest.raises(InvalidInput):
        hr.outcome(pending.case_id)


def test_decision_carries_a_receipt_that_proves_it(world: World) -> None:
    hr = world.client()
    pending = make_transfer(world, hr).request("A1", Decimal(3))
    for _ in range(200):
        proof = hr.decision(pending.case_id).proof
        if proof is not None and proof.proof is not None:
            break
        threading.Event().wait(0.02)
    assert proof.proof.startswith("c2sp.org/tlog-proof@v1\n")
    assert pending.case_id.encode() in proof.entry


def test_verdict_the_route_does_not_allow_is_refused(world: World) -> None:
    desk = world.desk("Asha")
    pending = make_transfer(world, world.client()).request("A1", Decimal(500))
    held = desk.next()
    with pytest.raises((VerdictNotAllowed, InvalidInput)):
        desk.answer(held.case_id, "bless", fence=held.fence)
    held.approve()
    assert pending.result(5).to == "A1"


def test_coroutines_are_gated_too(world: World) -> None:
    hr = world.client()

    @hr.gate("pay", confidence=0.99, amount=lambda to, amount: amount, currency="INR")
    async def transfer(to: str, amount: Decimal) -> Receipt:
        await asyncio.sleep(0)
        world.ledger.append((to, amount))
        return Receipt(to=to, amount=amount)

    async def story() -> None:
        assert (await transfer("A1", Decimal(1))).to == "A1"
        pending = await transfer.request("A1", Decimal(500))
        await asyncio.to_thread(lambda: world.desk("Asha").next().approve())
        assert (await pending).amount == Decimal(500)
        many = await asyncio.gather(*(transfer(f"B{n}", Decimal(n)) for n in range(20)))
        assert [receipt.to for receipt in many] == [f"B{n}" for n in range(20)]
        await leave(hr)

    asyncio.run(story())
    assert len(world.ledger) == 22


def test_caller_that_goes_away_takes_its_proposal_back(world: World) -> None:
    hr = world.client()
    transfer_case: list[str] = []

    @hr.gate("pay", confidence=0.5, amount="1", currency="INR")
    async def act(to: str) -> str:
        return to

    async def story() -> None:
        waiting = asyncio.ensure_future(act("A1"))
        desk = await asyncio.to_thread(world.desk, "Asha")
        held = None
        while held is None:
            held = await asyncio.to_thread(desk.next)
            await asyncio.sleep(0.01)
        transfer_case.append(held.case_id)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await leave(hr)

    asyncio.run(story())
    if isinstance(hr.transport, HttpTransport):
        # over HTTP a submission carries a key of its own, so it may come back for the decision
        return
    assert hr.decision(transfer_case[0]).kind == "cancelled"


@pytest.mark.parametrize(
    ("scores", "more"),
    [(0.9, {}), ({}, {}), ({"a": "high"}, {}), ([0.5, 0.5], {"labels": ["a"]}), ({"a": 1.0}, {"confidence": 0.9})],
)
def test_prediction_without_a_score_a_label_is_refused_in_words(
    world: World, scores: Any, more: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        world.client().predict("label", {"text": "hello"}, scores, **more)
    assert refused.value.remedy in refused.value.__notes__


def test_proposal_that_is_too_large_is_refused_alike_in_process_and_over_http(world: World) -> None:
    hr = world.client()
    with pytest.raises(InvalidInput):
        hr.propose(handrail.Proposal(action="pay", arguments={"note": "x" * 1_100_000}))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(413, InvalidInput), (405, InvalidInput), (409, Conflict), (429, Unavailable), (500, HandrailError)],
)
def test_error_whose_code_only_the_server_knows_is_told_by_its_status(
    status: int, kind: type[HandrailError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handrail.client.http.TRIES", 1)
    answer = httpx2.Response(status, json={"code": "brand_new", "detail": "no", "remedy": "Do this."})
    transport = HttpTransport("http://there", "key", transport=httpx2.MockTransport(lambda request: answer))
    with pytest.raises(HandrailError, match=r"no \(brand_new\)") as raised:
        transport.get("/v1/parks")
    assert type(raised.value) is kind
    assert raised.value.remedy == "Do this."
    transport.close()


def test_server_that_cannot_be_reached_after_the_effect_is_not_said_to_have_approved_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("handrail.client.http.TRIES", 1)
    with handrail.connect("http://127.0.0.1:9", key="hr_live_x_y") as hr, pytest.raises(Unavailable) as raised:
        hr.transport.send(Finish(case_id="c", fence=1, ok=True, result=None))
    assert "may or may not have been carried out" in raised.value.remedy
