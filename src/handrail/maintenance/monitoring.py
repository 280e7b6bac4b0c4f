"""The loop that feeds monitors: a look first, so that an idle server writes nothing."""

from __future__ import annotations

from handrail.clock import Clock
from handrail.errors import Conflict
from handrail.lifecycle import monitors, overflow, stale, watching
from handrail.lifecycle.policies import compiled
from handrail.policy.evaluate import Policy
from handrail.store import monitors as tables
from handrail.store import statements
from handrail.store.engine import Store
from handrail.store.writer import Writer

# at least so often the calibrators are looked at, microseconds
CALIBRATORS_EVERY = 60_000_000


class Monitoring:
    """Feeds the monitors of every workspace. Any replica may run it: one at a time feeds a workspace."""

    def __init__(self, store: Store, writer: Writer, clock: Clock):
        self._store = store
        self._writer = writer
        self._clock = clock
        # workspace → policy for which its monitors were begun
        self._begun: dict[str, str] = {}
        self._looked: dict[str, int] = {}
        # workspace and action → checks that were known while the first of them was only alleged
        self._alleged: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def step(self) -> int:
        """Take in what is due everywhere; how many cases that was."""
        taken, failed = 0, None
        for workspace, digest, watch in self._store.read_hot(tables.workspaces):
            policy = self._policy(workspace, digest)
            try:
                if self._due(workspace, digest, policy):
                    taken += self._feed(workspace)
                    self._begun[workspace] = digest
                if watching.read(watch).overflow:
                    taken += self._writer.run(overflow.look, workspace)
                self._calibrators(workspace, policy, watch)
            except Conflict:
                # another replica was first; look again in a moment
                continue
            except Exception as error:
                # the others' monitors go on; whoever runs this says that it failed
                failed = error
        if failed is not None:
            raise failed
        return taken

    def _feed(self, workspace: str) -> int:
        try:
            return self._writer.run(monitors.feed, workspace).cases
        except BaseException:
            # what is alleged was not weighed: the next look must find it new
            for key in [key for key in self._alleged if key[0] == workspace]:
                del self._alleged[key]
            raise

    def _policy(self, workspace: str, digest: str) -> Policy:
        text, name = self._store.read_hot(statements.policy_get, workspace=workspace, digest=digest)[0]
        return compiled(text, name)

    def _due(self, workspace: str, digest: str, policy: Policy) -> bool:
        """Whether anything could be taken in: a new policy, a check whose turn has come, a stream that is watched."""
        if self._begun.get(workspace) != digest:
            return True
        rules = policy.document.monitors
        if rules.review_share is not None or rules.scores:
            return True
        return any(self._turn(workspace, action) for action in tables.waiting(self._store, workspace))

    def _turn(self, workspace: str, action: str) -> bool:
        """Whether a check's turn has come, or more is alleged than was when last looked at."""
        now = self._clock.now()
        given = {"workspace": workspace, "action": action, "now": now}
        found = [monitors.verdict_of(row, now) for row in self._store.read_hot(tables.check_waiting, limit=1, **given)]
        if found == ["alleged"]:
            rows = self._store.read_hot(tables.check_waiting, limit=monitors.CHECKS, **given)
            known = [(row[0], verdict) for row in rows if (verdict := monitors.verdict_of(row, now)) is not None]
            before, self._alleged[workspace, action] = self._alleged.get((workspace, action)), known
            return before != known
        return found not in ([], [None])

    def _calibrators(self, workspace: str, policy: Policy, watch: str | None) -> None:
        now = self._clock.now()
        if now - self._looked.get(workspace, -CALIBRATORS_EVERY) < CALIBRATORS_EVERY:
            return
        self._looked[workspace] = now
        why = dict(stale.found(self._store, workspace, policy, now))
        if why != watching.read(watch).stale:
            self._writer.run(stale.note, (workspace, why))
