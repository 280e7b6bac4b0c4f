"""Golds teach nobody's model, and those that open a session count nowhere at all."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from handrail.learning.example import LESSONS
from handrail.learning.lessons import Dropped, examples
from handrail.lifecycle import access, annotating, exporting, fitting, golds, outcome, reviewers
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance import indexing
from handrail.maintenance.golds import settings_of
from handrail.server.operations import figures
from handrail.store import golds as tables
from handrail.store import growth, judged, reads, training
from handrail.store import monitors as streams
from handrail.store.golds import IDENTITY
from handrail.testing.factories import person
from handrail.testing.rig import Rig

POLICY = """
escalation_policies:
  - {action_type: name, undo_seconds: 0, sla_seconds: 86400, auto_approve_threshold: 1.0}
  - {action_type: compare, undo_seconds: 0, sla_seconds: 86400, auto_approve_threshold: 1.0}
  - {action_type: send, undo_seconds: 0, sla_seconds: 86400, auto_approve_threshold: 1.0}
review_settings: {gold_share: 0.04, gold_views: 40, reviewer_session_limit_minutes: 60000}
"""
OPERATOR = Actor(kind="system", pid="operator", workspace="default", scopes=ALL_SCOPES, auth="local")
CHOICES = ["cat", "dog"]


def record(action: str, text: str) -> dict[str, Any]:
    if action == "name":
        arguments = {"text": text, "choices": CHOICES, "suggestion": "cat"}
        return {"action": action, "kind": "annotation", "arguments": arguments, "scores": [0.6, 0.4]}
    if action == "compare":
        return {"action": action, "kind": "comparison", "arguments": {"prompt": text, "a": "yes", "b": "no"}}
    return {"action": action, "arguments": {"text": text}, "confidence": 0.5}


RIGHT: dict[str, tuple[Any, Any]] = {
    "name": ({"value": "cat"}, {"value": "dog"}), "compare": ("a", "b"), "send": ("approve", "reject")
}  # fmt: skip


def answer(rig: Rig, who: Actor, case: str, action: str, **fields: Any) -> None:
    if action == "send":
        rig.answer(who, case, "edit", arguments={"text": "better"}, **fields)
    else:
        rig.answer(who, case, "respond", value="dog" if action == "name" else "a", **fields)


def scene(rig: Rig, action: str) -> tuple[Actor, list[str], str, str]:
    """Two golds that open a session, a silent one and an ordinary case, all answered: who, and which they are."""
    ann = person("ann", "reviewer", pid=rig.run(
        access.add_person,
        access.AddPerson(actor=OPERATOR, name="ann", email="ann@example.org", password=None, roles=("reviewer",)),
    ))  # fmt: skip
    pool = [record(action, f"pooled {n}") | {"gold": RIGHT[action][n % 2]} for n in range(2)]
    if action == "compare":
        for each, suggestion in zip(pool, "aa", strict=True):
            each["arguments"]["suggestion"] = suggestion
    rig.run(golds.add, golds.AddGolds(actor=OPERATOR, records=tuple(pool)))
    rig.submit(**record(action, "ordinary pooled"))
    opening = []
    held = rig.take_next(ann)
    while held is not None and rig.case(held.case_id).gold:
        answer(rig, ann, held.case_id, action, fence=held.fence)
        opening.append(held.case_id)
        rig.clock.advance(1)
        held = rig.take_next(ann)
    assert held is not None
    answer(rig, ann, held.case_id, action, fence=held.fence)
    rig.clock.advance(1)
    silent = rig.gated(**record(action, "silent pooled"), gold=RIGHT[action][0])
    answer(rig, ann, silent, action)
    rig.clock.advance(60)
    while indexing.step(rig.plane.store, rig.plane.writer):
        pass
    return ann, opening, held.case_id, silent


@pytest.mark.parametrize("action", ["name", "compare", "send"])
def test_no_export_holds_a_gold(rig: Rig, action: str) -> None:
    _, opening, ordinary, silent = scene(rig, action)
    assert len(opening) == 2
    store = rig.plane.store
    assert [row["case_id"] for row in exporting.label_rows(store, "default")] == [ordinary]
    told = list(exporting.histories(store, "default"))
    assert [one.case_id for one in told] == [ordinary]
    preferences = [row["case_id"] for row in exporting.preference_rows(store, "default")]
    assert preferences == ([] if action == "name" else [ordinary])
    annotated = [one.case for one in annotating.annotated(store, "default", "name")]
    assert annotated == ([ordinary] if action == "name" else [])
    # what OpenAI's and TRL's rows are made of
    for lesson in LESSONS:
        made = examples(told, lesson, Dropped(counts=Counter()))
        assert {one.case_id for one in made} <= {ordinary}
    assert [tuple(row) for row in training.waiting(store)] == [("default", action, 1)]
    assert {label.case_id for label in exporting.labels(store, "default")} == {ordinary, silent}


def test_outcome_told_of_a_gold_teaches_nothing(rig: Rig) -> None:
    _, opening, ordinary, silent = scene(rig, "send")
    before = len(rig.entries("label.made"))
    for case in (*opening, silent, ordinary):
        rig.run(outcome.record, outcome.Record(actor=OPERATOR, case_id=case, correct=False))
    assert [entry["case"]["id"] for entry in rig.entries("label.made")[before:]] == [ordinary]


def test_what_opens_a_session_counts_nowhere(rig: Rig) -> None:
    ann, _, ordinary, silent = scene(rig, "name")
    store = rig.plane.store
    # fusions: the silent gold's truth is read as it is written; the ordinary case has none
    assert [one.truth for one in fitting.judged_cases(store, "default", "name")] == ["cat", None]
    made: Any = figures(rig.plane, "default")
    assert [(one["person"], one["count"]) for one in made["decisions_per_person"]] == [(ann.pid, 2)]
    assert sum(point["arrivals"] for point in made["series"]) == 2
    assert sum(point["decided"] for point in made["series"]) == 2
    # scorecards, flags, agreement, consensus and anchoring are all made of these answers
    settings = settings_of(store, "default")
    assert settings is not None
    people: Any = reviewers.figures(store, "default", rig.clock.now(), settings)
    assert [(one["answers"], one["scorecard"]["golds"]) for one in people["reviewers"]] == [(2, 1)]
    assert {row[0] for row in tables.answers(store, "default", 0)} == {ordinary, silent}
    # what the supervisor is judged by
    assert {row.case_id for row in judged.labelled_routes(store, "default")} == {ordinary, silent}
    checked = store.read_hot(
        growth.golds, workspace="default", reviewer=ann.pid, burst=IDENTITY, length=len(IDENTITY), limit=9
    )
    assert len(checked) == 1
    # the whole stream that monitors watch
    seen = store.read_hot(streams.stream_after, workspace="default", seen="", until="g", limit=9)
    assert [row[0] for row in seen] == [ordinary]
    # earlier cases that share words
    alike = {case for case, _ in reads.similar(store, "default", "pooled", but="", limit=9)}
    assert alike == {ordinary, silent}
    found = reads.case_page(store, "default", reads.CaseFilter(state="decided", words="pooled"), cursor=None, limit=9)
    assert {row.id for row in found.rows} == {ordinary, silent}


@pytest.mark.parametrize(
    ("gold", "truth"),
    [
        ("dog", "dog"), ({"value": "dog"}, "dog"), ({"verdict": "approve"}, "cat"), ({"verdict": "reject"}, None),
        ("approve", None),
    ],
)  # fmt: skip
def test_fusion_reads_a_gold_in_every_form(rig: Rig, gold: Any, truth: str | None) -> None:
    case = rig.gated(**record("name", "known"), gold=gold)
    rig.answer(person("Ann"), case, "respond", value="dog")
    assert [one.truth for one in fitting.judged_cases(rig.plane.store, "default", "name")] == [truth]
