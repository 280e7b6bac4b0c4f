"""Fits fusions anew where the policy weighs people's answers and enough new labels came in."""

from __future__ import annotations

import logging

from handrail.clock import Clock
from handrail.errors import InvalidInput, NotEnoughEvidence
from handrail.lifecycle import fitting, fusing, policies
from handrail.lifecycle.actor import ALL_SCOPES, SYSTEM, Actor
from handrail.lifecycle.calibrators import intact
from handrail.store import judged, statements
from handrail.store.engine import Store
from handrail.store.writer import Writer

log = logging.getLogger("handrail.fusions")

INTERVAL = 30.0
# a fusion is fitted again once labels grew by a tenth, and by so many at least
GROWTH = 0.1
LEAST_NEW = 10


class Fusions:
    """Every workspace's fusions. Fitting happens outside the writer; only the finished numbers are written."""

    def __init__(self, store: Store, writer: Writer, clock: Clock):
        self._store = store
        self._writer = writer
        self._clock = clock
        # labels there were when an action of a workspace was last tried
        self._seen: dict[tuple[str, str], int] = {}

    def step(self) -> int:
        """Fit what is due; how many fusions were installed."""
        return sum(self._of(workspace) for workspace in judged.workspaces(self._store))

    def _of(self, workspace: str) -> int:
        actions = self._weighed(workspace)
        made = 0
        for action, count in judged.counts(self._store, workspace).items() if actions else ():
            before = self._seen.get((workspace, action), 0)
            if action in actions and count >= before + max(LEAST_NEW, GROWTH * before):
                self._seen[workspace, action] = count
                made += self._fit(workspace, action)
        return made

    def _weighed(self, workspace: str) -> set[str]:
        """The actions whose answers the policy in force weighs."""
        found = self._store.read_hot(statements.workspace_get, id=workspace)
        if not found or found[0][4] is None:
            return set()
        text = self._store.read_hot(statements.policy_get, workspace=workspace, digest=found[0][4])
        if not text:
            return set()
        policy = policies.compiled(text[0][0], text[0][1])
        named = (entry.action_type for entry in policy.document.escalation_policies)
        return {action for action in named if policy.opinions(action) is not None}

    def _fit(self, workspace: str, action: str) -> int:
        try:
            made = fitting.fit(self._store, workspace, action, fitted_at=self._clock.now())
        except NotEnoughEvidence:
            return 0
        except InvalidInput as error:
            log.warning("the fusion of %s cannot be fitted: %s", action, error)
            return 0
        known = self._store.read_hot(statements.calibrator_newest, workspace=workspace, name=fusing.PREFIX + action)
        data = intact(known[0][1], known[0][2]) if known else None
        held = None if data is None else fusing.read(data)
        if held is not None and (held.answers, held.n) == (made.answers, made.n):
            # the same evidence, as after a restart
            return 0
        system = Actor(kind="system", pid=SYSTEM.pid, workspace=workspace, scopes=ALL_SCOPES)
        self._writer.run(fusing.install, fusing.Install(actor=system, action=action, fusion=made.to_json()))
        return 1
