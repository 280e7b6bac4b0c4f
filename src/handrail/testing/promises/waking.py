"""What waking promises: a paused run is woken once, by one process, when its cases are decided."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from handrail.clock import SECOND
from handrail.errors import ClaimLost, Conflict, NotFound
from handrail.lifecycle import wake as waking
from handrail.maintenance.tables import ParkTables
from handrail.parked import Woken
from handrail.testing.promises.runs import ANN, HOLD_SECONDS, decided, end, lines, only, parked, renew, together, wake
from handrail.testing.rig import Rig


class WakePromises:
    """One waker, once."""

    # --- taking -----------------------------------------------------------------------------------

    def test_wake_by_two_at_once_goes_to_one(self, rig: Rig) -> None:
        for n in range(20):
            decided(rig, run=f"r{n}")
            barrier = threading.Barrier(4)
            got: list[Woken | None] = []

            def takes(who: int, n: int = n, barrier: threading.Barrier = barrier, got: list[Any] = got) -> None:
                barrier.wait()
                got.append(wake(rig, run=f"r{n}", nonce=f"{n}.{who}"))

            together(*[lambda who=who, takes=takes: takes(who) for who in range(4)])
            assert sorted(one is not None for one in got) == [False, False, False, True]

    def test_wake_takes_the_oldest_first_and_each_once(self, rig: Rig) -> None:
        for n in range(3):
            decided(rig, run=f"r{n}")
            rig.clock.advance(1)
        assert [only(wake(rig, nonce=str(n))).run for n in range(3)] == ["r0", "r1", "r2"]
        assert wake(rig) is None

    def test_wake_serves_the_frameworks_it_names(self, rig: Rig) -> None:
        decided(rig, framework="one")
        two = decided(rig, framework="two")
        rig.clock.advance(1)
        three = decided(rig, framework="three")
        assert wake(rig, frameworks=("other",)) is None
        assert only(wake(rig, frameworks=("three", "two"))).id == two
        assert only(wake(rig, frameworks=("two", "three"))).id == three

    def test_wake_by_id_takes_that_one_or_nothing(self, rig: Rig) -> None:
        decided(rig, run="r0")
        case = rig.gated()
        waits = parked(rig, case)
        assert wake(rig, id=waits) is None
        assert wake(rig, id="00000000-0000-7000-8000-000000000000") is None
        rig.answer(ANN, case)
        assert only(wake(rig, id=waits)).id == waits
        assert wake(rig, id=waits) is None

    def test_wake_again_with_the_same_nonce_is_the_same_answer(self, rig: Rig) -> None:
        decided(rig, run="r0")
        decided(rig, run="r1")
        first = wake(rig, nonce="lost reply")
        assert wake(rig, nonce="lost reply") == first
        assert only(first).fence == 1

    def test_wake_after_the_hold_ran_out_goes_to_another_and_the_first_is_told(self, rig: Rig) -> None:
        decided(rig)
        gone = only(wake(rig))
        rig.clock.advance(HOLD_SECONDS - 1)
        assert wake(rig) is None
        rig.clock.advance(2)
        other = only(wake(rig))
        assert (other.id, other.fence, other.state) == (gone.id, 2, b"state")
        with pytest.raises(ClaimLost):
            end(rig, gone)
        with pytest.raises(ClaimLost):
            renew(rig, gone)
        assert end(rig, other).ending == "woken"

    def test_renew_keeps_the_hold_as_long_as_the_run_takes(self, rig: Rig) -> None:
        decided(rig)
        woken = only(wake(rig))
        for _ in range(5):
            rig.clock.advance(HOLD_SECONDS - 1)
            assert renew(rig, woken) == rig.clock.now() + waking.HOLD
            assert wake(rig) is None
        end(rig, woken)
        with pytest.raises(ClaimLost):
            renew(rig, woken)

    def test_wake_whose_wakers_keep_vanishing_is_given_up(self, rig: Rig) -> None:
        decided(rig)
        for _ in range(waking.MOST_FAILURES):
            assert wake(rig) is not None
            rig.clock.advance(HOLD_SECONDS + 1)
        assert wake(rig) is None
        (line,) = lines(rig)
        assert (line.ending, line.failures, line.note) == ("failed", waking.MOST_FAILURES, waking.VANISHED)

    # --- ending -----------------------------------------------------------------------------------

    def test_end_is_for_good_and_forgets_the_state(self, rig: Rig) -> None:
        decided(rig)
        woken = only(wake(rig))
        assert end(rig, woken).ending == "woken"
        assert end(rig, woken).ending == "woken"
        assert (wake(rig), lines(rig)) == (None, [])
        assert [entry["result"] for entry in rig.entries("run.woken")] == ["woken"]
        kept = ParkTables(rig.plane.store, rig.workspace, [woken.id])
        assert kept.parks[woken.id].state is None

    def test_end_not_ok_is_tried_again_after_a_pause_that_grows_and_then_given_up(self, rig: Rig) -> None:
        id = decided(rig)
        pause = waking.FIRST_PAUSE // SECOND
        for failures in range(1, waking.MOST_FAILURES):
            made = end(rig, only(wake(rig)), ok=False, note=f"broke\0 {failures}")
            assert (made.ending, made.failures, made.next_at) == (None, failures, rig.clock.now() + pause * SECOND)
            assert wake(rig) is None
            assert lines(rig)[0].note == f"broke {failures}"
            rig.clock.advance(pause)
            pause *= 2
        last = only(wake(rig))
        assert end(rig, last, ok=False).ending == "failed"
        assert end(rig, last, ok=False).ending == "failed"
        rig.clock.advance(86_400)
        assert wake(rig) is None
        assert lines(rig)[0].ending == "failed"
        rig.run(waking.retry, waking.Retry(actor=rig.agent, id=id))
        again = only(wake(rig))
        assert (again.state, again.fence) == (b"state", waking.MOST_FAILURES + 1)
        assert end(rig, again).failures == 0

    def test_end_reported_otherwise_than_before_is_refused(self, rig: Rig) -> None:
        decided(rig)
        woken = only(wake(rig))
        first = end(rig, woken, ok=False)
        assert end(rig, woken, ok=False) == first
        with pytest.raises(Conflict):
            end(rig, woken, ok=True)

    def test_end_with_a_fence_nobody_has_is_refused(self, rig: Rig) -> None:
        id = decided(rig)
        for fence in (0, 1, 2):
            with pytest.raises(ClaimLost):
                rig.run(waking.end_wake, waking.EndWake(actor=rig.agent, id=id, fence=fence, ok=True))
        with pytest.raises(NotFound):
            rig.run(waking.end_wake, waking.EndWake(actor=rig.agent, id="nobody", fence=1, ok=True))

    def test_retry_what_was_not_given_up_is_refused(self, rig: Rig) -> None:
        id = decided(rig)
        with pytest.raises(Conflict):
            rig.run(waking.retry, waking.Retry(actor=rig.agent, id=id))
