"""Terms: how a case is handled. Combining them takes the strictest of every field, in any order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handrail.route import VERDICTS, OnExpiry, Stage, Verdict

# from the loosest; nothing but `unsafe_approve` lets anything through unseen
EXPIRY_ORDER: tuple[OnExpiry, ...] = ("unsafe_approve", "hold", "escalate", "reject")

ANYBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one clause asks for. The defaults ask for nothing."""

    # sets of roles; somebody out of each of them must review
    roles: frozenset[frozenset[str]] = frozenset()
    # staged approvals, each in its order
    stages: frozenset[tuple[Stage, ...]] = frozenset()
    reviewers: int = 0
    skills: frozenset[str] = frozenset()
    # (strictness of the clause that names it, queue)
    queues: frozenset[tuple[int, str]] = frozenset()
    deadline_seconds: int | None = None
    on_expiry: OnExpiry | None = None
    # None: any
    verdicts: frozenset[Verdict] | None = None
    blind_share: float = 0.0
    spot_check_rate: float = 0.0
    weighted_check_rate: float = 0.0
    undo_seconds: float | None = None
    always_review: bool = False
    high_stakes: bool = False
    irreversible: bool = False
    audit: bool = False


NO_TERMS = Terms()


def combine(parts: Iterable[Terms]) -> Terms:
    """The strictest of every field. Commutative, associative, idempotent; more parts never loosen."""
    listed = tuple(parts)
    if len(listed) == 1:
        return listed[0]
    deadlines = [part.deadline_seconds for part in listed if part.deadline_seconds is not None]
    expiries = [part.on_expiry for part in listed if part.on_expiry is not None]
    undos = [part.undo_seconds for part in listed if part.undo_seconds is not None]
    verdicts = [part.verdicts for part in listed if part.verdicts is not None]
    return Terms(
        roles=frozenset().union(*(part.roles for part in listed)),
        stages=frozenset().union(*(part.stages for part in listed)),
        reviewers=max((part.reviewers for part in listed), default=0),
        skills=frozenset().union(*(part.skills for part in listed)),
        queues=frozenset().union(*(part.queues for part in listed)),
        deadline_seconds=min(deadlines, default=None),
        on_expiry=max(expiries, key=EXPIRY_ORDER.index, default=None),
        verdicts=frozenset.intersection(*verdicts) if verdicts else None,
        blind_share=max((part.blind_share for part in listed), default=0.0),
        spot_check_rate=max((part.spot_check_rate for part in listed), default=0.0),
        weighted_check_rate=max((part.weighted_check_rate for part in listed), default=0.0),
        undo_seconds=max(undos, default=None),
        always_review=any(part.always_review for part in listed),
        high_stakes=any(part.high_stakes for part in listed),
        irreversible=any(part.irreversible for part in listed),
        audit=any(part.audit for part in listed),
    )


def staging(terms: Terms, people: int) -> tuple[tuple[Stage, ...], tuple[str, ...], int]:
    """Stages, roles and the number of distinct people, for a case that needs `people` of them.

    One role set: `people` who hold one of those roles. Several: so many for each, as stages after the
    declared ones; a set that a declared stage answers with as many people adds nothing. A set is
    implied by any set within it, but never fewer people are asked than without the implying one.
    """
    declared = [stage for sequence in sorted(terms.stages, key=_stage_key) for stage in sequence]
    answered = {frozenset(stage.roles) for stage in declared if stage.reviewers >= people}
    open_sets = terms.roles - answered
    least = sorted((roles for roles in open_sets if not any(other < roles for other in open_sets)), key=sorted)
    number = sum(stage.reviewers for stage in declared) + people * _width(open_sets)
    number = max(number, people)
    if not declared and len(least) <= 1:
        return (), tuple(sorted(least[0])) if least else (), number
    stages = [*declared, *(Stage(roles=tuple(sorted(roles)), reviewers=people) for roles in least)]
    missing = number - sum(stage.reviewers for stage in stages)
    if missing > 0:
        stages.append(Stage(reviewers=missing))
    return tuple(stages), (), number


def _width(sets: frozenset[frozenset[str]]) -> int:
    """The most sets of which none holds another: Dilworth's theorem, by a matching of each set to a larger one."""
    listed = sorted(sets, key=sorted)
    if len(listed) < 2:
        return len(listed)
    smaller: dict[frozenset[str], frozenset[str]] = {}

    def match(roles: frozenset[str], seen: set[frozenset[str]]) -> bool:
        for larger in listed:
            if roles < larger and larger not in seen:
                seen.add(larger)
                if larger not in smaller or match(smaller[larger], seen):
                    smaller[larger] = roles
                    return True
        return False

    return len(listed) - sum(match(roles, set()) for roles in listed)


def _stage_key(stages: tuple[Stage, ...]) -> tuple[tuple[tuple[str, ...], int], ...]:
    return tuple((stage.roles, stage.reviewers) for stage in stages)


def ordered_verdicts(verdicts: frozenset[Verdict] | None) -> tuple[Verdict, ...]:
    """In the usual order; `reject` is always there, for nobody may be left without a way to say no."""
    if verdicts is None:
        return VERDICTS
    return tuple(verdict for verdict in VERDICTS if verdict in verdicts or verdict == "reject")
