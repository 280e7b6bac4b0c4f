"""The loops' seam over the real client: a control plane on SQLite, the real policy, queue, quorum, labels and log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from desk import Standing

from handrail.canonical import JSON, dumps, parse
from handrail.client.client import Client
from handrail.client.desk import Desk as PersonsDesk
from handrail.client.local import LocalTransport
from handrail.decision import Decision
from handrail.label import Label
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.lifecycle.labels import label_noun
from handrail.maintenance.plane import Plane
from handrail.policy.evaluate import Policy
from handrail.proposal import Proposal
from handrail.route import Verdict
from handrail.store import statements, training

AGENT = Actor(kind="agent", pid="loop", name="loop", scopes=ALL_SCOPES, auth="local")
# answers count at once: recorded people take nothing back; the stream never runs into a deadline, and what is compared
# from round to round is the threshold alone, not an alarm that overrules it
AT_ONCE = """
defaults: {hard_gate_undo_seconds: 0, soft_review_undo_seconds: 0, hard_gate_deadline_seconds: 86400}
monitors: {enabled: false}
"""


class ClientDesk:
    """Proposes and answers through `handrail.client`. People who contradict each other send a case to two leads."""

    leads: ClassVar[tuple[str, ...]] = ("lead-0", "lead-1")

    def __init__(self, plane: Plane, policy: str):
        self.plane = plane
        self._draw = 0.5
        self.client = Client(LocalTransport(plane, AGENT, owns_plane=False, draw=lambda: self._draw))
        self.client.set_policy(policy)
        self._desks: dict[str, PersonsDesk] = {}
        self._known: dict[str, Standing] = {}

    def propose(self, proposal: Proposal, *, draw: float) -> Standing:
        self._draw = draw
        pending = self.client.propose(proposal)
        decision = pending.decision(timeout=0)
        standing = Standing(
            case_id=pending.case_id,
            tier=pending.tier,
            open=self._state(pending.case_id) == "open",
            decision=None if decision is None else decision.kind,
            arguments=None if decision is None else decision.arguments,
            after=decision is not None,
            reasons=tuple(reason.code for reason in pending.reasons),
        )
        self._known[standing.case_id] = standing
        return standing

    def answer(
        self, case_id: str, reviewer: str, verdict: Verdict, *, value: JSON = None, arguments: JSON = None
    ) -> Standing:
        more: dict[str, Any] = {"value": value, "arguments": arguments}
        if verdict == "edit" and dumps(arguments) == dumps(self._present(case_id)):
            # what stands is what he would make of it
            verdict, more = "approve", {}
        if verdict == "reject":
            more["reason"] = "wrong"
        self._desk(reviewer).answer(
            case_id, verdict, **{name: given for name, given in more.items() if given is not None}
        )
        was = self._known[case_id]
        decision = self.client.decision(case_id)
        found = Standing(
            case_id=case_id,
            tier=was.tier,
            open=self._state(case_id) == "open",
            decision=None if decision is None else decision.kind,
            arguments=_runs(decision),
            value=self._said(case_id) if was.after else None if decision is None else decision.value,
            escalated=self._case(case_id)[18] > 0,
            after=was.after,
            reasons=was.reasons,
        )
        self._known[case_id] = found
        return found

    @property
    def labels(self) -> list[Label]:
        return [label_noun(row[1]) for row in training.labels(self.plane.store, self.plane.workspace_id)]

    def _desk(self, reviewer: str) -> PersonsDesk:
        if reviewer not in self._desks:
            role = "lead" if reviewer in self.leads else "reviewer"
            self._desks[reviewer] = self.client.desk(reviewer, roles=(role,))
        return self._desks[reviewer]

    def _case(self, case_id: str) -> Any:
        return self.plane.store.read_hot(statements.case_get, case_id=case_id, workspace=self.plane.workspace_id)[0]

    def _state(self, case_id: str) -> str | None:
        found = self.plane.store.read_hot(statements.case_get, case_id=case_id, workspace=self.plane.workspace_id)
        return str(found[0][4]) if found else None

    def _present(self, case_id: str) -> JSON:
        return self.plane.proposal(self.plane.workspace_id, case_id).record().get("arguments")

    def _said(self, case_id: str) -> JSON:
        """What the last one said who looked at something that had been let through; None: what was proposed."""
        reviews = self.plane.store.read_hot(statements.review_list, case_id=case_id)
        return parse(bytes(reviews[-1][6])).get("value")


def _runs(decision: Decision | None) -> JSON:
    return decision.arguments if decision is not None and decision.approved else None


@contextmanager
def client_desks(folder: Path) -> Iterator[Callable[[str], ClientDesk]]:
    """A maker of desks, one after another on the same database: a policy's text in, a desk that works by it out."""
    with Plane(folder / "loop.db", policy="escalation_policies: []") as plane:
        yield lambda policy: ClientDesk(plane, policy + AT_ONCE)


def by_policy(make: Callable[[str], ClientDesk]) -> Callable[[Policy], ClientDesk]:
    """The same for loops that hold a compiled policy."""
    return lambda policy: make(policy.text)
