"""The policy document: every field a file may hold, in the short form and the fuller one.

Unknown fields are refused. `max_auto_approve_amount_<ccy>` and `require_two_reviewers_above_<ccy>`
take any ISO 4217 code as suffix and end up in one mapping from currency to limit.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from handrail.policy.currencies import CURRENCIES
from handrail.policy.problems import did_you_mean
from handrail.route import Autonomy, OnExpiry, Tier, Verdict

ToolClass = Literal["unsafe", "idempotent", "queryable", "transactional"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
Group = Literal["run", "agent", "principal", "target", "action", "environment"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# ten years: a clock and a column hold it, whatever is added to it
LONGEST_SECONDS = 3650 * 86_400
MOST = 10**9
# 1970 to 9998, in microseconds: what may be written as a date in any time zone
_MOMENTS = (0, 253_370_764_800_000_000)
# beyond it sums and squares of prices are no numbers any more
MOST_PRICE = 1e15
MONEY_FIELDS = ("max_auto_approve_amount", "require_two_reviewers_above", "max_amount")


def _money(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("an amount is a number, such as 10000 or '99.50'")
    try:
        made = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("an amount is a number, such as 10000 or '99.50'") from None
    if not made.is_finite() or made < 0 or made > 10**30:
        raise ValueError("an amount is a finite number from 0 upwards")
    return made


def _currency(value: object) -> str:
    if not isinstance(value, str) or value.upper() not in CURRENCIES:
        raise ValueError(f"{value!r} is not an ISO 4217 currency. {did_you_mean(str(value).upper(), CURRENCIES)}")
    return value.upper()


def _seconds(value: object) -> int:
    made = None
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        made = value
    if isinstance(value, str) and (found := re.fullmatch(r"([1-9][0-9]{0,8})([smhdw])", value)):
        made = int(found[1]) * _UNITS[found[2]]
    if made is None:
        raise ValueError("a length of time is a number of seconds, or text such as 90s, 15m, 24h, 7d")
    if made > LONGEST_SECONDS:
        raise ValueError(f"a length of time is at most {LONGEST_SECONDS} seconds (3650d). Write a shorter one.")
    return made


def _moment(value: object) -> int:
    """Microseconds since the epoch. A bare date means its first moment in UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("a moment is a date such as 2026-12-31 or 2026-12-31T18:00:00Z") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(), UTC)
    if not isinstance(value, datetime):
        raise ValueError("a moment is a date such as 2026-12-31 or 2026-12-31T18:00:00Z")
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    made = math.floor(value.timestamp()) * 1_000_000 + value.microsecond
    if not _MOMENTS[0] <= made < _MOMENTS[1]:
        raise ValueError("a moment lies in the years 1970 to 9998. Write one of those.")
    return made


def _hours(value: str) -> str:
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])", value)
    if not found or value[6:] > "24:00" or value[:5] == value[6:]:
        raise ValueError("hours are two different times of day, such as '09:00-18:00' or '22:00-06:00'")
    return value


def _retrain(value: object) -> int | None:
    if value is None or value in ("manual", "never"):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        if value > MOST:
            raise ValueError(f"at most {MOST} labels are counted. Write fewer, or manual.")
        return value
    found = re.fullmatch(r"every_([1-9][0-9]{0,8})_(annotations|labels|reviews)", value) if type(value) is str else None
    if not found:
        raise ValueError("write every_<number>_annotations, a number of labels, or manual")
    return int(found[1])


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("holds the same value twice")
    return values


