"""What a promotion is worth, for whoever decides on it: evidence, bound, back-test, and the saving at its worst."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handrail.canonical import JSON
from handrail.clock import SECOND, iso
from handrail.errors import InvalidInput
from handrail.lifecycle import cells
from handrail.lifecycle.earned import CONFIDENCE, Earned
from handrail.operations.cost import saving
from handrail.policy.evaluate import Policy
from handrail.policy.facts import NO_FACTS, Grant
from handrail.policy.growth import ceiling
from handrail.proposal import Proposal
from handrail.route import SEVERITY
from handrail.store import growth as tables
from handrail.store.tx import Tx

LIFTS = ("confidence", "autonomy")
# newest cases of a cell that are routed again, to see what the promotion would have done with them
REPLAYED = 300
DAY = 86_400 * SECOND


def worth(tx: Tx, policy: Policy, one: Earned, workspace: str) -> dict[str, JSON]:
    """All of it as JSON. Raises `InvalidInput` where the policy forbids the promotion, or it would change nothing."""
    growth, held = one.growth, one.counted
    if growth is None:
        raise InvalidInput(f"the policy lets {one.action!r} earn nothing")
    past = cells.proposals(tx.run(tables.replayed, workspace=workspace, cell=one.id, limit=REPLAYED))
    tier, why = ceiling(policy.plan(one.action), _kind(past))
    if tier is None:
        raise InvalidInput(f"{one.action!r} can earn no more: {why}", remedy="Leave it with people.")
    trial = Grant(
        id="trial", action=one.action, expires=tx.now + growth.seconds * SECOND, tier=tier, when=one.cell.when,
        lifts=LIFTS, spot_check_rate=growth.spot_check_rate,
    )  # fmt: skip
    back = _back_test(policy, past, trial, tx.now)
    if not back["passed"]:
        raise InvalidInput(f"a promotion of {one.cell.words} would let nothing more through: {back['held'] or why}")
    reviewed = held.n - held.checks + held.unchecked
    words = (
        f"earned: {held.clean} of {held.n} right since {iso(one.since)[:10]}, at most {one.bound:.2%} misses "
        f"({CONFIDENCE:.0%}), limit {growth.limit:.2%}"
    )
    return {
        "cell": one.cell.words, "when": one.cell.when, "tier": tier, "limit": growth.limit, "level": growth.level,
        "n": held.n, "misses": held.misses, "evidence": float(f"{one.evidence:.4g}"), "bound": round(one.bound, 5),
        "confidence": CONFIDENCE, "cells": one.cells, "since": iso(one.since), "round": one.round,
        "seconds": growth.seconds, "spot_check_rate": growth.spot_check_rate, "policy": policy.digest,
        "back_test": back, "words": words,
        "note": why or None, "saving": _saving(policy, one, reviewed, tx.now),
    }  # fmt: skip


def _kind(past: list[tuple[Proposal, Any]]) -> str:
    """`action` unless every case was something else: what acts needs an undo."""
    return "action" if not past or any(one.kind == "action" for one, _ in past) else past[0][0].kind


def _back_test(policy: Policy, past: list[tuple[Proposal, Any]], trial: Grant, now: int) -> dict[str, Any]:
    """What the promotion would have let through of the newest cases of its cell, and how many of those were misses."""
    passed = wrong = 0
    held: dict[str, int] = {}
    for proposal, judged in past:
        route = policy.route(proposal, replace(NO_FACTS, grants=(trial,)), now=now, draw=1.0)
        if route.grant == trial.id and SEVERITY[route.tier] <= SEVERITY[trial.tier] and not route.irreversible:
            passed, wrong = passed + 1, wrong + (judged == "wrong")
            continue
        for reason in route.reasons[:1]:
            held[reason.text] = held.get(reason.text, 0) + 1
    most = max(held, key=lambda text: held[text], default=None)
    return {"passed": passed, "wrong": wrong, "of": len(past), "held": most}


def _saving(policy: Policy, one: Earned, reviewed: int, now: int) -> dict[str, JSON]:
    """What it saves while it lasts, with as many misses as the bound allows; money where the policy names costs."""
    assert one.growth is not None
    days = one.growth.seconds * SECOND / DAY
    asks = round(reviewed * days / max(1.0, (now - one.since) / DAY))
    rate = one.growth.spot_check_rate
    made: dict[str, JSON] = {
        "days": round(days), "asks_avoided": asks, "spot_checks": round(asks * rate),
        "misses_at_most": round(asks * one.bound, 1),
    }  # fmt: skip
    entry = policy.action(one.action)
    cost = (None if entry is None else entry.cost) or policy.document.cost
    if cost is not None and cost.review is not None and cost.wrong is not None:
        total = saving(
            asks_avoided=asks, review=cost.review, spot_check_rate=rate, misses_upper_bound=one.bound, loss=cost.wrong
        ).total
        made |= {"money": round(total, 2), "currency": cost.currency}
    return made
