"""Golds are told apart neither by how they lie among other cases nor by when they come: simulated, and on a plane."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from handrail.clock import SECOND
from handrail.consensus.gold_timing import LONGEST, lag
from handrail.lifecycle import golds
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.store.statements import Statement
from handrail.testing.rig import Rig

SHARE = 0.04
# the loop looks every other second
STEP = 2 * SECOND
READY = Statement("SELECT case_id FROM ready ORDER BY sort_key, case_id", "", "ready_in_order")
Arrivals = Callable[[np.random.Generator, int], NDArray[np.float64]]


def steady(chance: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.cumsum(chance.exponential(20.0, n))


def sparse(chance: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.cumsum(chance.exponential(600.0, n))


def bursts(chance: np.random.Generator, n: int) -> NDArray[np.float64]:
    """200 within a second, every hour."""
    return np.sort(3600.0 * (np.arange(n) // 200) + chance.random(n))


def days(chance: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Sixteen quiet hours and eight busy ones."""
    at = 0.0
    made: list[float] = []
    while len(made) < n:
        at += chance.exponential(120.0 if (at // 3600) % 24 < 16 else 8.0)
        made.append(at)
    return np.array(made)


def worked_off(arrive: Arrivals, seed: int, n: int = 3000) -> tuple[list[list[bool]], NDArray[np.int64], list[bool]]:
    """What each of three reviewers sees, gold or not; when cases came, and which of them were golds."""
    chance = np.random.default_rng(seed)
    opened = [int(at * SECOND) for at in arrive(chance, n)]
    # place in the queue, when it is there, gold
    cases = [(at, at, False) for at in opened]
    for i, _ in enumerate(opened):
        if golds.draws(b"secret", f"{seed}-{i}", SHARE):
            due = golds.comes_at(b"secret", f"{seed}-{i}", opened[: i + 1], i)
            cases.append((due, (due // STEP + 1) * STEP, True))
    cases.sort(key=lambda case: case[1])
    seen: list[list[bool]] = [[], [], []]
    queue: list[tuple[int, int, bool]] = []
    free, number, at_hand = [(0, who) for who in range(3)], count(), 0
    while at_hand < len(cases) or queue:
        now, who = heapq.heappop(free)
        while at_hand < len(cases) and (cases[at_hand][1] <= now or not queue):
            now = max(now, cases[at_hand][1])
            heapq.heappush(queue, (cases[at_hand][0], next(number), cases[at_hand][2]))
            at_hand += 1
        seen[who].append(heapq.heappop(queue)[2])
        heapq.heappush(free, (now + int(chance.exponential(30.0) * SECOND), who))
    return seen, np.array([case[1] for case in cases]), [case[2] for case in cases]


@pytest.mark.parametrize("arrive", [steady, sparse, bursts, days])
def test_cases_between_two_golds_of_one_reviewer_are_geometric(arrive: Arrivals) -> None:
    gaps: list[int] = []
    all_cases = all_golds = 0
    for seed in range(8):
        for stream in worked_off(arrive, seed)[0]:
            gaps.extend(np.diff(np.flatnonzero(stream)))
            all_cases, all_golds = all_cases + len(stream), all_golds + sum(stream)
    share = all_golds / all_cases
    assert share == pytest.approx(SHARE, abs=4 * (SHARE / all_cases) ** 0.5)
    steps = np.arange(1, 200)
    told = np.mean(np.array(gaps)[:, None] <= steps, axis=0)
    # Kolmogorov and Smirnov, at 0.1 %
    assert np.max(np.abs(told - (1.0 - (1.0 - share) ** steps))) < 1.95 / len(gaps) ** 0.5


@pytest.mark.parametrize("arrive", [steady, sparse, days])
def test_time_since_the_case_before_does_not_tell_a_gold(arrive: Arrivals) -> None:
    of_golds: list[int] = []
    of_others: list[int] = []
    for seed in range(8):
        _, came, is_gold = worked_off(arrive, seed)
        since = np.diff(came)
        of_golds.extend(since[is_gold[1:]])
        of_others.extend(since[~np.array(is_gold[1:])])
    ordered = np.sort(of_others)
    # the chance that a gold's is the longer one of two: 0.5 where it tells nothing
    assert np.mean(np.searchsorted(ordered, of_golds)) / len(ordered) == pytest.approx(0.5, abs=0.06)


def test_lag_is_spread_over_what_is_usual_just_then_and_over_an_hour_where_nothing_is_known() -> None:
    opened = [n * 10 * SECOND for n in range(30)]
    assert lag(opened, 29, 0.5) == 150 * SECOND
    assert lag(opened, 0, 0.5) == LONGEST // 2
    assert lag([n * 900 * SECOND for n in range(30)], 29, 0.999) < LONGEST
    assert lag([7] * 30, 29, 0.9) == 0


def test_golds_of_a_burst_stand_amid_it_in_the_queue(url: str, tmp_path: Path) -> None:
    policy = """
escalation_policies:
  - {action_type: sort, auto_approve_threshold: 1.0, undo_seconds: 0, sla_seconds: 86400}
review_settings: {gold_share: 0.25, gold_views: 1000}
"""
    rig = Rig(url, tmp_path, policy=policy)
    operator = Actor(kind="system", pid="operator", workspace="default", scopes=ALL_SCOPES, auth="local")
    record = {"action": "sort", "arguments": {"item": "gold"}, "confidence": 0.5, "gold": "reject"}
    rig.run(golds.add, golds.AddGolds(actor=operator, records=(record,)))
    ordinary = []
    for n in range(200):
        rig.clock.advance(0.01)
        ordinary.append(rig.gated("sort", arguments={"item": f"{n}"}, confidence=0.5))
    rig.clock.advance(LONGEST / SECOND)
    made = rig.plane.golds.step()
    assert made == pytest.approx(200 / 3, abs=30)
    is_gold = [row[0] not in ordinary for row in rig.plane.store.read_hot(READY)]
    assert sum(is_gold) == made
    by_quarter = [sum(is_gold[at : at + len(is_gold) // 4]) for at in range(0, len(is_gold) - 3, len(is_gold) // 4)]
    assert min(by_quarter[:4]) > made / 12
    assert rig.problems() == []
    rig.close()
