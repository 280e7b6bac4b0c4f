"""Parked runs in short, for what parking and waking promise."""

from __future__ import annotations

import hashlib
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from handrail.clock import SECOND
from handrail.lifecycle import park
from handrail.lifecycle import wake as waking
from handrail.lifecycle.actor import Actor
from handrail.parked import Parked, WakeEnd, Woken
from handrail.store.statements import Statement
from handrail.store.tx import Tx
from handrail.testing.factories import person
from handrail.testing.rig import Rig

ANN, BOB = person("Ann"), person("Bob")
HOLD_SECONDS = waking.HOLD // SECOND
# nonces that nobody has used
_NUMBERS = itertools.count()


def parked(rig: Rig, *cases: str, by: Actor | None = None, **fields: Any) -> str:
    """Park a run and return the park's id."""
    usual: dict[str, Any] = {"run": "r1", "framework": "lg", "state": b"state"}
    return rig.run(park.park, park.Park(actor=by or rig.agent, cases=cases, **(usual | fields)))  # type: ignore[no-any-return]


def decided(rig: Rig, **fields: Any) -> str:
    """Park a run on a case that is decided."""
    case = rig.gated()
    rig.answer(ANN, case)
    return parked(rig, case, **({"run": f"run-{case}"} | fields))


def failed(rig: Rig) -> str:
    """Park the run r1, and fail at it until it is given up."""
    id = decided(rig, run="r1")
    for _ in range(waking.MOST_FAILURES):
        end(rig, only(wake(rig)), ok=False)
        rig.clock.advance(3600)
    return id


def wake(rig: Rig, *, by: Actor | None = None, nonce: str | None = None, **fields: Any) -> Woken | None:
    """Take the next due park, each time as another waker unless a nonce is given."""
    actor = by or rig.agent
    return rig.run(  # type: ignore[no-any-return]
        waking.take_wake, waking.TakeWake(actor=actor, nonce=nonce or f"waker-{next(_NUMBERS)}", **fields)
    )


def renew(rig: Rig, woken: Woken) -> int:
    return rig.run(waking.renew_wake, waking.RenewWake(actor=rig.agent, id=woken.id, fence=woken.fence))  # type: ignore[no-any-return]


def end(rig: Rig, woken: Woken, *, ok: bool = True, note: str = "") -> WakeEnd:
    return rig.run(  # type: ignore[no-any-return]
        waking.end_wake, waking.EndWake(actor=rig.agent, id=woken.id, fence=woken.fence, ok=ok, note=note)
    )


def abandon(rig: Rig, *, by: Actor | None = None, run: str = "r1", reason: str = "over") -> park.Abandoned:
    return rig.run(  # type: ignore[no-any-return]
        park.abandon, park.Abandon(actor=by or rig.agent, run=run, framework="lg", reason=reason)
    )


def lines(rig: Rig, *, by: Actor | None = None) -> list[Parked]:
    return rig.run(park.listed, park.ListParked(actor=by or rig.agent))  # type: ignore[no-any-return]


def only(woken: Woken | None) -> Woken:
    """It, which must be there."""
    assert woken is not None
    return woken


def together(*calls: Any) -> None:
    """Run these on threads of their own; what one raises is raised here."""
    with ThreadPoolExecutor(len(calls)) as pool:
        for future in [pool.submit(call) for call in calls]:
            future.result()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def overwrite(rig: Rig, column: str, value: Any) -> None:
    """Change the only park's row behind the log's back."""
    rig.run(_overwrite, (column, value))


def _overwrite(tx: Tx, command: tuple[str, Any]) -> None:
    column, value = command
    tx.run(Statement(f"UPDATE parked SET {column} = :value"), value=value)
