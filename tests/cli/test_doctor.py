"""`handrail doctor` names what is wrong, and changes nothing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from handrail.clock import SECOND, SystemClock

from .scene import run


def checks(database: Path, *, code: int = 0, **environment: str) -> dict[str, dict[str, Any]]:
    found = json.loads(run("doctor", "--database", database, "--json", code=code, **environment).stdout)
    assert found["ok"] is (code == 0)
    return {check["name"]: check for check in found["checks"]}


def change(database: Path, statement: str, *values: Any) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute(statement, values)
    connection.close()


def test_doctor_finds_a_sound_database_sound(database: Path) -> None:
    found = checks(database)
    for name in ("console", "hook", "database", "schema", "disk", "clock", "log", "keys", "loops", "people"):
        assert found[name]["state"] == "ok", found[name]
    # its only note: no calibrator yet
    assert found["policy"]["state"] == "note"
    assert "stated_confidence" in found["policy"]["text"]


def test_doctor_on_a_database_that_is_not_there_does_not_make_one(tmp_path: Path) -> None:
    run("doctor", "--database", tmp_path / "none.db", code=1)
    assert list(tmp_path.iterdir()) == []


def test_doctor_names_keys_that_others_can_read(database: Path) -> None:
    next(Path(f"{database}-keys").glob("*.key")).chmod(0o644)
    assert checks(database, code=1)["keys"]["state"] == "bad"


def test_doctor_names_deadlines_that_nobody_runs(database: Path) -> None:
    change(database, "UPDATE timer SET due_at = ?", SystemClock().now() - 3600 * SECOND)
    assert "nothing runs the loops" in checks(database, code=1)["loops"]["text"]


def test_doctor_names_a_clock_behind_the_log(database: Path) -> None:
    later = 'replace(CAST(bytes AS TEXT), \'"at":"20\', \'"at":"21\')'
    change(database, f"UPDATE audit_entry SET bytes = CAST({later} AS BLOB)")
    assert checks(database, code=1)["clock"]["state"] == "bad"


def test_doctor_names_actions_that_nobody_can_settle(database: Path) -> None:
    change(database, "UPDATE person SET roles = 'auditor'")
    found = checks(database)["people"]
    assert found["state"] == "note"
    assert "needs 1 person, and there are not so many" in found["text"]


def test_doctor_names_a_frozen_copy(database: Path) -> None:
    change(database, "UPDATE workspace SET frozen = 1")
    assert "handrail acknowledge" in checks(database, code=1)["workspace"]["remedy"]
    assert "goes on" in run("acknowledge", "--database", database).stdout
    assert "workspace" not in checks(database)


def test_doctor_names_a_database_of_an_older_version(database: Path) -> None:
    change(database, "UPDATE alembic_version SET version_num = NULL WHERE 0")
    change(database, "DELETE FROM alembic_version")
    assert checks(database, code=1)["schema"]["remedy"] == "Run `handrail migrate`."


def test_doctor_names_a_hook_that_is_no_program(database: Path) -> None:
    assert checks(database, code=1, HANDRAIL_RETRAIN_HOOK="/nonexistent/train")["hook"]["state"] == "bad"
    assert checks(database, code=1, HANDRAIL_RETRAIN_HOOK="[]")["hook"]["state"] == "bad"
    assert checks(database, HANDRAIL_RETRAIN_HOOK="true")["hook"]["state"] == "ok"


def test_doctor_of_a_server_that_is_not_there_ends_with_1() -> None:
    assert "does not answer" in run("doctor", "--url", "http://127.0.0.1:9", code=1).output
