"""Clauses: each thing a policy has to say about one proposal, with its reason in plain words.

Every function here looks at one matter. None of them lets anything through: a clause only asks for a
tier, and the strictest wins. What goes wrong asks for `hard_gate` and cannot be lifted by a grant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handrail.canonical import digest, dumps
from handrail.clock import SECOND
from handrail.errors import MalformedJSON
from handrail.intake import CONFIDENCE_GIVEN
from handrail.json_schema import meaning
from handrail.policy.amounts import Money, shown
from handrail.policy.conditions import Scope, Undecided
from handrail.policy.facts import Facts, Tally, Window, add_up
from handrail.policy.plans import AUTONOMY_TIER, Budget, Plan, Schedule, Span, aliases, normal
from handrail.policy.terms import Terms
from handrail.proposal import Proposal
from handrail.route import SEVERITY, TIERS, Reason, Tier

AUTO, SOFT, HARD, DENY = range(4)


@dataclass(frozen=True, slots=True)
class Clause:
    """One say: the tier's rank, why, what name a grant would lift it by (None: never), and terms."""

    rank: int
    reason: Reason
    lift: str | None = None
    terms: Terms | None = None


def clause(rank: int, code: str, text: str, lift: str | None = None, terms: Terms | None = None) -> Clause:
    return Clause(rank, Reason(code=code, text=text, tier=TIERS[rank]), lift, terms)


IRREVERSIBLE = Terms(irreversible=True)
ALWAYS_REVIEW = Terms(always_review=True)


def of_confidence(plan: Plan, proposal: Proposal) -> Clause:
    """Thresholds; and whatever is wrong with the confidence."""
    confidence = proposal.confidence
    given = proposal.scores.get(CONFIDENCE_GIVEN) if type(proposal.scores) is dict else None
    if given is not None:
        return clause(HARD, "confidence_malformed", f"the confidence given, {given}, is not a number from 0 to 1")
    if confidence is None:
        return _without_confidence(plan)
    if type(confidence) is bool or not isinstance(confidence, int | float) or not 0.0 <= confidence <= 1.0:
        return clause(HARD, "confidence_malformed", f"confidence {shown(confidence)} is not a number from 0 to 1")
    if plan.auto is None and plan.soft is None:
        return _without_thresholds(plan)
    if plan.needs_calibrator:
        text = "the program states this confidence of itself, and this policy believes only what a calibrator made"
        return clause(HARD, "confidence_stated", text, "confidence")
    said = _rounded(confidence, plan.auto, plan.soft)
    if plan.auto is not None and confidence >= plan.auto:
        return clause(AUTO, "confidence_reached", f"confidence {said} is at or above {plan.auto!r}")
    if plan.soft is not None and confidence >= plan.soft:
        bound = f", below {plan.auto!r}" if plan.auto is not None else ""
        return clause(
            SOFT, "confidence_middling", f"confidence {said} is at or above {plan.soft!r}{bound}", "confidence"
        )
    least = plan.soft if plan.soft is not None else plan.auto
    return clause(HARD, "confidence_below", f"confidence {said} is below {least!r}", "confidence")


def _rounded(confidence: float, *limits: float | None) -> str:
    """To three digits behind the point, or to as many as it takes to stay on its side of the limits."""
    for digits in range(3, 16):
        near = round(confidence, digits)
        if all(limit is None or (near >= limit) == (confidence >= limit) for limit in limits):
            return repr(near)
    return repr(confidence)


def uncertified(target: float) -> Clause:
    """A promise that no threshold keeps yet."""
    text = f"no threshold is certified yet for an error of at most {target:g}, so a person decides"
    return clause(HARD, "not_certified", text, "confidence")


def _without_confidence(plan: Plan) -> Clause:
    if plan.auto is None and plan.soft is None:
        return _without_thresholds(plan)
    return clause(HARD, "confidence_missing", "no confidence was given, and this action has a threshold for it")


