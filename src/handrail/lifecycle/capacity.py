"""Capacity: while people are few, asking must save more. How much more is found by looking, and written down.

Only what `gate: value` weighs feels it, and only by the price of a review: thresholds, rules, amounts, alarms and
whatever else asks for a person ask as before. Each agent has a price of its own, for its fair share of the capacity,
so that none floods the others' reviews away. What is old, malformed or out of bounds counts for nothing (`watching`).
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from handrail.canonical import JSON
from handrail.clock import SECOND
from handrail.lifecycle import policies, watching
from handrail.lifecycle.actor import SYSTEM
from handrail.lifecycle.fed import id_at
from handrail.operations.scarcity import Hour, Scarcity, room
from handrail.policy.document import CapacityEntry
from handrail.policy.evaluate import Policy
from handrail.store import monitors as tables
from handrail.store.tx import Tx

# how often it looks
INTERVAL = 300 * SECOND
# a transaction that began earlier has ended
SETTLED = 10 * SECOND
HOUR = 3600 * SECOND
# agents that have a price of their own; all others, and who names none, share one
MOST_AGENTS, REST = 16, ""


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
    before = _standing(kept)
    if entry is None:
        watching.put(tx, workspace, replace(watch, scarcity={}))
        return _tell(tx, workspace, before, {}, None)
    until = id_at(tx.now - SETTLED)
    old = bool(kept) and abs(tx.now - kept.get("at", 0)) > watching.STALE
    if not kept or old:
        made = {REST: Scarcity()}
    else:
        made = _moved(before, _seen(tx, workspace, policy, kept["seen"], until), entry, tx.now // HOUR)
    said: dict[str, Any] = _written(made[REST]) | {"at": tx.now, "seen": until}
    if agents := {agent: _written(one) for agent, one in sorted(made.items()) if agent != REST}:
        said["agents"] = agents
    watching.put(tx, workspace, replace(watch, scarcity=said))
    return _tell(tx, workspace, before, made, entry)


def _moved(before: dict[str, Scarcity], seen: dict[str, Hour], entry: CapacityEntry, hour: int) -> dict[str, Scarcity]:
    """Every agent's price after a look: each by what its fair share leaves it beside what the others asked for."""
    nothing = Hour(hour=hour, weighed=0, asked=0, other=0)
    known = dict(before)
    for agent in sorted(seen, key=lambda one: (-seen[one].asked - seen[one].other, one)):
        if agent not in known and len(known) <= MOST_AGENTS:
            known[agent] = Scarcity()
    rest = replace(nothing)
    for agent, one in seen.items():
        if agent == REST or agent not in known:
            rest = Hour(
                hour=hour, weighed=rest.weighed + one.weighed, asked=rest.asked + one.asked,
                other=rest.other + one.other,
            )  # fmt: skip
    news = {agent: rest if agent == REST else seen.get(agent, nothing) for agent in known}
    asks = {agent: one.asked + news[agent].asked + news[agent].other for agent, one in known.items()}
    made = {
        agent: one.after(
            news[agent], most=entry.most_times,
            reviews_per_day=room(entry.reviews_per_day, (n for other, n in asks.items() if other != agent)),
        )
        for agent, one in known.items()
    }  # fmt: skip
    # who was silent for a day is forgotten
    return {agent: one for agent, one in made.items() if agent == REST or one.seen}


def tell_again(tx: Tx, workspace: str) -> None:
    """A new epoch of the log begins: the prices that stand are said in it too."""
    kept = watching.of(tx, workspace).scarcity
    if kept:
        _tell(tx, workspace, {}, _standing(kept), policies.in_force(tx, workspace).document.capacity)


def _standing(kept: dict[str, Any]) -> dict[str, Scarcity]:
    """The prices that stand, by agent."""
    held = {REST: kept} | kept.get("agents", {}) if kept else {}
    return {REST: Scarcity()} | {agent: _read(one) for agent, one in held.items()}


def _read(kept: dict[str, Any]) -> Scarcity:
    hours = tuple(Hour(hour=h, weighed=w, asked=a, other=o) for h, w, a, o in kept["hours"])
    return Scarcity(factor=kept["factor"], wanted=kept["wanted"], hours=hours)


def _written(one: Scarcity) -> dict[str, Any]:
    hours = [list(asdict(each).values()) for each in one.hours]
    return {"factor": one.factor, "wanted": one.wanted, "hours": hours}


def _seen(tx: Tx, workspace: str, policy: Policy, seen: str, until: str) -> dict[str, Hour]:
    """What each agent proposed between two looks, and how many people that asked for."""
    made: dict[str, Hour] = {}
    found = tx.run(tables.asked_between, workspace=workspace, seen=seen, until=until)
    for agent, action, tier, count, reviews in found:
        one = made.get(agent or REST, Hour(hour=tx.now // HOUR, weighed=0, asked=0, other=0))
        if policy.plan(action).weighing is None:
            one = replace(one, other=one.other + int(reviews))
        elif tier == "auto_approve":
            # spot checks, which no price moves
            one = replace(one, weighed=one.weighed + count, other=one.other + int(reviews))
        else:
            one = replace(one, weighed=one.weighed + count, asked=one.asked + int(reviews))
        made[agent or REST] = one
    return made


def _tell(
    tx: Tx, workspace: str, before: dict[str, Scarcity], now: dict[str, Scarcity], entry: CapacityEntry | None
) -> bool:
    """Write down every price that moved; whether one did."""
    moved = False
    for agent in sorted(before.keys() | now.keys()):
        old, new = (each.get(agent, Scarcity()) for each in (before, now))
        if old.factor == new.factor:
            continue
        moved = True
        said: dict[str, JSON] = {
            "factor": f"{new.factor:.4f}", "before": f"{old.factor:.4f}", "asked": new.asked,
        }  # fmt: skip
        if agent != REST:
            said["agent"] = agent
        if entry is not None:
            said["reviews_per_day"] = f"{entry.reviews_per_day:.15g}"
        tx.entry(workspace, "capacity.priced", SYSTEM.entry(), capacity=said)
    return moved
