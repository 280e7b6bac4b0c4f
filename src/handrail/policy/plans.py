"""A policy prepared for routing: one plan for each action, so that a proposal meets only what concerns it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from handrail.json_schema import Checker, checker
from handrail.names import folded
from handrail.policy.conditions import Condition
from handrail.policy.document import (
    DAYS,
    ActionEntry,
    BudgetEntry,
    Document,
    GrantEntry,
    RouteEntry,
    RuleEntry,
    ScheduleEntry,
    StageEntry,
    WindowEntry,
)
from handrail.policy.document import Terms as TermsEntry
from handrail.policy.facts import FOREVER, Grant
from handrail.policy.growth import Growth, growth_of
from handrail.policy.terms import Terms
from handrail.policy.weighing import Weighing, weighing_of
from handrail.route import SEVERITY, Autonomy, Stage, Tier

HARD = SEVERITY["hard_gate"]

# the least strict tier an autonomy leaves open
AUTONOMY_TIER: dict[Autonomy, Tier] = {
    "full": "auto_approve",
    # done now, looked at afterwards
    "notify": "soft_review",
    # a person agrees first
    "confirm": "hard_gate",
    # a person works it out with the program: edits and redirections are expected
    "collaborate": "hard_gate",
    # a person answers first and sees the program's opinion afterwards
    "human_leads": "hard_gate",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, compiled. `rank` is the severity of the tier it asks for, 0 when it asks for none."""

    id: str
    text: str
    condition: Condition | None
    rank: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Span:
    """A window or budget as it concerns one action: whom it counts and whether this action itself counts."""

    name: str
    by: tuple[str, ...]
    actions: tuple[str, ...]
    seconds: int
    includes: bool


@dataclass(frozen=True, slots=True)
class Budget:
    """A span with limits. `then` is the tier beyond them, None: `deny` for prompts, `hard_gate` for the rest."""

    span: Span
    max_count: int | None
    max_prompts: int | None
    max_amount: Mapping[str, Decimal]
    then: Tier | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Business hours in minutes of the day; `start` above `end` means over midnight."""

    id: str
    days: frozenset[int]
    start: int
    end: int
    zone: ZoneInfo
    hours: str
    outside: Tier


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the policy says that could concern one action."""

    action: str
    declared: bool
    auto: float | None
    soft: float | None
    # how far down overflow may widen
    floor: float | None
    caps: Mapping[str, Decimal]
    two_above: Mapping[str, Decimal]
    high_terms: Terms
    deadline: int | None
    categories: frozenset[str]
    # this entry lists tools, so a proposal must say which tool it calls
    names_tools: bool
    # its entry says that it cannot be taken back, or it is on some list of those
    irreversible: bool
    autonomy: Autonomy | None
    calibrator: str | None
    # its thresholds wait for a calibrator
    needs_calibrator: bool
    undo: str | None
    validator: Checker | None
    # of the action itself, defaults included
    terms: Terms
    # whether some of what it lets through may get a weighted check
    weighs_checks: bool
    queue: str
    undo_seconds: float | None
    rules: tuple[Rule, ...]
    # variables those rules read
    reads: frozenset[str]
    # and top-level keys of `arguments`; None: any
    keys: frozenset[str] | None
    windows: tuple[Span, ...]
    budgets: tuple[Budget, ...]
    schedules: tuple[Schedule, ...]
    grants: tuple[Grant, ...]
    target_error: float | None = None
    # set where asking is weighed
    weighing: Weighing | None = None
    # what it may earn; None: nothing
    growth: Growth | None = None


def normal(name: str) -> str:
    """`Send-Email ` and `send_email` are one name, for lists that send proposals up."""
    return folded(name).replace("-", "_").replace(" ", "_")


def aliases(name: str) -> tuple[str, ...]:
    """A tool's name and its last part: `mail.send_email`, `mcp__mail__send_email` also read as `send_email`."""
    whole = normal(name)
    if whole.isidentifier() and "__" not in whole:
        return (whole,)
    last = whole
    for mark in (".", "/", ":", "__"):
        last = last.rpartition(mark)[2]
    return (whole, last)


def irreversible_names(document: Document) -> frozenset[str]:
    """Every action and tool that some entry lists as irreversible."""
    return frozenset(
        normal(name) for entry in document.escalation_policies for name in entry.irreversible_actions_always_gate
    )


