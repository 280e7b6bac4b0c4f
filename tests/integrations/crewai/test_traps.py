"""What CrewAI gets wrong by itself, and what becomes of it when tools are gated."""

from __future__ import annotations

import threading
from typing import Any

from crewai import Agent, Crew, Task
from crewai.core.providers.human_input import reset_provider, set_provider
from crewai.hooks import register_before_tool_call_hook, unregister_before_tool_call_hook
from crewai.tools import tool

from handrail.integrations.crewai import AnswerReview, gate, human_tool
from handrail.testing.conformance import Scene
from handrail.testing.conformance.scene import wait_until
from handrail.testing.conformance.script import one_turn, pay
from tests.integrations.crewai.harness import App, Scripted


def test_raise_after_the_effect_acts_often_in_crewai_alone(scene: Scene) -> None:
    # gated it acts once: C2 of the contract, in the same mode
    script = one_turn(pay("A1", 5), trouble="raises", retries=True, unwrapped=("pay",))
    App(scene, script).crew.kickoff()
    assert len(scene.effects.read()) > 1


def test_hook_that_raises_does_not_open_a_gated_tool(scene: Scene) -> None:
    def broken(context: Any) -> None:
        raise RuntimeError("this hook is broken")

    register_before_tool_call_hook(broken)
    try:
        app = App(scene, one_turn(pay("A1", 5)))
        _answered(scene, app.crew.kickoff, "reject", reason="wrong")
    finally:
        unregister_before_tool_call_hook(broken)
    assert scene.effects.read() == []


def test_hook_that_changes_arguments_is_seen_by_the_reviewer(scene: Scene) -> None:
    def changed(context: Any) -> None:
        context.tool_input["amount"] = 5000

    register_before_tool_call_hook(changed)
    try:
        app = App(scene, one_turn(pay("A1", 5)))
        _answered(scene, app.crew.kickoff, "approve")
    finally:
        unregister_before_tool_call_hook(changed)
    assert [case.arguments for case in scene.cases()] == [{"to": "A1", "amount": 5000}]
    assert scene.effects.read() == [{"to": "A1", "amount": 5000}]


def test_begin_a_crew_again_asks_afresh_and_under_a_key_acts_once(scene: Scene) -> None:
    for _ in range(2):
        _answered(scene, App(scene, one_turn(pay("A1", 5))).crew.kickoff, "approve")
    assert len(scene.effects.of(to="A1")) == 2
    keyed = one_turn(pay("A2", 5), key="invoice-7")
    _answered(scene, App(scene, keyed).crew.kickoff, "approve")
    App(scene, keyed).crew.kickoff()
    assert len(scene.effects.of(to="A2")) == 1


def test_call_from_crewai_s_threads_belongs_to_the_run(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5, id="c1"), pay("A2", 5, id="c2")))

    def work() -> None:
        with app.hr.run(id="run-7"):
            app.crew.kickoff()

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: len(scene.open_cases()) == 2, "both cases")
    assert {case.run for case in scene.open_cases()} == {"run-7"}
    for case in scene.open_cases():
        scene.desk().answer(case.id, "approve")
    thread.join(60)
    assert len(scene.effects.read()) == 2


def test_reach_the_limit_of_uses_is_told_and_runs_nothing(scene: Scene) -> None:
    @tool("pay", max_usage_count=1)
    def limited(to: str, amount: int) -> str:
        """Pay somebody."""
        scene.effects.append("pay", {"to": to, "amount": amount})
        return "paid"

    (gated,) = gate(scene.control, [limited])
    said = [_answered(scene, lambda: gated.run(to="A1", amount=5), "approve") for _ in range(2)]
    assert said[0] == "paid"
    assert "usage limit" in said[1]
    assert scene.execution(scene.cases()[-1].id).state == "failed"  # type: ignore[union-attr]


def test_ask_a_person_from_an_agent_returns_the_answer_or_why_not(scene: Scene) -> None:
    asking = human_tool(scene.control)
    assert _answered(scene, lambda: asking.run(question="Which account?"), "respond", value="number 7") == "number 7"
    refused = _answered(scene, lambda: asking.run(question="Which account?"), "reject", reason="wrong")
    assert "No answer" in refused


def test_review_a_task_s_answer_delivers_what_the_person_left_of_it(scene: Scene) -> None:
    assert _reviewed(scene, "approve") == "done"
    assert _reviewed(scene, "edit", lambda given: {"arguments": {**given, "output": "done, and checked"}}) == (
        "done, and checked"
    )


def test_review_a_task_s_answer_withholds_what_is_refused(scene: Scene) -> None:
    said = _reviewed(scene, "reject", lambda given: {"reason": "wrong"})
    assert "done" not in said.splitlines()
    assert "Not executed" in said


def _reviewed(scene: Scene, verdict: str, more: Any = lambda given: {}) -> str:
    app = App(scene, one_turn())
    agent = Agent(role="clerk", goal="pay", backstory="A clerk.", llm=Scripted.of(one_turn(), app.told))
    task = Task(description="pay", expected_output="done", agent=agent, human_input=True)

    def work() -> str:
        token = set_provider(AnswerReview(scene.control))
        try:
            return str(Crew(agents=[agent], tasks=[task]).kickoff().raw)
        finally:
            reset_provider(token)

    return str(_answered(scene, work, verdict, more))


def _answered(scene: Scene, work: Any, verdict: str, more: Any = None, **given: Any) -> Any:
    """What it returns when the one case that it opens is answered so."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    wait_until(lambda: bool(scene.open_cases()), "the case")
    (case,) = scene.open_cases()
    scene.desk().answer(case.id, verdict, **given, **(more(case.arguments) if more else {}))
    # some answers can be taken back for a moment
    scene.pass_time(60)
    thread.join(60)
    assert found, "it never ended"
    return found[0]