Money = Annotated[Decimal, BeforeValidator(_money), WithJsonSchema({"type": ["number", "string"]})]
Currency = Annotated[str, BeforeValidator(_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{3}$"})]
Limits = Annotated[dict[Currency, Money], Field(default_factory=dict)]
Seconds = Annotated[
    int,
    BeforeValidator(_seconds),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": LONGEST_SECONDS},
                {"type": "string", "pattern": "^[1-9][0-9]*[smhdw]$"},
            ]
        }
    ),
]
Moment = Annotated[int, BeforeValidator(_moment), WithJsonSchema({"type": "string"})]
Hours = Annotated[str, AfterValidator(_hours)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, le=MOST_PRICE, allow_inf_nan=False)]
_VISIBLE = r"[^\s\x00-\x1f\x7f]"
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=rf"^{_VISIBLE}([^\x00-\x1f\x7f]*{_VISIBLE})?$")]
Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Names = Annotated[list[Name], AfterValidator(_distinct), Field(default_factory=list)]
Count = Annotated[int, Field(ge=1, le=100)]
Condition = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _gather_currencies(cls, given: Any) -> Any:
        """`max_auto_approve_amount_inr: 1` is the entry `inr` of `max_auto_approve_amount`."""
        mine = [field for field in MONEY_FIELDS if field in cls.model_fields]
        if not mine or not isinstance(given, dict):
            return given
        made: dict[str, Any] = {}
        for key, value in given.items():
            field = next((name for name in mine if isinstance(key, str) and key.startswith(f"{name}_")), None)
            if field is None:
                made[key] = value
                continue
            made.setdefault(field, {})[key[len(field) + 1 :]] = value
        return made


class StageEntry(_Part):
    """One step of a staged approval: somebody with any of these roles, or one person for each of them. A case waits
    for its first step first; an answer that somebody of a later step gave early counts when his step comes."""

    any_of: Names
    all_of: Names
    reviewers: Count = 1


class Terms(_Part):
    """What an action or a rule may say about how a case is handled; the strictest said wins."""

    roles: Names
    skills: Names
    reviewers: Annotated[int, Field(ge=1, le=20)] | None = None
    stages: list[StageEntry] = Field(default_factory=list)
    queue: Name | None = None
    on_expiry: OnExpiry | None = None
    verdicts: list[Verdict] | None = None
    blind_share: Share = 0.0
    spot_check_rate: Share = 0.0
    # further checks where an error is in doubt: they estimate and alarm, but never certify
    weighted_check_rate: Share = 0.0
    undo_seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] | None = None
    always_review: bool = False
    high_stakes: bool = False
    # it cannot be taken back: hard_gate whatever the confidence, and no grant, promotion or full queue loosens that
    irreversible: bool = False
    audit: bool | None = None


class Cost(_Part):
    """What errors, reviews and waits cost, in one currency: for replay, simulation, and routing by `gate: value`.

    An action's own fields win over the policy's.
    """

    currency: Currency | None = None
    # one review by one person
    review: Price | None = None
    # what one more review would save where people are too few (`handrail tune --capacity`): asking must save more
    shadow_price: Price | None = None
    # a wrong proposal that was let through
    wrong: Price | None = None
    # a right proposal that was refused
    refused: Price | None = None
    # one minute a program waits
    delay_minute: Price | None = None
    # how long an answer usually takes
    wait_minutes: Price | None = None
    # chance that taking an action back comes in time and works
    undo_chance: Share = 0.0
    # what each act costs under each truth, where there is more than right and wrong; what is left out costs nothing
    matrix: dict[Name, dict[Name, Price]] | None = None
    # name under which the reviewers' own errors are installed; without it they are assumed right in 9 of 10
    reviewer: Name | None = None


class GrowthEntry(_Part):
    """What the action may earn where people agree with it: promotions are proposed under these terms, never made."""

    enabled: bool = True
    # the share of misses a promotion is held to; `target_error` goes before it; 0.02 without either
    limit: Annotated[float, Field(gt=0, le=0.5, allow_inf_nan=False)] | None = None
    # evidence at which a cell has passed: 20 is wrong in at most 1 of 20
    level: Annotated[float, Field(ge=20, le=1_000_000, allow_inf_nan=False)] = 20.0
    # how long a promotion lasts
    days: Annotated[int, Field(ge=1, le=90)] = 90
    # share of what it lets through that people re-check
    spot_check_rate: Annotated[float, Field(ge=0.01, le=0.05, allow_inf_nan=False)] = 0.05
    # reason codes, categories and harm classes of which one miss is enough, or a condition on the proposal
    severe: list[Name] | Condition | None = None
    # the argument whose values earn apart, or `target`; without it one is picked
    by: Name | None = None


