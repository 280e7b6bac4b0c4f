"""Callers of a server that is killed: each goes on over the restart, and journals what it was told and when."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2

from handrail.execution import TOOL_CLASSES
from tests.faults.payment_tool import Lines, PaymentTool

PATIENCE_SECONDS = 120


class Caller(threading.Thread):
    """One client. Its own program never dies; it repeats what was not answered until it is."""

    def __init__(self, name: str, address: str, key: str, folder: Path, until: threading.Event):
        super().__init__(name=name, daemon=True)
        self.random = random.Random(name)
        self.until = until
        self.failure: BaseException | None = None
        self.folder = folder
        self.journal = Lines(folder / f"journal-{name}.jsonl")
        self.http = httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60)

    def run(self) -> None:
        try:
            self.live()
        except BaseException as error:
            self.failure = error
        finally:
            self.http.close()

    def live(self) -> None:
        raise NotImplementedError

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """Repeat until there is an answer that is one."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            with suppress(httpx2.TransportError):
                answer = self.http.request(method, path, json=body, headers=headers)
                if answer.status_code < 500:
                    return answer
                assert answer.status_code == 503, answer.text
            time.sleep(0.01)
        raise AssertionError(f"{method} {path} was never answered")


class Program(Caller):
    """Proposes, waits, executes."""

    workspace = "default"
    # what a journal calls an acknowledged submit; the oracle knows one workspace only
    submitted = "submit"

    def live(self) -> None:
        tool = PaymentTool(self.folder)
        n = 0
        while not self.until.is_set():
            n += 1
            case_id = self.submit(f"{self.name}-{n}")
            decision = self.decision(case_id)
            if decision is not None and decision["kind"] == "approved":
                self.execute(case_id, tool)

    def submit(self, key: str) -> str:
        body = {
            "action": self.random.choice(["pay", "pay", "pair"]), "arguments": {"to": key, "n": 1},
            "confidence": self.random.choice([0.95, 0.1]), "tool_class": self.random.choice(TOOL_CLASSES),
        }  # fmt: skip
        made = self.ask("POST", "/v1/proposals", body, **{"Idempotency-Key": key})
        assert made.status_code in (200, 201), made.text
        case_id: str = made.json()["case_id"]
        self.journal.write({"told": self.submitted, "key": key, "case": case_id, "workspace": self.workspace})
        return case_id

    def decision(self, case_id: str) -> dict[str, Any] | None:
        """Look until it is decided, or for a while; then once more."""
        for wait in (1, 1, 0):
            began = time.monotonic()
            answer = self.ask("GET", f"/v1/proposals/{case_id}/decision?wait={wait}")
            found = answer.json()["decision"] if answer.status_code == 200 else None
            self.journal.write(
                {"told": "look", "case": case_id, "began": began, "ended": time.monotonic(),
                 "seen": None if found is None else found["kind"]}
            )  # fmt: skip
            if found is not None:
                self.tell(found)
                return dict(found)
        return None

    def tell(self, made: dict[str, Any]) -> None:
        self.journal.write(
            {"told": "decision", "case": made["case_id"], "kind": made["kind"], "arguments": made.get("arguments")}
        )
        proof = (made.get("proof") or {}).get("proof")
        if proof is not None:
            self.journal.write({"told": "receipt", "case": made["case_id"], "proof": proof})

    def execute(self, case_id: str, tool: PaymentTool) -> None:
        answer = self.ask("POST", f"/v1/executions/{case_id}/start", {"nonce": f"{self.name}-{case_id}"})
        assert answer.status_code == 200, answer.text
        begun = answer.json()
        self.journal.write({"told": "start", "case": case_id, "state": begun["state"], "fence": begun["fence"]})
        if begun["state"] != "started":
            return
        tool.pay(
            begun["idempotency_key"], case_id, begun["arguments"],
            dedupes=begun["tool_class"] in ("idempotent", "transactional"), halfway=lambda: None,
        )  # fmt: skip
        body = {"fence": begun["fence"], "ok": True, "result": {"ok": 1}}
        ended = self.ask("POST", f"/v1/executions/{case_id}/finish", body)
        assert ended.status_code == 200, ended.text
        self.journal.write({"told": "finish", "case": case_id, "state": ended.json()["state"]})


class Stranger(Program):
    """The same in another workspace; nobody reviews there."""

    workspace, submitted = "other", "submit elsewhere"

    def execute(self, case_id: str, tool: PaymentTool) -> None:
        """Its effects are no matter of the other workspace's ledger."""

    def tell(self, made: dict[str, Any]) -> None:
        """Nor are its decisions."""


class Reviewer(Caller):
    """Takes what is next and answers it."""

    def live(self) -> None:
        while not self.until.is_set():
            taken = self.ask("POST", "/v1/cases/next/claim", {})
            if taken.status_code != 200:
                time.sleep(0.01)
                continue
            self.answer(taken.json())

    def answer(self, taken: dict[str, Any]) -> None:
        case_id = taken["claim"]["case_id"]
        body: dict[str, Any] = {
            "verdict": self.random.choice(["approve", "approve", "approve", "edit", "reject"]),
            "fence": taken["claim"]["fence"], "revision": taken["card"]["revision"], "card": taken["card"]["digest"],
        }  # fmt: skip
        body |= {"edit": {"arguments": {"to": "edited", "n": 2}}, "reject": {"reason": "wrong"}}.get(
            body["verdict"], {}
        )
        answer = self.ask("POST", f"/v1/cases/{case_id}/reviews", body)
        if answer.status_code != 201:
            # it was taken before the server died, and the answer to that was lost
            assert answer.json()["code"] in ("conflict", "already_decided", "claim_lost", "card_changed"), answer.text
            return
        made = answer.json()
        self.journal.write({"told": "review", "case": case_id, "review": made["review"]["id"]})


class Listener(Caller):
    """Hears of everything, from the second entry on; comes back with the last id it heard."""

    last = 0

    def live(self) -> None:
        while not self.until.is_set():
            with (
                suppress(httpx2.TransportError),
                self.http.stream("GET", "/v1/events", headers={"Last-Event-ID": str(self.last)}) as stream,
            ):
                self.hear(stream.iter_lines())
            time.sleep(0.01)

    def hear(self, lines: Iterator[str]) -> None:
        for line in lines:
            if line.startswith("id: "):
                self.last = int(line[4:])
                self.journal.write({"told": "event", "id": self.last})
            if self.until.is_set():
                return
