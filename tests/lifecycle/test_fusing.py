"""Fusing on a real plane: what decisions carry, when a second person is asked, what is delivered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handrail.errors import Conflict, InvalidPolicy
from handrail.learning.fusion import Fusion
from handrail.lifecycle import exporting, fusing
from handrail.testing.factories import person
from handrail.testing.rig import Rig

CHOICES = ["cat", "dog", "fox"]
# an answer of `dog` leaves it open
DOUBTFUL = [0.5, 0.3, 0.2]
POLICY = """
cost: {review: 2, wrong: 100}
review_settings: {second_opinion_most: 3}
escalation_policies:
  - {action_type: kept, deferral: evidence, sla_seconds: 600, undo_seconds: 0, auto_approve_threshold: 1.0}
  - {action_type: fused, deferral: fuse, sla_seconds: 600, undo_seconds: 0, auto_approve_threshold: 1.0}
  - {action_type: asked, second_opinion: value, sla_seconds: 600, undo_seconds: 0, auto_approve_threshold: 1.0}
  - action_type: both
    deferral: fuse
    second_opinion: value
    sla_seconds: 600
    undo_seconds: 0
    auto_approve_threshold: 1.0
  - {action_type: plain, sla_seconds: 600, undo_seconds: 0, auto_approve_threshold: 1.0}
  - {action_type: pair, reviewers: 2, deferral: fuse, sla_seconds: 600, undo_seconds: 0, auto_approve_threshold: 1.0}
