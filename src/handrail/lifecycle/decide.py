"""Decide: what the reviews amount to becomes the one decision, or the end of an after-the-fact look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from handrail.canonical import JSON, dumps
from handrail.consensus.quorum import Outcome
from handrail.consensus.quorum import settle as weigh
from handrail.decision import Decision
from handrail.lifecycle import (
    bursts,
    committing,
    edits,
    escalate,
    for_run,
    fusing,
    labels,
    policies,
    queue,
    rows,
    second_look,
    undo,
)
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.lifecycle.opening import bound_digest, bound_paths
from handrail.lifecycle.rows import CaseRow, ProposalRow, ReviewRow
from handrail.route import Route
from handrail.store import schema, statements
from handrail.store.tx import Staged, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What settling did: a decision, a closed look, or neither yet."""

    decision: Decision | None = None
    receipt: Staged | None = None
    closed: bool = False
    # when a given review begins to count: look again then
    next_at: int | None = None
    # the grant that an approval for the run issued
    grant: str | None = None


def settle(
    tx: Tx, row: ProposalRow, case: CaseRow, route: Route, *, given: list[ReviewRow] | None = None,
    by: Actor = SYSTEM, in_hand: bool = False, last: bool = False,
) -> Settled:  # fmt: skip
    """Weigh the reviews of an open case (`given`, where they are known) and act on what they amount to.

    `in_hand`: the case is out of the queue and its claim has ended, as when its reviewer just answered. `last`: there
    is no time for a further opinion.
    """
    if given is None:
        given = rows.reviews(tx, case.id)
    answered = outcome = _weigh(row, case, route, given, tx.now)
    if case.soft and route.spot_check and (last or outcome.state != "pending"):
        looked = second_look.judged(tx, row, case, route, given, outcome, by, last=last)
        if looked is None:
            return Settled(next_at=outcome.next_at)
        outcome = looked
    alone = bursts.is_one(case, row)
    if outcome.edit is not None and not case.soft and not alone:
        more = edits.ask_more_people(tx, row, case, outcome.arguments)
        if more.reviewers > case.reviewers:
            case, outcome = more, _weigh(row, more, route, given, tx.now)
    # a correction of a check says "wrong" of what was let through, and still is an answer
    fused = fusing.weigh(tx, row, given) if not alone and _chosen(answered if case.soft else outcome) else None
    if fused is not None and not case.soft and not route.stages:
        if fused.wants_more and not last:
            fusing.ask_one_more(tx, row, case, route, len(fused.answers))
            return Settled(next_at=outcome.next_at)
        # where a quorum must agree, people who contradict each other still go up
        if fused.terms.deliver and (outcome.state == "settled" or case.reviewers <= 1):
            said = _said(row, outcome)
            outcome = fusing.delivered(fused, outcome, said)
            return make(tx, row, case, outcome, given, by, in_hand=in_hand, fused=fused, said=said)
    if outcome.state == "conflict":
        escalate.raise_case(tx, row, case, reason=outcome.conflict or "conflict", void=True)
        return Settled(next_at=outcome.next_at)
    if outcome.edit is not None and not case.soft:
        row = revise(tx, row, case, outcome, given)
    if outcome.state == "pending":
        return Settled(next_at=outcome.next_at)
    if case.soft:
        return _close_look(tx, row, case, outcome, given, by, in_hand=in_hand, fused=fused)
    return make(tx, row, case, outcome, given, by, in_hand=in_hand, fused=fused)


def _chosen(outcome: Outcome) -> bool:
    """Whether people gave answers that can be weighed: settled, or in conflict about nothing but the answer."""
    if outcome.state == "conflict":
        return outcome.conflict == "answers_differ"
    return outcome.state == "settled" and outcome.kind in ("approved", "responded") and not outcome.edited


def _said(row: ProposalRow, outcome: Outcome) -> Any:
    """The answer people gave: their own, or the suggestion they approved; None where they differ."""
    if outcome.state == "conflict":
        return None
    return outcome.value if outcome.kind == "responded" else _suggestion(row)


def _weigh(row: ProposalRow, case: CaseRow, route: Route, given: list[ReviewRow], now: int) -> Outcome:
    return weigh(
        [rows.review_noun(r) for r in given],
        route if route.reviewers == case.reviewers else replace(route, reviewers=case.reviewers), row.revision, now,
        roles=_roles(given, route), made_by=row.made_by, suggestion=_suggestion(row),
    )  # fmt: skip


