"""An older copy of the database is put back: it has forgotten what happened, and must not act as if it had not."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

import handrail
from handrail.audit.bundle import verify_bundle, write_bundle
from handrail.audit.standalone import verify as outside
from handrail.audit.trust import Trust
from handrail.audit.verify import verify
from handrail.cli.main import app
from handrail.cli.material import open_database
from handrail.clock import SystemClock
from handrail.errors import InvalidInput, LogRewound, NotExecutable, NotFound
from handrail.lifecycle import access, erase, execute, grant, park
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane
from handrail.maintenance.reconcile import reconcile
from handrail.proposal import Proposal
from handrail.store import reads, statements
from handrail.testing.factories import person

POLICY = """
escalation_policies:
  - {action_type: pay, auto_approve_threshold: 0.9, undo_seconds: 0}
"""
OPERATOR = Actor(kind="agent", pid="operator", scopes=ALL_SCOPES)


@pytest.fixture
def restored(tmp_path: Path) -> Path:
    """A database that was used after its copy was made, replaced by the copy. Its keys are those of today."""
    path, copy = tmp_path / "handrail.db", tmp_path / "copy.db"
    paid: list[str] = []
    with handrail.open(path, policy=POLICY) as hr:
        pending = _gate(hr, paid).request("A1")
    shutil.copy(path, copy)
    with handrail.open(path) as hr:
        _gate(hr, paid)("A2")
        assert hr.decision(pending.case_id).approved
    shutil.copy(copy, path)
    return path


def _gate(hr: handrail.Client, paid: list[str]) -> handrail.Gated[[str], str]:
    @hr.gate("pay", confidence=0.99)
    def pay(to: str) -> str:
        paid.append(to)
        return to

    return pay


def _start(hr: handrail.Client, *, log: str | None = None) -> tuple[object, execute.Start]:
    """The start of what the copy believes approved and unused."""
    rows = hr.plane.store.read_hot(statements.entries_after, log=log or hr.plane.log, idx=-1, limit=100)
    case_id = next(row[2] for row in rows if row[1] == "decision.made")
    return execute.start, execute.Start(actor=OPERATOR, case_id=case_id, nonce="again")


def test_open_restored_copy_starts_frozen_and_signs_nothing(restored: Path) -> None:
    paid: list[str] = []
    with handrail.open(restored) as hr:
        with pytest.raises(NotExecutable, match="frozen"):
            hr.plane.run(*_start(hr))
        pending = _gate(hr, paid).request("A3")
        assert pending.tier == "hard_gate"
        assert "frozen" in [reason.code for reason in pending.reasons]
        with pytest.raises(LogRewound):
            hr.plane.sealer.step()
        assert paid == []


def test_acknowledge_restored_copy_goes_on_under_a_new_epoch_that_verifies(restored: Path) -> None:
    with handrail.open(restored) as hr:
        before = hr.plane.log
        origin = hr.plane.acknowledge_restore(OPERATOR)
        assert origin == f"{before}/e2"
        paid: list[str] = []
        assert _gate(hr, paid)("A4") == "A4"
        assert hr.plane.run(*_start(hr, log=before)).state == "started"
        hr.plane.sealer.step()
        trust = Trust(logs=(hr.plane.sealer.key(origin).verifier,))
        assert verify(hr.plane.logbook(), trust).findings == ()
        policies = {row.digest: row.text for row in reads.policy_versions(hr.plane.store, "default")}
        assert verify_bundle(write_bundle(hr.plane.logbook(), policies=policies), trust).exit_code == 0
    with handrail.open(restored) as hr:
        assert hr.plane.log == origin
        assert _gate(hr, paid)("A5") == "A5"


def test_workspace_whose_log_would_look_like_an_epoch_of_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="later epoch"):
        Plane(tmp_path / "handrail.db", workspace_id="e2", loops=False)
    with Plane(tmp_path / "handrail.db", workspace_id="e2e", loops=False) as plane:
        assert plane.log.endswith("/e2e")


def test_reconcile_reads_all_epochs_of_a_restored_copy(restored: Path) -> None:
    with handrail.open(restored) as hr:
        hr.plane.acknowledge_restore(OPERATOR)
        assert _gate(hr, [])("A4") == "A4"
        made = reconcile(hr.plane.store, "default", SystemClock())
        assert (made.cases, made.differences) == (2, ())
    with sqlite3.connect(restored) as connection:
        connection.execute(
            "UPDATE proposal SET decision = 'rejected' WHERE case_id = (SELECT min(case_id) FROM proposal)"
        )
    connection.close()
    with handrail.open(restored) as hr:
        found = reconcile(hr.plane.store, "default", SystemClock()).differences
        assert [(each.what, each.log, each.table) for each in found] == [("decision", "approved", "rejected")]


def test_reconcile_names_an_epoch_that_nothing_opened(restored: Path) -> None:
    with sqlite3.connect(restored) as connection:
        connection.execute("INSERT INTO audit_head SELECT log || '/e2', 0, zeroblob(8), 0, NULL, 0 FROM audit_head")
        connection.execute("UPDATE workspace SET log = log || '/e2'")
    connection.close()
    with open_database(str(restored)) as store:
        found = reconcile(store, "default", SystemClock()).differences
    assert ("audit_head", "where later epochs begin") in [(each.where, each.what) for each in found]


def test_open_database_made_anew_under_an_old_name_is_not_taken_for_an_old_copy(tmp_path: Path) -> None:
    path = tmp_path / "handrail.db"
    for _ in range(2):
        paid: list[str] = []
        with handrail.open(path, policy=POLICY) as hr:
            assert _gate(hr, paid)("A1") == "A1"
            hr.plane.sealer.step()
        path.unlink()
    assert len(list((tmp_path / "handrail.db-keys").glob("*.key"))) == 2


def test_personal_value_from_before_a_restore_still_runs_and_is_erased(tmp_path: Path) -> None:
    path, copy = tmp_path / "handrail.db", tmp_path / "copy.db"
    told = Proposal(action="tell", arguments={"to": "zoe@example.org"}, principal="zoe", personal_data=("/to",))
    policy = "escalation_policies:\n  - {action_type: tell, autonomy: confirm, undo_seconds: 0}\n"
    with handrail.open(path, policy=policy) as hr:
        first, second = (hr.propose(told).case_id for _ in range(2))
    shutil.copy(path, copy)
    with handrail.open(path) as hr:
        hr.propose(told)
    shutil.copy(copy, path)
    with handrail.open(path) as hr:
        hr.plane.acknowledge_restore(OPERATOR)
        hr.desk("Ann").answer(first, "approve")
        hr.desk("Ann").answer(second, "edit", arguments={"to": "zoe@example.com"})
        for case_id, to in ((first, "zoe@example.org"), (second, "zoe@example.com")):
            made = hr.plane.run(execute.start, execute.Start(actor=OPERATOR, case_id=case_id, nonce=case_id))
            assert made.arguments == {"to": to}
        assert hr.plane.run(erase.erase, erase.Erase(actor=OPERATOR, subject="zoe", basis="GDPR 17")).values == 2
        with pytest.raises(NotFound):
            hr.plane.run(erase.erase, erase.Erase(actor=OPERATOR, subject="zoe", basis="GDPR 17"))
        hr.plane.sealer.step()
        assert reconcile(hr.plane.store, "default", SystemClock()).differences == ()
        policies = {row.digest: row.text for row in reads.policy_versions(hr.plane.store, "default")}
        (bundle := tmp_path / "b.zip").write_bytes(write_bundle(hr.plane.logbook(), policies=policies))
        (trust := tmp_path / "trust").write_text(f"log {hr.plane.sealer.key(hr.plane.log).verifier.text}\n")
    assert CliRunner().invoke(app, ["audit", "verify", str(path)]).exit_code == 0
    assert outside.main([str(bundle), "--trust", str(trust)]) == 0


SPANNING = """
escalation_policies:
  - {action_type: pay, autonomy: confirm, undo_seconds: 0}
  - {action_type: mail, autonomy: confirm, undo_seconds: 3600}
  - {action_type: look, auto_approve_threshold: 0.9, undo: unlook, undo_seconds: 0}
