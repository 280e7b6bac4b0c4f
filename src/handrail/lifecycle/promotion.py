"""Promotions: more autonomy for a cell that has earned it, proposed with its evidence; a person accepts or declines.

An accepted promotion is a grant. It ends with its time, at the first severe miss, or when its evidence breaks; nothing
loosens without a person, and nothing waits for one to tighten again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from handrail.canonical import JSON, dumps, parse
from handrail.clock import SECOND, iso
from handrail.errors import Conflict, Forbidden, InvalidInput, NotEnoughEvidence, NotFound
from handrail.lifecycle import grant, policies
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.earned import Earned, PromotionRow, earned
from handrail.lifecycle.worth import worth
from handrail.policy.evaluate import Policy
from handrail.policy.facts import Grant
from handrail.store import growth as tables
from handrail.store import schema
from handrail.store.tx import Tx

LIFTS = ("confidence", "autonomy")
# of what counts, the share that other people than the one who accepts must have answered
BY_OTHERS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    """Propose what has been earned: one cell, or every cell that passes."""

    actor: Actor
    cell: str | None = None
    action: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Accept or decline a proposed promotion."""

    actor: Actor
    id: str
    reason: str = ""


def propose(tx: Tx, command: Propose) -> list[str]:
    """Propose promotions; their ids. Several cells pass together or not at all (e-BH), so all are looked at.

    Raises for a named cell `NotEnoughEvidence` with n of m, `Conflict` where one stands, `InvalidInput` where the
    policy forbids it. Without a name what cannot be proposed is passed over.
    """
    workspace = command.actor.workspace
    if command.actor.kind == "person":
        command.actor.need_scope("review")
    else:
        command.actor.need_scope("admin")
    tx.run(tables.growth_own, workspace=workspace)
    policy = policies.in_force(tx, workspace)
    found = earned(tx.run, policy, workspace)
    if command.cell is not None:
        one = next((each for each in found if each.id == command.cell), None)
        if one is None:
            raise NotFound(f"there is no cell {command.cell!r}")
        return [_propose(tx, policy, one, command.actor)]
    made = []
    for one in found:
        if one.due and command.action in (None, one.action):
            try:
                made.append(_propose(tx, policy, one, command.actor))
            except InvalidInput:
                continue
    return made


def accept(tx: Tx, command: Answer) -> str:
    """Accept a promotion: the grant begins at once; its id. Needs a lead, who did not propose it and gave less than
    half of the answers it rests on. What has changed meanwhile is judged anew: raises `Conflict`.
    """
    actor, row = _open(tx, command)
    workspace = actor.workspace
    if row.proposed_by == actor.pid:
        raise Forbidden("a promotion needs a second person", remedy="Somebody else than who proposed it accepts it.")
    by = _judges(tx, workspace, row.cell)
    if by and by[actor.pid] > BY_OTHERS * by.total():
        raise Forbidden(
            "most of the answers it rests on are yours, and a promotion needs a second person",
            remedy="Somebody else with the role lead accepts it.",
        )
    tx.run(tables.growth_own, workspace=workspace)
    policy = policies.in_force(tx, workspace)
    one = next((each for each in earned(tx.run, policy, workspace) if each.id == row.cell), None)
    if one is None or not one.ready:
        raise Conflict("its evidence no longer carries it", remedy="Look at its cell again; it is withdrawn by itself.")
    body = worth(tx, policy, one, workspace)
    seconds = body["seconds"]
    made = grant.put(
        tx, actor,
        Grant(
            id=tx.new_id(), action=row.action, expires=tx.now + seconds * SECOND, tier=body["tier"], when=body["when"],
            lifts=LIFTS, reason=body["words"], spot_check_rate=body["spot_check_rate"],
        ),
        promotion=row.id,
    )  # fmt: skip
    if not tx.run(
        tables.promotion_decide, id=row.id, workspace=workspace, state="accepted", bytes=dumps(body), by=actor.pid,
        now=tx.now, permission=made, expires=tx.now + seconds * SECOND, reason=command.reason or None,
    ):  # fmt: skip
        raise Conflict("somebody else has answered this promotion")
    tx.entry(workspace, "promotion.accepted", actor.entry(),
             promotion={"id": row.id, "action": row.action, "cell": row.cell, "grant": made})  # fmt: skip
    return made


