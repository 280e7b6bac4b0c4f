"""Agreement is measured on what people really answered, also where they lost; what lost is no truth to train on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from handrail.client.client import Client
from handrail.client.local import LocalTransport
from handrail.learning.evidence import evidence
from handrail.lifecycle import exporting
from handrail.maintenance.plane import Plane
from handrail.proposal import Proposal
from handrail.store import training

from .scene import AGENT, entries

POLICY = """
escalation_policies:
  - {action_type: sort, autonomy: confirm, reviewers: 2, undo_seconds: 0}
  - {action_type: slow, autonomy: confirm, reviewers: 2, undo_seconds: 60}
feedback_pipeline: {batch_size: 4, retrain_trigger: every_4_annotations, min_agreement_for_training: 0.85}
"""


@pytest.fixture
def hr(place: str) -> Iterator[Client]:
    with Plane(place, policy=POLICY, loops=False) as plane:
        yield Client(LocalTransport(plane, AGENT))


def ask(hr: Client, cases: int, *answers: tuple[str, str, dict[str, Any]], **more: Any) -> None:
    """So many cases, each answered by these people in turn; then batches are cut."""
    for n in range(cases):
        case = hr.propose(Proposal(action="sort", arguments={"n": n}, key=f"case-{n}", scores=0.5, **more)).case_id
        for who, verdict, said in answers:
            hr.desk(who, roles=("lead" if who == "lea" else "reviewer",)).answer(case, verdict, **said)
    hr.plane.batcher.step()


def batches(hr: Client) -> list[tuple[str, float | None, int]]:
    return [(each.state, each.agreement, each.size) for each in training.batches(hr.plane.store, "default")]


def test_people_who_contradict_each_other_hold_the_batch_back(hr: Client) -> None:
    ask(hr, 4, ("ann", "approve", {}), ("bob", "reject", {"reason": "no"}))
    assert batches(hr) == [("held", 0.0, 2), ("held", 0.0, 2)]
    assert entries(hr.plane, "training.due") == []
    assert list(exporting.label_rows(hr.plane.store, "default", ready=True)) == []


def test_people_who_agree_make_the_batch_ready(hr: Client) -> None:
    ask(hr, 2, ("ann", "approve", {}), ("bob", "approve", {}))
    assert batches(hr) == [("ready", 1.0, 4)]
    assert [one["training"]["labels"] for one in entries(hr.plane, "training.due")] == [4]


def test_the_side_that_lost_is_kept_with_its_reviewer_and_neither_exported_nor_fitted_on(hr: Client) -> None:
    ask(hr, 1, ("ann", "approve", {}), ("bob", "reject", {"reason": "no"}))
    store = hr.plane.store
    lost, won = sorted(exporting.labels(store, "default"), key=lambda label: label.source)
    assert (lost.source, lost.correct, lost.verdict, won.source, won.correct) == (
        "outvoted", True, "approve", "review", False,
    )  # fmt: skip
    assert None is not lost.reviewer != won.reviewer
    assert [row["verdict"] for row in exporting.label_rows(store, "default")] == ["reject"]
    found = evidence(exporting.labels(store, "default"))
    assert (found.correct, found.left_out) == ((False,), {"outvoted": 1})


def test_answers_to_a_question_that_differ_hold_the_batch_back_after_a_lead_settled_it(hr: Client) -> None:
    said = [("ann", "cat"), ("bob", "dog"), ("lea", "cat"), ("cy", "cat")]
    ask(hr, 1, *((who, "respond", {"value": value}) for who, value in said), kind="annotation")
    assert batches(hr) == [("held", 0.5, 2)]
    assert sorted((label.answer, label.source) for label in exporting.labels(hr.plane.store, "default")) == [
        ("cat", "outvoted"), ("cat", "review"), ("cat", "review"), ("dog", "outvoted"),
    ]  # fmt: skip


def test_one_who_took_his_answer_back_said_nothing(hr: Client) -> None:
    case = hr.propose(Proposal(action="slow", arguments={})).case_id
    given = hr.desk("ann").answer(case, "approve")
    hr.desk("ann").withdraw(given["review"]["id"])
    hr.desk("bob").answer(case, "reject", reason="no")
    assert [label.source for label in exporting.labels(hr.plane.store, "default")] == ["review"]
