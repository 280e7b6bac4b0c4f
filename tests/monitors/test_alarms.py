"""From rising error to alarm, raised tiers, evidence and lifting: on the real control plane."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from handrail.errors import Forbidden, InvalidInput, NotEnoughEvidence, NotFound
from handrail.learning.evidence import evidence
from handrail.lifecycle import watching
from handrail.lifecycle.labels import label_noun
from handrail.server.monitors import explained, overview
from handrail.store import reads, statements
from handrail.testing.factories import agent, person
from tests.monitors.scene import ANN, POLICY, Scene


def watch(scene: Scene) -> watching.Watch:
    return watching.read(scene.rig.plane.store.read_hot(statements.workspace_get, id="default")[0][5])


def test_error_that_rises_alarms_raises_and_goes_on_after_a_person_lifted_it(scene: Scene) -> None:
    scene.stream(30, error=0.0)
    assert scene.answered(0.0).tier == "auto_approve"
    id = scene.until_alarm(error=0.5)
    raised = scene.answered(0.0)
    assert raised.tier == "hard_gate"
    assert [r.text for r in raised.reasons if r.code.startswith("alarm:")]
    assert scene.submit("calm").tier == "auto_approve"
    with pytest.raises(NotEnoughEvidence, match="not enough evidence yet"):
        scene.lift(id)
    scene.stream(60, error=0.0)
    # another monitor may have alarmed by the same errors
    for alarm in scene.rig.entries("alarm.raised"):
        made = scene.lift(alarm["alarm"]["id"])
        assert made["holds"]
        assert made["wrong"] == 0
    assert scene.answered(0.0).tier == "auto_approve"
    assert watch(scene).alarms == {}
    begun = scene.monitors()
    scene.feed_all()
    assert scene.monitors()["pay:error"].n <= 1
    assert scene.monitors()["pay:error"].alarmed_at is None
    assert begun.keys() <= scene.monitors(ended=True).keys()
    assert scene.rig.problems() == []


def test_alarm_cannot_be_lifted_by_anybody_else(scene: Scene) -> None:
    id = scene.until_alarm(error=0.6)
    scene.stream(60, error=0.0)
    for who in (ANN, person("Olga", "auditor"), agent(), agent(kind="system", pid="operator")):
        with pytest.raises(Forbidden):
            scene.lift(id, by=who)
    with pytest.raises(InvalidInput):
        scene.lift(id, reason="  ")
    with pytest.raises(NotFound):
        scene.lift("018bcfe5-6800-7da2-aa74-6ce5a1494f29")
    scene.lift(id)
    with pytest.raises(NotFound):
        scene.lift(id)


def test_evidence_from_before_the_alarm_does_not_lift_it(scene: Scene) -> None:
    scene.stream(60, error=0.0)
    id = scene.until_alarm(error=0.7)
    with pytest.raises(NotEnoughEvidence, match="0 of"):
        scene.lift(id)
    scene.stream(20, error=0.9)
    with pytest.raises(NotEnoughEvidence):
        scene.lift(id)


def test_grant_does_not_pass_an_alarm(scene: Scene) -> None:
    scene.until_alarm(error=0.6)
    text = POLICY + "grants: [{id: g, action: pay, expires: 2099-01-01, lifts: [confidence, autonomy]}]\n"
    scene.rig.change_policy(text)
    assert scene.submit(confidence=0.7).tier == "hard_gate"
    assert scene.submit().tier == "hard_gate"


def test_policy_that_asks_for_no_monitors_leaves_a_standing_alarm(scene: Scene) -> None:
    scene.until_alarm(error=0.6)
    scene.rig.change_policy(POLICY + "monitors: {enabled: false}\n")
    scene.feed_all()
    assert scene.submit().tier == "hard_gate"
    assert scene.rig.problems() == []


def test_answers_that_come_late_are_taken_in_the_order_of_the_draws(scene: Scene) -> None:
    """Objections come back at once, approvals later: the monitors must not see the errors first."""
    waiting = []
    for at in range(80):
        made = scene.submit()
        if not scene.is_open(made.case_id):
            continue
        if at % 40 == 0:
            scene.rig.answer(ANN, made.case_id, "reject")
        else:
            waiting.append(made.case_id)
    scene.feed_all()
    assert all(row.n <= 1 for row in scene.monitors().values())
    for case_id in reversed(waiting):
        scene.rig.answer(ANN, case_id, "approve")
    scene.feed_all()
    assert {k.split(":")[1]: r.n for k, r in scene.monitors().items()} == {
        kind: n for kind, (n, _) in scene.recounted().items()
    }
    assert scene.rig.entries("alarm.raised") == []


def test_check_nobody_answered_counts_as_an_error_at_its_deadline(scene: Scene) -> None:
    for _ in range(40):
        scene.submit()
    scene.feed_all()
    assert scene.monitors()["pay:error"].n == 0
    scene.rig.pass_time(86_401)
    scene.feed_all()
    assert scene.rig.entries("alarm.raised")
    assert scene.submit().tier == "hard_gate"
    assert scene.rig.problems() == []


def test_check_that_waits_is_named_with_what_waits_behind_it(scene: Scene) -> None:
    cases = [made.case_id for made in (scene.submit() for _ in range(40)) if scene.is_open(made.case_id)]
    for case in cases[3:]:
        scene.rig.answer(ANN, case)
    scene.feed_all()
    (told,) = cast(list[Any], overview(scene.rig.plane, "default")["waiting"])
    assert (told["action"], told["checks"], told["held_up"]) == ("pay", 3, len(cases) - 3)
    assert [each["case_id"] for each in told["first"]] == cases[:3]
    for case in cases[1:3]:
        scene.rig.answer(ANN, case)
    assert all(row.n == 0 for row in scene.monitors().values())
    # at its deadline it counts as an error, and what waited behind it is taken in
    scene.rig.clock.advance(86_401)
    scene.feed_all()
    assert scene.monitors()["pay:error"].n + scene.monitors()["pay:weighted_error"].n == len(cases)
    assert overview(scene.rig.plane, "default")["waiting"] == []


def test_few_checks_say_that_they_are_few(scene: Scene) -> None:
    scene.stream(30, error=0.0)
    found: dict[str, Any] = overview(scene.rig.plane, "default")
    one = next(item for item in found["items"] if item["kind"] == "error")
    assert one["standing"] == "not_enough_evidence"
    assert one["evidence"] == f"not enough evidence yet ({one['n']} of {one['enough_at']})"
    (estimate,) = found["estimates"]
    assert estimate["error"] is None
    assert "of 30 checks" in estimate["evidence"]
    scene.stream(50, error=0.0)
    (estimate,) = overview(scene.rig.plane, "default")["estimates"]
    assert estimate["low"] <= estimate["error"] <= estimate["high"] < 0.2
    id = scene.until_alarm(error=0.6)
    told: dict[str, Any] = explained(scene.rig.plane, "default", id)
    assert told["standing"] == "alarm"
    assert not told["certificate"]["holds"]
    assert told["curve"][-1][1] >= told["line"]


def test_estimate_of_what_was_let_through_ignores_what_was_reviewed(scene: Scene) -> None:
    """Half of what people saw beforehand is wrong; nothing averages that with what was let through."""
    for _ in range(90):
        scene.answered(0.0)
        scene.answered(0.5, confidence=0.3)
    scene.feed_all()
    (estimate,) = overview(scene.rig.plane, "default")["estimates"]
    assert estimate["of"] == "auto_approve"
    assert estimate["let_through"] <= 90
    assert estimate["error"] < 0.1
    assert scene.monitors()["pay:error"].log_e < 1.0


def test_share_of_people_below_its_aim_puts_all_under_review(url: str, tmp_path: Path) -> None:
    scene = Scene(url, tmp_path, POLICY + "monitors: {review_share: 0.5}\n")
    scene.feed_all()
    for _ in range(120):
        scene.submit("calm")
    scene.rig.clock.advance(30)
    scene.feed_all()
    (alarm,) = [e["alarm"] for e in scene.rig.entries("alarm.raised")]
    assert (alarm["monitor"], alarm["tier"], "action" in alarm) == ("share_below", "soft_review", False)
    assert scene.submit("calm").tier == "soft_review"
    scene.lift(alarm["id"])
    assert scene.submit("calm").tier == "auto_approve"
    assert scene.rig.problems() == []
    scene.rig.close()


def test_feeding_again_changes_nothing(scene: Scene) -> None:
    scene.stream(50, error=0.1)
    before = {k: (r.n, r.log_e, bytes(r.state)) for k, r in scene.monitors().items()}
    other = scene.rig.plane.monitoring
    other._begun.clear()
    scene.feed_all()
    assert {k: (r.n, r.log_e, bytes(r.state)) for k, r in scene.monitors().items()} == before
    told = {k.split(":")[1]: v for k, v in before.items()}
    for kind, (n, log_e) in scene.recounted().items():
        assert told[kind][0] == n
        assert told[kind][1] == pytest.approx(log_e)


def test_weighted_checks_are_told_apart_and_leave_calibrators_alone(scene: Scene) -> None:
    scene.stream(60, error=0.0)
    found = reads.labels(scene.rig.plane.store, "default", "pay", cursor=None, limit=500)
    labels = [label_noun(bytes(row.bytes)) for row in found.rows]
    by_stream = Counter(label.stream for label in labels)
    monitors = scene.monitors()
    assert by_stream["uniform"] == monitors["pay:error"].n
    assert by_stream["weighted"] == monitors["pay:weighted_error"].n > 2
    assert {label.inclusion for label in labels if label.stream == "uniform"} == {0.4}
    made = evidence(labels)
    assert len(made.cases) == by_stream["uniform"]
    assert made.left_out == {"weighted check": by_stream["weighted"]}