class ActionEntry(Terms):
    """One action: `action_type` and how far it may go by itself."""

    action_type: Name
    description: str | None = None
    auto_approve_threshold: Share | None = None
    soft_review_threshold: Share | None = None
    # the confidence down to which `overflow: {soft_review: widen}` may let it through; without it nothing is widened
    overflow_floor: Share | None = None
    # the most error `auto_approve` may let through; thresholds are then certified for it
    target_error: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] | None = None
    # `value` asks a person where asking saves more than it costs; thresholds beside it stay a floor
    gate: Literal["thresholds", "value"] = "thresholds"
    max_auto_approve_amount: Limits
    require_two_reviewers_above: Limits
    sla_seconds: Seconds | None = None
    categories_always_review: Names
    irreversible_actions_always_gate: Names
    autonomy: Autonomy | None = None
    calibrator: Name | None = None
    # digest of the calibrator that the threshold was certified for: with another one, a person decides
    certified_calibrator: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    # what a crash means for its tool, whatever the program says; without it the program's word counts
    tool_class: ToolClass | None = None
    # the action that takes this one back, whatever the program says; without it the program's word counts, and lets
    # nothing further
    undo: Name | None = None
    arguments_schema: dict[str, Any] | None = Field(
        default=None, alias="schema",
        description="JSON Schema of its arguments: what does not fit goes to a person, and an edit must fit, also "
        "where the program brings a schema of its own; a proposal without one takes this",
    )  # fmt: skip
    cost: Cost | None = None
    growth: GrowthEntry | None = None
    # what people said is weighed with what the model thinks: kept as evidence, or delivered as the answer
    deferral: Literal["evidence", "fuse"] | None = None
    # instead of what the review settings say
    second_opinion: Literal["never", "value"] | None = None


class RouteEntry(Terms):
    """What a matching rule asks for."""

    tier: Tier | None = None
    deny: bool = False
    deadline_seconds: Seconds | None = None


class RuleEntry(_Part):
    """A condition and what follows from it. Without `when` it always applies; without `actions`, to every action."""

    id: Id
    description: str | None = None
    actions: Names
    when: Condition | None = None
    route: RouteEntry


class WindowEntry(_Part):
    """A running sum and count that conditions read as `sum.<name>`, `count.<name>` and `prompts.<name>`."""

    name: Identifier
    actions: Names
    by: list[Group] = Field(min_length=1)
    within: Seconds


class BudgetEntry(_Part):
    """A limit on what one run, agent, principal … may ask or spend; beyond it the tier rises to `then`."""

    id: Id
    actions: Names
    per: list[Group] = Field(min_length=1)
    # without it the budget never refills
    within: Seconds | None = None
    max_count: Annotated[int, Field(ge=0, le=MOST)] | None = None
    # questions put before people
    max_prompts: Annotated[int, Field(ge=0, le=MOST)] | None = None
    max_amount: Limits
    then: Literal["soft_review", "hard_gate", "deny"] | None = None


class ScheduleEntry(_Part):
    """Days and hours of business; outside them the tier rises to `outside`."""

    id: Id
    actions: Names
    days: list[Day] = Field(default_factory=lambda: list(DAYS), min_length=1)
    hours: Hours = "00:00-24:00"
    timezone: Name = "UTC"
    outside: Literal["soft_review", "hard_gate", "deny"] = "hard_gate"


