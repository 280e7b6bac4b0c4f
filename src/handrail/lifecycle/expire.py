"""Expire: what happens to a case nobody settled in time is what its route said beforehand."""

from __future__ import annotations

from handrail.lifecycle import decide, escalate, queue, rows
from handrail.lifecycle.actor import SYSTEM
from handrail.store import statements
from handrail.store.tx import Tx

MOST_ESCALATIONS = 2


def expire(tx: Tx, command: tuple[str, str]) -> decide.Settled:
    """The deadline passed. Command: workspace, case id. Repeating it does no harm."""
    workspace, case_id = command
    row = rows.proposal(tx, workspace, case_id, for_update=True)
    case = rows.case(tx, workspace, case_id)
    tx.run(statements.timer_drop, kind="deadline", subject=case_id)
    if case is None or case.state != "open" or case.deadline is None:
        return decide.Settled()
    if case.deadline > tx.now:
        tx.run(statements.timer_put, kind="deadline", subject=case_id, due_at=case.deadline)
        return decide.Settled()
    # an answer whose window ends with the deadline still counts
    settled = decide.settle(tx, row, case, rows.route_noun(row.route), last=True)
    if settled.decision is not None or settled.closed:
        return settled
    row = rows.proposal(tx, workspace, case_id)
    case = rows.case(tx, workspace, case_id)
    assert case is not None
    if case.deadline is not None and case.deadline > tx.now:
        # answers that contradict each other sent it up, with time for others to look
        return settled
    if case.on_expiry == "hold":
        return decide.Settled()
    if case.soft:
        queue.close_case(tx, case, "reviewed")
        tx.entry(
            workspace,
            "case.closed",
            SYSTEM.entry(),
            case=(case_id, row.revision),
            from_="open",
            to="reviewed",
            result="expired",
        )
        return decide.Settled(closed=True)
    if case.on_expiry == "escalate" and case.escalations < MOST_ESCALATIONS:
        escalate.raise_case(tx, row, case, reason="deadline")
        return decide.Settled()
    kind = "approved" if case.on_expiry == "unsafe_approve" else "expired"
    reason = "the policy says unsafe_approve on expiry" if kind == "approved" else "nobody settled it in time"
    made = decide.record(tx, row, kind, {"by": ["policy"], "reason": reason}, SYSTEM, reviews=None)
    queue.close_case(tx, case, "decided")
    return made
