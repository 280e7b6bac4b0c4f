"""Two people who make the same edit agree, and different ones send the case up.

And what the log says of policies holds for named ones too.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.audit.trust import Trust
from handrail.audit.verify import verify
from handrail.canonical import parse
from handrail.errors import Forbidden
from handrail.maintenance import timers
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
    policy = POLICY.format(name="payments").replace("0.05", "2")
    with handrail.open(tmp_path / "h.db", policy=policy) as hr:
        for loop in hr.plane.loops:
            # both windows end before anybody looks
            loop.stop()
        pending = hr.propose(Proposal(action="pay", arguments={"amount": "50"}))
        for name in ("Ann", "Bob"):
            hr.desk(name).take(pending.case_id).edit({"amount": "5"})
        threading.Event().wait(2.1)
        timers.step(hr.plane.store, hr.plane.writer, hr.plane.clock)
        decision = pending.decision(timeout=10)
        assert decision is not None
        assert (decision.kind, decision.arguments, len(decision.by)) == ("approved", {"amount": "5"}, 2)
        entries = [parse(data) for data in hr.plane.logbook().entries()]
        assert len(next(e for e in entries if e["type"] == "proposal.revised")["also"]) == 1
        assert not [e for e in entries if e["type"] == "review.voided"]
        assert findings(hr.plane) == []


@pytest.mark.parametrize("window", ["0.3", "0"])
def test_review_two_different_edits_send_the_case_to_a_lead_with_and_without_a_window(
    tmp_path: Path, window: str
) -> None:
    policy = POLICY.format(name="payments").replace("0.05", window)
    with handrail.open(tmp_path / "h.db", policy=policy) as hr:
        pending = hr.propose(Proposal(action="pay", arguments={"amount": "50"}))
        for name, amount in (("Ann", "5"), ("Bob", "6")):
            hr.desk(name).take(pending.case_id).edit({"amount": amount})
        raised = _raised(hr.plane)
        assert (raised["reason"], raised["roles"]) == ("edits_differ", ["lead"])
        with pytest.raises(Forbidden):
            hr.desk("Cy").take(pending.case_id)
        for name in ("Lea", "Lou"):
            hr.desk(name, roles=("lead",)).take(pending.case_id).edit({"amount": "7"})
        decision = pending.decision(timeout=10)
        assert decision is not None
        assert decision.arguments == {"amount": "7"}
        assert findings(hr.plane) == []


def _raised(plane: Plane) -> Any:
    """The entry of the escalation, which a timer of the plane may still have to make."""
    for _ in range(500):
        for entry in (parse(data) for data in plane.logbook().entries()):
            if entry["type"] == "case.escalated":
                return entry
        threading.Event().wait(0.01)
    raise AssertionError("the case was not sent up")


def test_change_policy_that_names_itself_is_in_force_under_that_name(tmp_path: Path) -> None:
    with handrail.open(tmp_path / "h.db", policy=POLICY.format(name="first")) as hr:
        hr.set_policy(POLICY.format(name="second"))
        hr.propose(Proposal(action="pay", arguments={"amount": "5"}))
        assert findings(hr.plane) == []
