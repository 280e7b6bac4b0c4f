"""The router: a policy says where a proposal goes. All clauses apply and the strictest wins in every field."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from handrail.canonical import digest
from handrail.policy import clauses
from handrail.policy.amounts import NO_MONEY, Money, money_of, read_amount
from handrail.policy.asking import of_asking
from handrail.policy.checks import draw_check, falls_into, sampled
from handrail.policy.clauses import AUTO, DENY, HARD, SOFT, Clause, clause
from handrail.policy.conditions import Condition, ConditionProblem, Scope, Undecided
from handrail.policy.document import ActionEntry, Document, Feedback, ReviewSettings
from handrail.policy.facts import NO_FACTS, Facts, Grant, Needs, Watched, Window
from handrail.policy.loader import document_of
from handrail.policy.opinions import Opinions, opinions_of
from handrail.policy.overflow import relieve
from handrail.policy.plans import Plan, Span, irreversible_names, plans_of
from handrail.policy.terms import EXPIRY_ORDER, Terms, combine, ordered_verdicts, staging
from handrail.proposal import Proposal
from handrail.route import SEVERITY, TIERS, VERDICTS, Reason, Route

_NOTHING = Needs()
_GRANTS = Needs(grants=True)


def compile_text(text: str, *, name: str | None = None, source: str | None = None) -> Policy:
    """A policy ready to route. `source` is the file's name for messages.

    Raises `InvalidPolicy` with every mistake: file, line, field and remedy.
    """
    document, _ = document_of(text, source or name or "policy")
    return Policy(document, text, name)


class Policy:
    """One version of a policy: known by the digest of its text, and never changed."""

    def __init__(self, document: Document, text: str, name: str | None = None):
        self.document = document
        self.text = text
        # SHA-256 of the text's UTF-8 bytes, hex
        self.digest = digest(text.encode("utf-8"))
        self.name = name if name and "name" not in document.model_fields_set else document.name
        self.audit_log: str = document.audit_log
        self._entries = {entry.action_type: entry for entry in reversed(document.escalation_policies)}
        self._plans, self._other = plans_of(document)
        # what a plan's own terms come to, by tier and whether a check was drawn
        self._usual: dict[tuple[int, int, bool], dict[str, Any]] = {}
        self._irreversible = irreversible_names(document)
        # names of the windows that some rule reads
        self.windows_read = frozenset(
            span.name for plan in (*self._plans.values(), self._other) for span in plan.windows
        )
        self._spans = _every_span(self._plans, self._other)

    @property
    def review_settings(self) -> ReviewSettings:
        """How many people look, and how much they carry."""
        return self.document.review_settings

    @property
    def feedback(self) -> Feedback:
        """How answers become training signal; `retrain_trigger` is a number of labels, or None."""
        return self.document.feedback_pipeline

    def action(self, name: str) -> ActionEntry | None:
        """What the policy declares about an action: `tool_class`, `undo`, `arguments_schema`, `calibrator`, `cost`."""
        return self._entries.get(name)

    def opinions(self, action: str) -> Opinions | None:
        """How far people's answers about an action are weighed with the model's; None: they are taken as they are."""
        return opinions_of(self.document, self.action(action))

    def plan(self, action: str) -> Plan:
        """What could concern this action."""
        return self._plans.get(action, self._other)

    def plans(self) -> list[Plan]:
        """Every plan; the last is the one for actions the policy does not name."""
        return [*self._plans.values(), self._other]

    def needs(self, proposal: Proposal) -> Needs:
        """What to fetch before `route`: answers for `Facts.usages`, and whether live grants matter."""
        plan = self.plan(proposal.action)
        grants = _grantable(plan, proposal) and not _passes_anyway(plan, proposal)
        asking = plan.weighing is not None
        if not plan.budgets and not plan.windows and not asking:
            return _GRANTS if grants else _NOTHING
        spans = (*plan.windows, *(budget.span for budget in plan.budgets))
        windows = {window: None for span in spans if (window := clauses.window_of(span, proposal)) is not None}
        return Needs(windows=tuple(windows), grants=grants, asking=asking)

    def windows(self, proposal: Proposal) -> tuple[Window, ...]:
        """Every window, of any action's rules and budgets, that this proposal counts in."""
        spans = self._spans.get(proposal.action, self._spans[""])
        found = {window for span in spans if (window := clauses.window_of(span, proposal)) is not None}
        return tuple(sorted(found, key=lambda window: (window.subject, window.seconds)))

    def subjects(self, proposal: Proposal) -> tuple[str, ...]:
        """Under which subjects a proposal must be recorded, so that later ones find it in their windows."""
        if not self._spans.get(proposal.action, self._spans[""]):
            return ()
        return tuple(dict.fromkeys(window.subject for window in self.windows(proposal)))

    def money(self, proposal: Proposal) -> Money:
        """What the proposal moves, as the router reads it: record this in the windows, not the bare field."""
        return money_of(proposal, self.document.default_currency)

    def scope(self, proposal: Proposal) -> Scope:
        """What a condition that reads no windows reads of a proposal."""
        variables = clauses.variables_of(self.plan(proposal.action), proposal, NO_FACTS, self.money(proposal))
        return Scope(variables, frozenset(variables))

    def clauses(self, proposal: Proposal, facts: Facts = NO_FACTS, *, now: int) -> list[Clause]:
        """Everything the policy has to say, before grants: what `route` weighs."""
        plan = self.plan(proposal.action)
        money = self.money(proposal)
        if plan.weighing is None:
            made = [clauses.of_confidence(plan, proposal)]
        else:
            made = list(of_asking(plan, plan.weighing, proposal, facts.asking, scarcity=facts.scarcity))
        if not plan.declared:
            made = [clause(HARD, "unknown_action", f"the policy does not know the action {proposal.action!r}")]
        if facts.halted is not None:
            made.append(clause(DENY, "halted", f"halted: {facts.halted}"))
        if plan.caps or plan.two_above or money is not NO_MONEY:
            made.extend(clauses.of_amount(plan, proposal, money))
        for found in (
            clauses.of_autonomy(plan),
            clauses.of_always_review(plan),
            clauses.of_categories(plan, proposal),
            clauses.of_irreversible(plan, proposal, self._irreversible),
            clauses.of_schema(plan, proposal),
        ):
            if found is not None:
                made.append(found)
        if plan.schedules:
            made.extend(clauses.of_schedules(plan.schedules, now))
        if plan.budgets:
            made.extend(clauses.of_budgets(plan, proposal, facts, money))
        if plan.rules:
            made.extend(clauses.of_rules(plan, clauses.scope_of(plan, proposal, facts, money)))
        return made

    def route(self, proposal: Proposal, facts: Facts = NO_FACTS, *, now: int, draw: float) -> Route:
        """Where this proposal goes.

        `now` in microseconds; `draw` a fresh random number in [0, 1): it alone decides spot checks and
        blind cards, so the same draw gives the same route.
        """
        plan = self.plan(proposal.action)
        made = self.clauses(proposal, facts, now=now)
        tier = max(found.rank for found in made)
        grant: Grant | None = None
        if AUTO < tier < DENY and (plan.grants or facts.grants):
            tier, made, grant = self._loosen(proposal, facts, made, now=now)
        passes = tier == AUTO
        if facts.watched is not None and facts.watched.alarms and tier < DENY:
            raised = [Clause(SEVERITY[alarm.tier or "hard_gate"], alarm) for alarm in facts.watched.alarms]
            made = [*made, *raised]
            tier = max((tier, *(found.rank for found in raised)))
        if facts.overflow is not None and SOFT <= tier <= HARD:
            tier, made = relieve(self.document, plan, proposal, made, tier, open=facts.overflow, draw=draw)
        if SOFT <= tier < DENY and plan.budgets:
            money = self.money(proposal)
            asked = list(clauses.of_prompts(plan, proposal, facts, money))
            made += asked
            tier = max((tier, *(found.rank for found in asked)))
        route = self._settle(proposal, made, tier, grant, draw=draw, watched=facts.watched)
        if passes and SOFT <= tier <= HARD:
            # an alarm put it before a person, as all of its kind: evidence for lifting the alarm
            return replace(route, stream="uniform", spot_check_rate=1.0, inclusion=1.0)
        return route

    def lets_undo(self, undone: str, proposal: Proposal, facts: Facts, *, now: int) -> bool:
        """Whether a reviewer's objection to `undone` is enough for this undo of it.

        It never is where the policy denies the undo or calls it irreversible. Where the policy itself names this
        undo it outweighs what numbers say, not what gates the action by name; else only that the action is unknown.
        """
        made = self.clauses(proposal, facts, now=now)
        final = any(found.terms and found.terms.irreversible for found in made)
        if final or any(found.rank == DENY for found in made):
            return False
        strict = [found.reason.code for found in made if found.rank == HARD]
        if self.plan(undone).undo == proposal.action:
            return not any(code.startswith(("rule:", "autonomy_", "tool_")) for code in strict)
        return all(code == "unknown_action" for code in strict)

    def _loosen(
        self, proposal: Proposal, facts: Facts, made: list[Clause], *, now: int
    ) -> tuple[int, list[Clause], Grant | None]:
        """Apply live grants: each clause they name asks for no more than they allow. Nothing else is lowered."""
        plan = self.plan(proposal.action)
        tier = max(found.rank for found in made)
        if not _grantable(plan, proposal) or any(found.terms and found.terms.irreversible for found in made):
            return tier, made, None
        variables = clauses.variables_of(plan, proposal, facts, self.money(proposal))
        scope = Scope(variables, frozenset(variables))
        money = self.money(proposal)
        live = [
            grant for grant in (*plan.grants, *facts.grants)
            if _covers(grant, proposal, money) and _applies(grant, proposal, scope, now)
        ]  # fmt: skip
        best, chosen = tier, None
        for grant in sorted(live, key=lambda grant: grant.id):
            lowered = max(
                min(found.rank, SEVERITY[grant.tier]) if found.lift in grant.lifts else found.rank for found in made
            )
            if lowered < best:
                best, chosen = lowered, grant
        if chosen is None:
            return tier, made, None
        text = f"grant {chosen.id} allows this until it expires" + (f": {chosen.reason}" if chosen.reason else "")
        note = clause(best, f"grant:{chosen.id}", text, None, Terms(spot_check_rate=chosen.spot_check_rate))
        return best, [*made, note], chosen

    def _settle(
        self, proposal: Proposal, made: list[Clause], tier: int, grant: Grant | None, *, draw: float,
        watched: Watched | None,
    ) -> Route:  # fmt: skip
        plan = self.plan(proposal.action)
        extra = [found.terms for found in made if found.terms is not None]
        terms = combine((plan.terms, *extra)) if extra else plan.terms
        asked = SOFT <= tier <= HARD
        drawn = draw_check(terms, watched, draw) if tier == AUTO else sampled(made, self.document.overflow)
        checked = tier == AUTO and drawn.checked
        usual = None if extra else self._usual.get((id(plan), tier, checked))
        if usual is None:
            usual = self._come_to(plan, terms, tier, checked=checked)
            if not extra:
                self._usual[id(plan), tier, checked] = usual
        # given that a check was drawn, what is left of the draw is again uniform
        blind = falls_into(drawn.rest if drawn.checked else draw, terms.blind_share) and (asked or drawn.checked)
        return Route(
            reasons=_reasons(made, tier),
            blind=blind,
            spot_check=drawn.checked,
            spot_check_rate=drawn.rate,
            stream=drawn.stream,
            inclusion=drawn.inclusion,
            irreversible=terms.irreversible
            or (proposal.kind == "action" and proposal.undo is None and plan.undo is None),
            grant=grant.id if grant is not None else None,
            **usual,
        )

    def _come_to(self, plan: Plan, terms: Terms, tier: int, *, checked: bool) -> dict[str, Any]:
        """The part of a route that the terms decide, whatever the proposal holds."""
        asked = SOFT <= tier <= HARD
        reviewers = max(self.document.review_settings.min_reviewers_per_task, terms.reviewers) if asked else 0
        stages, roles, reviewers = staging(terms, reviewers) if asked else ((), (), 0)
        deadline = self._deadline(plan, terms, tier, checked=checked)
        return {
            "tier": TIERS[tier], "reviewers": reviewers, "policy": self.digest, "policy_name": self.name,
            "roles": roles, "skills": tuple(sorted(terms.skills)), "queue": _queue(plan, terms),
            "deadline_seconds": deadline, "on_expiry": terms.on_expiry or "reject",
            "verdicts": VERDICTS if terms.verdicts is None else ordered_verdicts(terms.verdicts), "stages": stages,
            "undo_seconds": self._undo_seconds(plan, terms, tier, deadline), "always_review": terms.always_review,
            "audit": terms.audit, "autonomy": plan.autonomy, "calibrator": plan.calibrator,
        }  # fmt: skip

    def _deadline(self, plan: Plan, terms: Terms, tier: int, *, checked: bool) -> int | None:
        """The shortest of what was said; a default stands in only for an action that sets none."""
        if checked:
            # nobody waits for a spot check
            return self.document.defaults.spot_check_deadline_seconds
        said = terms.deadline_seconds
        if plan.deadline is not None or not SOFT <= tier <= HARD:
            return said
        defaults = self.document.defaults
        usual = defaults.hard_gate_deadline_seconds if tier == HARD else defaults.soft_review_deadline_seconds
        return usual if said is None else min(said, usual)

    def _undo_seconds(self, plan: Plan, terms: Terms, tier: int, deadline: int | None) -> float:
        if not SOFT <= tier <= HARD:
            return 0.0
        defaults = self.document.defaults
        usual = plan.undo_seconds
        if usual is None:
            usual = defaults.hard_gate_undo_seconds if tier == HARD else defaults.soft_review_undo_seconds
        longest = usual if terms.undo_seconds is None else max(usual, terms.undo_seconds)
        return longest if deadline is None else min(longest, float(deadline))


