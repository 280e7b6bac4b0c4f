"""Settings under which acknowledged work could be lost are refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from handrail.errors import InvalidInput, UnsafeStore
from handrail.store.open import open_store
from handrail.store.sqlite import SQLiteConnection, refuse_network_file_system
from tests.postgres_server import PostgresServer, running_server


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "fuse.sshfs", "9p"])
def test_open_on_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    shared = str(tmp_path.resolve()).replace(" ", "\\040")
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {shared} {kind} rw 0 0\n")
    with pytest.raises(UnsafeStore, match=kind):
        refuse_network_file_system(tmp_path / "h.db", mounts)


def test_open_where_a_mount_point_has_a_space_in_its_name_is_still_refused(tmp_path: Path) -> None:
    folder = tmp_path / "my share"
    folder.mkdir()
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/vda / ext4 rw 0 0\nserver:/x " + str(folder.resolve()).replace(" ", "\\040") + " nfs rw 0 0\n"
    )
    with pytest.raises(UnsafeStore, match="nfs"):
        refuse_network_file_system(folder / "h.db", mounts)


def test_open_on_a_local_disk_below_a_network_mount_is_allowed(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    parent = tmp_path.resolve()
    mounts.write_text(f"server:/x {parent.parent} nfs rw 0 0\n/dev/vda {parent} ext4 rw 0 0\n")
    refuse_network_file_system(tmp_path / "h.db", mounts)
    refuse_network_file_system(tmp_path / "h.db", tmp_path / "no such file")


def test_write_through_sqlite_is_wal_and_full(tmp_path: Path) -> None:
    connection = SQLiteConnection(tmp_path / "h.db")
    try:
        (mode,) = connection._db.execute("PRAGMA journal_mode").fetchone()
        (level,) = connection._db.execute("PRAGMA synchronous").fetchone()
        assert (mode, level) == ("wal", 2)
    finally:
        connection.close()


def test_open_a_file_that_cannot_be_wal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("CREATE TABLE t (x)")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises((UnsafeStore, sqlite3.OperationalError)):
            SQLiteConnection(path, busy_milliseconds=50)
    finally:
        holder.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "redis://x"])
def test_open_an_unknown_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="unknown database"):
        open_store(url)


def test_open_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no folder"):
        open_store(tmp_path / "nowhere" / "h.db")


@pytest.mark.postgres
def test_open_postgres_without_synchronous_commit_is_refused(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh()
    name = url.split("?")[0].rsplit("/", 1)[1]
    with psycopg.connect(postgres_server.uri, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.raises(UnsafeStore, match="synchronous_commit"):
        open_store(url)
    open_store(url, allow_unsafe=True).close()


@pytest.mark.postgres
@pytest.mark.slow
def test_open_postgres_without_fsync_or_full_pages_is_refused() -> None:
    with running_server() as server:
        url = server.fresh()
        for setting in ("fsync", "full_page_writes"):
            server.set(setting, "off")
            with pytest.raises(UnsafeStore, match=setting):
                open_store(url)
            open_store(url, allow_unsafe=True).close()
            server.set(setting, "on")
        open_store(url).close()
