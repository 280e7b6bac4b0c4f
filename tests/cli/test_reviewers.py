"""`handrail reviewers` where most of the crowd is hostile: said, however few golds there are."""

from __future__ import annotations

from pathlib import Path

from handrail.clock import FakeClock, SystemClock
from handrail.testing.factories import person
from handrail.testing.rig import Rig
from tests.cli.scene import read, run

POLICY = """
escalation_policies:
  - {action_type: name, autonomy: confirm, undo_seconds: 0, reviewers: 3}
review_settings: {reviewer_session_limit_minutes: 1000000}
"""
PEOPLE = [person(name, "reviewer", "lead") for name in ("Ann", "Ben", "Cem")]


def crowd(path: Path, cases: int, golds: int) -> None:
    """Ann is right, Ben and Cem never are; of the first cases the answer is known."""
    # figures look back 90 days from today
    rig = Rig(f"sqlite:///{path}", path.parent, policy=POLICY, clock=FakeClock(SystemClock().now()))
    for n in range(cases):
        truth, other = ("cat", "dog") if n % 2 else ("dog", "cat")
        arguments = {"n": n, "choices": ["cat", "dog"]}
        case = rig.gated("name", kind="annotation", arguments=arguments, gold=truth if n < golds else None)
        for one, said in zip(PEOPLE, (truth, other, other), strict=True):
            rig.answer(one, case, "respond", value=said)
    rig.close()


def test_reviewers_warns_of_a_hostile_majority_with_few_golds_and_with_enough(tmp_path: Path) -> None:
    for golds in (9, 12):
        path = tmp_path / f"{golds}.db"
        crowd(path, 60, golds)
        held = read("reviewers", "--database", path)["consensus"]
        assert held["differs"] > 0.1
        said = run("reviewers", "--database", path).stdout
        assert f"differs from plain majority on {held['differs']:.1%}" in said
        assert "WARNING: Dawid-Skene and plain majority differ on" in said
        assert ("not enough golds yet (9 of 10)" in said) == (golds == 9)


def test_reviewers_before_enough_cases_says_how_many_are_missing(tmp_path: Path) -> None:
    crowd(tmp_path / "few.db", 5, 0)
    said = run("reviewers", "--database", tmp_path / "few.db").stdout
    assert "consensus: not enough evidence yet (5 of 50 cases answered twice)" in said