def plans_of(document: Document) -> tuple[dict[str, Plan], Plan]:
    """A plan for each action the document names, and the one for all others."""
    entries = {entry.action_type: entry for entry in document.escalation_policies}
    names = set(entries)
    for actions in (
        *(rule.actions for rule in document.rules),
        *(budget.actions for budget in document.budgets),
        *(schedule.actions for schedule in document.schedules),
    ):
        names.update(actions)
    planner = _Planner(document)
    made = {name: planner.plan(name, entries.get(name)) for name in sorted(names)}
    return made, planner.plan(None, None)


def compile_grant(entry: GrantEntry) -> Grant:
    """The noun of a grant written in the policy file."""
    return Grant(
        id=entry.id,
        action=entry.action,
        expires=entry.expires,
        tier=entry.tier,
        when=entry.when,
        lifts=tuple(entry.lifts),
        reason=entry.reason or "",
        spot_check_rate=entry.spot_check_rate,
    )


class _Planner:
    def __init__(self, document: Document):
        self.document = document
        self.irreversible = irreversible_names(document)
        self.windows = {window.name: window for window in document.windows}
        self.schemas = {entry.action_type: entry.arguments_schema for entry in document.escalation_policies}
        self.rules = [(rule, self.rule(rule)) for rule in sorted(document.rules, key=lambda rule: rule.id)]

    def plan(self, name: str | None, entry: ActionEntry | None) -> Plan:
        document, settings = self.document, self.document.review_settings
        rules = tuple(rule for source, rule in self.rules if _concerns(source.actions, name))
        read = sorted({window for rule in rules if rule.condition for window in rule.condition.windows})
        return Plan(
            action=name or "",
            declared=entry is not None,
            auto=entry.auto_approve_threshold if entry else None,
            soft=entry.soft_review_threshold if entry else None,
            floor=entry.overflow_floor if entry else None,
            caps=entry.max_auto_approve_amount if entry else {},
            two_above=entry.require_two_reviewers_above if entry else {},
            high_terms=Terms(reviewers=settings.high_stakes_min_reviewers),
            deadline=entry.sla_seconds if entry else None,
            categories=frozenset(normal(category) for category in entry.categories_always_review)
            if entry
            else frozenset(),
            names_tools=bool(entry and entry.irreversible_actions_always_gate),
            irreversible=bool(entry and entry.irreversible)
            or (name is not None and any(alias in self.irreversible for alias in aliases(name))),
            autonomy=entry.autonomy if entry else None,
            calibrator=entry.calibrator if entry else None,
            needs_calibrator=document.defaults.stated_confidence == "refuse"
            and entry is not None
            and entry.calibrator is None,
            undo=entry.undo if entry else None,
            validator=checker(entry.arguments_schema) if entry and entry.arguments_schema is not None else None,
            terms=(own := self.own_terms(entry)),
            weighs_checks=any(t.weighted_check_rate > 0.0 for t in (own, *(rule.terms for rule in rules))),
            queue=(entry.queue if entry else None) or document.defaults.queue,
            undo_seconds=entry.undo_seconds if entry else None,
            rules=rules,
            keys=_keys(rules),
            reads=frozenset().union(*(rule.condition.reads for rule in rules if rule.condition)),
            windows=tuple(_window(self.windows[window], name) for window in read),
            budgets=tuple(_budget(b) for b in document.budgets if _concerns(b.actions, name)),
            schedules=tuple(_schedule(s) for s in document.schedules if _concerns(s.actions, name)),
            grants=tuple(compile_grant(grant) for grant in document.grants if grant.action == name and entry),
            target_error=entry.target_error if entry else None,
            weighing=weighing_of(document, entry, self.own_terms(entry)),
            growth=growth_of(entry),
        )

    def rule(self, rule: RuleEntry) -> Rule:
        schema = self.schemas.get(rule.actions[0]) if len(rule.actions) == 1 else None
        condition = Condition(rule.when, windows=frozenset(self.windows), schema=schema) if rule.when else None
        tier: Tier | None = "deny" if rule.route.deny else rule.route.tier
        rank = SEVERITY[tier] if tier else SEVERITY["soft_review"] if rule.route.always_review else 0
        if rule.route.irreversible:
            rank = max(rank, HARD)
        text = rule.description or f"rule {rule.id} applies" + (f": {rule.when}" if rule.when else "")
        return Rule(rule.id, text, condition, rank, _terms(rule.route, rank, self.document))

    def own_terms(self, entry: ActionEntry | None) -> Terms:
        defaults = self.document.defaults
        base = Terms(
            on_expiry=(entry.on_expiry if entry else None) or defaults.on_expiry,
            blind_share=max(defaults.blind_share, 1.0 if entry and entry.autonomy == "human_leads" else 0.0),
            spot_check_rate=defaults.spot_check_rate,
            weighted_check_rate=defaults.weighted_check_rate,
            audit=entry is None or entry.audit is not False,
            deadline_seconds=entry.sla_seconds if entry else None,
        )
        if entry is None:
            return base
        said = _terms(entry, -1, self.document)
        return Terms(
            roles=said.roles,
            stages=said.stages,
            reviewers=said.reviewers,
            skills=said.skills,
            deadline_seconds=base.deadline_seconds,
            on_expiry=base.on_expiry,
            verdicts=said.verdicts,
            blind_share=max(said.blind_share, base.blind_share),
            spot_check_rate=max(said.spot_check_rate, base.spot_check_rate),
            weighted_check_rate=max(said.weighted_check_rate, base.weighted_check_rate),
            always_review=said.always_review,
            high_stakes=said.high_stakes,
            irreversible=said.irreversible,
            audit=base.audit,
        )


