"""The database is full, gone, or away for a moment: typed errors that say repeat, and then it works again."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from handrail.errors import Unavailable, UnsafeStore
from handrail.store import schema, statements
from handrail.store.open import open_store
from handrail.store.sqlite import SQLiteConnection
from handrail.testing.factories import person
from handrail.testing.rig import Rig
from tests.postgres_server import PostgresServer, running_server

ANN = person("Ann")


@pytest.fixture
def sqlite_rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(f"sqlite:///{tmp_path / 'h.db'}", tmp_path)
    yield rig
    rig.close()


def test_write_to_a_full_disk_is_unavailable_then_works_again(sqlite_rig: Rig) -> None:
    rig = sqlite_rig
    case = rig.gated(key="before")
    rig.plane.sealer.step()
    limit_pages(rig, 5)
    n = next(n for n in range(200) if fills(rig, f"k{n}"))
    assert rig.proposal(case).decision is None
    assert rig.problems_without_sealing() == []
    limit_pages(rig, 1_000_000)
    assert not fills(rig, f"k{n}")
    assert rig.submit(key="before").replayed
    assert rig.answer(ANN, case).decision is not None
    assert rig.problems() == []


def fills(rig: Rig, key: str) -> bool:
    """Submit something large; true once there is no room for it, which must be said in so many words."""
    verb = rig.prepared(key=key, confidence=0.1, arguments={"text": "x" * 20_000})
    error = rig.plane.writer.submit(*verb).exception(20)
    if error is not None:
        assert isinstance(error, Unavailable)
        assert "full" in str(error)
        assert error.remedy.startswith("Repeat")
    return error is not None


def limit_pages(rig: Rig, more: int) -> None:
    """Let the file grow by so many pages only: what a full disk does, without one."""

    def limit(tx: Any, _: None) -> None:
        connection: SQLiteConnection = tx.connection
        (pages,) = connection._db.execute("PRAGMA page_count").fetchone()
        connection._db.execute(f"PRAGMA max_page_count = {pages + more}")

    rig.run(limit, None)


def test_crowd_on_a_full_disk_is_told_each_and_none_is_half_there(sqlite_rig: Rig) -> None:
    rig = sqlite_rig
    limit_pages(rig, 10)
    verbs = [rig.prepared(key=f"k{n}", arguments={"text": "x" * 20_000}) for n in range(50)]
    futures = [rig.plane.writer.submit(*verb) for verb in verbs]
    failures = [future.exception(20) for future in futures]
    assert any(isinstance(error, Unavailable) for error in failures)
    assert all(error is None or isinstance(error, Unavailable) for error in failures)
    limit_pages(rig, 1_000_000)
    for verb, error in zip(verbs, failures, strict=True):
        assert rig.run(*verb).replayed == (error is None)
    assert rig.problems() == []


def test_write_while_another_process_holds_the_file_is_unavailable_and_works_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handrail.store.sqlite.BUSY_MILLISECONDS", 100)
    monkeypatch.setattr(SQLiteConnection.__init__, "__kwdefaults__", {"busy_milliseconds": 100})
    rig = Rig(f"sqlite:///{tmp_path / 'h.db'}", tmp_path)
    holder = sqlite3.connect(tmp_path / "h.db", isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            rig.submit()
        assert rig.plane.store.read(select(schema.cases)) == []
        holder.execute("ROLLBACK")
        assert rig.submit().status == "open"
        assert rig.problems() == []
    finally:
        holder.close()
        rig.close()


# --- PostgreSQL -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that may be stopped."""
    with running_server() as server:
        yield server


def until(works: Callable[[], Any], seconds: float = 10) -> float:
    """How long it takes until this no longer says `Unavailable`."""
    begun = time.monotonic()
    while True:
        try:
            works()
            return time.monotonic() - begun
        except Unavailable:
            assert time.monotonic() - begun < seconds
            threading.Event().wait(0.05)


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_stop_and_start_the_server_is_unavailable_then_works_again(
    own_server: PostgresServer, tmp_path: Path, mode: str
) -> None:
    rig = Rig(own_server.fresh(), tmp_path)
    case = rig.gated(key="before")
    own_server.stop(mode)
    try:
        for refused in (lambda: rig.submit(key="during"), lambda: rig.proposal(case)):
            with pytest.raises(Unavailable):
                refused()
        with pytest.raises(Unavailable):
            rig.plane.store.read(select(schema.cases))
    finally:
        own_server.start()
    assert until(lambda: rig.submit(key="during")) < 15
    assert until(lambda: rig.proposal(case)) < 15
    assert rig.submit(key="before").replayed
    assert len(rig.plane.store.read(select(schema.cases))) == 2
    assert rig.answer(ANN, case).decision is not None
    assert rig.problems() == []
    rig.close()


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.parametrize("allow_unsafe", [False, True])
def test_restart_with_commits_that_do_not_wait_leaves_ours_waiting(
    own_server: PostgresServer, tmp_path: Path, allow_unsafe: bool
) -> None:
    url = own_server.fresh()
    rig = Rig(open_store(url, allow_unsafe=allow_unsafe), tmp_path)
    name = url.split("?")[0].rsplit("/", 1)[1]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    own_server.stop()
    own_server.start()
    until(rig.submit)
    assert setting_of(rig, "synchronous_commit") == ("off" if allow_unsafe else "on")
    rig.close()


@pytest.mark.postgres
@pytest.mark.slow
def test_reload_with_commits_that_do_not_wait_leaves_ours_waiting(own_server: PostgresServer, tmp_path: Path) -> None:
    rig = Rig(own_server.fresh(), tmp_path)
    own_server.set("synchronous_commit", "off")
    try:
        assert setting_of(rig, "synchronous_commit") == "on"
    finally:
        own_server.set("synchronous_commit", "on")
        rig.close()


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_restart_without_fsync_or_full_pages_takes_no_work_until_it_is_safe(
    own_server: PostgresServer, tmp_path: Path, setting: str
) -> None:
    rig = Rig(own_server.fresh(), tmp_path)
    case = rig.gated()
    own_server.set(setting, "off")
    own_server.stop("fast")
    own_server.start()
    try:
        for _ in range(2):
            with pytest.raises(UnsafeStore, match=setting):
                until(rig.submit)
        assert until(lambda: rig.proposal(case)) < 15
    finally:
        own_server.set(setting, "on")
    assert rig.submit().status == "open"
    assert rig.problems() == []
    rig.close()


def setting_of(rig: Rig, name: str) -> str:
    """What a setting is where the writer writes."""
    look = statements.Statement(f"SELECT current_setting('{name}')")

    def read(tx: Any, _: None) -> str:
        return str(tx.connection.execute(look, {})[0][0])

    return str(rig.run(read, None))


@pytest.mark.postgres
def test_backend_that_was_killed_between_two_groups_is_not_noticed(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = postgres_server.fresh()
    rig = Rig(url, tmp_path)
    rig.submit()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert rig.submit().status == "open"
    assert rig.plane.store.read_hot(statements.workspace_get, id="default")
    assert rig.problems() == []
    rig.close()


@pytest.mark.postgres
def test_listener_that_was_cut_off_hears_again(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = postgres_server.fresh()
    rig = Rig(url, tmp_path)
    heard = threading.Event()
    end = rig.plane.store.watch(heard.set)
    try:
        assert heard.wait(60)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN handrail'")
        heard.clear()
        assert heard.wait(60)
        heard.clear()
        rig.submit()
        assert heard.wait(60)
    finally:
        end()
        rig.close()
