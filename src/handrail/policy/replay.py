"""What a change of policy would have done to a recorded stream: counts, work, cost, and which proposals move."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from handrail.clock import SECOND
from handrail.policy.evaluate import Policy
from handrail.policy.facts import Asking, Facts, Usage, Window
from handrail.proposal import Proposal
from handrail.route import SEVERITY, TIERS, Route, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One proposal of the stream, and what is known of it."""

    proposal: Proposal
    # microseconds; None: as late as the one before
    at: int | None = None
    # whether it turned out right; None: not known
    correct: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Money, in any one currency: of one review, of a wrong proposal let through, of a right one refused."""

    review: float = 0.0
    wrong: float = 0.0
    refused: float = 0.0


@dataclass(slots=True, kw_only=True)
class Side:
    """What one policy made of the stream."""

    tiers: dict[Tier, int] = field(default_factory=lambda: dict.fromkeys(TIERS, 0))
    # reviews by people, spot checks included at their rate
    reviews: float = 0.0
    # known wrong, and let through before anybody looked (auto_approve, soft_review)
    wrong_through: int = 0
    # known right, and denied
    right_denied: int = 0
    # in the money of the prices; None: there were none
    cost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A proposal that the change routes elsewhere."""

    number: int
    action: str
    old: Tier
    new: Tier
    reason: str
    correct: bool | None


@dataclass(slots=True, kw_only=True)
class Replay:
    """The comparison. `matrix[old][new]` counts proposals by tier."""

    total: int = 0
    matrix: dict[Tier, dict[Tier, int]] = field(
        default_factory=lambda: {tier: dict.fromkeys(TIERS, 0) for tier in TIERS}
    )
    old: Side = field(default_factory=Side)
    new: Side = field(default_factory=Side)
    looser: int = 0
    tighter: int = 0
    # of those now looser: known wrong
    looser_wrong: int = 0
    # same tier, but other people, roles or deadline
    other_terms: int = 0
    by_action: dict[str, dict[str, int]] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)


Worth = Callable[[Policy, Proposal], Asking | None]
"""What asking a person about a proposal would save; None: not known."""


class Ledger:
    """Windows kept in memory while a stream passes: running sums, so each proposal costs the same."""

    def __init__(self, asking: Worth | None = None) -> None:
        self._windows: dict[Window, _Running] = {}
        self._asking = asking

    def facts(self, policy: Policy, proposal: Proposal, now: int) -> Facts:
        """What came before this proposal, for every window the policy needs."""
        needs = policy.needs(proposal)
        asking = self._asking(policy, proposal) if needs.asking and self._asking is not None else None
        return Facts(usages={window: self._answer(window, now) for window in needs.windows}, asking=asking)

    def record(self, policy: Policy, proposal: Proposal, route: Route, now: int) -> None:
        """Count the proposal, unless it was refused."""
        if route.tier == "deny":
            return
        money = policy.money(proposal)
        for window in policy.windows(proposal):
            running = self._windows.setdefault(window, _Running())
            running.add(now, money.value, money.currency, route.tier != "auto_approve")

    def _answer(self, window: Window, now: int) -> tuple[Usage, ...]:
        running = self._windows.get(window)
        return () if running is None else running.since(now - window.seconds * SECOND, now)


class _Running:
    def __init__(self) -> None:
        self.entries: deque[tuple[int, Decimal | None, str | None, bool]] = deque()
        self.sums: dict[str | None, Decimal] = {}
        self.count = 0
        self.asked = 0

    def add(self, at: int, amount: Decimal | None, currency: str | None, asked: bool) -> None:
        self.entries.append((at, amount, currency, asked))
        self._move(1, amount, currency, asked)

    def since(self, start: int, now: int) -> tuple[Usage, ...]:
        while self.entries and self.entries[0][0] < start:
            _, amount, currency, asked = self.entries.popleft()
            self._move(-1, amount, currency, asked)
        totals = [
            Usage(at=now, amount=str(total), currency=currency, count=0)
            for currency, total in self.sums.items()
            if total
        ]
        return (Usage(at=now, asked=self.asked, count=self.count), *totals)

    def _move(self, sign: int, amount: Decimal | None, currency: str | None, asked: bool) -> None:
        self.count += sign
        self.asked += sign * asked
        if amount is not None:
            self.sums[currency] = self.sums.get(currency, Decimal(0)) + sign * amount


