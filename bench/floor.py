"""The floor of a disk: bare commits a second, one small row each, with the settings handrail itself uses."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import psycopg


def sqlite_floor(folder: Path, seconds: float = 1.0) -> float:
    """Commits a second of one connection, WAL with synchronous=FULL."""
    path = folder / "floor.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS floor (n INTEGER)")
    made, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        connection.execute("INSERT INTO floor VALUES (1)")
        made += 1
    took = time.perf_counter() - begun
    connection.close()
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return made / took


def postgres_floor(url: str, seconds: float = 1.0) -> float:
    """Commits a second of one connection."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS floor (n integer)")
        made, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            connection.execute("INSERT INTO floor VALUES (1)")
            made += 1
        took = time.perf_counter() - begun
        connection.execute("DROP TABLE floor")
    return made / took
