"""Timers: deadlines, undo windows, claims and executions whose time has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handrail.clock import Clock
from handrail.errors import Conflict, NotFound
from handrail.lifecycle import claim, decide, execute, expire, undo
from handrail.store import statements
from handrail.store.engine import Store
from handrail.store.tx import Tx
from handrail.store.writer import Writer

AT_ONCE = 200

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
    futures = [writer.submit(VERBS[kind], (workspace, subject)) for kind, subject, _, workspace in due]
    for future in futures:
        try:
            future.result()
        except (Conflict, NotFound):
            continue
    return len(due)
