"""A second look at a spot check that somebody objected to. His objection acts at once; the error counts once confirmed.

The case stays open for one person more, who does not learn what was said, until its deadline at most. What the first
objection stops or undoes stays so, whatever the others find.
"""

from __future__ import annotations

from dataclasses import replace

from handrail.consensus.quorum import Outcome
from handrail.consensus.second_look import standing
from handrail.intake import proposal_from
from handrail.learning.labels import label_review
from handrail.lifecycle import access, claim, judging, rows, undo
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.lifecycle.rows import CaseRow, ProposalRow, ReviewRow
from handrail.route import Route
from handrail.store import statements
from handrail.store.tx import Tx

REASON = "second_look"


def judged(
    tx: Tx, row: ProposalRow, case: CaseRow, route: Route, given: list[ReviewRow], outcome: Outcome, by: Actor,
    *, last: bool,
) -> Outcome | None:  # fmt: skip
    """What the answers to a spot check come to; None while an alleged error waits for somebody else's look.

    `outcome`: what they come to as an ordinary case, in which one objection settles all.
    """
    found = _found(row, route, given, tx.now)
    alleging = [review for review, right in found if not right]
    if not alleging:
        return outcome
    may_ask = not last and _somebody_else(tx, row, case, route, given)
    stands = standing([right for _, right in found], may_ask=may_ask)
    if stands == "alleged":
        _ask_one_more(tx, row, case, alleging[0], len(found), by)
        return None
    agreeing = sorted((review for review, right in found if right == (stands == "right")), key=lambda each: each.id)
    return replace(
        outcome, state="settled", kind="approved" if stands == "right" else "rejected", conflict=None, edit=None,
        edited=False, have=len(agreeing), counted=tuple(each.id for each in agreeing),
        people=tuple(sorted(each.reviewer for each in agreeing)),
    )  # fmt: skip


def _somebody_else(tx: Tx, row: ProposalRow, case: CaseRow, route: Route, given: list[ReviewRow]) -> bool:
    """Whether a person is there who may answer and has not; who abstained will not."""
    secret = tx.workspace(row.workspace).secret
    barred = {review.reviewer for review in given if review.live and review.revision == row.revision}
    barred.update(person for person, _ in tx.run(statements.excluded_list, case_id=case.id))
    for each in tx.run(statements.people_listed, workspace=row.workspace):
        actor = access.person_actor(each, auth="")
        free = barred.isdisjoint(actor.handles(secret).values())
        if free and "review" in actor.scopes and claim.may_judge(actor, route):
            return True
    return False


def _found(row: ProposalRow, route: Route, given: list[ReviewRow], now: int) -> list[tuple[ReviewRow, bool]]:
    """Each person's answer that counts by now, and whether it says that what was let through was right."""
    proposal = proposal_from(row.record())
    made = []
    for review in given:
        if not review.live or review.effective_at > now or review.revision != row.revision:
            continue
        label = label_review(
            rows.review_noun(review), proposal, route, id=review.id, workspace=row.workspace, made_at=now
        )
        if label is not None and label.correct is not None:
            made.append((review, label.correct))
    return made


def _ask_one_more(tx: Tx, row: ProposalRow, case: CaseRow, first: ReviewRow, answered: int, by: Actor) -> None:
    """What was alleged acts; then the case waits for one person more. Repeating it does no harm."""
    undo.after_objection(tx, row, by)
    judging.from_allegation(tx, row, first)
    if case.reviewers > answered:
        return
    tx.run(
        statements.case_escalate, case_id=case.id, reviewers=answered + 1, lane=case.lane, sort_key=case.sort_key,
        deadline=case.deadline,
    )  # fmt: skip
    tx.entry(
        row.workspace, "case.escalated", SYSTEM.entry(), case=(case.id, row.revision), from_="open", to="open",
        reviewers=answered + 1, reason=REASON,
    )  # fmt: skip
