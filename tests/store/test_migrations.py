"""A fresh database and a migrated one are equal; what the schema forbids is refused by both engines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from handrail.store import schema
from handrail.store.migrate import current, migrate, pending
from tests.postgres_server import PostgresServer

ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
ALEMBIC = "alembic_version"


@pytest.fixture(params=ENGINES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'a.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.fresh(migrated=False)


def engine_of(url: str) -> Engine:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def described(engine: Engine) -> dict[str, Any]:
    """All that can be told about a database's tables, by name."""
    looked = inspect(engine)
    made: dict[str, Any] = {}
    for table in looked.get_table_names():
        if table == ALEMBIC:
            continue
        made[table] = {
            "columns": {c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in looked.get_columns(table)},
            "primary": looked.get_pk_constraint(table),
            "unique": sorted(map(str, looked.get_unique_constraints(table))),
            "checks": sorted((str(c["name"]), c["sqltext"]) for c in looked.get_check_constraints(table)),
            "indexes": sorted(map(told, looked.get_indexes(table))),
        }
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE name LIKE '%search%'")).all()
            made["full text"] = sorted(map(tuple, rows))
    return made


def told(index: Any) -> str:
    """An index in words; the condition of a partial one is an object that has to be spelled out."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str((index["name"], index["column_names"], bool(index["unique"]), sorted(options.items())))


def build_fresh(url: str) -> dict[str, Any]:
    engine = engine_of(url)
    schema.metadata.create_all(engine)
    searches = (schema.SEARCH_SQLITE,) if engine.dialect.name == "sqlite" else schema.SEARCH_POSTGRES
    with engine.begin() as connection:
        for statement in searches:
            connection.execute(text(statement))
    made = described(engine)
    engine.dispose()
    return made


@pytest.mark.parametrize("engine_name", ENGINES)
def test_migrate_an_empty_database_equals_a_fresh_schema(
    engine_name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if engine_name == "sqlite":
        first, second = (f"sqlite:///{tmp_path / name}" for name in ("a.db", "b.db"))
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        first, second = server.fresh(migrated=False), server.fresh(migrated=False)
    migrate(first)
    migrated = engine_of(first)
    try:
        assert described(migrated) == build_fresh(second)
    finally:
        migrated.dispose()


def test_migrate_twice_runs_nothing_the_second_time(empty_url: str) -> None:
    assert pending(empty_url) == migrate(empty_url) != []
    assert migrate(empty_url) == pending(empty_url) == []
    engine = engine_of(empty_url)
    assert current(engine) is not None
    engine.dispose()


def test_name_every_constraint_by_the_convention() -> None:
    for table in schema.metadata.tables.values():
        for constraint in table.constraints:
            assert constraint.name, f"{table.name} has a constraint without a name"
            assert str(constraint.name).startswith(("pk_", "uq_", "ck_"))
        for index in table.indexes:
            assert str(index.name).startswith(("ix_", "uq_"))


@pytest.fixture
def migrated_engine(empty_url: str) -> Iterator[Engine]:
    migrate(empty_url)
    engine = engine_of(empty_url)
    yield engine
    engine.dispose()


def sample(table: Any, **fields: Any) -> dict[str, Any]:
    """A row with something in every column that needs it."""
    made: dict[str, Any] = {}
    for column in table.columns:
        if not column.nullable or column.primary_key:
            kind = column.type.python_type
            made[column.name] = {int: 1, bool: True, float: 1.0, bytes: b"x", str: "x"}[kind]
    return made | fields


VALID: dict[str, dict[str, Any]] = {
    "proposal": {"tier": "hard_gate", "decision": None}, "cases": {"state": "open", "closed_at": None},
    "review": {"verdict": "approve"}, "execution": {"state": "started"}, "halt": {"scope": "agent"},
    "spot_check": {"stream": "uniform", "verdict": None}, "cell_case": {"judged": None},
    "promotion": {"state": "proposed"},
    "monitor": {"alarmed_at": 1, "lifted_at": 2, "lifted_by": "x"},
    "training": {"state": "due"}, "training_batch": {"state": "held"}, "parked": {"wakes": "all"},
    "learning": {"ended_at": 1, "reason": "done"}, "learning_batch": {"figures": b"{}", "closed_at": 1},
}  # fmt: skip
FORBIDDEN = [
    ("proposal", {"tier": "maybe"}), ("proposal", {"decision": "perhaps", "decided_at": 1}),
    ("proposal", {"decision": "approved", "decided_at": None}), ("cases", {"state": "lost"}),
    ("cases", {"state": "open", "closed_at": 1}), ("cases", {"state": "decided", "closed_at": None}),
    ("review", {"verdict": "shrug"}), ("execution", {"state": "perhaps"}), ("halt", {"scope": "planet"}),
    ("learning", {"reason": None}), ("learning_batch", {"closed_at": None}),
    ("cell_case", {"judged": "perhaps"}), ("promotion", {"state": "perhaps"}),
    ("spot_check", {"stream": "other"}), ("spot_check", {"verdict": "perhaps"}),
    ("monitor", {"lifted_by": None}), ("monitor", {"alarmed_at": None}),
    ("training", {"state": "perhaps"}), ("training_batch", {"state": "perhaps"}),
    ("parked", {"wakes": "none"}), ("parked", {"ending": "lost", "ended_at": 1}), ("parked", {"ending": "woken"}),
    ("parked", {"ending": "failed", "ended_at": 1}), ("parked", {"ending": "woken", "ended_at": 1, "state": b"x"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fields"), FORBIDDEN)
def test_insert_what_a_check_forbids_is_refused(migrated_engine: Engine, name: str, fields: dict[str, Any]) -> None:
    table = schema.metadata.tables[name]
    good = sample(table, **VALID[name])
    with migrated_engine.connect() as connection:
        connection.execute(table.insert().values(good))
        connection.rollback()
        with pytest.raises(DBAPIError, match=r"(?i)check"):
            connection.execute(table.insert().values(good | fields))
        connection.rollback()


def test_every_check_of_the_schema_is_provoked_above() -> None:
    checked = {
        table.name for table in schema.metadata.tables.values()
        if any(isinstance(c, CheckConstraint) for c in table.constraints)
    }  # fmt: skip
    assert checked == {name for name, _ in FORBIDDEN}


@pytest.mark.parametrize("name", ["execution", "claim", "review"])
def test_insert_a_second_row_where_one_may_be_is_refused(migrated_engine: Engine, name: str) -> None:
    table = schema.metadata.tables[name]
    with migrated_engine.connect() as connection:
        connection.execute(table.insert().values(sample(table, **VALID.get(name, {}))))
        other = {"id": "y"} if name == "review" else {}
        with pytest.raises(DBAPIError, match=r"(?i)unique"):
            connection.execute(table.insert().values(sample(table, **VALID.get(name, {})) | other))
        connection.rollback()


OPEN = """
import sys
from pathlib import Path
from handrail.maintenance.plane import Plane
with Plane(sys.argv[1], keys=Path(sys.argv[2])) as plane:
    plane.sealer.step()
    print(plane.first_start, plane.sealer.key(plane.log).verifier.text)
"""


def test_start_several_processes_on_an_empty_database_at_once_makes_one_workspace(
    empty_url: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", OPEN, empty_url, str(tmp_path / "keys")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(line[0] for line in told) == ["False", "False", "True"]
    assert len({line[1] for line in told}) == 1
