"""A session opens with golds, half of them wrong, of which the reviewer hears what was right; they count nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.canonical import digest, dumps
from handrail.errors import Conflict, Forbidden
from handrail.lifecycle import access, exporting, flags, golds, reviewers
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.lifecycle.review import Reviewed
from handrail.maintenance.golds import settings_of
from handrail.store import golds as tables
from handrail.store import schema
from handrail.store.tx import Tx
from handrail.testing.factories import person
from handrail.testing.rig import Rig

POLICY = """
escalation_policies:
  - {action_type: sort, auto_approve_threshold: 1.0, undo_seconds: 0, sla_seconds: 86400}
review_settings: {gold_share: 0.04, gold_views: 40, reviewer_session_limit_minutes: 60000}
"""
OPERATOR = Actor(kind="system", pid="operator", workspace="default", scopes=ALL_SCOPES, auth="local")


def let_in(rig: Rig, name: str) -> Actor:
    command = access.AddPerson(
        actor=OPERATOR, name=name, email=f"{name}@example.org", password=None, roles=("reviewer",)
    )
    return person(name, "reviewer", pid=rig.run(access.add_person, command))


def pool(rig: Rig, good: int, bad: int) -> None:
    records: list[dict[str, Any]] = [
        {"action": "sort", "arguments": {"item": f"g{n}"}, "confidence": 0.5,
         "gold": {"verdict": "approve" if n < good else "reject"}}
        for n in range(good + bad)
    ]  # fmt: skip
    rig.run(golds.add, golds.AddGolds(actor=OPERATOR, records=tuple(records)))


def ordinary(rig: Rig, n: int) -> None:
    for i in range(n):
        rig.gated("sort", arguments={"item": f"p{rig.clock.now()}-{i}"}, confidence=0.5)


def session(rig: Rig, who: Actor, n: int, verdict: str = "approve") -> list[Reviewed]:
    """Take and answer so many cases."""
    made = []
    for _ in range(n):
        held = rig.take_next(who)
        assert held is not None
        made.append(rig.answer(who, held.case_id, verdict, fence=held.fence))
        rig.clock.advance(10)
    return made


def test_session_opens_with_ten_golds_of_which_half_are_wrong_and_says_what_was_right(rig: Rig) -> None:
    ann, bob = let_in(rig, "ann"), let_in(rig, "bob")
    pool(rig, 20, 20)
    ordinary(rig, 30)
    heard = [given.heard for given in session(rig, ann, 14)]
    assert [one is not None for one in heard] == [True] * 10 + [False] * 4
    told = [one for one in heard if one is not None]
    # she approved them all
    assert [one.right for one in told] == [one.says == "approve" for one in told]
    assert sum(one.says == "reject" for one in told) == 5
    assert [given.heard is not None for given in session(rig, bob, 11)] == [True] * 10 + [False]
    # the next session begins after a rest
    rig.clock.advance(700)
    assert [given.heard is not None for given in session(rig, ann, 11)] == [True] * 10 + [False]


def test_what_opens_a_session_counts_for_nothing_and_is_never_a_silent_gold_again(rig: Rig) -> None:
    ann = let_in(rig, "ann")
    pool(rig, 6, 6)
    ordinary(rig, 20)
    session(rig, ann, 12)
    settings = settings_of(rig.plane.store, "default")
    assert settings is not None
    made: Any = reviewers.figures(rig.plane.store, "default", rig.clock.now(), settings)
    assert [(row["answers"], row["scorecard"]["golds"]) for row in made["reviewers"]] == [(2, 0)]
    assert made["golds"]["drawn"] == 0
    assert [label.source for label in exporting.labels(rig.plane.store, "default")] == ["review", "review"]
    assert {row.views for row in tables.pool(rig.plane.store, "default")} == {0}


@pytest.mark.parametrize(
    ("good", "bad", "terms", "expected"), [(20, 0, "", 0), (20, 3, "", 6), (20, 20, "gold_burst: 0, ", 0)]
)
def test_burst_is_no_larger_than_both_halves_and_the_policy_allow(
    rig: Rig, good: int, bad: int, terms: str, expected: int
) -> None:
    rig.change_policy(POLICY.replace("{gold_share", "{" + terms + "gold_share"))
    ann = let_in(rig, "ann")
    pool(rig, good, bad)
    ordinary(rig, 20)
    assert sum(given.heard is not None for given in session(rig, ann, 12)) == expected


def test_unanswered_golds_of_a_burst_do_not_grow_without_end(rig: Rig) -> None:
    ann = let_in(rig, "ann")
    pool(rig, 20, 20)
    ordinary(rig, 20)
    taken = [rig.take_next(ann) for _ in range(14)]
    gold = [held is not None and rig.case(held.case_id).gold for held in taken]
    assert gold == [True] * 10 + [False] * 4


def test_order_of_a_burst_is_not_to_be_foretold_and_its_golds_come_again(rig: Rig) -> None:
    ann = let_in(rig, "ann")
    pool(rig, 40, 40)
    ordinary(rig, 2)
    bad_at, sessions = [0] * 10, 40
    for _ in range(sessions):
        for at, given in enumerate(session(rig, ann, 10)):
            assert given.heard is not None
            bad_at[at] += given.heard.says == "reject"
        rig.clock.advance(700)
    assert sum(bad_at) == 5 * sessions
    # each place is as often wrong as right, by four standard errors
    assert max(abs(count - sessions / 2) for count in bad_at) <= 4 * (sessions / 4) ** 0.5
    known = rig.plane.store.read_hot(
        tables.burst_pool, workspace="default", action="sort", kind="action", person=ann.pid
    )
    # two bursts' worth of the pool, and no more
    assert sum(bool(row[2]) for row in known) == 20


def opening(rig: Rig, who: Actor) -> str:
    """The case that his session opens with, claimed by him."""
    held = rig.take_next(who)
    assert held is not None
    assert str(rig.proposal(held.case_id).record().get("key")).startswith(f"burst:{who.pid}:")
    return held.case_id


def silent(rig: Rig) -> str:
    """A silent gold beside a fresh ordinary case; every case draws one."""
    rig.clock.advance(1)
    beside = rig.gated("sort", arguments={"item": f"s{rig.clock.now()}-{len(rig.entries())}"}, confidence=0.5)
    made = rig.run(golds.draw, golds.Draw(workspace="default", case_id=beside))
    assert made is not None
    return str(made)


def share(rig: Rig, terms: str = "") -> None:
    """Every case draws a gold."""
    rig.change_policy(POLICY.replace("gold_share: 0.04", f"{terms}gold_share: 0.5"))


def test_gold_of_a_burst_never_comes_silently_to_who_was_shown_it(rig: Rig) -> None:
    share(rig)
    ann, bob = let_in(rig, "ann"), let_in(rig, "bob")
    pool(rig, 5, 5)
    ordinary(rig, 2)
    session(rig, ann, 5)
    # the others she is shown, and gives back
    for _ in range(5):
        held = rig.take_next(ann)
        assert held is not None
        rig.release(ann, held)
    drawn = [silent(rig) for _ in range(3)]
    for case in drawn:
        assert rig.case(case).gold
        with pytest.raises(Conflict):
            rig.take(ann, case)
        rig.answer(bob, case)


def test_who_hears_what_is_right_does_not_answer_the_silent_gold_that_waits(rig: Rig) -> None:
    share(rig)
    ann, bob = let_in(rig, "ann"), let_in(rig, "bob")
    pool(rig, 1, 1)
    waiting = [silent(rig), silent(rig)]
    held = rig.take(ann, waiting[0])
    # what she holds unsuspecting does not open her session, and without it a half is missing
    first = rig.take_next(ann)
    assert first is not None
    assert first.case_id not in waiting
    assert not rig.case(first.case_id).gold
    rig.release(ann, held)
    heard = {str(rig.proposal(opening(rig, ann)).record()["arguments"]["item"]) for _ in range(2)}
    assert heard == {"g0", "g1"}
    for case in waiting:
        with pytest.raises(Conflict, match="answered"):
            rig.answer(ann, case)
        rig.answer(bob, case)


def test_what_was_heard_is_not_taken_back(rig: Rig) -> None:
    rig.change_policy(POLICY.replace("undo_seconds: 0", "undo_seconds: 60"))
    ann = let_in(rig, "ann")
    pool(rig, 5, 5)
    ordinary(rig, 2)
    given = rig.answer(ann, opening(rig, ann))
    assert given.heard is not None
    with pytest.raises(Conflict, match="window"):
        rig.withdraw(ann, given)


def test_answer_taken_back_is_an_answer_all_the_same(rig: Rig) -> None:
    rig.change_policy(POLICY.replace("undo_seconds: 0", "undo_seconds: 60").replace("0.04", "0.5"))
    ann, _ = let_in(rig, "ann"), let_in(rig, "bob")
    pool(rig, 1, 0)
    rig.withdraw(ann, rig.answer(ann, silent(rig)))
    with pytest.raises(Conflict, match="answered"):
        rig.answer(ann, silent(rig))


def test_session_opens_beside_a_gold_as_beside_any_case(rig: Rig) -> None:
    share(rig)
    ann, bob = let_in(rig, "ann"), let_in(rig, "bob")
    pool(rig, 20, 20)
    gold = silent(rig)
    ordinary_case = min(row[0] for row in rig.plane.store.read_hot(tables.gold_drawing, workspace="default", since=0))
    rig.take(bob, ordinary_case)
    # all that is left is a gold
    assert opening(rig, ann) != gold


def test_one_answer_of_whom_it_opens_for_settles_it_whatever_the_policy_asks(rig: Rig) -> None:
    rig.change_policy(POLICY.replace("{gold_share", "{min_reviewers_per_task: 2, second_reviewer: flagged, gold_share"))
    ann, bob = let_in(rig, "ann"), let_in(rig, "bob")
    lea = person("lea", "lead", "reviewer", "admin")
    pool(rig, 20, 20)
    ordinary(rig, 2)
    rig.run(flags.mark, flags.Mark(workspace="default", person=ann.pid, codes={"golds": 3}))
    for verdict in ("approve", "reject", "edit", "redirect", "respond"):
        case = opening(rig, ann)
        assert rig.case(case).reviewers == 1
        for other in (bob, lea):
            with pytest.raises((Conflict, Forbidden)):
                rig.take(other, case)
            with pytest.raises((Conflict, Forbidden)):
                rig.answer(other, case)
        with pytest.raises(Conflict, match="goes up to nobody"):
            rig.escalate(ann, case)
        assert rig.answer(ann, case, verdict).heard is not None
        assert rig.case(case).state == "decided"
    assert not rig.entries("case.escalated")


@pytest.mark.parametrize("soft", [False, True])
def test_unanswered_gold_of_a_burst_ends_with_its_claim_and_goes_to_nobody(rig: Rig, soft: bool) -> None:
    if soft:
        terms = "auto_approve_threshold: 1.0, soft_review_threshold: 0.1, undo: unsort,"
        rig.change_policy(POLICY.replace("auto_approve_threshold: 1.0,", terms))
    ann, bob = let_in(rig, "ann"), let_in(rig, "bob")
    pool(rig, 20, 20)
    for n in range(2):
        rig.submit("sort", arguments={"item": f"p{n}"}, confidence=0.5, undo="unsort")
    over = "reviewed" if soft else "decided"
    abstained = opening(rig, ann)
    assert rig.case(abstained).soft == soft
    heard = rig.answer(ann, abstained, "abstain").heard
    assert heard is not None
    assert heard.right is None
    assert rig.case(abstained).state == over
    held = rig.take_next(ann)
    assert held is not None
    rig.release(ann, held)
    assert rig.case(held.case_id).state == over
    left = opening(rig, ann)
    rig.clock.advance(301)
    with pytest.raises(Conflict, match="somebody else's"):
        rig.answer(bob, left)
    rig.pass_time(1)
    assert rig.case(left).state == over
    assert rig.problems() == []


@pytest.mark.parametrize("scope", ["agent", "action", "workspace"])
def test_nothing_opens_a_session_under_a_halt(rig: Rig, scope: str) -> None:
    ann = let_in(rig, "ann")
    pool(rig, 20, 20)
    for n in range(2):
        rig.gated("sort", arguments={"item": f"p{n}"}, confidence=0.5, agent="moderator")
    name = {"agent": "moderator", "action": "sort", "workspace": None}[scope]
    stop = rig.halt(scope, name)
    held = rig.take_next(ann)
    assert held is not None
    assert not rig.case(held.case_id).gold
    given = "burst:" + ann.pid + ":"
    rows = rig.plane.store.read_hot(tables.burst_given, workspace="default", prefix=given, length=len(given), since=0)
    assert rows == []
    rig.lift(stop)
    assert opening(rig, ann)


OLD = (
    {"action": "sort", "kind": "comparison", "arguments": {"a": "x", "b": "y"}, "gold": "a"},
    {"action": "sort", "kind": "comparison", "arguments": {"prompt": "?", "a": "x", "b": "x"}, "gold": "a"},
    {"action": "sort", "kind": "comparison", "arguments": {"prompt": "?", "a": "x", "b": "y"}, "gold": "c"},
    {"action": "sort", "kind": "comparison", "arguments": {"prompt": "?", "a": "x", "b": "y", "choices": ["l", "r"]},
     "gold": "a"},
)  # fmt: skip


def keep_old(tx: Tx, records: tuple[dict[str, Any], ...]) -> None:
    """As an earlier version kept them."""
    for record in records:
        data = dumps(record)
        tx.add(
            schema.gold, id=tx.new_id(), workspace="default", action=record["action"], kind=record["kind"], bytes=data,
            digest=digest(data), views=0, added_by="operator", added_at=tx.now, retired_at=None,
        )  # fmt: skip


def test_golds_that_no_check_would_pass_any_more_are_passed_over_and_retired(rig: Rig) -> None:
    share(rig)
    ann = let_in(rig, "ann")
    rig.run(keep_old, OLD)
    good: dict[str, Any] = {"prompt": "?", "a": "p", "b": "q", "suggestion": "a"}
    case = rig.gated("sort", kind="comparison", arguments=good, confidence=0.5)
    held = rig.take_next(ann)
    assert held is not None
    assert held.case_id == case
    rig.clock.advance(3600)
    assert rig.plane.golds.step() == len(OLD)
    assert rig.plane.golds.step() == 0
    retired = [entry["gold"]["id"] for entry in rig.entries("gold.changed") if entry["gold"]["state"] == "retired"]
    assert len(set(retired)) == len(retired) == len(OLD)
    assert tables.pool(rig.plane.store, "default") == []
    # a good one behind them is drawn
    records = ({"action": "sort", "kind": "comparison", "arguments": good | {"a": "z"}, "gold": "b"},)
    rig.run(keep_old, ({**OLD[0], "gold": "b"},))
    rig.run(golds.add, golds.AddGolds(actor=OPERATOR, records=records))
    # the old one is passed over until its time comes
    assert rig.plane.golds.step() == 1
    assert len(tables.pool(rig.plane.store, "default")) == 2
    rig.clock.advance(3600)
    assert rig.plane.golds.step() == 1
    assert len(tables.pool(rig.plane.store, "default")) == 1
