"""An error alleged in a spot check acts at once and counts once a second person confirms it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handrail.errors import Conflict
from handrail.lifecycle import access, exporting, fusing, monitors
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.server import views
from handrail.store import monitors as tables
from handrail.testing.factories import person
from tests.lifecycle.test_fusing import CHOICES, DOUBTFUL, fusion
from tests.monitors.scene import POLICY, Scene

# every case is checked, and nothing watches the confidence
CHECKED = POLICY.replace("spot_check_rate: 0.4", "spot_check_rate: 1.0").replace("weighted_check_rate: 0.3", "")
MORE = """  - action_type: sort
    auto_approve_threshold: 0.5
    target_error: 0.05
    spot_check_rate: 1.0
    deferral: evidence
    undo_seconds: 0
cost: {review: 2, wrong: 100}
review_settings:"""
OPERATOR = Actor(kind="system", pid="operator", workspace="default", scopes=ALL_SCOPES, auth="local")


@pytest.fixture
def scene(url: str, tmp_path: Path) -> Iterator[Scene]:
    made = Scene(url, tmp_path, CHECKED.replace("review_settings:", MORE) + "monitors: {confidence: false}\n")
    made.feed_all()
    yield made
    assert made.rig.problems() == []
    made.rig.close()


def let_in(scene: Scene, *names: str) -> list[Actor]:
    made = []
    for name in names:
        command = access.AddPerson(
            actor=OPERATOR, name=name, email=f"{name}@example.org", password=None, roles=("reviewer",)
        )
        made.append(person(name, "reviewer", pid=scene.rig.run(access.add_person, command)))
    return made


def verdicts(scene: Scene) -> list[str]:
    return [row.verdict for row in tables.entered(scene.rig.plane.store, "default")]


def checked(scene: Scene, action: str = "pay", **fields: Any) -> str:
    made = scene.submit(action, **fields).case_id
    assert scene.rig.case(made).soft
    return made


def test_objection_stops_it_at_once_and_counts_when_another_confirms(scene: Scene) -> None:
    ann, bob = let_in(scene, "ann", "bob")
    case = checked(scene)
    scene.rig.answer(ann, case, "reject")
    assert [entry["case"]["id"] for entry in scene.rig.entries("execution.voided")] == [case]
    assert (scene.rig.case(case).state, scene.rig.case(case).reviewers) == ("open", 2)
    scene.feed_all()
    assert verdicts(scene) == []
    with pytest.raises(Conflict, match="answered"):
        scene.rig.answer(ann, case, "reject")
    held = scene.rig.take_next(bob)
    assert held is not None
    assert held.case_id == case
    scene.rig.answer(bob, case, "reject", fence=held.fence)
    scene.feed_all()
    assert verdicts(scene) == ["wrong"]
    assert scene.rig.case(case).state == "reviewed"
    assert len(scene.rig.entries("execution.voided")) == 1


def test_objection_that_two_others_do_not_share_counts_as_right_and_stays_undone(scene: Scene) -> None:
    ann, bob, cem = let_in(scene, "ann", "bob", "cem")
    case = checked(scene)
    scene.rig.answer(ann, case, "reject")
    scene.rig.answer(bob, case)
    # one against one is no consensus
    assert (scene.rig.case(case).state, scene.rig.case(case).reviewers) == ("open", 3)
    scene.rig.answer(cem, case)
    scene.feed_all()
    assert verdicts(scene) == ["right"]
    assert [entry["result"] for entry in scene.rig.entries("case.closed")] == ["confirmed"]
    made = [label.source for label in exporting.labels(scene.rig.plane.store, "default")]
    assert sorted(made) == ["outvoted", "spot_check", "spot_check"]
    assert len(scene.rig.entries("execution.voided")) == 1


def test_objection_nobody_confirms_by_the_deadline_counts_as_an_error(scene: Scene) -> None:
    ann, bob = let_in(scene, "ann", "bob")
    case, tied = checked(scene), checked(scene)
    scene.rig.answer(ann, case, "reject")
    scene.rig.answer(ann, tied, "reject")
    # there is no third person to ask
    scene.rig.answer(bob, tied)
    assert scene.rig.case(tied).state == "reviewed"
    scene.rig.pass_time(86_401)
    scene.feed_all()
    assert verdicts(scene) == ["wrong", "wrong"]
    assert [entry["result"] for entry in scene.rig.entries("case.closed")] == ["objected", "objected"]


def test_approval_and_a_lone_reviewers_objection_need_no_second_look(scene: Scene) -> None:
    (ann,) = let_in(scene, "ann")
    scene.rig.answer(ann, checked(scene))
    scene.rig.answer(ann, checked(scene), "reject")
    scene.feed_all()
    assert verdicts(scene) == ["right", "wrong"]


def test_second_person_does_not_learn_what_the_first_said(scene: Scene) -> None:
    ann, bob = let_in(scene, "ann", "bob")
    case = checked(scene)
    scene.rig.answer(ann, case, "reject", note="fishy")
    plain: Any = views.case_detail(scene.rig.plane, bob, checked(scene))
    shown: Any = views.case_detail(scene.rig.plane, bob, case)
    assert (shown["reviews"], shown["execution"]) == ([], None)
    # what it holds tells it from a first look in nothing
    for part in ("reviewers", "escalations", "state", "tier"):
        assert shown["case"][part] == plain["case"][part]
    assert shown["card"]["quorum"] == plain["card"]["quorum"]
    assert [each["type"] for each in shown["history"]] == [each["type"] for each in plain["history"]]
    first: Any = views.case_detail(scene.rig.plane, ann, case)
    assert len(first["reviews"]) == 1


def test_alarm_does_not_wait_where_what_is_alleged_would_raise_it(scene: Scene) -> None:
    ann, _ = let_in(scene, "ann", "bob")
    cases = [checked(scene) for _ in range(8)]
    scene.rig.answer(ann, cases[0], "reject")
    scene.feed_all()
    assert scene.rig.entries("alarm.raised") == []
    for case in cases[1:]:
        scene.rig.answer(ann, case, "reject")
    scene.feed_all()
    assert verdicts(scene) == []
    assert scene.rig.entries("alarm.raised")
    assert scene.submit().tier == "hard_gate"


def test_alarm_comes_at_the_next_look_where_a_feed_failed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, _ = let_in(scene, "ann", "bob")
    cases = [checked(scene) for _ in range(8)]
    for case in cases:
        scene.rig.answer(ann, case, "reject")

    def lose(*_: Any) -> None:
        raise Conflict("another replica was first")

    with monkeypatch.context() as broken:
        broken.setattr(monitors, "feed", lose)
        scene.feed_all()
    assert scene.rig.entries("alarm.raised") == []
    # nothing has changed since
    scene.feed_all()
    assert scene.rig.entries("alarm.raised")


def test_objection_to_an_effect_without_undo_is_flagged_once(scene: Scene) -> None:
    ann, bob, cem = let_in(scene, "ann", "bob", "cem")
    case = checked(scene, "sort", kind="prediction")
    scene.rig.finish(scene.rig.start(case))
    for who, verdict in ((ann, "reject"), (bob, "approve"), (cem, "reject")):
        assert scene.rig.case(case).state == "open"
        scene.rig.answer(who, case, verdict)
    assert scene.rig.case(case).state == "reviewed"
    (flagged,) = scene.rig.entries("incident.flagged")
    assert flagged["incident"]["code"] == "objection_without_undo"


def test_nobody_is_asked_again_where_whoever_is_left_may_not_answer(scene: Scene) -> None:
    ann, bob, cem = let_in(scene, "ann", "bob", "cem")
    case = checked(scene, principal="bob", owners=("cem@example.org",))
    scene.rig.answer(ann, case, "reject")
    assert scene.rig.case(case).state == "reviewed"
    case = checked(scene, principal="bob")
    scene.rig.answer(cem, case, "abstain")
    assert scene.rig.case(case).state == "open"
    scene.rig.answer(ann, case, "reject")
    assert [entry["result"] for entry in scene.rig.entries("case.closed")] == ["objected", "objected"]
    with pytest.raises(Conflict):
        scene.rig.answer(bob, case)


def test_corrected_prediction_gives_a_fused_label_and_counts_at_the_deadline(scene: Scene) -> None:
    ann, bob = let_in(scene, "ann", "bob")
    scene.rig.run(fusing.install, fusing.Install(actor=scene.rig.agent, action="sort", fusion=fusion()))
    arguments = {"text": "who?", "suggestion": "cat", "choices": CHOICES}

    def asked() -> str:
        made = scene.rig.submit(
            "sort", kind="prediction", arguments=arguments, scores=DOUBTFUL, confidence=0.97, draw=0.01
        )
        assert scene.rig.case(made.case_id).soft
        return made.case_id

    confirmed, left = asked(), asked()
    scene.rig.answer(ann, left, "respond", value="dog")
    for who in (ann, bob):
        scene.rig.answer(who, confirmed, "respond", value="dog")
    labels = [label for label in exporting.labels(scene.rig.plane.store, "default") if label.case_id == confirmed]
    assert [label.answer for label in labels] == ["dog", "dog"]
    assert {label.fused["answer"] for label in labels} == {"dog"}
    assert {label.fused["people"] for label in labels} == {2}
    scene.rig.pass_time(86_401)
    assert [entry["result"] for entry in scene.rig.entries("case.closed")] == ["objected", "objected"]
