"""Answers that look less than independent: errors that coincide, one answer to everything, worse than guessing, haste.

A finding is a reason to look, never a verdict on a person. Nothing is said below 50 cases, and among many reviewers
or pairs Holm's correction keeps the chance of any false finding at the level. Speed alone judges nobody: on
real data a quarter answered faster than could be read, and agreed with the rest more. It is a hint.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from handrail.binomial import at_least, at_most
from handrail.consensus.answers import Answer, collect
from handrail.consensus.proportions import holm

LEAST = 50
LEVEL = 0.05
# less of one label than this is no single answer
ONE_SIDED = 0.8
# a reviewer at under a third of the usual time
HASTE = 1.0 / 3.0

Kind = Literal["errors_coincide", "one_answer", "worse_than_guessing", "fast"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One finding: about whom, of how many cases, how sure."""

    kind: Kind
    reviewers: tuple[str, ...]
    # cases that count, how many of them show it, and how many would by chance
    n: int
    seen: int
    expected: float
    # corrected for all that was tested; None for a hint
    p: float | None
    text: str


def coinciding_errors(
    answers: Iterable[Answer], truth: Mapping[str, Any], *, level: float = LEVEL, least: int = LEAST
) -> list[Anomaly]:
    """Pairs who are wrong together more often than two people who err apart: copying, or a shared blind spot.

    `truth`: what is known apart from these people (golds, outcomes); a consensus that they made shows nothing.
    """
    wrong = _wrong(answers, truth)
    tested: dict[tuple[str, str], tuple[int, int, float]] = {}
    p_values: dict[tuple[str, str], float] = {}
    for one, two in combinations(sorted(wrong), 2):
        shared = wrong[one].keys() & wrong[two].keys()
        n = len(shared)
        if n < least:
            continue
        errs_one, errs_two = sum(wrong[one][case] for case in shared), sum(wrong[two][case] for case in shared)
        both = sum(wrong[one][case] and wrong[two][case] for case in shared)
        chance = errs_one * errs_two / (n * n)
        tested[one, two] = (n, both, n * chance)
        p_values[one, two] = at_least(both, n, chance)
    return [
        Anomaly(
            kind="errors_coincide", reviewers=pair, n=tested[pair][0], seen=tested[pair][1],
            expected=tested[pair][2], p=p,
            text=f"wrong together on {tested[pair][1]} of {tested[pair][0]} cases, {tested[pair][2]:.1f} by chance",
        )
        for pair, p in holm(p_values, level).items()
    ]  # fmt: skip


def worse_than_guessing(
    answers: Iterable[Answer], truth: Mapping[str, Any], *, level: float = LEVEL, least: int = LEAST
) -> list[Anomaly]:
    """Reviewers who are right less often than a guess among the labels would be: poisoning, or a swapped scale."""
    given = list(answers)
    labels = {label for _, _, label in given if label is not None} | set(truth.values())
    if len(labels) < 2:
        return []
    guess = 1.0 / len(labels)
    wrong = {who: found for who, found in _wrong(given, truth).items() if len(found) >= least}
    right = {who: sum(not bad for bad in found.values()) for who, found in wrong.items()}
    p_values = {who: at_most(right[who], len(found), guess) for who, found in wrong.items()}
    return [
        Anomaly(
            kind="worse_than_guessing", reviewers=(who,), n=len(wrong[who]), seen=right[who],
            expected=guess * len(wrong[who]), p=p,
            text=f"right on {right[who]} of {len(wrong[who])}, fewer than by guessing",
        )
        for who, p in holm(p_values, level).items()
    ]  # fmt: skip


def one_answer(answers: Iterable[Answer], *, level: float = LEVEL, least: int = LEAST) -> list[Anomaly]:
    """Reviewers who give one label far more often than others give it on the very same cases.

    Their answers hardly depend on the case. A queue that is one-sided in itself shows nothing: there all do.
    """
    held = collect(answers)
    counts = held.counts
    p_values: dict[str, float] = {}
    seen: dict[str, tuple[int, int, float, Any]] = {}
    for i, who in enumerate(held.reviewers):
        mine = held.reviewer == i
        case, label = held.case[mine], held.label[mine]
        others = counts[case].copy()
        others[np.arange(len(case)), label] -= 1.0
        shared = others.sum(axis=1) > 0
        n = int(shared.sum())
        if n < least:
            continue
        top = int(np.bincount(label[shared]).argmax())
        hits = int((label[shared] == top).sum())
        if hits < ONE_SIDED * n:
            continue
        # one pseudo-case, so that others who never gave it do not make a single answer infinitely odd
        expected = float((others[shared, top] / others[shared].sum(axis=1)).sum())
        chance = (expected + 0.5) / (n + 1.0)
        seen[who] = (n, hits, n * chance, held.labels[top])
        # half a look: also against the most uneven way others could have answered by luck
        p_values[who] = at_least(hits, n, min(1.0, chance + _slack(chance, int(others[shared].sum()))))
    return [
        Anomaly(
            kind="one_answer", reviewers=(who,), n=seen[who][0], seen=seen[who][1], expected=seen[who][2], p=p,
            text=f"gave {str(seen[who][3])[:40]!r} on {seen[who][1]} of {seen[who][0]} cases; "
            f"on those, others' answers make {seen[who][2]:.0f} likely",
        )
        for who, p in holm(p_values, level).items()
    ]  # fmt: skip


def haste(dwell: Iterable[tuple[str, float | None]], *, least: int = LEAST) -> list[Anomaly]:
    """Reviewers whose median time is under a third of the median of all. A hint to look at golds, nothing more.

    `dwell`: (reviewer, seconds); None where nobody counted.
    """
    by_person: dict[str, list[float]] = defaultdict(list)
    for who, seconds in dwell:
        if seconds is not None and seconds >= 0:
            by_person[who].append(seconds)
    if len(by_person) < 2:
        return []
    usual = float(np.median([second for found in by_person.values() for second in found]))
    made = []
    for who, found in sorted(by_person.items()):
        own = float(np.median(found))
        if len(found) >= least and own < HASTE * usual:
            made.append(Anomaly(
                kind="fast", reviewers=(who,), n=len(found), seen=int(sum(s < HASTE * usual for s in found)),
                expected=0.0, p=None, text=f"median {own:.1f} s, all together {usual:.1f} s: a hint, golds judge",
            ))  # fmt: skip
    return made


def _slack(chance: float, n: int) -> float:
    """How far others' share may be off for its own small number: two standard errors."""
    return float(2.0 * np.sqrt(chance * (1.0 - chance) / max(1, n)))


def _wrong(answers: Iterable[Answer], truth: Mapping[str, Any]) -> dict[str, dict[str, bool]]:
    """By reviewer and case: whether the latest answer was wrong, where the truth is known."""
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    for case, who, label in answers:
        if label is not None and case in truth:
            found[who][case] = label != truth[case]
    return dict(found)
