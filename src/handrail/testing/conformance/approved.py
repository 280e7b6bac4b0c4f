"""What was approved is what runs, and only that (C11, C12, C13, C14, C15, C21)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handrail.testing.conformance.cells import cell
from handrail.testing.conformance.script import one_turn, pay, several_turns
from handrail.testing.conformance.stage import Stage, Turn

BAD_EDITS: dict[str, dict[str, Any]] = {
    "wrong type": {"to": "A1", "amount": "many"},
    "missing field": {"to": "A1"},
    "extra field": {"to": "A1", "amount": 5, "action": "wipe"},
    "null": {"to": None, "amount": 5},
}
SECRET = "acct-4711-of-nobody-else"


class ApprovedPromises:
    """An approval is of one call with these arguments, and is used up by it."""

    @cell("C11", "model changes its mind")
    def test_c11_change_the_arguments_on_replay_runs_the_stored_ones_or_nothing(self, stage: Stage) -> None:
        stage.begin(one_turn(pay("A1", 5)))
        stage.decide("approve")
        changed = Turn(stage, one_turn(pay("A1", 1_000_000)))
        changed.attempt()
        assert stage.scene.effects.read() in ([], [{"to": "A1", "amount": 5}])
        assert stage.scene.effects.of(amount=1_000_000) == []

    @cell("C11", "the framework's own ways")
    def test_c11_tamper_with_an_approved_call_runs_the_stored_arguments_or_nothing(self, stage: Stage) -> None:
        for n, (what, tamper) in enumerate(stage.harness.tamperings().items()):
            turn = stage.begin(one_turn(pay(f"A{n}", 5), thread=f"tampered-{n}"), cases=1)
            stage.decide("approve", case_id=stage.case(to=f"A{n}").id)
            turn.suffer(tamper, what)
            turn.attempt()
            assert stage.scene.effects.of(to=f"A{n}") in ([], [{"to": f"A{n}", "amount": 5}]), what
            assert len(stage.scene.effects.read()) <= n + 1, what

    @pytest.mark.parametrize("mistake", BAD_EDITS)
    @cell("C12", "bad edit")
    def test_c12_edit_badly_is_refused_while_the_reviewer_holds_the_case(self, stage: Stage, mistake: str) -> None:
        turn = stage.begin(one_turn(pay("A1", 5)))
        case = stage.case(to="A1")
        held = stage.scene.desk().take(case.id)
        stage.refuses(lambda: held.edit(BAD_EDITS[mistake]))
        after = stage.case(to="A1")
        assert (after.decision, after.revision) == (None, case.revision)
        held.approve()
        turn.finish()
        assert stage.scene.effects.read() == [{"to": "A1", "amount": 5}]

    @cell("C13", "edit")
    def test_c13_edit_and_wake_twice_runs_the_edit_once_and_says_so(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5)))
        stage.decide("edit", arguments={"to": "A1", "amount": 417})
        turn.finish()
        turn.attempt()
        assert stage.scene.effects.read() == [{"to": "A1", "amount": 417}]
        assert "417" in turn.told()

    @cell("C14", "in one turn")
    def test_c14_call_twice_with_equal_arguments_acts_twice(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5, id="c1"), pay("A1", 5, id="c2")))
        stage.decide_all([({"to": "A1"}, "approve", {})] * 2)
        turn.finish()
        assert len(stage.scene.cases(to="A1")) == 2
        assert stage.scene.effects.read() == [{"to": "A1", "amount": 5}] * 2

    @cell("C14", "in a later turn")
    def test_c14_call_again_after_the_first_was_approved_asks_again(self, stage: Stage) -> None:
        self._two_turns(stage, second="c2")

    @cell("C14", "same id in a later turn")
    def test_c14_reuse_a_call_id_in_a_later_turn_asks_again(self, stage: Stage) -> None:
        self._two_turns(stage, second="c1")

    def _two_turns(self, stage: Stage, *, second: str) -> None:
        turn = stage.begin(several_turns([pay("A1", 5, id="c1")], [pay("A1", 5, id=second)]))
        stage.decide("approve")
        stage.go_on(turn, until=lambda: len(stage.scene.cases(to="A1")) == 2)
        assert len(stage.scene.effects.read()) == 1
        stage.decide("approve")
        turn.finish()
        assert stage.scene.effects.read() == [{"to": "A1", "amount": 5}] * 2

    @cell("C14", "one key")
    def test_c14_call_twice_under_one_key_acts_once(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay("A1", 5, id="c1"), pay("A1", 5, id="c2"), key="invoice-7"), cases=1)
        stage.decide("approve")
        turn.finish()
        assert len(stage.scene.cases(to="A1")) == 1
        assert stage.scene.effects.read() == [{"to": "A1", "amount": 5}]
        assert turn.told("c1")
        assert turn.told("c2")

    @cell("C15", "always")
    def test_c15_press_always_on_a_small_call_does_not_let_a_large_one_through(self, stage: Stage) -> None:
        turn = stage.begin(several_turns([pay("A1", 5, id="c1")], [pay("A1", 1_000_000, id="c2")]))
        stage.decide("approve")
        if not stage.harness.blocks:
            stage.harness.always(turn.app)
        stage.go_on(turn, until=lambda: bool(stage.scene.cases(amount=1_000_000)))
        assert stage.scene.effects.of(amount=1_000_000) == []
        stage.decide("reject")
        turn.finish()
        assert stage.scene.effects.read() == [{"to": "A1", "amount": 5}]

    @cell("C21", "parked state")
    def test_c21_read_the_parked_state_finds_case_and_digest_only(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(pay(SECRET, 48_151_623)))
        added = json.dumps(stage.harness.added(turn.app))
        assert stage.case(to=SECRET).id in added
        for leak in (SECRET, "48151623", "Ann", "wrong"):
            assert leak not in added
