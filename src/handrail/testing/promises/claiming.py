"""What claims promise."""

from __future__ import annotations

import pytest

from handrail.errors import AlreadyDecided, ClaimLost, Conflict, Forbidden, InvalidInput
from handrail.lifecycle import claim
from handrail.store import statements
from handrail.store.tx import Tx
from handrail.testing.factories import admin, agent, person
from handrail.testing.rig import Rig

ANN, BOB = person("Ann"), person("Bob")


class ClaimPromises:
    """Exclusive, fenced, lapsing; the queue in its order, by lane."""

    def test_take_next_takes_the_oldest_and_then_nothing(self, rig: Rig) -> None:
        first = rig.gated()
        rig.clock.advance(1)
        second = rig.gated()
        taken = [rig.take_next(ANN), rig.take_next(BOB), rig.take_next(person("Cy"))]
        assert [held and held.case_id for held in taken] == [first, second, None]

    def test_take_next_passes_a_place_that_outlived_its_case(self, rig: Rig) -> None:
        gone = rig.gated()
        rig.clock.advance(1)
        next_one = rig.gated()
        first = rig.case(gone)
        rig.answer(BOB, gone, "approve")

        def leave_behind(tx: Tx, _: None) -> None:
            tx.run(statements.ready_put, lane=first.lane, sort_key=first.sort_key, case_id=gone)

        rig.run(leave_behind, None)
        taken = rig.take_next(ANN) or rig.take_next(ANN)
        assert taken is not None
        assert taken.case_id == next_one

    def test_take_next_prefers_what_costs_more_to_leave(self, rig: Rig) -> None:
        rig.gated(confidence=0.7)
        risky = rig.gated(confidence=0.1, severity=50.0)
        held = rig.take_next(ANN)
        assert held is not None
        assert held.case_id == risky

    def test_take_what_another_holds_is_refused(self, rig: Rig) -> None:
        case = rig.gated()
        rig.take(ANN, case)
        with pytest.raises(Conflict, match="held by another"):
            rig.take(BOB, case)
        with pytest.raises(Conflict, match="held by another"):
            rig.answer(BOB, case)

    def test_take_again_what_one_holds_renews_it(self, rig: Rig) -> None:
        case = rig.gated()
        first = rig.take(ANN, case)
        rig.clock.advance(60)
        again = rig.take(ANN, case)
        assert again.fence == first.fence
        assert again.expires_at > first.expires_at

    def test_release_lets_the_next_person_take_it(self, rig: Rig) -> None:
        case = rig.gated()
        held = rig.take(ANN, case)
        rig.release(ANN, held)
        taken = rig.take_next(BOB)
        assert taken is not None
        assert taken.case_id == case
        assert taken.fence > held.fence

    def test_release_with_a_stale_fence_or_by_another_is_refused(self, rig: Rig) -> None:
        held = rig.take(ANN, rig.gated())
        with pytest.raises(ClaimLost):
            rig.release(BOB, held)
        rig.release(ANN, held)
        with pytest.raises(ClaimLost):
            rig.release(ANN, held)

    def test_renew_keeps_a_claim_beyond_its_first_time(self, rig: Rig) -> None:
        held = rig.take(ANN, rig.gated(), seconds=60)
        rig.pass_time(50)
        rig.renew(ANN, held, seconds=60)
        rig.pass_time(50)
        with pytest.raises(Conflict, match="held by another"):
            rig.take(BOB, held.case_id)

    def test_renew_for_a_shorter_time_takes_nothing_away(self, rig: Rig) -> None:
        held = rig.take(ANN, rig.gated(), seconds=600)
        assert rig.renew(ANN, held, seconds=60).expires_at == held.expires_at
        rig.pass_time(61)
        with pytest.raises(Conflict, match="held by another"):
            rig.take(BOB, held.case_id)

    def test_renew_after_it_lapsed_is_refused(self, rig: Rig) -> None:
        held = rig.take(ANN, rig.gated(), seconds=60)
        rig.clock.advance(61)
        with pytest.raises(ClaimLost):
            rig.renew(ANN, held)

    def test_lapse_puts_the_case_back_once(self, rig: Rig) -> None:
        held = rig.take(ANN, rig.gated(), seconds=60)
        rig.pass_time(61)
        rig.run(claim.lapse, (rig.workspace, held.case_id))
        assert len(rig.entries("claim.lapsed")) == 1
        taken = rig.take_next(BOB)
        assert taken is not None
        assert rig.take_next(person("Cy")) is None

    def test_lapse_before_its_time_changes_nothing(self, rig: Rig) -> None:
        held = rig.take(ANN, rig.gated())
        rig.run(claim.lapse, (rig.workspace, held.case_id))
        assert rig.take_next(BOB) is None
        rig.renew(ANN, held)

    def test_take_over_a_lapsed_claim_before_anybody_swept_it(self, rig: Rig) -> None:
        held = rig.take(ANN, rig.gated(), seconds=60)
        rig.clock.advance(61)
        assert rig.take(BOB, held.case_id).fence > held.fence
        with pytest.raises(ClaimLost):
            rig.answer(ANN, held.case_id, fence=held.fence)

    @pytest.mark.parametrize("seconds", [-1, 0, 3601])
    def test_take_for_no_time_or_too_long_is_refused(self, rig: Rig, seconds: int) -> None:
        case = rig.gated()
        with pytest.raises(InvalidInput):
            rig.take(ANN, case, seconds=seconds)
        with pytest.raises(InvalidInput):
            rig.renew(ANN, rig.take(ANN, case), seconds=seconds)

    def test_take_by_an_agent_is_refused(self, rig: Rig) -> None:
        rig.gated()
        with pytest.raises(Forbidden):
            rig.take_next(agent())

    def test_take_without_the_scope_is_refused(self, rig: Rig) -> None:
        rig.gated()
        with pytest.raises(Forbidden):
            rig.take_next(person("Eve", scopes=frozenset({"read"})))

    def test_take_next_serves_only_lanes_one_holds(self, rig: Rig) -> None:
        money, tamil, apart = rig.gated("money"), rig.gated("tamil"), rig.gated("apart")
        assert rig.take_next(ANN, queues=("default",)) is None
        for who, case in (
            (ANN, apart), (person("Fin", "finance"), money), (person("Tam", skills=frozenset({"tamil"})), tamil),
        ):  # fmt: skip
            taken = rig.take_next(who)
            assert taken is not None
            assert taken.case_id == case

    def test_take_without_role_or_skill_is_refused(self, rig: Rig) -> None:
        for case in (rig.gated("money"), rig.gated("tamil")):
            with pytest.raises(Forbidden):
                rig.take(ANN, case)

    def test_take_next_as_admin_serves_every_role_and_counts(self, rig: Rig) -> None:
        case = rig.gated("money")
        root = admin()
        held = rig.take_next(root)
        assert held is not None
        assert held.case_id == case
        made = rig.answer(root, case, fence=held.fence).decision
        assert made is not None
        assert made.kind == "approved"

    def test_take_next_steps_over_ones_own(self, rig: Rig) -> None:
        rig.gated(principal="Ann")
        rig.gated(owners=("ann@example.org",))
        rig.gated(principal="p_ann")
        other = rig.gated()
        taken = rig.take_next(ANN)
        assert taken is not None
        assert taken.case_id == other
        assert rig.take_next(ANN) is None

    def test_take_what_is_decided_is_refused(self, rig: Rig) -> None:
        case = rig.gated()
        rig.answer(ANN, case)
        with pytest.raises(AlreadyDecided):
            rig.take(BOB, case)

    def test_take_more_than_anybody_can_look_at_is_refused(self, rig: Rig) -> None:
        for _ in range(claim.MOST_CLAIMS + 1):
            rig.gated()
        for _ in range(claim.MOST_CLAIMS):
            rig.take_next(ANN)
        with pytest.raises(Conflict):
            rig.take_next(ANN)
        assert rig.take_next(BOB) is not None

    def test_review_for_too_long_without_a_break_is_refused(self, rig: Rig) -> None:
        rig.change_policy(rig.policy + "\nreview_settings: {reviewer_session_limit_minutes: 1}\n")
        for _ in range(2):
            rig.answer(ANN, rig.gated())
            rig.clock.advance(30)
        with pytest.raises(Forbidden, match="without a break"):
            rig.take_next(ANN)
        rig.clock.advance(601)
        rig.answer(ANN, rig.gated())
