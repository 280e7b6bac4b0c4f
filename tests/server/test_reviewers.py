"""Reviewers over HTTP: leads see everybody, a reviewer himself; golds are kept by leads and reach no webhook."""

from __future__ import annotations

from handrail.lifecycle import golds
from handrail.store.statements import Statement

from .site import Site, answer, propose

GOLD = {"action": "pay", "arguments": {"to": "G1", "amount": 5}, "confidence": 0.1, "gold": {"verdict": "reject"}}
POLICY = """
escalation_policies:
  - {action_type: pay, auto_approve_threshold: 0.95, undo: refund, undo_seconds: 0, sla_seconds: 3600}
review_settings: {gold_share: 0.5, reviewer_session_limit_minutes: 600}
"""
OUTBOX = Statement("SELECT type, case_id FROM outbox", "", "all_outbox")


def test_gold_is_drawn_answered_and_shown_to_leads_and_to_nobody_else(here: Site) -> None:
    lead, ann, bob = here.signed_in("lea", "lead"), here.signed_in("ann"), here.signed_in("bob")
    admin, program = here.signed_in("root", "admin"), here.program()
    assert admin.put("/v1/policy", json={"text": POLICY}).status_code == 200
    assert admin.post("/v1/webhooks", json={"url": "https://hook.example", "events": ["*"]}).status_code == 201
    assert ann.post("/v1/golds", json={"items": [GOLD]}).status_code == 403
    assert ann.get("/v1/golds").status_code == 403
    made = lead.post("/v1/golds", json={"items": [GOLD]})
    assert (made.status_code, len(made.json()["ids"])) == (201, 1)
    first = propose(program)["case_id"]
    here.plane.run(golds.draw, golds.Draw(workspace="default", case_id=first))
    items = ann.get("/v1/cases").json()["items"]
    (gold,) = [row["id"] for row in items if row["id"] != first]
    assert [row["summary"] for row in items] == ["pay: A1, amount 5", "pay: G1, amount 5"]
    for path in (f"/v1/cases/{gold}", f"/v1/proposals/{gold}", "/v1/cases"):
        assert "gold" not in ann.get(path).text
    assert answer(ann, gold, "approve").status_code == 201
    refused = program.post(f"/v1/executions/{gold}/start", json={"nonce": "n"})
    assert (refused.status_code, refused.json().get("code")) == (409, "not_executable"), refused.text
    told = here.plane.store.read_hot(OUTBOX)
    assert told
    assert gold not in {row[1] for row in told}
    here.desk.figures.clear()
    seen = {row["name"]: row for row in lead.get("/v1/reviewers").json()["reviewers"]}
    assert seen["ann"]["scorecard"]["golds"] == 1
    assert seen["ann"]["scorecard"]["accuracy"] == {"n": 1, "need": 50, "value": None}
    own = ann.get("/v1/reviewers").json()
    assert own["own"] is True
    assert [row["name"] for row in own["reviewers"]] == ["ann"]
    assert "agreement" not in own
    assert bob.get("/v1/reviewers").json()["reviewers"] == []
    assert lead.delete(f"/v1/golds/{made.json()['ids'][0]}").status_code == 204
    assert lead.get("/v1/golds").json()["items"] == []
    assert lead.get("/v1/golds", params={"retired": "true"}).json()["items"][0]["views"] == 1


def test_a_program_plants_no_known_answer(here: Site) -> None:
    record = GOLD | {"gold": {"verdict": "reject"}}
    assert here.program("submit", "execute").post("/v1/proposals", json=record).status_code == 403
    assert here.program("submit", "admin").post("/v1/proposals", json=record).status_code == 201
