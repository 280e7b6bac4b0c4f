"""A control plane in a folder, with time that can be moved. Any process that opens the folder sees the same."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.desk import Desk
from handrail.client.local import LocalTransport
from handrail.client.transport import Sent
from handrail.client.watch import Watch
from handrail.clock import SECOND, SystemClock
from handrail.decision import Decision
from handrail.errors import Unavailable
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.lifecycle.rows import ExecutionRow
from handrail.maintenance import timers
from handrail.maintenance.plane import Plane
from handrail.store import schema, statements
from handrail.testing.conformance.effects import Effects, tools
from handrail.testing.conformance.script import Fault, Script

DEADLINE_SECONDS = 600
POLICY = f"""
escalation_policies:
  - {{action_type: pay, autonomy: confirm, sla_seconds: {DEADLINE_SECONDS}, undo_seconds: 0}}
  - {{action_type: note, auto_approve_threshold: 0.5, undo_seconds: 0}}
"""
WAIT_SECONDS = 60.0


class SharedClock:
    """The machine's clock, moved forward by what a file says."""

    def __init__(self, path: Path):
        self._path = path

    def now(self) -> int:
        return SystemClock().now() + int(read_json(self._path, 0))

    def advance(self, seconds: float) -> None:
        """Move it for every process."""
        write_json(self._path, read_json(self._path, 0) + int(seconds * SECOND))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A case as a test looks at it."""

    id: str
    action: str
    arguments: dict[str, JSON]
    run: str | None
    call_id: str | None
    revision: int
    decision: str | None


class Scene:
    """Opened by the test, and again by each process it starts. Nothing happens in it by itself."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.clock = SharedClock(folder / "clock")
        self.effects = Effects(folder / "effects")
        self.plane = Plane(
            folder / "handrail.db", policy=POLICY, keys=folder / "keys", clock=self.clock, loops=False
        )  # fmt: skip
        # what other processes commit is noticed at once
        self._unwatch = self.plane.store.watch(self.plane.feed.changed)
        self._actor = Actor(kind="agent", pid="clerk", name="clerk", scopes=ALL_SCOPES, auth="local")
        # the control plane as the test speaks to it, whatever is broken for the adapter
        self.control = Client(LocalTransport(self.plane, self._actor, owns_plane=False))

    def close(self) -> None:
        self._unwatch()
        self.control.close()
        self.plane.close()

    # --- for the adapter ----------------------------------------------------------------------

    def client(self, script: Script) -> Client:
        """What the adapter gets as its client."""
        if script.fault in ("server unreachable", "server answers nonsense"):
            return Client(BrokenTransport(script.fault))
        return self.control

    def terms(self, script: Script) -> dict[str, dict[str, Any]]:
        """What the adapter gets as its terms, by tool name."""
        shared: dict[str, Any] = {"tool_class": script.tool_class}
        if script.key is not None:
            shared["key"] = script.key
        if script.fault == "terms raise":
            shared["confidence"] = _raising
        if script.fault == "terms are garbage":
            shared["confidence"] = lambda **_: "banana"
        confidence = {} if "confidence" in shared else {"confidence": 0.9}
        return {"pay": shared, "note": shared | confidence, "mystery": shared}

    def tools(self, script: Script) -> dict[str, Callable[..., str]]:
        """The tools the agent has: plain functions with annotations and a docstring."""
        made = tools(
            self.effects, trouble=script.trouble, delays=script.delays, died=self.folder / f"died-{script.thread}",
            gate=self.gate(script) if script.held else None,
        )  # fmt: skip
        return {name: function for name, function in made.items() if name not in script.without}

    def gate(self, script: Script) -> Path:
        """The file that lets tools of a held script go on."""
        return self.folder / f"go-{script.thread}"

    # --- for the test -------------------------------------------------------------------------

    def desk(self, name: str = "Ann") -> Desk:
        """A reviewer's."""
        return self.control.desk(name)

    def cases(self, **arguments: JSON) -> list[Seen]:
        """All cases with these arguments among theirs, oldest first."""
        cases = schema.cases
        rows = self.plane.store.read(select(cases.c.id).order_by(cases.c.opened_at, cases.c.id))
        found = [self._seen(row[0]) for row in rows]
        return [case for case in found if arguments.items() <= case.arguments.items()]

    def open_cases(self, **arguments: JSON) -> list[Seen]:
        """Those that nobody has decided."""
        return [case for case in self.cases(**arguments) if case.decision is None]

    def decision(self, case_id: str) -> Decision | None:
        return self.plane.decision(self.plane.workspace_id, case_id)

    def execution(self, case_id: str) -> ExecutionRow | None:
        """Its execution, if it was ever started."""
        found = self.plane.store.read_hot(statements.execution_get, case_id=case_id, workspace=self.plane.workspace_id)
        return ExecutionRow._make(found[0]) if found else None

    def pass_time(self, seconds: float) -> None:
        """Move the clock, and handle what is due then."""
        self.clock.advance(seconds)
        while timers.step(self.plane.store, self.plane.writer, self.clock):
            pass

    def _seen(self, case_id: str) -> Seen:
        row = self.plane.proposal(self.plane.workspace_id, case_id)
        record = row.record()
        return Seen(
            id=case_id, action=row.action, arguments=record["arguments"], run=row.run, call_id=record.get("call_id"),
            revision=row.revision, decision=row.decision,
        )  # fmt: skip


class BrokenTransport:
    """A way to a control plane that is not there, or answers what nobody can use."""

    def __init__(self, fault: Fault):
        self._fault = fault

    def send(self, step: Sent) -> Any:
        if self._fault == "server unreachable":
            raise Unavailable("the server does not answer")
        return None

    async def asend(self, step: Sent) -> Any:
        return self.send(step)

    def watch(self, actions: tuple[str, ...]) -> Watch:
        return Watch(list, interval=1.0)

    def close(self) -> None: ...
    async def aclose(self) -> None: ...


def wait_until(holds: Callable[[], bool], what: str, seconds: float | None = None) -> None:
    """Look until it holds; an assertion fails when it never does."""
    seconds = WAIT_SECONDS if seconds is None else seconds
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        threading.Event().wait(0.02)


def write_json(path: Path, value: Any) -> None:
    """So that a reader sees all of it or nothing."""
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(json.dumps(value))
    draft.replace(path)


def read_json(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text()) if path.exists() else otherwise


def _raising(**_: Mapping[str, Any]) -> float:
    raise RuntimeError("these terms cannot be worked out")
