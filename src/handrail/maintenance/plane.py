"""The control plane of one process: store, writer, feed, sealer, and the loops that keep house."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from handrail.clock import Clock, SystemClock
from handrail.decision import Decision, Receipt
from handrail.errors import HandrailError, InvalidInput, NotFound, Unreadable
from handrail.lifecycle import claim, execute, policies, review, rows, submit, workspace
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.rows import ProposalRow
from handrail.maintenance import fusions, indexing, staffing, timers
from handrail.maintenance.feed import Feed
from handrail.maintenance.feedback import Batcher, Retraining
from handrail.maintenance.golds import Golds
from handrail.maintenance.growing import Growing
from handrail.maintenance.hook import Hook, hook_from
from handrail.maintenance.loop import Loop
from handrail.maintenance.monitoring import Monitoring
from handrail.maintenance.sealing import Sealer
from handrail.maintenance.supervisors import Access, Supervisors, access_from
from handrail.store import statements
from handrail.store.engine import Store
from handrail.store.logbook import Logbook
from handrail.store.migrate import migrate, pending
from handrail.store.open import open_store
from handrail.store.writer import Ahead, Bulk, Verb, Writer

log = logging.getLogger("handrail.plane")

C = TypeVar("C")
R = TypeVar("R")
AHEAD: dict[Verb[Any, Any], Ahead] = {
    # touches no case that was there before
    submit.submit: submit.look_ahead,
    review.review: review.look_ahead,
    execute.start: execute.look_ahead_of_starts,
    execute.finish: execute.look_ahead,
    claim.take_next: claim.look_ahead,
}
UNBOUND: frozenset[Verb[Any, Any]] = frozenset({claim.take_next})
BULK: dict[Verb[Any, Any], Bulk] = {submit.submit: submit.submit_many}


class Plane:
    """Everything one process needs to run the lifecycle. Close it; or use it as a context manager.

    `url` may be an open store, which the plane then closes. Without a `clock` the database tells the time where it
    has one of its own. Without a `retrain_hook`, HANDRAIL_RETRAIN_HOOK names it; without `supervisor`, the environment
    says which hosts an AI supervisor may be asked at.
    """

    def __init__(
        self,
        url: str | Path | Store,
        *,
        policy: str | None = None,
        policy_name: str = "policy",
        workspace_id: str = "default",
        host: str = "handrail.local",
        keys: Path | None = None,
        clock: Clock | None = None,
        loops: bool = True,
        writer_threads: int = 1,
        allow_unsafe: bool = False,
        auto_migrate: bool = True,
        retrain_hook: Hook | None = None,
        supervisor: Access | None = None,
    ):
        retrain_hook = retrain_hook or hook_from(os.environ)
        supervisor = supervisor or access_from(os.environ)
        self.clock = clock or SystemClock()
        self.store = open_store(url, allow_unsafe=allow_unsafe) if isinstance(url, str | Path) else url
        if auto_migrate:
            migrate(self.store.url)
        elif pending(self.store.url):
            raise InvalidInput("the database is older than this program", remedy="Run `handrail migrate` first.")
        self._check_log(workspace_id)
        self.feed = Feed(self.store)
        self.writer = Writer(
            self.store,
            clock=clock,
            threads=writer_threads,
            bulk=BULK,
            ahead=AHEAD,
            unbound=UNBOUND,
            committed=self.feed.committed,
        )
        # asked by whoever submits, before the transaction
        self.supervisors = Supervisors(self.store, supervisor)
        self.host = host
        self.workspace_id = workspace_id
        begun = self.begin_workspace(workspace_id, policy or default_policy(), policy_name)
        self.first_start = begun.created
        self.sealer = Sealer(self.store, self.writer, keys or keys_beside(self.store.url))
        if self.sealer.ahead(self.log) is not None and self.writer.run(
            workspace.freeze, workspace.Freeze(workspace=workspace_id)
        ):
            log.error(
                "%s is an older copy than the one that was signed: workspace %s is frozen", self.log, workspace_id
            )
        self.batcher = Batcher(self.store, self.writer)
        self.retraining = Retraining(self.store, self.writer, self.clock, retrain_hook)
        self.growing = Growing(self.store, self.writer, self.clock)
        self.golds = Golds(self.store, self.writer, self.clock)
        self.monitoring = Monitoring(self.store, self.writer, self.clock)
        self.staffing = staffing.Staffing(self.store, self.writer, self.clock)
        self.fusions = fusions.Fusions(self.store, self.writer, self.clock)
        self.loops = [
            Loop("timers", lambda: timers.step(self.store, self.writer, self.clock), 0.1),
            Loop("sealing", self.sealer.step, 0.5),
            Loop("indexing", lambda: indexing.step(self.store, self.writer), 1.0),
            Loop("feedback", self.batcher.step, 2.0),
            Loop("growth", self.growing.step, 10.0),
            Loop("golds", self.golds.step, 2.0),
            Loop("monitors", self.monitoring.step, 1.0),
            Loop("fusions", self.fusions.step, fusions.INTERVAL),
            Loop("staffing", self.staffing.step, staffing.EVERY),
            Loop("retraining", self.retraining.step, 2.0, patience=self.retraining.patience),
        ]
        self._unwatch: Callable[[], None] = lambda: None
        self._running = False
        if loops:
            self.start()

    def _check_log(self, workspace_id: str) -> None:
        """Refuse to go on from a head that somebody changed: whatever were appended to it could never be verified."""
        known = self.store.read_hot(statements.workspace_get, id=workspace_id)
        try:
            if known:
                Logbook(self.store, known[0][1]).check_head()
        except Unreadable:
            self.store.close()
            raise

    def begin_workspace(self, id: str, policy: str, policy_name: str = "policy") -> workspace.Begun:
        """Create a workspace if there is none of that name."""
        return self.writer.run(
            workspace.begin,
            workspace.Begin(
                id=id, log=f"{self.host}/{id}", secret=os.urandom(32), policy_name=policy_name, policy_text=policy
            ),
        )

    @property
    def log(self) -> str:
        """The origin of this workspace's log; another one after an epoch."""
        return self.log_of(self.workspace_id)

    def acknowledge_restore(self, actor: Actor) -> str:
        """An operator has looked at a restored copy: go on, under a new epoch where the old log cannot be extended."""
        last = self.sealer.ahead(self.log)
        known = None if last is None else (last.origin, last.size, last.root)
        return self.writer.run(workspace.acknowledge_restore, workspace.Acknowledge(actor=actor, last=known))

    def start(self) -> None:
        """Start the loops and the watch for other processes' changes."""
        if not self._running:
            self._running = True
            self._unwatch = self.store.watch(self.feed.changed)
            for loop in self.loops:
                loop.start()

    def close(self) -> None:
        """Finish what is waiting, sign what is unsigned, stop."""
        if self._running:
            self._unwatch()
            self.retraining.stop()
            for loop in self.loops:
                loop.stop()
            try:
                self.sealer.step()
            except HandrailError as error:
                log.warning("the newest entries stay unsigned: %s", error)
        self.supervisors.close()
        self.writer.close()
        self.store.close()

    def __enter__(self) -> Plane:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- verbs and reads that every door needs ------------------------------------------------

    def run(self, verb: Verb[C, R], command: C) -> R:
        """Run a verb; returns when it is durable."""
        return self.writer.run(verb, command)

    async def arun(self, verb: Verb[C, R], command: C) -> R:
        """The same for an event loop."""
        return await self.writer.arun(verb, command)

    def logbook(self, workspace_id: str | None = None) -> Logbook:
        """The log of a workspace."""
        return Logbook(self.store, self.log_of(workspace_id or self.workspace_id))

    def log_of(self, workspace_id: str) -> str:
        """The origin of a workspace's log. Raises `NotFound`."""
        found = self.store.read_hot(statements.workspace_get, id=workspace_id)
        if not found:
            raise NotFound(f"there is no workspace {workspace_id!r}")
        return str(found[0][1])

    def proposal(self, workspace_id: str, case_id: str) -> ProposalRow:
        """A proposal's row. Raises `NotFound`."""
        found = self.store.read_hot(statements.proposal_get, case_id=case_id, workspace=workspace_id)
        if not found:
            raise NotFound(f"there is no case {case_id!r} in this workspace")
        return ProposalRow._make(found[0])

    def decision(self, workspace_id: str, case_id: str, *, receipt: bool = True) -> Decision | None:
        """The decision with its receipt, or None while there is none."""
        return self.decision_of(self.proposal(workspace_id, case_id), receipt=receipt)

    def decision_of(self, row: ProposalRow, *, receipt: bool = True) -> Decision | None:
        """The same of a row that was read."""
        if row.decision is None:
            return None
        return rows.decision_noun(row, self.receipt(row) if receipt else None)

    def receipt(self, row: ProposalRow) -> Receipt | None:
        """The receipt of a decision: at once its entry and index, with the next checkpoint its proof."""
        found = self.store.read_hot(statements.entry_of_case, case_id=row.case_id, id=row.decision_entry)
        if not found:
            return None
        log, index, data, signed = found[0]
        proof = Logbook(self.store, log).receipt(bytes(data), index) if index < signed else None
        return Receipt(log=log, index=index, entry=bytes(data), proof=None if proof is None else proof.decode())

    def health(self) -> dict[str, Any]:
        """What an operator looks at first."""
        return {
            "engine": self.store.engine,
            "waiting": self.writer.waiting,
            "commits": self.writer.commits,
            "verbs": self.writer.verbs,
            "loops": {loop.name: {"lag_seconds": round(loop.lag, 1), "failures": loop.failures} for loop in self.loops},
            "retraining": self.retraining.health(),
            "at": time.time(),
        }


def default_policy() -> str:
    """The policy of who brings none: what nobody declared is gated."""
    return resources.files("handrail.policy").joinpath("default.yaml").read_text(encoding="utf-8")


def policy_from(path: Path) -> str:
    """A policy file's text. Raises `InvalidPolicy` with file, line, field and remedy of every mistake in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read the policy {path}: {error}") from None
    policies.compiled(text, source=str(path))
    return text


def keys_beside(url: str) -> Path:
    """Where signing keys live unless told otherwise: beside a SQLite file, else in the user's home."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        return path.with_name(path.name + "-keys")
    return Path.home() / ".handrail" / "keys"
