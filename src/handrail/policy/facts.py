"""What a policy must know besides the proposal. The store supplies it; the policy says beforehand what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from handrail.policy.amounts import read_amount
from handrail.route import Reason, Tier

# the span of a budget that never refills: a hundred years
FOREVER = 100 * 365 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One question to the store: what was proposed under this subject in the last so many seconds?

    Count everything that was proposed and not refused: what still waits for a person counts too, or
    many waiting steps could be approved together.
    """

    # whom or what it counts and which actions; at most 200 characters; the same whatever the policy calls it
    subject: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """All a policy wants to know before it routes one proposal; false when that is nothing."""

    windows: tuple[Window, ...] = ()
    # whether grants for this action could matter
    grants: bool = False
    # whether the policy weighs what asking a person would save
    asking: bool = False

    def __bool__(self) -> bool:
        return self.grants or self.asking or bool(self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One earlier proposal in a window, or the sum of `count` of them that share a currency."""

    at: int
    # decimal string; None: no money
    amount: str | None = None
    currency: str | None = None
    # cases opened for people
    asked: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Permission, by name and for a time, for an action to go further by itself. Loosens only."""

    id: str
    action: str
    # microseconds; from then on it is void
    expires: int
    tier: Tier = "auto_approve"
    # CEL; None: always
    when: str | None = None
    # what it lifts: confidence, amount, autonomy, schedule:<id>, rule:<id>
    lifts: tuple[str, ...] = ("confidence", "autonomy")
    reason: str = ""
    # share of what it lets through that people re-check
    spot_check_rate: float = 0.0
    # an approval for one run covers just this run, and these must be the same too; None: any
    run: str | None = None
    agent: str | None = None
    principal: str | None = None
    environment: str | None = None
    # the most it covers (decimal string) and in what; with a run and no amount it covers nothing that moves money
    amount: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What asking a person about one proposal would save, worked out beforehand (`calibration.value`)."""

    # in the money of the policy's costs, on average, before the price of the review; finite, not negative
    gain: float
    # what it rests on, in words
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A window added up."""

    amount: Decimal
    count: int
    prompts: int


def _no_usages() -> Mapping[Window, tuple[Usage, ...]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the monitors have to say about one action."""

    # standing alarms, each with the tier it raises to
    alarms: tuple[Reason, ...] = ()
    # its calibrator is out of date, in words: spot checks are doubled
    stale: str | None = None
    # how much likelier than usual a weighted check of this proposal is
    doubt: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything the policy asked for, frozen at the moment of routing."""

    # an answer for each window asked about; one left out sends the proposal up
    usages: Mapping[Window, tuple[Usage, ...]] = field(default_factory=_no_usages)
    # grants issued outside the policy file
    grants: tuple[Grant, ...] = ()
    # why this agent, action, run or workspace is halted; None: it is not
    halted: str | None = None
    # what asking would save; None: not known, and a policy that weighs it sends the proposal up
    asking: Asking | None = None
    watched: Watched | None = None
    # how many times its price a review counts while people are few; 1 upwards
    scarcity: float = 1.0
    # the queue is at its limit, or has not come down far enough since: how many cases are open
    overflow: int | None = None


NO_FACTS = Facts()


def add_up(usages: Iterable[Usage], currency: str | None) -> Tally | None:
    """Sum the amounts in `currency`, and count all. None when an amount cannot be read: the sum is not known."""
    amount, count, prompts = Decimal(0), 0, 0
    for usage in usages:
        count += usage.count
        prompts += int(usage.asked)
        if currency is not None and usage.currency == currency and usage.amount is not None:
            value = read_amount(usage.amount)
            if value is None:
                return None
            amount += value
    return Tally(amount=amount, count=count, prompts=prompts)
