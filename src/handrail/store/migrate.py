"""Bring a database to the present schema. A fresh one and a migrated one are equal; a test shows it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event

FOLDER = Path(__file__).parent / "migrations"


def migrate(url: str, *, to: str = "head") -> list[str]:
    """Run what is missing and return the names of the revisions that ran, oldest first."""
    engine = _engine(url)
    try:
        config = _config()
        script = ScriptDirectory.from_config(config)
        before = current(engine)
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, to)
        after = current(engine)
        if before == after:
            return []
        ran = [r.revision for r in script.iterate_revisions(after, before) if r.revision != before]
        return list(reversed(ran))
    finally:
        engine.dispose()


def pending(url: str) -> list[str]:
    """The revisions that are still to run, oldest first."""
    engine = _engine(url)
    try:
        script = ScriptDirectory.from_config(_config())
        here = current(engine)
        return [
            r.revision for r in reversed(list(script.iterate_revisions("head", here or "base"))) if r.revision != here
        ]
    finally:
        engine.dispose()


def current(engine: Engine) -> str | None:
    """The revision a database is at, or None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config


def _engine(url: str) -> Engine:
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        # the driver would commit before every DDL statement, and a killed migration would leave half of one
        @event.listens_for(engine, "connect")
        def _plain(connection, record):  # type: ignore[no-untyped-def]
            connection.isolation_level = None
            connection.execute("PRAGMA busy_timeout = 10000")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # another process may be the one that checkpoints this file
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("PRAGMA secure_delete = ON")

        @event.listens_for(engine, "begin")
        def _begin(connection):  # type: ignore[no-untyped-def]
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
