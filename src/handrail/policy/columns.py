"""Routing whole columns at once: what `Policy.route` says of each row, by array arithmetic.

Thresholds, amounts, autonomy, schedules and lists of tools are computed for all rows together. Rows
whose action has rules, budgets, a schema or grants, or that carry categories, go through `route` one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from handrail.errors import InvalidInput
from handrail.policy import clauses
from handrail.policy.amounts import LARGEST, SMALLEST, read_amount
from handrail.policy.currencies import CURRENCIES
from handrail.policy.evaluate import Policy
from handrail.policy.facts import NO_FACTS, Asking, Facts
from handrail.policy.plans import Plan, aliases, irreversible_names, normal
from handrail.policy.terms import staging
from handrail.proposal import Proposal
from handrail.route import SEVERITY

COLUMNS = ("action", "confidence", "amount", "currency", "tool", "categories", "kind", "gain")
# rows at a time: small enough for the processor's cache
_CHUNK = 1 << 15
_REMEMBERED = 100_000

Column = Any
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_ABSENT, _UNKNOWN = 0, 1
_LARGEST, _SMALLEST = float(LARGEST), float(SMALLEST)


@dataclass(frozen=True, slots=True)
class RoutedColumns:
    """One entry a row: `tiers` index `route.TIERS`, `reviewers` counts people (255 stands for more)."""

    tiers: NDArray[np.uint8]
    reviewers: NDArray[np.uint8]


def route_many(policy: Policy, columns: Mapping[str, Column], *, now: int) -> RoutedColumns:
    """Route every row of `columns`.

    `action` is needed (text); `confidence` and `amount` are numbers, None for absent (amounts may be decimal strings,
    and NaN is absent too; a confidence of NaN is no number, so a person decides); `currency` and `tool` text or None;
    `categories` sequences of text; `kind` text; `gain` what asking a person would save, in the money of the policy's
    costs, for actions with `gate: value` (NaN: not known). Raises `InvalidInput` for an unknown column or columns of
    different lengths.
    """
    return _Router(policy, now).route(_checked(columns))


def _checked(columns: Mapping[str, Column]) -> dict[str, Column]:
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown or "action" not in columns:
        said = f"there is no column {unknown[0]!r}" if unknown else "the column action is missing"
        raise InvalidInput(said, remedy=f"Give action, and any of: {', '.join(COLUMNS[1:])}.")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidInput(f"columns have different lengths: {lengths}", remedy="Give one entry a row in each.")
    return dict(columns)


class _Codes(dict[Any, int]):
    """Text to a small integer, asking `find` once for each text."""

    def __init__(self, find: Any):
        super().__init__()
        self.find = find

    def __missing__(self, key: Any) -> int:
        code = int(self.find(key))
        if len(self) < _REMEMBERED:
            self[key] = code
        return code

    def read(self, column: Column) -> NDArray[np.intp]:
        values = column.tolist() if isinstance(column, np.ndarray) else column
        return np.fromiter(map(self.__getitem__, values), dtype=np.intp, count=len(column))


class _Router:
    def __init__(self, policy: Policy, now: int):
        self.policy = policy
        self.now = now
        self.names = irreversible_names(policy.document)
        plans = policy.plans()
        self.code_of = {plan.action: number for number, plan in enumerate(plans)}
        self.other = len(plans) - 1
        self.currencies = {code: number + 2 for number, code in enumerate(sorted(CURRENCIES))}
        default = policy.document.default_currency
        self.absent_currency = self.currencies[default] if default else _ABSENT
        self.slow = np.array([_needs_rows(plan) for plan in plans])
        self.auto = _numbers(plan.auto for plan in plans)
        self.soft = _numbers(plan.soft for plan in plans)
        self.without = np.array([_rank_without_confidence(plan) for plan in plans], dtype=np.uint8)
        weighings = [plan.weighing for plan in plans]
        self.weighs = np.array([weighing is not None for weighing in weighings])
        self.review = _numbers(weighing.review if weighing else None for weighing in weighings)
        self.delay = _numbers(weighing.delay if weighing else None for weighing in weighings)
        self.undo = _numbers(weighing.undo if weighing else None for weighing in weighings)
        self.irreversible = np.array([plan.irreversible for plan in plans])
        self.reversible = np.array([plan.undo is not None and not plan.irreversible for plan in plans])
        self.uncertified = np.array([plan.target_error is not None and _bare(plan) for plan in plans])
        self.floor = np.array([self._floor(plan) for plan in plans], dtype=np.uint8)
        self.tools = np.array([plan.names_tools for plan in plans])
        self.has_cap = np.array([bool(plan.caps) for plan in plans])
        self.has_two = np.array([bool(plan.two_above) for plan in plans])
        self.caps = self._limits([plan.caps for plan in plans])
        self.twos = self._limits([plan.two_above for plan in plans])
        people = policy.review_settings.min_reviewers_per_task
        high = policy.review_settings.high_stakes_min_reviewers
        self.people = np.array([_people(plan, people) for plan in plans], dtype=np.uint8)
        self.many = np.array([_people(plan, max(people, high)) for plan in plans], dtype=np.uint8)

    def route(self, columns: dict[str, Column]) -> RoutedColumns:
        rows = len(columns["action"])
        tiers, reviewers = np.empty(rows, np.uint8), np.empty(rows, np.uint8)
        actions = _Codes(lambda name: self.code_of.get(name, self.other))
        money = _Codes(self._currency)
        tools = _Codes(self._tool)
        for start in range(0, rows, _CHUNK):
            part = {name: column[start : start + _CHUNK] for name, column in columns.items()}
            here = slice(start, start + len(part["action"]))
            codes = actions.read(part["action"])
            amount, inexact = _amounts(part.get("amount"), len(codes))
            confidence = _confidences(part.get("confidence"), len(codes))
            tiers[here] = np.where(
                _malformed(part.get("confidence"), confidence), clauses.HARD, self._confidence(codes, confidence)
            )
            if self.weighs[codes].any():
                gain, kind = _confidences(part.get("gain"), len(codes)), part.get("kind")
                tiers[here] = np.maximum(tiers[here], self._asking(codes, confidence, gain, kind))
            asked_tools = self.tools[codes]
            if asked_tools.any():
                gate = tools.read(part["tool"]) if "tool" in part else np.ones(len(codes), np.intp)
                tiers[here] = np.maximum(tiers[here], np.where(asked_tools & (gate > 0), clauses.HARD, 0))
            currency = money.read(part["currency"]) if "currency" in part else np.full(len(codes), self.absent_currency)
            hard, many = self._amount(codes, amount, currency)
            tiers[here] = np.maximum(tiers[here], np.where(hard, clauses.HARD, 0))
            people = np.where(many, self.many[codes], self.people[codes])
            tier = tiers[here]
            reviewers[here] = np.where((tier == clauses.SOFT) | (tier == clauses.HARD), people, 0)
            for row in np.flatnonzero(self.slow[codes] | inexact | _named(part.get("categories"), len(codes))):
                self._one(part, int(row), start, tiers, reviewers)
        return RoutedColumns(tiers, reviewers)

    def _confidence(self, codes: NDArray[np.intp], confidence: Floats) -> NDArray[np.uint8]:
        """Thresholds (comparing with NaN is false, so what is absent falls through), then floors."""
        with np.errstate(invalid="ignore"):
            tier = np.where(confidence >= self.auto[codes], clauses.AUTO, clauses.HARD)
            tier = np.where((tier == clauses.HARD) & (confidence >= self.soft[codes]), clauses.SOFT, tier)
            bare = self.without[codes]
            tier = np.where(bare < clauses.HARD, bare, tier)
            tier = np.where((confidence < 0.0) | (confidence > 1.0), clauses.HARD, tier)
        return np.maximum(tier.astype(np.uint8), self.floor[codes])

    def _asking(self, codes: NDArray[np.intp], confidence: Floats, gain: Floats, kind: Column) -> NDArray[np.uint8]:
        """What `asking.of_asking` says beyond the thresholds; 0 for actions that weigh nothing."""
        other = np.zeros(len(codes), bool) if kind is None else np.array([bool(k) and k != "action" for k in kind])
        undo = np.where(self.reversible[codes] | (other & ~self.irreversible[codes]), self.undo[codes], 0.0)
        with np.errstate(invalid="ignore"):
            soft, hard = undo * gain - self.review[codes], gain - self.review[codes] - self.delay[codes]
            known = (confidence >= 0.0) & (confidence <= 1.0) & (gain >= 0.0) & (gain < np.inf)
            tier = np.where(soft > 0.0, clauses.SOFT, clauses.AUTO)
            tier = np.where(hard > np.maximum(soft, 0.0), clauses.HARD, tier)
        tier = np.where(known & ~self.uncertified[codes], tier, clauses.HARD)
        return np.where(self.weighs[codes], tier, clauses.AUTO).astype(np.uint8)

    def _amount(self, codes: NDArray[np.intp], amount: Floats, currency: NDArray[np.intp]) -> tuple[Flags, Flags]:
        """Which rows an amount gates, and which need more people for it."""
        given = ~np.isnan(amount)
        has_cap, has_two = self.has_cap[codes], self.has_two[codes]
        with np.errstate(invalid="ignore"):
            bad = given & ((amount < 0) | (amount > _LARGEST) | ((amount < _SMALLEST) & (amount != 0)))
            bad |= given & (currency == _UNKNOWN)
        cap, two = self.caps[codes, currency], self.twos[codes, currency]
        known = ~np.isnan(np.where(has_cap, cap, two))
        lost = (has_cap | has_two) & (~given | ~known)
        with np.errstate(invalid="ignore"):
            above, many = amount > cap, amount > two
        unknown = bad | lost
        many = np.where(unknown, has_two, many | (np.isnan(two) & has_two & above))
        return unknown | above | many, many

    def _one(
        self, part: dict[str, Column], row: int, start: int, tiers: NDArray[np.uint8], reviewers: NDArray[np.uint8]
    ) -> None:
        proposal = row_as_proposal({name: column[row] for name, column in part.items()})
        gain = part["gain"][row] if part.get("gain") is not None else None
        facts = NO_FACTS if _absent(gain) else Facts(asking=Asking(gain=float(cast(float, gain))))
        route = self.policy.route(proposal, facts, now=self.now, draw=1.0)
        tiers[start + row] = SEVERITY[route.tier]
        reviewers[start + row] = min(route.reviewers, 255)

    def _limits(self, limits: list[Mapping[str, Decimal]]) -> Floats:
        made = np.full((len(limits), len(self.currencies) + 2), np.nan)
        for number, by_currency in enumerate(limits):
            for currency, value in by_currency.items():
                made[number, self.currencies[currency]] = float(value)
        return made

    def _floor(self, plan: Plan) -> int:
        """What the action asks for whatever the row holds."""
        found: list[clauses.Clause | None] = [clauses.of_autonomy(plan), clauses.of_always_review(plan)]
        found += clauses.of_schedules(plan.schedules, self.now)
        ranks = [one.rank for one in found if one is not None]
        return max((clauses.HARD if plan.irreversible or not plan.declared else clauses.AUTO, *ranks))

    def _currency(self, name: Any) -> int:
        if _absent(name):
            return self.absent_currency
        return self.currencies.get(name.upper(), _UNKNOWN) if isinstance(name, str) else _UNKNOWN

    def _tool(self, name: Any) -> int:
        """1 where the tool gates: listed, or not named."""
        named = isinstance(name, str) and normal(name)
        return int(not named or any(alias in self.names for alias in aliases(name)))


def row_as_proposal(row: Mapping[str, Any]) -> Proposal:
    """The proposal that one row stands for."""
    confidence, amount = row.get("confidence"), row.get("amount")
    currency, tool = row.get("currency"), row.get("tool")
    return Proposal(
        action=str(row["action"]),
        kind=row.get("kind") or "action",
        confidence=None if confidence is None else float(confidence),
        amount=None if _absent(amount) else _spell(amount),
        currency=None if _absent(currency) else str(currency),
        categories=tuple(row.get("categories") or ()),
        arguments={"tool": str(tool)} if isinstance(tool, str) else {},
    )


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _spell(amount: Any) -> str:
    value = amount.item() if isinstance(amount, np.generic) else amount
    return repr(value) if isinstance(value, float) else str(value)


def _needs_rows(plan: Plan) -> bool:
    limits = (*plan.caps.values(), *plan.two_above.values())
    fine = any(Decimal(repr(float(limit))) != limit for limit in limits)
    return bool(
        plan.rules or plan.budgets or plan.validator is not None or plan.grants or plan.needs_calibrator or fine
    )


def _numbers(values: Iterator[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _rank_without_confidence(plan: Plan) -> int:
    free = _bare(plan) and (
        plan.weighing is not None or (plan.target_error is None and plan.autonomy in ("full", "notify"))
    )
    return clauses.AUTO if free else clauses.HARD


def _bare(plan: Plan) -> bool:
    return plan.auto is None and plan.soft is None


def _people(plan: Plan, least: int) -> int:
    return min(staging(plan.terms, max(least, plan.terms.reviewers))[2], 255)


def _confidences(column: Column, rows: int) -> Floats:
    if column is None:
        return np.full(rows, np.nan)
    try:
        return np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(
            "confidence is not a column of numbers", remedy="Use NaN or None where there is none."
        ) from None


def _malformed(column: Column, confidence: Floats) -> Flags:
    """Which were given as NaN. What is None is absent, and may be let through where none is asked for."""
    nan: Flags = np.isnan(confidence)
    if column is None:
        return np.zeros(len(nan), bool)
    if nan.any() and not (isinstance(column, np.ndarray) and column.dtype.kind == "f"):
        nan &= np.fromiter((value is not None for value in column), dtype=bool, count=len(nan))
    return nan


def _amounts(column: Column, rows: int) -> tuple[Floats, Flags]:
    """Amounts as floats, and which of them a float does not hold exactly."""
    if column is None:
        return np.full(rows, np.nan), np.zeros(rows, bool)
    array = column if isinstance(column, np.ndarray) else np.array(column, dtype=object)
    if array.dtype.kind == "f":
        exact = array.dtype.itemsize == 8
        return array.astype(np.float64), np.full(rows, not exact)
    if array.dtype.kind in "iu":
        made = array.astype(np.float64)
        return made, np.abs(made) > 2.0**53
    read = [_one_amount(value) for value in array.tolist()]
    return np.array([value for value, _ in read], dtype=np.float64), np.array([not exact for _, exact in read], bool)


def _one_amount(value: Any) -> tuple[float, bool]:
    """The float, and whether arrays may judge it."""
    if _absent(value):
        return np.nan, True
    exact = read_amount(value)
    if exact is None:
        return np.inf, True
    made = float(exact)
    return made, Decimal(repr(made)) == exact


def _named(column: Column, rows: int) -> Flags:
    if column is None:
        return np.zeros(rows, bool)
    return np.fromiter((bool(value is not None and len(value)) for value in column), dtype=bool, count=rows)
