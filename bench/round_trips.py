"""handrail's side of the table of peers: propose, a person approves, the caller goes on. In process.

`decide`: propose, approve, read the decision: what LangGraph's interrupt and resume amount to. `execute`: the same with
a gated function, run at most once between a durable start and a durable end.

Run: python bench/round_trips.py DIRECTORY [--callers 64] [--seconds 4] [--engine sqlite|postgres]
Prints one JSON line a row, in the form of bench/peers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "peers")]

from floor import postgres_floor, sqlite_floor  # noqa: E402
from measure import Options, in_event_loop, in_threads, report  # noqa: E402
from private_postgres import private_postgres  # noqa: E402

from handrail.client.client import Client  # noqa: E402
from handrail.client.local import LocalTransport  # noqa: E402
from handrail.lifecycle.actor import ALL_SCOPES, Actor  # noqa: E402
from handrail.maintenance.plane import Plane  # noqa: E402
from handrail.proposal import Proposal  # noqa: E402

POLICY = """
escalation_policies:
  - {action_type: payment_transfer, autonomy: confirm, undo_seconds: 0, sla_seconds: 3600}
"""
PROPOSAL = Proposal(action="payment_transfer", arguments={"to": "A1", "amount": "5000"})
AGENT = Actor(kind="agent", pid="bench", name="bench", scopes=ALL_SCOPES, auth="local")
DECIDE = "propose, a person approves, the caller has the decision with its place in the log"
EXECUTE = "the same through a gated function, run once between a durable start and a durable end"


class Bench:
    """One control plane, measured in four ways."""

    def __init__(self, plane: Plane, engine: str, opts: Options):
        self.plane = plane
        self.engine = engine
        self.opts = opts
        self.client = Client(LocalTransport(plane, AGENT, owns_plane=False))
        self.desk = self.client.desk("Asha")

        @self.client.gate("payment_transfer")
        def pay(to: str, amount: str) -> str:
            return amount

        @self.client.gate("payment_transfer")
        async def apay(to: str, amount: str) -> str:
            return amount

        self.pay, self.apay = pay, apay

    def decide(self) -> None:
        pending = self.client.propose(PROPOSAL)
        self.desk.answer(pending.case_id, "approve")
        decision = pending.decision(timeout=30)
        assert decision is not None
        assert decision.approved

    async def adecide(self) -> None:
        pending = await self.client.aio.propose(PROPOSAL)
        await self.desk.acall("answer", case_id=pending.case_id, verdict="approve")
        decision = await pending.adecision(timeout=30)
        assert decision is not None
        assert decision.approved

    def execute(self) -> None:
        pending = self.pay.request("A1", "5000")
        self.desk.answer(pending.case_id, "approve")
        assert pending.result(timeout=30) == "5000"

    async def aexecute(self) -> None:
        pending = await self.apay.request("A1", "5000")
        await self.desk.acall("answer", case_id=pending.case_id, verdict="approve")
        assert await pending.aresult(timeout=30) == "5000"

    def run(self) -> None:
        for does, blocking, awaiting in ((DECIDE, self.decide, self.adecide), (EXECUTE, self.execute, self.aexecute)):
            self._counted(does, "", lambda blocking=blocking: in_threads(blocking, self.opts))  # type: ignore[misc]
            self._counted(
                does, "-async", lambda awaiting=awaiting: asyncio.run(in_event_loop(awaiting, self.opts))  # type: ignore[misc]
            )  # fmt: skip

    def _counted(self, does: str, how: str, measure: Callable[[], tuple[int, float]]) -> None:
        before = self.plane.writer.commits
        n, seconds = measure()
        commits = self.plane.writer.commits - before
        report(
            peer="handrail", engine=self.engine + how, opts=self.opts, n=n, seconds=seconds, commits=commits, does=does
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="an empty directory on the disk to be measured")
    parser.add_argument("--callers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--engine", choices=("sqlite", "postgres", "both"), default="both")
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    opts = Options(directory=given.directory.resolve(), callers=given.callers, seconds=given.seconds)
    if given.engine != "postgres":
        print(json.dumps({"floor": "sqlite", "commits_per_second": round(sqlite_floor(opts.directory))}), flush=True)
        with Plane(opts.directory / "handrail.db", policy=POLICY, loops=False) as plane:
            Bench(plane, "sqlite", opts).run()
    if given.engine != "sqlite":
        with private_postgres(opts.directory) as url:
            print(json.dumps({"floor": "postgres", "commits_per_second": round(postgres_floor(url))}), flush=True)
            keys = opts.directory / "keys"
            with Plane(url, policy=POLICY, keys=keys, loops=False, writer_threads=2) as plane:
                Bench(plane, "postgres", opts).run()


if __name__ == "__main__":
    main()
