"""Timers: deadlines, undo windows, claims and executions whose time has come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from handrail.clock import SECOND, Clock
from handrail.errors import Unavailable
from handrail.lifecycle import claim, decide, execute, expire, undo
from handrail.store import statements
from handrail.store.engine import Store
from handrail.store.tx import Tx
from handrail.store.writer import Writer

AT_ONCE = 200
AGAIN = 60 * SECOND
log = logging.getLogger("handrail.timers")

VERBS: dict[str, Callable[[Tx, tuple[str, str]], Any]] = {
    "deadline": expire.expire,
    "effective": decide.settle_when_due,
    "claim": claim.lapse,
    "execution": execute.lapse,
    "undo": undo.undo_when_finished,
}


def step(store: Store, writer: Writer, clock: Clock) -> int:
    """Handle what is due; how many. Each verb checks again by the database's time, so early or twice does no harm."""
    due = store.read_hot(statements.timer_due, now=clock.now(), limit=AT_ONCE)
    running = [(kind, subject, writer.submit(VERBS[kind], (workspace, subject))) for kind, subject, _, workspace in due]
    done = 0
    for kind, subject, future in running:
        try:
            future.result()
            done += 1
        except Unavailable:
            raise
        except Exception:
            # one that cannot be handled must not keep the others from their turn
            log.exception("the %s timer of case %s failed; it is tried again in a minute", kind, subject)
            writer.run(_postpone, (kind, subject))
    return done


def _postpone(tx: Tx, command: tuple[str, str]) -> None:
    kind, subject = command
    tx.run(statements.timer_postpone, kind=kind, subject=subject, due_at=tx.now + AGAIN)
