"""No statement of every day reads a table that grows from end to end."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from handrail.maintenance.plane import Plane
from handrail.store import statements

# they read all rows on purpose, and only now and then: an erasure, a person who leaves, a rebuilt database, upkeep
NOW_AND_THEN = {
    "label_forget", "search_forget", "review_void_person", "execution_running", "outbox_prune", "state_executions",
    "state_keys", "state_timers", "state_outcomes",
}  # fmt: skip
# tables that stay small however much goes through: switches, webhooks, one row a log, what waits for the index
SMALL = re.compile(
    r"SCAN (halt|webhook|h|u|x|json_each|CONSTANT ROW|lane|workspace|sqlite_master|search VIRTUAL TABLE INDEX)\b"
)


def test_hot_statements_on_sqlite_never_scan_a_table_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "plans.db"
    Plane(path, loops=False).close()
    scanned = {}
    with sqlite3.connect(path) as db:
        hot = {value.name: value for value in vars(statements).values() if isinstance(value, statements.Statement)}
        for statement in hot.values():
            parameters = dict.fromkeys(re.findall(r"(?<![:\w]):([a-z_0-9]+)", statement.sqlite))
            steps = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + statement.sqlite, parameters)]
            found = [step for step in steps if step.startswith("SCAN") and not SMALL.match(step)]
            if found and statement.name not in NOW_AND_THEN:
                scanned[statement.name] = found
    db.close()
    assert scanned == {}
