"""The server under load, from another process: durable submits, waiting callers, parked waiters. JSON lines.

python bench/server.py [--database postgresql://…] [--seconds 4] [--waiters 5000] [--generator wrk|python]

`wrk` (the default where it is installed) leaves the server a core of its own on a machine of two; the generator in
Python takes nearly as much as the server. Floors, in the same run: the same submits through the writer without HTTP,
the same server software answering a constant, and bare commits of one row.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from floor import postgres_floor, sqlite_floor

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
    options.add_argument("--generator", choices=("wrk", "python"), default="wrk" if shutil.which("wrk") else "python")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or f"{folder}/bench.db"
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        bare_floors(given, Path(folder), context)
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


def bare_floors(given: Any, folder: Path, context: Any) -> None:
    """What the machine can do: bare commits, and the server's software answering the same bytes to everybody."""
    commits = postgres_floor(given.database) if given.database else sqlite_floor(folder)
    say(
        measure="floor_bare_commits_per_second", engine="postgres" if given.database else "sqlite", value=round(commits)
    )
    if given.generator != "wrk":
        return
    ours, theirs = context.Pipe()
    server = context.Process(target=run_constant, args=(theirs,))
    server.start()
    try:
        value, p50, p99 = wrk_submits(ours.recv(), "none", 0.99, given.seconds)
        say(measure="floor_constant_answers_per_second", value=round(value), p50_ms=p50, p99_ms=p99)
    finally:
        server.terminate()
        server.join(20)


def run_constant(pipe: Any) -> None:
    body = b'{"case_id":"0","status":"decided","tier":"auto_approve","reasons":[],"replayed":false,"action_digest":""}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            pipe.send(f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}")

    Announcing(
        uvicorn.Config(app, port=0, log_level="warning", access_log=False, server_header=False, lifespan="off")
    ).run()


def wrk_submits(address: str, key: str, confidence: float, seconds: float) -> tuple[float, float, float]:
    """Submits a second, and milliseconds at p50 and p99."""
    script = Path(__file__).with_name("submit.lua")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", str(script),
               f"{address}/v1/proposals", "--", key, str(confidence)]  # fmt: skip
    made = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    assert made["failed"] == 0, made
    return made["answers"] / made["seconds"], made["p50_ms"], made["p99_ms"]


def floor(plane: Plane) -> None:
    """Submits through the writer, 64 at a time, without HTTP."""
    count, begun, spent = 4000, time.perf_counter(), time.process_time()
    waiting: list[Any] = []
    for n in range(count):
        proposal = Proposal(
            action="pay",
            arguments={"to": "A1", "amount": 5, "memo": f"invoice {n}"},
            amount="5",
            currency="INR",
            confidence=0.99,
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
        assert await tier_of(address, keys["agent"], confidence) == tier
        spent = cpu_seconds(pid)
        if given.generator == "wrk":
            value, p50, p99 = await asyncio.to_thread(wrk_submits, address, keys["agent"], confidence, given.seconds)
        else:
            value, p50, p99 = await submits(address, keys["agent"], confidence, given.seconds)
        say(measure="submits_per_second", engine=engine, tier=tier, connections=CONNECTIONS, generator=given.generator,
            value=round(value), cpu_us_each=round((cpu_seconds(pid) - spent) / (value * given.seconds) * 1e6),
            p50_ms=p50, p99_ms=p99)  # fmt: skip
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


def body_of(confidence: float) -> dict[str, Any]:
    return {
        "action": "pay", "arguments": {"to": "A1", "amount": 5, "memo": "invoice 7"}, "amount": "5",
        "currency": "INR", "confidence": confidence, "principal": "ann", "agent": "billing", "run": "r-1",
    }  # fmt: skip


async def tier_of(address: str, key: str, confidence: float) -> str:
    """What becomes of such a proposal: figures of one tier are not to be those of another."""
    client = await Client(address, key).open()
    _, made = await client.ask("POST", "/v1/proposals", body_of(confidence))
    client.writer.close()
    return str(made["tier"])


async def submits(address: str, key: str, confidence: float, seconds: float) -> tuple[float, float, float]:
    """The same without wrk."""
    clients = [await Client(address, key).open() for _ in range(CONNECTIONS)]
    times: list[float] = []
    until = time.perf_counter() + seconds

    async def work(client: Client) -> None:
        body = json.dumps(body_of(confidence)).encode()
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
    p50, p99 = percentiles(times)
    return rate, round(p50 * 1000, 2), round(p99 * 1000, 2)


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
