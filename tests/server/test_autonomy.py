"""Earned autonomy over HTTP: seen by all who read, proposed, accepted by a second person, taken back by an outcome."""

from __future__ import annotations

from pathlib import Path

import httpx2

from tests.server.site import Site, answer, propose, site

POLICY = """
escalation_policies:
  - action_type: refund
    auto_approve_threshold: 1.0
    undo: unrefund
    undo_seconds: 0
    sla_seconds: 3600
    growth: {limit: 0.2, by: kind}
  - {action_type: unrefund, autonomy: full, undo: refund}
review_settings: {reviewer_session_limit_minutes: 600, max_queue_depth: 100000}
"""


def ask(program: httpx2.Client, kind: str, n: int, **fields: object) -> str:
    arguments = {"kind": kind, "n": n}
    return str(propose(program, action="refund", arguments=arguments, confidence=0.4, **fields)["case_id"])


def earned(here: Site, program: httpx2.Client, ann: httpx2.Client) -> None:
    """Golds, cells, and enough clean meals."""
    curator = here.program("submit", "admin")
    for n in range(36):
        wrong = n % 4 == 3
        case = ask(curator, "gold", n, gold="reject" if wrong else "approve")
        given = answer(ann, case, "reject", reason="wrong") if wrong else answer(ann, case, "approve")
        assert given.status_code == 201, given.text
    for n in range(30):
        answer(ann, ask(program, "meal" if n % 2 else "hotel", n), "approve")
    made = here.signed_in("lea", "lead").post("/v1/autonomy/cells", json={"action": "refund"})
    assert made.json() == {"cells": 2}, made.text
    for n in range(26):
        answer(ann, ask(program, "meal", n), "approve")


def test_a_promotion_over_http_from_evidence_to_its_end(tmp_path: Path) -> None:
    with site(tmp_path / "h.db", policy=POLICY, loops=False) as here:
        program, ann = here.program("submit", "execute", "read"), here.signed_in("ann", "reviewer")
        lea, max_ = here.signed_in("lea", "lead"), here.signed_in("max", "lead")
        earned(here, program, ann)
        (meal,) = [one for one in ann.get("/v1/autonomy").json()["cells"] if '"meal"' in one["when"]]
        assert (meal["n"], meal["misses"], meal["state"]) == (26, 0, "gathering")
        (hotel,) = [one for one in ann.get("/v1/autonomy").json()["cells"] if '"hotel"' in one["when"]]
        few = lea.post("/v1/autonomy/promotions", json={"cell": hotel["id"]})
        assert (few.status_code, few.json()["code"]) == (422, "not_enough_evidence")
        assert few.json()["context"] == {"have": 0, "need": hotel["needed"]}

        (id,) = lea.post("/v1/autonomy/promotions", json={"action": "refund"}).json()["ids"]
        (shown,) = ann.get("/v1/autonomy").json()["promotions"]
        assert (shown["id"], shown["proposed_by"], shown["state"]) == (id, "lea", "proposed")
        for client, status in ((ann, 403), (lea, 403), (program, 403)):
            assert client.post(f"/v1/autonomy/promotions/{id}/accept", json={}).status_code == status
        granted = max_.post(f"/v1/autonomy/promotions/{id}/accept", json={"reason": "fine"}).json()["grant"]
        assert max_.post(f"/v1/autonomy/promotions/{id}/accept", json={}).status_code == 409
        passed = propose(program, action="refund", arguments={"kind": "meal", "n": 9}, confidence=0.4)
        assert passed["tier"] == "auto_approve"
        assert any(reason["code"] == f"grant:{granted}" for reason in passed["reasons"])

        severe = program.post(f"/v1/proposals/{passed['case_id']}/outcome", json={"correct": False, "severe": True})
        assert severe.status_code == 201, severe.text
        again = propose(program, action="refund", arguments={"kind": "meal", "n": 10}, confidence=0.4)
        assert again["status"] == "open"
        (over,) = ann.get("/v1/autonomy/promotions").json()["items"]
        assert (over["state"], over["reason"], over["decided_by"]) == ("ended", "severe_miss", "max")