"""


def test_what_began_before_a_restore_goes_on_after_it_in_a_log_that_verifies(tmp_path: Path) -> None:
    path, copy = tmp_path / "handrail.db", tmp_path / "copy.db"
    with handrail.open(path, policy=SPANNING) as hr:
        run, desk = hr.plane.run, hr.desk("Ann")
        open_, held, given, running, unused = (
            hr.propose(Proposal(action=action, arguments={"n": n}, agent="clerk")).case_id
            for n, action in enumerate(("pay", "pay", "mail", "pay", "pay"))
        )
        halted = hr.halt(agent="rogue")
        grants = [
            run(
                grant.issue,
                grant.Issue(actor=OPERATOR, action="look", lifts=("confidence",), seconds=3600, reason="x"),
            )
            for _ in range(2)
        ]
        run(access.add_person, access.AddPerson(
            actor=OPERATOR, email="lea@example.org", name="Lea", roles=("lead",), password="$argon2id$none"
        ))  # fmt: skip
        desk.take(held)
        desk.answer(given, "approve")
        for case_id in (running, unused):
            desk.answer(case_id, "approve")
        run(execute.start, execute.Start(actor=OPERATOR, case_id=running, nonce="n"))
        run(park.park, park.Park(actor=OPERATOR, run="r", framework="none", cases=(open_,), state=b"s"))
    shutil.copy(path, copy)
    with handrail.open(path) as hr:
        hr.propose(Proposal(action="pay", arguments={"n": 9}))
    shutil.copy(copy, path)
    with handrail.open(path) as hr:
        run, desk = hr.plane.run, hr.desk("Ann")
        hr.plane.acknowledge_restore(OPERATOR)
        hr.lift(halted)
        desk.answer(open_, "approve")
        desk.answer(held, "reject", reason="wrong")
        desk.escalate(given, "unsure")
        looked = hr.propose(Proposal(action="look", arguments={"at": "it"}, confidence=0.5))
        assert looked.tier == "auto_approve", looked.reasons
        run(grant.end, (OPERATOR, grants[0]))
        run(grant.end, (OPERATOR, grants[1]))
        run(execute.settle, execute.SettleExecution(actor=person("Lea", "lead"), case_id=running, happened=True))
        begun = run(execute.start, execute.Start(actor=OPERATOR, case_id=unused, nonce="m"))
        run(execute.finish, execute.Finish(actor=OPERATOR, case_id=unused, fence=begun.fence, ok=True, result="paid"))
        hr.outcome(unused, correct=True)
        hr.halt(agent="rogue")
        hr.plane.sealer.step()
        assert reconcile(hr.plane.store, "default", SystemClock()).differences == ()
        policies = {row.digest: row.text for row in reads.policy_versions(hr.plane.store, "default")}
        (bundle := tmp_path / "b.zip").write_bytes(write_bundle(hr.plane.logbook(), policies=policies))
        (trust := tmp_path / "trust").write_text(f"log {hr.plane.sealer.key(hr.plane.log).verifier.text}\n")
    judged = CliRunner().invoke(app, ["audit", "verify", str(path)])
    assert judged.exit_code == 0, judged.output
    assert outside.main([str(bundle), "--trust", str(trust)]) == 0
