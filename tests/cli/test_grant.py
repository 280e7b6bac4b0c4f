"""`handrail grant propose`: a narrow permission from what people decided, shown and never issued."""

from __future__ import annotations

from pathlib import Path

import handrail
from handrail.proposal import Proposal

from .scene import read, run

POLICY = """
escalation_policies:
  - {action_type: refund, auto_approve_threshold: 1.0, undo: unrefund, undo_seconds: 0}
  - {action_type: wire, auto_approve_threshold: 1.0, undo_seconds: 0}
"""


def test_propose_shows_a_back_tested_grant_and_issues_nothing(database: Path) -> None:
    with handrail.open(database, policy=POLICY) as hr:
        desk = hr.desk("Asha")
        for n in range(70):
            kind, secret = ("meal", f"o-{n}") if n < 60 else ("hotel", "Maria")
            arguments = {"kind": kind, "order": secret, "amount": "12", "currency": "EUR"}
            case = hr.propose(
                Proposal(action="refund", arguments=arguments, confidence=0.5, personal_data=("/order",), principal="m")
            ).case_id
            desk.answer(case, "approve") if n < 60 else desk.answer(case, "reject", reason="not_allowed")
    made = read("grant", "propose", "--action", "refund", "--target", "0.2", "--database", database)
    assert made["decided"] == 70
    assert made["proposed"]["when"] == 'arguments.kind == "meal" && currency == "EUR" && amount <= 12.0'
    assert made["proposed"]["back_test"]["passed"] == 60
    assert made["proposed"]["back_test"]["wrong"] == 0
    assert "Maria" not in str(made)
    words = run("grant", "propose", "--action", "refund", "--target", "0.2", "--database", database).stdout
    assert "it would have let 60 of 70 through, of which 0 turned out wrong" in words
    assert read("grant", "list", "--database", database) == []


def test_propose_without_evidence_or_a_way_back_says_so(database: Path) -> None:
    with handrail.open(database, policy=POLICY):
        pass
    none = run("grant", "propose", "--action", "refund", "--database", database, code=1)
    assert "nothing to propose: 0 decided cases" in none.stdout
    refused = run("grant", "propose", "--action", "wire", "--database", database, code=1)
    assert "no way to take 'wire' back" in refused.stderr
