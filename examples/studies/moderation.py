"""Case study: content moderation in the order of what waiting costs.

Run: python examples/studies/moderation.py [--picture FILE.svg] [--json]

A simulated day of posts, each with a calibrated risk, a reach, a severity and a deadline. The same posts are reviewed
by the same people twice: first come, first served, and in the order of the real queue of a control plane whose clock is
moved by hand (risk × severity × reach under a deadline guard). What counts is when true problems are caught.
"""

from __future__ import annotations

import argparse
import heapq
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from handrail.clock import SECOND
from handrail.lifecycle import access
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.operations.simulate import MINUTE, Arrival, Day, Result, draw, judge
from handrail.testing.rig import START, Rig

DAY = Day(arrivals=(34.0,) * 3 + (64.0,) * 2 + (34.0,) * 3)
REVIEWERS = 2
POLICY = """
escalation_policies:
  - {action_type: content_publish, autonomy: confirm, undo_seconds: 0, on_expiry: hold, sla_seconds: 8h}
review_settings: {max_queue_depth: 100000, reviewer_session_limit_minutes: 100000}
"""


def first_come(cases: list[Arrival]) -> list[int]:
    """When each is answered if the oldest goes first."""
    waiting: list[int] = []
    return attend(cases, waiting.append, lambda now: waiting.pop(0) if waiting else None)


def by_handrail(cases: list[Arrival], folder: Path) -> list[int]:
    """The same, asking the control plane for the next case each time somebody is free."""
    rig = Rig(folder / "moderation.db", folder, policy=POLICY)
    try:
        operator = Actor(kind="system", pid="operator", scopes=ALL_SCOPES, auth="local")
        person = rig.run(
            access.add_person, access.AddPerson(actor=operator, name="Asha", email="asha@x.example", password=None)
        )
        asha = Actor(kind="person", pid=person, scopes=ALL_SCOPES, auth="local", roles=frozenset({"reviewer"}))
        known: dict[str, int] = {}

        def come(index: int) -> None:
            case = cases[index]
            rig.clock.time = START + case.opened_at
            made = rig.submit(
                "content_publish", arguments={"post": index}, confidence=1.0 - case.p_wrong, severity=case.severity,
                reach={"count": case.reach}, within_seconds=max(1, (case.deadline - case.opened_at) // SECOND),
            )  # fmt: skip
            known[made.case_id] = index

        def take(now: int) -> int | None:
            rig.clock.time = START + now
            held = rig.take_next(asha)
            if held is None:
                return None
            rig.answer(asha, held.case_id, "reject" if cases[known[held.case_id]].problem else "approve")
            return known[held.case_id]

        return attend(cases, come, take)
    finally:
        rig.close()


def attend(cases: list[Arrival], come: Callable[[int], None], take: Callable[[int], int | None]) -> list[int]:
    """Let people take a case whenever they are free; when each case is answered, in microseconds."""
    free = [0] * REVIEWERS
    answered = [0] * len(cases)
    coming = done = 0
    while done < len(cases):
        now = heapq.heappop(free)
        while coming < len(cases) and cases[coming].opened_at <= now:
            come(coming)
            coming += 1
        index = take(now)
        if index is None:
            heapq.heappush(free, cases[coming].opened_at)
            continue
        answered[index] = now + cases[index].handling
        heapq.heappush(free, answered[index])
        done += 1
    return answered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, help="draw the share of problems caught to this .svg or .png")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()

    rng = np.random.default_rng(given.seed)
    cases = [replace(case, severity=float(rng.choice([1.0, 3.0, 10.0], p=[0.7, 0.2, 0.1]))) for case in draw(DAY, rng)]
    with TemporaryDirectory() as folder:
        answered = {"first come, first served": first_come(cases), "handrail's queue": by_handrail(cases, Path(folder))}
    found = {name: judge(cases, times) for name, times in answered.items()}
    if given.picture:
        picture(given.picture, cases, answered)
    if given.json:
        print(json.dumps({name: told(result) for name, result in found.items()}))
        return
    print(f"{len(cases)} posts, {sum(case.problem for case in cases)} of them true problems, {REVIEWERS} reviewers")
    for name, result in found.items():
        print(f"{name}: a problem is caught after {result.time_to_problem:.1f} minutes,")
        print(f"  harm (minutes × reach × severity) {result.harm:.1f}, past the deadline {result.late:.1%}")
    first, ours = found.values()
    print(
        f"time to catch {ours.time_to_problem / first.time_to_problem - 1:+.0%}, harm {ours.harm / first.harm - 1:+.0%}"
    )


def told(result: Result) -> dict[str, Any]:
    return {"minutes_to_problem": result.time_to_problem, "harm": result.harm, "late": result.late,
            "cases": result.cases}  # fmt: skip


def picture(path: Path, cases: list[Arrival], answered: dict[str, list[int]]) -> None:
    from handrail.cli.pictures import Series, curves

    weight = np.array([case.problem * case.reach * case.severity for case in cases])
    series = []
    for name, times in answered.items():
        waits = np.array([(at - case.opened_at) / MINUTE for case, at in zip(cases, times, strict=True)])
        order = np.argsort(waits)
        caught = np.cumsum(weight[order]) / weight.sum()
        series.append(Series(label=name, x=waits[order].tolist(), y=caught.tolist(), shape="step"))
    curves(path, title=f"A day of {len(cases)} posts, {REVIEWERS} reviewers", x="minutes since the post came in",
           y="share of harm (reach × severity) caught", series=series, percent="y", x_log=True)  # fmt: skip


if __name__ == "__main__":
    main()
