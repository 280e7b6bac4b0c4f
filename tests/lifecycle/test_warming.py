"""A session opens with golds, half of them wrong, of which the reviewer hears what was right; they count nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.lifecycle import access, exporting, golds, reviewers
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.lifecycle.review import Reviewed
from handrail.maintenance.golds import settings_of
from handrail.store import golds as tables
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
