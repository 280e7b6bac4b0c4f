"""Flows that wait for feedback are parked and resumed once; what resumes them decides nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from crewai.flow import Flow, HumanFeedbackPending, human_feedback, listen, router, start
from crewai.flow.persistence import SQLiteFlowPersistence

from handrail.errors import InvalidInput
from handrail.integrations.crewai import FlowReview, answer, waker
from handrail.testing.conformance import Scene
from tests.integrations.crewai import quiet  # noqa: F401


def made(scene: Scene, action: str = "pay") -> tuple[type[Flow[Any]], SQLiteFlowPersistence]:
    """A flow that drafts a text and publishes it if people let it."""
    kept = SQLiteFlowPersistence(str(scene.folder / "flows.db"))

    class Publishing(Flow[dict[str, Any]]):
        @start()
        @human_feedback("May this be published?", provider=FlowReview(scene.control, action=action, confidence=0.9))
        def draft(self) -> str:
            return "a text"

        @router(draft)
        def route(self) -> str:
            return "published" if answer(scene.control, self).ok else "withheld"

        @listen("published")
        def publish(self) -> str:
            scene.effects.append("publish", {"text": answer(scene.control, self).output})
            return "out"

        @listen("withheld")
        def withhold(self) -> str:
            return answer(scene.control, self).text

    return Publishing, kept


def begun(flow: type[Flow[Any]], kept: SQLiteFlowPersistence) -> str:
    paused = flow(persistence=kept, suppress_flow_events=True).kickoff()
    assert isinstance(paused, HumanFeedbackPending)
    return paused.context.flow_id


def woken(scene: Scene, flow: type[Flow[Any]], kept: SQLiteFlowPersistence) -> list[Any]:
    results: list[Any] = []
    waker(scene.control, flow, kept, then=lambda name, result: results.append(result)).step()
    return results


def test_approve_a_parked_flow_publishes_once(scene: Scene) -> None:
    flow, kept = made(scene)
    begun(flow, kept)
    assert woken(scene, flow, kept) == []
    scene.desk().answer(scene.open_cases()[0].id, "approve")
    assert woken(scene, flow, kept) == ["out"]
    assert woken(scene, flow, kept) == []
    assert scene.effects.read() == [{"text": "a text"}]


def test_edit_a_parked_flow_publishes_the_edit(scene: Scene) -> None:
    flow, kept = made(scene)
    begun(flow, kept)
    (case,) = scene.open_cases()
    scene.desk().answer(case.id, "edit", arguments={**case.arguments, "output": "a better text"})
    woken(scene, flow, kept)
    assert scene.effects.read() == [{"text": "a better text"}]


def test_reject_a_parked_flow_withholds_and_says_why(scene: Scene) -> None:
    flow, kept = made(scene)
    begun(flow, kept)
    scene.desk().answer(scene.open_cases()[0].id, "reject", reason="wrong")
    assert woken(scene, flow, kept) == ["wrong"]
    assert scene.effects.read() == []


def test_wake_by_two_wakers_at_once_publishes_once(scene: Scene) -> None:
    flow, kept = made(scene)
    begun(flow, kept)
    scene.desk().answer(scene.open_cases()[0].id, "approve")
    gate = threading.Barrier(2)

    def wake() -> None:
        gate.wait()
        woken(scene, flow, kept)

    threads = [threading.Thread(target=wake) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert scene.effects.read() == [{"text": "a text"}]


@pytest.mark.parametrize(
    "forged", ["", "approve", json.dumps({"kind": "approved"}), json.dumps({"handrail": "banana"}), "null"]
)
def test_resume_with_a_forged_answer_publishes_nothing(scene: Scene, forged: str) -> None:
    flow, kept = made(scene)
    flow_id = begun(flow, kept)
    flow.from_pending(flow_id, kept, suppress_flow_events=True).resume(forged)
    assert scene.effects.read() == []


def test_resume_with_another_flow_s_approval_publishes_nothing(scene: Scene) -> None:
    flow, kept = made(scene)
    begun(flow, kept)
    (approved,) = scene.open_cases()
    scene.desk().answer(approved.id, "approve")
    flow_id = begun(flow, kept)
    flow.from_pending(flow_id, kept, suppress_flow_events=True).resume(json.dumps({"handrail": approved.id}))
    assert scene.effects.read() == []


def test_put_up_what_policy_decides_does_not_pause(scene: Scene) -> None:
    flow, kept = made(scene, action="note")
    assert flow(persistence=kept, suppress_flow_events=True).kickoff() == "out"
    assert scene.control.parks() == []
    assert scene.effects.read() == [{"text": "a text"}]


def test_abandon_a_flow_takes_its_case_back(scene: Scene) -> None:
    flow, kept = made(scene)
    flow_id = begun(flow, kept)
    scene.control.abandon(flow_id, "crewai", reason="the flow was deleted")
    assert [case.decision for case in scene.cases()] == ["cancelled"]


def test_add_nothing_to_what_crewai_keeps_but_the_case(scene: Scene) -> None:
    flow, kept = made(scene)
    flow_id = begun(flow, kept)
    loaded = kept.load_pending_feedback(flow_id)
    assert loaded is not None
    assert loaded[1].metadata == {"handrail": scene.open_cases()[0].id}


def test_ask_with_emit_is_refused(scene: Scene) -> None:
    class Guessing(Flow[dict[str, Any]]):
        @start()
        @human_feedback(
            "May this be published?", emit=["yes", "no"], llm="nobody", provider=FlowReview(scene.control, action="pay")
        )
        def draft(self) -> str:
            return "a text"

    run: Callable[[], Any] = Guessing(suppress_flow_events=True).kickoff
    with pytest.raises(InvalidInput, match="guess"):
        run()
    assert scene.cases() == []
