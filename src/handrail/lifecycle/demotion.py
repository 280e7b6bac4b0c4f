"""Taking autonomy back: at the first severe miss, and when the evidence it stands on breaks. Nobody is asked."""

from __future__ import annotations

from handrail.clock import iso
from handrail.lifecycle import policies
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.lifecycle.earned import Earned, PromotionRow, earned
from handrail.policy.evaluate import Policy
from handrail.policy.growth import ceiling
from handrail.store import growth as tables
from handrail.store import statements
from handrail.store.tx import Tx


def missed(tx: Tx, workspace: str, cell: str, case_id: str, *, severe: bool) -> None:
    """A miss became known in a cell: take back what stands on it if the miss is severe or breaks the evidence.

    After a severe miss the evidence of the cell begins anew, unless the case belongs to evidence that counts no more.
    """
    tx.run(tables.growth_own, workspace=workspace)
    if severe:
        _end_live(tx, workspace, cell, "severe_miss")
        _restart(tx, workspace, cell, case_id)
    else:
        watch(tx, (workspace, cell))


def watch(tx: Tx, command: tuple[str, str]) -> str | None:
    """Look whether what stands on a cell may go on standing; why it was ended. Command: workspace, cell id."""
    workspace, cell = command
    policy = policies.in_force(tx, workspace)
    one = next((each for each in earned(tx.run, policy, workspace) if each.id == cell), None)
    why = None if one is None else broken(one, policy, tx.now)
    if why is not None:
        _end_live(tx, workspace, cell, why)
    if why == "alarm":
        _restart(tx, workspace, cell, None)
    return why


def broken(one: Earned, policy: Policy, now: int) -> str | None:
    """Why the promotion of a cell must end: a code; None where none stands or it may stand."""
    if one.live is None:
        return None
    if one.live.state == "proposed":
        return None if one.ready else "evidence_changed"
    if one.live.expires_at is not None and one.live.expires_at <= now:
        return "expired"
    if ceiling(policy.plan(one.action), "prediction")[0] is None:
        return "forbidden"
    return one.broken


def end_of_grant(tx: Tx, workspace: str, permission: str, by: Actor) -> None:
    """Somebody ended the grant itself: its promotion ends with it."""
    found = tx.one(tables.promotion_of_grant, permission=permission, workspace=workspace)
    if found is not None and found[3] == "accepted":
        _end(tx, workspace, PromotionRow._make(found), "grant_ended", by)


def _end_live(tx: Tx, workspace: str, cell: str, why: str) -> None:
    found = tx.one(tables.promotion_of_cell, workspace=workspace, cell=cell)
    if found is not None:
        _end(tx, workspace, PromotionRow._make(found), why, SYSTEM)


def _end(tx: Tx, workspace: str, row: PromotionRow, why: str, by: Actor) -> None:
    ended = tx.one(tables.promotion_end, id=row.id, workspace=workspace, now=tx.now, reason=why)
    if ended is None:
        return
    permission = ended[0]
    if permission is not None and tx.one(statements.grant_end, id=permission, workspace=workspace, now=tx.now):
        tx.entry(workspace, "grant.ended", by.entry(),
                 grant={"id": permission, "action": row.action, "expires": iso(tx.now)})  # fmt: skip
    tx.entry(workspace, "promotion.ended", by.entry(),
             promotion={"id": row.id, "action": row.action, "cell": row.cell}, reason=why)  # fmt: skip


def _restart(tx: Tx, workspace: str, cell: str, case_id: str | None) -> None:
    """What counted so far counts no more."""
    made = tx.one(tables.cell_restart, id=cell, workspace=workspace, now=tx.now, case_id=case_id or "")
    if made is None:
        return
    tx.memo.pop(("cells", workspace, made[1]), None)
    named = {"id": cell, "action": made[1], "round": made[0]}
    tx.entry(workspace, "cell.restarted", SYSTEM.entry(), cell=named if case_id is None else named | {"case": case_id})
