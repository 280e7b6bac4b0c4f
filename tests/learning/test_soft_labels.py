"""Soft labels: what all answers of a case come to, golds telling whom to believe; and what holds a case back."""

from __future__ import annotations

import numpy as np
import pytest

from handrail.learning.golds import known, said, was_right
from handrail.learning.soft_labels import Told, side, soft
from handrail.learning.triggers import batches
from handrail.lifecycle.soft_labels import judge

from .test_learning import made_label


def told(rng: np.random.Generator, skill: dict[str, float], n: int) -> tuple[list[Told], list[bool]]:
    truth = [bool(rng.random() < 0.6) for _ in range(n)]
    made = []
    for i, right in enumerate(truth):
        for who, p in skill.items():
            said_right = right if rng.random() < p else not right
            made.append(Told(f"c{i}", "review", said_right, who, "approve" if said_right else "reject"))
    return made, truth


def test_too_few_golds_and_double_answers_leave_it_to_most_reviewers() -> None:
    labels, _ = told(np.random.default_rng(0), {"a": 0.9, "b": 0.9}, 49)
    assert soft(labels, judge) == {}


def test_golds_tell_whom_to_believe_against_a_hostile_majority() -> None:
    labels, truth = told(np.random.default_rng(1), {"a": 0.1, "b": 0.1, "c": 0.9}, 300)
    golds = [
        Told(f"g{i}", "gold", i % 2 == 0, who, "approve" if (i % 2 == 0) == honest else "reject")
        for i in range(30)
        for who, honest in (("a", False), ("b", False), ("c", True))
    ]
    chances = soft([*labels, *golds], judge)
    assert np.mean([side(chances[f"c{i}"]) == right for i, right in enumerate(truth)]) >= 0.94


def test_outcome_is_known_and_even_odds_are_no_side() -> None:
    labels, _ = told(np.random.default_rng(2), {"a": 0.8, "b": 0.8}, 60)
    chances = soft([*labels, Told("c0", "outcome", False, None, None)], judge)
    assert chances["c0"] == 0.0
    assert side(0.5) is None
    assert soft([Told("x", "gold", True, "a", "respond"), Told("y", "review", None, "a", None)], judge) == {}


def test_unclear_case_is_held_back_and_the_rest_of_its_batch_is_ready() -> None:
    labels = [made_label(f"c{n}", True, who) for n in range(4) for who in "ab"]
    clear = {f"c{n}": 0.99 for n in range(4)}
    (one,) = batches(labels, lambda _: 1.0, size=8, chances=clear)
    assert (one.state, len(one.labels)) == ("ready", 8)
    ready, held = batches(labels, lambda _: 1.0, size=8, chances=clear | {"c2": 0.4})
    assert (ready.state, len(ready.labels), held.state, len(held.labels)) == ("ready", 6, "held", 2)
    assert "0.850" in held.reason


@pytest.mark.parametrize(
    ("gold", "kind", "proposed", "verdict", "body", "right"),
    [
        ({"verdict": "reject"}, "action", {"n": 1}, "reject", {}, True),
        ({"verdict": "reject"}, "action", {"n": 1}, "approve", {}, False),
        ("approve", "action", {"n": 1}, "approve", {}, True),
        ("approve", "action", {"n": 1}, "redirect", {}, False),
        ({"n": 2}, "action", {"n": 1}, "edit", {"arguments": {"n": 2}}, True),
        ({"n": 2}, "action", {"n": 1}, "edit", {"arguments": {"n": 3}}, False),
        ({"n": 2}, "action", {"n": 1}, "reject", {}, True),
        ("cat", "annotation", "dog", "respond", {"value": "cat"}, True),
        ("cat", "annotation", "dog", "approve", {}, False),
        ({"value": "dog"}, "annotation", "dog", "approve", {}, True),
        ("approve", "annotation", "dog", "respond", {"value": "approve"}, True),
        ("cat", "annotation", None, "respond", {"value": "dog"}, False),
        ("cat", "annotation", "dog", "abstain", {}, None),
    ],
)
def test_answer_to_a_gold_is_judged_by_what_is_known(
    gold: object, kind: str, proposed: object, verdict: str, body: object, right: bool | None
) -> None:
    truth = known(gold, proposed, kind)
    assert was_right(truth, verdict, body, proposed if kind == "annotation" else None, kind) is right


def test_two_people_who_say_the_same_are_read_the_same() -> None:
    assert said("approve", {}, "ok", "annotation") == said("respond", {"value": "ok"}, "ok", "annotation")
    edited = said("edit", {"arguments": {"suggestion": "bad"}}, "ok", "prediction")
    assert edited == said("respond", {"value": "bad"}, None, "prediction")
    assert said("abstain", {}, None, "action") is None
