"""Whether there are people enough for what a policy asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handrail.policy.evaluate import Policy
from handrail.policy.plans import Plan
from handrail.policy.terms import NO_TERMS, Terms, combine, staging
from handrail.route import Stage

LEAD, ADMIN = "lead", "admin"


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Somebody who may answer cases."""

    roles: frozenset[str]
    skills: frozenset[str] = frozenset()


def unfillable(policy: Policy, people: Sequence[Reviewer]) -> list[str]:
    """Sentences about what can never be settled by these people, the first for each action.

    Who asks is not known here, and may not answer: where this finds nothing, one person more may still be needed.
    """
    return [said for plan in policy.plans() for said in _first(_of_plan(policy, plan, people))]


def _of_plan(policy: Policy, plan: Plan, people: Sequence[Reviewer]) -> Iterator[str]:
    name = plan.action if plan.declared else "an action the policy does not name"
    circumstances = [("", NO_TERMS), *((f" under rule {rule.id}", rule.terms) for rule in plan.rules)]
    if plan.two_above:
        circumstances.append((" above its second limit", plan.high_terms))
    for when, terms in circumstances:
        yield from _of_terms(policy, f"{name}{when}", combine((plan.terms, terms)), people)


def _of_terms(policy: Policy, what: str, terms: Terms, people: Sequence[Reviewer]) -> Iterator[str]:
    able = [one for one in people if terms.skills <= one.skills]
    least = policy.review_settings.min_reviewers_per_task
    stages, roles, need = staging(terms, max(1, least, terms.reviewers))
    seats = _seats(stages or (Stage(roles=roles, reviewers=need),))
    skilled = f" with the skills {', '.join(sorted(terms.skills))}" if terms.skills else ""
    if _seated(seats, able) < len(seats):
        yield f"{what} needs {_people(seats)}{skilled}, and there are not so many"
    elif (need > 1 or terms.on_expiry == "escalate") and not any(_fits((LEAD,), one) for one in able):
        yield f"{what} can go up to a lead{skilled}, and there is none"


def _seats(stages: Sequence[Stage]) -> list[tuple[str, ...]]:
    return [stage.roles for stage in stages for _ in range(stage.reviewers)]


def _seated(seats: Sequence[tuple[str, ...]], people: Sequence[Reviewer]) -> int:
    """How many seats distinct people can take at most (augmenting paths)."""
    taken: dict[int, int] = {}

    def seat(number: int, seen: set[int]) -> bool:
        for index, one in enumerate(people):
            if index not in seen and _fits(seats[number], one):
                seen.add(index)
                if index not in taken or seat(taken[index], seen):
                    taken[index] = number
                    return True
        return False

    return sum(seat(number, set()) for number in range(len(seats)))


def _fits(roles: tuple[str, ...], one: Reviewer) -> bool:
    return not roles or ADMIN in one.roles or not one.roles.isdisjoint(roles)


def _people(seats: Sequence[tuple[str, ...]]) -> str:
    counts: dict[tuple[str, ...], int] = {}
    for roles in seats:
        counts[roles] = counts.get(roles, 0) + 1
    parts = []
    for roles, number in sorted(counts.items()):
        people = "person" if number == 1 else "people"
        parts.append(f"{number} {people}" + (f" of {' or '.join(roles)}" if roles else ""))
    return " and ".join(parts)


def _first(found: Iterator[str]) -> list[str]:
    return [said] if (said := next(found, None)) is not None else []
