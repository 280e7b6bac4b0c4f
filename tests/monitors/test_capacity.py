"""`capacity`: while people are few a review counts more, for what weighs it and for nothing else. The log says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.calibration.fit import fit
from handrail.cli.monitors import capacity_lines
from handrail.errors import InvalidPolicy
from handrail.lifecycle import calibrators, policies, watching, workspace
from handrail.policy.differences import differences
from handrail.policy.evaluate import compile_text
from handrail.policy.facts import Asking, Facts
from handrail.proposal import Proposal
from handrail.route import SEVERITY
from handrail.server.monitors import overview
from handrail.store import statements
from handrail.testing.factories import person
from handrail.testing.rig import Rig

LEA = person("Lea", "lead")
ADMIN = replace(LEA, scopes=frozenset({"admin"}))
ACTIONS = """
escalation_policies:
  - {action_type: refund, gate: value, calibrator: refund, undo: charge, undo_seconds: 0}
  - {action_type: charge, autonomy: full}
  - {action_type: fixed, auto_approve_threshold: 0.9, undo_seconds: 0}
cost: {currency: EUR, review: 2, wrong: 100, refused: 20}
"""
CAPACITY = "capacity: {reviews_per_day: 24, most_times: 8}\n"


def begun(url: str, folder: Path) -> Rig:
    made = Rig(url, folder, policy=ACTIONS + CAPACITY)
    rng = np.random.default_rng(0)
    scores = rng.uniform(0, 1, 600)
    fitted = fit("auto", scores.tolist(), (rng.random(600) < scores).tolist(), fitted_at=0, action="refund")
    made.run(calibrators.install, calibrators.Install(actor=ADMIN, name="refund", calibrator=fitted.to_json()))
    return made


@pytest.fixture
def rig(url: str, tmp_path: Path) -> Iterator[Rig]:
    made = begun(url, tmp_path)
    yield made
    assert made.problems() == []
    made.close()


def pass_time(rig: Rig, rng: np.random.Generator, *, minutes: int, per_look: int) -> list[str]:
    """So many proposals every five minutes, as evenly sure as can be; their tiers."""
    tiers = []
    for _ in range(minutes // 5):
        for score in rng.uniform(0.5, 1, per_look).tolist():
            rig.clock.advance(240 / per_look)
            tiers.append(rig.submit("refund", scores=score, arguments={"n": score}).tier)
        rig.clock.advance(60)
        rig.plane.staffing.step()
    return tiers


def kept(rig: Rig) -> dict[str, Any]:
    return watching.read(rig.plane.store.read_hot(statements.workspace_get, id=rig.workspace)[0][5]).scarcity


def test_price_rises_until_the_load_meets_the_capacity_and_the_log_says_so(rig: Rig) -> None:
    rng = np.random.default_rng(1)
    first = pass_time(rig, rng, minutes=30, per_look=10)
    assert first.count("hard_gate") > 20
    # one in an hour, where 120 come; and the day's budget is gone by now
    pass_time(rig, rng, minutes=75, per_look=10)
    made: dict[str, Any] = overview(rig.plane, "default")["capacity"]
    assert 1.2 < made["factor"] <= 8.0
    assert made["reviews_per_day"] == 24
    assert made["prices"] == [
        {"action": "refund", "review": 2.0, "counts": pytest.approx(2.0 * made["factor"]), "currency": "EUR"}
    ]
    told = rig.entries("capacity.priced")
    assert told
    assert {entry["actor"]["kind"] for entry in told} == {"system"}
    assert told[-1]["capacity"]["factor"] == f"{made['factor']:.4f}"
    assert [one["capacity"]["before"] for one in told[1:]] == [one["capacity"]["factor"] for one in told[:-1]]
    # the reason says the price that counted
    asked = rig.submit("refund", scores=0.55, arguments={"n": 1})
    assert any("since people are few" in reason.text for reason in asked.reasons)
    # nothing but the price of a review moved
    assert rig.submit("fixed", confidence=0.85).tier == "hard_gate"


def test_price_counts_for_nothing_once_nobody_looks_and_when_the_capacity_goes(rig: Rig) -> None:
    pass_time(rig, np.random.default_rng(2), minutes=90, per_look=10)
    assert kept(rig)["factor"] > 1.1
    between = next(
        score for score in np.linspace(0.8, 1, 100).tolist()
        if rig.submit("refund", scores=score, arguments={"n": score}).tier == "auto_approve"
    )  # fmt: skip
    rig.clock.advance(3 * 3600)
    # the loop is dead: as the policy says
    assert rig.submit("refund", scores=between, arguments={"n": between}).tier == "hard_gate"
    rig.plane.staffing.step()
    assert (kept(rig)["factor"], kept(rig)["hours"]) == (1, [])
    assert rig.entries("capacity.priced")[-1]["capacity"]["factor"] == "1.0000"
    rig.run(policies.change, (ADMIN, "policy", ACTIONS))
    rig.plane.staffing.step()
    assert kept(rig) == {}
    assert overview(rig.plane, "default")["capacity"] is None


def test_price_is_told_again_when_a_new_epoch_of_the_log_begins(url: str, tmp_path: Path) -> None:
    rig = begun(url, tmp_path)
    pass_time(rig, np.random.default_rng(2), minutes=90, per_look=10)
    stands = rig.entries("capacity.priced")[-1]["capacity"]["factor"]
    assert float(stands) > 1.1
    rig.run(workspace.acknowledge_restore, workspace.Acknowledge(actor=ADMIN, last=(rig.plane.log, 1, bytes(32))))
    (told,) = rig.entries("capacity.priced")
    assert (told["capacity"]["factor"], told["capacity"]["before"]) == (stands, "1.0000")
    # rows of the old epoch are strange to the new log; the price is not
    assert [each for each in rig.problems() if each.startswith("workspace")] == []
    rig.close()


def test_agent_that_floods_makes_reviews_dearer_for_nobody_else(rig: Rig) -> None:
    rng = np.random.default_rng(3)
    asked = []
    for look in range(36):
        # far more than people can do, gated and weighed alike, from one key
        for n in range(20):
            rig.submit("fixed", agent="flood", confidence=0.1, arguments={"n": f"{look} {n}"})
            rig.submit("refund", agent="flood", scores=0.5, arguments={"n": f"{look} {n}"})
        if look % 6 == 0:
            made = rig.submit("refund", agent="calm", scores=0.55, arguments={"n": float(rng.random())})
            asked.append(made.tier)
        rig.clock.advance(300)
        rig.plane.staffing.step()
    assert asked == ["hard_gate"] * 6
    agents = kept(rig)["agents"]
    assert agents["calm"]["factor"] == 1.0
    assert agents["flood"]["factor"] == 8.0
    # an agent that comes only now starts at the price of the policy
    assert kept(rig)["factor"] == 1.0
    shown: Any = overview(rig.plane, "default")["capacity"]
    assert [(one["agent"], one["at_most"]) for one in shown["agents"]] == [("flood", True), ("calm", False)]
    assert shown["at_most"] is True
    assert any("flood" in line and "ALARM" in line for line in capacity_lines(shown))
    assert {entry["capacity"].get("agent") for entry in rig.entries("capacity.priced")} == {"flood"}
    # silent for a day: forgotten, and the log says so
    for _ in range(25):
        rig.clock.advance(3600)
        rig.plane.staffing.step()
    assert "agents" not in kept(rig)
    assert rig.entries("capacity.priced")[-1]["capacity"]["factor"] == "1.0000"


def test_golds_are_no_demand(rig: Rig) -> None:
    rig.plane.staffing.step()
    for n in range(5):
        rig.submit("fixed", confidence=0.1, arguments={"n": n}, gold="approve")
    rig.submit("fixed", confidence=0.1, arguments={"n": 9})
    rig.clock.advance(300)
    rig.plane.staffing.step()
    assert [hour[1:] for hour in kept(rig)["hours"]] == [[0, 0, 1]]


def test_second_replica_that_looks_at_once_moves_nothing(rig: Rig) -> None:
    rig.plane.staffing.step()
    before = kept(rig)
    rig.clock.advance(60)
    rig.plane.staffing.step()
    assert kept(rig) == before


FLOORS = """
escalation_policies:
  - {action_type: value, gate: value, calibrator: k}
  - {action_type: kept, gate: value, calibrator: k, target_error: 0.05}
  - {action_type: taken_back, gate: value, calibrator: k, undo: put_back}
  - {action_type: sunk, gate: value, calibrator: k, undo: put_back, irreversible: true}
  - {action_type: put_back, autonomy: full}
  - {action_type: cut, gate: value, calibrator: k, auto_approve_threshold: 0.8, target_error: 0.05}
  - {action_type: ruled, gate: value, calibrator: k}
  - {action_type: always, gate: value, calibrator: k, always_review: true}
  - {action_type: held, autonomy: confirm}
