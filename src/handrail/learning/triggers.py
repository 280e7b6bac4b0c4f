"""When to retrain, and on which labels: full batches whose reviewers agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from handrail.errors import InvalidInput
from handrail.label import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Whether it is time to retrain."""

    due: bool
    # labels since the last time, and how many more are wanted (0 when due)
    labels: int
    missing: int


def retrain_due(labels_since: int, every: int | None) -> Due:
    """`every` labels since the last retraining; None: only by hand."""
    if labels_since < 0 or (every is not None and every < 1):
        raise InvalidInput(f"{labels_since} labels, every {every}: counts are positive")
    if every is None:
        return Due(due=False, labels=labels_since, missing=0)
    return Due(due=labels_since >= every, labels=labels_since, missing=max(0, every - labels_since))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Labels that go to training together, or are held back together."""

    state: Literal["ready", "held"]
    labels: tuple[Label, ...]
    # agreement of the cases that two or more people answered; None when there are none
    agreement: float | None
    reason: str

    @property
    def size(self) -> int:
        """How many of them are trained on; outvoted answers only tell how far people agree."""
        return sum(label.source != "outvoted" for label in self.labels)


AgreementOf = Callable[[Sequence[tuple[str, str, str]]], float | None]
"""From (case, reviewer, answer) to an agreement between 0 and 1; None where nobody answered a case twice."""


def batches(
    labels: Sequence[Label],
    agreement_of: AgreementOf,
    *,
    size: int = 256,
    min_agreement: float = 0.85,
    chances: Mapping[str, float] | None = None,
) -> tuple[Batch, ...]:
    """Cut labels into full batches, in order; what is left over waits for more.

    All labels of a case stay in one batch, so a batch can be somewhat larger than `size`. What people cannot agree on
    would teach noise. `chances` holds the chance that each case's proposal was right: a case answered by several people
    whose likelier side is below `min_agreement` is held back by itself, and the rest of its batch is ready. Where it
    says nothing of a batch, the whole batch is held back when its reviewers agree less than that.
    """
    if size < 1 or not 0.0 <= min_agreement <= 1.0:
        raise InvalidInput(f"batches of {size} at agreement {min_agreement} make no sense")
    made: list[Batch] = []
    gathered: list[Label] = []
    for case in _by_case(labels):
        gathered += case
        if len(gathered) >= size:
            made += _judged(gathered, agreement_of, min_agreement, chances or {})
            gathered = []
    return tuple(made)


def answers(labels: Sequence[Label]) -> list[tuple[str, str, str]]:
    """(case, reviewer, right or wrong) of what people said, or their very answer where there was nothing to be right
    about; golds and outcomes are nobody's opinion."""
    return [
        (label.case_id, label.reviewer, said)
        for label in labels
        if label.reviewer is not None and label.source not in {"gold", "outcome"}
        if (said := _said(label)) is not None
    ]


def _said(label: Label) -> str | None:
    if label.correct is None:
        return None if label.answer is None else f"answer {label.answer!r}"
    return "right" if label.correct else "wrong"


def _by_case(labels: Sequence[Label]) -> list[list[Label]]:
    found: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        found[label.case_id].append(label)
    return list(found.values())


def _judged(labels: list[Label], agreement_of: AgreementOf, least: float, chances: Mapping[str, float]) -> list[Batch]:
    people: dict[str, set[str]] = defaultdict(set)
    for case, reviewer, _ in answers(labels):
        people[case].add(reviewer)
    several = {case for case, who in people.items() if len(who) > 1}
    if not several or not several <= chances.keys():
        return [_judge(labels, agreement_of, least)]
    unclear = {case for case in several if max(chances[case], 1.0 - chances[case]) < least}
    found = agreement_of(answers(labels))
    ready = tuple(label for label in labels if label.case_id not in unclear)
    held = tuple(label for label in labels if label.case_id in unclear)
    made = []
    if ready:
        told = f"the consensus of every case is at least {least:.3f}"
        made.append(Batch(state="ready", labels=ready, agreement=found, reason=told))
    if held:
        told = f"the consensus of these {len(unclear)} cases is under the least of {least:.3f} for training"
        made.append(Batch(state="held", labels=held, agreement=found, reason=told))
    return made


def _judge(labels: list[Label], agreement_of: AgreementOf, least: float) -> Batch:
    found = agreement_of(answers(labels))
    state: Literal["ready", "held"] = "ready"
    if found is None:
        reason = "no case was answered by two people, so agreement is unknown"
    elif found >= least:
        reason = f"reviewers agree {found:.3f}, at least {least:.3f}"
    else:
        state, reason = "held", f"reviewers agree {found:.3f}, under the least of {least:.3f} for training"
    return Batch(state=state, labels=tuple(labels), agreement=found, reason=reason)
