"""What leaves for training: labels and preferences as plain rows, provenance included, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from handrail.canonical import parse
from handrail.errors import InvalidInput
from handrail.intake import proposal_from
from handrail.label import OF_REVIEWERS, Label
from handrail.learning.export import LABEL_COLUMNS, PREFERENCE_COLUMNS, label_row, preference_row
from handrail.learning.labels import was_right
from handrail.learning.lessons import History
from handrail.learning.parquet import ColumnType
from handrail.learning.preferences import Preference, from_comparison, from_edit
from handrail.lifecycle import soft_labels
from handrail.lifecycle.erase import is_erased
from handrail.lifecycle.labels import label_noun
from handrail.lifecycle.rows import ReviewRow, review_noun
from handrail.proposal import Proposal
from handrail.review import Review
from handrail.store import statements, training
from handrail.store.engine import Store

LABELS: dict[str, ColumnType] = {**LABEL_COLUMNS, "batch": "text", "batch_state": "text", "chance": "number"}
PREFERENCES: dict[str, ColumnType] = dict(PREFERENCE_COLUMNS)


def labels(store: Store, workspace: str, *, action: str | None = None, since: int = 0) -> Iterator[Label]:
    """Every label, oldest first. `since` in microseconds."""
    for row in training.labels(store, workspace, action=action, since=since):
        yield label_noun(row.bytes)


def label_rows(
    store: Store, workspace: str, *, action: str | None = None, since: int = 0, ready: bool = False
) -> Iterator[dict[str, Any]]:
    """Labels as rows, golds and outvoted answers left out, with the training batch each stands in and whether that is
    ready or held.

    `chance`: the soft label, how likely the proposal was right by everything said of its case; None where golds and
    double answers are too few to tell.
    """
    known: dict[str, Mapping[str, float]] = {}
    for row in training.labels(store, workspace, action=action, since=since, ready=ready):
        label = label_noun(row.bytes)
        if label.source in OF_REVIEWERS:
            continue
        if label.action not in known:
            known[label.action] = soft_labels.chances(store.read_hot, workspace, label.action)
        chance = known[label.action].get(label.case_id)
        yield {**label_row(label), "batch": row.batch, "batch_state": row.state, "chance": chance}


def preference_rows(
    store: Store, workspace: str, *, action: str | None = None, since: int = 0
) -> Iterator[dict[str, Any]]:
    """Preferences as rows: one for each edit that changed something, one for each comparison that was not a tie."""
    for row in training.preferring(store, workspace, action=action, since=since):
        for preference in _preferences(store, row):
            yield preference_row(preference)


def _preferences(store: Store, row: Any) -> Iterator[Preference]:
    proposal = _whole(row.first)
    if proposal is None:
        return
    reviews: list[Review] = [
        review_noun(ReviewRow._make(one)) for one in store.read_hot(statements.review_list, case_id=row.case_id)
    ]
    if proposal.kind == "comparison":
        try:
            found = from_comparison(reviews, proposal, policy=row.policy)
        except InvalidInput:
            found = None
        if found is not None:
            yield found
        return
    for review in reviews:
        if review.revision == 1 and (edited := from_edit(review, proposal, policy=row.policy)) is not None:
            yield edited


def histories(store: Store, workspace: str, *, action: str | None = None, since: int = 0) -> Iterator[History]:
    """Every case that is over and was answered by people, oldest first, as training examples are made from it."""
    for row in training.reviewed(store, workspace, action=action, since=since):
        proposal = _whole(row.first)
        if proposal is None:
            continue
        given = [
            review_noun(ReviewRow._make(one)) for one in store.read_hot(statements.review_list, case_id=row.case_id)
        ]
        yield History(
            case_id=row.case_id, proposal=proposal, policy=row.policy, submitted_at=row.submitted_at,
            decision=row.decision, approved=parse(bytes(row.bytes)).get("arguments"),
            reviews=tuple(one for one in given if one.revision == 1 and one.withdrawn_at is None),
            outcome=_outcome(training.outcomes(store, row.case_id), proposal),
        )  # fmt: skip


def _whole(data: Any) -> Proposal | None:
    """The proposal of a record; None once its values were erased."""
    record = parse(bytes(data))
    if is_erased(record):
        return None
    try:
        return proposal_from(record)
    except InvalidInput:
        # what is left is no proposal any more
        return None


def _outcome(told: list[bytes], proposal: Proposal) -> bool | None:
    """Whether the latest outcome says that the proposal was right."""
    for data in told[:1]:
        said = parse(data)
        return was_right(proposal, correct=said["correct"], value=said["value"])
    return None
