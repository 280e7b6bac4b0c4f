"""handrail: a human-in-the-loop control plane.

`handrail.open()` runs one in this process; `handrail.connect(url, key=…)` is the same client over HTTP.
Names are loaded when first used, so that importing handrail costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handrail.client.client import Client, connect, open  # noqa: A004
    from handrail.client.desk import Desk, Held
    from handrail.client.gate import AsyncGated, Gated
    from handrail.client.pending import Pending
    from handrail.client.waker import Waker
    from handrail.client.worker import Worker
    from handrail.decision import Decision
    from handrail.errors import (
        Cancelled,
        Expired,
        Halted,
        HandrailError,
        NotApproved,
        OutcomeUnknown,
        Redirected,
        Rejected,
        ToolFailed,
        Uncertain,
    )
    from handrail.parked import Parked, Woken
    from handrail.proposal import Proposal

__all__ = [
    "AsyncGated", "Cancelled", "Client", "Decision", "Desk", "Expired", "Gated", "Halted", "HandrailError", "Held",
    "NotApproved", "OutcomeUnknown", "Parked", "Pending", "Proposal", "Redirected", "Rejected", "ToolFailed",
    "Uncertain", "Waker", "Woken", "Worker", "connect", "open",
]  # fmt: skip

_WHERE = {
    "AsyncGated": "client.gate", "Cancelled": "errors", "Client": "client.client", "Decision": "decision",
    "Desk": "client.desk", "Expired": "errors", "Gated": "client.gate", "Halted": "errors",
    "HandrailError": "errors", "Held": "client.desk", "NotApproved": "errors", "OutcomeUnknown": "errors",
    "Parked": "parked", "Pending": "client.pending", "Proposal": "proposal", "Redirected": "errors",
    "Rejected": "errors", "ToolFailed": "errors", "Uncertain": "errors", "Waker": "client.waker", "Woken": "parked",
    "Worker": "client.worker", "connect": "client.client", "open": "client.client",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module 'handrail' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"handrail.{where}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
