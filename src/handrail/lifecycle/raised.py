"""A raised case: as many people as before must agree, and a lead must be among them.

Until a lead has answered, leads alone may take it. Then whoever the policy asked at first may add what is missing,
also those who contradicted each other before it went up: otherwise a team with one lead could never settle it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from handrail.lifecycle.rows import ReviewRow, roles_of
from handrail.route import Route, Stage

LEAD = "lead"


def raise_route(route: Route, need: int) -> Route:
    """The route of a case that goes up and needs this many people."""
    rest = _rest(route)
    others = Stage(roles=tuple(sorted({LEAD, *rest})) if rest else (), reviewers=max(0, need - 1), raised=True)
    return replace(route, roles=(LEAD,), stages=(Stage(roles=(LEAD,)), others), opinions=0)


def is_raised(route: Route) -> bool:
    """Whether the case has gone up."""
    return any(stage.raised for stage in route.stages)


def seat_lead(route: Route, given: Sequence[ReviewRow]) -> Route:
    """A raised route, open to others exactly while the answer of a lead stands."""
    return replace(route, roles=()) if _lead_answered(given) else keep_for_leads(route)


def keep_for_leads(route: Route) -> Route:
    """A raised route as it is before a lead has answered."""
    return replace(route, roles=(LEAD,))


def outvoted(given: Sequence[ReviewRow]) -> list[str]:
    """People whose answers were thrown out and who have given no other since."""
    standing = {row.reviewer for row in given if _stands(row)}
    return sorted({row.reviewer for row in given if row.voided_at is not None} - standing)


def _rest(route: Route) -> tuple[str, ...]:
    for stage in route.stages:
        if stage.raised:
            return stage.roles
    return route.may_answer


def _lead_answered(given: Sequence[ReviewRow]) -> bool:
    held = roles_of(list(given))
    return any(
        _stands(row) and row.verdict != "abstain" and not {LEAD, "admin"}.isdisjoint(held[row.reviewer])
        for row in given
    )


def _stands(row: ReviewRow) -> bool:
    return row.withdrawn_at is None and row.voided_at is None
