"""Labels: every answer of a person and every outcome becomes one, with where it came from."""

from __future__ import annotations

from dataclasses import fields, replace

from handrail.canonical import JSON, dumps, parse
from handrail.consensus.quorum import Outcome
from handrail.intake import proposal_stored
from handrail.label import Label
from handrail.learning.labels import label_review
from handrail.lifecycle import judging, rows, warming
from handrail.lifecycle.actor import SYSTEM
from handrail.lifecycle.rows import ProposalRow, ReviewRow
from handrail.proposal import Proposal
from handrail.store import schema, statements
from handrail.store.tx import Tx

_FIELDS = tuple(field.name for field in fields(Label))


def from_reviews(tx: Tx, row: ProposalRow, given: list[ReviewRow], outcome: Outcome, *, fused: JSON = None) -> None:
    """One label per counted review, and per edit that made a revision; with `fused`, what all of them come to.

    What others answered is kept as `outvoted`: without it nobody would ever see that people disagree.
    """
    first = original(tx, row)
    if warming.is_of_burst(first):
        # he knew it for a test
        return
    route = rows.route_noun(row.route)
    held = row.record().get("arguments", {})
    counted = [review for review in given if review.id in outcome.counted or review.id == row.made_by]
    others = _latest(given, {review.reviewer for review in counted})
    made: list[Label] = []
    for review in (*counted, *others):
        noun = rows.review_noun(review._replace(voided_at=None))
        arguments = held if review.revision == row.revision else None
        label = label_review(
            noun, first, route, id=tx.new_id(), workspace=row.workspace, made_at=tx.now, arguments=arguments
        )
        if label is None:
            continue
        if review in others and label.source != "gold":
            label = replace(label, source="outvoted")
        keep(tx, row, label if fused is None else replace(label, fused=fused))
        if review not in others:
            made.append(label)
    judging.from_reviews(tx, row, given, made)


def _latest(given: list[ReviewRow], counted: set[str]) -> list[ReviewRow]:
    """The last answer of everybody else. One that was taken back, or voided before it took effect, was never given."""
    latest: dict[str, ReviewRow] = {}
    for review in given:
        void = review.voided_at is not None and review.voided_at < review.effective_at
        if review.reviewer not in counted and review.verdict != "abstain" and not void and review.withdrawn_at is None:
            latest[review.reviewer] = review
    return list(latest.values())


def keep(tx: Tx, row: ProposalRow, label: Label) -> None:
    """Store a label and write down that it was made."""
    tx.add(
        schema.label, id=label.id, workspace=row.workspace, case_id=row.case_id, action=row.action,
        source=label.source, correct=label.correct, made_at=tx.now, batch=None,
        bytes=dumps({name: getattr(label, name) for name in _FIELDS}),
    )  # fmt: skip
    tx.entry(row.workspace, "label.made", SYSTEM.entry(), case=(row.case_id, row.revision), label=label.id)


def original(tx: Tx, row: ProposalRow) -> Proposal:
    """The proposal as it was submitted, before anybody edited it."""
    if row.revision == 1:
        return proposal_stored(row.record())
    first = tx.one(statements.revision_first, case_id=row.case_id)
    return proposal_stored(row.record() if first is None else parse(bytes(first[0])))


def label_noun(data: bytes) -> Label:
    """A stored label."""
    return Label(**parse(bytes(data)))