def _concerns(actions: Iterable[str], name: str | None) -> bool:
    listed = list(actions)
    return not listed or (name is not None and name in listed)


def _terms(entry: TermsEntry, rank: int, document: Document) -> Terms:
    people = entry.reviewers or 0
    if entry.high_stakes:
        people = max(people, document.review_settings.high_stakes_min_reviewers)
    return Terms(
        roles=frozenset({frozenset(entry.roles)}) if entry.roles else frozenset(),
        stages=frozenset({_stages(entry.stages)}) if entry.stages else frozenset(),
        reviewers=people,
        skills=frozenset(entry.skills),
        queues=frozenset({(rank, entry.queue)}) if entry.queue and rank >= 0 else frozenset(),
        deadline_seconds=entry.deadline_seconds if isinstance(entry, RouteEntry) else None,
        on_expiry=entry.on_expiry,
        verdicts=frozenset(entry.verdicts) if entry.verdicts is not None else None,
        blind_share=entry.blind_share,
        spot_check_rate=entry.spot_check_rate,
        weighted_check_rate=entry.weighted_check_rate,
        undo_seconds=entry.undo_seconds,
        always_review=entry.always_review,
        high_stakes=entry.high_stakes,
        irreversible=entry.irreversible,
        audit=bool(entry.audit),
    )


def _stages(entries: Iterable[StageEntry]) -> tuple[Stage, ...]:
    made: list[Stage] = []
    for entry in entries:
        made.extend(Stage(roles=(role,), reviewers=entry.reviewers) for role in entry.all_of)
        if entry.any_of or not entry.all_of:
            made.append(Stage(roles=tuple(sorted(entry.any_of)), reviewers=entry.reviewers))
    return tuple(made)


def _keys(rules: Iterable[Rule]) -> frozenset[str] | None:
    found: set[str] = set()
    for rule in rules:
        if rule.condition is not None:
            if rule.condition.keys is None:
                return None
            found |= rule.condition.keys
    return frozenset(found)


def _window(window: WindowEntry, name: str | None) -> Span:
    return Span(
        window.name, tuple(window.by), tuple(sorted(window.actions)), window.within, _concerns(window.actions, name)
    )


def _budget(budget: BudgetEntry) -> Budget:
    span = Span(budget.id, tuple(budget.per), tuple(sorted(budget.actions)), budget.within or FOREVER, True)
    return Budget(span, budget.max_count, budget.max_prompts, budget.max_amount, budget.then)


def _schedule(entry: ScheduleEntry) -> Schedule:
    return Schedule(
        id=entry.id,
        days=frozenset(DAYS.index(day) for day in entry.days),
        start=_minutes(entry.hours[:5]),
        end=_minutes(entry.hours[6:]),
        zone=ZoneInfo(entry.timezone),
        hours=f"{', '.join(entry.days)} {entry.hours} {entry.timezone}",
        outside=entry.outside,
    )


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])
