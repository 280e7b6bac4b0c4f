"""Overflow: a full queue, from the moment it is full until it has come down far enough. Both are written down."""

from __future__ import annotations

from dataclasses import replace

from handrail.clock import iso
from handrail.errors import Conflict
from handrail.lifecycle import policies, watching
from handrail.lifecycle.actor import SYSTEM
from handrail.policy.evaluate import Policy
from handrail.policy.facts import Facts
from handrail.policy.overflow import acts_on
from handrail.proposal import Proposal
from handrail.route import Route
from handrail.store import statements
from handrail.store.tx import Tx


def routed(
    tx: Tx, policy: Policy, workspace: str, proposal: Proposal, found: Facts, route: Route, *, draw: float
) -> Route:
    """The route, made again as the policy says for a full queue if the queue is full."""
    if not acts_on(policy.document, route.tier):
        return route
    open = _overflowing(tx, policy, workspace)
    if open is None:
        return route
    return policy.route(proposal, replace(found, overflow=open), now=tx.now, draw=draw)


def look(tx: Tx, workspace: str) -> bool:
    """See whether an overflow is over, also while nothing comes in; whether it was."""
    before = watching.of(tx, workspace).overflow
    return bool(before) and _overflowing(tx, policies.in_force(tx, workspace), workspace) is None


def _overflowing(tx: Tx, policy: Policy, workspace: str) -> int | None:
    """How many cases are open while the queue overflows; None while it does not."""
    limit = policy.review_settings.max_queue_depth
    key = ("open", workspace)
    if key not in tx.memo:
        tx.memo[key] = tx.run(statements.open_upto, workspace=workspace, limit=limit)[0][0]
    open: int = tx.memo[key]
    watch = watching.of(tx, workspace)
    if not watch.overflow:
        if open < limit:
            return None
        _begin(tx, policy, workspace, watch, open)
        return open
    if open > policy.document.overflow.leave * limit:
        return open
    _end(tx, policy, workspace, watch, open)
    return None


def _begin(tx: Tx, policy: Policy, workspace: str, watch: watching.Watch, open: int) -> None:
    rules = policy.document.overflow
    said = {"since": iso(tx.now), "open": open, "soft_review": rules.soft_review, "hard_gate": rules.hard_gate}
    if _put(tx, workspace, replace(watch, overflow=said)):
        tx.entry(workspace, "overflow.entered", SYSTEM.entry(), overflow={
            "open": open, "limit": policy.review_settings.max_queue_depth, "soft_review": rules.soft_review,
            "hard_gate": rules.hard_gate,
        })  # fmt: skip


def _end(tx: Tx, policy: Policy, workspace: str, watch: watching.Watch, open: int) -> None:
    if _put(tx, workspace, replace(watch, overflow={})):
        limit = policy.review_settings.max_queue_depth
        tx.entry(workspace, "overflow.left", SYSTEM.entry(), overflow={"open": open, "limit": limit})


def _put(tx: Tx, workspace: str, watch: watching.Watch) -> bool:
    """Whether it was us: another replica may have seen the same a moment before."""
    try:
        watching.put(tx, workspace, watch)
    except Conflict:
        return False
    return True
