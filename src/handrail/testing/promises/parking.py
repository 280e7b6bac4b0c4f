"""What parking promises: a paused run waits for exactly its cases, and nobody judges for a run that went on."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from handrail.clock import SECOND
from handrail.errors import Conflict, Forbidden, InvalidInput, NotExecutable, NotFound
from handrail.lifecycle import park
from handrail.lifecycle import wake as waking
from handrail.testing.factories import agent
from handrail.testing.promises.runs import (
    ANN,
    BOB,
    abandon,
    decided,
    end,
    failed,
    lines,
    only,
    overwrite,
    parked,
    sha256,
    together,
    wake,
)
from handrail.testing.rig import Rig


class ParkPromises:
    """Due with its decisions, and never before; over when the run goes on without it."""

    # --- due --------------------------------------------------------------------------------------

    def test_park_is_due_only_when_all_its_cases_are_decided(self, rig: Rig) -> None:
        first, second = rig.gated(), rig.gated()
        id = parked(rig, first, second, state=b"snapshot")
        assert wake(rig) is None
        rig.answer(ANN, first)
        assert wake(rig) is None
        assert lines(rig)[0].due is False
        rig.answer(ANN, second, "reject")
        assert lines(rig)[0].due is True
        woken = wake(rig)
        assert woken is not None
        assert (woken.id, woken.run, woken.framework, woken.state, woken.fence) == (id, "r1", "lg", b"snapshot", 1)
        assert {case: d and d.kind for case, d in woken.cases.items()} == {first: "approved", second: "rejected"}

    def test_park_that_any_case_wakes_is_due_with_the_first(self, rig: Rig) -> None:
        first, second = rig.gated(), rig.gated()
        parked(rig, first, second, wakes="any")
        assert wake(rig) is None
        rig.answer(ANN, second)
        woken = wake(rig)
        assert woken is not None
        assert woken.cases[first] is None
        assert woken.cases[second] is not None
        # the other decision does not count below nothing
        rig.answer(ANN, first)
        assert end(rig, woken).ending == "woken"

    def test_park_on_what_is_decided_already_is_due_at_once(self, rig: Rig) -> None:
        case = rig.gated()
        rig.answer(ANN, case)
        parked(rig, case)
        assert wake(rig) is not None

    @pytest.mark.parametrize("verdict", ["approve", "edit", "reject", "respond", "redirect"])
    def test_park_is_woken_by_every_verdict(self, rig: Rig, verdict: str) -> None:
        case = rig.gated()
        parked(rig, case)
        rig.answer(ANN, case, verdict)
        assert wake(rig) is not None

    def test_park_is_woken_by_an_expiry_and_by_a_cancellation(self, rig: Rig) -> None:
        late, taken_back = rig.gated(), rig.gated()
        parked(rig, late)
        parked(rig, taken_back, run="r2")
        rig.cancel(taken_back)
        assert end(rig, only(wake(rig, run="r2"))).ending == "woken"
        rig.pass_time(601)
        kinds = {case: d and d.kind for case, d in only(wake(rig)).cases.items()}
        assert kinds == {late: "expired"}

    def test_park_is_not_woken_by_an_answer_that_does_not_count_yet(self, rig: Rig) -> None:
        case = rig.gated("slow_pair")
        parked(rig, case)
        rig.answer(ANN, case)
        rig.answer(BOB, case)
        assert wake(rig) is None
        rig.pass_time(11)
        assert wake(rig) is not None

    def test_park_and_decide_at_the_same_instant_always_becomes_due(self, rig: Rig) -> None:
        for n in range(20):
            case = rig.gated()
            barrier = threading.Barrier(2)

            def parks(case: str = case, n: int = n, barrier: threading.Barrier = barrier) -> None:
                barrier.wait()
                parked(rig, case, run=f"r{n}")

            def answers(case: str = case, barrier: threading.Barrier = barrier) -> None:
                barrier.wait()
                rig.answer(ANN, case)

            together(parks, answers)
            assert only(wake(rig, run=f"r{n}")).cases[case] is not None

    # --- going on without -------------------------------------------------------------------------

    def test_park_again_supersedes_and_takes_back_what_it_no_longer_names(self, rig: Rig) -> None:
        kept, dropped, settled = rig.gated(), rig.gated(), rig.gated()
        rig.answer(ANN, settled)
        first = parked(rig, kept, dropped, settled)
        second = parked(rig, kept)
        assert [line.id for line in lines(rig)] == [second]
        assert rig.entries("run.parked")[-1]["supersedes"] == first
        decision = rig.decision(dropped)
        assert decision is not None
        assert (decision.kind, decision.reason) == ("cancelled", park.WENT_ON)
        with pytest.raises(Conflict):
            rig.answer(ANN, dropped)
        with pytest.raises(NotExecutable):
            rig.start(dropped)
        assert rig.decision(kept) is None
        rig.answer(ANN, kept)
        assert only(wake(rig)).id == second

    def test_park_again_may_leave_the_cases_before_it_alone(self, rig: Rig) -> None:
        first, second = rig.gated(), rig.gated()
        parked(rig, first)
        parked(rig, second, abandon=False)
        assert rig.decision(first) is None

    def test_park_again_leaves_alone_what_another_run_waits_for(self, rig: Rig) -> None:
        shared, own = rig.gated(), rig.gated()
        parked(rig, shared, framework="outer")
        parked(rig, shared, framework="inner")
        parked(rig, own, framework="inner")
        assert rig.decision(shared) is None
        rig.answer(ANN, shared)
        assert only(wake(rig)).framework == "outer"

    def test_park_calls_of_one_pause_at_once_waits_for_all_of_them(self, rig: Rig) -> None:
        for n in range(10):
            cases = [rig.gated() for _ in range(3)]
            together(*[lambda case=case, n=n: parked(rig, case, run=f"r{n}", join=True) for case in cases])
            assert [(line.cases, line.decided) for line in lines(rig) if line.run == f"r{n}"] == [(3, 0)]
            assert all(rig.decision(case) is None for case in cases)

    def test_park_joining_another_pause_takes_back_what_that_waited_for(self, rig: Rig) -> None:
        before, after = rig.gated(), rig.gated()
        parked(rig, before, join=True)
        parked(rig, after, join=True, state=b"later")
        decision = rig.decision(before)
        assert decision is not None
        assert decision.kind == "cancelled"
        assert [line.cases for line in lines(rig)] == [1]

    def test_park_joining_a_pause_that_is_due_stays_due(self, rig: Rig) -> None:
        first, second = rig.gated(), rig.gated()
        parked(rig, first, join=True, wakes="any")
        rig.answer(ANN, first)
        parked(rig, second, join=True, wakes="any")
        assert set(only(wake(rig)).cases) == {first, second}

    def test_park_again_while_waking_ends_that_wake_as_woken(self, rig: Rig) -> None:
        decided(rig)
        woken = only(wake(rig))
        more = rig.gated()
        next_park = parked(rig, more)
        assert end(rig, woken).ending == "woken"
        assert end(rig, woken, ok=False).ending == "woken"
        assert [line.id for line in lines(rig)] == [next_park]
        assert [entry["result"] for entry in rig.entries("run.woken")] == ["woken"]

    def test_park_again_supersedes_one_that_was_given_up(self, rig: Rig) -> None:
        failed(rig)
        again = parked(rig, rig.gated())
        assert [(line.id, line.ending) for line in lines(rig)] == [(again, None)]

    def test_park_with_the_same_id_parks_once(self, rig: Rig) -> None:
        case, id = rig.gated(), "018bcfe5-6800-788b-9d8c-763af5167e0c"
        assert parked(rig, case, id=id) == parked(rig, case, id=id) == id
        assert len(rig.entries("run.parked")) == 1
        rig.answer(ANN, case)
        end(rig, only(wake(rig)))
        # the reply was lost, and the run is long over: it is not parked again
        assert parked(rig, case, id=id) == id
        assert wake(rig) is None
        with pytest.raises(Conflict):
            parked(rig, case, id=id, run="another")

    def test_park_a_run_twice_at_once_leaves_one(self, rig: Rig) -> None:
        for n in range(10):
            cases = [rig.gated(), rig.gated()]
            barrier = threading.Barrier(2)

            def parks(case: str, n: int = n, barrier: threading.Barrier = barrier) -> None:
                barrier.wait()
                parked(rig, case, run=f"r{n}")

            together(*[lambda case=case, parks=parks: parks(case) for case in cases])
            assert sum(line.run == f"r{n}" for line in lines(rig)) == 1
            assert sorted(rig.decision(case) is None for case in cases) == [False, True]

    def test_abandon_ends_the_park_and_takes_its_cases_back(self, rig: Rig) -> None:
        first, second = rig.gated(), rig.gated()
        rig.answer(ANN, first)
        id = parked(rig, first, second)
        made = abandon(rig, reason="the thread was deleted")
        assert (made.parks, made.cancelled) == ((id,), (second,))
        assert (wake(rig), lines(rig)) == (None, [])
        decision = rig.decision(second)
        assert decision is not None
        assert (decision.kind, decision.reason) == ("cancelled", "the thread was deleted")
        assert abandon(rig) == park.Abandoned()
        assert len(rig.entries("run.abandoned")) == 1

    def test_abandon_after_waking_takes_back_what_was_left_undecided(self, rig: Rig) -> None:
        first, second = rig.gated(), rig.gated()
        parked(rig, first, second, wakes="any")
        rig.answer(ANN, first)
        end(rig, only(wake(rig)))
        assert rig.decision(second) is None
        assert abandon(rig).cancelled == (second,)

    def test_abandon_a_run_while_it_is_being_woken_ends_it_for_its_waker_too(self, rig: Rig) -> None:
        decided(rig, run="r1")
        woken = only(wake(rig))
        abandon(rig)
        assert end(rig, woken).ending == "abandoned"
        assert wake(rig) is None

    def test_abandon_a_run_that_never_parked_does_nothing(self, rig: Rig) -> None:
        assert abandon(rig, run="unheard of") == park.Abandoned()
        assert rig.entries("run.abandoned") == []

    # --- limits and access ------------------------------------------------------------------------

    def test_park_a_state_of_up_to_a_mebibyte_and_no_more(self, rig: Rig) -> None:
        case = rig.gated()
        rig.answer(ANN, case)
        with pytest.raises(InvalidInput, match="1 MiB"):
            parked(rig, case, state=b"x" * (park.MOST_STATE_BYTES + 1))
        assert lines(rig) == []
        parked(rig, case, state=b"\x00\xff" * (park.MOST_STATE_BYTES // 2))
        assert only(wake(rig)).state == b"\x00\xff" * (park.MOST_STATE_BYTES // 2)

    @pytest.mark.parametrize(
        "wrong",
        [{"run": ""}, {"run": "a\nb"}, {"run": "x" * 257}, {"framework": "no spaces"}, {"framework": ""},
         {"wakes": "some"}, {"id": "seven"}],
    )  # fmt: skip
    def test_park_under_names_that_are_none_is_refused(self, rig: Rig, wrong: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput):
            parked(rig, rig.gated(), **wrong)

    def test_park_on_nothing_too_much_or_the_unknown_is_refused(self, rig: Rig) -> None:
        with pytest.raises(InvalidInput):
            parked(rig)
        with pytest.raises(InvalidInput):
            parked(rig, *[f"case {n}" for n in range(park.MOST_CASES + 1)])
        with pytest.raises(NotFound):
            parked(rig, rig.gated(), "nobody")
        assert lines(rig) == []

    @pytest.mark.parametrize("hold", [0, 2 * 86_400 * SECOND])
    def test_wake_for_no_time_or_too_long_is_refused(self, rig: Rig, hold: int) -> None:
        with pytest.raises(InvalidInput):
            wake(rig, hold=hold)

    def test_park_and_wake_need_their_scopes(self, rig: Rig) -> None:
        id = decided(rig)
        submits, executes = agent(scopes=frozenset({"submit"})), agent(scopes=frozenset({"execute"}))
        with pytest.raises(Forbidden):
            wake(rig, by=submits)
        with pytest.raises(Forbidden):
            rig.run(waking.end_wake, waking.EndWake(actor=submits, id=id, fence=1, ok=True))
        with pytest.raises(Forbidden):
            rig.run(waking.retry, waking.Retry(actor=submits, id=id))
        with pytest.raises(Forbidden):
            parked(rig, rig.gated(), by=executes)
        with pytest.raises(Forbidden):
            abandon(rig, by=executes)
        assert wake(rig, by=executes) is not None

    def test_another_workspace_sees_nothing(self, rig: Rig) -> None:
        rig.plane.begin_workspace("other", rig.policy)
        stranger = agent("stranger", workspace="other")
        case = rig.gated()
        id = parked(rig, case)
        rig.answer(ANN, case)
        assert (wake(rig, by=stranger), wake(rig, by=stranger, id=id), lines(rig, by=stranger)) == (None, None, [])
        woken = only(wake(rig, nonce="mine"))
        assert wake(rig, by=stranger, nonce="mine") is None
        for verb, command in (
            (waking.end_wake, waking.EndWake(actor=stranger, id=id, fence=woken.fence, ok=True)),
            (waking.renew_wake, waking.RenewWake(actor=stranger, id=id, fence=woken.fence)),
            (waking.retry, waking.Retry(actor=stranger, id=id)),
        ):
            with pytest.raises(NotFound):
                rig.run(verb, command)
        with pytest.raises(NotFound):
            parked(rig, case, by=stranger)
        with pytest.raises(Conflict):
            rig.run(park.park, park.Park(
                actor=stranger, run="r1", framework="lg", id=id,
                cases=(rig.submit(by=stranger).case_id,),
            ))  # fmt: skip
        assert abandon(rig, by=stranger) == park.Abandoned()
        assert end(rig, woken).ending == "woken"

    def test_another_agents_key_sees_nothing(self, rig: Rig) -> None:
        scopes = frozenset({"submit", "execute"})
        one, two = (agent(name, name=name, scopes=scopes) for name in ("one", "two"))
        case = rig.gated(agent="one")
        id = parked(rig, case, by=one)
        rig.answer(ANN, case)
        assert (wake(rig, by=two), wake(rig, by=two, id=id), lines(rig, by=two)) == (None, None, [])
        with pytest.raises(NotFound):
            parked(rig, case, by=two, run="r2")
        with pytest.raises(NotFound):
            parked(rig, rig.gated(agent="two"), by=two)
        with pytest.raises(NotFound):
            abandon(rig, by=two)
        assert wake(rig, by=one) is not None

    # --- the log ----------------------------------------------------------------------------------

    def test_entries_about_parks_hold_ids_and_a_digest_but_never_the_state(self, rig: Rig) -> None:
        case = rig.gated()
        id = parked(rig, case, state=b"the customer said hello")
        (entry,) = rig.entries("run.parked")
        assert entry["cases"] == [case]
        assert entry["park"] == {
            "id": id, "run": "r1", "framework": "lg", "wakes": "all", "state": sha256(b"the customer said hello"),
        }  # fmt: skip
        assert not any(b"hello" in data for data in rig.plane.logbook().entries())

    def test_reconcile_tells_a_state_or_count_that_was_changed_behind_its_back(self, rig: Rig) -> None:
        case = rig.gated()
        parked(rig, case)
        for column, value, back in (("state", b"other", b"state"), ("waiting", 0, 1), ("wakes", "any", "all")):
            overwrite(rig, column, value)
            assert any(column in problem for problem in rig.problems())
            overwrite(rig, column, back)
        assert rig.problems() == []