def _without_thresholds(plan: Plan) -> Clause:
    if plan.target_error is not None:
        return uncertified(plan.target_error)
    if plan.autonomy in ("full", "notify"):
        return clause(AUTO, "confidence_not_needed", "the policy asks no confidence of this action")
    return clause(
        HARD, "no_threshold", "the policy sets no threshold for this action, so a person decides", "confidence"
    )


_AUTONOMY = {
    "notify": "the policy lets this action go first and be looked at afterwards",
    "confirm": "the policy has a person confirm this action each time",
    "collaborate": "the policy has a person work this action out with the program",
    "human_leads": "the policy has a person answer this before the program's opinion is seen",
}


def of_autonomy(plan: Plan) -> Clause | None:
    if plan.autonomy is None:
        return None
    tier = AUTONOMY_TIER[plan.autonomy]
    if tier == "auto_approve":
        return None
    return clause(SEVERITY[tier], f"autonomy_{plan.autonomy}", _AUTONOMY[plan.autonomy], "autonomy")


def of_amount(plan: Plan, proposal: Proposal, money: Money) -> Iterator[Clause]:
    """Caps and the two-reviewer amount. What cannot be compared goes up."""
    if money.problem is not None:
        if plan.caps or plan.two_above or proposal.amount is not None:
            yield clause(HARD, "amount_malformed", f"the amount {money.problem}", None, _many(plan))
        return
    if not plan.caps and not plan.two_above:
        return
    if money.value is None:
        yield clause(
            HARD, "amount_missing", "no amount was given, and this action has a limit on it", None, _many(plan)
        )
        return
    limits = plan.caps or plan.two_above
    if money.currency not in limits:
        said = f"in {money.currency}" if money.currency else "without a currency"
        text = f"the amount is {said}; the limit is in {', '.join(sorted(limits))}"
        yield clause(HARD, "currency_differs", text, None, _many(plan))
        return
    yield from _limits(plan, money)


def _limits(plan: Plan, money: Money) -> Iterator[Clause]:
    value, currency = money.value, money.currency or ""
    if value is None:
        return
    cap, two = plan.caps.get(currency), plan.two_above.get(currency)
    above = cap is not None and value > cap
    if above:
        yield clause(HARD, "amount_above", f"amount {value} {currency} is above {cap}", "amount")
    if two is not None and value > two:
        people = plan.high_terms.reviewers
        text = f"amount {value} {currency} is above {two}: {people} reviewers"
        yield clause(HARD, "two_reviewers_above", text, None, plan.high_terms)
    elif two is None and plan.two_above and above:
        text = f"the amount for more reviewers is not set in {currency}"
        yield clause(HARD, "two_reviewers_unknown", text, None, plan.high_terms)


def _many(plan: Plan) -> Terms | None:
    """An unknown amount could be above the two-reviewer amount."""
    return plan.high_terms if plan.two_above else None


def of_categories(plan: Plan, proposal: Proposal) -> Clause | None:
    """A category on the policy's list, given with the proposal or as the argument `category` or `categories`."""
    if not plan.categories:
        return None
    named = (*proposal.categories, *_categories_in(proposal.arguments))
    found = sorted({str(category) for category in named if normal(str(category)) in plan.categories})
    if not found:
        return None
    return clause(
        SOFT, "category_always_reviewed", f"a person always looks at: {', '.join(found)}", None, ALWAYS_REVIEW
    )


def _categories_in(arguments: Any) -> list[Any]:
    if type(arguments) is not dict:
        return []
    found: list[Any] = []
    for name in ("category", "categories"):
        given = arguments.get(name)
        found.extend(given if isinstance(given, list) else () if given is None else (given,))
    return found


def of_always_review(plan: Plan) -> Clause | None:
    if not plan.terms.always_review:
        return None
    return clause(SOFT, "always_review", "a person always looks at this action", None, ALWAYS_REVIEW)


