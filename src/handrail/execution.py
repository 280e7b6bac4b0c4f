"""An execution: the single use of an approved action."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Literal

from handrail.canonical import JSON
from handrail.errors import InvalidInput

# seconds for which an execution, or a run that is being woken, may be held
SHORTEST_HOLD = 1
LONGEST_HOLD = 24 * 3600

ToolClass = Literal["unsafe", "idempotent", "queryable", "transactional"]
TOOL_CLASSES: tuple[ToolClass, ...] = ("unsafe", "idempotent", "queryable", "transactional")

ExecutionState = Literal["started", "succeeded", "failed", "unknown", "settled", "voided"]

# started    the row was committed; the effect may or may not have happened
# succeeded  the executor reported completion under its fence
# failed     the tool said that nothing happened
# unknown    the executor vanished and the tool's class forbids another try; a person settles it
# settled    a person said whether it happened
# voided     never started and never will be (halted, or a soft review said no in time)
EXECUTION_TRANSITIONS: dict[str, tuple[ExecutionState, ...]] = {
    "none": ("started", "voided"),
    "started": ("started", "succeeded", "failed", "unknown"),
    "unknown": ("settled",),
    "succeeded": (),
    "failed": (),
    "settled": (),
    "voided": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """At most one per case: the primary key is the at-most-once point."""

    case_id: str
    state: ExecutionState
    # grows when the same effect is tried again (idempotent, queryable, transactional)
    fence: int
    # chosen by the executor; the same nonce gets the same answer again
    nonce: str
    # hand this to the tool; it is the same for every try of this effect
    idempotency_key: str
    # from the stored canonical bytes, never from the program's memory
    arguments: JSON
    action: str
    tool_class: ToolClass = "unsafe"
    started_at: int
    expires_at: int
    finished_at: int | None = None
    # what the tool returned (JSON), or {"error": …}
    result: JSON = None
    # settled by a person: did it happen?
    happened: bool | None = None


def idempotency_key(*, workspace: str, case: str, action_digest: str) -> str:
    """Base32 of SHA-256 over the workspace, case and action digest (trust.md P2); 52 characters."""
    material = "\0".join(("handrail/execution/1", workspace, case, action_digest)).encode()
    return base64.b32encode(hashlib.sha256(material).digest()).decode().rstrip("=")


def need_hold(what: str, seconds: object) -> None:
    """Raise `InvalidInput` unless somebody may hold an execution, or a run that he wakes, for so many seconds."""
    plain = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not plain or not SHORTEST_HOLD <= seconds <= LONGEST_HOLD:  # type: ignore[operator]
        raise InvalidInput(
            f"{what} is a number of seconds from {SHORTEST_HOLD} to {LONGEST_HOLD} (24 hours)",
            remedy="Give as long as the work may take at most: whoever dies meanwhile holds it until then.",
        )
