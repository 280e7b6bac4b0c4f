"""A silent gold over HTTP: whatever a reviewer can read of it has the form of an ordinary case, before and after."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

import httpx2

from handrail.clock import SECOND
from handrail.lifecycle import golds
from handrail.maintenance import indexing
from handrail.store import statements

from .site import Site, answer, propose
from .test_live import heard

POLICY = """
escalation_policies:
  - {action_type: pay, auto_approve_threshold: 0.95, undo: refund, undo_seconds: 60, sla_seconds: 3600}
review_settings: {gold_share: 0.5, gold_burst: 0, reviewer_session_limit_minutes: 600}
"""
GOLD = {"action": "pay", "arguments": {"to": "shop", "amount": 7}, "amount_inr": 7, "confidence": 0.1}
# a caller that names its calls, and whose key is its own
CALL = {"arguments": {"to": "shop", "amount": 5}, "amount_inr": 5, "agent": "buyer", "run": "r-1", "call_id": "c-1"}


def form(value: Any) -> Any:
    """What is there and of which type, without what it says."""
    if isinstance(value, dict):
        return {name: form(each) for name, each in value.items()}
    if isinstance(value, list):
        return [form(each) for each in value]
    return type(value).__name__


def silent(here: Site, beside: str, at: int) -> str:
    made = here.plane.run(golds.draw, golds.Draw(workspace="default", case_id=beside, placed_at=at))
    assert made is not None
    return str(made)


def read(client: httpx2.Client, case_id: str) -> dict[str, Any]:
    """All that can be read of a case."""
    paths = {
        "case": f"/v1/cases/{case_id}", "proof": f"/v1/cases/{case_id}/proof", "proposal": f"/v1/proposals/{case_id}",
        "decision": f"/v1/proposals/{case_id}/decision",
    }  # fmt: skip
    made: dict[str, Any] = {}
    for name, path in paths.items():
        given = client.get(path)
        assert given.status_code in (200, 202), given.text
        made[name] = given.json()
    for state in ("open", "decided"):
        rows = client.get("/v1/cases", params={"state": state}).json()["items"]
        made[state] = [row for row in rows if row["id"] == case_id]
    similar = client.get(f"/v1/cases/{case_id}/similar").json()
    # how many there are follows from what the cases say
    made["similar"] = {"keys": sorted(similar), "items": sorted(similar["items"][0])}
    made["alike"] = {row["case_id"] for row in similar["items"]}
    # whether a checkpoint has come by since
    for entry in made["proof"].pop("entries"):
        made.setdefault("entries", []).append({k: v for k, v in entry.items() if k != "inclusion"})
    made.pop("proof")
    decision = made["decision"].get("decision")
    if decision:
        decision.pop("proof", None)
    told = made["proposal"].get("decision")
    if told:
        told.pop("proof", None)
    return made


def moments(read: dict[str, Any]) -> tuple[bool, bool, float]:
    """How its times lie to each other: opened as its entry says, submitted then, and so long to the deadline."""
    case, entries = read["case"]["case"], {entry["type"]: entry for entry in read["entries"]}
    opened, deadline = (datetime.fromisoformat(case[name]) for name in ("opened_at", "deadline"))
    return (
        case["opened_at"] == entries["case.opened"]["at"],
        read["proposal"]["submitted_at"] == case["opened_at"],
        (deadline - opened).total_seconds(),
    )


def test_nothing_that_is_read_of_a_silent_gold_differs_in_form(each: Site) -> None:
    ann, bob, lead = each.signed_in("ann"), each.signed_in("bob"), each.signed_in("lea", "lead")
    program, admin = each.program(), each.signed_in("root", "admin")
    assert admin.put("/v1/policy", json={"text": POLICY}).status_code == 200
    record = GOLD | {"gold": {"verdict": "reject"}, "key": "mine", "run": "kept", "call_id": "kept"}
    assert lead.post("/v1/golds", json={"items": [record]}).status_code == 201
    elsewhere = propose(program, **(CALL | {"run": "r-0", "key": "k-0"}))["case_id"]
    known = propose(program, **(CALL | {"run": "r-2", "key": "k-2"}))["case_id"]
    assert answer(bob, known, "reject", reason="wrong").status_code == 201
    now = each.plane.clock.now()
    answered = silent(each, elsewhere, now)
    # who has answered it elsewhere is barred, and nobody is to see that
    assert answer(bob, answered, "reject", reason="wrong").status_code == 201
    plain = propose(program, **(CALL | {"key": "k-1"}))["case_id"]
    gold = silent(each, plain, now - 40 * SECOND)
    assert bob.post(f"/v1/cases/{gold}/claim", json={}).status_code == 409

    def both(where: str) -> None:
        while indexing.step(each.plane.store, each.plane.writer):
            pass
        one, two = read(ann, plain), read(ann, gold)
        # the other time it was shown, and what was answered then, are not beside it
        both_decided = ({gold}, {plain}) if where == "decided" else (set(), set())
        assert one.pop("alike") == {known, answered} | both_decided[0], where
        assert two.pop("alike") == {known} | both_decided[1], where
        assert form(one) == form(two), where
        assert moments(one) == moments(two) == (True, True, 3600.0), where
        assert one["case"]["card"]["quorum"]["excluded"] == two["case"]["card"]["quorum"]["excluded"], where
        key = each.plane.store.read_hot(statements.case_get, case_id=gold, workspace="default")[0][10]
        for part in (one, two):
            assert str(key) not in json.dumps(part), where
            assert "sort_key" not in json.dumps(part), where
            assert "gold" not in json.dumps(part), where

    both("open")
    claims = [ann.post(f"/v1/cases/{case}/claim", json={}).json() for case in (plain, gold)]
    assert form(claims[0]) == form(claims[1])
    both("claimed")
    for taken in claims:
        body = {
            "fence": taken["claim"]["fence"], "revision": taken["card"]["revision"], "card": taken["card"]["digest"],
            "verdict": "approve",
        }  # fmt: skip
        taken["given"] = ann.post(f"/v1/cases/{taken['claim']['case_id']}/reviews", json=body).json()
    assert claims[0]["given"]["heard"] is None
    assert form(claims[0]["given"]) == form(claims[1]["given"])
    both("answered")
    for taken in claims:
        taken["back"] = ann.post(f"/v1/reviews/{taken['given']['review']['id']}/withdraw", json={}).json()
    assert form(claims[0]["back"]) == form(claims[1]["back"])
    both("taken back")
    for case in (plain, gold):
        assert answer(ann, case, "reject", reason="wrong").status_code == 201
    both("decided")
    events = heard(ann, "0", each.plane.logbook().head()[0] - 1)
    by_case = [[(e["type"], sorted(e)) for e in events if e.get("case_id") == case] for case in (plain, gold)]
    assert by_case[0] == by_case[1]


def test_cursor_of_the_queue_holds_what_the_list_shows_and_no_more(each: Site) -> None:
    program, ann, lead = each.program(), each.signed_in("ann"), each.signed_in("lea", "lead")
    assert each.signed_in("root", "admin").put("/v1/policy", json={"text": POLICY}).status_code == 200
    assert lead.post("/v1/golds", json={"items": [GOLD | {"gold": "reject"}]}).status_code == 201
    first = propose(program, **CALL)["case_id"]
    made = {first, silent(each, first, each.plane.clock.now() - 40 * SECOND), propose(program)["case_id"]}
    seen: list[str] = []
    cursor = ""
    for _ in made:
        page = ann.get("/v1/cases", params={"limit": 1, "cursor": cursor}).json()
        (row,) = page["items"]
        seen.append(row["id"])
        cursor = page["next"]
        if cursor is not None:
            at, case_id = json.loads(base64.urlsafe_b64decode(cursor + "=="))
            found = each.plane.store.read_hot(statements.case_get, case_id=case_id, workspace="default")[0]
            assert case_id == row["id"]
            assert int(at) == found[16]
            assert int(at) != found[10]
    assert cursor is None
    assert set(seen) == made
    # of a case of another workspace, or of none
    other = base64.urlsafe_b64encode(json.dumps(["1", "no-such-case"]).encode()).decode().rstrip("=")
    assert ann.get("/v1/cases", params={"cursor": other}).status_code == 422
