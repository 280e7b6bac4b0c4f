"""What changed between two policies, field by field, and whether it loosens or tightens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from handrail.policy.document import Document
from handrail.route import SEVERITY

Direction = Literal["tighter", "looser", "other"]

# a larger value is tighter …
_MORE = frozenset(
    "auto_approve_threshold soft_review_threshold gold_share reviewers min_reviewers_per_task "
    "high_stakes_min_reviewers reviews_per_day spot_check_rate weighted_check_rate sample_share overflow_floor "
    "undo_seconds inter_rater_agreement_threshold min_agreement_for_training tier outside".split()
)
# … or a smaller one is
_LESS = frozenset(
    "max_auto_approve_amount require_two_reviewers_above max_amount max_count max_prompts sla_seconds "
    "deadline_seconds expires reviewer_session_limit_minutes target_error most_times".split()
)
_LOOSENING = frozenset({"grants", "capacity"})
_TIGHTENING = frozenset(
    "rules budgets schedules categories_always_review irreversible_actions_always_gate roles skills stages "
    "stated_confidence".split()
)
_KEYS = {
    "escalation_policies": "action_type",
    "rules": "id",
    "windows": "name",
    "budgets": "id",
    "schedules": "id",
    "grants": "id",
}
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One changed field; None stands for absent."""

    field: str
    old: Any
    new: Any
    direction: Direction


def differences(old: Document, new: Document) -> list[Difference]:
    """All of them, in the order of the document."""
    return list(_compare((), _plain(old), _plain(new)))


def _plain(document: Document) -> dict[str, Any]:
    made = document.model_dump(mode="python", by_alias=True, exclude_defaults=True)
    for name, key in _KEYS.items():
        if name in made:
            made[name] = {entry[key]: {k: v for k, v in entry.items() if k != key} for entry in made[name]}
    return made


def _compare(path: tuple[str, ...], old: Any, new: Any) -> Iterator[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _compare((*path, str(name)), old.get(name, _ABSENT), new.get(name, _ABSENT))
    elif old != new:
        yield Difference(field=".".join(path), old=_shown(old), new=_shown(new), direction=_direction(path, old, new))


def _direction(path: tuple[str, ...], old: Any, new: Any) -> Direction:
    if isinstance(old, list) and isinstance(new, list) and path[-1] in _TIGHTENING:
        had, has = set(map(str, old)), set(map(str, new))
        return "tighter" if had < has else "looser" if has < had else "other"
    if old is _ABSENT or new is _ABSENT:
        return _whole(path, appeared=old is _ABSENT)
    field = path[-1] if path[-1] in _MORE | _LESS else path[-2] if len(path) > 1 else ""
    before, after = (SEVERITY.get(value, value) if isinstance(value, str) else value for value in (old, new))
    if not isinstance(before, int | float | Decimal) or not isinstance(after, int | float | Decimal):
        return "other"
    if field in _MORE:
        return "tighter" if after > before else "looser"
    if field in _LESS:
        return "tighter" if after < before else "looser"
    return "other"


def _whole(path: tuple[str, ...], *, appeared: bool) -> Direction:
    """A field or entry that came or went."""
    names = path[-2:]
    if any(name in _LOOSENING for name in names):
        return "looser" if appeared else "tighter"
    if any(name in _TIGHTENING for name in names) or names[0] in _LESS:
        return "tighter" if appeared else "looser"
    if names[-1] in ("auto_approve_threshold", "soft_review_threshold") or names[0] == "escalation_policies":
        return "looser" if appeared else "tighter"
    return "other"


def _shown(value: Any) -> Any:
    if value is _ABSENT:
        return None
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {str(name): _shown(item) for name, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value