class GrantEntry(_Part):
    """The one thing that loosens by name: until `expires`, what it lifts asks for no more than `tier`."""

    id: Id
    action: Name
    reason: str | None = None
    expires: Moment
    tier: Literal["auto_approve", "soft_review"] = "auto_approve"
    when: Condition | None = None
    # confidence, amount, autonomy, schedule, or rule:<id>
    lifts: Annotated[list[Name], AfterValidator(_distinct), Field(min_length=1)] = ["confidence", "autonomy"]
    spot_check_rate: Share = 0.0


class ReviewSettings(_Part):
    """People: how many look, how much they carry. The lifecycle enforces the limits."""

    max_queue_depth: Annotated[int, Field(ge=1, le=MOST)] = 500
    reviewer_session_limit_minutes: Annotated[int, Field(ge=1, le=LONGEST_SECONDS // 60)] = 120
    min_reviewers_per_task: Annotated[int, Field(ge=1, le=20)] = 1
    high_stakes_min_reviewers: Annotated[int, Field(ge=1, le=20)] = 2
    # `value` asks one more person while an answer is worth more than `cost.review`, up to `second_opinion_most` in all
    second_opinion: Literal["never", "value"] = "never"
    second_opinion_most: Annotated[int, Field(ge=2, le=20)] = 3
    # `expertise` gives each person the case of the next few where his answer is worth most more than anybody's
    steer: Literal["order", "expertise"] = "order"
    # where a high-stakes card must have been read for its dwell floor before it is let through
    dwell_floor: Literal["console", "everywhere"] = "console"
    inter_rater_agreement_threshold: Share = 0.80
    # share of the cases put before people whose answer is known, drawn silently from the pool; 0.03 to 0.05 is usual
    gold_share: Annotated[float, Field(ge=0, le=0.5, allow_inf_nan=False)] = 0.0
    # golds with which a reviewer's session opens where golds are drawn, half of them wrong; after each he hears what
    # was right. 0: none
    gold_burst: Annotated[int, Field(ge=0, le=50)] = 10
    # a gold is retired after it was put before people so often
    gold_views: Annotated[int, Field(ge=1, le=MOST)] = 20
    # the accuracy on golds that is asked for, and the one at which somebody must look
    gold_good: Annotated[float, Field(gt=0.5, lt=1, allow_inf_nan=False)] = 0.95
    gold_bad: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.85
    # whose answer wants a second person's: nobody's, theirs who approve all in under three seconds, or also theirs
    # whom golds have flagged
    second_reviewer: Literal["never", "fast", "flagged"] = "fast"
    # who may approve an action for the rest of its run: nobody, leads, or whoever may review it
    approve_for_run: Literal["nobody", "lead", "reviewer"] = "lead"


class Feedback(_Part):
    """How answers become training signal."""

    batch_size: Annotated[int, Field(ge=1, le=MOST)] = 256
    # labels between two retrainings; None: only by hand
    retrain_trigger: Annotated[
        int | None,
        BeforeValidator(_retrain),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string", "pattern": "^(every_[1-9][0-9]*_(annotations|labels|reviews)|manual|never)$"},
                    {"type": ["integer", "null"], "minimum": 1, "maximum": MOST},
                ]
            }
        ),
    ] = 1000
    min_agreement_for_training: Share = 0.85
    store: Literal["database", "redis", "kafka", "nats"] = "database"
    audit_log: Literal["immutable_append_only"] | None = None


class SupervisorEntry(_Part):
    """An AI that reads proposals before they are routed. It can only raise: ask people, ask more of them, say why."""

    # base address of an OpenAI-compatible API, such as https://api.example.com/v1; its key is a setting, never here
    endpoint: Annotated[str, Field(min_length=8, max_length=2000)]
    model: Name
    # rules in words, which it holds each proposal against
    constitution: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=2000)]], Field(min_length=1, max_length=50)
    ]
    # actions it reads; empty: all
    actions: Names
    timeout_seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 10.0
    # what a concern asks for at least: this tier, and so many people
    then: Literal["soft_review", "hard_gate"] = "hard_gate"
    reviewers: Annotated[int, Field(ge=1, le=20)] = 1
    # what becomes of a proposal that it could not read in time: nothing, or what a concern asks for
    on_failure: Literal["nothing", "raise"] = "raise"
    # share of the cases it has a say in that people judge without seeing its words
    blind_share: Share = 0.1