def decline(tx: Tx, command: Answer) -> None:
    """Decline a promotion, with a reason. Its cell may be proposed again once it holds more evidence."""
    actor, row = _open(tx, command)
    if not command.reason.strip():
        raise InvalidInput("declining needs a reason", remedy="Say why in a few words.")
    if not tx.run(
        tables.promotion_decide, id=row.id, workspace=actor.workspace, state="declined", bytes=bytes(row.data),
        by=actor.pid, now=tx.now, permission=None, expires=None, reason=command.reason,
    ):  # fmt: skip
        raise Conflict("somebody else has answered this promotion")
    tx.entry(actor.workspace, "promotion.declined", actor.entry(),
             promotion={"id": row.id, "action": row.action, "cell": row.cell})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ListGrowth:
    """Ask where every cell stands; with `history` also what was proposed before."""

    actor: Actor
    history: int = 0


def listed(tx: Tx, command: ListGrowth) -> dict[str, JSON]:
    """Cells and promotions as JSON."""
    command.actor.need_scope("read")
    return shown(tx.run, policies.in_force(tx, command.actor.workspace), command.actor.workspace, command.history)


def shown(read: Any, policy: Policy, workspace: str, history: int = 0) -> dict[str, JSON]:
    """Cells, most evidence first, and promotions, newest first: those that stand, or `history` of all."""
    found = sorted(earned(read, policy, workspace), key=lambda one: (-one.evidence, one.action, one.cell.words))
    if history:
        rows = read(tables.promotions_all, workspace=workspace, limit=history)
    else:
        rows = sorted(read(tables.promotions_live, workspace=workspace), reverse=True)
    by_id = {one.id: one.cell.words for one in found}
    items: list[JSON] = [promotion_json(PromotionRow._make(row), by_id.get(row[2], "")) for row in rows]
    return {"cells": [one.to_json() for one in found], "promotions": items}


def promotion_json(row: PromotionRow, words: str = "") -> dict[str, JSON]:
    """A promotion as it goes over the wire."""
    body = parse(bytes(row.data))
    assert isinstance(body, dict)
    return body | {
        "id": row.id, "action": row.action, "cell_id": row.cell, "cell": body.get("cell") or words, "state": row.state,
        "proposed_by": row.proposed_by, "proposed_at": iso(row.proposed_at), "decided_by": row.decided_by,
        "decided_at": None if row.decided_at is None else iso(row.decided_at), "grant": row.permission,
        "expires": None if row.expires_at is None else iso(row.expires_at),
        "ended_at": None if row.ended_at is None else iso(row.ended_at), "reason": row.reason,
    }  # fmt: skip


def _open(tx: Tx, command: Answer) -> tuple[Actor, PromotionRow]:
    actor = command.actor
    if actor.kind != "person":
        raise Forbidden("a person answers a promotion", remedy="Sign in, or name who answers with --as.")
    actor.need_role("lead")
    found = tx.one(tables.promotion_get, id=command.id, workspace=actor.workspace)
    if found is None:
        raise NotFound(f"there is no promotion {command.id!r}")
    row = PromotionRow._make(found)
    if row.state != "proposed":
        raise Conflict(f"this promotion is {row.state}", remedy="Look at the present ones.")
    return actor, row


def _propose(tx: Tx, policy: Policy, one: Earned, by: Actor) -> str:
    if one.growth is None:
        raise InvalidInput(f"the policy lets {one.action!r} earn nothing", remedy="Give it `growth: {}` in the policy.")
    if one.live is not None:
        raise Conflict(f"a promotion of this cell is {one.live.state}: {one.live.id}")
    if not one.ready:
        raise NotEnoughEvidence(
            f"not enough evidence yet: E is {one.evidence:.3g} with {one.counted.misses} misses, and {one.cells} cells "
            "share the promise", have=one.counted.n, need=max(one.needed, one.counted.n + 1),
        )  # fmt: skip
    body = worth(tx, policy, one, by.workspace)
    row = {
        "id": tx.new_id(), "workspace": by.workspace, "action": one.action, "cell": one.id, "state": "proposed",
        "bytes": dumps(body), "proposed_by": by.pid, "proposed_at": tx.now, "decided_by": None, "decided_at": None,
        "permission": None, "expires_at": None, "ended_at": None, "reason": None,
    }  # fmt: skip
    if not tx.add_unless_known(schema.promotion, [row]):
        raise Conflict("somebody else has proposed this cell a moment ago")
    tx.entry(by.workspace, "promotion.proposed", by.entry(),
             promotion={"id": str(row["id"]), "action": one.action, "cell": one.id})  # fmt: skip
    return str(row["id"])


def _judges(tx: Tx, workspace: str, cell: str) -> Counter[str]:
    """How many of the answers that count each person gave."""
    made: Counter[str] = Counter()
    for judges, count in tx.run(tables.judges, workspace=workspace, cell=cell):
        for person in (judges or "").split(","):
            made[person] += count
    return made
