"""Several calls of one turn: each gets its own decision, in any order, at any time (C4, C5, C6)."""

from __future__ import annotations

from handrail.testing.conformance.cells import cell
from handrail.testing.conformance.elsewhere import ORDER_SECONDS
from handrail.testing.conformance.scene import wait_until
from handrail.testing.conformance.script import one_turn, pay, several_turns
from handrail.testing.conformance.stage import Stage

CALLS = (pay("A1", 1, id="c1"), pay("A2", 2, id="c2"), pay("A3", 3, id="c3"))


class ParallelPromises:
    """What belongs to one call never reaches another."""

    races = 20

    @cell("C4", "by id")
    def test_c04_decide_parallel_calls_in_reverse_order_gives_each_its_own(self, stage: Stage) -> None:
        for n in range(self.races):
            calls = tuple(pay(f"{call.arguments['to']}-{n}", i, id=call.id) for i, call in enumerate(CALLS, 1))
            turn = stage.begin(one_turn(*calls, thread=f"race-{n}", delays=True))
            stage.decide_all([
                ({"to": f"A3-{n}"}, "respond", {"value": f"by hand {n}"}),
                ({"to": f"A2-{n}"}, "reject", {"note": f"not number {n}"}),
                ({"to": f"A1-{n}"}, "approve", {}),
            ])  # fmt: skip
            turn.finish()
            assert f"paid 1 to A1-{n}" in turn.told("c1")
            assert "wrong" in turn.told("c2")
            assert f"by hand {n}" in turn.told("c3")
            assert [made["to"] for made in stage.scene.effects.read() if made["to"].endswith(f"-{n}")] == [f"A1-{n}"]

    @cell("C5", "restart")
    def test_c05_restart_with_parallel_pauses_keeps_them_all(self, stage: Stage) -> None:
        script = one_turn(*CALLS, delays=True)
        report = stage.workshop.do(stage.scene.folder, script, "run and die")
        assert report["error"] is None
        assert sorted(case.arguments["to"] for case in stage.scene.open_cases()) == ["A1", "A2", "A3"]
        for call in CALLS:
            stage.decide("approve", case_id=stage.case(**call.arguments).id)
        for _ in CALLS:
            report = stage.workshop.do(stage.scene.folder, script, "wake")
        assert sorted(made["to"] for made in stage.scene.effects.read()) == ["A1", "A2", "A3"]
        told = dict(report["seen"])
        assert all(f"paid {call.arguments['amount']} to {call.arguments['to']}" in told[call.id] for call in CALLS)

    @cell("C6", "one of three")
    def test_c06_decide_one_of_three_and_wake_leaves_the_others_open(self, stage: Stage) -> None:
        turn = stage.begin(one_turn(*CALLS))
        stage.decide("approve", case_id=stage.case(to="A2").id)
        turn.attempt()
        assert [made["to"] for made in stage.scene.effects.read()] in ([], ["A2"])
        assert sorted(case.arguments["to"] for case in stage.scene.open_cases()) == ["A1", "A3"]
        assert not turn.was_told("c1")
        assert not turn.was_told("c3")
        stage.decide("reject", case_id=stage.case(to="A1").id)
        stage.decide("approve", case_id=stage.case(to="A3").id)
        turn.finish()
        assert sorted(made["to"] for made in stage.scene.effects.read()) == ["A2", "A3"]
        assert "wrong" in turn.told("c1")
        assert "paid 2 to A2" in turn.told("c2")
        assert "paid 3 to A3" in turn.told("c3")

    @cell("C6", "decided while the waker works")
    def test_c06_decide_the_others_while_the_waker_works_loses_none(self, stage: Stage) -> None:
        script = one_turn(*CALLS, held=True)
        turn = stage.begin(script)
        stage.decide("approve", case_id=stage.case(to="A1").id)
        order = stage.waking(script)
        wait_until(
            lambda: bool(stage.scene.effects.read()) or (order is not None and order.over()), "the wake", ORDER_SECONDS
        )
        stage.decide("reject", case_id=stage.case(to="A2").id)
        stage.decide("approve", case_id=stage.case(to="A3").id)
        stage.scene.gate(script).touch()
        if order is not None:
            order.wait()
        turn.finish()
        assert sorted(made["to"] for made in stage.scene.effects.read()) == ["A1", "A3"]
        assert "paid 1 to A1" in turn.told("c1")
        assert "wrong" in turn.told("c2")
        assert "paid 3 to A3" in turn.told("c3")
        assert stage.scene.control.parks() == []

    @cell("C6", "decided before it parks again")
    def test_c06_decide_the_next_call_at_once_wakes_it_again(self, stage: Stage) -> None:
        for n in range(min(self.races, 3)):
            first, second = pay(f"A{n}", 1, id="c1"), pay(f"B{n}", 2, id="c2")
            script = several_turns((first,), (second,), thread=f"race-{n}")
            turn = stage.begin(script, cases=1)
            stage.decide("approve", case_id=stage.case(to=f"A{n}").id)
            order = stage.waking(script)
            wait_until(lambda: bool(stage.scene.cases(to=f"B{n}")), "the next case", ORDER_SECONDS)  # noqa: B023
            stage.decide("approve", case_id=stage.case(to=f"B{n}").id)
            if order is not None:
                order.wait()
            turn.finish()
            assert len(stage.scene.effects.of(to=f"A{n}")) == 1
            assert len(stage.scene.effects.of(to=f"B{n}")) == 1
            assert f"paid 2 to B{n}" in turn.told("c2")

    def _open(self, stage: Stage) -> list[str]:
        """Who waits to be paid; parallel calls arrive in any order."""
        return sorted(str(case.arguments["to"]) for case in stage.scene.open_cases())
