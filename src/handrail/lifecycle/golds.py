"""Golds: a pool of cases with known answers, drawn silently among ordinary ones. They deliver and execute nothing.

Which ordinary case draws one, and how much later it comes, follows from its id and the workspace's secret, so every
replica draws the same and each case draws at most one. A gold takes on what its drawer looks like (who asks, undo,
run), so that nobody tells them apart; who has answered it before is barred from it; after so many views it is retired.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handrail.canonical import digest, dumps, parse
from handrail.clock import uuid7
from handrail.consensus.gold_timing import chance, lag
from handrail.errors import HandrailError, InvalidInput, NotFound
from handrail.intake import proposal_from
from handrail.learning.golds import ANSWERING, known, unsound, value_of
from handrail.learning.labels import proposed
from handrail.lifecycle import choosing, policies, rows, submit
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.proposal import Proposal
from handrail.store import golds as tables
from handrail.store import schema, statements
from handrail.store.tx import Tx

MOST_AT_ONCE = 1_000
# what a gold takes on from the case that drew it, where it says nothing itself
_FRAME = ("agent", "executor", "undo", "tool_class", "schema", "to", "within_seconds", "environment", "owners")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddGolds:
    """Put golds into the pool: proposals' records, each with its `gold`."""

    actor: Actor
    records: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire:
    """Show this gold no more, such as one whose answer turned out wrong."""

    actor: Actor
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """These golds have been seen often enough (`worn`), or no check would pass them any more (`unsound`)."""

    workspace: str
    worn: tuple[str, ...] = ()
    unsound: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """This ordinary case draws a gold, if the policy has it so."""

    workspace: str
    case_id: str
    # where it stands in the queue: as if it had come then; None: as what comes now
    placed_at: int | None = None


def add(tx: Tx, command: AddGolds) -> list[str]:
    """Add golds and return the ids of the new ones; what is in the pool already stays as it is. Needs a lead.

    Raises `InvalidInput` naming the record: without an answer that can be given, with personal values, or no proposal.
    """
    command.actor.need_lead()
    if not 1 <= len(command.records) <= MOST_AT_ONCE:
        raise InvalidInput(f"1 to {MOST_AT_ONCE} golds can be added at once", remedy="Add them in several parts.")
    ready = []
    for n, record in enumerate(command.records, 1):
        if record.get("gold") is None:
            raise InvalidInput(f"gold {n} has no answer", remedy='Say what is right in "gold".')
        if unsound(record["gold"]):
            raise InvalidInput(f"gold {n} knows a verdict that is none", remedy="Write approve or reject.")
        if record.get("personal_data"):
            raise InvalidInput(
                f"gold {n} holds personal values", remedy="Make them up instead: a gold is seen by many, for long."
            )
        try:
            proposal = sound(record)
        except InvalidInput as error:
            raise InvalidInput(f"gold {n}: {error}", remedy=error.remedy) from None
        data = dumps(proposal.record())
        ready.append((tx.new_id(), proposal, data))
    added = tx.add_unless_known(schema.gold, [
        {"id": id, "workspace": command.actor.workspace, "action": proposal.action, "kind": proposal.kind,
         "bytes": data, "digest": digest(data), "views": 0, "added_by": command.actor.pid, "added_at": tx.now,
         "retired_at": None}
        for id, proposal, data in ready
    ])  # fmt: skip
    for id, proposal, _ in ready:
        if id in added:
            _tell(tx, command.actor.workspace, command.actor, id, proposal.action, "added")
    return list(added)


def sound(record: dict[str, Any]) -> Proposal:
    """The proposal of a gold, checked. Raises `InvalidInput` for none, and where its answer is none of its choices."""
    proposal = proposal_from(record)
    submit.prepare(SYSTEM, proposal, draw=0.0, own=True)
    suggested = proposed(proposal)
    truth = known(proposal.gold, suggested, proposal.kind)
    if truth.answer is not None:
        choosing.refuse_other(record, value_of(truth.answer))
    elif proposal.kind in ANSWERING and suggested is not None and truth.model_right:
        choosing.refuse_other(record, suggested)
    return proposal


def retire(tx: Tx, command: Retire) -> None:
    """Withdraw a gold: it is drawn no more and opens no session, for good. Needs a lead; raises `NotFound`."""
    command.actor.need_lead()
    row = tx.one(tables.gold_retire, id=command.id, workspace=command.actor.workspace, now=tx.now)
    if row is None:
        raise NotFound(f"there is no gold {command.id!r} that was not withdrawn before")
    _tell(tx, command.actor.workspace, command.actor, command.id, row[0], "retired")


def wear(tx: Tx, command: Wear) -> int:
    """Retire golds; how many. Never together with a drawing: by the entry beside it the log would tell the gold."""
    done = 0
    for ids, statement in ((command.worn, tables.gold_wear), (command.unsound, tables.gold_retire)):
        for id in ids:
            row = tx.one(statement, id=id, workspace=command.workspace, now=tx.now)
            if row is not None:
                _tell(tx, command.workspace, SYSTEM, id, row[0], "retired")
                done += 1
    return done


def is_sound(data: bytes) -> bool:
    """Whether today's checks pass a gold that is in the pool."""
    try:
        sound(parse(data))
    except InvalidInput:
        return False
    return True


def draws(secret: bytes, case_id: str, share: float) -> bool:
    """Whether this case draws a gold, when golds are to be `share` of all cases put before people."""
    return 0.0 < share < 1.0 and uniform(secret, "gold", case_id) < chance(share)


