"""What monitors have to say to the router, carried in the workspace's row that every submission reads anyway."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from handrail.calibration.neyman import doubt, relative
from handrail.canonical import dumps, parse
from handrail.clock import SECOND
from handrail.errors import Conflict
from handrail.policy.document import CapacityEntry
from handrail.policy.evaluate import Policy
from handrail.policy.facts import Facts, Watched
from handrail.proposal import Proposal
from handrail.route import Reason
from handrail.store import statements
from handrail.store.tx import Tx

# after this long without a look a review costs what the policy says, microseconds
STALE = 2 * 3600 * SECOND
# an alarm of the whole workspace stands under this name
EVERY = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """All of it for one workspace. Never changed in place."""

    # action → alarms: {id, kind, tier, text}
    alarms: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    # action → mean of √(q(1 − q)) among what it lets through
    doubts: dict[str, float] = field(default_factory=dict)
    # action → why its calibrator is out of date
    stale: dict[str, str] = field(default_factory=dict)
    # since when the queue overflows, and at how many open cases it began; empty: it does not
    overflow: dict[str, Any] = field(default_factory=dict)
    # how dear a review is while people are few, and what that rests on (`lifecycle.capacity`); empty: not looked at
    scarcity: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str | None:
        """As the row holds it."""
        known = {name: getattr(self, name) for name in ("alarms", "doubts", "stale", "overflow", "scarcity")}
        said = {name: value for name, value in known.items() if value}
        return dumps(said).decode() if said else None


NOTHING = Watch()


@lru_cache(maxsize=256)
def read(text: str | None) -> Watch:
    """The inverse of `Watch.text`."""
    return Watch(**parse(text.encode())) if text else NOTHING


def of(tx: Tx, workspace: str) -> Watch:
    """What stands in a workspace, for this transaction."""
    return read(tx.workspace(workspace).watch)


def put(tx: Tx, workspace: str, made: Watch) -> None:
    """Carry it in the row from now on. Raises `Conflict` if somebody else changed it meanwhile."""
    text, seen = made.text(), tx.workspace(workspace).watch
    if text == seen:
        return
    if tx.one(statements.workspace_watch, workspace=workspace, watch=text, seen=seen or "") is None:
        raise Conflict("what monitors say of this workspace changed a moment ago", remedy="Look again.")
    tx.memo.pop(("workspace", workspace), None)


def said_of(tx: Tx, policy: Policy, workspace: str, proposal: Proposal) -> Watched | None:
    """What the monitors have to say about a proposal; None: nothing."""
    return watched(of(tx, workspace), policy, proposal)


def watched(watch: Watch, policy: Policy, proposal: Proposal) -> Watched | None:
    """The same of what stands in a workspace."""
    plan = policy.plan(proposal.action)
    if (watch is NOTHING or watch == NOTHING) and not plan.weighs_checks:
        return None
    standing = (*watch.alarms.get(proposal.action, ()), *watch.alarms.get(EVERY, ()))
    alarms = tuple(Reason(code=f"alarm:{a['kind']}", text=a["text"], tier=a["tier"]) for a in standing)
    times = 1.0
    if plan.weighs_checks and proposal.confidence is not None:
        usual = watch.doubts.get(proposal.action)
        # before enough was checked: as if all lay halfway between the threshold and certainty
        times = relative(proposal.confidence, doubt((1.0 + (plan.auto or 0.5)) / 2.0) if usual is None else usual)
    return Watched(alarms=alarms, stale=watch.stale.get(proposal.action), doubt=times)


def beside(facts: Facts, watch: Watch, policy: Policy, proposal: Proposal, now: int) -> Facts:
    """Facts with what stands in a workspace: alarms, and what a review counts."""
    scarcity = scarcity_of(watch, policy.document.capacity, now, proposal.agent)
    return replace(facts, watched=watched(watch, policy, proposal), scarcity=scarcity)


def scarcity_of(watch: Watch, entry: CapacityEntry | None, now: int, agent: str | None) -> float:
    """How many times its price a review counts now for an agent: 1 without a capacity, or if nothing sound is known."""
    if entry is None:
        return 1.0
    held = watch.scarcity.get("agents", {}).get(agent, watch.scarcity)
    factor, at = held.get("factor"), watch.scarcity.get("at")
    if not isinstance(factor, int | float) or type(at) is not int or abs(now - at) > STALE:
        return 1.0
    # the policy may allow less by now
    return min(float(factor), entry.most_times) if 1.0 <= factor < math.inf else 1.0


def with_alarms(watch: Watch, alarms: dict[str, list[dict[str, Any]]]) -> Watch:
    """The same with other alarms."""
    return replace(watch, alarms=alarms)
