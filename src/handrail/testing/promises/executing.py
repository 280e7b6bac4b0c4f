"""What executions promise: at most once, exactly what was approved."""

from __future__ import annotations

import json
from concurrent.futures import wait
from typing import Any

import pytest

from handrail.canonical import dumps, parse
from handrail.errors import ClaimLost, Conflict, Forbidden, HandrailError, InvalidInput, NotExecutable, NotFound
from handrail.execution import TOOL_CLASSES
from handrail.lifecycle import execute, submit, takeover, undo
from handrail.lifecycle.actor import Actor
from handrail.proposal import Proposal
from handrail.store import statements
from handrail.store.tx import Tx
from handrail.testing.factories import agent, person
from handrail.testing.rig import Rig

ANN, BOB = person("Ann"), person("Bob")
HOLD_SECONDS = execute.HOLD // 1_000_000
RETRYABLE = [name for name in TOOL_CLASSES if name != "unsafe"]


class ExecutePromises:
    """The single use of an approval, and what a crash leaves behind."""

    def test_take_over_an_approval_stops_its_program_and_ends_in_what_the_person_says(self, rig: Rig) -> None:
        by_hand = [rig.gated(tool_class="idempotent") for _ in range(3)]
        for case in by_hand:
            rig.answer(ANN, case)
        done, left, dropped = (rig.run(takeover.take_over, takeover.TakeOver(actor=BOB, case_id=c)) for c in by_hand)
        for taken in (done, left, dropped):
            assert taken.held == "execution"
            with pytest.raises(NotExecutable, match="another executor"):
                rig.start(taken.case_id)
        rig.run(
            takeover.hand_back, takeover.HandBack(actor=BOB, case_id=done.case_id, fence=done.fence, value="by hand")
        )
        assert rig.start(done.case_id).result == "by hand"
        with pytest.raises(ClaimLost):
            rig.run(takeover.give_back, takeover.GiveBack(actor=ANN, case_id=left.case_id, fence=left.fence))
        rig.run(takeover.give_back, takeover.GiveBack(actor=BOB, case_id=left.case_id, fence=left.fence))
        assert rig.start(left.case_id).state == "failed"
        # he went away: whatever the tool's class, nobody does it again
        rig.pass_time(takeover.USUAL_SECONDS + 1)
        assert rig.start(dropped.case_id).state == "unknown"

    def test_start_under_a_persons_nonce_is_refused(self, rig: Rig) -> None:
        case = rig.gated()
        rig.answer(ANN, case)
        with pytest.raises(InvalidInput, match="a person's"):
            rig.start(case, nonce=f"{execute.BY_HAND}{BOB.pid}")
        taken = rig.run(takeover.take_over, takeover.TakeOver(actor=BOB, case_id=case))
        with pytest.raises(InvalidInput, match="a person's"):
            rig.start(case, nonce=f"{execute.BY_HAND}{BOB.pid}")
        assert taken.held == "execution"
        with pytest.raises(InvalidInput, match="a person's"):
            submit.prepare(agent(), Proposal(action="look", arguments={}), draw=1.0, nonce=f"{execute.BY_HAND}x")

    def test_take_over_a_case_is_a_claim_that_nobody_passes(self, rig: Rig) -> None:
        case = rig.gated()
        taken = rig.run(takeover.take_over, takeover.TakeOver(actor=ANN, case_id=case))
        assert taken.held == "claim"
        with pytest.raises(Conflict):
            rig.answer(BOB, case)
        again = rig.run(takeover.take_over, takeover.TakeOver(actor=ANN, case_id=case))
        assert again.fence == taken.fence
        rig.run(takeover.hand_back, takeover.HandBack(actor=ANN, case_id=case, fence=taken.fence, value={"by": "hand"}))
        decision = rig.decision(case)
        assert decision is not None
        assert (decision.kind, decision.value, decision.by) == ("responded", {"by": "hand"}, (ANN.pid,))

    def test_start_hands_out_the_stored_arguments_under_a_stable_key(self, rig: Rig) -> None:
        case = rig.approved(arguments={"b": 1, "a": [1.5, "é"]})
        started = rig.start(case)
        assert (started.state, started.fence, started.arguments) == ("started", 1, {"a": [1.5, "é"], "b": 1})
        assert len(started.idempotency_key) == 52
        assert rig.start(case).idempotency_key == started.idempotency_key

    def test_start_again_with_the_same_nonce_is_the_same_answer(self, rig: Rig) -> None:
        case = rig.approved()
        assert rig.start(case, "a") == rig.start(case, "a")
        assert len(rig.entries("execution.started")) == 1

    def test_start_with_another_nonce_is_refused(self, rig: Rig) -> None:
        case = rig.approved()
        rig.start(case, "a")
        with pytest.raises(NotExecutable, match="another executor"):
            rig.start(case, "b")

    def test_start_in_the_submitting_transaction(self, rig: Rig) -> None:
        made = rig.submit(confidence=0.99, nonce="a")
        assert made.execution is not None
        assert rig.start(made.case_id, "a").fence == made.execution.fence
        with pytest.raises(NotExecutable):
            rig.start(made.case_id, "b")

    def test_submit_a_gated_proposal_with_a_nonce_starts_nothing(self, rig: Rig) -> None:
        made = rig.submit(nonce="a")
        assert made.execution is None
        with pytest.raises(NotExecutable):
            rig.start(made.case_id, "a")

    @pytest.mark.parametrize("verdict", [None, "reject", "respond", "redirect"])
    def test_start_without_an_approval_is_refused(self, rig: Rig, verdict: str | None) -> None:
        case = rig.gated()
        if verdict is not None:
            rig.answer(ANN, case, verdict)
        with pytest.raises(NotExecutable):
            rig.start(case)

    def test_start_what_was_denied_expired_or_cancelled_is_refused(self, rig: Rig) -> None:
        cancelled = rig.gated()
        rig.cancel(cancelled)
        expired = rig.gated()
        rig.pass_time(601)
        for case in (cancelled, expired, rig.submit("forbidden").case_id):
            with pytest.raises(NotExecutable):
                rig.start(case)

    def test_start_without_the_scope_is_refused(self, rig: Rig) -> None:
        case = rig.approved()
        with pytest.raises(Forbidden):
            rig.run(execute.start, execute.Start(actor=agent(scopes=frozenset({"submit"})), case_id=case, nonce="a"))

    def test_start_a_known_answer_case_is_refused(self, rig: Rig) -> None:
        case = rig.gated(gold="approve", confidence=0.99)
        rig.answer(ANN, case)
        with pytest.raises(NotExecutable):
            rig.start(case)

    def test_start_an_approval_older_than_a_week_is_refused(self, rig: Rig) -> None:
        case = rig.approved()
        rig.clock.advance(7 * 86_400 + 1)
        with pytest.raises(NotExecutable, match="older"):
            rig.start(case)

    @pytest.mark.parametrize("hold", [0, -1, 2 * 86_400_000_000])
    def test_start_for_no_time_or_too_long_is_refused(self, rig: Rig, hold: int) -> None:
        with pytest.raises(InvalidInput):
            rig.start(rig.approved(), hold=hold)

    def test_start_a_thousand_times_at_once_succeeds_once(self, rig: Rig) -> None:
        case = rig.approved()
        futures = [
            rig.plane.writer.submit(
                execute.start, execute.Start(actor=rig.agent, case_id=case, nonce=str(n))
            )
            for n in range(1000)
        ]  # fmt: skip
        wait(futures)
        assert sum(future.exception() is None for future in futures) == 1
        assert {type(future.exception()) for future in futures if future.exception()} == {NotExecutable}
        assert len(rig.entries("execution.started")) == 1

    # --- what was approved is what runs -----------------------------------------------------------

    def test_start_with_another_digest_is_refused_before_and_after(self, rig: Rig) -> None:
        case = rig.approved()
        digest = rig.proposal(case).action_digest
        for _ in range(2):
            for at in range(len(digest)):
                changed = digest[:at] + ("0" if digest[at] != "0" else "1") + digest[at + 1 :]
                with pytest.raises(NotExecutable):
                    rig.start(case, "a", action_digest=changed)
            rig.start(case, "a", action_digest=digest)

    def test_start_after_any_stored_byte_changed_is_refused(self, rig: Rig) -> None:
        case = rig.approved(
            "pay", arguments={"to": "A1", "n": 5}, target="T", principal="zoe", amount="5", currency="INR",
            schema={"type": "object"},
        )  # fmt: skip
        kept = bytes(rig.proposal(case).data)
        record = parse(kept)
        bound = {name: record.get(name) for name in ("arguments", "target", "principal", "schema")}
        refused = 0
        for at in range(len(kept)):
            for flip in (0x01, 0x04):
                altered = kept[:at] + bytes([kept[at] ^ flip]) + kept[at + 1 :]
                if _still_means(altered, bound):
                    continue
                _overwrite(rig, case, altered)
                with pytest.raises(HandrailError):
                    rig.start(case)
                refused += 1
        assert refused > len(kept) // 2
        _overwrite(rig, case, kept)
        started = rig.start(case, "a")
        _overwrite(rig, case, dumps(record | {"arguments": {"to": "EVE", "n": 5}}))
        with pytest.raises(NotExecutable):
            rig.start(case, "a")
        assert any("bytes" in problem for problem in rig.problems())
        _overwrite(rig, case, kept)
        assert rig.start(case, "a") == started

    def test_start_after_an_edit_runs_the_edit(self, rig: Rig) -> None:
        case = rig.gated(arguments={"n": 1})
        old = rig.proposal(case).action_digest
        rig.answer(ANN, case, "edit", arguments={"n": 7})
        with pytest.raises(NotExecutable):
            rig.start(case, action_digest=old)
        assert rig.start(case).arguments == {"n": 7}

    # --- finishing --------------------------------------------------------------------------------

    @pytest.mark.parametrize(("ok", "state"), [(True, "succeeded"), (False, "failed")])
    def test_finish_records_the_end_and_repeats_it(self, rig: Rig, ok: bool, state: str) -> None:
        started = rig.start(rig.approved())
        first = rig.finish(started, ok=ok, result={"id": 1})
        assert (first.state, first.result) == (state, {"id": 1})
        assert rig.finish(started, ok=ok, result={"id": 1}).finished_at == first.finished_at
        assert rig.start(started.case_id, "late").state == state
        assert len(rig.entries("execution.finished")) == 1

    def test_finish_with_another_outcome_or_fence_is_refused(self, rig: Rig) -> None:
        started = rig.start(rig.approved())
        with pytest.raises(NotExecutable):
            rig.run(
                execute.finish, execute.Finish(actor=rig.agent, case_id=started.case_id, fence=2, ok=True)
            )  # fmt: skip
        rig.finish(started, result=1)
        with pytest.raises(NotExecutable):
            rig.finish(started, result=2)
        with pytest.raises(NotExecutable):
            rig.finish(started, ok=False, result=1)

    def test_finish_what_never_started_is_refused(self, rig: Rig) -> None:
        with pytest.raises(NotFound):
            rig.run(
                execute.finish, execute.Finish(actor=rig.agent, case_id=rig.approved(), fence=1, ok=True)
            )  # fmt: skip

    def test_finish_with_too_large_a_result_is_refused_and_can_be_repeated(self, rig: Rig) -> None:
        started = rig.start(rig.approved())
        with pytest.raises(InvalidInput):
            rig.finish(started, result="x" * (1024 * 1024))
        assert rig.finish(started, result="ref:1").state == "succeeded"

    # --- after a crash ----------------------------------------------------------------------------

    def test_lapse_of_an_unsafe_tool_is_unknown_and_never_runs_again(self, rig: Rig) -> None:
        started = rig.start(rig.approved())
        rig.pass_time(HOLD_SECONDS + 1)
        assert rig.start(started.case_id, "other").state == "unknown"
        assert rig.start(started.case_id, started.nonce).state == "unknown"
        assert len(rig.entries("execution.unknown")) == 1

    def test_lapse_seen_first_by_another_executor_is_unknown_too(self, rig: Rig) -> None:
        started = rig.start(rig.approved())
        rig.clock.advance(HOLD_SECONDS + 1)
        assert rig.start(started.case_id, "other").state == "unknown"

    @pytest.mark.parametrize("tool_class", RETRYABLE)
    def test_lapse_of_a_retryable_tool_lets_another_executor_try_with_the_same_key(
        self, rig: Rig, tool_class: str
    ) -> None:
        started = rig.start(rig.approved(tool_class=tool_class))
        rig.pass_time(HOLD_SECONDS + 1)
        again = rig.start(started.case_id, "other")
        assert (again.state, again.fence) == ("started", 2)
        assert again.idempotency_key == started.idempotency_key
        with pytest.raises(NotExecutable, match="stale"):
            rig.finish(started)
        assert rig.finish(again).state == "succeeded"

    @pytest.mark.parametrize("tool_class", RETRYABLE)
    def test_lapse_of_a_worker_leaves_a_retryable_tool_to_another_worker(self, rig: Rig, tool_class: str) -> None:
        def waiting() -> list[str]:
            return _waiting(rig, rig.agent)

        case = rig.approved(tool_class=tool_class, executor="worker")
        first = rig.start(case)
        assert waiting() == []
        rig.pass_time(HOLD_SECONDS + 1)
        assert waiting() == [case]
        again = rig.start(case, "other")
        assert waiting() == []
        rig.pass_time(HOLD_SECONDS + 1)
        assert waiting() == [case]
        assert rig.finish(again).state == "succeeded"
        assert (waiting(), again.idempotency_key) == ([], first.idempotency_key)

    def test_lapse_of_what_may_not_be_tried_again_goes_to_no_worker(self, rig: Rig) -> None:
        settled, voided, halted = (rig.approved(tool_class="idempotent", executor="worker") for _ in range(3))
        rig.start(settled)
        rig.run(undo.undo, undo.Undo(actor=rig.agent, case_id=voided))
        rig.pass_time(HOLD_SECONDS + 1)
        rig.settle(ANN, settled, True)
        rig.start(halted)
        rig.lift(rig.halt("workspace"))
        rig.pass_time(HOLD_SECONDS + 1)
        assert rig.start(halted, "other").state == "unknown"
        assert _waiting(rig, rig.agent) == []

    def test_worker_of_one_agent_is_offered_that_agents_alone(self, rig: Rig) -> None:
        other, mine = (rig.approved(executor="worker", agent=name) for name in ("b2", "bot"))
        bound = agent(scopes=frozenset({"execute"}), name="bot")
        assert _waiting(rig, bound) == [mine]
        assert set(_waiting(rig, rig.agent)) == {other, mine}

    def test_worker_is_offered_the_oldest_and_what_comes_behind_them(self, rig: Rig) -> None:
        actions = ("quick", "pay")
        cases = []
        for n in range(5):
            rig.clock.advance(1)
            cases.append(rig.approved(actions[n % 2], executor="worker", amount="5", currency="INR"))
        assert _waiting(rig, rig.agent, *actions, limit=3) == cases[:3]
        assert _waiting(rig, rig.agent, *actions, "pay", limit=3, after=cases[2]) == cases[3:]
        assert _waiting(rig, rig.agent, *actions, after=cases[-1]) == []

    def test_worker_is_not_offered_what_is_too_old_to_start(self, rig: Rig) -> None:
        case = rig.approved(executor="worker")
        rig.clock.advance(execute.APPROVAL_LIFETIME // 1_000_000)
        assert _waiting(rig, rig.agent) == [case]
        rig.clock.advance(1)
        assert _waiting(rig, rig.agent) == []
        with pytest.raises(NotExecutable, match="older"):
            rig.start(case)

    def test_finish_late_but_under_the_live_fence_counts(self, rig: Rig) -> None:
        started = rig.start(rig.approved(tool_class="idempotent"))
        rig.pass_time(HOLD_SECONDS + 1)
        assert rig.finish(started).state == "succeeded"

    def test_finish_late_on_an_unknown_is_kept_as_evidence(self, rig: Rig) -> None:
        started = rig.start(rig.approved())
        rig.pass_time(HOLD_SECONDS + 1)
        told = rig.finish(started, result={"id": 9})
        assert told.state == "unknown"
        assert rig.start(started.case_id).result == {"late": {"id": 9}, "ok": True}
        assert rig.entries("incident.flagged")[-1]["incident"]["code"] == "late_completion"

    def test_finish_uncertain_is_unknown_at_once(self, rig: Rig) -> None:
        started = rig.start(rig.approved(tool_class="queryable"))
        assert rig.finish(started, uncertain=True).state == "unknown"
        assert rig.start(started.case_id, "other").state == "unknown"

    @pytest.mark.parametrize("happened", [True, False])
    def test_settle_an_unknown_takes_a_person_and_only_once(self, rig: Rig, happened: bool) -> None:
        started = rig.start(rig.approved())
        with pytest.raises(NotExecutable):
            rig.settle(ANN, started.case_id, happened)
        rig.pass_time(HOLD_SECONDS + 1)
        with pytest.raises(NotExecutable):
            rig.settle(rig.agent, started.case_id, happened)
        settled = rig.settle(ANN, started.case_id, happened)
        assert (settled.state, settled.happened) == ("settled", happened)
        with pytest.raises(NotExecutable):
            rig.settle(BOB, started.case_id, not happened)
        assert rig.start(started.case_id, "again").state == "settled"

    # --- objections and undo ----------------------------------------------------------------------

    def test_object_before_the_start_voids_it(self, rig: Rig) -> None:
        case = rig.submit("pay", confidence=0.85, amount="5", currency="INR").case_id
        rig.answer(ANN, case, "reject")
        rig.pass_time(6)
        assert rig.case(case).state == "reviewed"
        with pytest.raises(NotExecutable, match="called off"):
            rig.start(case)

    def test_object_after_the_effect_has_its_reverse_decided(self, rig: Rig) -> None:
        case = rig.submit("pay", confidence=0.85, amount="5", currency="INR", undo="unpay").case_id
        rig.finish(rig.start(case), result={"id": 3})
        rig.answer(ANN, case, "reject")
        rig.pass_time(6)
        (reverse,) = [e for e in rig.entries("decision.made") if e.get("undoes") == case]
        started = rig.start(reverse["case"]["id"])
        assert (started.action, started.arguments) == ("unpay", {"arguments": {"n": 1}, "result": {"id": 3}})

    def test_object_in_another_workspace_undoes_there(self, rig: Rig) -> None:
        rig.plane.begin_workspace("other", rig.policy)
        there = agent(workspace="other")
        made = rig.submit("pay", confidence=0.85, amount="5", currency="INR", undo="unpay", by=there)
        started = rig.run(execute.start, execute.Start(actor=there, case_id=made.case_id, nonce="a"))
        rig.run(execute.finish, execute.Finish(actor=there, case_id=started.case_id, fence=1, ok=True))
        rig.answer(person("Ann", workspace="other"), made.case_id, "reject")
        rig.pass_time(6)
        assert [e for e in rig.entries() if e.get("undoes")] == []
        found = rig.plane.store.read_hot(statements.undo_exists, case_id=made.case_id)
        assert rig.plane.proposal("other", found[0][0]).action == "unpay"

    def test_object_while_it_runs_undoes_it_when_its_end_is_known(self, rig: Rig) -> None:
        case = rig.submit("pay", confidence=0.85, amount="5", currency="INR", undo="unpay").case_id
        started = rig.start(case)
        rig.answer(ANN, case, "reject")
        rig.pass_time(HOLD_SECONDS + 1)
        assert [e for e in rig.entries("decision.made") if e.get("undoes") == case] == []
        assert rig.start(case).state == "unknown"
        rig.settle(BOB, case, True)
        rig.pass_time(undo.LOOK // 1_000_000 + 1)
        assert len([e for e in rig.entries("decision.made") if e.get("undoes") == case]) == 1
        assert started.fence == 1

    def test_object_never_approves_an_undo_that_the_policy_denies(self, rig: Rig) -> None:
        case = rig.submit(confidence=0.85, undo="forbidden").case_id
        rig.finish(rig.start(case))
        rig.answer(ANN, case, "reject")
        rig.pass_time(6)
        (reverse,) = [e for e in rig.entries("decision.made") if e.get("undoes") == case]
        assert (reverse["result"], reverse["tier"]) == ("rejected", "deny")
        assert [e["incident"]["code"] for e in rig.entries("incident.flagged")] == ["objection_without_undo"]

    @pytest.mark.parametrize(
        ("action", "undo_of_it", "tier"),
        [("pay", "unpay", "auto_approve"), ("quick", "quick.undo", "auto_approve"), ("quick", "wipe", "hard_gate"),
         ("quick", "shut", "hard_gate"), ("quick", "risky", "deny")],
    )  # fmt: skip
    def test_object_approves_no_undo_that_the_policy_gates(
        self, rig: Rig, action: str, undo_of_it: str, tier: str
    ) -> None:
        rules = """
  - {id: for_good, actions: [wipe], route: {irreversible: true, tier: hard_gate}}
  - {id: shut, actions: [shut], route: {tier: hard_gate}}
  - {id: risky, actions: [risky], when: amount > 5, route: {deny: true}}
"""
        rig.plane.begin_workspace("other", rig.policy + rules.lstrip("\n"))
        there = agent(workspace="other")
        made = rig.submit(action, confidence=0.85, amount="5", currency="INR", undo=undo_of_it, by=there)
        rig.run(execute.start, execute.Start(actor=there, case_id=made.case_id, nonce="a"))
        rig.run(execute.finish, execute.Finish(actor=there, case_id=made.case_id, fence=1, ok=True))
        rig.answer(person("Ann", workspace="other"), made.case_id, "reject")
        rig.pass_time(6)
        found = rig.plane.store.read_hot(statements.undo_exists, case_id=made.case_id)
        reverse = rig.plane.proposal("other", found[0][0])
        assert (reverse.action, reverse.tier) == (undo_of_it, tier)
        assert reverse.decision == {"auto_approve": "approved", "hard_gate": None, "deny": "rejected"}[tier]

    def test_object_after_the_undo_was_called_off_is_an_incident(self, rig: Rig) -> None:
        case = rig.submit(confidence=0.85, undo="quick.undo").case_id
        rig.finish(rig.start(case))
        reverse = rig.run(undo.undo, undo.Undo(actor=rig.agent, case_id=case)).case_id
        rig.cancel(reverse)
        rig.answer(ANN, case, "reject")
        rig.pass_time(6)
        assert [e["incident"]["code"] for e in rig.entries("incident.flagged")] == ["objection_without_undo"]

    @pytest.mark.parametrize("late", [False, True])
    def test_object_to_what_lost_its_executor_is_never_tried_again(self, rig: Rig, late: bool) -> None:
        case = rig.submit("quick", confidence=0.85, tool_class="idempotent", executor="worker").case_id
        rig.start(case)
        if late:
            rig.pass_time(HOLD_SECONDS + 1)
        rig.answer(ANN, case, "reject")
        rig.pass_time(HOLD_SECONDS + 1)
        assert rig.case(case).state == "reviewed"
        assert rig.start(case, "other").state == "unknown"
        assert _waiting(rig, rig.agent) == []
        assert rig.settle(BOB, case, False).state == "settled"

    def test_object_to_what_cannot_be_undone_is_an_incident(self, rig: Rig) -> None:
        case = rig.submit(confidence=0.85).case_id
        rig.finish(rig.start(case))
        rig.answer(ANN, case, "reject")
        rig.pass_time(6)
        assert rig.entries("incident.flagged")[-1]["incident"]["code"] == "objection_without_undo"

    def test_confirm_afterwards_lets_it_start(self, rig: Rig) -> None:
        case = rig.submit(confidence=0.85).case_id
        rig.answer(ANN, case)
        rig.pass_time(6)
        assert rig.case(case).state == "reviewed"
        assert rig.start(case).state == "started"

    def test_undo_before_the_start_voids_it(self, rig: Rig) -> None:
        case = rig.approved()
        assert rig.run(undo.undo, undo.Undo(actor=rig.agent, case_id=case)).voided
        with pytest.raises(NotExecutable):
            rig.start(case)

    def test_undo_after_the_effect_proposes_the_reverse_once(self, rig: Rig) -> None:
        case = rig.approved("pay", amount="5", currency="INR", undo="unpay")
        rig.finish(rig.start(case))
        first = rig.run(undo.undo, undo.Undo(actor=rig.agent, case_id=case))
        assert rig.run(undo.undo, undo.Undo(actor=rig.agent, case_id=case)).case_id == first.case_id
        assert rig.proposal(first.case_id).undoes == case

    def test_undo_what_did_not_happen_or_still_runs_is_refused(self, rig: Rig) -> None:
        failed = rig.start(rig.approved())
        rig.finish(failed, ok=False)
        running = rig.start(rig.approved())
        plain = rig.start(rig.approved())
        rig.finish(plain)
        for case in (failed.case_id, running.case_id, rig.gated()):
            with pytest.raises(Conflict):
                rig.run(undo.undo, undo.Undo(actor=rig.agent, case_id=case))
        with pytest.raises(InvalidInput, match="declared no undo"):
            rig.run(undo.undo, undo.Undo(actor=rig.agent, case_id=plain.case_id))


def _waiting(rig: Rig, who: Actor, *actions: str, **more: Any) -> list[str]:
    """What workers of this actor are offered."""
    found = execute.handed_over(rig.plane.store, who, actions or ("quick",), now=rig.clock.now(), **more)
    return [waiting.case_id for waiting in found]


def _overwrite(rig: Rig, case_id: str, data: bytes) -> None:
    def tamper(tx: Tx, _: None) -> None:
        tx.run(OVERWRITE, case_id=case_id, bytes=data)

    rig.run(tamper, None)


OVERWRITE = statements.Statement("UPDATE proposal SET bytes = :bytes WHERE case_id = :case_id")


def _still_means(data: bytes, bound: dict[str, Any]) -> bool:
    """Whether altered bytes say the same about everything that the approval binds."""
    try:
        record = json.loads(data)
    except ValueError:
        return False
    return all(record.get(name) == value and type(record.get(name)) is type(value) for name, value in bound.items())
