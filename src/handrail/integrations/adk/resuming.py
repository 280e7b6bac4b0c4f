"""What a resumed session leaves behind."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pause:
    """The pause in which a resumed run ends, and the open cases there. Its waker parks them when it stopped."""

    state: bytes | None = None
    cases: list[str] = field(default_factory=list)

    def add(self, state: bytes, case_id: str) -> None:
        if state != self.state:
            self.state, self.cases = state, []
        self.cases.append(case_id)


# set while a session is resumed here
resuming: ContextVar[Pause | None] = ContextVar("handrail_adk_resuming", default=None)
