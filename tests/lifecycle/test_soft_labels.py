"""Soft labels on a real plane: golds tell whom to believe, and the export says how likely each case is right."""

from __future__ import annotations

from typing import Any

from handrail.lifecycle import access, exporting, golds
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.testing.factories import person
from handrail.testing.rig import Rig

POLICY = """
escalation_policies:
  - {action_type: sort, auto_approve_threshold: 1.0, undo_seconds: 0, sla_seconds: 6000}
review_settings: {gold_share: 0.5, gold_views: 40, reviewer_session_limit_minutes: 60000}
"""
OPERATOR = Actor(kind="system", pid="operator", workspace="default", scopes=ALL_SCOPES, auth="local")


def let_in(rig: Rig, name: str) -> Actor:
    command = access.AddPerson(
        actor=OPERATOR, name=name, email=f"{name}@example.org", password=None, roles=("reviewer",)
    )
    return person(name, "reviewer", pid=rig.run(access.add_person, command))


def ordinary(rig: Rig, who: Actor, verdict: str, n: int) -> list[str]:
    cases = [rig.gated("sort", arguments={"item": f"{who.pid}{i}"}, confidence=0.6) for i in range(n)]
    for case in cases:
        rig.answer(who, case, verdict)
    return cases


def answer_golds(rig: Rig, who: Actor, n: int, *, careful: bool) -> None:
    """So many golds of which half are to be rejected; who is not careful approves them all."""
    records: list[dict[str, Any]] = [
        {"action": "sort", "arguments": {"item": f"g{who.pid}{i}"}, "confidence": 0.6,
         "gold": {"verdict": "approve" if i % 2 else "reject"}}
        for i in range(n)
    ]  # fmt: skip
    for record in records:
        rig.run(golds.add, golds.AddGolds(actor=OPERATOR, records=(record,)))
        beside = rig.gated("sort", arguments={"item": "beside" + record["arguments"]["item"]}, confidence=0.6)
        case = rig.run(golds.draw, golds.Draw(workspace="default", case_id=beside))
        rig.cancel(beside)
        right = rig.proposal(case).record()["gold"]["verdict"]
        rig.answer(who, case, right if careful else "approve")


def test_answers_count_by_what_golds_show_of_who_gave_them(rig: Rig) -> None:
    ann, bob = let_in(rig, "ann"), let_in(rig, "bob")
    ordinary(rig, ann, "reject", 2)
    assert {row["chance"] for row in exporting.label_rows(rig.plane.store, "default")} == {None}
    answer_golds(rig, ann, 12, careful=True)
    answer_golds(rig, bob, 12, careful=False)
    sure, unsure = ordinary(rig, ann, "approve", 6), ordinary(rig, bob, "approve", 6)
    chance = {row["case_id"]: row["chance"] for row in exporting.label_rows(rig.plane.store, "default", action="sort")}
    assert min(chance[case] for case in sure) > 0.85 > max(chance[case] for case in unsure)


def test_gold_tells_what_the_model_was_in_either_form(rig: Rig) -> None:
    ann = let_in(rig, "ann")
    for n, (gold, right) in enumerate([("approve", True), ("reject", False), ({"item": "g2"}, True)]):
        record = {"action": "sort", "arguments": {"item": f"g{n}"}, "confidence": 0.6}
        rig.run(golds.add, golds.AddGolds(actor=OPERATOR, records=({**record, "gold": gold},)))
        beside = rig.gated("sort", arguments={"item": f"beside{n}"}, confidence=0.6)
        case = rig.run(golds.draw, golds.Draw(workspace="default", case_id=beside))
        rig.answer(ann, case, "approve")
        (label,) = [each for each in exporting.labels(rig.plane.store, "default") if each.case_id == case]
        assert (label.source, label.correct) == ("gold", right)