class Defaults(_Part):
    """What holds where neither an action nor a rule says otherwise."""

    hard_gate_deadline_seconds: Seconds = 900
    soft_review_deadline_seconds: Seconds = 86_400
    hard_gate_undo_seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 10.0
    soft_review_undo_seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 5.0
    on_expiry: OnExpiry = "reject"
    # may a number that the program states of itself meet a threshold, or only what a calibrator made of it?
    stated_confidence: Literal["accept", "refuse"] = "accept"
    queue: Name = "default"
    blind_share: Share = 0.0
    spot_check_rate: Share = 0.0
    weighted_check_rate: Share = 0.0
    # nobody waits for a spot check; one that nobody answered by then counts as an error
    spot_check_deadline_seconds: Seconds = 86_400


class MonitorsEntry(_Part):
    """What is watched while cases pass, and what an alarm does. Every monitor may be looked at after each case."""

    enabled: bool = True
    # the chance of any false alarm in the workspace, shared among its monitors
    level: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.05
    # an alarm of an action raises what would go further by itself to this
    then: Literal["soft_review", "hard_gate"] = "hard_gate"
    # the share of proposals that should reach a person; more than a tenth off it alarms
    review_share: Annotated[float, Field(gt=0, lt=0.8, allow_inf_nan=False)] | None = None
    # whether confidence promises too much or too little
    confidence: bool = True
    # whether scores move: a hint before there are labels
    scores: bool = False
    # for streams without end: monitors begin anew at each check, and a false alarm comes after so many on average
    checks_between_false_alarms: Annotated[int, Field(ge=1000, le=10**9)] | None = None


class OverflowEntry(_Part):
    """What happens to what would join the queue once `max_queue_depth` cases are open. hard_gate is never loosened."""

    # it is over when so large a share of `max_queue_depth` is left
    leave: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.8
    # hold: a person decides first. page: that, and leads are told. widen: let through down to `overflow_floor`.
    # sample: let through, and look at `sample_share` of it. reject: refuse
    soft_review: Literal["hold", "page", "widen", "sample", "reject"] = "hold"
    hard_gate: Literal["hold", "page", "reject"] = "hold"
    sample_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.1


class CapacityEntry(_Part):
    """How many reviews people can do. While more are asked for, `gate: value` asks only where that saves more."""

    reviews_per_day: Annotated[float, Field(ge=0.01, le=10_000_000, allow_inf_nan=False)]
    # a review never counts more than so many times its price
    most_times: Annotated[float, Field(gt=1, le=1000, allow_inf_nan=False)] = 10.0


class Document(_Part):
    """A whole policy file."""

    name: Name = "policy"
    description: str | None = None
    # assumed for an amount that comes without a currency; without it such an amount goes up
    default_currency: Currency | None = None
    escalation_policies: list[ActionEntry] = Field(default_factory=list)
    review_settings: ReviewSettings = ReviewSettings()
    feedback_pipeline: Feedback = Feedback()
    audit_log: Literal["immutable_append_only"] = "immutable_append_only"
    defaults: Defaults = Defaults()
    monitors: MonitorsEntry = MonitorsEntry()
    overflow: OverflowEntry = OverflowEntry()
    capacity: CapacityEntry | None = None
    supervisor: SupervisorEntry | None = None
    rules: list[RuleEntry] = Field(default_factory=list)
    windows: list[WindowEntry] = Field(default_factory=list)
    budgets: list[BudgetEntry] = Field(default_factory=list)
    schedules: list[ScheduleEntry] = Field(default_factory=list)
    grants: list[GrantEntry] = Field(default_factory=list)
    cost: Cost | None = None
