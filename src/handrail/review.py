"""A review: one reviewer's finished answer, and the verdict it carries."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.canonical import JSON
from handrail.route import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One answer of one person about one revision of one case."""

    id: str
    case_id: str
    revision: int
    reviewer: str
    verdict: Verdict
    # edited arguments (edit), value (respond), instruction (redirect), reason code and note (reject, abstain)
    arguments: JSON = None
    value: JSON = None
    instruction: str | None = None
    reason: str | None = None
    note: str | None = None
    # digest of the card the reviewer saw
    card: str | None = None
    given_at: int
    # from when it counts; before that it can be taken back
    effective_at: int
    withdrawn_at: int | None = None
    voided_at: int | None = None
    # shown without the model's opinion
    blind: bool = False
    # seconds the card was visible, channel, sign-in method, evidence opened
    provenance: JSON = None