def tighter(first: Route, second: Route) -> Route:
    """The stricter of two routes in every field: what holds when a case is looked at again under a newer policy."""
    lead, other = (first, second) if SEVERITY[first.tier] >= SEVERITY[second.tier] else (second, first)
    terms = combine((_terms_of(first), _terms_of(second)))
    asked = lead.tier in ("soft_review", "hard_gate")
    reviewers = max(first.reviewers, second.reviewers) if asked else 0
    stages, roles, reviewers = staging(terms, reviewers) if asked else ((), (), 0)
    seen = {reason.code for reason in lead.reasons}
    return replace(
        lead,
        reviewers=reviewers,
        reasons=lead.reasons + tuple(reason for reason in other.reasons if reason.code not in seen),
        roles=roles,
        stages=stages,
        skills=tuple(sorted(terms.skills)),
        deadline_seconds=terms.deadline_seconds,
        on_expiry=max(first.on_expiry, second.on_expiry, key=EXPIRY_ORDER.index),
        verdicts=ordered_verdicts(terms.verdicts),
        undo_seconds=max(first.undo_seconds, second.undo_seconds) if asked else 0.0,
        blind=first.blind or second.blind,
        spot_check=lead.tier == "auto_approve" and (first.spot_check or second.spot_check),
        spot_check_rate=max(first.spot_check_rate, second.spot_check_rate) if lead.tier == "auto_approve" else 0.0,
        inclusion=max(first.inclusion, second.inclusion) if lead.tier == "auto_approve" else 0.0,
        stream=(lead.stream or other.stream) if lead.tier == "auto_approve" else None,
        always_review=terms.always_review,
        irreversible=terms.irreversible,
        audit=terms.audit,
    )


