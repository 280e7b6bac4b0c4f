"""Park: a framework paused a run until its cases are decided; `wake.py` lets it go on.

A run has one unfinished park a framework. A run that goes on without a case takes it back, so that nobody judges a
call that no longer exists.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from handrail.errors import Conflict, InvalidInput, NotFound
from handrail.lifecycle import cancel, rows
from handrail.lifecycle.actor import Actor, bound_to
from handrail.lifecycle.rows import ProposalRow
from handrail.parked import WAKES, Ending, Parked, Wakes
from handrail.store import schema, statements
from handrail.store.tx import Tx

MOST_STATE_BYTES = 1024 * 1024
MOST_CASES = 200
NOTE_CHARACTERS = 2000
MOST_LISTED = 500
WENT_ON = "the run went on without it"

_FRAMEWORK = re.compile(r"[A-Za-z0-9_.-]{1,64}")
PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]{1,256}")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    """Keep a paused run until its cases are decided.

    `state` is the framework's own snapshot, or a small JSON such as a thread's id; at most 1 MiB. `wakes`: when
    `all` of its cases are decided, or `any` of them. `abandon`: take undecided cases of its park before this back
    unless they are named again. `join`: several calls of one pause park one after another; if the run is parked
    with this very state already, its cases stay and these are added. `id`: the caller's own UUID for it, so that a
    repeated request parks once.
    """

    actor: Actor
    run: str
    framework: str
    cases: tuple[str, ...]
    state: bytes | None = None
    wakes: Wakes = "all"
    abandon: bool = True
    join: bool = False
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandon:
    """The run will not go on from where it paused: nobody waits for its cases any more."""

    actor: Actor
    run: str
    framework: str
    reason: str = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """What was given up: the park, if one was unfinished, and the cases that were taken back."""

    parks: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListParked:
    """The unfinished parks, oldest first."""

    actor: Actor


class ParkedRow(NamedTuple):
    id: str
    workspace: str
    agent: str | None
    run: str
    framework: str
    state: bytes | None
    state_digest: str | None
    wakes: str
    waiting: int
    parked_at: int
    nonce: str | None
    fence: int
    failures: int
    next_at: int
    ended_at: int | None
    ending: str | None
    note: str | None


def park(tx: Tx, command: Park) -> str:
    """Park the run and return the park's id; the run's unfinished park, if there is one, ends here.

    Raises `NotFound` for a case that this workspace does not know, `InvalidInput` for no or too many cases and too
    large a state.
    """
    actor = command.actor
    actor.need_scope("submit")
    _check(command)
    tx.run(statements.park_own, subject=_subject(command))
    if command.id is not None and (known := tx.one(statements.park_get, id=command.id, workspace=actor.workspace)):
        return _same(ParkedRow._make(known), command)
    subject = {"workspace": actor.workspace, "run": command.run, "framework": command.framework}
    ids = sorted(set(command.cases))
    earlier = [row[0] for row in tx.run(statements.park_cases_of_run, **subject)]
    # proposals before parks, as a decision takes them
    locked = _lock(tx, actor, [*ids, *earlier])
    found = tx.one(statements.park_of_run, **subject)
    state = None if command.state is None else hashlib.sha256(command.state).hexdigest()
    if command.join and found is not None and ParkedRow._make(found).state_digest == state:
        ids = _joined(ids, earlier)
    superseded = None if found is None else _supersede(tx, actor, ParkedRow._make(found))
    if command.abandon:
        _take_back(tx, actor, [row for id, row in locked.items() if id not in ids], WENT_ON)
    undecided = [id for id in ids if locked[id].decision is None]
    made = command.id or tx.new_id()
    if not tx.add_unless_known(schema.parked, [{
        "id": made, "workspace": actor.workspace, "agent": _agent(actor), "run": command.run,
        "framework": command.framework, "state": command.state, "state_digest": state, "wakes": command.wakes,
        "waiting": missing(command.wakes, len(ids), len(undecided)), "parked_at": tx.now, "next_at": tx.now,
    }]):  # fmt: skip
        raise Conflict(f"the park id {made} is taken", remedy="Give a fresh id, or none.")
    for id in ids:
        tx.add(schema.park_case, park_id=made, case_id=id)
    for id in undecided:
        tx.run(statements.park_mark_case, case_id=id)
    said = {"id": made, "run": command.run, "framework": command.framework, "wakes": command.wakes}
    tx.entry(
        actor.workspace, "run.parked", actor.entry(), park=said | ({} if state is None else {"state": state}),
        cases=list(ids), supersedes=superseded,
    )  # fmt: skip
    return made


def abandon(tx: Tx, command: Abandon) -> Abandoned:
    """End the run's unfinished park and take back every case it ever parked on that nobody has decided.

    Nothing parked and nothing undecided is no error: a run that finished may always say so.
    """
    actor = command.actor
    actor.need_scope("submit")
    tx.run(statements.park_own, subject=_subject(command))
    subject = {"workspace": actor.workspace, "run": command.run, "framework": command.framework}
    locked = _lock(tx, actor, [row[0] for row in tx.run(statements.park_undecided, **subject)])
    ended = []
    for found in tx.run(statements.park_of_run, **subject):
        row = ParkedRow._make(found)
        _need_mine(actor, row)
        _end_abandoned(tx, actor, row, command.reason)
        ended.append(row.id)
    cancelled = _take_back(tx, actor, locked.values(), command.reason)
    return Abandoned(parks=tuple(ended), cancelled=tuple(cancelled))


def listed(tx: Tx, command: ListParked) -> list[Parked]:
    """The unfinished parks that this actor may see, oldest first."""
    actor = command.actor
    found = tx.run(statements.park_list, workspace=actor.workspace, agent=bound_to(actor), limit=MOST_LISTED)
    return [line_noun(row, tx.now) for row in found]


def forget(tx: Tx, actor: Actor, case_ids: Iterable[str], reason: str) -> None:
    """End every unfinished park that waits for one of these cases: what it kept may hold what must be erased."""
    waiting = {
        row[0]
        for case_id in case_ids
        for row in tx.run(statements.park_waits_for, case_id=case_id, workspace=actor.workspace)
    }
    for id in sorted(waiting):
        found = tx.one(statements.park_lock, id=id, workspace=actor.workspace)
        assert found is not None
        _end_abandoned(tx, actor, ParkedRow._make(found), reason)


def line_noun(row: Any, now: int) -> Parked:
    """A row of `park_list` as the noun."""
    made, cases, decided = ParkedRow._make(row[:-2]), row[-2], row[-1]
    held = made.nonce is not None and made.next_at > now
    return Parked(
        id=made.id, run=made.run, framework=made.framework, wakes=cast(Wakes, made.wakes), parked_at=made.parked_at,
        cases=cases, decided=decided, due=made.ending is None and made.waiting == 0,
        held_until=made.next_at if held else None,
        next_at=made.next_at if made.nonce is None and made.next_at > now else None, failures=made.failures,
        ending=cast(Ending | None, made.ending), note=made.note,
    )  # fmt: skip


def missing(wakes: Wakes, cases: int, undecided: int) -> int:
    """How many decisions a park still waits for; none: it is due."""
    return undecided if wakes == "all" else int(undecided == cases)


def mine(tx: Tx, actor: Actor, id: str, *, for_update: bool = False) -> ParkedRow:
    """The park, if this actor may touch it. Raises `NotFound`."""
    statement = statements.park_lock if for_update else statements.park_get
    found = tx.one(statement, id=id, workspace=actor.workspace)
    if found is None:
        raise NotFound(f"there is no park {id!r} in this workspace")
    return _need_mine(actor, ParkedRow._make(found))


def say_woken(tx: Tx, actor: Actor, row: ParkedRow, result: str) -> None:
    """Write down how a wake went: `woken`, `released` for another try, or `failed` for good."""
    tx.entry(row.workspace, "run.woken", actor.entry(), park={"id": row.id}, fence=row.fence, result=result)


def kept(text: str) -> str:
    """As much of a note as is kept."""
    # PostgreSQL takes no NUL
    return text[:NOTE_CHARACTERS].replace("\0", "")


# --- steps ----------------------------------------------------------------------------------------


def _check(command: Park) -> None:
    _subject(command)
    if command.wakes not in WAKES:
        raise InvalidInput(f"wakes {command.wakes!r} is none of {', '.join(WAKES)}")
    _check_cases(set(command.cases))
    if command.state is not None and len(command.state) > MOST_STATE_BYTES:
        raise InvalidInput(
            f"the state has {len(command.state)} bytes; at most 1 MiB is kept",
            remedy="Keep the snapshot in the framework's own store, and park its name.",
        )
    if command.id is not None and not _ID.fullmatch(command.id):
        raise InvalidInput(f"{command.id!r} is no UUID in lower case")


def _check_cases(cases: set[str]) -> None:
    if not 1 <= len(cases) <= MOST_CASES:
        raise InvalidInput(
            f"a run parks on 1 to {MOST_CASES} cases, not {len(cases)}",
            remedy="A run that waits for nobody has nothing to be woken by.",
        )


def _joined(ids: list[str], earlier: list[str]) -> list[str]:
    made = {*ids, *earlier}
    _check_cases(made)
    return sorted(made)


def _subject(command: Park | Abandon) -> str:
    """What one process at a time may park: a run of a framework. Raises `InvalidInput` for names that are none."""
    if not PRINTABLE.fullmatch(command.run):
        raise InvalidInput("run is 1 to 256 characters without control characters")
    if not _FRAMEWORK.fullmatch(command.framework):
        raise InvalidInput("framework is 1 to 64 letters, digits, dots, dashes or underscores")
    return f"{command.actor.workspace}/{command.framework}/{command.run}"


def _same(row: ParkedRow, command: Park) -> str:
    if (row.run, row.framework) != (command.run, command.framework):
        raise Conflict(f"the park id {row.id} is taken", remedy="Give a fresh id, or none.")
    return row.id


def _lock(tx: Tx, actor: Actor, ids: list[str]) -> dict[str, ProposalRow]:
    """These proposals, held against their deciders, in one order. Raises `NotFound` for what the actor may not see."""
    found = {}
    for id in sorted(set(ids)):
        found[id] = rows.proposal(tx, actor.workspace, id, for_update=True)
        if bound_to(actor) not in (None, found[id].agent):
            raise NotFound(f"there is no case {id!r} in this workspace")
    return found


def _supersede(tx: Tx, actor: Actor, row: ParkedRow) -> str | None:
    """End the park before this one; its id, unless its waker has it: then the run went on because it was woken."""
    _need_mine(actor, row)
    held = row.nonce is not None and row.next_at > tx.now
    tx.run(statements.park_end, id=row.id, now=tx.now, ending="woken" if held else "superseded", note=None)
    if held:
        say_woken(tx, actor, row, "woken")
        return None
    return row.id


def _end_abandoned(tx: Tx, actor: Actor, row: ParkedRow, reason: str) -> None:
    tx.run(statements.park_end, id=row.id, now=tx.now, ending="abandoned", note=kept(reason))
    tx.entry(row.workspace, "run.abandoned", actor.entry(), park={"id": row.id})


def _take_back(tx: Tx, actor: Actor, given: Iterable[ProposalRow], reason: str) -> list[str]:
    """Cancel those that nobody has decided and no other run waits for."""
    made = []
    for row in given:
        if row.decision is None and not tx.run(
            statements.park_waits_for, case_id=row.case_id, workspace=actor.workspace
        ):
            cancel.cancel(tx, cancel.Cancel(actor=actor, case_id=row.case_id, reason=reason))
            made.append(row.case_id)
    return made


def _need_mine(actor: Actor, row: ParkedRow) -> ParkedRow:
    """Raise `NotFound` for another agent's park."""
    if bound_to(actor) not in (None, row.agent):
        raise NotFound(f"there is no park {row.id!r} in this workspace")
    return row


def _agent(actor: Actor) -> str | None:
    return actor.name if actor.kind == "agent" and actor.name else None
