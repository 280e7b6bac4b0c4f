"""What requests may hold. Unknown fields and wrong types are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from handrail.execution import LONGEST_HOLD, SHORTEST_HOLD
from handrail.lifecycle import for_run
from handrail.lifecycle.grant import LONGEST_SECONDS
from handrail.lifecycle.review import MOST_IN_A_BATCH
from handrail.lifecycle.takeover import USUAL_SECONDS

# what a request may carry; a park carries a snapshot in base64
MOST_BYTES = 1024 * 1024
MOST_PARK_BYTES = 3 * MOST_BYTES // 2


def _plain(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character is not allowed")
    return text


Line = Annotated[str, Field(max_length=256), AfterValidator(_plain)]
Prose = Annotated[str, Field(max_length=10_000), AfterValidator(_plain)]
Long = Annotated[str, Field(max_length=900_000), AfterValidator(_plain)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
# seconds until whoever holds it counts as gone
Lasting = Annotated[float, Field(ge=SHORTEST_HOLD, le=LONGEST_HOLD, strict=False)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SignInBody(Body):
    """E-mail and password of a person."""

    email: Line
    password: Annotated[str, Field(max_length=256)]
    workspace: Line | None = None


class CancelBody(Body):
    """Why the program takes its proposal back."""

    reason: Prose = "withdrawn"


class OutcomeBody(Body):
    """What turned out: whether it was right, or the true answer, and who says so."""

    correct: bool | None = None
    value: Any = None
    source: Line = "outcome"
    # a miss of which one is enough to take autonomy back
    severe: bool = False
    # the caller's own UUID for it: the same request again counts once
    id: Line | None = None


class UndoBody(Body):
    """Why an effect is to be taken back."""

    reason: Prose = ""


class StartBody(Body):
    """Claim the single use of an approval. `nonce` is the executor's own; the same one gets the same answer."""

    nonce: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
    action_digest: Line | None = None
    # what the executor performs: an approval of another action is refused, and stays unused
    action: Line | None = None
    # seconds until the executor counts as gone
    lasting: Lasting = 300.0


class FinishBody(Body):
    """How an execution ended. `uncertain`: the executor cannot tell, so a person must."""

    fence: Count
    ok: bool
    result: Any = None
    uncertain: bool = False


Nonce = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]


class ParkBody(Body):
    """A paused run: what it waits for, and what is needed to wake it."""

    run: Line
    framework: Line
    cases: Annotated[list[Line], Field(min_length=1, max_length=200)]
    # base64 of at most 1 MiB
    state: Annotated[str, Field(max_length=1_400_000)] | None = None
    wakes: Literal["all", "any"] = "all"
    # take back the undecided cases of its park before this that are not named again
    abandon: bool = True
    # add them to the cases of its present park, if that has the same state
    join: bool = False
    # the caller's own UUID for it
    id: Line | None = None


class WakeBody(Body):
    """Take a due park. `nonce` is the waker's own; the same one gets the same park."""

    nonce: Nonce
    lasting: Lasting = 300.0


class WakeNextBody(WakeBody):
    """Take the oldest due park: of these frameworks, or of this run."""

    frameworks: Annotated[list[Line], Field(min_length=1, max_length=50)] | None = None
    run: Line | None = None


class HoldBody(Body):
    """Hold on, under the fence that was given."""

    fence: Count
    lasting: Lasting = 300.0


class EndBody(Body):
    """How waking went. Not `ok`: it is tried again, and `note` says why."""

    fence: Count
    ok: bool
    note: Prose = ""


class AbandonBody(Body):
    """A run that will not go on from its pause."""

    run: Line
    framework: Line
    reason: Prose = "abandoned"


class SettleBody(Body):
    """Whether an `unknown` effect happened."""

    happened: bool
    note: Prose = ""


class NextBody(Body):
    """From which queues to take; none: any that the caller may answer."""

    queues: Annotated[list[Line], Field(max_length=100)] = []


class FenceBody(Body):
    """The claim's fence."""

    fence: Count


class ReviewBody(Body):
    """One finished answer about one revision of one card."""

    verdict: Literal["approve", "edit", "reject", "respond", "redirect", "abstain"]
    # of the claim held; without one the case is claimed and answered in one step
    fence: Count | None = None
    revision: Count | None = None
    card: Line | None = None
    arguments: Any = None
    value: Any = None
    instruction: Prose | None = None
    reason: Prose | None = None
    note: Prose | None = None
    dwell_seconds: Annotated[float, Field(ge=0, le=86_400, strict=False)] | None = None
    evidence_opened: Annotated[list[Count], Field(max_length=200)] = []
    blind: bool = False
    # `run` also lets up to `uses` more of the same through in this run, for `seconds`
    scope: Literal["action", "run"] = "action"
    uses: Annotated[int, Field(ge=1, le=for_run.USES)] = for_run.USES
    seconds: Annotated[int, Field(ge=1, le=for_run.MOST_SECONDS)] = for_run.MOST_SECONDS
    batch: Line | None = None


