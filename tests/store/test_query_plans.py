"""No statement of every day reads a table that grows from end to end, nor all of a workspace that it holds."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from handrail.maintenance.plane import Plane
from handrail.store import drawn, golds, growth, judged, learning, monitors, named, reads, rounds, statements, training
from handrail.store.engine import Store
from handrail.store.statements import Statement

MODULES = (drawn, golds, growth, judged, learning, monitors, rounds, statements, training)
# they read all rows on purpose, and only now and then: a person who leaves, a rebuilt database, upkeep, an analysis;
# or stop early (`seen`: the newest)
NOW_AND_THEN = {
    "search_forget", "review_void_person", "outbox_prune", "state_astray", "counts", "seen_count",
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


class Plans:
    """What SQLite would read for a query, among `database`'s tables."""

    def __init__(self, database: sqlite3.Connection):
        self._database = database
        self._tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        # a condition keeps these short: what is live, what waits
        found = database.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%INDEX%WHERE%'")
        self._short = {name for (name,) in found}

    def whole(self, sql: str, parameters: Any) -> list[str]:
        """The steps that read a table that grows, or all that it holds of a workspace, and do not stop at a page."""
        # an alias stands in a plan where its table has one
        named = {b: a for a, b in re.findall(r"(\w+) (?:AS )?(\w+)", sql) if a in self._tables}
        made = []
        plan = self._database.execute("EXPLAIN QUERY PLAN " + sql, parameters).fetchall()
        # what is sorted or grouped has to be read whole, however little of it is wanted
        piled = {within for _, within, _, step in plan if step.startswith("USE TEMP B-TREE")}
        for _, within, _, step in plan:
            found = STEP.match(step)
            stops = "LIMIT" in sql and within not in piled
            # `:M`: the words of a search are looked up
            if found is None or stops or ":M" in step:
                continue
            kind, name, index, all_of_it = found.groups()
            if named.get(name, name) in GROWING and index not in self._short and (kind == "SCAN" or all_of_it):
                made.append(step)
        return made


def test_hot_statements_on_sqlite_read_neither_a_table_nor_a_workspace_from_end_to_end(tmp_path: Path) -> None:
    path = tmp_path / "plans.db"
    Plane(path, loops=False).close()
    with sqlite3.connect(path) as db:
        plans = Plans(db)
        whole = {
            statement.name: plans.whole(
                statement.sqlite, dict.fromkeys(re.findall(r"(?<![:\w]):([a-z_0-9]+)", statement.sqlite))
            )
            for statement in statements_of_every_day()
        }
    db.close()
    assert {name: steps for name, steps in whole.items() if steps} == {}


LISTS: dict[str, Callable[[Store], Any]] = {
    "labels": lambda store: reads.labels(store, "w", None, cursor=reads.cursor_of(0, "a"), limit=10).rows,
    "labels of an action": lambda store: reads.labels(store, "w", "pay", cursor=None, limit=10).rows,
    "executions": lambda store: reads.executions(store, "w", "unknown", 10),
    "unknown executions": lambda store: reads.unknown_executions(store, "w"),
    "open cases": lambda store: (reads.open_everywhere(store), reads.open_by(store, "w", "tier", 0)),
    "proposals by hour": lambda store: reads.proposals_by_hour(store, "w", 10**15),
    "answers since": lambda store: (reads.reviews_since(store, "w", 10**15), reads.closed_since(store, "w", 10**15)),
    "names": lambda store: [named.proposed(store, "w", scope) for scope in ("agent", "action", "run")],
    "drawn": lambda store: list(drawn.drawn(store, "w", "pay")),
    "judged": lambda store: list(judged.cases(store, "w", "pay", most=10)),
    "routes of labels": lambda store: list(judged.labelled_routes(store, "w")),
    "annotated": lambda store: list(learning.annotated(store, "w", "pay")),
    "labels of a training": lambda store: (
        list(training.labels(store, "w")), list(training.labels(store, "w", action="pay")),
    ),
    "reviewed": lambda store: list(training.reviewed(store, "w")),
    "checks that wait": lambda store: monitors.waiting(store, "w"),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_lists_on_sqlite_read_neither_a_table_nor_a_workspace_from_end_to_end(tmp_path: Path, name: str) -> None:
    path = tmp_path / "plans.db"
    plane = Plane(path, loops=False)
    with sqlite3.connect(path) as db:
        plans = Plans(db)
        whole: list[str] = []

        def look(conn: Any, cursor: Any, statement: str, parameters: Any, *given: Any) -> None:
            seen.append(statement)
            whole.extend(f"{step}: {statement}" for step in plans.whole(statement, parameters))

        seen: list[str] = []
        event.listen(Engine, "before_cursor_execute", look)
        try:
            LISTS[name](plane.store)
        finally:
            event.remove(Engine, "before_cursor_execute", look)
            plane.close()
    db.close()
    assert seen
    assert whole == []


def test_tables_that_grow_are_known_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "plans.db"
    Plane(path, loops=False).close()
    with sqlite3.connect(path) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    db.close()
    assert tables >= GROWING
