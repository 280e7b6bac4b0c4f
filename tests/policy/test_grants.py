"""A grant loosens what it names, for a time, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handrail.policy.evaluate import compile_text
from handrail.policy.facts import Facts, Grant
from handrail.proposal import Proposal
from handrail.route import Route

from .examples import NOW

DAY = 86_400_000_000
ACTION = {
    "action_type": "pay", "undo": "unpay", "auto_approve_threshold": 0.9, "max_auto_approve_amount_inr": 100,
    "require_two_reviewers_above_inr": 1000, "categories_always_review": ["vip"],
}  # fmt: skip
GRANT = Grant(
    id="g", action="pay", expires=NOW + DAY, lifts=("confidence", "amount"), reason="299 cases without a reject"
)


def pay(grant: Grant | None = GRANT, *, entry: dict[str, Any] | None = None, rules: Any = (), **fields: Any) -> Route:
    policy = compile_text(json.dumps({"escalation_policies": [entry or ACTION], "rules": list(rules)}))
    proposal = Proposal(**{"action": "pay", "confidence": 0.5, "amount": "500", "currency": "INR"} | fields)
    return policy.route(proposal, Facts(grants=(grant,) if grant else ()), now=NOW, draw=0.99)


def test_route_under_a_live_grant_is_lowered_and_says_so() -> None:
    found = pay()
    assert (found.tier, found.grant) == ("auto_approve", "g")
    assert any(reason.code == "grant:g" and "299 cases" in reason.text for reason in found.reasons)
    assert pay(None).tier == "hard_gate"


def grant_with(**changes: Any) -> Grant:
    values = {name: getattr(GRANT, name) for name in GRANT.__slots__}
    return Grant(**values | changes)


@pytest.mark.parametrize(
    ("grant", "fields"),
    [
        (grant_with(expires=NOW), {}),
        (grant_with(action="other"), {}),
        (grant_with(lifts=("confidence",)), {}),
        (grant_with(lifts=("amount",)), {}),
        (grant_with(tier="deny"), {}),
        (grant_with(when="amount < 400.0"), {}),
        (grant_with(when="arguments.absent == 1"), {}),
        (grant_with(when="not a condition"), {}),
        (GRANT, {"confidence": None}),
        (GRANT, {"confidence": float("nan")}),
        (GRANT, {"amount": "x"}),
        (GRANT, {"amount": None}),
        (GRANT, {"currency": "USD"}),
        (GRANT, {"amount": "1001"}),
        (GRANT, {"rules": [{"id": "r", "route": {"tier": "hard_gate"}}]}),
        (GRANT, {"rules": [{"id": "r", "when": "arguments.absent", "route": {"tier": "soft_review"}}]}),
        (GRANT, {"rules": [{"id": "r", "route": {"irreversible": True}}]}),
        (GRANT, {"entry": {name: value for name, value in ACTION.items() if name != "undo"}}),
        (GRANT, {"entry": {name: value for name, value in ACTION.items() if name != "undo"}, "undo": "unpay"}),
        (GRANT, {"entry": ACTION | {"irreversible": True}}),
        (GRANT, {"entry": ACTION | {"irreversible_actions_always_gate": ["pay"]}}),
    ],
)
def test_route_under_a_grant_that_does_not_reach_stays_gated(grant: Grant, fields: dict[str, Any]) -> None:
    found = pay(grant, **fields)
    assert (found.tier, found.grant) == ("hard_gate", None)


def test_route_under_a_grant_never_skips_a_category_always_reviewed() -> None:
    found = pay(categories=("vip",))
    assert (found.tier, found.always_review) == ("soft_review", True)


def test_route_under_a_grant_is_never_undenied() -> None:
    found = pay(grant_with(lifts=("confidence", "amount", "rule:r")), rules=[{"id": "r", "route": {"deny": True}}])
    assert found.tier == "deny"


def test_route_under_a_grant_that_names_a_rule_lifts_that_rule() -> None:
    rules = [{"id": "r", "route": {"tier": "hard_gate"}}]
    assert pay(grant_with(lifts=("confidence", "amount", "rule:r")), rules=rules).tier == "auto_approve"


def test_route_under_a_grant_to_soft_review_goes_no_further() -> None:
    assert pay(grant_with(tier="soft_review")).tier == "soft_review"


def test_route_under_a_grant_is_spot_checked_at_its_rate() -> None:
    assert pay(grant_with(spot_check_rate=0.25)).spot_check_rate == 0.25
    assert pay(grant_with(spot_check_rate=1.0)).spot_check


def test_route_under_a_grant_of_the_policy_file_expires_by_its_date() -> None:
    grants = [{"id": "file", "action": "pay", "expires": "2023-11-15", "lifts": ["confidence"]}]
    policy = compile_text(json.dumps({"escalation_policies": [ACTION], "grants": grants}))
    proposal = Proposal(action="pay", confidence=0.5, amount="5", currency="INR")
    assert policy.route(proposal, now=NOW, draw=0.5).grant == "file"
    assert policy.route(proposal, now=NOW + DAY, draw=0.5).tier == "hard_gate"


def test_needs_ask_for_grants_only_where_they_could_matter() -> None:
    policy = compile_text(json.dumps({"escalation_policies": [ACTION]}))
    assert policy.needs(Proposal(action="pay", confidence=0.5, amount="5", currency="INR")).grants
    assert not policy.needs(Proposal(action="other")).grants
