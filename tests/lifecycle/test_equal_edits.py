"""Two people who make the same edit agree; and what the log says of policies holds for named ones too."""

from __future__ import annotations

from pathlib import Path

import handrail
from handrail.audit.trust import Trust
from handrail.audit.verify import verify
from handrail.canonical import parse
from handrail.maintenance.plane import Plane
from handrail.proposal import Proposal

POLICY = """
name: {name}
escalation_policies:
  - {{action_type: pay, autonomy: confirm, reviewers: 2, undo_seconds: 0.05}}
"""


def findings(plane: Plane) -> list[str]:
    plane.sealer.step()
    report = verify(plane.logbook(), Trust(logs=(plane.sealer.key(plane.log).verifier,)))
    return [finding.code for finding in report.findings]


def test_review_two_equal_edits_in_their_windows_approve_the_edit_and_both_count(tmp_path: Path) -> None:
    with handrail.open(tmp_path / "h.db", policy=POLICY.format(name="payments")) as hr:
        pending = hr.propose(Proposal(action="pay", arguments={"amount": "50"}))
        for name in ("Ann", "Bob"):
            hr.desk(name).take(pending.case_id).edit({"amount": "5"})
        decision = pending.decision(timeout=10)
        assert decision is not None
        assert (decision.kind, decision.arguments, len(decision.by)) == ("approved", {"amount": "5"}, 2)
        entries = [parse(data) for data in hr.plane.logbook().entries()]
        assert len(next(e for e in entries if e["type"] == "proposal.revised")["also"]) == 1
        assert not [e for e in entries if e["type"] == "review.voided"]
        assert findings(hr.plane) == []


def test_change_policy_that_names_itself_is_in_force_under_that_name(tmp_path: Path) -> None:
    with handrail.open(tmp_path / "h.db", policy=POLICY.format(name="first")) as hr:
        hr.set_policy(POLICY.format(name="second"))
        hr.propose(Proposal(action="pay", arguments={"amount": "5"}))
        assert findings(hr.plane) == []
