"""What quorum, deadlines and escalation promise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from handrail.errors import AlreadyDecided, Conflict, Forbidden, HandrailError, InvalidInput
from handrail.lifecycle import decide, expire
from handrail.testing.factories import person
from handrail.testing.rig import Rig

ANN, BOB, CY, LEA, LEO = person("Ann"), person("Bob"), person("Cy"), person("Lea", "lead"), person("Leo", "lead")


class DecidePromises:
    """One decision, by enough distinct people, in time."""

    def test_quorum_of_two_needs_two_people(self, rig: Rig) -> None:
        case = rig.gated("pair")
        assert rig.answer(ANN, case).decision is None
        taken = rig.take_next(BOB)
        assert taken is not None
        made = rig.answer(BOB, case, fence=taken.fence).decision
        assert made is not None
        assert (made.kind, set(made.by)) == ("approved", {ANN.pid, BOB.pid})

    def test_quorum_of_two_by_amount_needs_two_people(self, rig: Rig) -> None:
        case = rig.gated("pay", confidence=0.99, amount="500001", currency="INR")
        assert rig.case(case).reviewers == 2
        rig.answer(ANN, case)
        rig.pass_time(11)
        assert rig.decision(case) is None
        rig.answer(BOB, case)
        rig.pass_time(11)
        assert rig.decision(case).kind == "approved"  # type: ignore[union-attr]

    def test_one_reject_settles_a_quorum(self, rig: Rig) -> None:
        case = rig.gated("pair")
        rig.answer(ANN, case)
        made = rig.answer(BOB, case, "reject").decision
        assert made is not None
        assert (made.kind, made.by) == ("rejected", (BOB.pid,))

    def test_edit_under_a_quorum_voids_approvals_and_waits_for_another_person(self, rig: Rig) -> None:
        case = rig.gated("pair")
        rig.answer(ANN, case)
        assert rig.answer(BOB, case, "edit").decision is None
        assert rig.case(case).revision == 2
        assert len(rig.entries("review.voided")) == 1
        with pytest.raises(Conflict):
            rig.answer(BOB, case)
        made = rig.answer(ANN, case).decision
        assert made is not None
        assert (made.kind, made.arguments, set(made.by)) == ("approved", {"n": 2}, {ANN.pid, BOB.pid})

    def test_edit_under_a_quorum_is_revised_by_a_second_edit(self, rig: Rig) -> None:
        case = rig.gated("pair")
        rig.answer(ANN, case, "edit", arguments={"n": 2})
        rig.answer(BOB, case, "edit", arguments={"n": 3})
        assert rig.decision(case) is None
        assert rig.problems() == []

    def test_edit_that_repeats_the_edit_before_it_agrees_with_it(self, rig: Rig) -> None:
        case = rig.gated("pair")
        rig.answer(ANN, case, "edit", arguments={"n": 2})
        made = rig.answer(BOB, case, "edit", arguments={"n": 2}).decision
        assert made is not None
        assert (made.kind, made.arguments, set(made.by)) == ("approved", {"n": 2}, {ANN.pid, BOB.pid})

    def test_edits_that_conflict_in_one_window_go_up(self, rig: Rig) -> None:
        case = rig.gated("slow_pair")
        rig.answer(ANN, case, "edit", arguments={"n": 2})
        rig.answer(BOB, case, "edit", arguments={"n": 3})
        rig.pass_time(11)
        assert rig.case(case).escalations == 1
        assert len(rig.entries("review.voided")) == 2
        assert rig.take_next(CY) is None
        taken = rig.take_next(LEA)
        assert taken is not None
        rig.answer(LEA, case, fence=taken.fence)
        rig.pass_time(11)
        assert rig.decision(case) is None
        rig.answer(LEO, case)
        rig.pass_time(11)
        made = rig.decision(case)
        assert made is not None
        assert (made.kind, set(made.by)) == ("approved", {LEA.pid, LEO.pid})

    def test_conflict_is_settled_by_one_lead_and_anybody_whom_the_policy_asked(self, rig: Rig) -> None:
        case = self._in_conflict(rig)
        with pytest.raises(Forbidden, match="lead"):
            rig.answer(CY, case)
        assert rig.answer(LEA, case).decision is None
        taken = rig.take_next(CY)
        assert taken is not None
        made = rig.answer(CY, case, fence=taken.fence).decision
        assert made is not None
        assert (made.kind, set(made.by)) == ("approved", {LEA.pid, CY.pid})

    def test_conflict_in_a_team_of_two_and_a_lead_can_be_settled(self, rig: Rig) -> None:
        case = self._in_conflict(rig)
        assert rig.take_next(ANN) is None
        rig.answer(LEA, case)
        taken = rig.take_next(ANN)
        assert taken is not None
        made = rig.answer(ANN, case, fence=taken.fence).decision
        assert made is not None
        assert set(made.by) == {LEA.pid, ANN.pid}

    def test_conflict_whose_lead_takes_the_answer_back_waits_for_a_lead_again(self, rig: Rig) -> None:
        case = rig.gated("slow_pair")
        rig.answer(ANN, case, "edit", arguments={"n": 2})
        rig.answer(BOB, case, "edit", arguments={"n": 3})
        rig.pass_time(11)
        given = rig.answer(LEA, case)
        rig.answer(CY, case)
        rig.withdraw(LEA, given)
        rig.pass_time(11)
        assert rig.take_next(ANN) is None
        taken = rig.take_next(LEO)
        assert taken is not None
        rig.answer(LEO, case, fence=taken.fence)
        rig.pass_time(11)
        made = rig.decision(case)
        assert made is not None
        assert set(made.by) == {CY.pid, LEO.pid}

    def test_escalate_keeps_the_answers_that_nobody_contradicted(self, rig: Rig) -> None:
        case = rig.gated("pair")
        rig.answer(ANN, case)
        rig.escalate(BOB, case)
        made = rig.answer(LEA, case).decision
        assert made is not None
        assert set(made.by) == {ANN.pid, LEA.pid}

    def test_escalate_of_one_persons_case_is_one_leads_to_settle(self, rig: Rig) -> None:
        case = rig.gated("money")
        rig.escalate(person("Fin", "finance"), case)
        assert rig.take_next(person("Fia", "finance")) is None
        assert rig.answer(LEA, case).decision is not None

    @staticmethod
    def _in_conflict(rig: Rig) -> str:
        case = rig.gated("pair")
        rig.answer(ANN, case)
        assert rig.answer(BOB, case, "respond").decision is None
        assert rig.case(case).escalations == 1
        return case

    def test_answers_that_contradict_go_up(self, rig: Rig) -> None:
        case = rig.gated("pair")
        rig.answer(ANN, case)
        assert rig.answer(BOB, case, "respond").decision is None
        assert rig.case(case).escalations == 1
        assert rig.take_next(CY) is None
        assert rig.take_next(LEA) is not None

    def test_same_value_from_two_people_responds(self, rig: Rig) -> None:
        case = rig.gated("pair")
        rig.answer(ANN, case, "respond", value={"a": 1})
        made = rig.answer(BOB, case, "respond", value={"a": 1}).decision
        assert made is not None
        assert (made.kind, made.value) == ("responded", {"a": 1})

    def test_stages_are_filled_in_order_by_their_roles(self, rig: Rig) -> None:
        case = rig.gated("staged")
        assert rig.answer(ANN, case).decision is None
        made = rig.answer(person("Fin", "finance"), case).decision
        assert made is not None
        assert made.kind == "approved"

    def test_an_answer_given_before_its_stage_counts_when_its_stage_comes(self, rig: Rig) -> None:
        case = rig.gated("staged")
        assert rig.answer(person("Fin", "finance"), case).decision is None
        made = rig.answer(ANN, case).decision
        assert made is not None
        assert (made.kind, len(made.by)) == ("approved", 2)
        assert rig.problems() == []

    def test_decide_again_when_due_changes_nothing(self, rig: Rig) -> None:
        case = rig.gated()
        rig.answer(ANN, case)
        for _ in range(2):
            rig.run(decide.settle_when_due, (rig.workspace, case))
            rig.run(expire.expire, (rig.workspace, case))
        assert len(rig.entries("decision.made")) == 1

    def test_decide_by_two_people_at_once_one_wins_and_the_other_is_told(self, rig: Rig) -> None:
        for n in range(10):
            case = rig.gated(arguments={"n": n})

            def judge(who_and_verdict: tuple[object, str], case: str = case) -> object:
                who, verdict = who_and_verdict
                try:
                    return rig.answer(who, case, verdict).decision  # type: ignore[arg-type]
                except HandrailError as error:
                    return error

            with ThreadPoolExecutor(2) as pool:
                told = list(pool.map(judge, [(ANN, "approve"), (BOB, "reject")]))
            won = [made for made in told if not isinstance(made, Exception)]
            lost = [made for made in told if isinstance(made, Exception)]
            assert len(won) == 1
            assert isinstance(lost[0], AlreadyDecided | Conflict)
        assert len(rig.entries("decision.made")) == 10

    # --- deadlines --------------------------------------------------------------------------------

    def test_expire_rejects_where_the_route_says_so(self, rig: Rig) -> None:
        case = rig.gated()
        rig.pass_time(599)
        assert rig.decision(case) is None
        rig.pass_time(2)
        made = rig.decision(case)
        assert made is not None
        assert made.kind == "expired"
        assert rig.take_next(ANN) is None
        with pytest.raises(AlreadyDecided):
            rig.answer(ANN, case)

    def test_answer_after_the_deadline_is_refused_before_any_loop_came_by(self, rig: Rig) -> None:
        case = rig.gated()
        held = rig.take(ANN, case)
        rig.clock.advance(601)
        with pytest.raises(AlreadyDecided, match="deadline"):
            rig.answer(ANN, case, fence=held.fence)
        assert rig.decision(case) is None
        rig.run(expire.expire, (rig.workspace, case))
        assert rig.decision(case).kind == "expired"  # type: ignore[union-attr]

    def test_expire_while_claimed_ends_the_claim(self, rig: Rig) -> None:
        case = rig.gated()
        rig.pass_time(590)
        held = rig.take(ANN, case)
        rig.pass_time(11)
        with pytest.raises(HandrailError):
            rig.answer(ANN, case, fence=held.fence)

    def test_expire_holds_where_the_route_says_so(self, rig: Rig) -> None:
        case = rig.gated("waits")
        rig.pass_time(100_000)
        assert rig.decision(case) is None
        assert rig.answer(ANN, case).decision is not None

    def test_expire_never_ends_a_look_that_somebody_always_takes(self, rig: Rig) -> None:
        watched = rig.submit("watched", confidence=0.99, categories=("self_harm",)).case_id
        sure = rig.submit("watched", confidence=0.85).case_id
        rig.pass_time(100_000)
        assert (rig.case(watched).state, rig.case(sure).state) == ("open", "reviewed")
        rig.answer(ANN, watched)
        assert rig.case(watched).state == "reviewed"

    def test_expire_approves_only_where_unsafe_approve_is_spelled_out(self, rig: Rig) -> None:
        case = rig.gated("loose")
        rig.pass_time(61)
        made = rig.decision(case)
        assert made is not None
        assert (made.kind, made.by) == ("approved", ("policy",))

    def test_expire_comes_sooner_for_a_program_only_where_it_lets_nothing_through(self, rig: Rig) -> None:
        loose, asked = rig.gated("loose", within_seconds=1), rig.gated(within_seconds=1)
        look = rig.submit(confidence=0.85, within_seconds=1).case_id
        check = rig.submit("checked", confidence=0.99, draw=0.01, within_seconds=1).case_id
        rig.pass_time(2)
        assert rig.decision(loose) is None
        assert rig.decision(asked).kind == "expired"  # type: ignore[union-attr]
        assert [rig.case(case).state for case in (look, check)] == ["open", "open"]
        assert rig.answer(ANN, look, "reject").case_id == look

    def test_expire_escalates_and_at_last_expires(self, rig: Rig) -> None:
        case = rig.gated("climbs")
        for times in range(1, expire.MOST_ESCALATIONS + 1):
            rig.pass_time(61)
            assert rig.case(case).escalations == times
            assert rig.case(case).deadline > rig.clock.now()  # type: ignore[operator]
        assert rig.take_next(ANN) is None
        held = rig.take_next(LEA)
        assert held is not None
        rig.release(LEA, held)
        rig.pass_time(61)
        assert rig.decision(case).kind == "expired"  # type: ignore[union-attr]

    def test_expire_after_a_conflict_gives_the_next_people_their_time(self, rig: Rig) -> None:
        case = rig.gated("slow_pair")
        rig.pass_time(595)
        rig.answer(ANN, case, "edit", arguments={"n": 2})
        rig.answer(BOB, case, "edit", arguments={"n": 3})
        rig.pass_time(6)
        assert rig.decision(case) is None
        assert rig.case(case).deadline > rig.clock.now()  # type: ignore[operator]
        assert rig.take_next(LEA) is not None

    def test_expire_before_the_deadline_changes_nothing(self, rig: Rig) -> None:
        case = rig.gated()
        rig.run(expire.expire, (rig.workspace, case))
        assert rig.decision(case) is None

    # --- escalation -------------------------------------------------------------------------------

    def test_escalate_by_hand_ends_the_claim_and_asks_a_lead_first(self, rig: Rig) -> None:
        later = rig.gated()
        case = rig.gated()
        held = rig.take(ANN, case)
        rig.escalate(ANN, case)
        with pytest.raises(Forbidden):
            rig.answer(ANN, case, fence=held.fence)
        both = person("Lia", "lead", "reviewer")
        order = [taken.case_id for taken in (rig.take_next(both), rig.take_next(both)) if taken]
        assert order == [case, later]
        assert rig.answer(LEA, rig.gated("climbs")).case_id

    def test_escalate_without_a_reason_is_refused(self, rig: Rig) -> None:
        with pytest.raises(InvalidInput):
            rig.escalate(ANN, rig.gated(), reason=" ")

    def test_escalate_what_is_decided_is_refused(self, rig: Rig) -> None:
        case = rig.gated()
        rig.answer(ANN, case)
        with pytest.raises(AlreadyDecided):
            rig.escalate(BOB, case)

    # --- random teams -----------------------------------------------------------------------------

    def test_judge_in_every_order_never_approves_with_fewer_people_than_asked(self, rig: Rig) -> None:
        names = [person(name) for name in ("Ann", "Bob", "Cy", "Dee")]
        for n, (first, second) in enumerate(pairwise([*names, names[0]])):
            case = rig.gated("pair", principal=first.name, arguments={"n": n})
            with pytest.raises(Forbidden):
                rig.answer(first, case)
            assert rig.answer(second, case).decision is None
            with pytest.raises(Conflict):
                rig.answer(second, case)
            third = next(p for p in names if p not in (first, second))
            made = rig.answer(third, case).decision
            assert made is not None
            assert set(made.by) == {second.pid, third.pid}
