"""An edit is held to the policy: it cannot move money past the second person, or reach what is denied."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.audit.trust import Trust
from handrail.audit.verify import verify
from handrail.canonical import parse
from handrail.errors import VerdictNotAllowed
from handrail.lifecycle import rows
from handrail.lifecycle.card import card_of
from handrail.lifecycle.edits import edited
from handrail.proposal import Proposal
from handrail.store.tx import Tx

POLICY = """
escalation_policies:
  - action_type: pay
    auto_approve_threshold: 0.95
    max_auto_approve_amount_inr: 10000
    require_two_reviewers_above_inr: 500000
    undo_seconds: {window}
rules:
  - {{id: never, actions: [pay], when: 'arguments.to == "mallory"', route: {{deny: true}}}}
  - {{id: money, actions: [pay], when: 'arguments.to == "abroad"', route: {{roles: [finance]}}}}
"""


def ask(hr: handrail.Client, **arguments: str) -> handrail.Pending[handrail.Decision]:
    amount = arguments.get("amount") or arguments.get("sum")
    return hr.propose(Proposal(action="pay", confidence=0.99, amount=amount, currency="INR", arguments=arguments))


def _card(tx: Tx, case_id: str) -> Any:
    return card_of(rows.proposal(tx, "default", case_id), rows.case(tx, "default", case_id))


@pytest.mark.parametrize("window", ["0", "0.05"])
@pytest.mark.parametrize("name", ["amount", "sum"])
def test_edit_above_the_second_limit_needs_a_second_person(tmp_path: Path, name: str, window: str) -> None:
    with handrail.open(tmp_path / "h.db", policy=POLICY.format(window=window)) as hr:
        pending = ask(hr, to="asha", **{name: "20000"})
        hr.desk("Ann").take(pending.case_id).edit({"to": "asha", name: "9000000"})
        patience = time.monotonic() + 60
        while (shown := hr.plane.run(_card, pending.case_id))["quorum"]["need"] == 1:
            # the edit counts once its window is over and a loop has come by
            assert time.monotonic() < patience
            time.sleep(0.01)
        assert pending.decision(timeout=0) is None
        assert shown["amount"] == {"value": "9000000", "currency": "INR"}
        hr.desk("Bob").take(pending.case_id).approve()
        decision = pending.decision(timeout=60)
        assert decision is not None
        assert (decision.arguments, len(decision.by)) == ({"to": "asha", name: "9000000"}, 2)
        hr.plane.sealer.step()
        report = verify(hr.plane.logbook(), Trust(logs=(hr.plane.sealer.key(hr.plane.log).verifier,)))
        assert report.exit_code == 0
        assert [e["type"] for e in map(parse, hr.plane.logbook().entries())].count("case.escalated") == 1


def test_edit_below_the_limits_is_one_persons_to_make(tmp_path: Path) -> None:
    with handrail.open(tmp_path / "h.db", policy=POLICY.format(window="0")) as hr:
        pending = ask(hr, to="asha", amount="20000")
        hr.desk("Ann").take(pending.case_id).edit({"to": "asha", "amount": "12000"})
        decision = pending.decision(timeout=60)
        assert decision is not None
        assert decision.arguments == {"to": "asha", "amount": "12000"}


@pytest.mark.parametrize(("to", "why"), [("mallory", "denies"), ("abroad", "finance")])
def test_edit_to_what_the_policy_denies_or_gives_to_others_is_refused_and_leaves_the_case_open(
    tmp_path: Path, to: str, why: str
) -> None:
    with handrail.open(tmp_path / "h.db", policy=POLICY.format(window="0")) as hr:
        pending = ask(hr, to="asha", amount="20000")
        held = hr.desk("Ann").take(pending.case_id)
        with pytest.raises(VerdictNotAllowed, match=why):
            held.edit({"to": to, "amount": "20000"})
        held.approve()
        decision = pending.decision(timeout=60)
        assert decision is not None
        assert decision.arguments == {"to": "asha", "amount": "20000"}


DAILY = """
escalation_policies:
  - {action_type: pay, auto_approve_threshold: 0.9, undo_seconds: 0}
  - {action_type: gift, auto_approve_threshold: 1.0, undo_seconds: 0}
budgets:
  - {id: day, actions: [pay, gift], per: [principal], within: 1d, max_amount_inr: 1000, then: hard_gate}
  - {id: most, actions: [pay, gift], per: [principal], within: 1d, max_amount_inr: 1500, then: deny}
"""


def spend(hr: handrail.Client, action: str, amount: str) -> handrail.Pending[handrail.Decision]:
    return hr.propose(
        Proposal(
            action=action, confidence=0.99, amount=amount, currency="INR", principal="asha",
            arguments={"amount": amount},
        )
    )  # fmt: skip


@pytest.mark.parametrize(("amount", "tier"), [("700", "hard_gate"), ("300", "auto_approve")])
def test_edit_of_an_amount_is_what_later_budgets_count(tmp_path: Path, amount: str, tier: str) -> None:
    with handrail.open(tmp_path / "h.db", policy=DAILY) as hr:
        hr.desk("Ann").take(spend(hr, "gift", "500").case_id).edit({"amount": amount})
        assert spend(hr, "pay", "500").tier == tier


def test_edit_to_no_readable_amount_leaves_the_proposed_one_counted(tmp_path: Path) -> None:
    with handrail.open(tmp_path / "h.db", policy=DAILY.rpartition("  - {id: most")[0]) as hr:
        hr.desk("Ann").take(spend(hr, "gift", "600").case_id).edit({"amount": "all of it"})
        assert spend(hr, "pay", "500").tier == "hard_gate"


def test_edit_within_a_budget_is_not_held_to_the_amount_it_replaces(tmp_path: Path) -> None:
    with handrail.open(tmp_path / "h.db", policy=DAILY) as hr:
        held = hr.desk("Ann").take(spend(hr, "gift", "800").case_id)
        # 800 as proposed and 900 as edited are not 1,700
        held.edit({"amount": "900"})
        over = hr.desk("Bob").take(spend(hr, "gift", "100").case_id)
        with pytest.raises(VerdictNotAllowed, match="most"):
            over.edit({"amount": "700"})


@pytest.mark.parametrize(
    ("before", "after", "amount"),
    [
        ({"sum": "5"}, {"sum": "7"}, "7"),
        ({"sum": 5, "to": "a"}, {"sum": 5, "to": "b"}, "5"),
        ({"amount": "5", "parcels": 5}, {"amount": "4", "parcels": 5}, "4"),
        ({"a": "5", "b": "5"}, {"a": "5", "b": "9"}, "9"),
        ({"price": 1, "count": 5.0}, {"price": 3, "count": 5.0}, "5.0"),
        ({"price": 2, "count": 2.5}, {"price": 900, "count": 2.5}, None),
        ({"sum": "5"}, {"sum": "all of it"}, None),
        ({"sum": "5"}, {}, None),
    ],
)
def test_edited_amount_follows_its_argument_and_is_unknown_otherwise(
    before: dict[str, object], after: dict[str, object], amount: str | None
) -> None:
    made = edited({"amount": "5", "arguments": before}, after)
    assert (made["arguments"], made.get("amount")) == (after, amount)
