"""The server's clock jumps by hours under claims, deadlines and undo windows (trust.md, F7), by libfaketime."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from handrail.audit.trust import parse_trust
from handrail.audit.verify import verify
from handrail.canonical import parse
from handrail.clock import SystemClock, from_iso
from handrail.lifecycle import access
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane
from handrail.maintenance.reconcile import reconcile
from tests.faults.test_kill_server import free_port

LIBRARIES = [
    *Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
    *Path("/usr/lib").glob("faketime/libfaketimeMT.so.1"),
]
POLICY = """
escalation_policies:
  - {action_type: post, undo: unpost, auto_approve_threshold: 0.9, undo_seconds: 600, sla_seconds: 3600}
  - {action_type: wait, undo: unwait, auto_approve_threshold: 0.9, on_expiry: hold, sla_seconds: 3600}
review_settings: {reviewer_session_limit_minutes: 1000000}
"""
PATIENCE_SECONDS = 60


class Shifted:
    """A server whose clock is moved by hand, and its callers."""

    def __init__(self, folder: Path, library: Path):
        self.database = folder / "handrail.db"
        self._shift = folder / "shift"
        self.move("+0h")
        self.keys = self._let_in()
        (folder / "policy.yaml").write_text(POLICY)
        port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "handrail.cli.main", "serve", "--database", str(self.database), "--port", str(port)],
            env=os.environ | {
                "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(self._shift), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            },
        )  # fmt: skip
        self._address = f"http://127.0.0.1:{port}"
        self.wait(lambda: self.answers("/healthz"))

    def _let_in(self) -> dict[str, str]:
        operator = Actor(kind="system", pid="operator", scopes=ALL_SCOPES, auth="local")
        made = {}
        with Plane(self.database, policy=POLICY, loops=False) as plane:
            for name in ("program", "ann", "bob"):
                who = None
                if name != "program":
                    person = access.AddPerson(actor=operator, name=name, email=f"{name}@x.example", password=None)
                    who = plane.run(access.add_person, person)
                id, made[name], digest = access.new_key()
                scopes = ("review", "read") if who else ("submit", "execute", "read")
                key = access.MakeKey(actor=operator, id=id, name=name, secret_digest=digest, scopes=scopes, person=who)
                plane.run(access.make_key, key)
        return made

    def move(self, by: str) -> None:
        """Set the server's clock apart from ours by so much."""
        fresh = self._shift.with_suffix(".new")
        fresh.write_text(by + "\n")
        fresh.rename(self._shift)

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        headers["Authorization"] = f"Bearer {self.keys[who]}"
        return httpx2.request(method, self._address + path, json=body, headers=headers, timeout=30)

    def answers(self, path: str) -> bool:
        assert self.process.poll() is None
        try:
            return httpx2.get(self._address + path, timeout=5).status_code == 200
        except httpx2.TransportError:
            return False

    def wait(self, until: Callable[[], bool]) -> None:
        patience = time.monotonic() + PATIENCE_SECONDS
        while not until():
            assert time.monotonic() < patience, "it never came"
            time.sleep(0.05)

    def propose(self, action: str, key: str, confidence: float = 0.1) -> str:
        body = {"action": action, "arguments": {"n": key}, "confidence": confidence}
        made = self.ask("program", "POST", "/v1/proposals", body, **{"Idempotency-Key": key})
        assert made.status_code in (200, 201), made.text
        return str(made.json()["case_id"])

    def decision(self, case_id: str) -> str | None:
        found = self.ask("program", "GET", f"/v1/proposals/{case_id}").json()
        return None if found["decision"] is None else str(found["decision"]["kind"])

    def claim(self, who: str, case_id: str) -> httpx2.Response:
        return self.ask(who, "POST", f"/v1/cases/{case_id}/claim", {})

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@pytest.fixture
def shifted(tmp_path: Path) -> Iterator[Shifted]:
    if not LIBRARIES:
        pytest.skip("libfaketime moves the clock, and it is not installed")
    made = Shifted(tmp_path, LIBRARIES[0])
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


@pytest.mark.slow
def test_jump_by_hours_approves_nothing_loses_nothing_and_is_written_down(shifted: Shifted) -> None:
    held, answered, waits = (
        shifted.propose(action, key) for action, key in [("post", "a"), ("post", "b"), ("wait", "c")]
    )
    fence = shifted.claim("ann", held).json()["claim"]["fence"]
    given = shifted.ask("bob", "POST", f"/v1/cases/{answered}/reviews", {"verdict": "approve"})
    assert given.status_code == 201, given.text

    shifted.move("-3h")
    late = shifted.propose("post", "d")
    assert shifted.ask("ann", "POST", f"/v1/cases/{held}/renew", {"fence": fence}).status_code == 200
    assert [shifted.decision(case) for case in (held, answered, waits, late)] == [None] * 4

    shifted.move("+0h")
    assert shifted.propose("post", "e") != late
    # renewed under the earlier time, which took nothing from it; the undo window is still open
    assert shifted.claim("bob", held).status_code == 409
    assert [shifted.decision(case) for case in (held, answered, waits)] == [None] * 3

    shifted.move("+3h")
    begun = shifted.propose("post", "f", confidence=0.99)
    started = shifted.ask("program", "POST", f"/v1/executions/{begun}/start", {"nonce": "n"}).json()
    assert started["state"] == "started"
    shifted.wait(lambda: shifted.decision(held) is not None and shifted.decision(late) is not None)
    assert {shifted.decision(held), shifted.decision(late)} == {"expired"}
    assert shifted.decision(waits) is None

    shifted.move("+0h")
    ended = {"fence": started["fence"], "ok": True}
    assert shifted.ask("program", "POST", f"/v1/executions/{begun}/finish", ended).json()["state"] == "succeeded"
    assert shifted.propose("post", "a") == held
    assert shifted.decision(waits) is None
    assert shifted.claim("bob", waits).status_code == 200
    shifted.stop()
    with Plane(shifted.database, loops=False) as plane:
        plane.sealer.step()
        entries = [parse(data) for data in plane.logbook().entries()]
        trust = parse_trust(f"log {plane.sealer.key(plane.log).verifier.text}\nquorum none\n")
        assert verify(plane.logbook(), trust).findings == ()
        assert reconcile(plane.store, "default", SystemClock()).differences == ()
    jumps = [entry for entry in entries if entry["type"] == "clock.jumped"]
    hours = [round((from_iso(entry["before"]) - from_iso(entry["at"])) / 3_600_000_000) for entry in jumps]
    assert hours == [3, 3]
    people = {entry["case"]["id"] for entry in entries if entry["type"] == "review.given"}
    approved = [e for e in entries if e["type"] == "decision.made" and e["result"] == "approved"]
    assert all(entry["case"]["id"] in people or entry["actor"]["kind"] == "policy" for entry in approved)
