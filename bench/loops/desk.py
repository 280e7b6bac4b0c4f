"""The seam of the loops: propose, then answer. Here over pure functions; a client can stand in its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

from handrail.canonical import JSON
from handrail.clock import SECOND
from handrail.consensus.quorum import Outcome, settle
from handrail.label import Label
from handrail.learning.labels import SUGGESTION, label_review
from handrail.policy.evaluate import Policy
from handrail.proposal import Proposal
from handrail.review import Review
from handrail.route import Route, Verdict

START = 1_760_000_000 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a proposal stands after a step."""

    case_id: str
    tier: str
    # somebody may still answer it
    open: bool
    # what it was settled as; None while a hard_gate is open
    decision: str | None
    # what would run (approved) or what people said (responded)
    arguments: JSON = None
    value: JSON = None
    # people contradict each other: one more is wanted
    escalated: bool = False
    # looked at after it was let through
    after: bool = False
    reasons: tuple[str, ...] = ()


class Desk(Protocol):
    """What a loop needs. `draw` in [0, 1) decides spot checks."""

    # who judges what the others contradict each other on; empty: further people of the same kind
    leads: ClassVar[tuple[str, ...]]

    def propose(self, proposal: Proposal, *, draw: float) -> Standing: ...

    def answer(
        self, case_id: str, reviewer: str, verdict: Verdict, *, value: JSON = None, arguments: JSON = None
    ) -> Standing: ...

    @property
    def labels(self) -> list[Label]: ...


@dataclass(slots=True)
class _Case:
    proposal: Proposal
    route: Route
    standing: Standing
    reviews: list[Review] = field(default_factory=list)
    revision: int = 1
    made_by: str | None = None
    arguments: JSON = None


class PureDesk:
    """Policy, quorum and labels, with nothing stored and no time but a counter."""

    leads: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, policy: Policy, *, roles: Mapping[str, Collection[str]] | None = None, checkers: int = 1
    ) -> None:
        self.policy = policy
        self.roles = roles
        # people who look at a spot check
        self.checkers = checkers
        self.cases: dict[str, _Case] = {}
        self.labels: list[Label] = []
        self.now = START
        self._count = 0

    def propose(self, proposal: Proposal, *, draw: float) -> Standing:
        route = self.policy.route(proposal, now=self._tick(), draw=draw)
        if route.spot_check:
            route = replace(route, reviewers=max(route.reviewers, self.checkers))
        let_through = route.tier in {"auto_approve", "soft_review"}
        standing = Standing(
            case_id=f"case-{len(self.cases)}",
            tier=route.tier,
            open=route.tier in {"soft_review", "hard_gate"} or route.spot_check,
            decision="approved" if let_through else "rejected" if route.tier == "deny" else None,
            arguments=proposal.arguments if let_through else None,
            after=let_through,
            reasons=tuple(reason.code for reason in route.reasons),
        )
        self.cases[standing.case_id] = _Case(proposal, route, standing, arguments=proposal.arguments)
        return standing

    def answer(
        self, case_id: str, reviewer: str, verdict: Verdict, *, value: JSON = None, arguments: JSON = None
    ) -> Standing:
        case, now = self.cases[case_id], self._tick()
        if not case.standing.open:
            raise ValueError(f"{case_id} is settled")
        review = Review(
            id=f"review-{self._count}",
            case_id=case_id,
            revision=case.revision,
            reviewer=reviewer,
            verdict=verdict,
            value=value,
            arguments=arguments,
            given_at=now,
            effective_at=now,
        )
        case.reviews.append(review)
        label = label_review(
            review,
            case.proposal,
            case.route,
            id=f"label-{self._count}",
            workspace="default",
            made_at=now,
            arguments=case.arguments,
        )
        if label is not None:
            self.labels.append(label)
        outcome = self._weigh(case)
        if outcome.state == "pending" and outcome.edit is not None:
            case.revision, case.made_by, case.arguments = case.revision + 1, outcome.edit, outcome.arguments
        case.standing = self._standing(case, outcome)
        return case.standing

    def _weigh(self, case: _Case) -> Outcome:
        held = case.proposal.arguments
        suggestion = held.get(SUGGESTION) if isinstance(held, dict) and case.proposal.kind == "prediction" else None
        return settle(
            case.reviews,
            case.route,
            case.revision,
            self.now,
            roles=self.roles,
            made_by=case.made_by,
            suggestion=suggestion,
        )

    def _standing(self, case: _Case, outcome: Outcome) -> Standing:
        was, settled = case.standing, outcome.state == "settled"
        arguments = outcome.arguments if outcome.edit is not None else case.arguments
        if was.after:  # let through already: people only look
            return replace(was, open=not settled, escalated=outcome.state == "conflict", value=outcome.value)
        return replace(
            was,
            open=not settled,
            decision=outcome.kind,
            arguments=arguments if outcome.kind == "approved" else None,
            value=outcome.value,
            escalated=outcome.state == "conflict",
        )

    def _tick(self) -> int:
        self._count += 1
        self.now += SECOND
        return self.now