def counts_at(case: CaseRow, given: list[ReviewRow], now: int) -> int | None:
    """When the last answer given begins to count; None where none waits, or the case does not wait for it."""
    last = max((each.effective_at for each in given if each.live), default=0)
    return None if case.soft or last <= now else last


def will_settle(row: ProposalRow, case: CaseRow, route: Route, given: list[ReviewRow], at: int) -> bool:
    """Whether the reviews given settle the case at that time, when nothing else happens."""
    return _weigh(row, case, route, given, at).state == "settled"


def settle_when_due(tx: Tx, command: tuple[str, str]) -> Settled:
    """An undo window ended. Command: workspace, case id. Repeating it does no harm."""
    workspace, case_id = command
    row = rows.proposal(tx, workspace, case_id, for_update=True)
    case = rows.case(tx, workspace, case_id)
    tx.run(statements.timer_drop, kind="effective", subject=case_id)
    if case is None or case.state != "open":
        return Settled()
    made = settle(tx, row, case, rows.route_noun(row.route))
    if made.decision is None and not made.closed:
        if made.next_at is not None:
            tx.run(statements.timer_put, kind="effective", subject=case_id, due_at=made.next_at)
        queue.let_others_take(tx, workspace, case_id)
    return made


def look_again_when_due(tx: Tx, row: ProposalRow, case: CaseRow) -> None:
    """After a review was taken back: set the timer to the next one that will count, or drop it."""
    waiting = [
        r.effective_at
        for r in rows.reviews(tx, case.id)
        if r.withdrawn_at is None and r.voided_at is None and r.effective_at > tx.now and r.revision == row.revision
    ]
    if waiting:
        tx.run(statements.timer_put, kind="effective", subject=case.id, due_at=min(waiting))
    else:
        tx.run(statements.timer_drop, kind="effective", subject=case.id)


def make(
    tx: Tx, row: ProposalRow, case: CaseRow, outcome: Outcome, given: list[ReviewRow], by: Actor, *, in_hand: bool,
    fused: fusing.Fused | None = None, said: JSON = None,
) -> Settled:  # fmt: skip
    """Turn a settled outcome into the decision. `said`: what people said, where the fused answer is delivered."""
    body: dict[str, JSON] = {"by": list(outcome.people)}
    if fused is not None:
        body["fused"] = fused.record(said=said, delivered=fused.terms.deliver)
    for name in ("value", "instruction", "reason", "note"):
        if getattr(outcome, name) is not None:
            body[name] = getattr(outcome, name)
    if outcome.edited or row.made_by is not None:
        body["edited"] = True
    assert outcome.kind is not None
    made = record(tx, row, outcome.kind, body, by, reviews=list(outcome.counted))
    queue.close_case(tx, case, "decided", in_hand=in_hand)
    labels.from_reviews(tx, row, given, outcome, fused=body.get("fused"))
    if made.decision is not None and made.decision.kind == "approved":
        grant = _issued(tx, row, outcome, given)
        return made if grant is None else replace(made, grant=grant)
    return made


def _issued(tx: Tx, row: ProposalRow, outcome: Outcome, given: list[ReviewRow]) -> str | None:
    """The grant of an approval that was given for the whole run."""
    for each in given:
        if each.id in outcome.counted and each.verdict == "approve" and each.revision == row.revision:
            asked = each.body().get("for_run")
            if asked is not None:
                return for_run.issue(tx, row, Actor(kind="person", pid=each.reviewer), asked, each.given_at)
    return None


def record(
    tx: Tx, row: ProposalRow, kind: str, body: dict[str, JSON], by: Actor, *, reviews: list[str] | None = None
) -> Settled:
    """Make the decision: one guarded statement, so of two deciders one wins. The loser gets `closed` only."""
    if row.decision is not None:
        return Settled(closed=True)
    data = dumps(body)
    entry_id = tx.new_id()
    tx.later(statements.decision_put, case_id=row.case_id, kind=kind, bytes=data, at=tx.now, entry=entry_id)
    if row.parked:
        # a parked run waits for it
        tx.run(statements.park_decided, case_id=row.case_id)
    receipt = tx.entry(
        row.workspace, "decision.made", by.entry(), id=entry_id, case=(row.case_id, row.revision), from_="open",
        to="decided", result=kind, reviews=reviews, action={"name": row.action, "digest": row.action_digest},
        fields=committing.to_decision(committing.of_case(row), data),
    )  # fmt: skip
    if kind == "approved" and row.record().get("executor") == "worker" and row.record().get("gold") is None:
        tx.add(schema.handoff, workspace=row.workspace, action=row.action, case_id=row.case_id, approved_at=tx.now)
    decided = row._replace(decision=kind, decision_bytes=data, decided_at=tx.now, decision_entry=entry_id)
    receipt.decision = rows.decision_noun(decided)
    return Settled(decision=receipt.decision, receipt=receipt, closed=True)


