"""Golds on the plane: drawn silently, told apart by nobody, delivering nothing, and what they show acted upon."""

from __future__ import annotations

from typing import Any

import pytest

from handrail.clock import SECOND
from handrail.consensus.gold_timing import LONGEST
from handrail.errors import Forbidden, InvalidInput, NotExecutable, NotFound
from handrail.lifecycle import access, flags, golds, reviewers
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.golds import settings_of
from handrail.server import views
from handrail.store import golds as tables
from handrail.store.statements import Statement
from handrail.testing.factories import agent, person
from handrail.testing.rig import Rig

POLICY = """
escalation_policies:
  - {action_type: flag_post, auto_approve_threshold: 1.0, undo: unflag, undo_seconds: 0, sla_seconds: 600}
  - {action_type: label_post, auto_approve_threshold: 1.0, undo_seconds: 0, sla_seconds: 600}
  - {action_type: quiet_post, auto_approve_threshold: 1.0, soft_review_threshold: 0.5, undo: unflag, undo_seconds: 0}
review_settings:
  {gold_share: 0.5, gold_views: 40, second_reviewer: flagged, reviewer_session_limit_minutes: 6000}
"""
OPERATOR = Actor(kind="system", pid="operator", workspace="default", scopes=ALL_SCOPES, auth="local")


def let_in(rig: Rig, name: str, *roles: str) -> Actor:
    command = access.AddPerson(
        actor=OPERATOR, name=name, email=f"{name}@example.org", password=None, roles=roles or ("reviewer",)
    )
    return person(name, *roles, pid=rig.run(access.add_person, command))


def add(rig: Rig, *records: dict[str, Any]) -> list[str]:
    made: list[str] = rig.run(golds.add, golds.AddGolds(actor=OPERATOR, records=records))
    return made


def gold(n: int, verdict: str = "approve", action: str = "flag_post", **fields: Any) -> dict[str, Any]:
    return {"action": action, "arguments": {"post": f"g{n}"}, "confidence": 0.4, "gold": {"verdict": verdict}} | fields


def pair(**arguments: Any) -> dict[str, Any]:
    shown = {"prompt": "which?", "a": "x", "b": "y"} | arguments
    return {"action": "flag_post", "kind": "comparison", "arguments": shown, "gold": "a"}


def drawn(rig: Rig) -> list[str]:
    """Case ids of all golds put before people, oldest first."""
    rows = rig.plane.store.read_hot(tables.gold_proposals, workspace="default", since=0)
    return sorted(row[0] for row in rows)


def step(rig: Rig) -> int:
    # by then every gold that was drawn has come
    rig.clock.advance(LONGEST / SECOND)
    return rig.plane.golds.step()


def test_golds_are_drawn_beside_ordinary_cases_at_the_share_the_policy_names(rig: Rig) -> None:
    add(rig, *(gold(n) for n in range(30)))
    for n in range(200):
        rig.gated("flag_post", arguments={"post": f"p{n}"})
    step(rig)
    # 0.5 of all: every ordinary case draws one
    assert len(drawn(rig)) == 200
    assert step(rig) == 0
    assert len(drawn(rig)) == 200
    assert rig.problems() == []


@pytest.mark.parametrize("share", [0.03, 0.05, 0.2])
def test_draws_are_a_share_of_all_cases(share: float) -> None:
    n = 40_000
    hits = sum(golds.draws(b"secret", f"case-{i}", share) for i in range(n))
    # of cases and golds together; four standard errors
    assert hits / (n + hits) == pytest.approx(share, abs=4 * (share / n) ** 0.5)


def test_gold_looks_like_the_case_that_drew_it(rig: Rig) -> None:
    add(rig, gold(1))
    first = rig.gated(
        "flag_post", by=agent("moderator"), arguments={"post": "p1"}, undo="unflag", agent="moderator", run="r-1",
        call_id="c-1", confidence=0.4,
    )  # fmt: skip
    step(rig)
    (second,) = drawn(rig)
    ann = let_in(rig, "ann")
    shown = [views.case_detail(rig.plane, ann, case) for case in (first, second)]
    assert "verdict" not in shown[1]["card"]["arguments"]
    assert "gold" not in str(shown[1])
    for part in ("case", "card"):
        assert shown[0][part].keys() == shown[1][part].keys()
    for name in ("action", "kind", "tier", "queue", "high_stakes", "soft", "state", "reviewers"):
        assert shown[0]["case"][name] == shown[1]["case"][name]
    asked = [one["card"]["asked_by"] for one in shown]
    assert asked[0]["agent"] == asked[1]["agent"] == "moderator"
    assert (asked[0]["run"] is None) == (asked[1]["run"] is None)
    assert [e["actor"] for e in shown[0]["history"]] == [e["actor"] for e in shown[1]["history"]]
    assert [e["type"] for e in shown[0]["history"]] == [e["type"] for e in shown[1]["history"]]


