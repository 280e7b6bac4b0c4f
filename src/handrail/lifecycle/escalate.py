"""Escalate: a case goes up, to more people and in front of the others."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.clock import SECOND, iso
from handrail.errors import Conflict, InvalidInput
from handrail.lifecycle import bursts, claim, committing, policies, queue, raised, rows
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.lifecycle.rows import CaseRow, ProposalRow
from handrail.store import statements
from handrail.store.tx import Tx

REASON_CODE_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    """Send a case up by hand."""

    actor: Actor
    case_id: str
    reason: str


def escalate(tx: Tx, command: Escalate) -> CaseRow:
    """Send the case up: a lead must judge it, its claim ends, its place is first."""
    claim.may_review(tx, command.actor)
    if not command.reason.strip():
        raise InvalidInput("escalating needs a reason", remedy="Say what the next person should look at.")
    row = rows.proposal(tx, command.actor.workspace, command.case_id, for_update=True)
    case = claim.open_case_of(tx, command.actor, command.case_id)
    if bursts.is_one(case, row):
        raise Conflict("what opens a session goes up to nobody", remedy="Answer it, or give it back.")
    return raise_case(tx, row, case, reason="by_reviewer", by=command.actor)


def raise_case(
    tx: Tx, row: ProposalRow, case: CaseRow, *, reason: str, by: Actor = SYSTEM, void: bool = False
) -> CaseRow:
    """Send a case up. `void` throws the contradicting reviews out, so that fresh people judge it."""
    route = rows.route_noun(row.route)
    reviewers = max(case.reviewers, 1)
    if void:
        for voided, reviewer in tx.run(
            statements.review_void, case_id=case.id, keep="[]", revision=row.revision + 1, now=tx.now
        ):
            tx.entry(row.workspace, "review.voided", SYSTEM.entry(), case=(case.id, row.revision), review=voided)
            # who contradicted each other do not judge it again before a lead has
            tx.run(statements.excluded_put, case_id=case.id, person=reviewer, why="reviewed")
        settings = policies.by_digest(tx, row.workspace, row.policy).review_settings
        reviewers = max(reviewers, settings.high_stakes_min_reviewers if route.high_stakes else 1)
    higher = raised.raise_route(route, reviewers)
    lane = queue.lane_of(tx, row.workspace, higher)
    deadline = case.deadline
    # a spot check that goes up is due as before: nobody waits for it but the monitors, who count it at its deadline
    if deadline is not None and route.deadline_seconds is not None and not route.spot_check:
        deadline = max(deadline, tx.now + route.deadline_seconds * SECOND)
    # half of the present key: in front of everything that is not itself escalated
    sort_key = case.sort_key // 2
    tx.run(statements.claim_drop, case_id=case.id)
    tx.run(statements.timer_drop, kind="claim", subject=case.id)
    tx.run(statements.ready_take, lane=case.lane, sort_key=case.sort_key, case_id=case.id)
    tx.run(
        statements.case_escalate, case_id=case.id, reviewers=reviewers, lane=lane, sort_key=sort_key, deadline=deadline
    )
    tx.run(statements.proposal_reroute, case_id=case.id, route=rows.route_bytes(higher))
    if deadline is not None:
        tx.run(statements.timer_put, kind="deadline", subject=case.id, due_at=deadline)
    gone_up = case._replace(
        lane=lane, sort_key=sort_key, reviewers=reviewers, deadline=deadline, escalations=case.escalations + 1
    )
    queue.put_back(tx, gone_up)
    tx.entry(
        row.workspace, "case.escalated", by.entry(), case=(case.id, row.revision), from_="open", to="open",
        reviewers=reviewers, roles=list(higher.stages[-1].roles), among=[raised.LEAD],
        reason=reason[:REASON_CODE_CHARACTERS], deadline=None if deadline is None else iso(deadline),
        fields=committing.to_route(committing.of_case(row), committing.route_data(higher)),
    )  # fmt: skip
    return gone_up
