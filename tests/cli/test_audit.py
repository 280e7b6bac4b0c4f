"""`handrail audit`: each way to spoil a log or a bundle ends with the exit code that names it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

import handrail
from handrail.audit.bundle import pack, unpack
from handrail.audit.note import COSIGNATURE, SigningKey, open_note, parse_vkey
from handrail.audit.witness_rules import request_body
from handrail.cli import witnessing
from handrail.cli.main import app
from handrail.cli.material import open_database
from handrail.clock import SystemClock
from handrail.errors import HandrailError, Unreadable
from handrail.lifecycle import webhooks
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.reconcile import reconcile
from handrail.maintenance.tables import CaseTables, WorkspaceTables
from handrail.proposal import Proposal
from handrail.store.logbook import Logbook

from .scene import program, put_back, read, run, settle, unsign

LOG = "handrail.local/default"
ADMIN = Actor(kind="agent", pid="operator", scopes=ALL_SCOPES)


@pytest.fixture
def trust(database: Path, tmp_path: Path) -> Path:
    """A trust file as somebody outside would keep it."""
    path = tmp_path / "trust"
    path.write_text(f"log {run('audit', 'key', database).stdout.strip()}\nquorum none\n")
    return path


@pytest.fixture
def bundle(database: Path, tmp_path: Path) -> Path:
    path = tmp_path / "bundle.zip"
    run("audit", "export", database, "--output", path)
    return path


def test_verify_of_an_untouched_database_ends_with_0(database: Path, trust: Path) -> None:
    made = program("audit", "verify", database, "--trust", trust)
    assert "holds" in made.stdout
    assert made.stderr == ""
    report = read("audit", "verify", database, "--trust", trust)
    assert report["trusted_size"] == report["size"] == report["signed_size"] > 10
    assert report["trust"] == "file"


def test_verify_without_trust_uses_the_key_here_and_says_that_it_is_not_outside_trust(database: Path) -> None:
    made = program("audit", "verify", database)
    assert "whoever holds this machine could have signed anything" in made.stderr
    assert read("audit", "verify", database)["trust"] == "own key"


def test_verify_without_trust_and_without_a_key_ends_with_3(database: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    made = program("audit", "verify", database, "--keys", tmp_path / "none", code=3)
    assert "nobody you trust vouches for this" in made.stderr


def test_verify_after_a_byte_of_an_entry_was_flipped_in_the_file_ends_with_1(database: Path, trust: Path) -> None:
    settle(database)
    data = bytearray(database.read_bytes())
    at = data.index(b'"type":"review.given"')
    data[at + 10] ^= 1
    database.write_bytes(bytes(data))
    made = program("audit", "verify", database, "--trust", trust, code=1)
    assert "TAMPERED WITH" in made.stdout


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'approve', 'reject') AS BLOB) "
        "WHERE type = 'review.given'",
        "UPDATE audit_head SET size = -5",
        "UPDATE audit_head SET size = size - 1",
        "UPDATE audit_head SET frontier = CAST(substr(frontier, 1, 8) || zeroblob(length(frontier) - 8) AS BLOB)",
        "UPDATE audit_entry SET hash = zeroblob(32) WHERE idx = 3",
        "DELETE FROM audit_entry WHERE idx = 4",
        "UPDATE audit_entry SET idx = CASE idx WHEN 5 THEN -6 ELSE -5 END WHERE idx IN (5, 6); "
        "UPDATE audit_entry SET idx = -idx WHERE idx < 0",
    ],
)
def test_verify_after_somebody_wrote_to_the_tables_ends_with_1(database: Path, trust: Path, statement: str) -> None:
    with sqlite3.connect(database) as connection:
        connection.executescript(statement)
    connection.close()
    run("audit", "verify", database, "--trust", trust, code=1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET bytes = replace(bytes, 'approve', 'reject') WHERE type = 'review.given'",
        "UPDATE audit_entry SET bytes = 123456789012345 WHERE idx = 2",
        "UPDATE audit_entry SET hash = 'abc' WHERE idx = 3",
        "UPDATE audit_head SET frontier = 'abc'",
        "UPDATE audit_head SET frontier = 5",
        "UPDATE audit_head SET size = 'abc'",
        "UPDATE audit_head SET checkpoint = x'00ff'",
        "UPDATE opening SET sealed = 'abc'",
        "UPDATE opening SET salt = 32",
        "UPDATE subject_key SET key = 'abc'",
        "UPDATE subject_key SET key = x'00'",
        "UPDATE workspace SET secret = 'abc'",
        "UPDATE proposal SET bytes = 'abc'",
        "UPDATE proposal SET bytes = 123456789012345",
        "UPDATE proposal SET bytes = CAST('[]' AS BLOB)",
        "UPDATE review SET effective_at = 'abc'",
        "UPDATE cases SET reviewers = 'abc'",
        "UPDATE cases SET deadline = x'00'",
        "UPDATE person SET roles = x'00'",
        "UPDATE workspace SET watch = 'abc'",
        "UPDATE audit_entry SET bytes = CAST('{}' AS BLOB) WHERE idx = 3",
    ],
)
def test_value_of_another_type_than_handrail_writes_is_found_and_trips_nothing(database: Path, statement: str) -> None:
    with sqlite3.connect(database) as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()
    ends = set()
    for command in ("verify", "reconcile"):
        made = CliRunner().invoke(app, ["audit", command, str(database)])
        assert isinstance(made.exception, SystemExit | HandrailError | None), repr(made.exception)
        assert made.output
        ends.add(made.exit_code)
    assert ends <= {0, 1, 2}
    assert ends != {0}


@pytest.mark.parametrize(
    ("statement", "say"),
    [
        ("UPDATE audit_head SET frontier = 'abc'", "where bytes belong"),
        ("UPDATE audit_head SET size = -5", "counts -5 entries"),
        ("UPDATE audit_head SET frontier = CAST(substr(frontier, 1, 8) || zeroblob(length(frontier) - 8) AS BLOB)",
         "disagree"),
        ("UPDATE audit_entry SET bytes = CAST(bytes || ' ' AS BLOB) WHERE idx = (SELECT size - 1 FROM audit_head)",
         "does not hold the hashes"),
        ("DELETE FROM audit_entry WHERE idx = (SELECT size - 1 FROM audit_head)", "is missing"),
    ],
)  # fmt: skip
def test_open_a_database_whose_head_is_not_what_its_entries_come_to_is_refused(
    database: Path, statement: str, say: str
) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(Unreadable, match=say) as refused:
        handrail.open(database)
    assert "handrail audit verify" in refused.value.remedy
    made = program("serve", "--database", database, "--port", "0", code=2)
    assert say in made.stderr


def test_verify_of_a_log_that_lost_its_end_is_caught_by_a_receipt_kept_elsewhere(
    database: Path, trust: Path, tmp_path: Path
) -> None:
    with open_database(str(database)) as store:
        book = Logbook(store, LOG)
        entries = list(book.entries())
        receipt = book.receipt(entries[-1], len(entries) - 1)
        note = book.checkpoint()
    assert receipt is not None
    assert note is not None
    (tmp_path / "receipt").write_bytes(receipt)
    (tmp_path / "kept").write_bytes(note)
    run(
        "audit", "verify", database, "--trust", trust, "--receipt", tmp_path / "receipt", "--against", tmp_path / "kept"
    )
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM audit_entry WHERE idx = ?", (len(entries) - 1,))
    connection.close()
    run("audit", "verify", database, "--trust", trust, "--receipt", tmp_path / "receipt", code=1)


def test_verify_with_the_wrong_key_ends_with_3(database: Path, bundle: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text(f"log {SigningKey(name=LOG, seed=os.urandom(32)).verifier.text}\nquorum none\n")
    for material in (database, bundle):
        assert "NOT VOUCHED FOR" in program("audit", "verify", material, "--trust", wrong, code=3).stdout


def test_verify_of_an_untouched_bundle_ends_with_0_or_without_trust_3(bundle: Path, trust: Path) -> None:
    program("audit", "verify", bundle, "--trust", trust)
    program("audit", "verify", bundle, code=3)


def test_verify_of_a_truncated_bundle_ends_with_2(bundle: Path, trust: Path) -> None:
    bundle.write_bytes(bundle.read_bytes()[:-1000])
    assert "CANNOT BE JUDGED" in program("audit", "verify", bundle, "--trust", trust, code=2).stdout


def test_verify_of_a_changed_bundle_ends_with_1(bundle: Path, trust: Path) -> None:
    files = unpack(bundle.read_bytes())
    name = next(name for name in files if name.startswith("tile/entries/"))
    files[name] = files[name].replace(b'"verdict":"approve"', b'"verdict":"abstain"')
    bundle.write_bytes(pack(files))
    made = program("audit", "verify", bundle, "--trust", trust, code=1)
    assert "TAMPERED WITH" in made.stdout


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0" + b"x" * 5000, b"PK\x03\x04 and no more"])
def test_verify_of_what_is_neither_ends_with_2(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "thing").write_bytes(content)
    program("audit", "verify", tmp_path / "thing", code=2)


def test_verify_of_what_is_not_there_or_of_no_trust_file_ends_with_2(database: Path, tmp_path: Path) -> None:
    run("audit", "verify", tmp_path / "nothing", code=2)
    run("audit", "verify", database, "--trust", tmp_path / "nothing", code=2)
    (tmp_path / "trust").write_text("log nonsense\n")
    run("audit", "verify", database, "--trust", tmp_path / "trust", code=2)
    run("audit", "verify", database, "--workspace", "other", code=2)


def test_export_gives_the_same_bytes_each_time_and_its_verifier_agrees(
    database: Path, bundle: Path, trust: Path, tmp_path: Path
) -> None:
    run("audit", "export", database, "--output", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()
    with zipfile.ZipFile(bundle) as archive:
        (tmp_path / "verify.py").write_bytes(archive.read("verify.py"))
        assert any(name.startswith("policies/") for name in archive.namelist())
    outside = subprocess.run(
        [sys.executable, "-I", tmp_path / "verify.py", bundle, "--trust", trust], capture_output=True, check=False
    )
    assert outside.returncode == 0, outside.stdout


def test_key_that_is_not_here_is_said_to_be_elsewhere(database: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert "not on this machine" in run("audit", "key", database, "--keys", tmp_path / "none", code=1).output
    assert list((tmp_path / "none").iterdir()) == []


def test_reconcile_ends_with_0_and_after_a_row_was_changed_with_1(database: Path) -> None:
    assert read("audit", "reconcile", database)["differences"] == []
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE proposal SET decision = 'rejected' WHERE decision = 'approved'")
    connection.close()
    made = json.loads(run("audit", "reconcile", database, "--json", code=1).stdout)
    assert {one["what"] for one in made["differences"]} == {"decision"}


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("DELETE FROM excluded WHERE case_id = (SELECT case_id FROM proposal ORDER BY 1 LIMIT 1)", "excluded "),
        ("INSERT INTO excluded (case_id, person, why)"
         " SELECT case_id, 'p_nobody', 'reviewed' FROM proposal ORDER BY 1 LIMIT 1", "excluded "),
        ("UPDATE workspace SET log = log || '/e999999999'", "workspace"),
        ("UPDATE audit_head SET signed_size = 1000", "audit_head "),
        ("DELETE FROM policy_version", "policy_version "),
        ("UPDATE review SET card = 'x'", "review "),
        ("UPDATE review SET blind = 1 - blind", "review "),
        ("UPDATE workspace SET frozen = 1", "workspace"),
        ("INSERT INTO webhook (id, workspace, url, secret, events, created_at)"
         " VALUES ('w', 'default', 'https://hook.example', 's', '*', 0)", "webhook"),
        ("INSERT INTO calibrator (workspace, name, version, bytes, digest, made_at)"
         " VALUES ('default', 'pay', 1, CAST('{}' AS BLOB), 'd', 0)", "calibrator pay version 1"),
        ("INSERT INTO api_key (id, workspace, name, secret, scopes, created_at)"
         " VALUES ('k', 'default', 'k', 'd', 'admin', 0)", "api_key k"),
        ("UPDATE policy_version SET text = text || ' '", "policy_version "),
        ("UPDATE audit_entry SET type = 'label.made' WHERE idx = 3", "audit_entry 3"),
        ("UPDATE audit_entry SET case_id = 'other' WHERE idx = 3", "audit_entry 3"),
        ("UPDATE audit_entry SET id = 'other' WHERE idx = 3", "audit_entry 3"),
    ],
)  # fmt: skip
def test_reconcile_names_what_was_planted_or_taken_away(database: Path, statement: str, where: str) -> None:
    with sqlite3.connect(database) as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()
    made = json.loads(run("audit", "reconcile", database, "--json", code=1).stdout)
    assert made["differences"]
    assert all(one["where"].startswith(where) for one in made["differences"])


def test_reconcile_beside_a_busy_writer_compares_all_but_what_moved(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_cases, read_workspace = CaseTables.__init__, WorkspaceTables.__init__

    def meanwhile_pay(self: CaseTables, *given: Any) -> None:
        read_cases(self, *given)
        hr.propose(Proposal(action="pay", arguments={"to": "Zoe", "amount": 1}))

    def meanwhile_register(self: WorkspaceTables, *given: Any) -> None:
        read_workspace(self, *given)
        hr.plane.run(webhooks.register, webhooks.Register(actor=ADMIN, url="https://other.example", secret="s"))

    monkeypatch.setattr(CaseTables, "__init__", meanwhile_pay)
    monkeypatch.setattr(WorkspaceTables, "__init__", meanwhile_register)
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE workspace SET frozen = 1")
        connection.execute(
            "INSERT INTO webhook (id, workspace, url, secret, events, created_at)"
            " VALUES ('w', 'default', 'u', 's', '*', 0)"
        )
    connection.close()
    with handrail.open(database) as hr:
        made = reconcile(hr.plane.store, "default", SystemClock())
    assert (made.moving, made.skipped) == (1, ("access",))
    assert [(each.where, each.what) for each in made.differences] == [("workspace", "frozen")]


def test_reconcile_names_a_webhook_that_was_sent_elsewhere(database: Path) -> None:
    with handrail.open(database) as hr:
        command = webhooks.Register(actor=ADMIN, url="https://hook.example", secret="s", events=("halt.set",))
        id = hr.plane.run(webhooks.register, command)
        assert reconcile(hr.plane.store, "default", SystemClock()).differences == ()
        hr.plane.run(webhooks.rotate, (ADMIN, id, "s2"))
    for change in ("url = 'https://elsewhere.example'", "events = '*'"):
        with sqlite3.connect(database) as connection:
            connection.execute(f"UPDATE webhook SET {change}")
        connection.close()
        with handrail.open(database) as hr:
            (found,) = reconcile(hr.plane.store, "default", SystemClock()).differences
        assert (found.where, found.what) == (f"webhook {id}", "what goes where")


# --- epochs, and what is not signed ---


@pytest.fixture
def restored(database: Path) -> Path:
    """A database whose older copy was put back, so that its log goes on under a second epoch."""
    put_back(database)
    return database


def test_verify_of_a_restored_database_judges_every_epoch_and_says_so(restored: Path, tmp_path: Path) -> None:
    made = program("audit", "verify", restored)
    assert re.search(rf"log {LOG}/e2: \d+ entries, all signed", made.stdout)
    assert re.search(rf"goes on from {LOG}, of which \d+ entries had been signed; the copy put back held", made.stdout)
    assert re.search(rf"earlier log {LOG}: \d+ entries, all signed", made.stdout)
    report = read("audit", "verify", restored, "--require-signed")
    (past,) = report["past"]
    assert (past["origin"], past["exit_code"], past["follows"]) == (LOG, 0, None)
    assert report["follows"]["held_root"] == past["root"]
    # the key of the epoch that goes on is enough, for its first entry says what the one before held
    (tmp_path / "trust").write_text(f"log {run('audit', 'key', restored).stdout.strip()}\nquorum none\n")
    run("audit", "verify", restored, "--trust", tmp_path / "trust")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'approve', 'reject') AS BLOB) "
        f"WHERE type = 'review.given' AND log = '{LOG}'",
        f"DELETE FROM audit_entry WHERE log = '{LOG}' AND idx > 5",
        f"DELETE FROM audit_entry WHERE log = '{LOG}'; DELETE FROM audit_head WHERE log = '{LOG}'",
        f"UPDATE audit_head SET size = size - 1 WHERE log = '{LOG}'",
        f"UPDATE workspace SET log = '{LOG}'",
        "INSERT INTO audit_head SELECT log || '/e3', size, frontier, signed_size, checkpoint, last_at FROM audit_head"
        f" WHERE log = '{LOG}'",
    ],
)
def test_verify_after_an_epoch_that_is_over_was_changed_ends_with_1(restored: Path, statement: str) -> None:
    with sqlite3.connect(restored) as connection:
        connection.executescript(statement)
    connection.close()
    assert "TAMPERED WITH" in program("audit", "verify", restored, code=1).stdout


def test_bundle_of_a_restored_database_says_which_epoch_it_holds(restored: Path, tmp_path: Path) -> None:
    made = program("audit", "export", restored, "--output", tmp_path / "bundle.zip")
    assert f"It holds {LOG}/e2 only, which goes on from {LOG}" in made.stderr
    (tmp_path / "trust").write_text(f"log {run('audit', 'key', restored).stdout.strip()}\nquorum none\n")
    given = (tmp_path / "bundle.zip", "--trust", tmp_path / "trust")
    said = program("audit", "verify", *given).stdout
    assert f"goes on from {LOG}" in said
    assert "the epoch before is not in what was given, so it was not judged" in said
    assert read("audit", "verify", *given)["past"] == []
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        (tmp_path / "verify.py").write_bytes(archive.read("verify.py"))
    outside = subprocess.run(
        [sys.executable, "-I", tmp_path / "verify.py", *given], capture_output=True, text=True, check=False
    )
    assert (outside.returncode, f"goes on from {LOG}, which is not in this bundle" in outside.stdout) == (0, True)


def test_verify_of_entries_that_no_checkpoint_covers_says_so_and_may_be_told_to_refuse(
    database: Path, trust: Path
) -> None:
    with open_database(str(database)) as store:
        note, size = Logbook(store, LOG).checkpoint(), Logbook(store, LOG).head()[0]
    assert note is not None
    assert read("audit", "verify", database, "--trust", trust, "--require-signed")["unsigned"] == 0
    with handrail.open(database) as hr:
        hr.propose(Proposal(action="pay", arguments={"to": "C"}, confidence=0.99))
    unsign(database, note)
    made = program("audit", "verify", database, "--trust", trust)
    assert "holds as far as it is signed; the newest entries are NOT SIGNED" in made.stdout
    assert f"the first {size} signed; {size} vouched for by whom you trust" in made.stdout
    assert re.search(r"NOT SIGNED: the newest \d+ entries, the first written at 20", made.stdout)
    report = read("audit", "verify", database, "--trust", trust)
    assert (report["unsigned"], report["covered"]) == (report["size"] - size, size)
    assert report["unsigned_since"] is not None
    refused = program("audit", "verify", database, "--trust", trust, "--require-signed", code=3)
    assert "NOT VOUCHED FOR" in refused.stdout
    assert "are not signed, and that was asked for [unsigned]" in refused.stdout
    # a bundle holds nothing else than what is signed
    run("audit", "export", database, "--output", trust.parent / "bundle.zip")
    assert read("audit", "verify", trust.parent / "bundle.zip", "--trust", trust, "--require-signed")["size"] == size


# --- witness ---


@pytest.fixture
def witness(database: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Address and vkey of a witness that knows the database's log."""
    pinned = parse_vkey(run("audit", "key", database).stdout.strip())
    key = witnessing.key_of(tmp_path / "witness.key", "witness.example")
    server = witnessing.server_of(("127.0.0.1", 0), tmp_path / "witness.state", key, {pinned.name: [pinned]})
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", key.verifier.text
    server.shutdown()
    server.server_close()
    thread.join()


