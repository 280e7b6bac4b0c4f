"""The same commands against a real server."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

import handrail
from handrail.audit.bundle import read_size
from handrail.cli.material import logbook, open_database
from handrail.proposal import Proposal

from .scene import POLICY, begin, program, put_back, read, run, unsign


class Running(NamedTuple):
    url: str
    # keys: of a reviewer, of an administrator
    reviewer: str
    admin: str
    vkey: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("served")
    database = begin(folder)
    (folder / "policy.yaml").write_text(POLICY)
    person = read("people", "list", "--database", database)[0]["id"]
    reviewer = run("keys", "make", "asha", "--scope", "review", "--scope", "read", "--person", person,
                   "--database", database).stdout.strip()  # fmt: skip
    admin = run("keys", "make", "ops", "--scope", "admin", "--database", database).stdout.strip()
    vkey = run("audit", "key", database).stdout.strip()
    with serving(database) as url:
        yield Running(url, reviewer, admin, vkey)


@contextmanager
def serving(database: Path) -> Iterator[str]:
    """A server over this database; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "handrail.cli.main", "serve", "--database", database, "--port", "0"],
        stdout=subprocess.PIPE, text=True, cwd=database.parent,
    )  # fmt: skip
    assert process.stdout is not None
    found = re.search(r"at (http://\S+)", process.stdout.readline())
    assert found is not None
    yield found[1]
    process.terminate()
    process.wait(30)
    process.stdout.close()


def test_case_on_a_server_is_listed_shown_and_answered(server: Running) -> None:
    at = ("--url", server.url, "--key", server.reviewer)
    items = read("case", "list", *at)["items"]
    assert len(items) >= 1
    id = items[0]["id"]
    assert "trust me \\u{1b}[2J" in run("case", "show", id, *at).stdout
    taken = read("case", "claim", id, *at)
    assert taken["claim"]["case_id"] == id
    made = read("case", "approve", id, "--card", taken["card"]["digest"], *at)
    assert made["decision"]["kind"] == "approved"
    assert "already_decided" in program("case", "approve", id, "--yes", *at, code=1).stderr


def test_halt_on_a_server_stops_what_a_program_proposes(server: Running) -> None:
    at = ("--url", server.url, "--key", server.admin)
    id = run("halt", "set", "--action", "pay", "--reason", "stop", *at).stdout.strip()
    with handrail.connect(server.url, key=server.admin) as hr:
        decision = hr.propose(Proposal(action="pay", arguments={"n": 9}, confidence=0.99)).decision()
        assert decision is not None
        assert decision.halted
    assert [one["id"] for one in read("halt", "list", *at)] == [id]
    run("halt", "lift", id, *at)


def test_verify_of_a_servers_log_with_its_key_ends_with_0_and_with_another_3(server: Running, tmp_path: Path) -> None:
    trust = tmp_path / "trust"
    trust.write_text(f"log {server.vkey}\nquorum none\n")
    log = f"{server.url}/audit/handrail.local/default"
    program("audit", "verify", log, "--trust", trust, "--key", server.admin)
    program("audit", "verify", log, "--key", server.admin, code=3)
    program("audit", "verify", log, "--trust", trust, code=2)
    program("audit", "verify", f"{server.url}/audit/elsewhere/default", "--key", server.admin, code=2)


def test_verify_of_a_servers_bare_address_finds_its_log_and_says_when_it_may_not(
    server: Running, tmp_path: Path
) -> None:
    trust = tmp_path / "trust"
    trust.write_text(f"log {server.vkey}\nquorum none\n")
    assert (
        "handrail.local/default" in run("audit", "verify", server.url, "--trust", trust, "--key", server.admin).stdout
    )
    assert "--key" in run("audit", "verify", server.url, "--trust", trust, code=2).output


def test_verify_of_a_restored_servers_log_judges_every_epoch_and_tells_what_is_not_signed(tmp_path: Path) -> None:
    database = begin(tmp_path)
    put_back(database)
    admin = run("keys", "make", "ops", "--scope", "admin", "--database", database).stdout.strip()
    trust = tmp_path / "trust"
    trust.write_text(f"log {run('audit', 'key', database).stdout.strip()}\nquorum none\n")
    with open_database(str(database)) as store:
        note = logbook(store, "default").checkpoint()
    assert note is not None
    with serving(database) as url:
        asked = ("audit", "verify", url, "--trust", trust, "--key", admin)
        report = read(*asked, "--require-signed")
        assert [each["origin"] for each in report["past"]] == ["handrail.local/default"]
        with handrail.connect(url, key=admin) as hr:
            hr.propose(Proposal(action="pay", arguments={"n": 9}, confidence=0.99))
        for _ in range(100):
            if read(*asked)["signed_size"] > report["size"]:
                break
            time.sleep(0.1)
        unsign(database, note)
        later = read(*asked)
        assert (later["unsigned"] > 0, later["covered"]) == (True, read_size(note))
        run(*asked, "--require-signed", code=3)
        with sqlite3.connect(database) as connection:
            connection.execute(
                "UPDATE audit_entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'approve', 'abstain') AS BLOB)"
                " WHERE type = 'review.given' AND log = 'handrail.local/default'"
            )
        connection.close()
        assert "TAMPERED WITH" in run(*asked, code=1).stdout


def test_doctor_of_a_server_that_works_ends_with_0(server: Running) -> None:
    assert "readyz: answers 200" in run("doctor", "--url", server.url).stdout


def test_server_without_a_key_or_beside_a_database_is_refused(server: Running) -> None:
    assert "needs a key" in run("case", "list", "--url", server.url, code=1).output
    run("case", "list", "--url", server.url, "--key", "x", "--database", "y.db", code=1)
    assert "unauthenticated" in run("case", "list", "--url", server.url, "--key", "hr_live_x_y", code=1).output
