"""People, agents and a policy to test with. Every field can be overridden."""

from __future__ import annotations

from typing import Any

from handrail.lifecycle.actor import ALL_SCOPES, Actor

# one action for each way a case can go; `quick` counts answers at once, `pay` after the usual window
POLICY = """
escalation_policies:
  - action_type: pay
    auto_approve_threshold: 0.95
    soft_review_threshold: 0.80
    max_auto_approve_amount_inr: 10000
    require_two_reviewers_above_inr: 500000
    sla_seconds: 600
    undo: unpay
  - {action_type: quick, auto_approve_threshold: 0.95, soft_review_threshold: 0.80, sla_seconds: 600, undo_seconds: 0}
  - {action_type: usual, auto_approve_threshold: 1.0, sla_seconds: 600}
  - {action_type: pair, reviewers: 2, auto_approve_threshold: 1.0, sla_seconds: 600, undo_seconds: 0}
  - {action_type: slow_pair, reviewers: 2, auto_approve_threshold: 1.0, sla_seconds: 600, undo_seconds: 10}
  - {action_type: climbs, on_expiry: escalate, auto_approve_threshold: 1.0, sla_seconds: 60, undo_seconds: 0}
  - {action_type: waits, on_expiry: hold, auto_approve_threshold: 1.0, sla_seconds: 60, undo_seconds: 0}
  - {action_type: loose, on_expiry: unsafe_approve, auto_approve_threshold: 1.0, sla_seconds: 60, undo_seconds: 0}
  - action_type: watched
    auto_approve_threshold: 0.95
    soft_review_threshold: 0.80
    categories_always_review: [self_harm]
    sla_seconds: 60
    undo_seconds: 0
  - {action_type: money, roles: [finance], auto_approve_threshold: 1.0, undo_seconds: 0}
  - {action_type: tamil, skills: [tamil], auto_approve_threshold: 1.0, undo_seconds: 0}
  - {action_type: apart, queue: apart, auto_approve_threshold: 1.0, undo_seconds: 0}
  - {action_type: narrow, verdicts: [approve, reject], auto_approve_threshold: 1.0, undo_seconds: 0}
  - action_type: staged
    auto_approve_threshold: 1.0
    undo_seconds: 0
    stages: [{any_of: [reviewer]}, {any_of: [finance]}]
  - {action_type: read, calibrator: reader, auto_approve_threshold: 0.95, soft_review_threshold: 0.80, undo_seconds: 0}
  - {action_type: checked, spot_check_rate: 0.05, auto_approve_threshold: 0.95, undo_seconds: 0}
  - {action_type: calm, undo: uncalm, auto_approve_threshold: 1.0, undo_seconds: 0}
  - {action_type: summed, auto_approve_threshold: 0.95, undo_seconds: 0}
  - {action_type: counted, auto_approve_threshold: 0.95, undo_seconds: 0}
  - {action_type: unpay, auto_approve_threshold: 1.0}
budgets:
  - {id: day, actions: [summed], per: [principal], within: 1d, max_amount_inr: 1000, then: hard_gate}
  - {id: few, actions: [counted], per: [run], max_count: 2, then: deny}
rules:
  - {id: never, actions: [forbidden], route: {deny: true}}
"""


def agent(pid: str = "billing", **fields: Any) -> Actor:
    """A program with every scope."""
    return Actor(**({"kind": "agent", "pid": pid, "scopes": ALL_SCOPES} | fields))


def person(called: str, /, *roles: str, **fields: Any) -> Actor:
    """Somebody who reviews; holds the role `reviewer` unless others are named."""
    return Actor(
        **(
            {
                "kind": "person", "pid": f"p_{called.lower()}", "name": called,
                "email": f"{called.lower()}@example.org",
                "scopes": frozenset({"review", "read"}), "roles": frozenset(roles or ("reviewer",)),
            }
            | fields
        )
    )  # fmt: skip


def admin(called: str = "Root", /, **fields: Any) -> Actor:
    """A person who may do everything."""
    return person(called, "admin", **({"scopes": ALL_SCOPES} | fields))
