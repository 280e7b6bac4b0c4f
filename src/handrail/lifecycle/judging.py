"""What an answer or an outcome means for the cell its case belongs to; a severe miss takes autonomy back at once.

Everything here happens in the transaction in which the answer becomes known.
"""

from __future__ import annotations

from collections.abc import Iterable

from handrail.canonical import parse
from handrail.consensus.gold_test import watched
from handrail.errors import InvalidInput
from handrail.intake import proposal_from
from handrail.label import Label
from handrail.learning.golds import known, was_right
from handrail.learning.labels import proposed
from handrail.lifecycle import demotion, policies, rows
from handrail.lifecycle.rows import ProposalRow, ReviewRow
from handrail.policy.growth import Growth
from handrail.store import growth as tables
from handrail.store.golds import IDENTITY
from handrail.store.tx import Tx

# of the golds whose suggestion was wrong he must have caught this share of at least so many
CAUGHT, WRONG_GOLDS = 0.8, 5
# his newest golds that are looked at: over three times what the test takes to clear a good reviewer
NEWEST_GOLDS = 200


def from_reviews(tx: Tx, row: ProposalRow, given: Iterable[ReviewRow], made: Iterable[Label]) -> None:
    """People have settled a case, with these labels. A miss counts whoever found it, a clean case only where somebody
    who is gold-checked looked at it.
    """
    growth = _growth(tx, row)
    if growth is None and rows.route_noun(row.route).grant is None:
        return
    found = tx.one(tables.cell_of_case, case_id=row.case_id, workspace=row.workspace)
    if found is None or found[3] is not None:
        return
    labels = list(made)
    said = [label.correct for label in labels]
    people = sorted({label.reviewer for label in labels if label.reviewer is not None})
    if any(correct is False for correct in said):
        judged = "wrong"
    elif not said or any(correct is None for correct in said):
        judged = "unclear"
    else:
        judged = "right" if any(gold_checked(tx, row.workspace, person) for person in people) else "unchecked"
    tx.run(tables.judged, case_id=row.case_id, workspace=row.workspace, judged=judged, judges=",".join(people) or None)
    if judged == "wrong":
        by_case = {review.reviewer: review for review in given}
        reasons = {by_case[person].body().get("reason") for person in people if person in by_case}
        _missed(tx, row, found[0], growth, {str(reason) for reason in reasons if reason})


def from_allegation(tx: Tx, row: ProposalRow, review: ReviewRow) -> None:
    """Somebody objected to a spot check, and nobody has confirmed it yet: if severe, it takes autonomy back at once."""
    growth = _growth(tx, row)
    if growth is None and rows.route_noun(row.route).grant is None:
        return
    found = tx.one(tables.cell_of_case, case_id=row.case_id, workspace=row.workspace)
    if found is None or found[3] is not None:
        return
    reason = review.body().get("reason")
    codes = {str(reason)} if reason else set()
    if _is_severe(tx, row, growth, codes):
        demotion.missed(tx, row.workspace, found[0], row.case_id, severe=True)


def from_outcome(tx: Tx, row: ProposalRow, correct: bool | None, *, severe: bool) -> None:
    """The truth arrived: it overrides people. What was let through unseen is no sample; only its severe miss counts."""
    if correct is None or row.decision not in ("approved", None):
        return
    growth, granted = _growth(tx, row), rows.route_noun(row.route).grant
    if growth is None and granted is None:
        return
    found = tx.one(tables.cell_of_case, case_id=row.case_id, workspace=row.workspace)
    cell = None
    if found is not None:
        cell = found[0]
        if found[3] in ("right", "wrong", None) or not correct:
            people = "outcome"
            tx.run(
                tables.judged, case_id=row.case_id, workspace=row.workspace, judged="right" if correct else "wrong",
                judges=people,
            )  # fmt: skip
    elif granted is not None:
        held = tx.one(tables.promotion_of_grant, permission=granted, workspace=row.workspace)
        cell = None if held is None else held[2]
    if cell is not None and not correct:
        _missed(tx, row, cell, growth, {"severe"} if severe else set(), flagged=severe)


def gold_checked(tx: Tx, workspace: str, reviewer: str) -> bool:
    """Whether golds have shown that this person looks: his test on them ended well last, and he caught wrong ones.

    Whoever approves everything passes golds whose suggestion is right, so some must have been wrong.
    """
    key = ("gold_checked", workspace, reviewer)
    if key not in tx.memo:
        answers, wrong, caught = [], 0, 0
        found = tx.run(
            tables.golds, workspace=workspace, reviewer=reviewer, burst=IDENTITY, length=len(IDENTITY),
            limit=NEWEST_GOLDS,
        )  # fmt: skip
        for verdict, body, data in reversed(found):
            try:
                proposal = proposal_from(parse(bytes(data)))
            except InvalidInput:
                continue
            truth = known(proposal.gold, proposed(proposal), proposal.kind)
            right = was_right(truth, verdict, parse(bytes(body)), proposed(proposal), proposal.kind)
            if right is None:
                continue
            answers.append((right, 1.0))
            if truth.model_right is False:
                wrong, caught = wrong + 1, caught + right
        clear = watched(answers).standing == "clear"
        tx.memo[key] = clear and wrong >= WRONG_GOLDS and caught >= CAUGHT * wrong
    return bool(tx.memo[key])


def _growth(tx: Tx, row: ProposalRow) -> Growth | None:
    return policies.by_digest(tx, row.workspace, row.policy).plan(row.action).growth


def _missed(
    tx: Tx, row: ProposalRow, cell: str, growth: Growth | None, codes: set[str], *, flagged: bool = False
) -> None:
    severe = flagged or _is_severe(tx, row, growth, codes)
    demotion.missed(tx, row.workspace, cell, row.case_id, severe=severe)


def _is_severe(tx: Tx, row: ProposalRow, growth: Growth | None, codes: set[str]) -> bool:
    policy = policies.in_force(tx, row.workspace)
    terms = policy.plan(row.action).growth or growth
    proposal = proposal_from(row.record())
    # whose terms nobody knows any more: one miss is enough
    return terms is None or terms.is_severe(
        codes | {*proposal.categories, *proposal.harm_classes}, policy.scope(proposal)
    )
