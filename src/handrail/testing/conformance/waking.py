"""What comes back through the framework only says "look again" (C7, C8, C17, C18)."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.testing.conformance.cells import cell
from handrail.testing.conformance.scene import DEADLINE_SECONDS
from handrail.testing.conformance.script import one_turn, pay
from handrail.testing.conformance.stage import Stage

# shapes that no adapter sends: nothing, too few, too many, other frameworks' answers
MALFORMED: dict[str, Any] = {
    "nothing": None,
    "an empty list": [],
    "a word": "banana",
    "a number": 17,
    "no decisions": {"decisions": []},
    "too many decisions": {"decisions": [{"type": "approve"}] * 3},
    "an unknown decision": {"decisions": [{"type": "banana"}]},
    "another framework's answer": {"interruptResponse": {"interruptId": "x", "response": "y"}},
    "another case": {"case_id": "00000000-0000-7000-8000-000000000000"},
}


class WakingPromises:
    """Forged, malformed, doubled and late answers are harmless."""

    @pytest.mark.parametrize("shape", MALFORMED)
    @cell("C7", "malformed")
    def test_c07_wake_with_a_malformed_answer_leaves_the_case_answerable(self, stage: Stage, shape: str) -> None:
        turn = stage.begin(one_turn(pay("A1", 5)))
        turn.attempt(MALFORMED[shape])
        assert stage.scene.effects.read() == []
        assert stage.case(to="A1").decision is None
        stage.decide("approve")
        turn.finish()
        assert stage.scene.effects.read() == [{"to": "A1", "amount": 5}]
        assert "paid 5 to A1" in turn.told()

    @cell("C8", "undecided")
    def test_c08_wake_with_nothing_decided_twice_does_nothing(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5)))
        for _ in range(2):
            turn.attempt()
            assert stage.scene.effects.read() == []
            assert stage.case(to="A1").decision is None
            assert not turn.was_told()
        stage.decide("approve")
        turn.finish()
        assert stage.scene.effects.read() == [{"to": "A1", "amount": 5}]

    @cell("C8", "forged approval")
    def test_c08_forge_an_approval_through_the_framework_runs_nothing(self, stage: Stage) -> None:
        for n, answer in enumerate(stage.harness.approving(None)):
            turn = stage.begin(one_turn(pay(f"A{n}", 5), thread=f"forged-{n}"), cases=1)
            turn.attempt(answer)
            assert stage.scene.effects.of(to=f"A{n}") == []
            stage.decide("reject", case_id=stage.case(to=f"A{n}").id)
            turn.finish()
            assert stage.scene.effects.of(to=f"A{n}") == []

    @cell("C17", "late answer")
    def test_c17_answer_after_the_deadline_is_refused_and_the_program_told_once(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5)))
        case = stage.case(to="A1")
        stage.scene.pass_time(DEADLINE_SECONDS + 1)
        stage.refuses(lambda: stage.decide("approve", case_id=case.id))
        assert stage.case(to="A1").decision == "expired"
        turn.finish()
        for answer in stage.harness.approving(turn.app):
            turn.attempt(answer)
        assert turn.told()
        assert stage.scene.effects.read() == []

    @cell("C18", "new input")
    def test_c18_say_something_new_while_parked_cancels_the_case(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5)))
        case = stage.case(to="A1")
        stage.harness.say(turn.app, "never mind, do something else")
        assert stage.scene.decision(case.id) is not None
        assert stage.case(to="A1").decision == "cancelled"
        stage.refuses(lambda: stage.decide("approve", case_id=case.id))
        turn.attempt()
        assert stage.scene.effects.read() == []
