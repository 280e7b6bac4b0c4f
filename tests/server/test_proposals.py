"""Proposals, decisions, executions and what follows, over HTTP on both engines."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from handrail.server import proposals
from tests.server.site import Site, answer, propose, take


def test_propose_small_and_sure_is_decided_at_once_with_receipt(each: Site) -> None:
    program = each.program()
    response = program.post(
        "/v1/proposals", json={"action": "pay", "arguments": {"to": "A1"}, "amount_inr": 500, "confidence": 0.99}
    )
    made = response.json()
    assert response.status_code == 201
    assert (made["status"], made["tier"], made["replayed"]) == ("decided", "auto_approve", False)
    assert made["decision"]["kind"] == "approved"
    assert made["decision"]["arguments"] == {"to": "A1"}
    assert made["decision"]["proof"]["log"] == each.plane.log


def test_propose_same_key_twice_gets_same_case_and_another_proposal_is_refused(each: Site) -> None:
    program = each.program()
    body = {"action": "pay", "arguments": {"n": 1}, "confidence": 0.1}
    first = program.post("/v1/proposals", json=body, headers={"Idempotency-Key": "k-1"})
    again = program.post("/v1/proposals", json=body | {"key": "k-1"})
    other = program.post("/v1/proposals", json=body | {"arguments": {"n": 2}}, headers={"Idempotency-Key": "k-1"})
    both = program.post("/v1/proposals", json=body | {"key": "k-2"}, headers={"Idempotency-Key": "k-1"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["case_id"] == first.json()["case_id"]
    assert again.json()["replayed"] is True
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    assert both.status_code == 422


def test_wait_for_decision_returns_as_soon_as_a_person_answers(each: Site) -> None:
    program, ann = each.program(), each.signed_in("ann")
    case_id = propose(program)["case_id"]
    assert program.get(f"/v1/proposals/{case_id}/decision").status_code == 202
    got = {}

    def wait() -> None:
        got["answer"] = program.get(f"/v1/proposals/{case_id}/decision?wait=30").json()
        got["at"] = time.monotonic()

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not each.plane.feed._by_case.get(case_id):
        waiting.join(0.01)
    sent = time.monotonic()
    assert answer(ann, case_id, "approve").status_code == 201
    waiting.join(60)
    decision = got["answer"]["decision"]
    assert decision["kind"] == "approved"
    assert decision["by"] == [each.people["ann"]]
    # a poll alone would come after 15 s
    assert got["at"] - sent < 12
    later = program.get(f"/v1/proposals/{case_id}/decision").json()["decision"]
    # a checkpoint may have been signed since
    assert decision | {"proof": decision["proof"] | {"proof": later["proof"]["proof"]}} == later


def test_wait_for_decision_made_here_does_not_look_it_up(each: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    program, ann = each.program(), each.signed_in("ann")
    case_id = propose(program)["case_id"]
    taken = take(ann, case_id)
    # a change signal may overtake the commit itself, and then a look is right
    assert each.plane._unwatch is not None
    each.plane._unwatch()
    peeks: list[bool] = []

    def peek(*given: Any) -> bool:
        peeks.append(decided(*given))
        return peeks[-1]

    decided = proposals._decided
    monkeypatch.setattr(proposals, "_decided", peek)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(program.get, f"/v1/proposals/{case_id}/decision?wait=30")
        # it looks once on arriving, and once more when it is sure to be woken: a decision seen by then is looked up
        while len(peeks) < 2:
            threading.Event().wait(0.01)
        looks: list[str] = []
        monkeypatch.setattr(each.plane, "decision", lambda *given, **named: looks.append("decision"))
        assert ann.post(f"/v1/cases/{case_id}/reviews", json={**taken, "verdict": "approve"}).status_code == 201
        assert waiting.result(10).json()["decision"]["kind"] == "approved"
    assert looks == []


def test_wait_for_decision_after_the_wait_says_open(here: Site) -> None:
    program = here.program()
    case_id = propose(program)["case_id"]
    response = program.get(f"/v1/proposals/{case_id}/decision?wait=0.05")
    assert (response.status_code, response.json()) == (202, {"status": "open"})
    assert program.get(f"/v1/proposals/{case_id}/decision?wait=soon").status_code == 422
    assert program.get("/v1/proposals/nothing/decision?wait=5").status_code == 404


def test_execute_approved_case_runs_once_and_reports_the_same_end(each: Site) -> None:
    program, ann = each.program(), each.signed_in("ann")
    case_id = propose(program)["case_id"]
    assert program.post(f"/v1/executions/{case_id}/start", json={"nonce": "n1"}).json()["code"] == "not_executable"
    answer(ann, case_id, "approve")
    started = program.post(f"/v1/executions/{case_id}/start", json={"nonce": "n1"}).json()
    assert (started["state"], started["arguments"]) == ("started", {"to": "A1", "amount": 5})
    beside = program.post(f"/v1/executions/{case_id}/start", json={"nonce": "n2"})
    assert (beside.status_code, beside.json()["code"]) == (409, "not_executable")
    assert beside.json()["context"]["held_until"] > 0
    ended = program.post(
        f"/v1/executions/{case_id}/finish", json={"fence": started["fence"], "ok": True, "result": {"id": 7}}
    )
    assert ended.json()["state"] == "succeeded"
    late = program.post(f"/v1/executions/{case_id}/start", json={"nonce": "n3"}).json()
    assert (late["state"], late["result"]) == ("succeeded", {"id": 7})
    shown = program.get(f"/v1/executions/{case_id}?wait=1")
    assert (shown.status_code, shown.json()["result"]) == (200, {"id": 7})
    assert program.get(f"/v1/proposals/{case_id}").json()["execution"]["state"] == "succeeded"


def test_propose_with_nonce_starts_the_execution_in_the_same_answer(here: Site) -> None:
    program = here.program()
    made = program.post(
        "/v1/proposals?nonce=n1&lasting=60", json={"action": "pay", "confidence": 0.99, "amount_inr": 5}
    ).json()
    assert made["execution"]["state"] == "started"
    assert made["execution"]["nonce"] == "n1"
    bare = here.program("submit").post("/v1/proposals?nonce=n1", json={"action": "pay", "confidence": 0.99})
    assert (bare.status_code, bare.json()["code"]) == (403, "forbidden")


def test_unknown_execution_is_listed_and_settled_by_a_person_only(here: Site) -> None:
    program, ann = here.program(), here.signed_in("ann")
    case_id = program.post(
        "/v1/proposals?nonce=n1", json={"action": "pay", "confidence": 0.99, "amount_inr": 5}
    ).json()["case_id"]
    program.post(f"/v1/executions/{case_id}/finish", json={"fence": 1, "ok": False, "uncertain": True})
    assert [item["case_id"] for item in ann.get("/v1/executions?state=unknown").json()["items"]] == [case_id]
    assert program.post(f"/v1/executions/{case_id}/settle", json={"happened": True}).status_code in (403, 409)
    settled = ann.post(f"/v1/executions/{case_id}/settle", json={"happened": True, "note": "seen on the statement"})
    assert (settled.json()["state"], settled.json()["happened"]) == ("settled", True)


def test_cancel_then_answer_is_too_late(here: Site) -> None:
    program, ann = here.program(), here.signed_in("ann")
    case_id = propose(program)["case_id"]
    seen = ann.post(f"/v1/cases/{case_id}/claim", json={}).json()
    gone = program.post(f"/v1/proposals/{case_id}/cancel", json={"reason": "not needed"}).json()
    assert gone["decision"]["kind"] == "cancelled"
    late = ann.post(f"/v1/cases/{case_id}/reviews", json={"verdict": "approve", "fence": seen["claim"]["fence"]})
    assert (late.status_code, late.json()["code"]) == (409, "already_decided")


def test_outcome_becomes_a_label_that_leads_can_read(here: Site) -> None:
    program, lead = here.program(), here.signed_in("lea", "lead")
    case_id = propose(program, confidence=0.99, amount_inr=5)["case_id"]
    recorded = program.post(f"/v1/proposals/{case_id}/outcome", json={"correct": False, "source": "chargeback"})
    assert recorded.status_code == 201
    labels = lead.get("/v1/labels?action=pay").json()
    assert [(label["case_id"], label["correct"]) for label in labels["items"]] == [(case_id, False)]
    assert here.signed_in("ann").get("/v1/labels").status_code == 403


def test_undo_of_what_has_not_begun_voids_it(here: Site) -> None:
    program = here.program()
    case_id = propose(program, confidence=0.99, amount_inr=5)["case_id"]
    undone = program.post(f"/v1/proposals/{case_id}/undo", json={"reason": "mistake"}).json()
    assert undone == {"voided": True, "case_id": None}
    assert program.post(f"/v1/executions/{case_id}/start", json={"nonce": "n"}).json()["code"] == "not_executable"


def test_handoffs_wake_a_waiting_worker(here: Site) -> None:
    program = here.program()
    got = {}

    def wait() -> None:
        got["items"] = program.get("/v1/handoffs?action=pay&wait=30").json()["items"]

    waiting = threading.Thread(target=wait)
    waiting.start()
    case_id = propose(here.program(), confidence=0.99, amount_inr=5, executor="worker")["case_id"]
    waiting.join(60)
    assert [item["case_id"] for item in got["items"]] == [case_id]
    assert here.program("submit").get("/v1/handoffs?action=pay").status_code == 403


def test_key_of_one_agent_sees_and_speaks_for_that_agent_only(here: Site) -> None:
    mine, other = here.program("submit", "execute", agent="billing"), here.program("submit", "execute", agent="mail")
    case_id = propose(mine)["case_id"]
    assert mine.get(f"/v1/proposals/{case_id}").json()["proposal"]["agent"] == "billing"
    assert mine.post("/v1/proposals", json={"action": "pay", "agent": "mail"}).status_code == 403
    for path in (f"/v1/proposals/{case_id}", f"/v1/proposals/{case_id}/decision", f"/v1/executions/{case_id}"):
        assert other.get(path).status_code == 404, path
    for path, body in (("cancel", {}), ("outcome", {"correct": True}), ("undo", {})):
        assert other.post(f"/v1/proposals/{case_id}/{path}", json=body).status_code == 404, path
    assert other.post(f"/v1/executions/{case_id}/start", json={"nonce": "n"}).status_code == 404


def test_key_of_one_agent_is_neither_seen_nor_taken_by_another(here: Site) -> None:
    mine, other = here.program("submit", "execute", agent="billing"), here.program("submit", "execute", agent="mail")
    body = {"action": "pay", "confidence": 0.99, "amount_inr": 5, "key": "order-5"}
    taken = other.post("/v1/proposals", json=body).json()
    made = mine.post("/v1/proposals", json=body)
    assert (made.status_code, made.json()["replayed"]) == (201, False)
    case_id = made.json()["case_id"]
    assert case_id != taken["case_id"]
    assert mine.post(f"/v1/executions/{case_id}/start", json={"nonce": "n"}).status_code == 200
    # the agent begun anew, under another key of its own
    again = here.program("submit", agent="billing").post("/v1/proposals", json=body).json()
    assert (again["case_id"], again["replayed"]) == (case_id, True)


def test_undo_asked_by_an_agent_and_then_by_a_person_is_one(here: Site) -> None:
    billing = here.program("submit", "execute", agent="billing")
    made = billing.post(
        "/v1/proposals?nonce=n", json={"action": "pay", "confidence": 0.99, "amount_inr": 5, "undo": "unpay"}
    ).json()
    case_id, fence = made["case_id"], made["execution"]["fence"]
    billing.post(f"/v1/executions/{case_id}/finish", json={"fence": fence, "ok": True})
    # a key that names the place of the undo does not take it
    billing.post("/v1/proposals", json={"action": "pay", "key": f"undo:{case_id}"})
    here.program("submit").post("/v1/proposals", json={"action": "pay", "key": f"undo:{case_id}"})
    asked = billing.post(f"/v1/proposals/{case_id}/undo", json={}).json()
    again = here.signed_in("Ann", "reviewer").post(f"/v1/proposals/{case_id}/undo", json={}).json()
    assert asked["case_id"] == again["case_id"] is not None
