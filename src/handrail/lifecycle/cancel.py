"""Cancel: the program takes its proposal back, so nobody judges what no longer exists."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.errors import AlreadyDecided
from handrail.lifecycle import decide, queue, rows
from handrail.lifecycle.actor import Actor
from handrail.store.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Take a proposal back."""

    actor: Actor
    case_id: str
    reason: str = "withdrawn"


def cancel(tx: Tx, command: Cancel) -> decide.Settled:
    """Cancel an undecided proposal. Raises `AlreadyDecided`; cancelling twice is one cancellation."""
    command.actor.need_scope("submit")
    row = rows.proposal(tx, command.actor.workspace, command.case_id, for_update=True)
    if row.decision == "cancelled":
        return decide.Settled(decision=rows.decision_noun(row), closed=True)
    if row.decision is not None:
        raise AlreadyDecided(f"case {row.case_id} is {row.decision}")
    made = decide.record(tx, row, "cancelled", {"by": [command.actor.pid], "reason": command.reason}, command.actor)
    case = rows.case(tx, row.workspace, row.case_id)
    if case is not None and case.state == "open":
        queue.close_case(tx, case, "decided")
    return made
