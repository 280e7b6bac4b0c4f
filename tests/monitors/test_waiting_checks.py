"""What a check that waits for a second person may hold up, and what it may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handrail.lifecycle import outcome
from handrail.store import monitors as tables
from handrail.store.statements import Statement
from handrail.testing.factories import agent
from tests.monitors.scene import Scene
from tests.monitors.test_second_look import CHECKED, checked, let_in, verdicts

LOOSE = "  - {action_type: loose, autonomy: full, spot_check_rate: 1.0, undo_seconds: 0}\nreview_settings:"


@pytest.fixture
def scene(url: str, tmp_path: Path) -> Iterator[Scene]:
    made = Scene(url, tmp_path, CHECKED.replace("review_settings:", LOOSE) + "monitors: {confidence: false}\n")
    made.feed_all()
    yield made
    assert made.rig.problems() == []
    made.rig.close()


def test_error_alleged_where_nothing_is_monitored_stops_no_other_monitor(scene: Scene) -> None:
    ann, bob = let_in(scene, "ann", "bob")
    assert set(scene.monitors()) == {"pay:error"}
    scene.rig.answer(ann, checked(scene, "loose"), "reject")
    for _ in range(12):
        case = checked(scene)
        scene.rig.answer(ann, case, "reject")
        scene.rig.answer(bob, case, "reject")
    scene.feed_all()
    assert scene.rig.entries("alarm.raised")
    assert scene.submit().tier == "hard_gate"


def test_feed_that_fails_in_one_workspace_is_told_after_the_others_were_fed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, fed = scene.rig.plane.monitoring, []

    def feed(workspace: str) -> int:
        fed.append(workspace)
        if workspace == "default":
            raise ZeroDivisionError
        return 0

    look = scene.rig.plane.store.read_hot

    def with_another(statement: Statement, **given: Any) -> list[Any]:
        found = look(statement, **given)
        return [*found, ("zeta", *found[0][1:])] if statement is tables.workspaces else found

    monkeypatch.setattr(scene.rig.plane.store, "read_hot", with_another)
    monkeypatch.setattr(loop, "_due", lambda *_: True)
    monkeypatch.setattr(loop, "_calibrators", lambda *_: None)
    monkeypatch.setattr(loop, "_policy", lambda *_: None)
    monkeypatch.setattr(loop, "_feed", feed)
    with pytest.raises(ZeroDivisionError):
        loop.step()
    assert fed == ["default", "zeta"]


def test_check_that_goes_up_again_and_again_counts_at_its_own_deadline(scene: Scene) -> None:
    ann, bob, cem = let_in(scene, "ann", "bob", "cem")
    first = checked(scene)
    for _ in range(5):
        later = checked(scene)
        scene.rig.answer(ann, later, "reject")
        scene.rig.answer(bob, later, "reject")
    scene.rig.escalate(cem, first)
    scene.rig.pass_time(80_000)
    scene.rig.escalate(cem, first)
    scene.feed_all()
    assert verdicts(scene) == []
    scene.rig.pass_time(7_000)
    scene.feed_all()
    assert verdicts(scene) == ["expired", *["wrong"] * 5]
    assert scene.rig.entries("alarm.raised")


def test_alarm_on_what_is_alleged_says_so(scene: Scene) -> None:
    ann, _ = let_in(scene, "ann", "bob")
    for _ in range(8):
        scene.rig.answer(ann, checked(scene), "reject")
    scene.feed_all()
    (reason,) = [reason for reason in scene.submit().reasons if "alarm" in reason.text.lower()]
    assert "some of them only alleged" in reason.text


def test_program_cannot_clear_itself(scene: Scene) -> None:
    ann, bob = let_in(scene, "ann", "bob")
    alleged, confirmed, unseen, denied, told = (checked(scene, agent="billing") for _ in range(5))
    scene.rig.answer(ann, confirmed, "reject")
    scene.rig.answer(bob, confirmed, "reject")
    scene.rig.answer(ann, alleged, "reject")
    itself, another = agent(name="billing"), agent(name="chargebacks")
    for case, correct, by in (
        (alleged, True, another), (confirmed, True, another), (unseen, True, itself), (denied, False, itself),
        (told, True, another),
    ):  # fmt: skip
        scene.rig.run(outcome.record, outcome.Record(actor=by, case_id=case, correct=correct))
    scene.feed_all()
    assert verdicts(scene) == []
    scene.rig.answer(bob, alleged, "reject")
    scene.feed_all()
    # nobody has looked at the third yet, so those drawn after it wait
    assert verdicts(scene) == ["wrong", "wrong"]
    scene.rig.answer(ann, unseen)
    scene.feed_all()
    assert verdicts(scene) == ["wrong", "wrong", "right", "wrong", "right"]
