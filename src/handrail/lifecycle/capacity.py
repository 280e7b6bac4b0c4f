"""Capacity: while people are few, asking must save more. How much more is found by looking, and written down.

Only what `gate: value` weighs feels it, and only by the price of a review: thresholds, rules, amounts, alarms and
whatever else asks for a person ask as before. What is old, malformed or out of bounds counts for nothing (`watching`).
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from handrail.canonical import JSON
from handrail.clock import SECOND
from handrail.lifecycle import policies, watching
from handrail.lifecycle.actor import SYSTEM
from handrail.lifecycle.fed import id_at
from handrail.operations.scarcity import Hour, Scarcity
from handrail.policy.document import CapacityEntry
from handrail.policy.evaluate import Policy
from handrail.store import monitors as tables
from handrail.store.tx import Tx

# how often it looks
INTERVAL = 300 * SECOND
# a transaction that began earlier has ended
SETTLED = 10 * SECOND
HOUR = 3600 * SECOND


def due(kept: dict[str, Any], entry: CapacityEntry | None, now: int) -> bool:
    """Whether a look has something to do."""
    if entry is None:
        return bool(kept)
    return not kept or abs(now - kept.get("at", 0)) >= INTERVAL


def look(tx: Tx, workspace: str) -> bool:
    """Count what came in since the last look, and move the price of a review if it is off; whether it moved."""
    policy = policies.in_force(tx, workspace)
    watch = watching.of(tx, workspace)
    entry, kept = policy.document.capacity, watch.scarcity
    if not due(kept, entry, tx.now):
        return False
    before = kept.get("factor", 1.0)
    if entry is None:
        watching.put(tx, workspace, replace(watch, scarcity={}))
        return _tell(tx, workspace, before, 1.0, None, 0)
    until = id_at(tx.now - SETTLED)
    old = bool(kept) and abs(tx.now - kept.get("at", 0)) > watching.STALE
    if not kept or old:
        made = Scarcity()
    else:
        hour = _seen(tx, workspace, policy, kept["seen"], until)
        made = _scarcity(kept).after(hour, reviews_per_day=entry.reviews_per_day, most=entry.most_times)
    said: dict[str, JSON] = {
        "factor": made.factor, "wanted": made.wanted, "at": tx.now, "seen": until,
        "hours": [list(asdict(one).values()) for one in made.hours],
    }  # fmt: skip
    watching.put(tx, workspace, replace(watch, scarcity=said))
    return _tell(tx, workspace, before, made.factor, entry, made.asked)


def tell_again(tx: Tx, workspace: str) -> None:
    """A new epoch of the log begins: the price that stands is said in it too."""
    kept = watching.of(tx, workspace).scarcity
    if kept:
        entry = policies.in_force(tx, workspace).document.capacity
        _tell(tx, workspace, 1.0, kept.get("factor", 1.0), entry, _scarcity(kept).asked)


def _scarcity(kept: dict[str, Any]) -> Scarcity:
    hours = tuple(Hour(hour=h, weighed=w, asked=a, other=o) for h, w, a, o in kept["hours"])
    return Scarcity(factor=kept["factor"], wanted=kept["wanted"], hours=hours)


def _seen(tx: Tx, workspace: str, policy: Policy, seen: str, until: str) -> Hour:
    """What was proposed between two looks, and how many people that asked for."""
    weighed = asked = other = 0
    for action, tier, count, reviews in tx.run(tables.asked_between, workspace=workspace, seen=seen, until=until):
        if policy.plan(action).weighing is None:
            other += int(reviews)
            continue
        weighed += count
        if tier == "auto_approve":
            # spot checks, which no price moves
            other += int(reviews)
        else:
            asked += int(reviews)
    return Hour(hour=tx.now // HOUR, weighed=weighed, asked=asked, other=other)


def _tell(tx: Tx, workspace: str, before: float, now: float, entry: CapacityEntry | None, asked: int) -> bool:
    if before == now:
        return False
    said = {"factor": f"{now:.4f}", "before": f"{before:.4f}", "asked": asked}
    if entry is not None:
        said["reviews_per_day"] = f"{entry.reviews_per_day:g}"
    tx.entry(workspace, "capacity.priced", SYSTEM.entry(), capacity=said)
    return True
