"""The program that is killed: it submits, reviews, executes, and journals what it was told, outside the database.

Run as a script it waits for orders on standard input, one JSON object a line, and forks a process for each: so a
round costs a fork, not a start of Python.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from handrail.clock import SECOND, SystemClock
from handrail.errors import HandrailError
from handrail.execution import TOOL_CLASSES
from handrail.lifecycle import claim, execute, review, submit
from handrail.maintenance import timers
from handrail.maintenance.plane import Plane
from handrail.maintenance.tables import all_cases
from handrail.proposal import Proposal
from handrail.server.run import serve_app, server_of
from handrail.server.settings import Settings
from handrail.store.open import open_store
from handrail.testing.factories import agent, person
from handrail.testing.failpoints import FailingStore, Failpoints
from tests.faults.oracle import judge
from tests.faults.payment_tool import Lines, PaymentTool

POLICY = """
escalation_policies:
  - {action_type: pay, auto_approve_threshold: 0.9, sla_seconds: 30d, undo_seconds: 0}
  - {action_type: pair, auto_approve_threshold: 1.0, reviewers: 2, sla_seconds: 30d, undo_seconds: 0}
review_settings: {reviewer_session_limit_minutes: 1000000}
"""
ROUND_SECONDS = 3600
START = 1_700_000_000 * SECOND
AGENT = agent()
PEOPLE = [person(name) for name in ("Ann", "Bob", "Cy", "Dee")]


class RoundClock:
    """Real time, an hour later with each round: what a killed process held has lapsed when the next one starts."""

    def __init__(self, round: int):
        self._offset = START + round * ROUND_SECONDS * SECOND - time.monotonic_ns() // 1000

    def now(self) -> int:
        return self._offset + time.monotonic_ns() // 1000


class Victim:
    """One life of the program."""

    def __init__(self, order: dict[str, Any], *, loops: bool):
        self.folder = Path(order["folder"])
        self.round = order["round"]
        self.random = random.Random(order["seed"])
        self.points = Failpoints(order.get("plan", {}))
        self.clock = RoundClock(self.round)
        store = FailingStore(open_store(order["url"]), self.points)
        self.plane = Plane(store, policy=POLICY, keys=self.folder / "keys", clock=self.clock, loops=loops)
        self.tool = PaymentTool(self.folder)
        self.journal = Lines(self.folder / f"journal-{self.round}.jsonl")

    def tell(self, **line: Any) -> None:
        self.journal.write(line)

    # --- steps: each tells what it was told ---------------------------------------------------------

    def submit(self, name: str) -> submit.Submitted:
        key, action = f"k-{name}", self.random.choice(["pay", "pay", "pair"])
        proposal = Proposal(
            action=action, arguments={"to": name, "n": 1}, key=key, tool_class=self.random.choice(TOOL_CLASSES),
            confidence=self.random.choice([0.95, 0.1, 0.1]),
        )  # fmt: skip
        self.tell(intent="submit", key=key)
        made = self.plane.run(submit.submit, submit.prepare(AGENT, proposal, draw=0.5))
        self.tell(told="submit", key=key, case=made.case_id)
        if made.decision is not None:
            self.tell(told="decision", case=made.case_id, kind=made.decision.kind, arguments=made.decision.arguments)
        return made

    def review(self, by: Any, case_id: str) -> None:
        taken = self.plane.run(claim.take, claim.Take(actor=by, case_id=case_id))
        self.tell(told="claim", case=case_id, fence=taken.fence)
        verdict = self.random.choice(["approve", "approve", "approve", "edit", "reject"])
        given = self.plane.run(
            review.review,
            review.Answer(actor=by, case_id=case_id, verdict=verdict, fence=taken.fence, reason="wrong",
                          arguments={"to": "edited", "n": 2}),
        )  # fmt: skip
        self.tell(told="review", case=case_id, review=given.review_id)
        if given.decision is not None:
            made = given.decision
            self.tell(told="decision", case=case_id, kind=made.kind, arguments=made.arguments)

    def seal(self, case_id: str) -> None:
        self.plane.sealer.step()
        made = self.plane.decision("default", case_id)
        if made is not None and made.proof is not None and made.proof.proof is not None:
            self.tell(told="receipt", case=case_id, proof=made.proof.proof)

    def execute(self, case_id: str) -> None:
        """What an executor does, and does again after a crash: the tool's class rules."""
        self.points.phase = "start"
        nonce = f"{os.getpid()}-{threading.get_ident()}-{self.round}"
        started = self.plane.run(execute.start, execute.Start(actor=AGENT, case_id=case_id, nonce=nonce))
        self.tell(told="start", case=case_id, state=started.state, fence=started.fence)
        if started.state == "unknown" and self.random.random() < 0.5:
            # a person looks the effect up and says what happened
            happened = self.tool.paid(started.idempotency_key)
            settling = execute.SettleExecution(actor=PEOPLE[0], case_id=case_id, happened=happened)
            self.plane.run(execute.settle, settling)
        if started.state != "started":
            return
        self.points.phase = ""
        self.points.reach("effect.before")
        if not (started.tool_class == "queryable" and self.tool.paid(started.idempotency_key)):
            self.tool.pay(
                started.idempotency_key, case_id, started.arguments,
                dedupes=started.tool_class in ("idempotent", "transactional"),
                halfway=lambda: self.points.reach("effect.during"),
            )  # fmt: skip
        self.points.reach("effect.after")
        self.points.phase = "finish"
        ended = self.plane.run(
            execute.finish, execute.Finish(actor=AGENT, case_id=case_id, fence=started.fence, ok=True, result={"ok": 1})
        )
        self.tell(told="finish", case=case_id, state=ended.state)
        self.points.phase = ""

    def unfinished(self) -> list[str]:
        """Approved, and no end of it is known."""
        tables = all_cases(self.plane.store, "default")
        ended = {id for id, row in tables.executions.items() if row.state not in ("started", "unknown")}
        return [id for id, row in tables.proposals.items() if row.decision == "approved" and id not in ended]

    def open_cases(self) -> list[str]:
        found = all_cases(self.plane.store, "default").cases
        return [id for id, row in found.items() if row.state == "open"]

    # --- lives ------------------------------------------------------------------------------------

    def recover(self) -> None:
        """What lapsed is swept; what was begun is brought to an end."""
        self.points.phase = "recover"
        while timers.step(self.plane.store, self.plane.writer, self.clock):
            pass
        for case_id in self.unfinished():
            self.execute(case_id)
        for case_id in self.open_cases():
            self.judge_case(case_id)

    def judge_case(self, case_id: str) -> None:
        for by in self.random.sample(PEOPLE, len(PEOPLE)):
            self.points.phase = "review"
            with suppress(HandrailError):
                self.review(by, case_id)
        self.points.phase = ""

    def executor(self) -> None:
        """One thing after another; dies at a named point."""
        self.recover()
        for n in range(20):
            self.points.phase = "submit"
            made = self.submit(f"{self.round}-{n}")
            self.points.phase = ""
            if made.decision is None:
                self.judge_case(made.case_id)
            row = self.plane.proposal("default", made.case_id)
            if row.decision == "approved":
                self.execute(made.case_id)
            if n % 3 == 0:
                self.points.phase = "seal"
                self.seal(made.case_id)
                self.points.phase = ""

    def server(self, ready: Path) -> None:
        """Loops and a crowd of callers; dies at any moment."""
        with suppress(HandrailError):
            self.recover()
        self.points.phase = ""
        ready.touch()
        callers = [threading.Thread(target=self._call, args=(n,), daemon=True) for n in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()

    def _call(self, caller: int) -> None:
        by = PEOPLE[caller]
        for n in range(100_000):
            made = self.submit(f"{self.round}-{caller}-{n}")
            taken = self.plane.run(claim.take_next, claim.TakeNext(actor=by))
            if taken is not None:
                with suppress(HandrailError):
                    self.review(by, taken.case_id)
            if made.decision is not None and made.decision.kind == "approved":
                self.execute(made.case_id)
            if n % 5 == 0:
                with suppress(HandrailError):
                    self.seal(made.case_id)


class Later:
    """The time, two hours ahead: what anybody held has lapsed."""

    def now(self) -> int:
        return SystemClock().now() + 7200 * SECOND


def serve_http(order: dict[str, Any]) -> None:
    """The whole server, with points around its commits, signatures and replies."""
    folder, points = Path(order["folder"]), Failpoints(order["plan"])
    store = FailingStore(open_store(order["url"]), points)
    plane = Plane(store, policy=POLICY, keys=folder / "keys")
    sign = plane.sealer.step

    def signing() -> int:
        points.reach("sign.before")
        signed = sign()
        points.reach("sign.after")
        return signed

    plane.sealer.step = signing  # type: ignore[method-assign]
    server = server_of(plane, Settings(port=order["port"]), ready=lambda _: (folder / "ready").touch())
    server.config.app = Replies(server.config.app, points)
    serve_app(server)


class Replies:
    """An application whose replies are points: before anything of one is sent, and after all of it."""

    def __init__(self, app: Any, points: Failpoints):
        self._app = app
        self._points = points

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start" and scope["method"] == "POST":
                self._points.reach("reply.before")
            await send(message)
            if message["type"] == "http.response.body" and scope["method"] == "POST":
                self._points.reach("reply.after")

        await self._app(scope, receive, sending)


def live(order: dict[str, Any]) -> None:
    """Carry one order out, in a process of its own."""
    folder = Path(order["folder"])
    if order["life"] == "http":
        serve_http(order)
    elif order["life"] == "judge_later":
        (folder / "judged.json").write_text(json.dumps(judge(order["url"], folder, Later())))
    elif order["life"] == "judge":
        (folder / "judged.json").write_text(json.dumps(judge(order["url"], folder, RoundClock(order["round"]))))
    elif order["life"] == "executor":
        Victim(order, loops=False).executor()
    else:
        Victim(order, loops=True).server(folder / "ready")


def attend(order: dict[str, Any]) -> int:
    """Fork, let it live, kill it when its time has come; how it ended: an exit code, or minus the signal."""
    ready = Path(order["folder"]) / "ready"
    ready.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        code = 0
        try:
            live(order)
        except BaseException:
            (Path(order["folder"]) / f"trace-{order['round']}.txt").write_text(traceback.format_exc())
            code = 1
        os._exit(code)
    if "kill_after" not in order and "kill_when" not in order:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ended = _ended(child, ready, 60)
    if ended is None and "kill_when" in order:
        ended = _ended(child, Path(order["kill_when"]), 120)
    elif ended is None:
        ended = _ended(child, None, order["kill_after"])
    if ended is None:
        os.kill(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(ended)


def _ended(child: int, sign: Path | None, seconds: float) -> int | None:
    """Wait for a file or a time; how the child ended, if it did meanwhile."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not (sign is not None and sign.exists()):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.005)
    return None


if __name__ == "__main__":
    for line in sys.stdin:
        print(attend(json.loads(line)), flush=True)
