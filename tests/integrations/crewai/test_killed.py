"""Flows and crews whose process is killed: the decision holds in the next one, and nothing acts twice.

Importing CrewAI takes seconds, on a busy machine a minute: one process is started, and each order forks from it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from handrail.testing.conformance import Scene
from handrail.testing.conformance.elsewhere import ORDER_SECONDS, Workshop
from handrail.testing.conformance.once import LAPSE_SECONDS, PAID, said
from handrail.testing.conformance.scene import wait_until
from handrail.testing.conformance.script import Script, one_turn, pay
from tests.integrations.crewai.flow_harness import FlowHarness
from tests.integrations.crewai.harness import CrewAI

EFFECT = {"to": "A1", "amount": 5}


@pytest.fixture(scope="module")
def flows() -> Iterator[Workshop]:
    made = Workshop(FlowHarness)
    yield made
    made.close()


@pytest.fixture(scope="module")
def crews() -> Iterator[Workshop]:
    made = Workshop(CrewAI)
    yield made
    made.close()


def approve(scene: Scene) -> str:
    wait_until(lambda: bool(scene.open_cases()), "the case", ORDER_SECONDS)
    (case,) = scene.open_cases()
    scene.desk().answer(case.id, "approve")
    return case.id


# --- flows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verdict", "effects"), [("approve", [EFFECT]), ("reject", [])])
def test_kill_a_parked_flow_obeys_the_decision_in_the_next_process(
    scene: Scene, flows: Workshop, verdict: str, effects: list[Any]
) -> None:
    script = one_turn(pay("A1", 5))
    assert flows.do(scene.folder, script, "run and die")["died"] == signal.SIGKILL
    (case,) = scene.open_cases()
    scene.desk().answer(case.id, verdict, **({"reason": "wrong"} if verdict == "reject" else {}))
    report = flows.do(scene.folder, script, "wake")
    assert (PAID if effects else "wrong") in said(report), report
    assert scene.effects.read() == effects
    assert len(scene.cases()) == 1


def test_wake_a_parked_flow_from_two_processes_at_once_acts_once(scene: Scene, flows: Workshop) -> None:
    script = one_turn(pay("A1", 5))
    flows.do(scene.folder, script, "run and die")
    approve(scene)
    flows.race(scene.folder, script, "wake", "wake")
    assert scene.effects.read() == [EFFECT]


def test_kill_a_woken_flow_after_its_effect_acts_no_second_time_and_says_what_happened(
    scene: Scene, flows: Workshop
) -> None:
    script = one_turn(pay("A1", 5), trouble="dies")
    flows.do(scene.folder, script, "run and die")
    approve(scene)
    assert flows.do(scene.folder, script, "wake")["died"] == signal.SIGKILL
    assert scene.effects.read() == [EFFECT]
    scene.pass_time(LAPSE_SECONDS)
    flows.do(scene.folder, script, "wake")
    assert scene.effects.read() == [EFFECT]
    (parked,) = scene.control.parks()
    assert "was woken before and broke off" in (parked.note or "")


# --- crews ----------------------------------------------------------------------------------------


def killed_after_its_effect(scene: Scene, crews: Workshop, script: Script) -> str:
    order = crews.start(scene.folder, script, "run")
    case_id = approve(scene)
    assert order.wait()["died"] == signal.SIGKILL
    assert scene.effects.read() == [EFFECT]
    scene.pass_time(LAPSE_SECONDS)
    return case_id


def test_kill_a_crew_after_its_effect_under_a_key_acts_no_second_time(scene: Scene, crews: Workshop) -> None:
    script = one_turn(pay("A1", 5), trouble="dies", key="invoice-7")
    case_id = killed_after_its_effect(scene, crews, script)
    report = crews.do(scene.folder, script, "run")
    assert "a person settles it" in said(report), report
    assert (scene.effects.read(), len(scene.cases())) == ([EFFECT], 1)
    execution = scene.execution(case_id)
    assert execution is not None
    assert execution.state == "unknown"


def test_kill_a_crew_after_its_effect_without_a_key_asks_a_person_afresh(scene: Scene, crews: Workshop) -> None:
    """CrewAI gives a call no id, so the next process cannot know that it is the same: nothing runs unasked."""
    script = one_turn(pay("A1", 5), trouble="dies")
    killed_after_its_effect(scene, crews, script)
    order = crews.start(scene.folder, script, "run")
    wait_until(lambda: len(scene.cases()) == 2, "the second case", ORDER_SECONDS)
    assert scene.effects.read() == [EFFECT]
    (case,) = scene.open_cases()
    scene.desk().answer(case.id, "reject", reason="paid already")
    assert "paid already" in said(order.wait())
    assert scene.effects.read() == [EFFECT]
