"""Undo: taking an effect back is itself a proposal, naming the case it undoes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from handrail.canonical import JSON, parse
from handrail.clock import SECOND
from handrail.errors import Conflict, InvalidInput
from handrail.lifecycle import execute, rows, submit
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.lifecycle.rows import ExecutionRow, ProposalRow
from handrail.proposal import Proposal
from handrail.store import statements
from handrail.store.tx import Staged, Tx

# while an objected effect's end is not known, look again this often
LOOK = 60 * SECOND
WITHOUT_UNDO = "objection_without_undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """Ask for the reverse of an executed action."""

    actor: Actor
    case_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What undoing led to: the effect was stopped before it began, or a proposal of the reverse."""

    voided: bool
    case_id: str | None
    receipt: Staged | None = None


def undo(tx: Tx, command: Undo) -> Undone:
    """Undo a case: void its execution if it has not begun, else propose the declared reverse.

    Raises `InvalidInput` when the action declared no reverse, `Conflict` while its execution runs or is unknown.
    """
    command.actor.need_scope("submit" if command.actor.kind == "agent" else "review")
    row = rows.proposal(tx, command.actor.workspace, command.case_id, for_update=True)
    if row.decision != "approved":
        raise Conflict(f"case {row.case_id} is {row.decision or 'not decided'}; there is nothing to undo")
    if execute.void(tx, row, command.actor, "undone"):
        return Undone(voided=True, case_id=None)
    found = tx.one(statements.execution_get, case_id=row.case_id, workspace=row.workspace)
    assert found is not None
    execution = ExecutionRow._make(found)
    if execution.state in ("started", "unknown"):
        raise Conflict(f"the execution is {execution.state}", remedy="Wait until it finished or somebody settled it.")
    if not _happened(execution):
        raise Conflict("nothing happened, so there is nothing to undo")
    return _propose(tx, row, execution, command.actor)


def after_objection(tx: Tx, row: ProposalRow, by: Actor) -> None:
    """A reviewer objected to something let through: stop it if it has not begun, else have its reverse decided.

    What happened and has no undo, or one that came to nothing, is flagged once. Repeating it does no harm.
    """
    if execute.void(tx, row, by, "objection"):
        return
    found = tx.one(statements.execution_get, case_id=row.case_id, workspace=row.workspace)
    assert found is not None
    execution = execute.lose_if_expired(tx, row, ExecutionRow._make(found))
    if execution.state in ("started", "unknown"):
        # its end is not known yet; `undo_when_finished` takes it up
        tx.run(statements.timer_put, kind="undo", subject=row.case_id, due_at=max(execution.expires_at, tx.now + LOOK))
        return
    if not _happened(execution):
        return
    stands = True
    if row.record().get("undo"):
        made = _propose(tx, row, execution, by, objection=True)
        assert made.case_id is not None
        # denied by policy, stopped by a halt, or called off before anybody objected
        stands = rows.proposal(tx, row.workspace, made.case_id).decision not in (None, "approved")
    if stands and not _flagged(tx, row.case_id):
        tx.entry(
            row.workspace, "incident.flagged", by.entry(), case=(row.case_id, row.revision),
            incident={"id": tx.new_id(), "code": WITHOUT_UNDO},
        )  # fmt: skip


def _flagged(tx: Tx, case_id: str) -> bool:
    """Whether the log says already that an objected effect stands; also within this very transaction."""
    told = [bytes(row[0]) for row in tx.run(statements.entries_of_type, case_id=case_id, type="incident.flagged")]
    told += [each.data for each in tx.entries if (each.case_id, each.type) == (case_id, "incident.flagged")]
    return any(parse(data)["incident"]["code"] == WITHOUT_UNDO for data in told)


def _happened(execution: ExecutionRow) -> bool:
    return execution.state == "succeeded" or (execution.state == "settled" and bool(execution.happened))


def undo_when_finished(tx: Tx, command: tuple[str, str]) -> None:
    """Look again at an objection whose effect was still running. Command: workspace, case id."""
    workspace, case_id = command
    tx.run(statements.timer_drop, kind="undo", subject=case_id)
    row = rows.proposal(tx, workspace, case_id, for_update=True)
    after_objection(tx, row, replace(SYSTEM, workspace=workspace))


def _propose(tx: Tx, row: ProposalRow, execution: ExecutionRow, by: Actor, *, objection: bool = False) -> Undone:
    earlier = tx.one(statements.undo_exists, case_id=row.case_id)
    if earlier is not None:
        return Undone(voided=False, case_id=earlier[0])
    record = row.record()
    name = record.get("undo")
    if not name:
        raise InvalidInput(
            f"{row.action} declared no undo", remedy="Register one with gate(undo=…), or repair it by hand."
        )
    by = replace(by, workspace=row.workspace)
    result: JSON = None if execution.result is None else parse(bytes(execution.result))
    proposal = Proposal(
        action=name, arguments={"arguments": record.get("arguments", {}), "result": result},
        principal=record.get("principal"), agent=record.get("agent"), run=record.get("run"), undoes=row.case_id,
        personal_data=tuple("/arguments" + path for path in record.get("personal_data", ())),
        key=f"{submit.UNDO}{row.case_id}",
        executor="worker", tool_class=record.get("tool_class", "unsafe"), confidence=1.0,
    )  # fmt: skip
    # it belongs to the case and not to who asks: one, whoever asks, and nobody can take its place
    command = replace(
        submit.prepare(by, proposal, draw=1.0, own=True), objection=row.action if objection else None,
        identity=f"undo\x1f{row.case_id}",
    )  # fmt: skip
    made = submit.submit(tx, command)
    return Undone(voided=False, case_id=made.case_id, receipt=made.receipt)
