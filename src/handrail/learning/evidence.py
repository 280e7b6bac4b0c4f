"""What a calibrator is fitted on: from labels to one score, one answer and one weight a case."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from handrail.canonical import JSON
from handrail.label import Label
from handrail.learning.classes import class_name
from handrail.learning.labels import agreed
from handrail.learning.soft_labels import Judge, Told, side, soft


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a calibrator is fitted on: one entry per case, in the order of the first label."""

    cases: tuple[str, ...]
    scores: tuple[JSON, ...]
    correct: tuple[bool, ...]
    # how likely that is by all answers of the case: the soft label; 0 or 1 where an outcome or a bare majority decides
    chances: tuple[float, ...]
    # 1 / P(this case was looked at)
    weights: tuple[float, ...]
    # the class that was proposed, and the one that was true, by name; None where there is none or nobody knows
    answers: tuple[str | None, ...]
    truth: tuple[str | None, ...]
    # when the first and the last label was made, in microseconds; None without labels
    period: tuple[int, int] | None
    # which version of the model made these scores
    model: str | None
    # labels left out, by reason
    left_out: dict[str, int]


def evidence(labels: Iterable[Label], *, by_name: bool = True, judge: Judge | None = None) -> Evidence:
    """One (score, right or wrong) per case. An outcome overrides reviews; reviewers who tie say nothing; golds stay
    out, and so does every label of a case that was picked because it teaches, an outcome too: what is picked for being
    doubtful says nothing about the rest.

    The score is `scores`, or the stated `confidence` where no scores were sent. `by_name`: a list of numbers as long as
    the choices becomes an object by choice. `judge` reads the answers of cases without an outcome, where it has enough
    to go by; golds tell it whom to believe. Labels of another version of the model than the newest label's stay out.
    """
    labels = list(labels)
    newest = max(labels, key=lambda label: (label.made_at, label.id)).model if labels else None
    by_case: dict[str, list[Label]] = defaultdict(list)
    left_out: dict[str, int] = defaultdict(int)
    for label in labels:
        score = label.confidence if label.scores is None else label.scores
        if label.source == "gold":
            left_out["gold"] += 1
        elif label.source == "outvoted":
            # it tells the judge whom to believe, and is no truth by itself
            left_out["outvoted"] += 1
        elif label.stream == "weighted":
            # drawn where an error was in doubt: it estimates and alarms, and never fits or certifies
            left_out["weighted check"] += 1
        elif label.correct is None:
            left_out["unknown"] += 1
        elif score is None:
            left_out["no score"] += 1
        elif label.source == "active" or label.inclusion is None:
            left_out["picked to learn from"] += 1
        elif not 0.0 < label.inclusion <= 1.0:
            left_out["no inclusion probability"] += 1
        elif label.model != newest:
            left_out["another version of the model"] += 1
        else:
            by_case[label.case_id].append(label)
    right_of = {case: agreed(found) for case, found in by_case.items()}
    soft_of = _soft(labels, by_case, judge)
    right_of |= {case: side(chance) for case, chance in soft_of.items()}
    left_out["tie"] += sum(len(by_case[case]) for case, right in right_of.items() if right is None)
    kept = {case: by_case[case] for case, right in right_of.items() if right is not None}
    first = [found[0] for found in kept.values()]
    times = [label.made_at for found in kept.values() for label in found]
    return Evidence(
        cases=tuple(kept),
        scores=tuple(_score(label, by_name=by_name) for label in first),
        correct=tuple(bool(right_of[case]) for case in kept),
        chances=tuple(soft_of.get(case, float(bool(right_of[case]))) for case in kept),
        weights=tuple(1.0 / (label.inclusion or 1.0) for label in first),
        answers=tuple(None if label.predicted is None else _class(label) for label in first),
        truth=tuple(_true_class(found, right=bool(right_of[case])) for case, found in kept.items()),
        period=(min(times), max(times)) if times else None,
        model=newest,
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def _soft(labels: list[Label], by_case: Mapping[str, list[Label]], judge: Judge | None) -> dict[str, float]:
    """The chance that each case's proposal was right, where people alone decide and the judge can say."""
    if judge is None:
        return {}
    told = (
        Told(label.case_id, label.source, label.correct, label.reviewer, label.verdict)
        for label in sorted(labels, key=lambda label: (label.made_at, label.id))
    )
    found = soft(told, judge)
    judged = {case: given for case, given in by_case.items() if case in found}
    return {
        case: found[case] for case, given in judged.items() if not any(label.source == "outcome" for label in given)
    }


def scores_by_name(scores: JSON, given: JSON) -> JSON:
    """A list of numbers as an object by choice, where what was asked (`given`) lists as many choices."""
    choices = given.get("choices") if isinstance(given, dict) else None
    if not isinstance(scores, list) or not isinstance(choices, list) or len(scores) != len(choices):
        return scores
    names = [class_name(choice) for choice in choices]
    plain = all(isinstance(score, int | float) and not isinstance(score, bool) for score in scores)
    return dict(zip(names, scores, strict=True)) if plain and len(set(names)) == len(names) else scores


def _score(label: Label, *, by_name: bool) -> JSON:
    if label.scores is None:
        return label.confidence
    return scores_by_name(label.scores, label.input) if by_name else label.scores


def _class(label: Label) -> str | None:
    # what an action was called with is no class
    offered = isinstance(label.input, dict) and isinstance(label.input.get("choices"), list)
    return class_name(label.predicted) if offered or isinstance(label.predicted, str) else None


def _true_class(labels: list[Label], *, right: bool) -> str | None:
    """What was proposed if that was right; else the outcome's value, or what most reviewers answered instead."""
    proposed = _class(labels[0]) if labels[0].predicted is not None else None
    if right or proposed is None:
        return proposed
    outcomes = [label for label in labels if label.source == "outcome"]
    if outcomes:
        value = max(outcomes, key=lambda label: (label.made_at, label.id)).answer
        return None if value is None else class_name(value)
    latest = {label.reviewer: label.answer for label in sorted(labels, key=lambda label: (label.made_at, label.id))}
    counted = Counter(class_name(answer) for answer in latest.values() if answer is not None).most_common(1)
    return counted[0][0] if counted and 2 * counted[0][1] > len(latest) else None
