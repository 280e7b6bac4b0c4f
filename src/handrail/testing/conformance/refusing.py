"""What must not run does not, whatever fails (C9, C10, C19, C20)."""

from __future__ import annotations

import pytest

from handrail.testing.conformance.cells import cell
from handrail.testing.conformance.script import FAULTS, Fault, ModelCall, one_turn, pay
from handrail.testing.conformance.stage import Stage, Turn


class RefusingPromises:
    """Every failure refuses, in words the model can read."""

    @cell("C9", "reason")
    def test_c09_reject_runs_nothing_and_the_model_sees_why(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5)))
        stage.decide("reject")
        turn.finish()
        assert "wrong" in turn.told()
        assert stage.scene.effects.read() == []

    @cell("C9", "redirect")
    def test_c09_redirect_runs_nothing_and_the_model_sees_what_instead(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5)))
        stage.decide("redirect", instruction="ask the supplier first")
        turn.finish()
        assert "ask the supplier first" in turn.told()
        assert stage.scene.effects.read() == []

    @cell("C9", "approval sent again")
    def test_c09_approve_through_the_framework_after_a_rejection_runs_nothing(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5)))
        stage.decide("reject")
        for answer in stage.harness.approving(turn.app):
            turn.attempt(answer)
        turn.finish()
        for answer in stage.harness.approving(turn.app):
            turn.attempt(answer)
        assert stage.scene.effects.read() == []

    @cell("C9", "the framework's own ways")
    def test_c09_attack_a_rejected_call_by_the_framework_s_own_ways_runs_nothing(self, stage: Stage) -> None:
        for n, (what, attack) in enumerate(stage.harness.attacks().items()):
            turn = stage.begin(one_turn(pay(f"A{n}", 5), thread=f"attack-{n}"), cases=1)
            stage.decide("reject", case_id=stage.case(to=f"A{n}").id)
            turn.suffer(attack, what)
            turn.attempt()
            assert stage.scene.effects.of(to=f"A{n}") == [], what

    @pytest.mark.parametrize("fault", FAULTS)
    @cell("C10", "errors")
    def test_c10_fail_in_any_way_before_a_decision_refuses_and_ends(self, stage: Stage, fault: Fault) -> None:
        # the action would go by itself; with its control plane or its terms broken it goes up or is refused
        turn = Turn(stage, one_turn(ModelCall("c1", "note", {"text": "boo"}), fault=fault))
        stage.begin_quietly(turn)
        assert stage.scene.effects.read() == []
        for case in stage.scene.open_cases():
            stage.decide("reject", case_id=case.id)
        turn.finish()
        assert turn.told()
        assert stage.scene.effects.read() == []

    @cell("C10", "unbroken")
    def test_c10_call_what_the_policy_lets_through_runs_at_once(self, stage: Stage) -> None:
        turn = Turn(stage, one_turn(ModelCall("c1", "note", {"text": "boo"})))
        turn.start()
        turn.finish()
        assert "noted boo" in turn.told()
        assert stage.scene.effects.read() == [{"text": "boo"}]

    @cell("C19", "unknown action")
    def test_c19_call_a_tool_the_policy_does_not_know_goes_up_or_is_refused(self, stage: Stage) -> None:
        turn = Turn(stage, one_turn(ModelCall("c1", "mystery", {"text": "boo"})))
        stage.begin_quietly(turn)
        assert stage.scene.effects.read() == []
        for case in stage.scene.open_cases():
            stage.decide("reject", case_id=case.id)
        turn.finish()
        assert stage.scene.effects.read() == []

    @cell("C19", "removed while parked")
    def test_c19_remove_a_tool_while_parked_runs_nothing_and_does_not_hang(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5)))
        if not stage.harness.blocks:
            # a call that waits would start at once
            stage.decide("approve")
        # a conversation whose call waits takes no second run
        thread = "thread-2" if stage.harness.blocks else "thread-1"
        without = Turn(stage, one_turn(pay("A1", 5), without=("pay",), thread=thread))
        if stage.harness.blocks:
            without.start()
            without.end()
        without.attempt()
        assert stage.scene.effects.read() == []
        if stage.harness.blocks:
            stage.decide("reject")
            turn.finish()

    @cell("C19", "named by the diagnosis")
    def test_c19_give_a_tool_to_the_agent_without_the_adapter_is_named(self, stage: Stage) -> None:
        app = stage.harness.build(one_turn(pay("A1", 5), unwrapped=("note",)))
        assert list(stage.harness.unwrapped(app) or ()) == ["note"]

    @cell("C20", "halt")
    def test_c20_halt_between_decision_and_wake_runs_nothing(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5)))
        if stage.harness.blocks:
            # a call that waits would start at once: the switch comes first
            halt = stage.scene.control.halt(action="pay", reason="stop")
            stage.decide_if_open("approve")
            turn.finish()
        else:
            stage.decide("approve")
            halt = stage.scene.control.halt(action="pay", reason="stop")
        turn.attempt()
        assert stage.scene.effects.read() == []
        stage.scene.control.lift(halt)
        # what was approved before a halt stays dead; what is asked afresh is decided afresh
        turn.attempt()
        assert stage.scene.effects.read() == []
        fresh = stage.begin(one_turn(pay("A2", 5), thread="thread-2"), cases=1)
        stage.decide("approve", case_id=stage.case(to="A2").id)
        fresh.finish()
        assert stage.scene.effects.read() == [{"to": "A2", "amount": 5}]
