"""A gold that a lead withdraws is shown no more, whatever its views; one seen often enough goes on opening sessions."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.errors import NotFound
from handrail.lifecycle import access, golds
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.server.reviewers import pool_to_json
from handrail.store import golds as tables
from handrail.testing.factories import person
from handrail.testing.rig import Rig

POLICY = """
escalation_policies:
  - {action_type: sort, auto_approve_threshold: 1.0, undo_seconds: 0, sla_seconds: 86400}
review_settings: {gold_share: 0.5, gold_views: 2, gold_burst: 6, reviewer_session_limit_minutes: 60000}
"""
OPERATOR = Actor(kind="system", pid="operator", workspace="default", scopes=ALL_SCOPES, auth="local")


def pool(rig: Rig, each: int) -> list[str]:
    """So many golds of each half; ids in the order of their items."""
    records: list[dict[str, Any]] = [
        {"action": "sort", "arguments": {"item": f"g{n}"}, "confidence": 0.5,
         "gold": {"verdict": "approve" if n < each else "reject"}}
        for n in range(2 * each)
    ]  # fmt: skip
    made: list[str] = rig.run(golds.add, golds.AddGolds(actor=OPERATOR, records=tuple(records)))
    return made


def ann_of(rig: Rig) -> Actor:
    command = access.AddPerson(
        actor=OPERATOR, name="ann", email="ann@example.org", password=None, roles=("reviewer",)
    )  # fmt: skip
    return person("ann", "reviewer", pid=rig.run(access.add_person, command))


def draw(rig: Rig, n: int) -> list[str]:
    """What so many ordinary cases draw silently: the items of these golds."""
    found = []
    for _ in range(n):
        beside = rig.gated("sort", arguments={"item": f"p{rig.clock.now()}"}, confidence=0.5)
        rig.clock.advance(1)
        case = rig.run(golds.draw, golds.Draw(workspace="default", case_id=beside))
        if case is not None:
            found.append(rig.proposal(case).record()["arguments"]["item"])
    return found


def opens(rig: Rig) -> set[str]:
    """Ids of golds that may open a session."""
    found = rig.plane.store.read_hot(
        tables.burst_pool, workspace="default", action="sort", kind="action", person="somebody"
    )
    return {row[0] for row in found}


def burst(rig: Rig, who: Actor) -> list[str]:
    """The items of the golds that his session opens with."""
    shown = []
    while True:
        held = rig.take_next(who)
        assert held is not None
        record = rig.proposal(held.case_id).record()
        if not str(record.get("key")).startswith(tables.BURST):
            rig.release(who, held)
            return shown
        shown.append(record["arguments"]["item"])
        rig.answer(who, held.case_id, fence=held.fence)
        rig.clock.advance(1)


def retire(rig: Rig, id: str) -> None:
    rig.run(golds.retire, golds.Retire(actor=OPERATOR, id=id))


def test_gold_seen_often_enough_opens_sessions_until_it_is_withdrawn(rig: Rig) -> None:
    ann, ids = ann_of(rig), pool(rig, 3)
    draw(rig, 12)
    rig.clock.advance(3600)
    rig.plane.golds.step()
    assert tables.pool_size(rig.plane.store, "default") == 0
    assert opens(rig) == set(ids)
    # used up, and now found wrong
    retire(rig, ids[0])
    assert opens(rig) == set(ids[1:])
    ordinary = draw(rig, 1)
    assert ordinary == []
    assert sorted(set(burst(rig, ann))) != []
    for _ in range(5):
        rig.clock.advance(7_000)
        assert "g0" not in burst(rig, ann)
    with pytest.raises(NotFound, match="withdrawn before"):
        retire(rig, ids[0])
    listed = {one["id"]: one for one in pool_to_json(rig.plane, "default", retired=True)}
    assert [(listed[id]["views"], listed[id]["withdrawn"]) for id in ids[:2]] == [(2, True), (2, False)]
    assert [entry["gold"]["id"] for entry in rig.entries("gold.changed")][-1] == ids[0]


@pytest.mark.parametrize("views", [1, 100])
def test_withdrawn_gold_stays_away_however_the_views_are_changed(rig: Rig, views: int) -> None:
    ids = pool(rig, 1)
    draw(rig, 2)
    retire(rig, ids[1])
    rig.change_policy(POLICY.replace("gold_views: 2", f"gold_views: {views}"))
    assert opens(rig) == {ids[0]}
    assert "g1" not in draw(rig, 5)
    # a draw that had picked it just before counts nothing either
    assert rig.run(lambda tx, gold: tx.one(tables.gold_seen, id=gold), ids[1]) is None
    assert opens(rig) == {ids[0]}