def test_gold_delivers_and_runs_nothing(rig: Rig) -> None:
    add(rig, gold(1), gold(2, action="quiet_post", confidence=0.7, executor="worker"))
    rig.gated("flag_post", executor="worker")
    rig.submit("quiet_post", confidence=0.7, executor="worker")
    step(rig)
    ann = let_in(rig, "ann")
    handed = rig.plane.store.read_hot(Statement("SELECT case_id FROM handoff", "", "handoffs"))
    for case in drawn(rig):
        rig.answer(ann, case, "reject" if rig.case(case).soft else "approve")
        with pytest.raises(NotExecutable):
            rig.start(case)
    after = rig.plane.store.read_hot(Statement("SELECT case_id FROM handoff", "", "handoffs"))
    # the ordinary soft one was handed over when it was let through; golds never are
    assert handed == after
    assert not {row[0] for row in after} & set(drawn(rig))
    assert not rig.entries("execution.voided")
    assert rig.problems() == []


def test_gold_is_never_shown_twice_to_the_same_person(rig: Rig) -> None:
    add(rig, gold(1))
    ann, bob = let_in(rig, "ann"), let_in(rig, "bob")
    rig.gated("flag_post", arguments={"post": "p1"})
    step(rig)
    rig.answer(ann, drawn(rig)[0])
    rig.gated("flag_post", arguments={"post": "p2"})
    step(rig)
    again = drawn(rig)[1]
    with pytest.raises(Exception, match="answered"):
        rig.answer(ann, again)
    rig.answer(bob, again)
    rig.gated("flag_post", arguments={"post": "p3"})
    step(rig)
    # everybody has answered it: it is drawn no more
    assert len(drawn(rig)) == 2