def _terms_of(route: Route) -> Terms:
    return Terms(
        roles=frozenset({frozenset(route.roles)}) if route.roles else frozenset(),
        stages=frozenset({route.stages}) if route.stages else frozenset(),
        skills=frozenset(route.skills),
        deadline_seconds=route.deadline_seconds,
        verdicts=frozenset(route.verdicts),
        always_review=route.always_review,
        irreversible=route.irreversible,
        audit=route.audit,
    )


def _reasons(made: list[Clause], tier: int) -> tuple[Reason, ...]:
    """Strictest first; what asked for less stands behind, so that the card leads with why."""
    if len(made) == 1:
        return (made[0].reason,)
    listed = [found for found in made if found.rank > AUTO or tier == AUTO or found.terms is not None]
    listed.sort(key=lambda found: -found.rank)
    return tuple(found.reason for found in listed)


def _queue(plan: Plan, terms: Terms) -> str:
    """The queue named by the strictest rule that names one; between equals the first by name."""
    if not terms.queues:
        return plan.queue
    return min(terms.queues, key=lambda named: (-named[0], named[1]))[1]


def _grantable(plan: Plan, proposal: Proposal) -> bool:
    """Only what the policy itself says how to take back; a proposal's own word for it is not enough."""
    takes_back = plan.undo is not None or proposal.kind != "action"
    return plan.declared and takes_back and not plan.irreversible