class GuidanceBody(Body):
    """About which action, with which arguments, somebody asks for past corrections."""

    action: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_plain)]
    arguments: Any = None
    limit: Annotated[int, Field(ge=1, le=20)] = 5


class TakeOverBody(Body):
    """How long a person holds a step that he does himself."""

    seconds: Annotated[int, Field(ge=SHORTEST_HOLD, le=LONGEST_HOLD)] = USUAL_SECONDS


class HandBackBody(Body):
    """What came of a step that a person did himself."""

    fence: Count
    value: Any = None
    note: Prose | None = None


class ReasonBody(Body):
    """Why."""

    reason: Prose


class BatchItem(Body):
    """One case of a batch, as it was seen."""

    case_id: Line
    fence: Count | None = None
    revision: Count
    card: Line


class BatchBody(Body):
    """One verdict for cases of one action and shape, none of them high-stakes."""

    verdict: Literal["approve", "reject"]
    reason: Prose | None = None
    note: Prose | None = None
    items: Annotated[list[BatchItem], Field(min_length=1, max_length=MOST_IN_A_BATCH)]


class HaltBody(Body):
    """What to halt: an agent, an action, a run by name, or the whole workspace."""

    scope: Literal["agent", "action", "run", "workspace"]
    value: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_plain)] | None = None
    reason: Prose = ""
    # the caller's own UUID for it: the same request again sets one
    id: Line | None = None


class GrantBody(Body):
    """Let an action go further by itself for a while. `lifts` names what; never what is irreversible."""

    action: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_plain)]
    seconds: Annotated[int, Field(gt=0, le=LONGEST_SECONDS)]
    tier: Literal["auto_approve", "soft_review"] = "auto_approve"
    when: Prose | None = None
    lifts: Annotated[list[Line], Field(min_length=1, max_length=50)] = ["confidence", "autonomy"]
    reason: Prose = ""
    spot_check_rate: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False, strict=False)] = 0.05
    # the caller's own UUID for it: the same request again issues one
    id: Line | None = None


class GoldsBody(Body):
    """Golds for the pool: proposals, each with its known answer in `gold`."""

    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1_000)]


class CellsBody(Body):
    """The action whose cells are laid down."""

    action: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_plain)]


class PromotionBody(Body):
    """What to propose: one cell, the cells of one action, or (neither) all that have passed."""

    action: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_plain)] | None = None
    cell: Line | None = None


class PromotionAnswerBody(Body):
    """Why a promotion is accepted or declined."""

    reason: Prose = ""


class PolicyBody(Body):
    """A policy text (YAML) to put in force."""

    text: Long
    name: Line = "policy"


class ExplainBody(Body):
    """A proposal to explain, and a policy text to explain it under; none: the one in force."""

    proposal: dict[str, Any]
    text: Long | None = None


class CalibratorBody(Body):
    """A fitted calibrator as plain JSON, to keep under a name that a policy can attach to an action."""

    name: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_plain)]
    calibrator: dict[str, Any]


Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class RoundFigures(Body):
    """How one round of learning went; shares are 0 to 1."""

    round: Annotated[int, Field(ge=0, le=1_000_000)]
    proposals: Annotated[int, Field(ge=0, le=2**31 - 1)]
    reviewed: Annotated[int, Field(ge=0, le=2**31 - 1)]
    review_rate: Share
    model_error: Share | None = None
    passed_error: Share | None = None


class RoundBody(Body):
    """A finished round of one action, and what it let through unasked."""

    action: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_plain)]
    figures: RoundFigures
    threshold: Share | None = None


class WebhookBody(Body):
    """Where to send signed messages, and for which entry types (`*`: all)."""

    url: Annotated[str, Field(max_length=2000), AfterValidator(_plain)]
    events: Annotated[list[Line], Field(min_length=1, max_length=50)] = ["*"]


class PersonBody(Body):
    """Somebody to let in. Without a password one is made and shown once."""

    name: Line
    email: Line
    password: Annotated[str, Field(min_length=8, max_length=256)] | None = None
    roles: Annotated[list[Line], Field(max_length=50)] = ["reviewer"]
    skills: Annotated[list[Line], Field(max_length=50)] = []


class PersonChange(Body):
    """What to change about a person; what is absent stays."""

    roles: Annotated[list[Line], Field(max_length=50)] | None = None
    skills: Annotated[list[Line], Field(max_length=50)] | None = None
    active: bool | None = None
    password: Annotated[str, Field(min_length=8, max_length=256)] | None = None


class KeyBody(Body):
    """An API key: what it may do, for which agent or person it speaks, and for how long."""

    name: Line
    scopes: Annotated[list[Line], Field(min_length=1, max_length=10)]
    agent: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)] | None = None
    person: Line | None = None
    lifetime_seconds: Annotated[int, Field(gt=0, le=10 * 366 * 86_400)] | None = None
