"""The server under load, from another process: durable submits, waiting callers, parked waiters. JSON lines.

python bench/server.py [--database postgresql://…] [--seconds 4] [--waiters 5000]

Floor: the same submits through the writer without HTTP, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from handrail.lifecycle import access, submit
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane
from handrail.proposal import Proposal
from handrail.server.passwords import hashed
from handrail.server.run import serve
from handrail.server.settings import Settings

POLICY = """
escalation_policies:
  - action_type: pay
    auto_approve_threshold: 0.95
    soft_review_threshold: 0.80
    max_auto_approve_amount_inr: 10000
    undo_seconds: 0
    sla_seconds: 3600
review_settings: {reviewer_session_limit_minutes: 600}
"""
CONNECTIONS = 64
SYSTEM = Actor(kind="system", pid="bench", scopes=ALL_SCOPES, auth="local")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--database")
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--waiters", type=int, default=5000)
    options.add_argument("--decisions", type=int, default=200)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or f"{folder}/bench.db"
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        server = context.Process(target=run_server, args=(database, folder, theirs))
        server.start()
        address, keys = ours.recv()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(measure(address, keys, server.pid, given, database))
        finally:
            server.terminate()
            server.join(20)


def run_server(database: str, folder: str, pipe: Any) -> None:
    with Plane(database, policy=POLICY, keys=Path(folder) / "keys", writer_threads=1) as plane:
        floor(plane)
        reviewer = plane.run(
            access.add_person,
            access.AddPerson(actor=SYSTEM, name="Ann", email=f"{os.urandom(4).hex()}@example.org",
                             password=hashed("not-a-secret"), roles=("reviewer",)),
        )  # fmt: skip
        keys = {}
        for name, scopes, person in (
            ("agent", ("submit", "execute"), None),
            ("reviewer", ("review", "read"), reviewer),
        ):
            id, text, digest = access.new_key()
            plane.run(access.make_key, access.MakeKey(
                actor=SYSTEM, id=id, name=name, secret_digest=digest, scopes=scopes, person=person))  # fmt: skip
            keys[name] = text
        settings = Settings(port=0, database=database, requests_per_second=10**9)
        serve(plane, settings, ready=lambda address: pipe.send((address, keys)))


def floor(plane: Plane) -> None:
    """Submits through the writer, 64 at a time, without HTTP."""
    count, begun, spent = 4000, time.perf_counter(), time.process_time()
    waiting: list[Any] = []
    for n in range(count):
        proposal = Proposal(
            action="pay", arguments={"to": "A1", "amount": n}, amount="5", currency="INR", confidence=0.99
        )
        waiting.append(plane.writer.submit(submit.submit, submit.prepare(SYSTEM, proposal, draw=0.5)))
        if len(waiting) == CONNECTIONS:
            [future.result() for future in waiting]
            waiting.clear()
    [future.result() for future in waiting]
    say(
        measure="floor_submits_per_second",
        engine=plane.store.engine,
        value=round(count / (time.perf_counter() - begun)),
        cpu_us_each=round((time.process_time() - spent) / count * 1e6),
    )


class Client:
    """One keep-alive connection, as little HTTP as will do."""

    def __init__(self, address: str, key: str):
        self.host, port = address.removeprefix("http://").split(":")
        self.port = int(port)
        self.head = f"Host: {self.host}\r\nAuthorization: Bearer {key}\r\n"

    async def open(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        return self

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{self.head}{kind}\r\n".encode() + body)

    async def receive(self) -> tuple[int, bytes]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        at = head.lower().index(b"content-length:") + 15
        size = int(head[at : head.index(b"\r\n", at)])
        return int(head[9:12]), await self.reader.readexactly(size)

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        self.send(method, path, b"" if body is None else json.dumps(body).encode())
        status, data = await self.receive()
        return status, json.loads(data)


async def measure(address: str, keys: dict[str, str], pid: int | None, given: Any, database: str) -> None:
    engine = "postgres" if database.startswith("postgres") else "sqlite"
    for tier, confidence in (("auto_approve", 0.99), ("hard_gate", 0.2)):
        spent = cpu_seconds(pid)
        value, p50, p99 = await submits(address, keys["agent"], confidence, given.seconds)
        say(measure="submits_per_second", engine=engine, tier=tier, connections=CONNECTIONS, value=round(value),
            cpu_us_each=round((cpu_seconds(pid) - spent) / (value * given.seconds) * 1e6),
            p50_ms=round(p50 * 1000, 2), p99_ms=round(p99 * 1000, 2))  # fmt: skip
    p50, p99 = await latency(address, keys, given.decisions)
    say(measure="decision_to_waiter_ms", engine=engine, p50=round(p50 * 1000, 2), p99=round(p99 * 1000, 2))
    before = resident(pid)
    waiters, seconds = await park(address, keys["agent"], given.waiters)
    after = resident(pid)
    say(measure="parked_waiters", engine=engine, waiters=len(waiters), connect_seconds=round(seconds, 1),
        more_mib=round((after - before) / 2**20, 1))  # fmt: skip
    p50, p99 = await latency(address, keys, given.decisions // 4)
    say(measure="decision_to_waiter_ms_while_parked", engine=engine, waiters=len(waiters), p50=round(p50 * 1000, 2),
        p99=round(p99 * 1000, 2))  # fmt: skip
    for waiter in waiters:
        waiter.writer.close()


async def submits(address: str, key: str, confidence: float, seconds: float) -> tuple[float, float, float]:
    clients = [await Client(address, key).open() for _ in range(CONNECTIONS)]
    times: list[float] = []
    until = time.perf_counter() + seconds

    async def work(client: Client) -> None:
        body = json.dumps({
            "action": "pay", "arguments": {"to": "A1", "amount": 5, "memo": "invoice 7"}, "amount": "5",
            "currency": "INR", "confidence": confidence, "principal": "ann", "agent": "billing", "run": "r-1",
        }).encode()  # fmt: skip
        while (begun := time.perf_counter()) < until:
            client.send("POST", "/v1/proposals", body)
            status, _ = await client.receive()
            assert status == 201, status
            times.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(work(client) for client in clients))
    rate = len(times) / (time.perf_counter() - begun)
    for client in clients:
        client.writer.close()
    return rate, *percentiles(times)


async def latency(address: str, keys: dict[str, str], count: int) -> tuple[float, float]:
    """From the reviewer's answer being acknowledged or sent on, to the waiting program: seen from outside."""
    agent, reviewer = await Client(address, keys["agent"]).open(), await Client(address, keys["reviewer"]).open()
    waiter = await Client(address, keys["agent"]).open()
    times = []
    for n in range(count):
        _, made = await agent.ask("POST", "/v1/proposals", {"action": "pay", "arguments": {"n": n}, "confidence": 0.1})
        waiter.send("GET", f"/v1/proposals/{made['case_id']}/decision?wait=30")
        await asyncio.sleep(0.02 + random.random() * 0.01)
        begun = time.perf_counter()
        reviewer.send("POST", f"/v1/cases/{made['case_id']}/reviews", b'{"verdict":"approve"}')
        status, _ = await waiter.receive()
        times.append(time.perf_counter() - begun)
        assert status == 200, status
        status, data = await reviewer.receive()
        assert status == 201, data
    for client in (agent, reviewer, waiter):
        client.writer.close()
    return percentiles(times)


async def park(address: str, key: str, count: int) -> tuple[list[Client], float]:
    """Callers that wait for a decision nobody makes."""
    agent = await Client(address, key).open()
    cases = [
        (await agent.ask("POST", "/v1/proposals", {"action": "pay", "confidence": 0.1}))[1]["case_id"]
        for _ in range(50)
    ]
    begun = time.perf_counter()
    waiters = []
    for start in range(0, count, 200):
        group = await asyncio.gather(*(Client(address, key).open() for _ in range(min(200, count - start))))
        for n, client in enumerate(group):
            client.send("GET", f"/v1/proposals/{cases[n % len(cases)]}/decision?wait=60")
        waiters += group
    await asyncio.sleep(3)
    return waiters, time.perf_counter() - begun - 3


def percentiles(times: list[float]) -> tuple[float, float]:
    ranked = sorted(times)
    return statistics.median(ranked), ranked[int(len(ranked) * 0.99)]


def resident(pid: int | None) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS")


def cpu_seconds(pid: int | None) -> float:
    """Processor time the server has used: steadier than the clock on a machine with other work to do."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def say(**figures: Any) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