def test_writer_is_not_asked_for_golds_that_the_pool_lacks(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    add(rig, gold(1))
    asked: list[str] = []

    def note(tx: Any, command: golds.Draw) -> str | None:
        asked.append(command.case_id)
        return draw(tx, command)

    draw = golds.draw
    monkeypatch.setattr(golds, "draw", note)
    for n in range(5):
        rig.gated("label_post", arguments={"post": f"p{n}"})
    rig.gated("flag_post", kind="annotation", arguments={"text": "p"})
    assert (step(rig), step(rig)) == (0, 0)
    assert asked == []
    # one of its action and kind
    case = rig.gated("flag_post", arguments={"post": "p"})
    assert step(rig) == 1
    assert asked == [case]


def test_gold_is_retired_after_its_views_and_by_hand(rig: Rig) -> None:
    ids = add(rig, gold(1), gold(2))
    rig.run(golds.retire, golds.Retire(actor=OPERATOR, id=ids[1]))
    for n in range(45):
        rig.gated("flag_post", arguments={"post": f"p{n}"})
    step(rig)
    assert len(drawn(rig)) == 40
    # not beside the last of them in the log: that would tell it
    assert [entry["gold"]["state"] for entry in rig.entries("gold.changed")] == ["added", "added", "retired"]
    assert step(rig) == 1
    assert tables.pool(rig.plane.store, "default") == []
    states = [entry["gold"]["state"] for entry in rig.entries("gold.changed")]
    assert states == ["added", "added", "retired", "retired"]
    with pytest.raises(NotFound):
        rig.run(golds.retire, golds.Retire(actor=OPERATOR, id=ids[1]))


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"action": "flag_post", "arguments": {}}, "no answer"),
        (gold(1, personal_data=["/post"]), "personal"),
        (gold(1, kind="nonsense"), "gold 1"),
        ({"gold": 1}, "gold 1"),
        (gold(1) | {"gold": {"verdict": "aprove"}}, "verdict that is none"),
        (gold(1, kind="comparison"), "prompt"),
        (pair(b="x"), "the same"),
        (pair() | {"gold": "c"}, "none of the choices"),
        (pair(choices=["l", "r"]), "none of the choices"),
        (pair(choices=["l", "r"], suggestion="a") | {"gold": {"verdict": "approve"}}, "none of the choices"),
    ],
)
def test_what_is_no_gold_is_refused_by_number(rig: Rig, record: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        add(rig, record)
    with pytest.raises(InvalidInput, match="1 to 1000"):
        add(rig)


def test_adding_golds_needs_a_lead_and_knows_what_it_has(rig: Rig) -> None:
    with pytest.raises(Forbidden):
        rig.run(golds.add, golds.AddGolds(actor=let_in(rig, "ann"), records=(gold(1),)))
    lea = let_in(rig, "lea", "lead")
    assert len(rig.run(golds.add, golds.AddGolds(actor=lea, records=(gold(1), gold(2))))) == 2
    assert rig.run(golds.add, golds.AddGolds(actor=lea, records=(gold(1),))) == []


def careless(rig: Rig, who: Actor, n: int) -> None:
    """So many golds, all of them to be rejected, approved by this person."""
    known = set(drawn(rig))
    add(rig, *(gold(1_000 + len(known) + i, "reject") for i in range(n)))
    for i in range(n):
        rig.gated("flag_post", arguments={"post": f"p{len(known)}-{i}"})
    step(rig)
    for case in drawn(rig):
        if case not in known:
            rig.answer(who, case)


def test_careless_reviewer_is_flagged_and_his_answers_want_a_second(rig: Rig) -> None:
    ann, bob = let_in(rig, "ann"), let_in(rig, "bob")
    careless(rig, ann, 3)
    step(rig)
    assert [(entry["reviewer"]["pid"], entry["reviewer"]["code"]) for entry in rig.entries("reviewer.flagged")] == [
        (ann.pid, "golds")
    ]
    case = rig.gated("flag_post", arguments={"post": "real"})
    assert rig.answer(ann, case).decision is None
    assert rig.case(case).reviewers == 2
    assert rig.answer(bob, case).decision is not None
    other = rig.gated("flag_post", arguments={"post": "real 2"})
    # nobody doubts bob
    assert rig.answer(bob, other).decision is not None
    assert rig.problems() == []


def test_flag_ends_once_golds_clear_the_reviewer(rig: Rig) -> None:
    ann = let_in(rig, "ann")
    let_in(rig, "bob")
    command = flags.Mark(workspace="default", person=ann.pid, codes={"golds": 3})
    assert rig.run(flags.mark, command) == ["golds"]
    assert rig.run(flags.mark, command) == []
    assert rig.run(flags.mark, flags.Mark(workspace="default", person=ann.pid, codes={})) == ["-golds"]
    assert len(rig.entries("reviewer.cleared")) == 1
    assert rig.answer(ann, rig.gated("flag_post")).decision is not None


def test_lone_reviewer_is_never_asked_to_find_a_second(rig: Rig) -> None:
    ann = let_in(rig, "ann")
    rig.run(flags.mark, flags.Mark(workspace="default", person=ann.pid, codes={"golds": 3, "approves_fast": 50}))
    assert rig.answer(ann, rig.gated("flag_post")).decision is not None


def test_figures_count_golds_apart_by_what_the_model_said(rig: Rig) -> None:
    ann = let_in(rig, "ann")
    label = {"action": "label_post", "kind": "annotation", "confidence": 0.4}
    add(
        rig,
        *({**label, "arguments": {"text": f"t{n}", "suggestion": "ok"}, "gold": "ok" if n % 2 else "bad"}
          for n in range(60)),
    )  # fmt: skip
    for n in range(60):
        rig.gated("label_post", kind="annotation", arguments={"text": f"p{n}", "suggestion": "ok"})
    step(rig)
    for case in drawn(rig):
        # she agrees with the model whatever it says
        rig.answer(ann, case, "approve")
    settings = settings_of(rig.plane.store, "default")
    assert settings is not None
    made: Any = reviewers.figures(rig.plane.store, "default", rig.clock.now(), settings)
    (row,) = made["reviewers"]
    card = row["scorecard"]
    assert (card["golds"], card["shown"]) == (60, True)
    assert card["model_right"]["value"] == 1.0
    assert card["model_wrong"]["value"] == 0.0
    assert card["test"]["standing"] == "flagged"
    assert made["anchoring"] == {"n": 0, "need": 49, "value": None}
    assert made["golds"] == {"pool": 60, "share": 0.5, "drawn": 60}
    assert made["agreement"] == []
    assert made["fatigue"]["b"] is None


def test_figures_without_an_answer_show_counts_only(rig: Rig) -> None:
    settings = settings_of(rig.plane.store, "default")
    assert settings is not None
    made: Any = reviewers.figures(rig.plane.store, "default", rig.clock.now(), settings)
    assert (made["answers"], made["reviewers"], made["rules"]) == (0, [], [])
    assert made["consensus"] == {"cases": 0, "need": 50, "way": None}
