"""What submitting promises."""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID

import pytest

from handrail.errors import AlreadyDecided, Forbidden, InvalidInput, KeyReused, NotFound
from handrail.lifecycle import submit
from handrail.proposal import Proposal
from handrail.testing.factories import agent, person
from handrail.testing.rig import Rig


class SubmitPromises:
    """Identity, routing, cancelling."""

    def test_submit_twice_by_key_is_one_case(self, rig: Rig) -> None:
        first = rig.submit(key="k", confidence=0.1)
        again = rig.submit(key="k", confidence=0.1)
        assert (again.case_id, again.replayed, first.replayed) == (first.case_id, True, False)
        assert len(rig.entries("proposal.submitted")) == 1

    def test_submit_by_key_after_the_decision_hears_the_decision(self, rig: Rig) -> None:
        case = rig.gated(key="k")
        rig.answer(person("Ann"), case, "reject")
        again = rig.submit(key="k")
        assert (again.status, again.decision and again.decision.kind) == ("decided", "rejected")

    def test_submit_something_else_under_a_key_is_refused(self, rig: Rig) -> None:
        rig.submit(key="k", arguments={"n": 1})
        with pytest.raises(KeyReused):
            rig.submit(key="k", arguments={"n": 2})

    @pytest.mark.parametrize("field", ["target", "principal"])
    def test_submit_for_another_target_or_principal_under_a_key_is_refused(self, rig: Rig, field: str) -> None:
        rig.submit(key="k")
        with pytest.raises(KeyReused):
            rig.submit(key="k", **dict[str, Any]({field: "x"}))

    def test_submit_twice_by_run_and_call_is_one_case(self, rig: Rig) -> None:
        first = rig.submit(run="r", call_id="c")
        assert rig.submit(run="r", call_id="c").case_id == first.case_id

    @pytest.mark.parametrize("other", [{"run": "r2"}, {"call_id": "c2"}, {"arguments": {"n": 2}}])
    def test_submit_another_run_call_or_content_is_another_case(self, rig: Rig, other: dict[str, Any]) -> None:
        first = rig.submit(run="r", call_id="c")
        assert rig.submit(**({"run": "r", "call_id": "c"} | other)).case_id != first.case_id

    def test_submit_twice_without_identity_is_two_cases(self, rig: Rig) -> None:
        assert rig.submit().case_id != rig.submit().case_id

    def test_submit_the_same_key_in_two_workspaces_is_two_cases(self, rig: Rig) -> None:
        rig.plane.begin_workspace("other", rig.policy)
        here = rig.submit(key="k")
        there = rig.submit(key="k", by=agent(workspace="other"))
        assert here.case_id != there.case_id
        assert not there.replayed

    @pytest.mark.parametrize("known", [{"key": "k"}, {"run": "r", "call_id": "c"}])
    def test_submit_what_another_agent_submitted_is_another_case_and_its_own(
        self, rig: Rig, known: dict[str, Any]
    ) -> None:
        scopes = frozenset({"submit", "execute"})
        one, other = agent("a", name="a", scopes=scopes), agent("b", name="b", scopes=scopes)
        everybody = rig.submit(**known)
        first = rig.submit(by=one, agent="a", **known)
        second = rig.submit(by=other, agent="b", **known)
        assert not first.replayed
        assert not second.replayed
        assert len({everybody.case_id, first.case_id, second.case_id}) == 3
        again = rig.submit(by=agent("a", name="a", scopes=scopes), agent="a", **known)
        assert (again.case_id, again.replayed) == (first.case_id, True)
        assert rig.submit(**known).case_id == everybody.case_id

    def test_submit_under_the_longest_times_of_a_policy_is_taken(self, rig: Rig) -> None:
        rig.plane.begin_workspace(
            "slow",
            "escalation_policies: [{action_type: a, auto_approve_threshold: 0.9, sla_seconds: 3650d}]\n"
            "budgets: [{id: b, actions: [a], per: [action], within: 3650d, max_count: 1000000000, then: hard_gate}]\n"
            "review_settings: {max_queue_depth: 1000000000, reviewer_session_limit_minutes: 5256000}\n",
        )
        made = [rig.submit("a", by=agent(workspace="slow"), confidence=c) for c in (0.5, 0.95)]
        assert [each.tier for each in made] == ["hard_gate", "auto_approve"]

    def test_submit_under_the_longest_names_fits(self, rig: Rig) -> None:
        long = "x" * submit.MAX_NAME
        bound = agent(long, name=long, scopes=frozenset({"submit"}))
        first = rig.submit(by=bound, agent=long, run=long, call_id=long)
        assert rig.submit(by=bound, agent=long, run=long, call_id=long).case_id == first.case_id

    @pytest.mark.parametrize("made", [{"key": "undo:x"}, {"key": "burst:p_ann:1"}, {"undoes": str(UUID(int=1))}])
    def test_submit_what_only_handrail_says_is_refused(self, rig: Rig, made: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput, match="handrail's"):
            rig.submit(**made)

    def test_submit_a_known_answer_needs_a_lead_or_an_administrators_key(self, rig: Rig) -> None:
        scopes = frozenset({"submit"})
        for other in (agent(scopes=scopes), person("Ann", scopes=scopes)):
            with pytest.raises(Forbidden):
                rig.submit(by=other, gold={"verdict": "reject"})
        for may in (agent(scopes=frozenset({"submit", "admin"})), person("Lea", "lead", scopes=scopes)):
            assert rig.submit(by=may, gold={"verdict": "reject"}).status == "open"

    def test_look_at_a_case_of_another_workspace_finds_nothing(self, rig: Rig) -> None:
        rig.plane.begin_workspace("other", rig.policy)
        case = rig.submit(by=agent(workspace="other")).case_id
        with pytest.raises(NotFound):
            rig.take(person("Ann"), case)
        with pytest.raises(NotFound):
            rig.start(case)
        with pytest.raises(NotFound):
            rig.cancel(case)

    @pytest.mark.parametrize(
        ("confidence", "tier", "status"),
        [(0.99, "auto_approve", "decided"), (0.85, "soft_review", "decided"), (0.5, "hard_gate", "open"),
         (None, "hard_gate", "open"), (math.nan, "hard_gate", "open"), (1.7, "hard_gate", "open")],
    )  # fmt: skip
    def test_submit_goes_to_the_tier_of_its_confidence(
        self, rig: Rig, confidence: float | None, tier: str, status: str
    ) -> None:
        made = rig.submit(confidence=confidence)
        assert (made.tier, made.status) == (tier, status)

    def test_submit_what_is_forbidden_is_rejected_by_policy(self, rig: Rig) -> None:
        made = rig.submit("forbidden", confidence=1.0)
        assert made.tier == "deny"
        assert made.decision is not None
        assert (made.decision.kind, made.decision.by) == ("rejected", ("policy",))

    def test_submit_an_action_nobody_declared_is_gated(self, rig: Rig) -> None:
        assert rig.submit("who_knows", confidence=1.0).tier == "hard_gate"

    def test_submit_auto_approved_opens_no_case(self, rig: Rig) -> None:
        case = rig.approved()
        assert [entry["type"] for entry in rig.entries() if entry.get("case", {}).get("id") == case] == [
            "decision.made"
        ]
        assert rig.take_next(person("Ann")) is None

    def test_submit_sampled_for_a_spot_check_is_decided_and_looked_at(self, rig: Rig) -> None:
        made = rig.submit("checked", confidence=0.99, draw=0.01)
        assert made.decision is not None
        assert made.decision.kind == "approved"
        assert rig.answer(person("Ann"), made.case_id).case_id == made.case_id
        assert rig.case(made.case_id).state == "reviewed"

    def test_submit_bulk_equals_one_by_one(self, rig: Rig) -> None:
        fields: list[dict[str, Any]] = [
            {"confidence": 0.99}, {"confidence": 0.1}, {"key": "a"}, {"key": "a"}, {"key": "a", "arguments": {"n": 5}},
            {"action": "forbidden"}, {"action": "summed", "amount": "900", "currency": "INR", "confidence": 0.99},
            {"action": "summed", "amount": "900", "currency": "INR", "confidence": 0.99}, {"confidence": 0.85},
        ]  # fmt: skip
        commands = [
            submit.prepare(rig.agent, Proposal(**({"action": "quick", "arguments": {"n": 1}} | f)), draw=0.5)
            for f in fields
        ]
        bulk = rig.run(submit.submit_many, commands)
        rig.plane.begin_workspace("other", rig.policy)
        single: list[object] = []
        for command in commands:
            moved = submit.prepare(agent(workspace="other"), command.proposal, draw=0.5)
            try:
                single.append(rig.run(submit.submit, moved))
            except KeyReused as error:
                single.append(error)

        def gist(made: object) -> object:
            if isinstance(made, Exception):
                return type(made)
            assert isinstance(made, submit.Submitted)
            return made.tier, made.status, made.replayed, made.decision and made.decision.kind

        assert [gist(m) for m in bulk] == [gist(m) for m in single]

    def test_submit_a_crowd_at_once_fails_only_the_broken_one(self, rig: Rig) -> None:
        good = [submit.prepare(rig.agent, Proposal(action="quick", arguments={"n": n}), draw=0.5) for n in range(20)]
        many = tuple(f"/{n}" for n in range(300))
        bad = submit.prepare(
            rig.agent,
            # an entry of 300 commitments is over 16 KiB, which shows only after rows were written
            Proposal(action="quick", arguments={str(n): n for n in range(300)}, personal_data=many), draw=0.5,
        )  # fmt: skip
        futures = [rig.plane.writer.submit(submit.submit, c) for c in (*good[:10], bad, *good[10:])]
        failed = [future for future in futures if future.exception() is not None]
        assert failed == [futures[10]]
        assert isinstance(failed[0].exception(), InvalidInput)
        assert len({future.result().case_id for future in futures if future not in failed}) == 20

    def test_cancel_an_open_case_decides_it(self, rig: Rig) -> None:
        case = rig.gated()
        made = rig.cancel(case)
        assert made is not None
        assert made.kind == "cancelled"
        assert rig.case(case).state == "decided"
        assert rig.take_next(person("Ann")) is None

    def test_cancel_twice_is_one_cancellation(self, rig: Rig) -> None:
        case = rig.gated()
        assert rig.cancel(case) == rig.cancel(case)
        assert len(rig.entries("decision.made")) == 1

    def test_cancel_what_is_decided_is_refused(self, rig: Rig) -> None:
        with pytest.raises(AlreadyDecided):
            rig.cancel(rig.approved())

    def test_review_after_a_cancel_is_refused(self, rig: Rig) -> None:
        case = rig.gated()
        held = rig.take(person("Ann"), case)
        rig.cancel(case)
        with pytest.raises(AlreadyDecided):
            rig.answer(person("Ann"), case, fence=held.fence)

    def test_submit_when_the_queue_is_full_waits_for_people(self, rig: Rig) -> None:
        rig.change_policy(rig.policy + "\nreview_settings: {max_queue_depth: 3}\n")
        made = rig.run(
            submit.submit_many,
            [submit.prepare(rig.agent, Proposal(action="quick", confidence=0.85), draw=0.5) for _ in range(5)],
        )
        assert [m.tier for m in made] == ["soft_review"] * 3 + ["hard_gate"] * 2
        assert "queue_full" in {reason.code for reason in made[-1].reasons}
