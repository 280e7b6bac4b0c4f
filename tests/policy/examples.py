"""The familiar policy, proposals for it, and what "at least as strict" means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handrail.policy.evaluate import Policy, compile_text
from handrail.policy.facts import NO_FACTS, Facts
from handrail.policy.terms import EXPIRY_ORDER
from handrail.proposal import Proposal
from handrail.route import SEVERITY, Route

NOW = 1_700_000_000_000_000  # Tuesday 14 November 2023, 22:13:20 UTC
SHORT = (Path(__file__).resolve().parents[2] / "examples" / "policy.yaml").read_text("utf-8")


def route(policy: Policy | str, facts: Facts = NO_FACTS, *, now: int = NOW, draw: float = 1.0, **fields: Any) -> Route:
    made = compile_text(policy) if isinstance(policy, str) else policy
    return made.route(Proposal(**fields), facts, now=now, draw=draw)


def codes(found: Route) -> set[str]:
    return {reason.code for reason in found.reasons}


def role_sets(found: Route) -> list[frozenset[str]]:
    listed = [found.roles, *(stage.roles for stage in found.stages)]
    return [frozenset(roles) for roles in listed if roles]


def loosened(before: Route, after: Route) -> list[str]:
    """The fields in which `after` is looser than `before`; none when it is at least as strict."""
    if SEVERITY[after.tier] < SEVERITY[before.tier]:
        return ["tier"]
    if after.tier == "deny":
        return []
    made = []
    if after.reviewers < before.reviewers:
        made.append("reviewers")
    # of what is let through only a spot check has one, and nobody waits for that
    if (
        after.tier != "auto_approve"
        and before.deadline_seconds is not None
        and (after.deadline_seconds is None or after.deadline_seconds > before.deadline_seconds)
    ):
        made.append("deadline_seconds")
    if EXPIRY_ORDER.index(after.on_expiry) < EXPIRY_ORDER.index(before.on_expiry):
        made.append("on_expiry")
    if not set(after.verdicts) <= set(before.verdicts):
        made.append("verdicts")
    if not set(before.skills) <= set(after.skills):
        made.append("skills")
    longest = float("inf") if after.deadline_seconds is None else after.deadline_seconds
    if after.undo_seconds < min(before.undo_seconds, longest):
        made.append("undo_seconds")
    if before.tier == after.tier and after.spot_check_rate < before.spot_check_rate:
        made.append("spot_check_rate")
    made += [
        name
        for name in ("always_review", "irreversible", "audit", "blind")
        if getattr(before, name) > getattr(after, name)
    ]
    if before.tier != "auto_approve":
        for wanted in role_sets(before):
            if not any(given <= wanted for given in role_sets(after)):
                made.append(f"roles {sorted(wanted)}")
    return made
