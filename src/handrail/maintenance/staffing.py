"""The loop that prices reviews by how many people can do: a look first, so that an idle server writes little."""

from __future__ import annotations

from handrail.clock import Clock
from handrail.errors import Conflict
from handrail.lifecycle import capacity, policies, watching
from handrail.store import monitors as tables
from handrail.store import statements
from handrail.store.engine import Store
from handrail.store.writer import Writer

# seconds between two looks at the clock
EVERY = 30.0


class Staffing:
    """One look at every workspace at a time. Any replica may run it: the workspace's row lets one of them move it."""

    def __init__(self, store: Store, writer: Writer, clock: Clock):
        self._store = store
        self._writer = writer
        self._clock = clock

    def step(self) -> int:
        """Look where it is due; how many prices moved."""
        moved = 0
        for workspace, digest, watch in self._store.read_hot(tables.workspaces):
            text, name = self._store.read_hot(statements.policy_get, workspace=workspace, digest=digest)[0]
            entry = policies.compiled(text, name).document.capacity
            if not capacity.due(watching.read(watch).scarcity, entry, self._clock.now()):
                continue
            try:
                moved += self._writer.run(capacity.look, workspace)
            except Conflict:
                # another replica was first
                continue
        return moved
