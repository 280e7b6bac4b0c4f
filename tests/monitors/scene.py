"""A control plane whose spot checks are answered: by whom, how often wrongly, in which order."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from handrail.lifecycle import monitors
from handrail.lifecycle.fed import Fed, MonitorRow
from handrail.lifecycle.submit import Submitted
from handrail.store import monitors as tables
from handrail.store import statements
from handrail.testing.factories import person
from handrail.testing.rig import Rig

POLICY = """
escalation_policies:
  - action_type: pay
    auto_approve_threshold: 0.9
    soft_review_threshold: 0.5
    target_error: 0.05
    spot_check_rate: 0.4
    weighted_check_rate: 0.3
    undo: unpay
    undo_seconds: 0
  - {action_type: unpay, autonomy: full}
  - {action_type: calm, auto_approve_threshold: 0.9, undo: unpay, undo_seconds: 0}
review_settings: {reviewer_session_limit_minutes: 1000000}
"""
ANN, LEA = person("Ann"), person("Lea", "lead")


class Scene:
    """A rig with a stream of proposals whose error is known."""

    def __init__(self, url: str, folder: Path, policy: str = POLICY):
        self.rig = Rig(url, folder, policy=policy)
        self.chance = random.Random(7)
        self.feed = self.rig.plane.monitoring.step

    def submit(self, action: str = "pay", confidence: float = 0.97, **fields: Any) -> Submitted:
        # ids sort by the millisecond
        self.rig.clock.advance(0.01)
        return self.rig.submit(
            action, confidence=confidence, draw=self.chance.random(), arguments={"n": self.chance.random()}, **fields
        )

    def is_open(self, case_id: str) -> bool:
        found = self.rig.plane.store.read_hot(statements.case_get, workspace=self.rig.workspace, case_id=case_id)
        return bool(found)

    def answered(self, error: float, action: str = "pay", confidence: float = 0.97) -> Submitted:
        """A proposal, and the answer of whoever looks at it."""
        made = self.submit(action, confidence)
        if self.is_open(made.case_id):
            self.rig.answer(ANN, made.case_id, "reject" if self.chance.random() < error else "approve")
        return made

    def stream(self, cases: int, error: float) -> Submitted:
        """So many answered proposals, fed as they come; the last one."""
        for at in range(cases):
            made = self.answered(error)
            if at % 10 == 0:
                self.feed_all()
        self.feed_all()
        self.rig.clock.advance(1)
        return made

    def feed_all(self) -> None:
        while self.feed():
            pass

    def until_alarm(self, error: float, most: int = 200) -> str:
        """The id of the alarm that a stream with this error raises."""
        for _ in range(most):
            self.answered(error)
            self.feed_all()
            if alarms := self.rig.entries("alarm.raised"):
                self.rig.clock.advance(1)
                return str(alarms[-1]["alarm"]["id"])
        raise AssertionError(f"no alarm in {most} cases")

    def monitors(self, *, ended: bool = False) -> dict[str, Any]:
        """Live monitors by action and kind."""
        return {f"{r.action}:{r.kind}": r for r in tables.monitors(self.rig.plane.store, "default", ended=ended)}

    def lift(self, id: str, by: Any = LEA, reason: str = "the model was rolled back") -> Any:
        return self.rig.run(monitors.lift, monitors.Lift(actor=by, id=id, reason=reason))

    def recounted(self) -> dict[str, tuple[int, float]]:
        """What each monitor of checks must hold, from the checks in the order of their draws."""
        store = self.rig.plane.store
        live = [Fed(MonitorRow._make(row)) for row in store.read_hot(tables.monitor_live, workspace="default")]
        made: dict[str, tuple[int, float]] = {}
        for fed in live:
            fed.state = fed.method.start()
            fed.alarmed = False
            for _, stream, pi, confidence, verdict in checks(store):
                fed.check(stream, pi, confidence, verdict != "right")
            made[fed.row.kind] = fed.state["n"], fed.log_e
        return made


def checks(store: Any) -> list[Any]:
    """Checks that entered, in the order of the draws."""
    from_table = tables.entered(store, "default")
    return [(r.case_id, r.stream, r.pi, r.confidence, r.verdict) for r in from_table if r.verdict != "unclear"]
