"""A control plane whose refunds may earn autonomy, people who answer, and shortcuts to get there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handrail.lifecycle import cells, demotion, outcome, promotion, review, submit
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.proposal import Proposal
from handrail.store import growth as tables
from handrail.testing.factories import person
from handrail.testing.rig import Rig

POLICY = """
escalation_policies:
  - action_type: refund
    auto_approve_threshold: 0.99
    undo: refund.undo
    undo_seconds: 0
    sla_seconds: 3600
    growth: {limit: 0.05, spot_check_rate: 0.05, severe: [not_allowed, fraud], days: 30}
    cost: {review: 1.0, wrong: 5.0, currency: EUR}
  - {action_type: refund.undo, autonomy: full, undo: refund}
  - action_type: announce
    autonomy: confirm
    undo: announce.undo
    undo_seconds: 0
    growth: {limit: 0.05}
  - {action_type: announce.undo, autonomy: full, undo: announce}
  - action_type: wipe
    autonomy: confirm
    undo_seconds: 0
    growth: {limit: 0.05}
defaults: {soft_review_undo_seconds: 0, soft_review_deadline_seconds: 600}
review_settings: {max_queue_depth: 100000}
"""
OPERATOR = Actor(kind="system", pid="operator", scopes=ALL_SCOPES, auth="local")


class Scene:
    """Refunds to two regions: each is a cell."""

    def __init__(self, place: str, folder: Path, *, policy: str = POLICY):
        self.rig = Rig(place, folder, policy=policy)
        self.ann, self.bob = person("Ann"), person("Bob")
        self.lea, self.max = person("Lea", "lead"), person("Max", "lead")
        self.count = 0

    # --- getting there ------------------------------------------------------------------------

    def check_on_golds(self, who: Actor, *, only_right: bool = False, stamps: bool = False, times: int = 40) -> None:
        """Known-answer cases: every fourth is wrong, unless only right ones are asked."""
        wrong = [n % 4 == 3 and not only_right for n in range(times)]
        asked = self._asked([
            {"arguments": {"region": "gold", "n": n}, "confidence": 0.5, "gold": "reject" if bad else "approve"}
            for n, bad in enumerate(wrong)
        ])  # fmt: skip
        self._answered(
            who, [(case, "approve" if stamps or not bad else "reject") for case, bad in zip(asked, wrong, strict=True)]
        )

    def ask(self, region: str = "eu", *, action: str = "refund", draw: float = 0.5, **fields: Any) -> Any:
        """Propose one."""
        self.count += 1
        # a moment passes, so that what came first has the lower id
        self.rig.clock.advance(0.002)
        arguments = {"region": region, "n": self.count}
        return self.rig.submit(action, arguments=arguments, draw=draw, **({"confidence": 0.6} | fields))

    def decided(self, times: int, *, by: Actor | None = None, region: str = "eu", action: str = "refund",
                verdict: str = "approve", **fields: Any) -> None:  # fmt: skip
        """So many that people answered."""
        self.rig.clock.advance(0.002)
        proposals = [{"arguments": {"region": region, "n": self.count + n}, "confidence": 0.6} for n in range(times)]
        self.count += times
        self._answered(by or self.ann, [(case, verdict) for case in self._asked(proposals, action)], **fields)

    def _asked(self, proposals: list[dict[str, Any]], action: str = "refund") -> list[str]:
        """Proposed together, so that they share their commits; their case ids."""
        commands = [submit.prepare(self.rig.agent, Proposal(action=action, **fields), draw=0.5) for fields in proposals]
        made = self._together(submit.submit, commands)
        assert all(one.status == "open" for one in made), made[0].reasons
        return [one.case_id for one in made]

    def _answered(self, by: Actor, said: list[tuple[str, str]], **fields: Any) -> None:
        more = {"reason": "wrong"} | fields
        commands = [
            review.Answer(actor=by, case_id=case, verdict=verdict, **({} if verdict == "approve" else more))
            for case, verdict in said
        ]
        self._together(review.review, commands)

    def _together(self, verb: Any, commands: list[Any]) -> list[Any]:
        return [future.result() for future in [self.rig.plane.writer.submit(verb, one) for one in commands]]

    def lay(self, action: str = "refund") -> int:
        """Both regions are seen, and cells laid."""
        for region in ("eu", "us"):
            self.decided(15, region=region, action=action)
        return self.rig.run(cells.lay, cells.Lay(actor=OPERATOR, action=action))

    def earn(self, n: int = 90, **fields: Any) -> str:
        """Golds, cells, and enough clean cases in the EU that the loop proposes; the promotion's id."""
        self.check_on_golds(self.ann)
        self.lay()
        self.decided(n, **fields)
        self.grow()
        (found,) = [each for each in self.shown()["promotions"] if each["state"] == "proposed"]
        return str(found["id"])

    def promote(self) -> str:
        """The grant of the EU's cell."""
        return self.accept(self.lea, self.earn())

    # --- verbs ----------------------------------------------------------------------------------

    def grow(self) -> int:
        """What the loop does."""
        return self.rig.plane.growing.step()

    def propose(self, by: Actor, cell: str | None = None, **fields: Any) -> list[str]:
        return self.rig.run(promotion.propose, promotion.Propose(actor=by, cell=cell, **fields))

    def accept(self, by: Actor, id: str) -> str:
        return self.rig.run(promotion.accept, promotion.Answer(actor=by, id=id))

    def decline(self, by: Actor, id: str, reason: str = "not yet") -> None:
        self.rig.run(promotion.decline, promotion.Answer(actor=by, id=id, reason=reason))

    def turned_out(self, case_id: str, *, correct: bool, severe: bool = False) -> None:
        command = outcome.Record(actor=OPERATOR, case_id=case_id, correct=correct, severe=severe)
        self.rig.run(outcome.record, command)

    def watch(self, cell: str) -> str | None:
        return self.rig.run(demotion.watch, ("default", cell))

    # --- looking --------------------------------------------------------------------------------

    def shown(self, history: int = 0) -> dict[str, Any]:
        command = promotion.ListGrowth(actor=OPERATOR, history=history)
        return self.rig.run(promotion.listed, command)

    def cell(self, region: str = "eu", action: str = "refund") -> dict[str, Any]:
        (found,) = [
            each for each in self.shown()["cells"] if f'"{region}"' in each["when"] and each["action"] == action
        ]
        return found

    def noted(self, case_id: str) -> Any:
        """Cell, round, grant and judgement of a case; None where it counts nowhere."""
        found = self.rig.plane.store.read_hot(tables.cell_of_case, case_id=case_id, workspace="default")
        return found[0] if found else None
