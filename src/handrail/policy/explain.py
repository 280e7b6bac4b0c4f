"""Why a proposal goes where it goes, in full: every clause, what it asked for, and what was read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from handrail.policy.evaluate import Policy
from handrail.policy.facts import NO_FACTS, Facts
from handrail.policy.monitoring import raises_to, wanted
from handrail.proposal import Proposal
from handrail.route import Route


def route_as_json(route: Route) -> dict[str, Any]:
    """A route as plain JSON, `high_stakes` included."""
    made = asdict(route)
    made["reasons"] = [asdict(reason) for reason in route.reasons]
    made["stages"] = [{"roles": list(stage.roles), "reviewers": stage.reviewers} for stage in route.stages]
    for name in ("roles", "skills", "verdicts"):
        made[name] = list(made[name])
    return made | {"high_stakes": route.high_stakes}


def explain(policy: Policy, proposal: Proposal, facts: Facts = NO_FACTS, *, now: int, draw: float) -> dict[str, Any]:
    """The route as JSON, with `clauses` (all of them, also those that asked for less, and standing alarms), `monitors`
    (those the policy asks for about it), `amount` and `needs`.
    """
    route = policy.route(proposal, facts, now=now, draw=draw)
    money = policy.money(proposal)
    needs = policy.needs(proposal)
    read = None
    if money.value is not None or money.problem is not None:
        value = None if money.value is None else str(money.value)
        read = {"value": value, "currency": money.currency, "problem": money.problem}
    reasons = [(found.reason, found.lift) for found in policy.clauses(proposal, facts, now=now)]
    if facts.watched is not None:
        reasons += [(alarm, None) for alarm in facts.watched.alarms]
    return route_as_json(route) | {
        "action": proposal.action,
        "confidence": proposal.confidence,
        "amount": read,
        "clauses": [
            {"code": reason.code, "text": reason.text, "tier": reason.tier, "lifted_by": lift}
            for reason, lift in reasons
        ],
        "monitors": [
            {
                "action": one.action,
                "kind": one.kind,
                "terms": one.terms,
                "raises_to": raises_to(policy.document, one.kind),
            }
            for one in wanted(policy.document)
            if one.action in ("", proposal.action)
        ],
        "needs": [{"subject": window.subject, "seconds": window.seconds} for window in needs.windows],
    }
