"""No statement of every day reads a table that grows from end to end, nor all of a workspace that it holds."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from handrail.maintenance.plane import Plane
from handrail.store import drawn, golds, growth, judged, learning, monitors, rounds, statements, training
from handrail.store.statements import Statement

MODULES = (drawn, golds, growth, judged, learning, monitors, rounds, statements, training)
# they read all rows on purpose, and only now and then: a person who leaves, a rebuilt database, upkeep, an analysis;
# or stop early (`seen`: the newest)
NOW_AND_THEN = {
    "search_forget", "review_void_person", "execution_running", "outbox_prune", "state_astray", "counts", "seen_count",
    "seen",
}  # fmt: skip
# tables whose rows grow in number with what goes through
GROWING = {
    "audit_entry", "cases", "cell_case", "claim", "excluded", "execution", "gold_case", "label", "opening", "outbox",
    "outcome", "park_case", "parked", "proposal", "ready", "review", "revision", "search", "spot_check",
    "timer", "usage",
}  # fmt: skip
STEP = re.compile(r"(SCAN|SEARCH) (\w+)(?:.* INDEX (\w+))?(?:.*(\(workspace=\?\)))?")


def statements_of_every_day() -> Iterator[Statement]:
    found = {value.name: value for module in MODULES for value in vars(module).values() if isinstance(value, Statement)}
    return (value for name, value in found.items() if name not in NOW_AND_THEN)


def test_hot_statements_on_sqlite_read_neither_a_table_nor_a_workspace_from_end_to_end(tmp_path: Path) -> None:
    path = tmp_path / "plans.db"
    Plane(path, loops=False).close()
    whole: dict[str, list[str]] = {}
    with sqlite3.connect(path) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        # a condition keeps these short: what is live, what waits
        short = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%INDEX%WHERE%'")}
        for statement in statements_of_every_day():
            parameters = dict.fromkeys(re.findall(r"(?<![:\w]):([a-z_0-9]+)", statement.sqlite))
            # an alias stands in a plan where its table has one
            named = {b: a for a, b in re.findall(r"(\w+) (?:AS )?(\w+)", statement.sqlite) if a in tables}
            for *_, step in db.execute("EXPLAIN QUERY PLAN " + statement.sqlite, parameters):
                found = STEP.match(step)
                # `:M`: the words of a search are looked up
                if found is None or ":M" in step:
                    continue
                kind, name, index, all_of_it = found.groups()
                if named.get(name, name) in GROWING and index not in short and (kind == "SCAN" or all_of_it):
                    whole.setdefault(statement.name, []).append(step)
    db.close()
    assert whole == {}


def test_tables_that_grow_are_known_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "plans.db"
    Plane(path, loops=False).close()
    with sqlite3.connect(path) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    db.close()
    assert tables >= GROWING
