"""Outcomes: the truth that arrives later (a chargeback, a bug, an appeal), and the label it yields."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.canonical import JSON, digest, dumps
from handrail.errors import InvalidInput
from handrail.learning.labels import label_outcome
from handrail.lifecycle import judging, labels, own_id, rows
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.rows import ProposalRow
from handrail.store import schema, statements
from handrail.store.tx import Tx

MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What turned out: whether it was right, or the true answer, and who says so.

    `id`: the caller's own UUID for it, so that a repeated request counts once.
    """

    actor: Actor
    case_id: str
    correct: bool | None = None
    value: JSON = None
    source: str = "outcome"
    # a miss of which one is enough: what a promotion let through like it is asked about again at once
    severe: bool = False
    id: str | None = None


def _of_itself(actor: Actor, row: ProposalRow) -> bool:
    """Whether the very agent that proposed it says so, with its key. Who opens the database could write anything."""
    return actor.kind == "agent" and actor.auth != "local" and bool(actor.name) and actor.name == row.agent


def record(tx: Tx, command: Record) -> str:
    """Keep an outcome and make its label; returns the outcome's id. Several outcomes may come; the last one counts.

    Of what an agent says of its own proposal only errors make a label: that it was right is for others to say.
    """
    command.actor.need_scope("submit" if command.actor.kind == "agent" else "review")
    if command.correct is None and command.value is None:
        raise InvalidInput("an outcome says whether it was right, or what was true", remedy="Give correct or value.")
    row = rows.proposal(tx, command.actor.workspace, command.case_id)
    said: dict[str, JSON] = {"correct": command.correct, "value": command.value, "source": command.source}
    data = dumps(said | {"severe": True} if command.severe else said)
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"an outcome of {len(data)} bytes is over {MAX_BYTES}")
    id = own_id.given_or_new(tx, command.id)
    made = {"id": id, "case_id": row.case_id, "workspace": row.workspace, "bytes": data, "at": tx.now}
    if command.id is None:
        tx.add(schema.outcome, **made)
    elif not tx.add_unless_known(schema.outcome, [made]):
        known = tx.one(statements.outcome_get, id=id, workspace=row.workspace)
        if known is None or (known[0], bytes(known[1])) != (row.case_id, data):
            raise own_id.taken("outcome", id)
        return id
    tx.entry(
        row.workspace, "outcome.recorded", command.actor.entry(), case=(row.case_id, row.revision), outcome=digest(data)
    )
    route = rows.route_noun(row.route)
    label = label_outcome(
        labels.original(tx, row), id=tx.new_id(), case_id=row.case_id, workspace=row.workspace, made_at=tx.now,
        policy=row.policy, correct=command.correct, value=command.value, calibrator=route.calibrator,
    )  # fmt: skip
    if row.record().get("gold") is not None or (label.correct and _of_itself(command.actor, row)):
        # written down, but nothing is learned, counted or cleared by it
        return id
    labels.keep(tx, row, label)
    judging.from_outcome(tx, row, label.correct, severe=command.severe)
    return id
