"""One effect: under two answers, under retries, after a kill (C1, C2, C3, C16)."""

from __future__ import annotations

import signal
import threading
from typing import Any

from handrail.errors import Conflict
from handrail.testing.conformance.cells import cell
from handrail.testing.conformance.elsewhere import ORDER_SECONDS
from handrail.testing.conformance.scene import wait_until
from handrail.testing.conformance.script import one_turn, pay
from handrail.testing.conformance.stage import Stage

# longer than an execution may last
LAPSE_SECONDS = 301
# what the model must be told of a payment that went through
PAID = "paid 5 to A1"


class OncePromises:
    """However often and from wherever it is woken, an approved call acts once."""

    # how often what races is repeated
    races = 20

    @cell("C1", "two wakes")
    def test_c01_wake_from_two_processes_at_once_acts_once(self, stage: Stage) -> None:
        for n in range(self.races):
            script = one_turn(pay(f"A{n}", 5), thread=f"race-{n}")
            turn = stage.begin(script, cases=1)
            stage.decide("approve")
            reports = stage.workshop.race(stage.scene.folder, script, "wake", "wake")
            assert len(stage.scene.effects.of(to=f"A{n}")) == 1, reports
            turn.finish()
            assert len(stage.scene.effects.of(to=f"A{n}")) == 1
            assert f"paid 5 to A{n}" in turn.told()

    @cell("C1", "two reviewers")
    def test_c01_answer_by_two_reviewers_at_once_settles_it_once(self, stage: Stage) -> None:
        for n in range(self.races):
            to = f"A{n}"
            turn = stage.begin(one_turn(pay(to, 5), thread=f"race-{n}"), cases=1)
            refused = _both(stage, stage.case(to=to).id)
            assert len(refused) == 1
            assert isinstance(refused[0], Conflict)
            decision = stage.scene.decision(stage.case(to=to).id)
            assert decision is not None
            turn.finish()
            assert len(stage.scene.effects.of(to=to)) == (decision.kind == "approved")

    @cell("C2", "raises after the effect")
    def test_c02_raise_after_the_effect_under_retries_acts_once(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5), trouble="raises", retries=True))
        stage.decide("approve")
        turn.finish()
        turn.attempt()
        assert stage.scene.effects.read() == [{"to": "A1", "amount": 5}]
        assert stage.execution(to="A1").state == stage.harness.raised
        assert turn.told()

    @cell("C3", "unsafe")
    def test_c03_kill_after_the_effect_of_an_unsafe_tool_leaves_it_to_a_person(self, stage: Stage) -> None:
        script = one_turn(pay("A1", 5), trouble="dies")
        self._kill_after_the_effect(stage, script)
        stage.scene.pass_time(LAPSE_SECONDS)
        stage.workshop.do(stage.scene.folder, script, "wake")
        assert len(stage.scene.effects.read()) == 1
        case = stage.case(to="A1")
        assert stage.execution(to="A1").state == "unknown"
        stage.scene.desk().settle(case.id, happened=True)
        stage.workshop.do(stage.scene.folder, script, "wake")
        assert len(stage.scene.effects.read()) == 1
        assert len(stage.scene.cases()) == 1

    @cell("C3", "idempotent")
    def test_c03_kill_after_the_effect_of_an_idempotent_tool_tries_again_under_the_same_approval(
        self, stage: Stage
    ) -> None:
        script = one_turn(pay("A1", 5), trouble="dies", tool_class="idempotent")
        self._kill_after_the_effect(stage, script)
        stage.scene.pass_time(LAPSE_SECONDS)
        report = stage.workshop.do(stage.scene.folder, script, "wake")
        assert len(stage.scene.effects.read()) == 2
        execution = stage.execution(to="A1")
        assert (execution.state, execution.fence) == ("succeeded", 2)
        assert PAID in said(report)

    @cell("C16", "killed while parked")
    def test_c16_kill_while_parked_goes_on_in_a_new_process_with_the_same_case(self, stage: Stage) -> None:
        script = one_turn(pay("A1", 5))
        assert stage.workshop.do(stage.scene.folder, script, "run and die")["died"] == signal.SIGKILL
        case = stage.case(to="A1")
        stage.decide("approve")
        report = stage.workshop.do(stage.scene.folder, script, "wake")
        assert PAID in said(report), report
        assert stage.case(to="A1").id == case.id
        assert stage.scene.effects.read() == [{"to": "A1", "amount": 5}]

    @cell("C16", "rejected while away")
    def test_c16_reject_while_away_is_obeyed_by_a_new_process(self, stage: Stage) -> None:
        script = one_turn(pay("A1", 5))
        stage.workshop.do(stage.scene.folder, script, "run and die")
        stage.decide("reject")
        report = stage.workshop.do(stage.scene.folder, script, "wake")
        assert "wrong" in said(report), report
        assert stage.scene.effects.read() == []

    def _kill_after_the_effect(self, stage: Stage, script: Any) -> None:
        if stage.harness.blocks:
            order = stage.workshop.start(stage.scene.folder, script, "run")
            wait_until(lambda: bool(stage.scene.open_cases()), "the case", ORDER_SECONDS)
            stage.decide("approve")
            report = order.wait()
        else:
            stage.begin(script)
            stage.decide("approve")
            report = stage.workshop.do(stage.scene.folder, script, "wake")
        assert report["died"] == signal.SIGKILL, report
        assert len(stage.scene.effects.read()) == 1


def said(report: dict[str, Any], call_id: str = "c1") -> str:
    """What another process says the model was told about a call; empty if nothing."""
    return str(dict(report["seen"]).get(call_id, ""))


def _both(stage: Stage, case_id: str) -> list[BaseException]:
    """One approves and one rejects at the same instant; what was refused."""
    refused: list[BaseException] = []
    gate = threading.Barrier(2)
    desks = {"approve": stage.scene.desk("Ann"), "reject": stage.scene.desk("Bob")}

    def answer(verdict: str, **given: Any) -> None:
        gate.wait()
        try:
            desks[verdict].answer(case_id, verdict, **given)
        except Exception as error:
            refused.append(error)

    threads = [
        threading.Thread(target=answer, args=("approve",)),
        threading.Thread(target=answer, args=("reject",), kwargs={"reason": "wrong"}),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused
