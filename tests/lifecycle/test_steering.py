"""Expertise by class: who knows the classes in question gets the case, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from handrail.learning.asking import advantage
from handrail.learning.fusion import Fusion, softmax
from handrail.lifecycle import fusing, steering
from handrail.testing.factories import person
from handrail.testing.rig import Rig

CHOICES = ["fern", "moss", "crow", "wren"]
POLICY = """
review_settings: {steer: %s}
escalation_policies:
  - {action_type: name, deferral: fuse, sla_seconds: 3600, undo_seconds: 0, auto_approve_threshold: 1.0}
"""
PLANT, BIRD = [0.5, 0.48, 0.01, 0.01], [0.01, 0.01, 0.5, 0.48]


def expert(knows: tuple[int, ...]) -> np.ndarray:
    matrix = np.full((4, 4), 0.15)
    for i in range(4):
        matrix[i, i] = 0.55
        if i in knows:
            matrix[i] = 0.01
            matrix[i, i] = 0.97
    return matrix


BOTANIST, BIRDER = expert((0, 1)), expert((2, 3))


def fusion() -> Fusion:
    pool = (BOTANIST + BIRDER) / 2
    people = {"p_bo": BOTANIST, "p_bi": BIRDER}
    return Fusion(classes=tuple(CHOICES), pool=pool, people=people, weights=((1.0, 1.0, 0.0),), n=400, answers=400)


@pytest.fixture(params=["expertise", "order"])
def rig(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(url, tmp_path, policy=POLICY % request.param)
    made.run(fusing.install, fusing.Install(actor=made.agent, action="name", fusion=fusion().to_json()))
    yield made
    assert made.problems() == []
    made.close()


def ask(rig: Rig, scores: list[float]) -> str:
    rig.clock.advance(1)
    return rig.gated("name", kind="annotation", arguments={"choices": CHOICES}, scores=scores)


def test_each_gets_the_case_of_his_field_where_the_policy_steers(rig: Rig) -> None:
    plant, bird = ask(rig, PLANT), ask(rig, BIRD)
    steered = "expertise" in rig.policy
    first = rig.take_next(person("Bi"))
    assert first is not None
    assert first.case_id == (bird if steered else plant)
    second = rig.take_next(person("Bo"))
    assert second is not None
    assert {first.case_id, second.case_id} == {plant, bird}


def test_who_is_not_measured_takes_the_first(rig: Rig) -> None:
    plant, _ = ask(rig, PLANT), ask(rig, BIRD)
    held = rig.take_next(person("Nobody"))
    assert held is not None
    assert held.case_id == plant


def test_a_case_is_not_overtaken_by_one_far_behind_it(rig: Rig) -> None:
    plant = ask(rig, PLANT)
    rig.clock.advance(steering.SPAN_SECONDS + 60)
    ask(rig, BIRD)
    held = rig.take_next(person("Bi"))
    assert held is not None
    assert held.case_id == plant


def test_ranked_keeps_everything_and_the_order_between_equals() -> None:
    found = [(1, "a", 0), (2, "b", 0), (3, "c", 1), (9_000, "d", 1)]
    assert steering.ranked(found, [0.0, 0.1, 0.1, 0.9], span=10) == [found[1], found[2], found[0], found[3]]
    assert steering.ranked([], []) == []


def test_steering_answers_more_cases_rightly_than_queue_order() -> None:
    """400 doubtful cases, two experts who take turns: fused answers right under each order, same cases, same draws."""
    held, rng = fusion(), np.random.default_rng(0)
    p = softmax(np.where(rng.random((400, 1)) < 0.5, [3, 3, 0, 0], [0, 0, 3, 3]) + 0.5 * rng.normal(size=(400, 4)))
    truth = (rng.random(400)[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(0, 3)
    draws = rng.random(400)
    gain = {name: [advantage(held, each, name) for each in p] for name in ("p_bo", "p_bi")}
    right = {}
    for steered in (False, True):
        line, hits = list(range(400)), 0
        for turn in range(400):
            name = ("p_bo", "p_bi")[turn % 2]
            window = [(i, str(i), 0) for i in line[: steering.WINDOW]]
            at = steering.ranked(window, [gain[name][i] for i, _, _ in window] if steered else [0.0] * len(window))[0][
                0
            ]
            line.remove(at)
            said = int((draws[at] > held.people[name][truth[at]].cumsum()).sum().clip(0, 3))
            hits += int(held.posterior(p[at], [(name, CHOICES[said])]).argmax() == truth[at])
        right[steered] = hits / 400
    assert right[True] > right[False] + 0.1
