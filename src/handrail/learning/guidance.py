"""Guidance: what people changed, refused or redirected before, as material for the program that proposes next.

It is data about the past and never a permission: whatever a program makes of it, its next proposal is judged anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from handrail.canonical import JSON
from handrail.clock import from_iso, iso

CORRECTIONS = ("edit", "reject", "redirect")
PERSONAL = "[personal]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One earlier proposal of the action, and what a person made of it."""

    case_id: str
    action: str
    verdict: Literal["edit", "reject", "redirect"]
    # as they were proposed, and as the person changed them (edit only)
    arguments: JSON
    instead: JSON = None
    instruction: str | None = None
    reason: str | None = None
    note: str | None = None
    # roles the person held then; who he is stays with the case
    roles: tuple[str, ...] = ()
    # microseconds
    at: int
    # what the case came to, and whether the outcome bore the proposal out (None: not known)
    decision: str | None = None
    correct: bool | None = None
    # how much it has in common with what was asked about, 0 to 1
    score: float = 0.0

    def to_json(self) -> dict[str, JSON]:
        """As it goes over the wire; what is not there is left out."""
        names = ("instead", "instruction", "reason", "note", "decision", "correct")
        given = {name: getattr(self, name) for name in names}
        return {
            "case_id": self.case_id, "action": self.action, "verdict": self.verdict, "arguments": self.arguments,
            "roles": list(self.roles), "score": self.score, "at": iso(self.at),
        } | {name: value for name, value in given.items() if value is not None}  # fmt: skip


def correction_from_json(data: Mapping[str, Any]) -> Correction:
    """The inverse of `Correction.to_json`."""
    return Correction(**(dict(data) | {"at": from_iso(data["at"]), "roles": tuple(data["roles"])}))


def without(value: JSON, secrets: Iterable[JSON]) -> Any:
    """The value with every secret in it covered: equal values, and text that holds one."""
    hidden = [secret for secret in secrets if secret not in (None, "", [], {}, True, False)]
    texts = [str(secret) for secret in hidden if not isinstance(secret, list | dict)]
    return _covered(value, hidden, texts)


def _covered(value: JSON, hidden: list[JSON], texts: list[str]) -> JSON:
    if isinstance(value, dict):
        return {name: _covered(item, hidden, texts) for name, item in value.items()}
    if isinstance(value, list):
        return [_covered(item, hidden, texts) for item in value]
    if any(value == secret and type(value) is type(secret) for secret in hidden):
        return PERSONAL
    if isinstance(value, str) and any(text.casefold() in value.casefold() for text in texts):
        return PERSONAL
    return value
