"""A route: what the policy says about one proposal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tier = Literal["auto_approve", "soft_review", "hard_gate", "deny"]
TIERS: tuple[Tier, ...] = ("auto_approve", "soft_review", "hard_gate", "deny")
SEVERITY: dict[str, int] = {tier: rank for rank, tier in enumerate(TIERS)}

Autonomy = Literal["full", "notify", "confirm", "collaborate", "human_leads"]
OnExpiry = Literal["reject", "escalate", "hold", "unsafe_approve"]
Verdict = Literal["approve", "edit", "reject", "respond", "redirect", "abstain"]
VERDICTS: tuple[Verdict, ...] = ("approve", "edit", "reject", "respond", "redirect", "abstain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One clause that had a say, in plain words."""

    # stable code: `confidence_below`, `amount_above`, `rule:pay-3`, `unknown_action` …
    code: str
    # a sentence a reviewer understands
    text: str
    # the tier this clause asks for, if it asks for one
    tier: Tier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a staged approval: `reviewers` people who hold any of `roles`."""

    roles: tuple[str, ...] = ()
    reviewers: int = 1
    # only answers given after the stage before it was complete count here
    in_order: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where one proposal goes and under which terms. Made by the router, obeyed by the lifecycle."""

    tier: Tier
    # distinct people whose effective reviews settle it; 0 for auto_approve and deny
    reviewers: int
    reasons: tuple[Reason, ...]
    # digest of the policy text that said so
    policy: str
    policy_name: str = "policy"
    # any one of these roles may review; empty: any reviewer
    roles: tuple[str, ...] = ()
    # skills a reviewer must hold; part of the lane
    skills: tuple[str, ...] = ()
    queue: str = "default"
    # seconds from submission until it must be settled; None: no deadline
    deadline_seconds: int | None = None
    on_expiry: OnExpiry = "reject"
    verdicts: tuple[Verdict, ...] = VERDICTS
    # ordered approvals; empty: one stage of `reviewers`
    stages: tuple[Stage, ...] = ()
    # seconds a review can be taken back before it counts
    undo_seconds: float = 0.0
    # show the card without the model's opinion until the first answer
    blind: bool = False
    # an auto_approve sampled for a human re-check; the decision does not wait
    spot_check: bool = False
    # the inclusion probability of that sample, 0 to 1
    spot_check_rate: float = 0.0
    # a person always looks, whatever the confidence
    always_review: bool = False
    # the action cannot be taken back: it has no undo, or the policy lists it
    irreversible: bool = False
    # write the full reasons into the audit entry
    audit: bool = True
    autonomy: Autonomy | None = None
    calibrator: str | None = None
    # id of the grant that loosened the tier, if one did
    grant: str | None = None

    @property
    def may_answer(self) -> tuple[str, ...]:
        """Roles any of which may answer it, in some stage; empty: any reviewer."""
        if self.roles or not all(stage.roles for stage in self.stages):
            return self.roles
        return tuple(sorted({role for stage in self.stages for role in stage.roles}))

    @property
    def high_stakes(self) -> bool:
        """A hard_gate that is irreversible or needs two or more people."""
        return self.tier == "hard_gate" and (self.irreversible or self.reviewers >= 2)
