"""What a flow asks for, one step at a time. A transport answers each step; flows know nothing of transports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from handrail.canonical import JSON
from handrail.decision import Decision
from handrail.execution import Execution
from handrail.proposal import Proposal
from handrail.route import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """Hand over a proposal; with a nonce, also start it if nobody has to look. Answer: `Answered`."""

    proposal: Proposal
    nonce: str | None = None
    # seconds until the executor counts as gone
    lasting: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of a submission."""

    case_id: str
    tier: str
    reasons: tuple[Reason, ...]
    decision: Decision | None
    execution: Execution | None
    action_digest: str
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """Wait for the decision. Answer: a `Decision`, or None when `timeout` seconds pass first."""

    case_id: str
    timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitEnd:
    """Wait until an execution is over or its time is up. Answer: None; look again."""

    case_id: str
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Claim the single use of an approval. Answer: an `Execution`."""

    case_id: str
    nonce: str
    action_digest: str | None = None
    # the action that the tool performs: an approval of another is refused, and stays unused
    action: str | None = None
    lasting: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Report how it ended. Answer: an `Execution`."""

    case_id: str
    fence: int
    ok: bool
    result: JSON = None
    uncertain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeWake:
    """Take the next due park: of these frameworks, of this run, or this one. Answer: `Woken`, or None when `timeout`
    seconds pass first."""

    nonce: str
    frameworks: tuple[str, ...] | None = None
    run: str | None = None
    id: str | None = None
    # seconds until the waker counts as gone
    lasting: float = 300.0
    timeout: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Call the tool, here. Answer: what it returns; its exception is thrown into the flow."""

    function: Callable[..., Any]
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Any other verb of the control plane, by name. Answer: its result as plain JSON."""

    verb: str
    arguments: dict[str, Any]


Step: TypeAlias = Submit | Await | AwaitEnd | Start | Finish | TakeWake | Run | Call