def revise(tx: Tx, row: ProposalRow, case: CaseRow, outcome: Outcome, given: list[ReviewRow]) -> ProposalRow:
    """An edit becomes the next revision, with its own digest; approvals of the text it changed are void."""
    record = edits.edited(row.record(), outcome.arguments)
    revision = row.revision + 1
    if "personal_data" in record:
        # an edit may take a personal value out altogether
        record["personal_data"] = bound_paths(tx, row.case_id, record)
    made = bound_digest(tx, row, record, revision)
    data = dumps(record)
    tx.add(schema.revision, case_id=row.case_id, revision=row.revision, bytes=bytes(row.data), replaced_at=tx.now)
    tx.run(
        statements.proposal_revise, case_id=row.case_id, revision=revision, action_digest=made, bytes=data,
        made_by=outcome.edit,
    )  # fmt: skip
    policies.count_edited(tx, row, record)
    kind = record.get("kind", "action")
    line = queue.summary(row.action, record["arguments"], record.get("personal_data", ()), kind=kind)
    tx.run(statements.case_revise, case_id=row.case_id, revision=revision, summary=line)
    editor = next(r for r in given if r.id == outcome.edit)
    # others who made the very same edit stand behind the new revision too
    also = [r.id for r in given if r.verdict == "edit" and r.id in outcome.counted and r.id != editor.id]
    tx.entry(
        row.workspace, "proposal.revised", {"kind": "person", "pid": editor.reviewer}, case=(row.case_id, revision),
        action={"name": row.action, "digest": made}, cause=outcome.edit, also=also or None,
        fields=committing.to_proposal(committing.of_case(row), data),
    )  # fmt: skip
    keep = dumps([editor.id, *also]).decode()
    for voided, reviewer in tx.run(
        statements.review_void, case_id=row.case_id, keep=keep, revision=revision, now=tx.now
    ):
        tx.entry(row.workspace, "review.voided", SYSTEM.entry(), case=(row.case_id, row.revision), review=voided)
        tx.run(statements.excluded_forget, case_id=row.case_id, person=reviewer)
    return row._replace(revision=revision, action_digest=made, data=data, made_by=outcome.edit)


def _close_look(
    tx: Tx, row: ProposalRow, case: CaseRow, outcome: Outcome, given: list[ReviewRow], by: Actor, *, in_hand: bool,
    fused: fusing.Fused | None = None,
) -> Settled:  # fmt: skip
    """People finished looking at something that had been let through; an objection starts its undo."""
    confirmed = outcome.kind in ("approved", "responded") and not outcome.edited
    queue.close_case(tx, case, "reviewed", in_hand=in_hand)
    tx.entry(
        row.workspace, "case.closed", by.entry(), case=(row.case_id, row.revision), from_="open", to="reviewed",
        result="confirmed" if confirmed else "objected", reviews=list(outcome.counted),
    )  # fmt: skip
    labels.from_reviews(tx, row, given, outcome, fused=None if fused is None else fused.record())
    if not confirmed and not case.gold:
        undo.after_objection(tx, row, by)
    return Settled(closed=True)


def _roles(given: list[ReviewRow], route: Route) -> dict[str, list[str]]:
    """The roles each reviewer held when he answered; an admin stands in for any that the route asks for."""
    asked = sorted({*route.roles, *(role for stage in route.stages for role in stage.roles)})
    return {person: held + asked if "admin" in held else held for person, held in rows.roles_of(given).items()}


def _suggestion(row: ProposalRow) -> Any:
    record = row.record()
    if record.get("kind") in ("annotation", "comparison", "prediction"):
        return record.get("arguments", {}).get("suggestion")
    return None
