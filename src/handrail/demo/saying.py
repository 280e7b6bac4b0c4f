"""What a person says about one case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from handrail.route import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """A verdict with what belongs to it: `value`, `arguments` or `reason`."""

    verdict: Verdict
    more: dict[str, Any] = field(default_factory=dict)


APPROVE = Saying(verdict="approve")


def reject(reason: str) -> Saying:
    """No, with a reason code."""
    return Saying(verdict="reject", more={"reason": reason})


def edit(arguments: dict[str, Any]) -> Saying:
    """Yes, with these arguments instead."""
    return Saying(verdict="edit", more={"arguments": arguments})


def respond(value: Any) -> Saying:
    """The answer itself."""
    return Saying(verdict="respond", more={"value": value})
