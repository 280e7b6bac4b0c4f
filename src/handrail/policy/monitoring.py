"""Which monitors a policy asks for: one for each thing that an action, or the workspace, promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from handrail.policy.document import ActionEntry, Document

Kind = Literal[
    "error", "weighted_error", "overconfidence", "underconfidence", "share_above", "share_below", "scores"
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
# an alarm of these asks for evidence before it is lifted
OF_ERRORS: frozenset[str] = frozenset({"error", "weighted_error", "overconfidence"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One monitor: of an action, or of the whole workspace (""). `terms` is plain JSON."""

    action: str
    kind: Kind
    # limit: the error it is held to; rate: of weighted checks; target: the share of people's cases
    terms: dict[str, Any]


def error_limit(action: ActionEntry) -> float | None:
    """The error that what is let through is held to: as the policy says, else what its threshold promises."""
    if action.target_error is not None:
        return action.target_error
    auto = action.auto_approve_threshold
    # rounded, or 1 - 0.95 would be no 0.05
    return round(1.0 - auto, 12) if auto is not None and 0.5 < auto < 1.0 else None


def raises_to(document: Document, kind: str) -> str | None:
    """The tier that an alarm of this kind raises to; None: it tells, and raises nothing.

    Too few cases reach people: what goes by itself is looked at again afterwards. Too many, or confidence too low,
    or scores that moved: raising would not help.
    """
    if kind in OF_ERRORS:
        return document.monitors.then
    return "soft_review" if kind == "share_below" else None


def wanted(document: Document) -> list[Wanted]:
    """All of them, in a fixed order."""
    rules = document.monitors
    if not rules.enabled:
        return []
    made: list[Wanted] = []
    for action in document.escalation_policies:
        made += _of_action(document, action)
    if rules.review_share is not None:
        pair: tuple[Kind, Kind] = ("share_above", "share_below")
        made += [Wanted(action="", kind=kind, terms={"target": rules.review_share}) for kind in pair]
    return made


def _of_action(document: Document, action: ActionEntry) -> list[Wanted]:
    name, limit, rules = action.action_type, error_limit(action), document.monitors
    uniform = max(action.spot_check_rate, document.defaults.spot_check_rate)
    weighted = max(action.weighted_check_rate, document.defaults.weighted_check_rate)
    made: list[Wanted] = []
    if limit is not None and uniform > 0.0:
        made.append(Wanted(action=name, kind="error", terms={"limit": limit}))
    if limit is not None and weighted > 0.0:
        made.append(Wanted(action=name, kind="weighted_error", terms={"limit": limit, "rate": weighted}))
    if rules.confidence and uniform > 0.0 and action.auto_approve_threshold is not None:
        terms = {} if limit is None else {"limit": limit}
        made.append(Wanted(action=name, kind="overconfidence", terms=terms))
        made.append(Wanted(action=name, kind="underconfidence", terms={}))
    if rules.scores and action.auto_approve_threshold is not None:
        made.append(Wanted(action=name, kind="scores", terms={}))
    return made
