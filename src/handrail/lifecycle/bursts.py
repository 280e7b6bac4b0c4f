"""Cases that open somebody's session: golds known to be golds, which only he answers and which end with his claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handrail.canonical import dumps
from handrail.errors import Conflict
from handrail.lifecycle import committing, queue, rows
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.lifecycle.rows import CaseRow, ProposalRow
from handrail.store import statements
from handrail.store.golds import BURST
from handrail.store.tx import Tx


def opened_for(record: Mapping[str, Any]) -> str | None:
    """Whose session this proposal's case opens; None for every other case."""
    key = str(record.get("key") or "")
    if record.get("gold") is None or not key.startswith(BURST):
        return None
    return key.removeprefix(BURST).partition(":")[0]


def is_one(case: CaseRow, row: ProposalRow) -> bool:
    """Whether this case opens a session."""
    return bool(case.gold) and opened_for(row.record()) is not None


def refuse_other(tx: Tx, actor: Actor, case: CaseRow) -> None:
    """Raise `Conflict` where the case opens somebody else's session."""
    if case.gold and opened_for(rows.proposal(tx, actor.workspace, case.id).record()) not in (None, actor.pid):
        raise Conflict("this case opens somebody else's session", remedy="Take another one.")


def end(tx: Tx, row: ProposalRow, case: CaseRow) -> None:
    """Close it unanswered: nobody else is to take it. It decides nothing, so nobody waits for it."""
    if case.state != "open":
        return
    if case.soft:
        queue.close_case(tx, case, "reviewed")
        tx.entry(
            row.workspace, "case.closed", SYSTEM.entry(), case=(case.id, row.revision), from_="open", to="reviewed",
            result="cancelled",
        )  # fmt: skip
        return
    body = dumps({"by": [SYSTEM.pid], "reason": "it was not answered"})
    receipt = tx.entry(
        row.workspace, "decision.made", SYSTEM.entry(), case=(case.id, row.revision), from_="open", to="decided",
        result="cancelled", action={"name": row.action, "digest": row.action_digest},
        fields=committing.to_decision(committing.of_case(row), body),
    )  # fmt: skip
    tx.later(statements.decision_put, case_id=case.id, kind="cancelled", bytes=body, at=tx.now, entry=receipt.id)
    queue.close_case(tx, case, "decided")
