"""Growth: lay cells where there are none, propose what has been earned, take back what no longer stands.

Looks by itself and writes only where something is to be done. It never accepts: that takes a person.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from handrail.clock import SECOND, Clock
from handrail.errors import HandrailError
from handrail.learning.cells import LEAST_SEEN
from handrail.lifecycle import cells, demotion, policies, promotion
from handrail.lifecycle.actor import ALL_SCOPES, SYSTEM
from handrail.lifecycle.earned import earned
from handrail.policy.evaluate import Policy
from handrail.store import growth as tables
from handrail.store import reads
from handrail.store.engine import Store
from handrail.store.writer import Writer

# cells are laid once: first so many proposals, or so long after the first of them
UNASKED = 300
PATIENCE = 7 * 86_400 * SECOND
log = logging.getLogger("handrail.growth")


class Growing:
    """One look at every workspace at a time."""

    def __init__(self, store: Store, writer: Writer, clock: Clock):
        self._store = store
        self._writer = writer
        self._clock = clock
        # actions whose cells could not be laid, and the proposals there were then
        self._waiting: dict[tuple[str, str], int] = {}

    def step(self) -> int:
        """Do what is due; how much was done."""
        done = 0
        for workspace, _ in self._store.read_hot(tables.workspaces):
            found = reads.policy_text(self._store, workspace)
            policy = policies.compiled(found.text, found.name)
            growing = [plan.action for plan in policy.plans() if plan.growth is not None]
            if not growing and not self._store.read_hot(tables.promotions_live, workspace=workspace):
                continue
            done += self._lay(workspace, policy, growing) + self._look(workspace, policy)
        return done

    def _lay(self, workspace: str, policy: Policy, growing: list[str]) -> int:
        made = 0
        for action in growing:
            if self._store.read_hot(tables.cells_of_action, workspace=workspace, action=action):
                continue
            seen, first = self._store.read_hot(tables.seen_count, workspace=workspace, action=action)[0]
            if seen < LEAST_SEEN or self._waiting.get((workspace, action)) == seen:
                continue
            if seen < UNASKED and self._clock.now() - first < PATIENCE:
                continue
            try:
                actor = replace(SYSTEM, workspace=workspace, scopes=ALL_SCOPES)
                made += self._writer.run(cells.lay, cells.Lay(actor=actor, action=action))
            except HandrailError as error:
                # looked at again once more was proposed
                self._waiting[workspace, action] = seen
                log.info("no cells for %s yet: %s", action, error)
        return made

    def _look(self, workspace: str, policy: Policy) -> int:
        done, now = 0, self._clock.now()
        found = earned(self._store.read_hot, policy, workspace)
        for one in found:
            if demotion.broken(one, policy, now) is not None:
                done += self._writer.run(demotion.watch, (workspace, one.id)) is not None
        if any(one.due for one in found):
            actor = replace(SYSTEM, workspace=workspace, scopes=ALL_SCOPES)
            done += len(self._writer.run(promotion.propose, promotion.Propose(actor=actor)))
        return done