def replay(
    old: Policy,
    new: Policy,
    stream: Iterable[Recorded],
    *,
    prices: Prices | None,
    start: int,
    draws: Callable[[], float],
    keep: int = 20,
    asking: Worth | None = None,
) -> Replay:
    """Route every proposal by both policies and compare. `start` is the time of a stream that says none,
    `draws` gives a number in [0, 1) for each proposal; without `prices` nothing is said of cost. `asking` works out
    what asking a person would save, for actions with `gate: value`.

    Streams of any length: memory grows with the windows the policies read, not with the stream. Both
    policies see the same draws, and each its own past.
    """
    made = Replay()
    ledgers = (Ledger(asking), Ledger(asking))
    now = start
    for number, recorded in enumerate(stream, 1):
        # a window never runs backwards, whatever the stream says
        now = recorded.at if number == 1 and recorded.at is not None else max(now, recorded.at or now)
        draw = draws()
        before, after = (
            _step(policy, ledger, recorded.proposal, now, draw)
            for policy, ledger in zip((old, new), ledgers, strict=True)
        )
        made.total += 1
        _count(made.old, before, recorded.correct, prices)
        _count(made.new, after, recorded.correct, prices)
        _compare(made, recorded, before, after)
        if before.tier != after.tier and len(made.moves) < keep:
            made.moves.append(_move(number, recorded, before, after))
    return made


def _step(policy: Policy, ledger: Ledger, proposal: Proposal, now: int, draw: float) -> Route:
    route = policy.route(proposal, ledger.facts(policy, proposal, now), now=now, draw=draw)
    ledger.record(policy, proposal, route, now)
    return route


def _count(side: Side, route: Route, correct: bool | None, prices: Prices | None) -> None:
    side.tiers[route.tier] += 1
    reviews = route.reviewers + (route.inclusion if route.tier == "auto_approve" else 0.0)
    wrong = correct is False and route.tier in ("auto_approve", "soft_review")
    refused = correct is True and route.tier == "deny"
    side.reviews += reviews
    side.wrong_through += wrong
    side.right_denied += refused
    if prices is not None:
        cost = reviews * prices.review + wrong * prices.wrong + refused * prices.refused
        side.cost = (side.cost or 0.0) + cost


def _compare(made: Replay, recorded: Recorded, before: Route, after: Route) -> None:
    made.matrix[before.tier][after.tier] += 1
    per = made.by_action.setdefault(recorded.proposal.action, {"total": 0, "looser": 0, "tighter": 0})
    per["total"] += 1
    change = SEVERITY[after.tier] - SEVERITY[before.tier]
    if change == 0:
        made.other_terms += _terms(before) != _terms(after)
        return
    per["looser" if change < 0 else "tighter"] += 1
    made.looser += change < 0
    made.tighter += change > 0
    made.looser_wrong += change < 0 and recorded.correct is False


def _move(number: int, recorded: Recorded, before: Route, after: Route) -> Move:
    """The reason is the one that held it back, before or after."""
    held = before if SEVERITY[before.tier] > SEVERITY[after.tier] else after
    return Move(
        number=number,
        action=recorded.proposal.action,
        old=before.tier,
        new=after.tier,
        reason=held.reasons[0].text,
        correct=recorded.correct,
    )


def _terms(route: Route) -> tuple[Any, ...]:
    return (
        route.reviewers, route.roles, route.stages, route.queue, route.skills, route.deadline_seconds,
        route.on_expiry, route.verdicts, route.inclusion, route.always_review,
    )  # fmt: skip