rules:
  - {id: r, actions: [ruled], route: {tier: hard_gate}}
cost: {review: 1, wrong: 20}
capacity: {reviews_per_day: 10}
"""
POLICY = compile_text(FLOORS)


def tier(action: str, confidence: float, gain: float, scarcity: float) -> str:
    facts = Facts(asking=Asking(gain=gain), scarcity=scarcity)
    proposal = Proposal(action=action, arguments={}, confidence=confidence)
    return POLICY.route(proposal, facts, now=0, draw=1.0).tier


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["kept", "cut", "ruled", "always", "held"]), st.floats(0, 1), st.floats(0, 1e6),
    st.floats(allow_nan=True, allow_infinity=True),
)  # fmt: skip
def test_price_never_loosens_what_others_ask_nor_a_certified_threshold(
    action: str, confidence: float, gain: float, scarcity: float
) -> None:
    found = tier(action, confidence, gain, scarcity)
    assert SEVERITY[found] <= SEVERITY[tier(action, confidence, gain, 1.0)]
    if action in ("kept", "ruled", "held") or (action == "cut" and confidence < 0.8):
        assert found == "hard_gate"
    if action == "always":
        assert found != "auto_approve"


@pytest.mark.parametrize(("action", "loosened"), [("value", False), ("sunk", False), ("taken_back", True)])
def test_price_loosens_only_what_can_be_undone(action: str, loosened: bool) -> None:
    assert tier(action, 0.5, 5.0, 1.0) == "hard_gate"
    assert (tier(action, 0.5, 5.0, 10.0) == "auto_approve") is loosened


@given(st.floats(0, 1e6), st.floats(allow_nan=True, allow_infinity=True))
def test_price_that_is_none_counts_as_the_policys(gain: float, scarcity: float) -> None:
    usual = tier("value", 0.5, gain, 1.0)
    if not 1.0 < scarcity < float("inf"):
        assert tier("value", 0.5, gain, scarcity) == usual
    assert SEVERITY[tier("value", 0.5, gain, scarcity)] <= SEVERITY[usual]


@pytest.mark.parametrize(
    ("held", "factor"),
    [
        ({}, 1.0), ({"factor": 3.5, "at": 100}, 3.5), ({"factor": 50, "at": 100}, 10.0),
        ({"factor": 0.5, "at": 100}, 1.0),
        ({"factor": "3", "at": 100}, 1.0), ({"factor": 3.5}, 1.0), ({"factor": 3.5, "at": -watching.STALE}, 1.0),
        ({"factor": 3.5, "at": 3 * watching.STALE}, 1.0), ({"factor": None, "at": 100}, 1.0),
    ],
)  # fmt: skip
def test_what_is_old_or_unsound_counts_for_nothing(held: dict[str, Any], factor: float) -> None:
    watch = watching.Watch(scarcity=held)
    assert watching.scarcity_of(watch, POLICY.document.capacity, 200, None) == factor
    assert watching.scarcity_of(watch, None, 200, None) == 1.0


def test_capacity_in_a_policy_is_checked_and_its_changes_have_a_direction() -> None:
    with pytest.raises(InvalidPolicy, match="capacity moves nothing"):
        compile_text("escalation_policies: [{action_type: a}]\ncapacity: {reviews_per_day: 10}\n")
    for wrong in ("{}", "{reviews_per_day: 0}", "{reviews_per_day: 5, most_times: 1}", "{reviews_per_day: .inf}"):
        with pytest.raises(InvalidPolicy):
            compile_text(ACTIONS + f"capacity: {wrong}\n")

    def direction(old: str, new: str) -> list[str]:
        documents = [compile_text(ACTIONS + text).document for text in (old, new)]
        return [one.direction for one in differences(*documents)]

    assert direction("", CAPACITY) == ["looser"]
    assert direction(CAPACITY, CAPACITY.replace("24", "200")) == ["tighter"]
    assert direction(CAPACITY, CAPACITY.replace("8", "9")) == ["looser"]
