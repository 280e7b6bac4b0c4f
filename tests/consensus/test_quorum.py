"""The table at the head of `consensus.quorum`, line by line, and what must hold for any set of reviews."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.consensus.quorum import Outcome, may_review, needed, settle
from handrail.review import Review
from handrail.route import Route, Stage

NOW = 1_000
_ids = itertools.count()


def route(reviewers: int = 1, **fields: Any) -> Route:
    return Route(tier="hard_gate", reviewers=reviewers, reasons=(), policy="0" * 64, **fields)


def review(who: str, verdict: str = "approve", **fields: Any) -> Review:
    given = {"id": f"r{next(_ids):06d}", "case_id": "c", "revision": 1, "given_at": 10, "effective_at": 10}
    return Review(reviewer=who, verdict=verdict, **{**given, **fields})  # type: ignore[arg-type]


def outcome(*reviews: Review, n: int = 1, now: int = NOW, **fields: Any) -> Outcome:
    return settle(reviews, route(n), fields.pop("revision", 1), now, **fields)


def test_settle_without_reviews_stays_pending() -> None:
    assert outcome() == Outcome(state="pending", need=1)


def test_settle_one_approval_under_quorum_one_is_approved() -> None:
    one = review("ann")
    done = outcome(one)
    assert (done.state, done.kind, done.counted, done.people) == ("settled", "approved", (one.id,), ("ann",))
    assert not done.edited
    assert done.edit is None


def test_settle_two_approvals_of_one_person_under_quorum_two_stays_pending() -> None:
    done = outcome(review("ann"), review("ann", given_at=20, effective_at=20), n=2)
    assert (done.state, done.have, done.need) == ("pending", 1, 2)


def test_settle_two_people_under_quorum_two_is_approved() -> None:
    assert outcome(review("ann"), review("bob"), n=2).kind == "approved"


def test_settle_reject_beside_enough_approvals_is_rejected() -> None:
    done = outcome(review("ann"), review("bob"), review("cy", "reject", reason="fraud", note="see 4"), n=2)
    assert (done.kind, done.reason, done.note, done.people) == ("rejected", "fraud", "see 4", ("cy",))


def test_settle_redirect_carries_the_instruction() -> None:
    done = outcome(review("ann", "redirect", instruction="ask the customer first"), n=3)
    assert (done.kind, done.instruction) == ("redirected", "ask the customer first")


def test_settle_reject_then_own_approval_stays_rejected() -> None:
    done = outcome(review("ann", "reject"), review("ann", given_at=20, effective_at=20))
    assert done.kind == "rejected"


def test_settle_stops_of_both_kinds_takes_the_earliest_in_force() -> None:
    late = review("ann", "reject", effective_at=30)
    assert outcome(late, review("bob", "redirect", effective_at=20)).kind == "redirected"
    assert outcome(late, review("bob", "redirect", effective_at=30)).kind == "rejected"


@pytest.mark.parametrize("fields", [{"withdrawn_at": 11}, {"voided_at": 11}, {"revision": 2}, {"effective_at": 2_000}])
@pytest.mark.parametrize("verdict", ["approve", "reject", "edit", "respond", "redirect"])
def test_settle_reviews_that_do_not_count_change_nothing(verdict: str, fields: dict[str, int]) -> None:
    assert outcome(review("ann", verdict, **fields)).state == "pending"


def test_settle_inside_the_undo_window_says_when_to_look_again() -> None:
    assert outcome(review("ann", effective_at=2_000)).next_at == 2_000
    assert outcome(review("ann", effective_at=2_000), now=2_000).kind == "approved"


def test_settle_change_of_mind_in_its_window_silences_the_earlier_approval() -> None:
    mine = review("ann")
    assert outcome(mine, review("ann", "reject", given_at=20, effective_at=2_000)).state == "pending"
    taken_back = review("ann", "reject", given_at=20, effective_at=2_000, withdrawn_at=30)
    assert outcome(mine, taken_back).kind == "approved"


def test_settle_abstention_is_kept_and_not_counted() -> None:
    none = review("bob", "abstain")
    done = outcome(review("ann"), none, n=2)
    assert (done.state, done.have, done.abstained) == ("pending", 1, (none.id,))


def test_settle_verdict_the_route_does_not_allow_is_ignored() -> None:
    terms = route(verdicts=("approve", "reject"))
    assert settle([review("ann", "respond", value=1)], terms, 1, NOW).state == "pending"


def test_settle_excluded_people_never_count() -> None:
    assert outcome(review("ann"), excluded={"ann"}).state == "pending"
    assert outcome(review("ann", "reject"), excluded={"ann"}).state == "pending"


def test_settle_role_missing_or_unknown_does_not_count() -> None:
    terms = route(roles=("finance",))
    for roles in (None, {}, {"ann": ("legal",)}):
        assert settle([review("ann")], terms, 1, NOW, roles=roles).state == "pending"
    for held in (("finance", "legal"), ("admin",)):
        assert settle([review("ann")], terms, 1, NOW, roles={"ann": held}).kind == "approved"


def test_settle_edit_under_quorum_one_approves_the_edited_arguments() -> None:
    mine = review("ann", "edit", arguments={"amount": "5"})
    done = outcome(mine, review("bob"))
    assert (done.kind, done.edited, done.arguments, done.edit) == ("approved", True, {"amount": "5"}, mine.id)
    assert done.counted == (mine.id,)


def test_settle_edit_under_quorum_two_asks_for_a_revision() -> None:
    mine = review("ann", "edit", arguments={"amount": "5"})
    done = outcome(mine, review("bob"), n=2)
    assert (done.state, done.edit, done.arguments, done.have) == ("pending", mine.id, {"amount": "5"}, 1)


def test_settle_editor_and_one_approval_of_the_new_revision_make_two() -> None:
    mine = review("ann", "edit", arguments={"amount": "5"})
    of_old = review("bob")
    assert outcome(mine, of_old, n=2, revision=2, made_by=mine.id).state == "pending"
    of_new = review("bob", revision=2, given_at=20, effective_at=20)
    done = outcome(mine, of_old, of_new, n=2, revision=2, made_by=mine.id)
    assert (done.kind, done.edited, done.edit, done.people) == ("approved", True, None, ("ann", "bob"))


def test_settle_editor_approving_his_own_revision_stays_one_person() -> None:
    mine = review("ann", "edit", arguments={"amount": "5"})
    again = review("ann", revision=2, given_at=20, effective_at=20)
    assert outcome(mine, again, n=2, revision=2, made_by=mine.id).state == "pending"


def test_settle_two_different_edits_conflict() -> None:
    one, two = review("ann", "edit", arguments={"a": 1}), review("bob", "edit", arguments={"a": 2})
    for n in (1, 2):
        done = outcome(one, two, n=n)
        assert (done.state, done.conflict, done.counted) == (
            "conflict",
            "edits_differ",
            tuple(sorted((one.id, two.id))),
        )
    third = outcome(one, two, n=2, revision=2, made_by=one.id)
    assert (third.state, third.conflict) == ("conflict", "edits_differ")


def test_settle_edit_of_somebody_elses_edit_conflicts_and_of_ones_own_does_not() -> None:
    one = review("ann", "edit", arguments={"a": 1})
    by_another = review("bob", "edit", arguments={"a": 2}, revision=2, given_at=20, effective_at=20)
    done = outcome(one, by_another, n=2, revision=2, made_by=one.id)
    assert (done.state, done.conflict, done.people) == ("conflict", "edits_differ", ("ann", "bob"))
    by_herself = review("ann", "edit", arguments={"a": 2}, revision=2, given_at=20, effective_at=20)
    done = outcome(one, by_herself, n=2, revision=2, made_by=one.id)
    assert (done.state, done.edit) == ("pending", by_herself.id)


def test_settle_equal_edits_by_two_people_agree() -> None:
    one = review("ann", "edit", arguments={"a": 1, "b": 2.0})
    two = review("bob", "edit", arguments={"b": 2, "a": 1})
    assert outcome(one, two, n=2).kind == "approved"


def test_settle_different_edits_with_a_third_person_follow_the_majority() -> None:
    one, two = review("ann", "edit", arguments={"a": 1}), review("bob", "edit", arguments={"a": 2})
    done = outcome(one, two, review("cy", "edit", arguments={"a": 2}), n=2)
    assert (done.kind, done.arguments, done.people) == ("approved", {"a": 2}, ("bob", "cy"))


def test_settle_equal_values_respond_and_different_values_conflict() -> None:
    assert outcome(review("ann", "respond", value="7"), n=1).value == "7"
    done = outcome(review("ann", "respond", value="7"), review("bob", "respond", value="7"), n=2)
    assert (done.kind, done.value, done.need) == ("responded", "7", 2)
    done = outcome(review("ann", "respond", value="7"), review("bob", "respond", value="1"), n=2)
    assert (done.state, done.conflict) == ("conflict", "answers_differ")


def test_settle_true_and_one_are_different_values() -> None:
    assert outcome(review("a", "respond", value=True), review("b", "respond", value=1), n=2).state == "conflict"


def test_settle_approval_beside_an_answer_conflicts_unless_it_means_the_same() -> None:
    both = (review("ann"), review("bob", "respond", value="7"))
    assert outcome(*both, n=2).state == "conflict"
    assert outcome(*both, n=2, suggestion="1").state == "conflict"
    done = outcome(*both, n=2, suggestion="7")
    assert (done.kind, done.value) == ("responded", "7")
    assert outcome(review("ann"), review("bob"), n=2, suggestion="7").kind == "approved"


STAGED = route(2, stages=(Stage(roles=("finance",)), Stage(roles=("chief",))))


def test_settle_stages_wait_for_each_in_order() -> None:
    roles = {"ann": ("finance",), "cy": ("chief",)}
    first = settle([review("ann")], STAGED, 1, NOW, roles=roles)
    assert (first.state, first.have, first.stage, first.roles) == ("pending", 1, 1, ("chief",))
    early = settle([review("cy", given_at=5, effective_at=5)], STAGED, 1, NOW, roles=roles)
    assert (early.state, early.have, early.stage, early.roles) == ("pending", 1, 0, ("finance",))
    done = settle([review("ann"), review("cy", given_at=20, effective_at=20)], STAGED, 1, NOW, roles=roles)
    assert done.kind == "approved"


def test_settle_an_answer_given_before_its_stage_counts_when_its_stage_comes() -> None:
    roles = {"ann": ("finance",), "cy": ("chief",)}
    done = settle([review("cy", given_at=5, effective_at=5), review("ann")], STAGED, 1, NOW, roles=roles)
    assert (done.kind, done.have, done.people) == ("approved", 2, ("ann", "cy"))


def test_settle_who_fits_two_stages_takes_the_one_that_the_other_cannot() -> None:
    roles = {"adm": ("admin",), "ann": ("finance",)}
    both = [review("adm", given_at=5, effective_at=5), review("ann")]
    assert settle(both, STAGED, 1, NOW, roles=roles).kind == "approved"


def test_settle_one_person_with_both_roles_fills_one_seat() -> None:
    roles = {"ann": ("finance", "chief")}
    done = settle([review("ann"), review("ann", given_at=20, effective_at=20)], STAGED, 1, NOW, roles=roles)
    assert (done.state, done.have) == ("pending", 1)


def test_settle_chief_who_edited_need_not_approve_again() -> None:
    roles = {"ann": ("finance",), "cy": ("chief",)}
    mine = review("cy", "edit", arguments={"a": 1}, given_at=20, effective_at=20)
    checked = review("ann", revision=2, given_at=30, effective_at=30)
    waiting = settle([mine], STAGED, 2, NOW, roles=roles, made_by=mine.id)
    assert (waiting.state, waiting.stage) == ("pending", 0)
    assert settle([mine, checked], STAGED, 2, NOW, roles=roles, made_by=mine.id).kind == "approved"


def test_settle_stages_that_seat_fewer_than_the_route_needs_ask_for_more() -> None:
    terms = route(3, stages=(Stage(roles=("finance",)), Stage(roles=("chief",))))
    roles = {"ann": ("finance",), "bob": ("finance",), "cy": ("chief",)}
    two = [review("ann"), review("cy", given_at=20, effective_at=20)]
    assert settle(two, terms, 1, NOW, roles=roles).state == "pending"
    assert settle([*two, review("bob", given_at=30, effective_at=30)], terms, 1, NOW, roles=roles).kind == "approved"


def test_may_review_names_who_could_ever_count() -> None:
    assert may_review("ann", STAGED, ("chief",))
    assert not may_review("ann", STAGED, ("legal",))
    assert not may_review("ann", STAGED, ("chief",), excluded=("ann",))
    assert needed(route(0)) == 1


people = st.sampled_from(["ann", "bob", "cy", "di"])


@st.composite
def any_review(draw: st.DrawFn) -> Review:
    given_at = draw(st.integers(0, 8))
    return review(
        draw(people),
        draw(st.sampled_from(["approve", "edit", "reject", "respond", "redirect", "abstain"])),
        revision=draw(st.integers(1, 2)),
        given_at=given_at,
        effective_at=given_at + draw(st.integers(0, 4)),
        arguments={"a": draw(st.integers(1, 2))},
        value=draw(st.integers(1, 2)),
        withdrawn_at=draw(st.sampled_from([None, None, None, 9])),
    )


@st.composite
def any_question(draw: st.DrawFn) -> tuple[list[Review], Route, dict[str, Any]]:
    reviews = draw(st.lists(any_review(), max_size=7))
    stages = draw(st.sampled_from([(), (Stage(roles=("x",)), Stage(roles=("y",), reviewers=2))]))
    roles = {name: draw(st.sampled_from([(), ("x",), ("y",), ("x", "y")])) for name in ("ann", "bob", "cy", "di")}
    edits = [r.id for r in reviews if r.verdict == "edit" and r.revision == 1]
    made_by = draw(st.sampled_from([None, *edits]))
    terms = route(draw(st.integers(1, 3)), stages=stages)
    return reviews, terms, {"roles": roles, "made_by": made_by, "excluded": draw(st.sampled_from([(), ("di",)]))}


@given(any_question(), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_settle_in_any_order_gives_the_same(question: Any, shuffle: random.Random) -> None:
    reviews, terms, fields = question
    shuffled = list(reviews)
    shuffle.shuffle(shuffled)
    assert settle(reviews, terms, 2, 8, **fields) == settle(shuffled, terms, 2, 8, **fields)


@given(any_question(), people, st.integers(0, 8))
@settings(max_examples=300, deadline=None)
def test_settle_with_one_more_abstention_changes_nothing(question: Any, who: str, at: int) -> None:
    reviews, terms, fields = question
    more = [*reviews, review(who, "abstain", revision=2, given_at=at, effective_at=at)]
    before, after = settle(reviews, terms, 2, 8, **fields), settle(more, terms, 2, 8, **fields)
    assert [
        getattr(before, f) for f in ("state", "kind", "have", "counted", "arguments", "value", "conflict", "edit")
    ] == [getattr(after, f) for f in ("state", "kind", "have", "counted", "arguments", "value", "conflict", "edit")]


@given(any_question())
@settings(max_examples=500, deadline=None)
def test_settle_never_approves_below_the_quorum_or_past_a_stop(question: Any) -> None:
    reviews, terms, fields = question
    done = settle(reviews, terms, 2, 8, **fields)
    if done.kind not in ("approved", "responded"):
        return
    known = {r.id: r for r in reviews}
    counted = [known[i] for i in done.counted]
    assert len({r.reviewer for r in counted}) == len(counted) >= needed(terms)
    assert not {r.reviewer for r in counted} & set(fields["excluded"])
    assert all(
        r.effective_at <= 8 and r.withdrawn_at is None and r.verdict in ("approve", "edit", "respond") for r in counted
    )
    assert all(r.revision == 2 or r.verdict == "edit" for r in counted)
    for stage in terms.stages:
        assert sum(bool(set(stage.roles) & set(fields["roles"][r.reviewer])) for r in counted) >= stage.reviewers
    stops = [r for r in reviews if r.verdict in ("reject", "redirect") and r.revision == 2 and r.withdrawn_at is None]
    allowed = [r for r in stops if may_review(r.reviewer, terms, fields["roles"][r.reviewer], fields["excluded"])]
    assert not [r for r in allowed if r.effective_at <= 8]


@given(any_question(), any_review())
@settings(max_examples=300, deadline=None)
def test_settle_once_stopped_stays_stopped_whatever_is_added(question: Any, more: Review) -> None:
    reviews, terms, fields = question
    if settle(reviews, terms, 2, 8, **fields).kind in ("rejected", "redirected"):
        assert settle([*reviews, more], terms, 2, 8, **fields).kind in ("rejected", "redirected")