def of_irreversible(plan: Plan, proposal: Proposal, names: frozenset[str]) -> Clause | None:
    """The policy says of the action, or of the tool it calls, that it cannot be taken back."""
    if plan.irreversible or (not plan.action and names and any(alias in names for alias in aliases(proposal.action))):
        return clause(HARD, "irreversible", f"{proposal.action} cannot be taken back", None, IRREVERSIBLE)
    if not plan.names_tools:
        return None
    arguments = proposal.arguments if type(proposal.arguments) is dict else {}
    tools = [arguments[key] for key in ("tool", "name", "tool_name") if arguments.get(key) is not None]
    if not tools:
        return clause(HARD, "tool_missing", "the proposal does not say which tool it calls (arguments.tool)")
    for tool in tools:
        if type(tool) is not str or not normal(tool):
            return clause(HARD, "tool_malformed", f"the tool's name is {shown(tool)}, not a name")
        if any(alias in names for alias in aliases(tool)):
            return clause(HARD, "irreversible", f"{tool} cannot be taken back", None, IRREVERSIBLE)
    return None


def of_schema(plan: Plan, proposal: Proposal) -> Clause | None:
    if plan.validator is None:
        return None
    try:
        error = plan.validator.misfit(proposal.arguments)
    except Exception as why:  # no canonical form, or it would take too long
        return clause(HARD, "arguments_malformed", f"the action's schema cannot be applied: {why}")
    if error is None:
        return None
    return clause(
        HARD,
        "arguments_malformed",
        f"arguments{error.where} does not fit the action's schema: {meaning(error.keyword)}",
    )


def of_schedules(schedules: tuple[Schedule, ...], now: int) -> Iterator[Clause]:
    for schedule in schedules:
        if not _open(schedule, now):
            rank = SEVERITY[schedule.outside]
            yield clause(rank, f"schedule:{schedule.id}", f"outside {schedule.hours}", f"schedule:{schedule.id}")


def _open(schedule: Schedule, now: int) -> bool:
    local = datetime.fromtimestamp(now / SECOND, schedule.zone)
    minute, day = local.hour * 60 + local.minute, local.weekday()
    if schedule.start < schedule.end:
        return day in schedule.days and schedule.start <= minute < schedule.end
    # over midnight: the small hours belong to the day before
    if minute >= schedule.start:
        return day in schedule.days
    return minute < schedule.end and (day - 1) % 7 in schedule.days


def subject_of(span: Span, proposal: Proposal) -> str | None:
    """Whom the span counts for this proposal; None when the proposal does not say."""
    parts: list[Any] = []
    for field in span.by:
        value = getattr(proposal, field)
        if value is None or value == "":
            return None
        parts.append([field, value])
    try:
        text = dumps([parts, list(span.actions)])
    except MalformedJSON:
        return None
    return text.decode() if len(text) <= 200 and b"\\u0000" not in text else f"sha256:{digest(text)}"


def window_of(span: Span, proposal: Proposal) -> Window | None:
    subject = subject_of(span, proposal)
    return None if subject is None else Window(subject=subject, seconds=span.seconds)


def tally_of(span: Span, proposal: Proposal, facts: Facts, money: Money) -> Tally | None:
    """What came before under this span; None when it is not known."""
    window = window_of(span, proposal)
    usages = facts.usages.get(window) if window is not None else None
    return None if usages is None else add_up(usages, money.currency)


def of_budgets(plan: Plan, proposal: Proposal, facts: Facts, money: Money) -> Iterator[Clause]:
    """Counts and money beyond a budget. Prompts come later: only what reaches people uses them."""
    for budget in plan.budgets:
        tally = tally_of(budget.span, proposal, facts, money)
        code, then = f"budget:{budget.span.name}", budget.then or "hard_gate"
        if tally is None:
            text = f"what budget {budget.span.name} has used is not known"
            yield clause(max(HARD, SEVERITY[then]), code, text)
            continue
        for text in _overdrawn(budget, tally, money):
            yield clause(SEVERITY[then], code, text)


