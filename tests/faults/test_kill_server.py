"""kill -9 of the HTTP server around commits, signatures and replies, while its clients go on (trust.md, F1)."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from handrail.lifecycle import access
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane
from tests.faults.crowd import Caller, Listener, Program, Reviewer, Stranger
from tests.faults.histories import judge_histories
from tests.faults.payment_tool import Lines, PaymentTool
from tests.faults.test_kill import Attendant, attendant
from tests.faults.victim import POLICY

__all__ = ["attendant"]

# of each engine
ROUNDS = int(os.environ.get("HANDRAIL_KILL_ROUNDS", "40")) // 2
POINTS = ["commit.before", "commit.after", "reply.before", "reply.after", "sign.before", "sign.after"]


def free_port() -> int:
    """Below the ports that the system hands out by itself, so that nobody takes it between two lives."""
    for port in random.sample(range(20_000, 32_000), 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no port is free")


def let_in(attendant: Attendant) -> dict[str, str]:
    """Keys for everybody who calls."""
    made: dict[str, str] = {}
    for workspace in ("default", "other"):
        with Plane(
            attendant.url, policy=POLICY, keys=attendant.folder / "keys", workspace_id=workspace, loops=False
        ) as plane:
            operator = Actor(kind="system", pid="operator", workspace=workspace, scopes=ALL_SCOPES, auth="local")
            wanted = [("stranger", None)] if workspace == "other" else [
                ("program-1", None), ("program-2", None), ("listener", None), ("ann", "ann"), ("bob", "bob"),
            ]  # fmt: skip
            for name, person in wanted:
                who = None
                if person is not None:
                    who = plane.run(
                        access.add_person,
                        access.AddPerson(actor=operator, name=name, email=f"{name}@x.example", password=None,
                                         roles=("reviewer",), skills=()),
                    )  # fmt: skip
                id, made[name], digest = access.new_key()
                scopes = ("review", "read") if person else ("submit", "execute", "read")
                plane.run(
                    access.make_key,
                    access.MakeKey(actor=operator, id=id, name=name, secret_digest=digest, scopes=scopes, agent=None,
                                   person=who, lifetime_seconds=None),
                )  # fmt: skip
    return made


@contextmanager
def crowd(attendant: Attendant, port: int) -> Iterator[tuple[list[Caller], Listener, threading.Event, threading.Event]]:
    """Everybody calls until told to stop; the listener goes on longer."""
    keys, done, deaf = let_in(attendant), threading.Event(), threading.Event()
    where = f"http://127.0.0.1:{port}"
    kinds: dict[str, type[Caller]] = {
        "program-1": Program, "program-2": Program, "stranger": Stranger, "ann": Reviewer, "bob": Reviewer,
    }  # fmt: skip
    callers = [kind(name, where, keys[name], attendant.folder, done) for name, kind in kinds.items()]
    listener = Listener("listener", where, keys["listener"], attendant.folder, deaf)
    for caller in [*callers, listener]:
        caller.start()
    try:
        yield callers, listener, done, deaf
    finally:
        done.set()
        deaf.set()


@pytest.mark.slow
def test_kill_the_server_while_clients_go_on_loses_nothing_and_tells_nobody_wrong(attendant: Attendant) -> None:
    chance, port, killed = random.Random(11), free_port(), 0
    with crowd(attendant, port) as (callers, listener, done, deaf):
        for round in range(ROUNDS):
            named = round % 2 == 0
            plan = {POINTS[round // 2 % len(POINTS)]: chance.randrange(1, 25)} if named else {}
            ended = attendant.live(
                "http", round, port=port, plan=plan, kill_after=5.0 if named else chance.random() / 4
            )
            assert ended == -signal.SIGKILL, attendant.trace(round)
            killed += 1
        # the last life ends once everybody has been answered and everything was heard
        closing = threading.Thread(target=attendant.live, args=("http", ROUNDS), kwargs={
            "port": port, "plan": {}, "kill_when": str(attendant.folder / "enough")})  # fmt: skip
        closing.start()
        done.set()
        for caller in callers:
            caller.join(60)
        size = attendant.size()
        patience = time.monotonic() + 60
        while listener.last < size - 1 and time.monotonic() < patience:
            time.sleep(0.02)
        deaf.set()
        (attendant.folder / "enough").touch()
        closing.join(60)
    assert [caller.failure for caller in [*callers, listener]] == [None] * 6
    assert killed == ROUNDS
    assert PaymentTool(attendant.folder).effects()
    attendant.judge(ROUNDS + 1, life="judge_later")
    assert judge_histories(attendant.folder, size - 1) == []


def test_judge_histories_finds_what_it_looks_for(tmp_path: Path) -> None:
    def told(*lines: dict[str, object]) -> list[str]:
        (tmp_path / "journal-x.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return judge_histories(tmp_path, 2)

    heard = [{"told": "event", "id": n} for n in (1, 2)]
    assert told(*heard) == []
    assert told(heard[0])[0].startswith("I8")
    assert told(*reversed(heard))[0].startswith("I8")
    both = [{"told": "submit", "case": "c", "workspace": w} for w in ("default", "other")]
    assert told(*heard, *both)[0].startswith("I11")
    look = {"told": "look", "case": "c", "began": 1, "ended": 2, "seen": "approved"}
    assert told(*heard, look, look | {"began": 1.5, "ended": 3, "seen": None}) == []
    assert told(*heard, look, look | {"began": 3, "ended": 4, "seen": None})[0].startswith("I12")


def test_write_lines_from_several_hands_tears_none(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"torn": by a cra')

    def write(hand: int) -> None:
        own = Lines(path)
        for n in range(20):
            own.write({"hand": hand, "n": n}, halfway=lambda: time.sleep(0.0005))
            assert {"hand": hand, "n": n} in own.read()

    with ThreadPoolExecutor(4) as hands:
        for done in [hands.submit(write, hand) for hand in range(4)]:
            done.result()
    assert len(Lines(path).read()) == 80
