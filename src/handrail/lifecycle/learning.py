"""Loops of active learning: begun once, each round written down before anybody is asked, and ended with a reason.

What a process that died has asked stands here and under the cases' keys, so that its successor asks nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from handrail.canonical import JSON, digest, dumps, parse
from handrail.entry import need_name
from handrail.errors import Conflict, InvalidInput, NotFound
from handrail.lifecycle import policies
from handrail.lifecycle.actor import Actor
from handrail.policy.problems import did_you_mean
from handrail.store import learning as tables
from handrail.store import schema
from handrail.store.tx import Tx

MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Begin a loop for an action, or go on with the one that is under way on the same terms."""

    actor: Actor
    action: str
    # whatever must not change until it ends: pool digest, choices, sampler, seed, …
    terms: JSON
    # begin it although the policy does not declare the action
    undeclared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the next round asks: `picks` is plain JSON with one entry a case. `figures`: what the round before it
    taught; None for the first."""

    actor: Actor
    id: str
    round: int
    picks: JSON
    size: int
    figures: JSON = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """End a loop. `figures`: what its last round taught, if that was not written down before."""

    actor: Actor
    id: str
    reason: str
    round: int | None = None
    figures: JSON = None


def begin(tx: Tx, command: Begin) -> str:
    """The loop's id. Raises `Conflict` while one on other terms is under way for this action, and `InvalidInput` for an
    action that the policy does not declare."""
    actor = command.actor
    actor.need_scope("submit")
    need_name("action", command.action)
    data = dumps(command.terms)
    found = tx.one(tables.learning_open, workspace=actor.workspace, action=command.action)
    if found is not None:
        _same(command.terms, parse(bytes(found[1])), command.action)
        return str(found[0])
    if not command.undeclared:
        need_declared(tx, (actor, command.action))
    id = tx.new_id()
    row = {"id": id, "workspace": actor.workspace, "action": command.action, "bytes": data, "begun_at": tx.now,
           "ended_at": None, "reason": None}  # fmt: skip
    if not tx.add_unless_known(schema.learning, [row]):
        raise Conflict(f"somebody began to learn {command.action} a moment ago", remedy="Repeat to go on with that.")
    tx.entry(actor.workspace, "learning.begun", actor.entry(),
             learning={"id": id, "action": command.action, "terms": digest(data)})  # fmt: skip
    return id


def need_declared(tx: Tx, command: tuple[Actor, str]) -> None:
    """Of an actor and an action: raises `InvalidInput` where the policy does not declare it and no loop learns it."""
    actor, action = command
    if tx.one(tables.learning_open, workspace=actor.workspace, action=action) is not None:
        return
    known = [entry.action_type for entry in policies.in_force(tx, actor.workspace).document.escalation_policies]
    if action not in known:
        raise InvalidInput(
            f"the policy does not declare the action {action!r}, so nothing of it could ever pass unasked",
            remedy=f"{did_you_mean(action, known) if known else 'It declares none.'} Else add it to the "
            "policy's escalation_policies, or say that you mean it: `--undeclared`, in Python `undeclared=True`.",
        )


def ask(tx: Tx, command: Ask) -> None:
    """Write a round down, and with it what the one before taught. Raises `Conflict` if another process did."""
    actor = command.actor
    action = _open(tx, actor, command.id)
    rounds = tx.run(tables.batch_count, id=command.id)[0][0]
    if rounds != command.round:
        raise Conflict(f"round {command.round} of {action} is not the next", remedy="Only one process may learn it.")
    if command.round:
        _close(tx, actor, command.id, action, command.round - 1, command.figures)
    data = _sized(command.picks, "what is asked in one round", "Ask fewer in one batch.")
    row = {"learning": command.id, "round": command.round, "picks": data, "planned_at": tx.now, "figures": None,
           "closed_at": None}  # fmt: skip
    if not tx.add_unless_known(schema.learning_batch, [row]):
        raise Conflict(f"round {command.round} of {action} was begun by somebody else")
    tx.entry(actor.workspace, "learning.asked", actor.entry(),
             learning={"id": command.id, "round": command.round, "size": command.size,
                       "picks": digest(data)})  # fmt: skip


def end(tx: Tx, command: End) -> None:
    """End it. Raises `Conflict` if it has ended."""
    actor = command.actor
    action = _open(tx, actor, command.id)
    if command.round is not None:
        _close(tx, actor, command.id, action, command.round, command.figures)
    tx.run(tables.learning_end, id=command.id, workspace=actor.workspace, now=tx.now, reason=command.reason[:2000])
    rounds = tx.run(tables.batch_count, id=command.id)[0][0]
    tx.entry(actor.workspace, "learning.ended", actor.entry(), learning={"id": command.id, "rounds": rounds})


def _open(tx: Tx, actor: Actor, id: str) -> str:
    actor.need_scope("submit")
    row = tx.one(tables.learning_get, id=id, workspace=actor.workspace)
    if row is None:
        raise NotFound(f"there is no loop of learning {id}")
    if row[2] is not None:
        raise Conflict(f"learning {row[0]} has ended", remedy="Begin anew.")
    return str(row[0])


def _close(tx: Tx, actor: Actor, id: str, action: str, round: int, figures: JSON) -> None:
    if figures is None:
        raise InvalidInput(f"round {round} of {action} has no figures")
    data = _sized(figures, "the figures of one round", "")
    if not tx.run(tables.batch_close, id=id, round=round, figures=data, now=tx.now):
        raise Conflict(f"round {round} of {action} was closed by somebody else")
    tx.entry(actor.workspace, "training.done", actor.entry(),
             training={"action": action, "round": round, "outcome": digest(data)})  # fmt: skip


def _sized(value: JSON, what: str, remedy: str) -> bytes:
    data = dumps(value)
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{what} has {len(data)} bytes; at most {MAX_BYTES} are kept", remedy=remedy)
    return data


def _same(asked: JSON, known: JSON, action: str) -> None:
    other = sorted(name for name in {*asked, *known} if asked.get(name) != known.get(name))
    if other:
        raise Conflict(
            f"learning {action} is under way with another {' and '.join(other)}",
            remedy="Go on with the terms it was begun with, or end it first: `handrail learn --end`.",
        )
