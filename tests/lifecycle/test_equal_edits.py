"""Two people who make the same edit agree, and different ones send the case up.

And what the log says of policies holds for named ones too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import handrail
from handrail.audit.trust import Trust
from handrail.audit.verify import verify
from handrail.errors import Forbidden
from handrail.maintenance.plane import Plane
from handrail.proposal import Proposal
from handrail.testing.factories import person
from handrail.testing.rig import Rig

POLICY = """
name: {name}
escalation_policies:
  - {{action_type: pay, autonomy: confirm, reviewers: 2, undo_seconds: 2}}
  - {{action_type: pay_at_once, autonomy: confirm, reviewers: 2, undo_seconds: 0}}
"""


def findings(plane: Plane) -> list[str]:
    plane.sealer.step()
    report = verify(plane.logbook(), Trust(logs=(plane.sealer.key(plane.log).verifier,)))
    return [finding.code for finding in report.findings]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(f"sqlite:///{tmp_path / 'h.db'}", tmp_path, policy=POLICY.format(name="payments"))
    yield made
    made.close()


def test_review_two_equal_edits_in_their_windows_approve_the_edit_and_both_count(rig: Rig) -> None:
    case = rig.gated("pay", arguments={"amount": "50"})
    for name in ("Ann", "Bob"):
        rig.answer(person(name), case, "edit", arguments={"amount": "5"})
    # both windows end before anybody looks
    rig.pass_time(3)
    decision = rig.decision(case)
    assert decision is not None
    assert (decision.kind, decision.arguments, len(decision.by)) == ("approved", {"amount": "5"}, 2)
    assert len(rig.entries("proposal.revised")[0]["also"]) == 1
    assert rig.entries("review.voided") == []
    assert rig.problems() == []


@pytest.mark.parametrize("action", ["pay", "pay_at_once"])
def test_review_two_different_edits_send_the_case_to_a_lead_with_and_without_a_window(rig: Rig, action: str) -> None:
    case = rig.gated(action, arguments={"amount": "50"})
    for name, amount in (("Ann", "5"), ("Bob", "6")):
        rig.answer(person(name), case, "edit", arguments={"amount": amount})
    rig.pass_time(3)
    (raised,) = rig.entries("case.escalated")
    assert (raised["reason"], raised["among"]) == ("edits_differ", ["lead"])
    with pytest.raises(Forbidden):
        rig.take(person("Cy"), case)
    for name in ("Lea", "Lou"):
        rig.answer(person(name, "lead"), case, "edit", arguments={"amount": "7"})
    rig.pass_time(3)
    decision = rig.decision(case)
    assert decision is not None
    assert decision.arguments == {"amount": "7"}
    assert rig.problems() == []


def test_change_policy_that_names_itself_is_in_force_under_that_name(tmp_path: Path) -> None:
    with handrail.open(tmp_path / "h.db", policy=POLICY.format(name="first")) as hr:
        hr.set_policy(POLICY.format(name="second"))
        hr.propose(Proposal(action="pay", arguments={"amount": "5"}))
        assert findings(hr.plane) == []