"""
ANN, BEN, CEM, DAN = (person(name) for name in ("Ann", "Ben", "Cem", "Dan"))


def fusion(right: float = 0.8, **fields: Any) -> dict[str, Any]:
    off = (1.0 - right) / 2
    pool = np.full((3, 3), off) + (right - off) * np.eye(3)
    weights = ((1.0, 1.0, 0.0),) * 6
    return Fusion(classes=tuple(CHOICES), pool=pool, weights=weights, answers=300, n=300, **fields).to_json()


def install(rig: Rig, *actions: str, **fields: Any) -> None:
    for action in actions:
        rig.run(fusing.install, fusing.Install(actor=rig.agent, action=action, fusion=fusion(**fields)))


def asked(rig: Rig, action: str, scores: list[float], **fields: Any) -> str:
    suggestion = CHOICES[int(np.argmax(scores))]
    arguments = {"text": "who?", "suggestion": suggestion, "choices": CHOICES}
    return rig.gated(action, kind="annotation", arguments=arguments, scores=scores, **fields)


def test_evidence_rides_on_the_decision_and_the_label_and_people_have_the_word(rig: Rig) -> None:
    install(rig, "kept", right=0.6)
    made = rig.answer(ANN, asked(rig, "kept", [0.9, 0.05, 0.05]), "respond", value="dog").decision
    assert made is not None
    assert (made.kind, made.value, made.by) == ("responded", "dog", (ANN.pid,))
    assert made.fused["answer"] == "cat"
    assert made.fused["delivered"] is False
    assert made.fused["chances"]["cat"] == pytest.approx(0.9 * 0.2 / (0.9 * 0.2 + 0.05 * 0.6 + 0.05 * 0.2), abs=1e-5)
    (label,) = exporting.labels(rig.plane.store, rig.workspace)
    assert (label.answer, label.fused) == ("dog", made.fused)


def test_fuse_delivers_the_fused_answer_and_says_what_people_said(rig: Rig) -> None:
    install(rig, "fused", right=0.6)
    made = rig.answer(ANN, asked(rig, "fused", [0.9, 0.05, 0.05]), "respond", value="dog").decision
    assert made is not None
    assert (made.kind, made.value) == ("responded", "cat")
    assert (made.fused["delivered"], made.fused["said"]) == (True, "dog")
    again = rig.plane.decision(rig.workspace, made.case_id)
    assert again is not None
    assert (again.value, again.fused) == (made.value, made.fused)


def test_fuse_overrules_an_approval_that_the_scores_do_not_bear_out(rig: Rig) -> None:
    install(rig, "fused", right=0.6)
    arguments = {"text": "who?", "suggestion": "fox", "choices": CHOICES}
    case = rig.gated("fused", kind="annotation", arguments=arguments, scores=[0.97, 0.02, 0.01])
    made = rig.answer(ANN, case).decision
    assert made is not None
    assert (made.kind, made.value, made.fused["said"]) == ("responded", "cat", "fox")


def test_nothing_is_fused_before_anything_was_fitted_or_where_the_policy_is_silent(rig: Rig) -> None:
    install(rig, "plain")
    for action in ("fused", "plain", "asked"):
        made = rig.answer(ANN, asked(rig, action, [0.4, 0.3, 0.3]), "respond", value="dog").decision
        assert made is not None
        assert (made.value, made.fused) == ("dog", None)


@pytest.mark.parametrize(
    "arguments",
    [
        {"suggestion": "cat", "choices": ["cat", "dog"]},
        {"suggestion": "cat", "choices": ["cat", "cat", "dog"]},
        {"suggestion": "cat", "choices": "cat"},
        {"text": "who?"},
    ],
)
def test_a_case_with_other_classes_or_none_is_taken_as_people_said(rig: Rig, arguments: dict[str, Any]) -> None:
    install(rig, "fused")
    case = rig.gated("fused", kind="annotation", arguments=arguments, confidence=0.4)
    made = rig.answer(ANN, case, "respond", value="dog").decision
    assert made is not None
    assert (made.value, made.fused) == ("dog", None)


def test_an_answer_of_several_choices_is_kept_as_it_is(rig: Rig) -> None:
    install(rig, "fused")
    made = rig.answer(ANN, asked(rig, "fused", [0.4, 0.3, 0.3]), "respond", value=["cat", "dog"]).decision
    assert made is not None
    assert (made.value, made.fused) == (["cat", "dog"], None)


def test_a_second_person_is_asked_only_where_it_pays(rig: Rig) -> None:
    install(rig, "asked", right=0.6)
    sure, unsure = asked(rig, "asked", [0.98, 0.01, 0.01]), asked(rig, "asked", DOUBTFUL)
    assert rig.answer(ANN, sure).decision is not None
    assert rig.answer(ANN, unsure, "respond", value="dog").decision is None
    # the same person is not asked again; another finds it in the queue
    with pytest.raises(Conflict):
        rig.take(ANN, unsure)
    assert rig.take_next(ANN) is None
    held = rig.take_next(BEN)
    assert held is not None
    assert held.case_id == unsure
    made = rig.answer(BEN, unsure, "respond", value="dog", fence=held.fence).decision
    assert made is not None
    assert (made.value, set(made.by) <= {ANN.pid, BEN.pid}) == ("dog", True)
    assert made.fused["people"] == 2
    assert made.fused["chances"]["dog"] > 0.75


def test_opinions_that_differ_ask_a_third_and_then_the_majority_has_it(rig: Rig) -> None:
    install(rig, "asked", right=0.6)
    case = asked(rig, "asked", DOUBTFUL)
    assert rig.answer(ANN, case, "respond", value="dog").decision is None
    assert rig.answer(BEN, case, "respond", value="cat").decision is None
    made = rig.answer(CEM, case, "respond", value="dog").decision
    assert made is not None
    assert (made.value, made.fused["people"]) == ("dog", 3)


def test_at_the_cap_people_who_differ_go_up_as_ever(rig: Rig) -> None:
    install(rig, "asked", right=0.6)
    case = asked(rig, "asked", DOUBTFUL)
    for who, value in ((ANN, "dog"), (BEN, "cat"), (CEM, "fox")):
        assert rig.answer(who, case, "respond", value=value).decision is None
    lead = person("Lea", "lead")
    assert rig.take_next(DAN) is None
    made = rig.answer(lead, case, "respond", value="fox").decision
    assert made is not None
    assert made.value == "fox"


def test_fuse_settles_what_people_contradict_each_other_about(rig: Rig) -> None:
    install(rig, "both", right=0.6)
    case = asked(rig, "both", DOUBTFUL)
    for who, value in ((ANN, "dog"), (BEN, "cat")):
        assert rig.answer(who, case, "respond", value=value).decision is None
    made = rig.answer(CEM, case, "respond", value="fox").decision
    assert made is not None
    assert (made.value, made.fused["delivered"], made.fused["said"]) == ("cat", True, None)
    assert set(made.by) == {ANN.pid, BEN.pid, CEM.pid}


def test_where_two_must_agree_fusing_does_not_stand_in_for_one_of_them(rig: Rig) -> None:
    install(rig, "pair")
    case = asked(rig, "pair", [0.9, 0.05, 0.05])
    assert rig.answer(ANN, case, "respond", value="dog").decision is None
    assert rig.answer(BEN, case, "respond", value="cat").decision is None
    assert rig.plane.decision(rig.workspace, case) is None


def test_a_rejection_needs_no_second_opinion(rig: Rig) -> None:
    install(rig, "asked", right=0.6)
    made = rig.answer(ANN, asked(rig, "asked", DOUBTFUL), "reject").decision
    assert made is not None
    assert made.kind == "rejected"


def test_at_the_deadline_one_answer_is_enough(rig: Rig) -> None:
    install(rig, "asked", right=0.6)
    case = asked(rig, "asked", DOUBTFUL)
    assert rig.answer(ANN, case, "respond", value="dog").decision is None
    rig.pass_time(601)
    made = rig.plane.decision(rig.workspace, case)
    assert made is not None
    assert (made.kind, made.value) == ("responded", "dog")


def test_a_hostile_person_is_read_the_right_way_round(rig: Rig) -> None:
    contrary = np.array([[0.02, 0.49, 0.49], [0.49, 0.02, 0.49], [0.49, 0.49, 0.02]])
    install(rig, "fused", people={ANN.pid: contrary})
    made = rig.answer(ANN, asked(rig, "fused", [0.4, 0.45, 0.15]), "respond", value="dog").decision
    assert made is not None
    assert (made.value, made.fused["said"]) == ("cat", "dog")


def test_an_unpriced_second_opinion_is_refused_when_the_policy_loads(rig: Rig) -> None:
    with pytest.raises(InvalidPolicy, match="price of a review"):
        rig.change_policy("escalation_policies: [{action_type: a, second_opinion: value}]")