def _passes_anyway(plan: Plan, proposal: Proposal) -> bool:
    """Whether a grant could change nothing, seen without weighing everything."""
    simple = not (plan.rules or plan.caps or plan.schedules or plan.autonomy or plan.categories or plan.names_tools)
    return simple and plan.weighing is None and clauses.of_confidence(plan, proposal).rank == AUTO


def _applies(grant: Grant, proposal: Proposal, scope: Scope, now: int) -> bool:
    if grant.action != proposal.action or now >= grant.expires or grant.tier not in ("auto_approve", "soft_review"):
        return False
    if grant.when is None:
        return True
    try:
        return _grant_condition(grant.when).holds(scope)
    except (ConditionProblem, Undecided):
        return False


def _covers(grant: Grant, proposal: Proposal, money: Money) -> bool:
    """Whether an approval for one run reaches this far: the same run, agent, principal and place, and no more money."""
    if grant.run is None:
        return True
    same = ("run", "agent", "principal", "environment")
    if any(getattr(grant, name) != getattr(proposal, name) for name in same) or money.problem is not None:
        return False
    if grant.amount is None or money.value is None:
        return grant.amount is None and money.value is None
    most = read_amount(grant.amount)
    return most is not None and money.currency == grant.currency and money.value <= most


@lru_cache(maxsize=1024)
def _grant_condition(text: str) -> Condition:
    return Condition(text)


def _every_span(plans: dict[str, Plan], other: Plan) -> dict[str, tuple[Span, ...]]:
    """Each action's spans for recording: also windows that only other actions' rules read."""
    every = {span for plan in (*plans.values(), other) for span in plan.windows}
    every |= {budget.span for plan in (*plans.values(), other) for budget in plan.budgets}
    named = {action for span in every for action in span.actions} | plans.keys()
    made = {name: tuple(span for span in every if not span.actions or name in span.actions) for name in named}
    made[""] = tuple(span for span in every if not span.actions)
    return made
