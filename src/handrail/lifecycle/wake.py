"""Wake: exactly one process lets a parked run go on, once its cases are decided.

Whoever takes a due park holds it under a fence; a hold that runs out frees it for another. Nothing wakes a run whose
cases are undecided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from handrail.clock import SECOND, iso
from handrail.errors import ClaimLost, Conflict, InvalidInput
from handrail.execution import need_hold
from handrail.lifecycle import rows
from handrail.lifecycle.actor import Actor, bound_to
from handrail.lifecycle.park import PRINTABLE, ParkedRow, kept, mine, say_woken
from handrail.parked import Ending, WakeEnd, Woken
from handrail.store import statements
from handrail.store.tx import Tx

HOLD = 300 * SECOND
# after so many failures it is given up until somebody says otherwise
MOST_FAILURES = 5
# the pause after the first failure; it doubles with each
FIRST_PAUSE = 5 * SECOND
VANISHED = "its waker vanished"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeWake:
    """Take the oldest due park: of these frameworks, of this run, or this one. The same nonce gets the same one."""

    actor: Actor
    nonce: str
    frameworks: tuple[str, ...] | None = None
    run: str | None = None
    id: str | None = None
    # microseconds until the waker counts as gone
    hold: int = HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewWake:
    """Hold on to a park while its run goes on."""

    actor: Actor
    id: str
    fence: int
    hold: int = HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWake:
    """Say how waking went. Not `ok`: `note` says why, and it is tried again."""

    actor: Actor
    id: str
    fence: int
    ok: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Make a park that was given up due again."""

    actor: Actor
    id: str


def take_wake(tx: Tx, command: TakeWake) -> Woken | None:
    """The oldest due park with its state and decisions, held by this waker alone; None if there is none.

    A park whose wakers keep vanishing is given up here.
    """
    actor = command.actor
    actor.need_scope("execute")
    need_hold("lasting", command.hold / SECOND)
    if not PRINTABLE.fullmatch(command.nonce):
        raise InvalidInput("nonce is 1 to 256 printable characters")
    held = tx.one(
        statements.park_held, nonce=command.nonce, workspace=actor.workspace, now=tx.now, agent=bound_to(actor)
    )
    if held is not None and command.id in (None, held[0]):
        return _woken(tx, ParkedRow._make(held))
    while (id := _next(tx, command)) is not None:
        taken = tx.one(
            statements.park_take, id=id, workspace=actor.workspace, nonce=command.nonce, now=tx.now,
            until=tx.now + command.hold, agent=bound_to(actor),
        )  # fmt: skip
        if taken is None:
            if command.id is not None:
                return None
            continue
        row = ParkedRow._make(taken)
        if row.failures < MOST_FAILURES:
            return _woken(tx, row)
        _give_up(tx, actor, row, row.failures, VANISHED)
    return None


def renew_wake(tx: Tx, command: RenewWake) -> int:
    """Keep a hold alive; until when, in microseconds. Raises `ClaimLost` when it ran out or was taken by another."""
    command.actor.need_scope("execute")
    need_hold("lasting", command.hold / SECOND)
    mine(tx, command.actor, command.id)
    until = tx.now + command.hold
    if not tx.run(
        statements.park_renew, id=command.id, workspace=command.actor.workspace, fence=command.fence, now=tx.now,
        until=until,
    ):  # fmt: skip
        raise _lost(command.id, command.fence)
    return until


