"""Training: labels are cut into agreement-checked batches, and when enough are ready the training is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handrail.canonical import dumps
from handrail.clock import SECOND
from handrail.consensus.agreement import agreement
from handrail.label import Label
from handrail.learning.triggers import Batch, batches, retrain_due
from handrail.lifecycle import policies, soft_labels
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.store import schema, training
from handrail.store.tx import Tx

MAX_ATTEMPTS = 3
# seconds before a failed hook is run again
PAUSES = (60, 600)
# labels looked at in one go: whole batches, and at least this many
AT_ONCE = 4000
ERROR_CHARACTERS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Cut what waits for one action into full batches."""

    workspace: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a cut made: batch ids with their states, and the training that is due now, if one is."""

    batches: tuple[tuple[str, str], ...] = ()
    due: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One training that is due: `labels` are new since the time before. Times in microseconds."""

    id: str
    workspace: str
    action: str
    labels: int
    due_at: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the hook ended. `exit_code` is None when it never ran to its end; `again` puts it back without blame."""

    training: Training
    exit_code: int | None
    error: str | None = None
    again: bool = False


def cut(tx: Tx, command: Cut) -> Made:
    """Cut full batches under the policy in force, and announce a training when its trigger is reached.

    Only labels of batches whose reviewers agree count towards the trigger.
    """
    if tx.workspace(command.workspace).frozen:
        return Made()
    feedback = policies.in_force(tx, command.workspace).feedback
    tx.run(training.training_own, workspace=command.workspace)
    limit = max(AT_ONCE, 2 * feedback.batch_size)
    rows = tx.run(training.label_waiting, workspace=command.workspace, action=command.action, limit=limit)
    if len(rows) < feedback.batch_size:
        return Made()
    found = batches(
        _whole(rows, limit, command), raw_agreement,
        size=feedback.batch_size, min_agreement=feedback.min_agreement_for_training,
        chances=soft_labels.chances(tx.run, command.workspace, command.action),
    )  # fmt: skip
    made = tuple((_keep(tx, command, batch), batch.state) for batch in found)
    return Made(batches=made, due=_announce(tx, command, feedback.retrain_trigger) if made else None)


def take_due(tx: Tx, seconds: float) -> Training | None:
    """Take the oldest training whose hook has not run; for so long nobody else takes it."""
    row = tx.one(training.training_take, now=tx.now, until=tx.now + int(seconds * SECOND))
    if row is None:
        return None
    return Training(id=row[0], workspace=row[1], action=row[2], labels=row[3], due_at=row[4], attempts=row[5])


def end(tx: Tx, command: Ended) -> str:
    """Write down how the hook ended; its new state. A failed hook is run again, up to three times in all."""
    held = command.training
    if command.exit_code == 0:
        state = "done"
    elif command.again or held.attempts < MAX_ATTEMPTS:
        state = "due"
    else:
        state = "failed"
    pause = 0 if command.again or state != "due" else PAUSES[min(held.attempts, len(PAUSES)) - 1]
    tx.run(
        training.training_finish, id=held.id, state=state, attempts=held.attempts, exit_code=command.exit_code,
        error=command.error and command.error[-ERROR_CHARACTERS:], next_at=tx.now + pause * SECOND,
        finished_at=None if state == "due" else tx.now,
    )  # fmt: skip
    if state == "failed":
        tx.entry(held.workspace, "incident.flagged", SYSTEM.entry(),
                 incident={"id": held.id, "code": "retrain_hook_failed"})  # fmt: skip
    return state


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """Labels or preferences left the database: how many, and the digest of the file where there is one."""

    actor: Actor
    rows: int
    digest: str | None = None


def exported(tx: Tx, command: Exported) -> None:
    """Write an export down; needs the read scope."""
    command.actor.need_scope("read")
    export: dict[str, Any] = {"size": command.rows}
    if command.digest is not None:
        export["digest"] = command.digest
    tx.entry(command.actor.workspace, "export.made", command.actor.entry(), export=export)


def raw_agreement(answers: Sequence[tuple[str, str, str]]) -> float | None:
    """The share of pairs of reviewers who say the same of the same case."""
    return agreement(answers).raw.value


def _whole(rows: list[Any], limit: int, command: Cut) -> list[Label]:
    """Labels as far as judging needs them. Where the look was cut short, its last case may be too: leave that out."""
    if len(rows) == limit and rows[0][1] != rows[-1][1]:
        rows = [row for row in rows if row[1] != rows[-1][1]]
    return [
        Label(
            id=id, case_id=case_id, workspace=command.workspace, action=command.action, source=source, input=None,
            predicted=None, answer=answer, correct=None if correct is None else bool(correct), confidence=None,
            scores=None, policy="", calibrator=None, reviewer=reviewer, blind=False, verdict=None, inclusion=1.0,
            made_at=0,
        )
        for id, case_id, source, correct, reviewer, answer in rows
    ]  # fmt: skip


def _keep(tx: Tx, command: Cut, batch: Batch) -> str:
    id = tx.new_id()
    tx.add(
        schema.training_batch, id=id, workspace=command.workspace, action=command.action, size=batch.size,
        agreement=batch.agreement, state=batch.state, reason=batch.reason, made_at=tx.now, training=None,
    )  # fmt: skip
    tx.run(training.label_batch, batch=id, ids=dumps([label.id for label in batch.labels]).decode())
    return id


def _announce(tx: Tx, command: Cut, every: int | None) -> str | None:
    ready = tx.run(training.batch_unannounced, workspace=command.workspace, action=command.action)
    labels = sum(size for _, size in ready)
    if not ready or not retrain_due(labels, every).due:
        return None
    entry = tx.entry(
        command.workspace, "training.due", SYSTEM.entry(),
        training={"action": command.action, "labels": labels, "batch": ready[-1][0], "state": "ready"},
    )  # fmt: skip
    tx.run(training.training_supersede, workspace=command.workspace, action=command.action, now=tx.now)
    tx.run(training.batch_announce, workspace=command.workspace, action=command.action, training=entry.id)
    tx.add(
        schema.training, id=entry.id, workspace=command.workspace, action=command.action, labels=labels,
        due_at=tx.now, state="due", attempts=0, next_at=tx.now, finished_at=None, exit_code=None, error=None,
    )  # fmt: skip
    return entry.id
