"""The same commands on PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

import handrail
from handrail.proposal import Proposal
from tests.postgres_server import PostgresServer

from .scene import POLICY, read, run

pytestmark = pytest.mark.postgres


def test_review_export_verify_and_tamper_on_postgres(
    postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    url = postgres_server.fresh()
    with handrail.open(url, policy=POLICY) as hr:
        hr.desk("Asha")
        case_id = hr.propose(Proposal(action="pay", arguments={"n": 1}, confidence=0.2)).case_id
        made = read("case", "approve", case_id, "--yes", "--as", "Asha", "--database", url)
        assert made["decision"]["kind"] == "approved"
        (row,) = map(json.loads, run("export", "labels", "--output", "-", "--database", url).stdout.splitlines())
        assert row["case_id"] == case_id
    assert run("export", "preferences", "--output", "-", "--database", url).stdout == ""
    assert read("audit", "reconcile", url)["differences"] == []
    report = read("audit", "verify", url)
    assert (report["exit_code"], report["trust"]) == (0, "own key")
    run("audit", "export", url, "--output", tmp_path / "bundle.zip")
    run("audit", "verify", tmp_path / "bundle.zip", code=3)
    assert {check["state"] for check in read("doctor", "--database", url)["checks"]} <= {"ok", "note"}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE audit_entry SET bytes = set_byte(bytes, 20, get_byte(bytes, 20) # 1) WHERE idx = 3")
    run("audit", "verify", url, code=1)
