"""What reviews promise."""

from __future__ import annotations

import time
from typing import Any

import pytest

from handrail.canonical import JSON
from handrail.errors import (
    AlreadyDecided,
    CardChanged,
    ClaimLost,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    VerdictNotAllowed,
)  # fmt: skip
from handrail.lifecycle import access, review
from handrail.testing.factories import admin, agent, person
from handrail.testing.rig import Rig

ANN, BOB, CY = person("Ann"), person("Bob"), person("Cy")


class ReviewPromises:
    """Every verdict, the undo window, who may not judge, and what must be seen."""

    @pytest.mark.parametrize(
        ("verdict", "kind", "field"),
        [("approve", "approved", "arguments"), ("edit", "approved", "arguments"), ("reject", "rejected", "reason"),
         ("respond", "responded", "value"), ("redirect", "redirected", "instruction")],
    )  # fmt: skip
    def test_review_with_each_verdict_decides_as_it_says(self, rig: Rig, verdict: str, kind: str, field: str) -> None:
        case = rig.gated()
        made = rig.answer(ANN, case, verdict).decision
        assert made is not None
        assert (made.kind, made.by) == (kind, (ANN.pid,))
        said = {"approve": {"n": 1}, "edit": {"n": 2}, "reject": "wrong", "respond": "yes", "redirect": "ask first"}
        assert getattr(made, field) == said[verdict]
        assert rig.decision(case) == made or rig.decision(case).arguments == made.arguments  # type: ignore[union-attr]

    def test_abstain_leaves_the_case_to_others(self, rig: Rig) -> None:
        case = rig.gated()
        assert rig.answer(ANN, case, "abstain").decision is None
        assert rig.take_next(ANN) is None
        taken = rig.take_next(BOB)
        assert taken is not None
        assert taken.case_id == case

    def test_edit_makes_a_revision_with_its_own_digest(self, rig: Rig) -> None:
        case = rig.gated()
        before = rig.proposal(case).action_digest
        made = rig.answer(ANN, case, "edit").decision
        assert made is not None
        assert (made.revision, made.edited) == (2, True)
        assert made.action_digest != before
        assert rig.start(case).arguments == {"n": 2}

    def test_edit_that_does_not_fit_the_schema_is_refused(self, rig: Rig) -> None:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        case = rig.gated(schema=schema)
        with pytest.raises(InvalidInput, match="/n"):
            rig.answer(ANN, case, "edit", arguments={"n": "two"})
        assert rig.case(case).state == "open"
        rig.answer(ANN, case, "edit", arguments={"n": 3})

    @pytest.mark.parametrize(
        "schema",
        [{"type": 7}, {"$ref": "#"}, {"properties": {"x": {"pattern": "("}}},
         "x", [], {"$ref": "#/$defs/absent"}, {"$schema": "http://example.invalid/"},
         {"pattern": "(a{1000}){1000}"}, {"description": "x" * 200_000}],
    )  # fmt: skip
    def test_submit_with_a_schema_that_no_edit_could_be_held_against_is_refused(self, rig: Rig, schema: JSON) -> None:
        with pytest.raises(InvalidInput, match="schema"):
            rig.gated(schema=schema)
        if isinstance(schema, dict):
            with pytest.raises(InvalidInput, match=r"arguments\.answer_schema"):
                rig.gated(arguments={"answer_schema": schema})

    @pytest.mark.parametrize(
        ("schema", "value"),
        [({"properties": {"x": {"pattern": "^(a+)+$"}}}, "a" * 40 + "!"),
         ({"properties": {"x": {"uniqueItems": True}}}, [{"k": n % 2999} for n in range(3000)]),
         ({"anyOf": [{"properties": {"x": {"items": {"$ref": "#/anyOf/0"}, "type": "array"}}, "required": [name]}
                     for name in ("a", "b")]}, [{"x": []}])],
        ids=["pattern", "unique", "alternatives"],
    )  # fmt: skip
    def test_edit_held_against_a_hostile_schema_is_answered_at_once(self, rig: Rig, schema: JSON, value: JSON) -> None:
        case = rig.gated(arguments={"x": value}, schema=schema)
        begun = time.process_time()
        with pytest.raises(InvalidInput):
            rig.answer(ANN, case, "edit", arguments={"x": value, "n": 1})
        assert time.process_time() - begun < 1

    @pytest.mark.parametrize(
        ("verdict", "lacking"),
        [("edit", {"arguments": None}), ("respond", {"value": None}), ("redirect", {"instruction": " "}),
         ("reject", {"reason": None}), ("abstain", {"reason": None}), ("reject", {"reason": "other"}),
         ("shrug", {}), ("reject", {"reason": "x" * 10_001})],
    )  # fmt: skip
    def test_review_without_what_its_verdict_needs_is_refused(
        self, rig: Rig, verdict: str, lacking: dict[str, object]
    ) -> None:
        case = rig.gated()
        with pytest.raises(InvalidInput):
            rig.answer(ANN, case, verdict, **lacking)
        assert rig.answer(ANN, case).decision is not None

    @pytest.mark.parametrize("verdict", ["edit", "respond", "redirect", "abstain"])
    def test_review_with_a_verdict_the_route_forbids_is_refused(self, rig: Rig, verdict: str) -> None:
        with pytest.raises(VerdictNotAllowed):
            rig.answer(ANN, rig.gated("narrow"), verdict)

    def test_review_of_another_revision_or_card_is_refused(self, rig: Rig) -> None:
        case = rig.gated("pair")
        rig.answer(ANN, case, "edit")
        with pytest.raises(CardChanged):
            rig.answer(BOB, case, revision=1)
        with pytest.raises(CardChanged):
            rig.answer(BOB, case, card="0" * 64)
        assert rig.answer(BOB, case, revision=2).decision is not None

    def test_review_names_in_the_log_the_card_that_was_seen(self, rig: Rig) -> None:
        case = rig.gated()
        rig.answer(ANN, case)
        (given,) = rig.entries("review.given")
        assert len(given["card"]) == 64
        assert given["action"]["digest"] == rig.proposal(case).action_digest

    def test_review_with_a_stale_fence_is_refused(self, rig: Rig) -> None:
        case = rig.gated()
        held = rig.take(ANN, case)
        rig.release(ANN, held)
        with pytest.raises(ClaimLost):
            rig.answer(ANN, case, fence=held.fence)

    def test_review_what_opened_no_case_is_refused(self, rig: Rig) -> None:
        with pytest.raises(NotFound):
            rig.answer(ANN, rig.approved())

    @pytest.mark.parametrize("verdict", ["approve", "edit", "respond"])
    def test_review_what_has_its_answer_is_refused_in_the_undo_window(self, rig: Rig, verdict: str) -> None:
        case = rig.gated("slow_pair")
        rig.answer(ANN, case)
        rig.answer(BOB, case)
        fields: dict[str, dict[str, Any]] = {"edit": {"arguments": {"to": "A2"}}, "respond": {"value": "no"}}
        with pytest.raises(Conflict, match="counts in 10 s"):
            rig.answer(CY, case, verdict, **fields.get(verdict, {}))
        rig.pass_time(11)
        assert rig.proposal(case).decision == "approved"

    def test_review_what_has_its_answer_can_be_stopped_in_the_undo_window(self, rig: Rig) -> None:
        case = rig.gated("slow_pair")
        rig.answer(ANN, case)
        rig.answer(BOB, case)
        assert rig.answer(CY, case, "reject").decision is not None
        assert rig.proposal(case).decision == "rejected"

    def test_review_a_decided_case_is_refused_and_leaves_it(self, rig: Rig) -> None:
        case = rig.gated()
        rig.answer(ANN, case)
        with pytest.raises(AlreadyDecided):
            rig.answer(BOB, case, "reject")
        assert len(rig.entries("review.given")) == 1

    def test_review_by_an_agent_is_refused(self, rig: Rig) -> None:
        with pytest.raises(Forbidden):
            rig.answer(agent(), rig.gated())

    # --- who may not judge ------------------------------------------------------------------------

    @pytest.mark.parametrize("name", ["p_ann", "Ann", " ANN ", "ann@example.org", "Ann@Example.Org"])
    @pytest.mark.parametrize("field", ["principal", "owners"])
    def test_review_ones_own_is_refused_by_id_name_and_email(self, rig: Rig, name: str, field: str) -> None:
        named: dict[str, Any] = {field: (name,) if field == "owners" else name}
        case = rig.gated(**named)
        for attempt in (rig.take, rig.answer):
            with pytest.raises(Forbidden):
                attempt(ANN, case)
        assert rig.answer(BOB, case).decision is not None

    def test_review_what_one_submitted_in_person_is_refused(self, rig: Rig) -> None:
        root = admin()
        case = rig.gated(by=root)
        with pytest.raises(Forbidden):
            rig.answer(root, case)
        assert rig.take_next(root) is None
        assert rig.answer(ANN, case).decision is not None

    def test_review_twice_by_one_person_fills_one_seat(self, rig: Rig) -> None:
        case = rig.gated("pair")
        rig.answer(ANN, case)
        with pytest.raises(Conflict):
            rig.answer(ANN, case)
        with pytest.raises(Conflict):
            rig.take(ANN, case)
        assert rig.take_next(ANN) is None
        assert rig.decision(case) is None

    # --- the undo window --------------------------------------------------------------------------

    def test_decide_only_after_the_undo_window(self, rig: Rig) -> None:
        case = rig.gated("usual")
        given = rig.answer(ANN, case)
        assert given.decision is None
        assert given.effective_at == rig.clock.now() + 10_000_000
        rig.pass_time(9.9)
        assert rig.decision(case) is None
        rig.pass_time(0.2)
        made = rig.decision(case)
        assert made is not None
        assert made.kind == "approved"

    def test_half_a_quorum_whose_window_ended_is_no_difference_to_the_log(self, rig: Rig) -> None:
        case = rig.gated("slow_pair")
        rig.answer(ANN, case)
        # handling the end of her window writes no entry
        rig.pass_time(11)
        assert rig.problems() == []
        assert rig.decision(case) is None

    def test_reject_in_a_gate_needs_no_window(self, rig: Rig) -> None:
        assert rig.answer(ANN, rig.gated("usual"), "reject").decision is not None

    def test_window_ends_with_the_deadline(self, rig: Rig) -> None:
        case = rig.gated("usual")
        rig.pass_time(595)
        given = rig.answer(ANN, case)
        assert given.effective_at == rig.case(case).deadline
        rig.pass_time(6)
        made = rig.decision(case)
        assert made is not None
        assert made.kind == "approved"

    def test_withdraw_in_the_window_puts_the_case_back(self, rig: Rig) -> None:
        case = rig.gated("usual")
        given = rig.answer(ANN, case)
        rig.clock.advance(5)
        rig.withdraw(ANN, given)
        rig.pass_time(20)
        assert rig.decision(case) is None
        taken = rig.take_next(ANN)
        assert taken is not None
        rig.answer(ANN, case, "reject", fence=taken.fence)

    def test_withdraw_after_the_window_or_of_another_is_refused(self, rig: Rig) -> None:
        given = rig.answer(ANN, rig.gated("usual"))
        with pytest.raises(Conflict):
            rig.withdraw(BOB, given)
        rig.clock.advance(10)
        with pytest.raises(Conflict):
            rig.withdraw(ANN, given)

    def test_withdraw_twice_or_what_nobody_gave_is_refused(self, rig: Rig) -> None:
        given = rig.answer(ANN, rig.gated("usual"))
        rig.withdraw(ANN, given)
        with pytest.raises(Conflict):
            rig.withdraw(ANN, given)
        with pytest.raises(NotFound):
            rig.run(review.withdraw, review.Withdraw(actor=ANN, review_id="nothing"))

    def test_remove_a_reviewer_voids_what_does_not_count_yet(self, rig: Rig) -> None:
        id = rig.run(access.add_person, access.AddPerson(actor=rig.agent, name="Dee", email="dee@x.org", password=None))
        case = rig.gated("usual")
        rig.answer(person("Dee", pid=id), case)
        rig.run(access.change_person, access.ChangePerson(actor=rig.agent, id=id, active=False))
        rig.pass_time(11)
        assert rig.decision(case) is None
        taken = rig.take_next(BOB)
        assert taken is not None
        assert taken.case_id == case

    def test_take_a_role_away_voids_what_does_not_count_yet(self, rig: Rig) -> None:
        adding = access.AddPerson(
            actor=rig.agent, name="Dee", email="dee@x.org", password=None, roles=("finance", "reviewer")
        )
        id = rig.run(access.add_person, adding)
        case = rig.gated("usual")
        rig.answer(person("Dee", "finance", "reviewer", pid=id), case)
        rig.run(access.change_person, access.ChangePerson(actor=rig.agent, id=id, roles=("reviewer",)))
        rig.pass_time(11)
        assert rig.decision(case) is None

    # --- batches ----------------------------------------------------------------------------------

    def test_review_a_batch_gives_each_case_its_own_review(self, rig: Rig) -> None:
        cases = [rig.gated("calm", arguments={"n": n}) for n in range(3)]
        rig.run(
            review.review_batch,
            [review.Answer(actor=ANN, case_id=case, verdict="approve", batch="b1") for case in cases],
        )
        assert [rig.decision(case).kind for case in cases] == ["approved"] * 3  # type: ignore[union-attr]
        assert {entry["batch"] for entry in rig.entries("review.given")} == {"b1"}

    def test_review_a_batch_of_unlike_or_high_stakes_cases_is_refused_whole(self, rig: Rig) -> None:
        calm = rig.gated("calm")
        for others in ([rig.gated("calm", arguments={"m": 1})], [rig.gated("pair")], [calm] * 20):
            commands = [review.Answer(actor=ANN, case_id=case, verdict="approve") for case in [calm, *others]]
            with pytest.raises((InvalidInput, Conflict)):
                rig.run(review.review_batch, commands)
        assert rig.entries("review.given") == []
