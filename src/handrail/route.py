"""A route: what the policy says about one proposal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tier = Literal["auto_approve", "soft_review", "hard_gate", "deny"]
TIERS: tuple[Tier, ...] = ("auto_approve", "soft_review", "hard_gate", "deny")
SEVERITY: dict[str, int] = {tier: rank for rank, tier in enumerate(TIERS)}

Autonomy = Literal["full", "notify", "confirm", "collaborate", "human_leads"]
# how a check was drawn: by chance alone, or more likely where an error is in doubt
CheckStream = Literal["uniform", "weighted"]
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
    # of a case that went up: those who add what is missing beside a lead
    raised: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the AI supervisor made of a proposal before it was routed. It can raise a route, never lower one."""

    # `unread`: it gave no answer that could be understood, in time
    verdict: Literal["fine", "concern", "unread"]
    # numbers of the rules it names, from 1, and its own words: never fact
    rules: tuple[int, ...] = ()
    words: str = ""
    model: str = ""
    # digest of the rules and the model it was asked with
    asked: str = ""
    # why it is unread
    problem: str = ""
    seconds: float = 0.0


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
    # the chance by which its stream drew it, 0 to 1; of the uniform stream where none did
    spot_check_rate: float = 0.0
    # the stream it was drawn in. Also of a case that an alarm put before a person and that would have been let through:
    # every one of those is looked at, so it is a uniform check with chance 1
    stream: CheckStream | None = None
    # the chance that it was looked at in any stream; 0: nothing was drawn
    inclusion: float = 0.0
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
    # further people asked because one more answer was worth its price; the quorum stays as it is
    opinions: int = 0
    reading: Reading | None = None

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
