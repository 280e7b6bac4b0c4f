"""Proposed grants: where people have always agreed, a narrow permission can be proposed, with its back-test.

Every candidate (a value of one argument, a cap on the amount, a floor on the confidence) is laid down before any answer
is looked at, and the bound on its share of mistakes is widened for the number of candidates (Bonferroni), so that
picking the best one does not flatter it. Nothing is issued here: a person reads it, and issues it or not.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from handrail.canonical import JSON
from handrail.errors import InvalidInput

# of mistakes among k of n, at most so many in truth, but for a chance of delta
Bound = Callable[[int, int, float], float]
USUAL_SECONDS = 14 * 86_400
# arguments with more values than these are names of things, not kinds of things
MOST_VALUES = 20
LONGEST_VALUE = 64
QUANTILES = (0.5, 0.75, 0.9, 1.0)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One decided proposal of the action. Leave personal values out of `arguments`."""

    arguments: dict[str, JSON]
    # approved as it was, and not contradicted by an outcome
    right: bool
    amount: Decimal | None = None
    currency: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedGrant:
    """A grant worth a look, and its back-test."""

    action: str
    # CEL over one proposal
    when: str
    seconds: int
    lifts: tuple[str, ...]
    # what it would have let through of `of` decided proposals, and how many of those people or outcomes contradicted
    passed: int
    wrong: int
    of: int
    # upper bound of the share of mistakes among what it lets through, at 1 − delta over all candidates
    bound: float
    delta: float
    candidates: int

    def to_json(self) -> dict[str, JSON]:
        """As it is printed."""
        return {
            "action": self.action, "when": self.when, "seconds": self.seconds, "lifts": list(self.lifts),
            "back_test": {"passed": self.passed, "wrong": self.wrong, "of": self.of, "bound": round(self.bound, 4),
                          "delta": self.delta, "candidates": self.candidates},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Candidate:
    when: str
    covers: Callable[[Past], bool]


def propose_grant(
    action: str, past: Sequence[Past], *, bound: Bound, target: float = 0.05, delta: float = 0.05,
    seconds: int = USUAL_SECONDS,
) -> ProposedGrant | None:  # fmt: skip
    """The candidate that lets most through with a bound on its mistakes of at most `target`; None if none has one.

    `bound(k, n, delta)` is an exact upper confidence bound, such as `handrail.calibration.binomial.upper_bound`.
    Raises `InvalidInput` unless target and delta lie between 0 and 1.
    """
    if not (0.0 < target < 1.0 and 0.0 < delta < 1.0):
        raise InvalidInput("the target and delta lie strictly between 0 and 1")
    candidates = list(_candidates(past))
    best: ProposedGrant | None = None
    for candidate in candidates:
        covered = [one for one in past if candidate.covers(one)]
        wrong = sum(not one.right for one in covered)
        most = bound(wrong, len(covered), delta / len(candidates)) if covered else 1.0
        if most <= target and (best is None or len(covered) > best.passed):
            best = ProposedGrant(
                action=action, when=candidate.when, seconds=seconds, lifts=("confidence", "autonomy"),
                passed=len(covered), wrong=wrong, of=len(past), bound=most, delta=delta, candidates=len(candidates),
            )  # fmt: skip
    return best


def _candidates(past: Sequence[Past]) -> Iterator[_Candidate]:
    """Each kind of thing × each cap × each floor; every one of them narrows. Money is capped wherever it moves."""
    kinds: list[_Candidate | None] = [None, *_kinds(past)]
    for kind in kinds:
        inside = [one for one in past if kind is None or kind.covers(one)]
        for cap in _caps(inside):
            for floor in (None, *_floors(inside)):
                parts = [part for part in (kind, cap, floor) if part is not None]
                if parts:
                    yield _both(parts)


def _both(parts: list[_Candidate]) -> _Candidate:
    return _Candidate(" && ".join(part.when for part in parts), lambda one: all(part.covers(one) for part in parts))


def _kinds(past: Sequence[Past]) -> Iterator[_Candidate]:
    names = sorted({name for one in past for name in one.arguments if _NAME.fullmatch(name)})
    for name in names:
        values = Counter(
            value for one in past if isinstance(value := one.arguments.get(name), str) and len(value) <= LONGEST_VALUE
        )
        if len(values) > MOST_VALUES:
            continue
        for value in sorted(values):
            yield _Candidate(f"arguments.{name} == {json.dumps(value)}", _is(name, value))


def _is(name: str, value: str) -> Callable[[Past], bool]:
    return lambda one: one.arguments.get(name) == value


def _caps(past: Sequence[Past]) -> Iterator[_Candidate | None]:
    currencies = {one.currency for one in past}
    moved = [one for one in past if one.amount is not None]
    if not moved:
        yield None
        return
    for currency in sorted(currency for currency in currencies if currency is not None):
        amounts = sorted(one.amount for one in moved if one.currency == currency and one.amount is not None)
        for cap in sorted({amounts[round(share * (len(amounts) - 1))] for share in QUANTILES}):
            when = f'currency == "{currency}" && amount <= {float(cap)!r}'
            yield _Candidate(when, _capped(currency, cap))


def _capped(currency: str, cap: Decimal) -> Callable[[Past], bool]:
    return lambda one: one.currency == currency and one.amount is not None and one.amount <= cap


def _floors(past: Sequence[Past]) -> Iterator[_Candidate]:
    known = sorted(one.confidence for one in past if one.confidence is not None)
    for share in (0.25, 0.5) if known else ():
        floor = known[round(share * (len(known) - 1))]
        yield _Candidate(f"confidence >= {floor!r}", _above(floor))


def _above(floor: float) -> Callable[[Past], bool]:
    return lambda one: one.confidence is not None and one.confidence >= floor
