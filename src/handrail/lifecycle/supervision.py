"""The supervisor's readings of cases whose truth is known, as the database holds them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from handrail.binomial import wilson
from handrail.label import Label
from handrail.learning.supervision import Read, Supervision, supervision
from handrail.lifecycle.labels import label_noun
from handrail.lifecycle.rows import route_noun
from handrail.store import judged
from handrail.store.engine import Store


def figures(store: Store, workspace: str, action: str | None = None) -> dict[str, Supervision]:
    """The supervisor's figures by model, newest rules and older ones together; empty where it never read anything."""
    by_model: dict[str, list[Read]] = {}
    for model, read in _readings(store, workspace, action):
        by_model.setdefault(model, []).append(read)
    return {model: supervision(found, wilson) for model, found in sorted(by_model.items())}


def _readings(store: Store, workspace: str, action: str | None) -> Iterator[tuple[str, Read]]:
    for _, rows in groupby(judged.labelled_routes(store, workspace, action), key=lambda row: row.case_id):
        held = list(rows)
        if b'"reading"' not in bytes(held[0].route):
            continue
        reading = route_noun(bytes(held[0].route)).reading
        truth = _truth([label_noun(row.bytes) for row in held])
        if reading is not None and truth is not None and truth.correct is not None:
            yield reading.model, Read(
                verdict=reading.verdict, right=truth.correct, inclusion=truth.inclusion or 1.0,
                known=truth.source in ("outcome", "gold"),
            )  # fmt: skip


def _truth(labels: list[Label]) -> Label | None:
    """The outcome, else the gold, else a blind answer: one that its own words cannot have swayed."""
    said = [
        label for label in labels
        if label.correct is not None and (label.inclusion or 0.0) > 0.0 and label.source != "outvoted"
    ]  # fmt: skip
    for found in (
        [label for label in said if label.source == "outcome"],
        [label for label in said if label.source == "gold"],
        [label for label in said if label.blind],
    ):
        if found:
            return max(found, key=lambda label: (label.made_at, label.id))
    return None
