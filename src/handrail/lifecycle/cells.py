"""Cells: laid down once from proposals alone; each case is put into its cell when it comes in, before any answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from handrail.canonical import JSON, digest, dumps, parse
from handrail.errors import Conflict, InvalidInput, NotEnoughEvidence
from handrail.intake import proposal_from
from handrail.learning.cells import CONFIDENCE_CUTS, LEAST_SEEN, Cell, Seen, cell_from, lay_cells
from handrail.lifecycle import policies
from handrail.lifecycle.actor import Actor
from handrail.policy.evaluate import Policy
from handrail.policy.growth import LIFTED, ceiling
from handrail.proposal import Proposal
from handrail.route import SEVERITY, Route
from handrail.store import growth as tables
from handrail.store import schema
from handrail.store.tx import Tx

LOOKED_AT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lay:
    """Lay down the cells of one action. There must be none yet."""

    actor: Actor
    action: str


def lay(tx: Tx, command: Lay) -> int:
    """Lay cells from what was proposed so far; how many. Cases count from now on, in no other cells than these.

    Raises `InvalidInput` where the action may earn nothing, `NotEnoughEvidence` before enough was proposed, `Conflict`
    where cells were laid before: they are never cut anew, or answers could choose them.
    """
    if command.actor.kind == "person":
        command.actor.need_role("lead")
    else:
        command.actor.need_scope("admin")
    workspace, action = command.actor.workspace, command.action
    policy = policies.in_force(tx, workspace)
    plan = policy.plan(action)
    if plan.growth is None:
        raise InvalidInput(
            f"the policy lets {action!r} earn nothing", remedy="Give the action `growth: {}` in the policy first."
        )
    tx.run(tables.growth_own, workspace=workspace)
    if tx.run(tables.cells_of_action, workspace=workspace, action=action):
        raise Conflict(f"the cells of {action!r} were laid before", remedy="They gather evidence; cells are not recut.")
    seen = []
    for data, first in tx.run(tables.seen, workspace=workspace, action=action, limit=LOOKED_AT):
        one = _proposal(data if first is None else first)
        if one is not None and (place := seen_of(policy, one)) is not None:
            if ceiling(plan, one.kind)[0] is None:
                raise InvalidInput(f"{action!r} may earn nothing: {ceiling(plan, one.kind)[1]}")
            seen.append(place)
    cuts = {*CONFIDENCE_CUTS, *(cut for cut in (plan.auto, plan.soft) if cut is not None)}
    found = lay_cells(seen, by=plan.growth.by, cuts=cuts)
    if not found:
        raise NotEnoughEvidence(
            f"proposals of {action!r} that are alike enough to be cells",
            have=len(seen), need=max(LEAST_SEEN, 2 * len(seen)),
        )  # fmt: skip
    for one_cell in found:
        tx.add(
            schema.cell, id=tx.new_id(), workspace=workspace, action=action, bytes=dumps(one_cell.to_json()), round=1,
            laid_at=tx.now, since=tx.now,
        )  # fmt: skip
    tx.entry(
        workspace, "cell.laid", command.actor.entry(),
        cells={"action": action, "count": len(found), "digest": digest(dumps([each.to_json() for each in found]))},
    )  # fmt: skip
    tx.memo.pop(("cells", workspace, action), None)
    return len(found)


def note(tx: Tx, workspace: str, case_id: str, proposal: Proposal, route: Route, policy: Policy) -> None:
    """A case comes before people: put it into its cell, if a grant could have let it through or did.

    Spot checks of what goes by its confidence say nothing about what a promotion would add, and are left out; so are
    weighted checks, and what was asked because a model wanted to learn from it.
    """
    if proposal.gold is not None or proposal.picked == "active" or route.stream == "weighted":
        return
    if route.grant is None and not _liftable(route):
        return
    place = seen_of(policy, proposal)
    if place is None:
        return
    for id, cell, round in _cells(tx, workspace, proposal.action):
        if cell.holds(place):
            permission = None
            if route.grant is not None:
                found = tx.one(tables.promotion_of_grant, permission=route.grant, workspace=workspace)
                if found is None or found[2] != id:
                    return
                # where an alarm stands above the grant, it waited for a person all the same
                permission = route.grant if route.tier in ("auto_approve", "soft_review") else None
            tx.add(
                schema.cell_case, case_id=case_id, workspace=workspace, cell=id, round=round, permission=permission,
                judged=None, judges=None,
            )  # fmt: skip
            return


def seen_of(policy: Policy, proposal: Proposal) -> Seen | None:
    """A proposal as cells see it, without personal values; None where its money cannot be read."""
    money = policy.money(proposal)
    if money.problem is not None or (money.value is not None and money.currency is None):
        return None
    personal = {path.split("/")[1].replace("~1", "/").replace("~0", "~") for path in proposal.personal_data if path}
    arguments = proposal.arguments if isinstance(proposal.arguments, dict) else {}
    return Seen(
        arguments={name: value for name, value in arguments.items() if name not in personal},
        target=proposal.target, amount=money.value, currency=None if money.value is None else money.currency,
        confidence=proposal.confidence,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def cell_noun(data: bytes) -> Cell:
    """A stored cell."""
    return cell_from(parse(data))


def _cells(tx: Tx, workspace: str, action: str) -> list[tuple[str, Cell, int]]:
    key = ("cells", workspace, action)
    if key not in tx.memo:
        rows = tx.run(tables.cells_of_action, workspace=workspace, action=action)
        tx.memo[key] = [(row[0], cell_noun(bytes(row[1])), row[2]) for row in rows]
    found: list[tuple[str, Cell, int]] = tx.memo[key]
    return found


def _liftable(route: Route) -> bool:
    """Whether confidence and autonomy alone ask for a person, so that a grant of a cell would lift it."""
    if route.irreversible or route.always_review or route.tier not in ("soft_review", "hard_gate"):
        return False
    asking = [reason for reason in route.reasons if reason.tier and SEVERITY[reason.tier] > 0]
    return bool(asking) and all(reason.code.startswith(LIFTED) for reason in asking)


def _proposal(data: Any) -> Proposal | None:
    try:
        return proposal_from(parse(bytes(data)))
    except InvalidInput:
        # erased: what is left is no proposal any more
        return None


def proposals(found: Iterable[tuple[Any, ...]]) -> list[tuple[Proposal, JSON]]:
    """Rows of (bytes, first bytes or None, what else) as proposals with the rest; erased ones are left out."""
    made = []
    for data, first, rest in found:
        one = _proposal(data if first is None else first)
        if one is not None:
            made.append((one, rest))
    return made