def end_wake(tx: Tx, command: EndWake) -> WakeEnd:
    """Record how a wake went: over, to be tried again after a pause, or given up. The same report gets the same answer.

    Raises `ClaimLost` for a stale fence: another waker has taken it since.
    """
    actor = command.actor
    actor.need_scope("execute")
    row = mine(tx, actor, command.id, for_update=True)
    if command.fence < 1 or command.fence != row.fence:
        raise _lost(row.id, command.fence)
    if row.nonce is None or row.ended_at is not None:
        return _reported(row, command)
    note = kept(command.note) or None
    if command.ok:
        tx.run(statements.park_end, id=row.id, now=tx.now, ending="woken", note=note)
        say_woken(tx, actor, row, "woken")
        return WakeEnd(id=row.id, ending="woken", failures=row.failures)
    failures = row.failures + 1
    if failures >= MOST_FAILURES:
        return _give_up(tx, actor, row, failures, note)
    next_at = tx.now + FIRST_PAUSE * 2 ** (failures - 1)
    tx.run(statements.park_release, id=row.id, failures=failures, next_at=next_at, ending=None, note=note)
    say_woken(tx, actor, row, "released")
    return WakeEnd(id=row.id, ending=None, failures=failures, next_at=next_at)


def retry(tx: Tx, command: Retry) -> None:
    """Make a park that was given up due again, as if it had never failed. Raises `Conflict` for any other."""
    command.actor.need_scope("execute")
    row = mine(tx, command.actor, command.id, for_update=True)
    if not tx.run(statements.park_retry, id=row.id, workspace=row.workspace, now=tx.now):
        raise Conflict(
            f"park {row.id} was not given up: it {_stands(row)}", remedy="Only a failed park can be tried again."
        )
    tx.entry(row.workspace, "run.retried", command.actor.entry(), park={"id": row.id})


# --- steps ----------------------------------------------------------------------------------------


def _next(tx: Tx, command: TakeWake) -> str | None:
    """The id to try next."""
    if command.id is not None:
        found = tx.one(statements.park_get, id=command.id, workspace=command.actor.workspace)
        return None if found is None or ParkedRow._make(found).ending is not None else command.id
    given = {"workspace": command.actor.workspace, "now": tx.now, "agent": bound_to(command.actor)}
    if command.run is not None:
        heads = tx.run(statements.park_next_of_run, run=command.run, **given)
    elif command.frameworks is None:
        heads = tx.run(statements.park_next_any, **given)
    else:
        heads = [h for name in command.frameworks for h in tx.run(statements.park_next, framework=name, **given)]
    return min(heads, key=lambda head: (head[1], head[0]))[0] if heads else None


def _woken(tx: Tx, row: ParkedRow) -> Woken:
    decided = {id: rows.decision_noun(rows.proposal(tx, row.workspace, id)) for id in _cases_of(tx, row.id)}
    return Woken(
        id=row.id, run=row.run, framework=row.framework, state=None if row.state is None else bytes(row.state),
        fence=row.fence, expires_at=row.next_at, cases=decided,
    )  # fmt: skip


def _give_up(tx: Tx, actor: Actor, row: ParkedRow, failures: int, note: str | None) -> WakeEnd:
    tx.run(statements.park_release, id=row.id, failures=failures, next_at=tx.now, ending="failed", note=note)
    say_woken(tx, actor, row, "failed")
    return WakeEnd(id=row.id, ending="failed", failures=failures)


def _reported(row: ParkedRow, command: EndWake) -> WakeEnd:
    """Nobody holds it any more: say how it stands, unless that contradicts what is reported now."""
    if command.ok and (row.ending is None or row.ending == "failed"):
        raise Conflict(f"this wake of park {row.id} was reported as failed before", remedy="Wait for the next try.")
    waits = row.ending is None
    return WakeEnd(id=row.id, ending=cast(Ending | None, row.ending), failures=row.failures,
                   next_at=row.next_at if waits else None)  # fmt: skip


def _lost(id: str, fence: int) -> ClaimLost:
    return ClaimLost(
        f"fence {fence} of park {id} is stale: its hold ran out, or another waker has taken it",
        remedy="Leave this run to whoever holds it now.",
    )


def _stands(row: ParkedRow) -> str:
    if row.ended_at is not None:
        return f"was {row.ending} at {iso(row.ended_at)}"
    return "is due" if row.waiting == 0 else "waits for its cases"


def _cases_of(tx: Tx, park_id: str) -> list[str]:
    return [row[0] for row in tx.run(statements.park_cases, id=park_id)]
