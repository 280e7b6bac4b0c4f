"""An older copy of the database is put back: it has forgotten what happened, and must not act as if it had not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import handrail
from handrail.audit.bundle import verify_bundle, write_bundle
from handrail.audit.trust import Trust
from handrail.audit.verify import verify
from handrail.errors import LogRewound, NotExecutable
from handrail.lifecycle import execute
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.store import reads, statements

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


def test_open_database_made_anew_under_an_old_name_is_not_taken_for_an_old_copy(tmp_path: Path) -> None:
    path = tmp_path / "handrail.db"
    for _ in range(2):
        paid: list[str] = []
        with handrail.open(path, policy=POLICY) as hr:
            assert _gate(hr, paid)("A1") == "A1"
            hr.plane.sealer.step()
        path.unlink()
    assert len(list((tmp_path / "handrail.db-keys").glob("*.key"))) == 2
