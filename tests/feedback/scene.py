"""A control plane whose loops are stepped by hand, and labels as people would have made them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from handrail.canonical import parse
from handrail.clock import FakeClock
from handrail.intake import proposal_from
from handrail.learning.labels import label_review
from handrail.lifecycle import labels, rows, submit
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.hook import Hook
from handrail.maintenance.plane import Plane
from handrail.proposal import Proposal
from handrail.review import Review
from handrail.store.tx import Tx

AGENT = Actor(kind="agent", pid="bot", scopes=ALL_SCOPES)

POLICY = """
escalation_policies:
  - action_type: sort
    auto_approve_threshold: 0.5
    undo_seconds: 0
feedback_pipeline: {{batch_size: {size}, retrain_trigger: every_{every}_annotations, min_agreement_for_training: 0.85}}
"""


@contextmanager
def plane(
    place: Path | str, *, size: int = 4, every: int = 8, hook: Hook | None = None, clock: FakeClock | None = None
) -> Iterator[Plane]:
    with Plane(
        place, policy=POLICY.format(size=size, every=every), loops=False, clock=clock, retrain_hook=hook
    ) as made:
        yield made


def label(plane: Plane, n: int, *, said: Sequence[str] = ("approve",), confidence: float = 0.9) -> str:
    """One case, judged by one person for each verdict in `said`. Returns the case id."""
    proposal = Proposal(action="sort", arguments={"n": n}, confidence=confidence, key=f"case-{n}")
    case_id = plane.run(submit.submit, submit.prepare(AGENT, proposal, draw=1.0)).case_id
    plane.run(_keep, (case_id, tuple(said)))
    return case_id


def _keep(tx: Tx, command: tuple[str, tuple[str, ...]]) -> None:
    row = rows.proposal(tx, "default", command[0])
    for at, verdict in enumerate(command[1]):
        review = Review(
            id=tx.new_id(), case_id=row.case_id, revision=1, reviewer=f"p_{at}", verdict=verdict, reason="no",
            given_at=tx.now, effective_at=tx.now,
        )  # type: ignore[arg-type]  # fmt: skip
        made = label_review(
            review, proposal_from(row.record()), rows.route_noun(row.route), id=tx.new_id(), workspace="default",
            made_at=tx.now,
        )  # fmt: skip
        assert made is not None
        labels.keep(tx, row, made)


def entries(plane: Plane, type: str) -> list[dict[str, Any]]:
    """What the log holds of one type."""
    from_log = [parse(data) for data in plane.logbook().entries()]
    return [one for one in from_log if one["type"] == type]
