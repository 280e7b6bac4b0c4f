"""Windows and budgets: many small steps add up, and what is not known goes up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handrail.policy.evaluate import Policy, compile_text
from handrail.policy.facts import Facts, Usage
from handrail.policy.replay import Ledger
from handrail.proposal import Proposal
from handrail.route import Route

from .examples import NOW, SHORT, codes

HOUR = 3_600_000_000
DAILY = (
    SHORT
    + """
budgets:
  - {id: daily, actions: [payment_transfer], per: [principal], within: 24h, max_amount_inr: 10000}
"""
)


class Stream:
    """Routes one proposal after another, remembering them as a store would."""

    def __init__(self, text: str):
        self.policy: Policy = compile_text(text)
        self.ledger = Ledger()

    def send(self, at: int = NOW, **fields: Any) -> Route:
        proposal = Proposal(**{"action": "payment_transfer", "confidence": 0.99, "currency": "INR"} | fields)
        found = self.policy.route(proposal, self.ledger.facts(self.policy, proposal, at), now=at, draw=0.99)
        self.ledger.record(self.policy, proposal, found, at)
        return found


def test_route_nine_payments_of_nine_tenths_of_the_limit_escalates_from_the_second() -> None:
    stream = Stream(DAILY)
    tiers = [stream.send(amount="9000", principal="ann", at=NOW + n).tier for n in range(9)]
    assert tiers == ["auto_approve"] + ["hard_gate"] * 8


def test_route_without_a_budget_lets_the_same_nine_through() -> None:
    stream = Stream(SHORT)
    assert {stream.send(amount="9000", principal="ann").tier for _ in range(9)} == {"auto_approve"}


def test_route_budget_counts_each_principal_apart_and_refills() -> None:
    stream = Stream(DAILY)
    assert stream.send(amount="9000", principal="ann").tier == "auto_approve"
    assert stream.send(amount="9000", principal="bob").tier == "auto_approve"
    assert stream.send(amount="1001", principal="ann", at=NOW + 23 * HOUR).tier == "hard_gate"
    assert stream.send(amount="8999", principal="ann", at=NOW + 24 * HOUR + 1).tier == "auto_approve"


def test_route_budget_adds_exactly() -> None:
    stream = Stream(DAILY)
    assert {stream.send(amount="0.1", principal="ann").tier for _ in range(10)} == {"auto_approve"}
    assert stream.send(amount="9999.0", principal="ann").tier == "auto_approve"
    assert stream.send(amount="0.0000001", principal="ann").tier == "hard_gate"


@pytest.mark.parametrize("fields", [{"principal": None}, {"principal": ""}])
def test_route_budget_of_nobody_in_particular_is_gated(fields: dict[str, Any]) -> None:
    found = Stream(DAILY).send(amount="1", **fields)
    assert (found.tier, "budget:daily" in codes(found)) == ("hard_gate", True)


def test_route_budget_without_facts_is_gated() -> None:
    policy = compile_text(DAILY)
    proposal = Proposal(action="payment_transfer", confidence=0.99, amount="1", currency="INR", principal="ann")
    assert policy.route(proposal, now=NOW, draw=0.5).tier == "hard_gate"
    (window,) = policy.needs(proposal).windows
    assert policy.subjects(proposal) == (window.subject,)
    unreadable = Facts(usages={window: (Usage(at=NOW, amount="x", currency="INR"),)})
    assert policy.route(proposal, unreadable, now=NOW, draw=0.5).tier == "hard_gate"
    empty = Facts(usages={window: ()})
    assert policy.route(proposal, empty, now=NOW, draw=0.5).tier == "auto_approve"


def test_route_agent_beyond_its_questions_is_refused_but_may_still_act_alone() -> None:
    text = SHORT + "\nbudgets: [{id: asks, per: [agent], within: 1h, max_prompts: 2}]\n"
    stream = Stream(text)
    tiers = [stream.send(amount="1", confidence=0.1, agent="bot").tier for _ in range(3)]
    assert tiers == ["hard_gate", "hard_gate", "deny"]
    assert stream.send(amount="1", confidence=0.99, agent="bot").tier == "auto_approve"
    assert stream.send(amount="1", confidence=0.1, agent="other").tier == "hard_gate"


def test_route_run_beyond_its_count_goes_up_for_ever() -> None:
    text = SHORT + "\nbudgets: [{id: steps, per: [run], max_count: 3, then: soft_review}]\n"
    stream = Stream(text)
    tiers = [stream.send(amount="1", run="r", at=NOW + n * 1000 * HOUR).tier for n in range(5)]
    assert tiers == ["auto_approve"] * 3 + ["soft_review"] * 2


def test_route_rule_reads_sums_and_counts_with_this_proposal_in_them() -> None:
    text = SHORT + (
        "\nwindows: [{name: day, actions: [payment_transfer], by: [principal, target], within: 1d}]\n"
        "rules:\n  - {id: many, actions: [payment_transfer], when: 'sum.day > 100.0 || count.day > 3',"
        " route: {tier: hard_gate}}\n"
    )
    stream = Stream(text)
    pay = {"principal": "ann", "target": {"account": "A1"}}
    assert stream.send(amount="60", **pay).tier == "auto_approve"
    assert stream.send(amount="40", **pay).tier == "auto_approve"
    assert "rule:many" in codes(stream.send(amount="0.01", **pay))
    other = pay | {"target": {"account": "A2"}}
    assert [stream.send(amount="1", **other).tier for _ in range(4)] == ["auto_approve"] * 3 + ["hard_gate"]


def test_route_window_counts_what_other_actions_did() -> None:
    text = SHORT + (
        "\nwindows: [{name: tries, actions: [login_failed], by: [principal], within: 1h}]\n"
        "rules: [{id: tries, actions: [payment_transfer], when: 'count.tries >= 3', route: {tier: hard_gate}}]\n"
    )
    stream = Stream(text)
    assert stream.send(amount="1", principal="ann").tier == "auto_approve"
    for _ in range(3):
        stream.send(action="login_failed", principal="ann")
    assert stream.send(amount="1", principal="ann").tier == "hard_gate"
    assert stream.send(amount="1", principal="bob").tier == "auto_approve"


def test_subject_of_any_target_is_short_and_unambiguous() -> None:
    policy = compile_text(SHORT + "\nbudgets: [{id: b, per: [principal, target], max_count: 1}]\n")
    subjects = {
        policy.subjects(Proposal(action="x", principal=principal, target=target))
        for principal, target in [("a", "b"), ('a","b', "c"), ("a", ["b"]), ("a", "x" * 5000), ("a", "y" * 5000)]
    }
    assert len(subjects) == 5
    assert all(len(subject) <= 200 for (subject,) in subjects)


def test_needs_of_a_plain_policy_are_none() -> None:
    policy = compile_text(SHORT)
    assert not policy.needs(Proposal(action="payment_transfer", confidence=0.5, amount="1", currency="INR"))
    assert policy.subjects(Proposal(action="payment_transfer")) == ()


def test_route_halted_agent_is_denied_whatever_else_holds() -> None:
    policy = compile_text(json.dumps({"escalation_policies": [{"action_type": "a", "autonomy": "full"}]}))
    found = policy.route(Proposal(action="a"), Facts(halted="agent bot is halted"), now=NOW, draw=0.5)
    assert (found.tier, codes(found) >= {"halted"}) == ("deny", True)
