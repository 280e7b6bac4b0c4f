"""A row changed by hand, in a database where everything of every day has happened: reconcile names it (attack A11)."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

import handrail
from handrail.cli.material import open_database
from handrail.clock import SystemClock
from handrail.lifecycle import access, grant, halt
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.reconcile import Reconciled, reconcile
from handrail.proposal import Proposal

POLICY = """
escalation_policies:
  - {action_type: pay, autonomy: confirm, undo_seconds: 0}
  - {action_type: look, autonomy: full, undo_seconds: 0}
"""
ADMIN = Actor(kind="agent", pid="operator", scopes=ALL_SCOPES)


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of one day: run, edited, halted, granted, keyed."""
    path = tmp_path_factory.mktemp("day") / "handrail.db"
    with handrail.open(path, policy=POLICY) as hr:

        @hr.gate("look", tool_class="idempotent")
        def look(at: str) -> str:
            return f"seen {at}"

        @hr.gate("pay")
        def pay(to: str, amount: int) -> str:
            return f"paid {amount} to {to}"

        assert look("here") == "seen here"
        pending = pay.request("A1", 5)
        hr.desk("Ann").answer(pending.case_id, "edit", arguments={"to": "A1", "amount": 3})
        assert pending.result(timeout=60) == "paid 3 to A1"
        plane = hr.plane
        halts = [plane.run(halt.set_halt, halt.Halt(actor=ADMIN, scope="agent", value=name)) for name in "ab"]
        plane.run(halt.lift_halt, halt.Lift(actor=ADMIN, id=halts[0]))
        plane.run(grant.issue, grant.Issue(
            actor=ADMIN, action="look", seconds=3600, when="amount < 10.0", reason="month end"
        ))  # fmt: skip
        plane.run(access.make_key, access.MakeKey(
            actor=ADMIN, id="k", name="k", secret_digest="0" * 64, scopes=("read",), agent="billing"
        ))  # fmt: skip
        plane.sealer.step()
    return path


def told(path: Path) -> Reconciled:
    with open_database(str(path)) as store:
        return reconcile(store, "default", SystemClock())


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE execution SET result = CAST('\"other\"' AS BLOB)", "execution "),
        ("UPDATE execution SET tool_class = 'reversible'", "execution "),
        ("UPDATE review SET card = 'x'", "review "),
        ("UPDATE review SET fence = 77", "review "),
        ("UPDATE review SET bytes = CAST(json_set(CAST(bytes AS TEXT), '$.note', 'asked the CFO') AS BLOB)", "review "),
        ("UPDATE review SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"A1\"', '\"A2\"') AS BLOB)", "review "),
        (
            "UPDATE proposal SET bytes = CAST(json_set(CAST(bytes AS TEXT), '$.agent_says', 'safe') AS BLOB)",
            "proposal ",
        ),
        ("UPDATE proposal SET route = CAST(json_set(CAST(route AS TEXT), '$.undo_seconds', 60) AS BLOB)", "proposal "),
        ("UPDATE proposal SET route = CAST('no route' AS BLOB)", "proposal "),
        ('UPDATE proposal SET decision_bytes = CAST(\'{"by":["policy"],"reason":"x"}\' AS BLOB)', "proposal "),
        ("UPDATE proposal SET secret = NULL", "proposal "),
        ("UPDATE proposal SET secret = zeroblob(32)", ("proposal ", "review ", "revision ")),
        ("DELETE FROM revision", "revision of "),
        (
            "UPDATE revision SET bytes = CAST(json_set(CAST(bytes AS TEXT), '$.agent_says', 'x') AS BLOB)",
            "revision 1 of ",
        ),
        ("UPDATE halt SET set_at = 0 WHERE lifted_at IS NOT NULL", "halt "),
        ("UPDATE halt SET value = 'nobody' WHERE lifted_at IS NULL", "halt "),
        ("UPDATE halt SET lifted_at = 1", "halt "),
        ("UPDATE permission SET expires_at = expires_at + 1", "permission "),
        ("UPDATE permission SET action = 'pay'", "permission "),
        ("UPDATE permission SET bytes = CAST(replace(CAST(bytes AS TEXT), '10.0', '9999.0') AS BLOB)", "permission "),
        ("UPDATE api_key SET person = 'p_lead'", "api_key k"),
        ("UPDATE api_key SET secret = 'f'", "api_key k"),
        ("UPDATE api_key SET agent = NULL", "api_key k"),
        ("UPDATE audit_head SET signed_size = signed_size + 1", "audit_head "),
        ("DELETE FROM policy_version", "policy_version "),
        ("CREATE TRIGGER t AFTER INSERT ON review BEGIN SELECT 1; END", "database"),
        ("CREATE VIEW v AS SELECT 1", "database"),
    ],
)
def test_reconcile_names_a_row_that_was_changed_by_hand(
    lived_in: Path, tmp_path: Path, statement: str, where: str | tuple[str, ...]
) -> None:
    path = tmp_path / "handrail.db"
    shutil.copy(lived_in, path)
    assert told(path).differences == ()
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement).rowcount != 0
    connection.close()
    found = told(path).differences
    assert found
    assert all(each.where.startswith(where) for each in found), found


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE ready SET sort_key = sort_key + 1", "ready "),
        ("INSERT INTO ready (lane, sort_key, case_id) SELECT lane, 0, case_id FROM ready", "ready "),
        ("DELETE FROM ready", "ready "),
        (
            "INSERT INTO ready (lane, sort_key, case_id) SELECT (SELECT min(id) FROM lane), 0, 'planted'",
            "ready planted",
        ),
        ("UPDATE execution SET case_id = 'planted' WHERE case_id = (SELECT max(case_id) FROM execution)", "execution "),
        ("UPDATE cases SET id = 'planted' WHERE state <> 'open'", ("cases ", "excluded ")),
        ("UPDATE proposal SET case_id = 'planted' WHERE case_id = (SELECT min(case_id) FROM proposal)", "proposal "),
        ("UPDATE label SET case_id = 'planted'", "label "),
    ],
)
def test_reconcile_names_rows_in_the_wrong_place_however_few_cases_it_looks_at_at_once(
    lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str, where: str | tuple[str, ...]
) -> None:
    path = tmp_path / "handrail.db"
    shutil.copy(lived_in, path)
    with handrail.open(path, policy=POLICY) as hr:
        for amount in range(3):
            hr.propose(Proposal(action="pay", arguments={"to": "B", "amount": amount}))
        hr.plane.sealer.step()
    whole = told(path)
    assert (whole.cases, whole.differences) == (5, ())
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()
    found = told(path)
    assert found.differences
    assert all(each.where.startswith(where) for each in found.differences), found
    monkeypatch.setattr("handrail.maintenance.reconcile.AT_A_TIME", 1)
    assert told(path) == found