def test_witness_cosigns_and_verify_asks_for_it(
    database: Path, witness: tuple[str, str], trust: Path, tmp_path: Path
) -> None:
    address, vkey = witness
    with open_database(str(database)) as store:
        note = Logbook(store, LOG).checkpoint()
    assert note is not None
    answer = httpx2.post(f"{address}/add-checkpoint", content=request_body(0, [], note))
    assert answer.status_code == 200
    _, verified = open_note(note + answer.content, [parse_vkey(vkey)])
    assert [one.key.name for one in verified] == ["witness.example"]
    asks = tmp_path / "asks"
    asks.write_text(trust.read_text().replace("quorum none", f"witness w {vkey}\nquorum w"))
    run("audit", "verify", database, "--trust", asks, code=3)
    (tmp_path / "cosigned").write_bytes(note + answer.content)
    run("audit", "verify", database, "--trust", asks, "--against", tmp_path / "cosigned")
    # asked again from the beginning, it says which size it knows
    again = httpx2.post(f"{address}/add-checkpoint", content=request_body(0, [], note))
    assert again.status_code == 409
    assert httpx2.post(f"{address}/elsewhere", content=b"x").status_code == 404
    assert httpx2.post(f"{address}/add-checkpoint", content=b"nonsense").status_code == 400


def test_witness_key_is_kept_and_a_logs_key_is_refused(database: Path, tmp_path: Path) -> None:
    first = witnessing.key_of(tmp_path / "k", "w")
    assert witnessing.key_of(tmp_path / "k", "other") == first
    assert first.algorithm == COSIGNATURE
    assert (tmp_path / "k").stat().st_mode & 0o077 == 0
    log_key = next(Path(f"{database}-keys").glob("*.key"))
    output = run(
        "audit", "witness", "--log", first.verifier.text, "--key", log_key, "--state", tmp_path / "s", code=1
    ).output
    assert "not a witness's" in output