def _overdrawn(budget: Budget, tally: Tally, money: Money) -> Iterator[str]:
    name = budget.span.name
    if budget.max_count is not None and tally.count + 1 > budget.max_count:
        yield f"budget {name}: {tally.count + 1} proposals, {budget.max_count} are allowed"
    if not budget.max_amount or (money.value is None and money.problem is None):
        return
    limit = budget.max_amount.get(money.currency or "")
    if money.problem is not None or money.value is None or limit is None:
        yield f"budget {name}: the amount cannot be compared with it"
    elif tally.amount + money.value > limit:
        yield f"budget {name}: {tally.amount + money.value} {money.currency} in all, {limit} is allowed"


def of_prompts(plan: Plan, proposal: Proposal, facts: Facts, money: Money) -> Iterator[Clause]:
    """The budget of questions to people; beyond it a proposal that would need one is refused."""
    for budget in plan.budgets:
        if budget.max_prompts is None:
            continue
        tally = tally_of(budget.span, proposal, facts, money)
        if tally is not None and tally.prompts + 1 > budget.max_prompts:
            then: Tier = budget.then or "deny"
            text = (
                f"budget {budget.span.name}: {tally.prompts + 1} questions to people, {budget.max_prompts} are allowed"
            )
            yield clause(SEVERITY[then], f"budget:{budget.span.name}", text)


def scope_of(plan: Plan, proposal: Proposal, facts: Facts, money: Money) -> Scope:
    """The variables this plan's rules read."""
    return Scope(variables_of(plan, proposal, facts, money), plan.reads, plan.keys)


def variables_of(plan: Plan, proposal: Proposal, facts: Facts, money: Money) -> dict[str, Any]:
    """Everything a condition may read."""
    variables: dict[str, Any] = {
        "action": proposal.action,
        "kind": proposal.kind,
        "arguments": proposal.arguments,
        "target": proposal.target,
        "reach": proposal.reach,
        "principal": proposal.principal,
        "owners": list(proposal.owners),
        "agent": proposal.agent,
        "run": proposal.run,
        "environment": proposal.environment,
        "confidence": proposal.confidence,
        "amount": None if money.value is None or money.problem else float(money.value),
        "currency": money.currency,
        "severity": float(proposal.severity),
        "categories": list(proposal.categories),
        "harm_classes": list(proposal.harm_classes),
    }
    if plan.windows:
        variables |= _tallies(plan, proposal, facts, money)
    return variables


def _tallies(plan: Plan, proposal: Proposal, facts: Facts, money: Money) -> dict[str, Any]:
    """Sums and counts with this proposal in them. One that is not known is left out, so a condition on it fails."""
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    prompts: dict[str, int] = {}
    for span in plan.windows:
        tally = tally_of(span, proposal, facts, money)
        if tally is None:
            continue
        counts[span.name] = tally.count + span.includes
        prompts[span.name] = tally.prompts
        own = money.value if span.includes else None
        if money.problem is None and (money.value is None or money.currency is not None):
            sums[span.name] = float(tally.amount + (own or 0))
    return {"sum": sums, "count": counts, "prompts": prompts}


def of_rules(plan: Plan, scope: Scope) -> Iterator[Clause]:
    """Every rule that applies; one that cannot be judged counts as if it did, and asks for `hard_gate` at least."""
    for rule in plan.rules:
        try:
            if rule.condition is not None and not rule.condition.holds(scope):
                continue
        except Undecided as why:
            rank = max(HARD, rule.rank)
            so = "so it denies" if rank == DENY else "so a person decides"
            text = f"rule {rule.id} could not be judged ({why}), {so}"
            yield clause(rank, f"rule_failed:{rule.id}", text, None, rule.terms)
            continue
        yield clause(rule.rank, f"rule:{rule.id}", rule.text, f"rule:{rule.id}", rule.terms)
