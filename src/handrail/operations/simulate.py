"""A review team on a simulated day: what an order of the queue does to harm, deadlines and waiting.

Arrivals are Poisson by the hour; each case has a calibrated chance p of being a true problem, a reach, a deadline and a
handling time. Harm grows with every minute a true problem stands, times its reach and severity. One generator seeds
everything, and every order sees the same cases.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from handrail.clock import SECOND

MINUTE = 60 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One simulated case."""

    opened_at: int
    deadline: int
    # calibrated chance of a true problem, and whether it is one
    p_wrong: float
    problem: bool
    severity: float
    reach: float
    # microseconds a reviewer needs
    handling: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The load: cases an hour for each hour, handling, deadlines with their shares, risk and reach."""

    arrivals: Sequence[float] = (170.0,) * 6 + (320.0,) * 2 + (170.0,) * 8
    handling_minutes: float = 3.0
    handling_spread: float = 0.6
    deadline_minutes: Sequence[float] = (15.0, 60.0, 240.0, 480.0)
    deadline_shares: Sequence[float] = (0.1, 0.3, 0.4, 0.2)
    # p of a problem ~ Beta(a, b)
    risk: tuple[float, float] = (0.6, 2.4)
    # standard deviation of ln(reach)
    reach_spread: float = 1.0
    # share of the known risk that is replaced by noise, 0 to 1
    noise: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it. Times in minutes, shares 0 to 1."""

    # mean time from opening to the answer, true problems only
    time_to_problem: float
    # mean minutes × reach × severity over all cases, counted for true problems
    harm: float
    # answered after the deadline: of all, and of those with the shortest deadline
    late: float
    late_tightest: float
    wait_p99: float
    cases: int


Order = Callable[[Arrival], int]
"""Smaller first; asked once when the case arrives."""


def draw(day: Day, rng: np.random.Generator) -> list[Arrival]:
    """The cases of one day, in order of arrival."""
    times: list[float] = []
    for hour, rate in enumerate(day.arrivals):
        times += (60.0 * (hour + np.sort(rng.random(rng.poisson(rate))))).tolist()
    n = len(times)
    p = rng.beta(*day.risk, n)
    known = np.where(rng.random(n) < day.noise, rng.beta(*day.risk, n), p)
    reach = rng.lognormal(0.0, day.reach_spread, n)
    centre = np.log(day.handling_minutes) - day.handling_spread**2 / 2
    handling = rng.lognormal(centre, day.handling_spread, n)
    due = rng.choice(np.asarray(day.deadline_minutes), n, p=np.asarray(day.deadline_shares))
    problem = rng.random(n) < p
    return [
        Arrival(
            opened_at=int(times[i] * MINUTE),
            deadline=int((times[i] + due[i]) * MINUTE),
            p_wrong=float(known[i]),
            problem=bool(problem[i]),
            severity=1.0,
            reach=float(reach[i]),
            handling=int(handling[i] * MINUTE),
        )
        for i in range(n)
    ]


def simulate(cases: Sequence[Arrival], order: Order, reviewers: int) -> Result:
    """Let `reviewers` people take the smallest key first, each one case at a time, until none is left."""
    return judge(cases, _answered(cases, order, reviewers))


def judge(cases: Sequence[Arrival], answered: Sequence[int]) -> Result:
    """What it amounts to that each case was answered at this moment (microseconds)."""
    waits = np.array([(at - case.opened_at) / MINUTE for case, at in zip(cases, answered, strict=True)])
    problem = np.array([case.problem for case in cases])
    weight = np.array([case.reach * case.severity for case in cases])
    late = np.array([at > case.deadline for case, at in zip(cases, answered, strict=True)])
    given = np.array([case.deadline - case.opened_at for case in cases])
    tightest = given <= given.min() + SECOND
    handling = np.array([case.handling for case in cases]) / MINUTE
    return Result(
        time_to_problem=float(waits[problem].mean()) if problem.any() else 0.0,
        harm=float((waits * weight * problem).mean()),
        late=float(late.mean()),
        late_tightest=float(late[tightest].mean()),
        wait_p99=float(np.quantile(waits - handling, 0.99)),
        cases=len(cases),
    )


def _answered(cases: Sequence[Arrival], order: Order, reviewers: int) -> list[int]:
    free = [0] * reviewers
    heapq.heapify(free)
    ready: list[tuple[int, int]] = []
    answered = [0] * len(cases)
    coming = 0
    while coming < len(cases) or ready:
        now = heapq.heappop(free)
        if not ready:
            now = max(now, cases[coming].opened_at)
        while coming < len(cases) and cases[coming].opened_at <= now:
            heapq.heappush(ready, (order(cases[coming]), coming))
            coming += 1
        _, index = heapq.heappop(ready)
        answered[index] = now + cases[index].handling
        heapq.heappush(free, answered[index])
    return answered