def comes_at(secret: bytes, case_id: str, opened: Sequence[int], at: int) -> int:
    """When the gold that this case draws joins the queue. `opened`: of the cases up to it, which stands at `at`."""
    return opened[at] + lag(opened, at, uniform(secret, "lag", case_id))


def draw(tx: Tx, command: Draw) -> str | None:
    """Put a gold before people beside this case; its case id, or None where the pool has none that fits."""
    settings = policies.in_force(tx, command.workspace).review_settings
    space = tx.workspace(command.workspace)
    if space.frozen or not draws(space.secret, command.case_id, settings.gold_share):
        return None
    tx.run(tables.gold_own, workspace=command.workspace)
    if tx.run(tables.gold_drawn, case_id=command.case_id):
        return None
    beside = rows.proposal(tx, command.workspace, command.case_id)
    kind = beside.record().get("kind", "action")
    picked = _pick(tx, command.workspace, beside.action, kind, settings.gold_views)
    if picked is None:
        return None
    gold, record, answered = picked
    try:
        case_id = open_beside(tx, command, record)
    except HandrailError:
        # in the looks of this case it is no proposal
        return None
    tx.add(schema.gold_case, drawn_by=command.case_id, workspace=command.workspace, gold=gold, case_id=case_id,
           at=tx.now)  # fmt: skip
    for person in answered:
        tx.run(statements.excluded_put, case_id=case_id, person=person, why="reviewed")
    tx.run(tables.gold_seen, id=gold)
    return case_id


def open_beside(tx: Tx, command: Draw, record: dict[str, Any], key: str | None = None) -> str:
    """Put this gold before people, in the looks of the case it is drawn beside; its case id.

    Raises what submitting raises; nothing is written then.
    """
    frame = rows.proposal(tx, command.workspace, command.case_id).record()
    made = {name: frame[name] for name in _FRAME if name in frame} | {
        name: value for name, value in record.items() if name not in ("key", "run", "call_id", "undoes")
    }
    if key is not None:
        made["key"] = key
    beside_case = rows.case(tx, command.workspace, command.case_id)
    if beside_case is not None:
        made["arguments"] = _in_order(record.get("arguments", {}), frame.get("arguments", {}), beside_case.summary)
    if frame.get("run"):
        # a run of its own: nothing of the real one is touched
        made.update(run=uuid7(tx.now), call_id=uuid7(tx.now))
    chosen = uniform(tx.workspace(command.workspace).secret, "route", command.case_id)
    prepared = submit.prepare(_submitter(tx, command), proposal_from(made), draw=chosen, own=True)
    return submit.submit(tx, replace(prepared, placed_at=command.placed_at)).case_id


def candidates(
    run: Callable[..., Sequence[Any]], workspace: str, action: str, kind: str, most: int
) -> Iterator[tuple[str, bytes, list[str]]]:
    """Golds that somebody has not answered yet, the least seen first, and who knows them. `run` runs a statement.

    `most`: views after which a gold is drawn no more.
    """
    people = run(tables.people_active, workspace=workspace)[0][0]
    for gold, data, _ in run(tables.gold_pick, workspace=workspace, action=action, kind=kind, most=most):
        known_to = {_whose(row[0]) for row in run(tables.gold_answered, gold=gold)}
        if len(known_to) < max(1, people):
            yield gold, bytes(data), sorted(known_to)


def _whose(person: str) -> str:
    return person.split(":")[1] if person.startswith(tables.BURST) else person


def _pick(tx: Tx, workspace: str, action: str, kind: str, most: int) -> tuple[str, dict[str, Any], list[str]] | None:
    """The least seen gold that somebody has not answered yet, and who has; what no check would pass is passed over."""
    for gold, data, answered in candidates(tx.run, workspace, action, kind, most):
        if is_sound(data):
            return gold, parse(data), answered
    return None


def _in_order(arguments: dict[str, Any], beside: dict[str, Any], summary: str) -> dict[str, Any]:
    """Arguments in the order in which the other case's stand in its line of the queue, so that the lines read alike."""

    def place(name: str) -> int:
        value = beside.get(name)
        text = value if isinstance(value, str) else f"{name} {value}"
        at = summary.find(text) if name in beside else -1
        return at if at >= 0 else len(summary)

    return dict(sorted(arguments.items(), key=lambda item: place(item[0])))


def _submitter(tx: Tx, command: Draw) -> Actor:
    """Whoever asked for the case beside it, so that their histories read alike."""
    log = tx.workspace(command.workspace).log
    found = tx.one(tables.first_entry, log=log, case_id=command.case_id)
    said: dict[str, Any] = parse(bytes(found[0]))["actor"] if found is not None else {"kind": "agent", "pid": "program"}
    # a person who asked is barred from judging; nobody is to be barred from a gold for that
    return Actor(kind="agent", pid=said["pid"], workspace=command.workspace, auth=said.get("auth"))


def uniform(secret: bytes, what: str, case_id: str) -> float:
    """A number in [0, 1) that only holders of the secret can foretell."""
    made = hmac.new(secret, f"{what}\0{case_id}".encode(), hashlib.sha256).digest()
    return int.from_bytes(made[:8], "big") / 2.0**64


def _tell(tx: Tx, workspace: str, by: Actor, id: str, action: str, state: str) -> None:
    tx.entry(workspace, "gold.changed", by.entry(), gold={"id": id, "action": action, "state": state})
