"""From closed cases to a fusion: which answers people gave where the truth is known.

The truth of a case is its outcome, else its gold answer. A case that is merely settled tells about one person where two
others or more agree, without him: nobody is measured by his own word. It teaches the matrices only, never the weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from handrail.canonical import JSON, loads_stored
from handrail.errors import NotEnoughEvidence
from handrail.learning.classes import chances_of, class_name, classes_of
from handrail.learning.fusion import Fusion
from handrail.learning.fusion_fit import LEAST_ANSWERS, fit_fusion
from handrail.learning.golds import known, value_of
from handrail.lifecycle.fusing import answers_in
from handrail.lifecycle.labels import label_noun
from handrail.lifecycle.rows import ReviewRow
from handrail.store import judged
from handrail.store.engine import Store

# the newest closed cases looked at
MOST_CASES = 5_000
FOREVER = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One closed case: what the model thought, what people answered, and the truth if it is known."""

    chances: dict[str, float]
    answers: tuple[tuple[str, str], ...]
    truth: str | None


def judged_cases(store: Store, workspace: str, action: str, *, most: int = MOST_CASES) -> list[Judged]:
    """The newest closed cases of an action that offer classes, and whose scores can be read."""
    made = []
    for row, reviews, outcomes in judged.cases(store, workspace, action, most=most):
        record = loads_stored(bytes(row.bytes))
        choices, chances = classes_of(record), chances_of(record)
        if choices is None or chances is None:
            continue
        given = [ReviewRow._make(each) for each in reviews]
        answers = tuple(each for each in answers_in(given, record, row.revision, FOREVER) if each[1] in choices)
        truth = _truth(record, row.revision, [label_noun(each.bytes).answer for each in outcomes], outcomes)
        made.append(Judged(chances=chances, answers=answers, truth=truth if truth in choices else None))
    return made


def fit(store: Store, workspace: str, action: str, *, fitted_at: int) -> Fusion:
    """Fit the fusion of an action. Raises `NotEnoughEvidence` below 30 answers to cases whose truth is known."""
    found = judged_cases(store, workspace, action)
    classes = _classes(found)
    cases = [each for each in found if set(each.chances) == set(classes)]
    known = [each for each in cases if each.truth is not None and each.answers]
    taught = [each for case in cases if case.truth is None for each in _settled(case)]
    have = sum(len(each.answers) for each in known) + len(taught)
    if len(classes) < 2 or have < LEAST_ANSWERS:
        raise NotEnoughEvidence(
            f"not enough evidence yet ({have} of {LEAST_ANSWERS} answers to cases of {action} whose truth is known)",
            have=have, need=LEAST_ANSWERS,
        )  # fmt: skip
    at = {name: i for i, name in enumerate(classes)}
    widest = max((len(each.answers) for each in known), default=1)
    said, who = np.full((len(known), widest), -1), np.full((len(known), widest), "", dtype=object)
    for i, each in enumerate(known):
        for j, (person, name) in enumerate(each.answers):
            said[i, j], who[i, j] = at[name], person
    p = np.array([[each.chances[name] for name in classes] for each in known]).reshape(len(known), len(classes))
    further = [(at[truth], at[name], person) for truth, name, person in taught]
    return fit_fusion(
        classes, p, [at[each.truth or ""] for each in known], said, people=who, further=further, fitted_at=fitted_at
    )


def _classes(found: Iterable[Judged]) -> list[str]:
    """The classes that most cases offer, in order of their names."""
    offered = Counter(tuple(sorted(each.chances)) for each in found)
    ranked = sorted(offered.items(), key=lambda each: (-each[1], each[0]))
    return list(ranked[0][0]) if ranked else []


def _settled(case: Judged) -> list[tuple[str, str, str]]:
    """(truth, answer, person) for whoever two others or more agree about, all of them."""
    made = []
    for person, name in case.answers:
        others = {each for who, each in case.answers if who != person}
        if len(others) == 1 and len(case.answers) >= 3:
            made.append((next(iter(others)), name, person))
    return made


def _truth(record: dict[str, Any], revision: int, answers: list[JSON], outcomes: list[Any]) -> str | None:
    """The outcome's value, or what it says of the suggestion; else the gold answer."""
    suggestion = record.get("arguments", {}).get("suggestion")
    for answer, each in zip(reversed(answers), reversed(outcomes), strict=True):
        if answer is not None:
            return class_name(answer)
        if label_noun(each.bytes).correct and suggestion is not None:
            return class_name(suggestion)
    gold = record.get("gold")
    if gold is None:
        return None
    truth = known(gold, suggestion, record.get("kind", "action"))
    if truth.answer is not None:
        return class_name(value_of(truth.answer))
    # a verdict alone names a class only where the suggestion, as it was made, is right
    return class_name(suggestion) if truth.model_right and suggestion is not None and revision == 1 else None
