"""SQLite: WAL, synchronous=FULL, one writing connection a process, one checkpointer a file.

Releases before 3.51.3 have a race between one connection's write and another's checkpoint, so of all
processes on a file exactly one may ever checkpoint: whoever holds the lock on `<file>-checkpointer`.
Reading connections are opened read-only and cannot checkpoint at all.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import quote

from sqlalchemy import Table, create_engine, exc
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql import ClauseElement

from handrail.clock import Clock, SystemClock
from handrail.errors import Unavailable, UnsafeStore
from handrail.store.statements import Change, Statement
from handrail.store.tx import Read, Row, Writes, lost_race

_SYSTEM = SystemClock()
AUTOCHECKPOINT_PAGES = 4000
BUSY_MILLISECONDS = 10_000
POLL_SECONDS = 0.05
# in one statement: 64 rows of the widest table are far below SQLite's limit of 32,766 parameters
MOST_ROWS = 64
log = logging.getLogger("handrail.sqlite")
MOUNTS = Path("/proc/mounts")
NETWORK_FILE_SYSTEMS = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "fuse.sshfs",
    "9p",
    "afs",
    "glusterfs",
    "ceph",
    "lustre",
}


class SQLiteStore:
    """One SQLite file. Raises `UnsafeStore` on a network file system unless told otherwise."""

    engine: Literal["sqlite"] = "sqlite"
    outages = (sqlite3.OperationalError, sqlite3.InternalError)

    def __init__(self, path: Path, *, allow_unsafe: bool = False):
        self.path = path.resolve()
        self.url = f"sqlite:///{self.path}"
        if not allow_unsafe:
            refuse_network_file_system(self.path)
        self._uri = f"file:{quote(str(self.path))}?mode=ro"
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        # lists and reports; hot reads use a plain connection a thread
        self._pool = create_engine("sqlite://", creator=self._open_reader, poolclass=QueuePool, pool_size=4)

    def connect(self) -> SQLiteConnection:
        return SQLiteConnection(self.path)

    def _open_reader(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._uri, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        return connection

    def read(self, query: ClauseElement) -> list[Any]:
        try:
            with self._pool.connect() as connection:
                return list(connection.execute(query).all())  # type: ignore[call-overload]
        except (exc.OperationalError, sqlite3.OperationalError) as error:
            raise Unavailable(f"the database cannot be read now: {error}") from error

    def read_hot(self, statement: Statement, **parameters: Any) -> list[Row]:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        try:
            if connection is None:
                connection = self._local.connection = self._open_reader()
                with self._guard:
                    self._readers.append(connection)
            return connection.execute(statement.sqlite, parameters).fetchall()
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the database cannot be read now: {error}") from error

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Polls `data_version`, which moves when any other connection commits."""
        stop = threading.Event()

        def poll() -> None:
            connection = self._open_reader()
            seen = -1
            while not stop.wait(POLL_SECONDS):
                try:
                    (version,) = connection.execute("PRAGMA data_version").fetchone()
                    if version != seen:
                        changed()
                        seen = version
                except (sqlite3.OperationalError, Unavailable):
                    # looked at again with the next poll
                    continue
            connection.close()

        thread = threading.Thread(target=poll, name="handrail-watch", daemon=True)
        thread.start()

        def end() -> None:
            stop.set()
            thread.join()

        return end

    def close(self) -> None:
        self._pool.dispose()
        with self._guard:
            for connection in self._readers:
                connection.close()
            self._readers.clear()
        self._local = threading.local()


class SQLiteConnection:
    """The one connection of a process that writes."""

    engine: Literal["sqlite"] = "sqlite"

    def __init__(self, path: Path, *, busy_milliseconds: int = BUSY_MILLISECONDS):
        self._path = path
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        try:
            self._db.execute(f"PRAGMA busy_timeout = {busy_milliseconds}")
            self._expect("journal_mode", "WAL", "wal")
            self._expect("synchronous", "FULL", 2)
        except BaseException:
            self._db.close()
            raise
        self._db.execute("PRAGMA wal_autocheckpoint = 0")
        self._db.execute("PRAGMA cache_size = -65536")
        self._db.execute("PRAGMA temp_store = MEMORY")
        # what is erased is overwritten, not only forgotten
        self._db.execute("PRAGMA secure_delete = ON")
        # one for all: whatever is read is fetched at once
        self._cursor = self._db.cursor()
        self._lock: IO[bytes] | None = None
        self._dirty_wal = True
        self.become_checkpointer()

    def _expect(self, pragma: str, value: str, wanted: object) -> None:
        self._db.execute(f"PRAGMA {pragma} = {value}").fetchall()
        (found,) = self._db.execute(f"PRAGMA {pragma}").fetchone()
        if found != wanted:
            raise UnsafeStore(f"{self._path}: {pragma} is {found!r} and will not become {value}")

    def become_checkpointer(self) -> bool:
        """Try to be the one process that checkpoints this file; true if it is."""
        if self._lock is not None:
            return True
        lock = Path(f"{self._path}-checkpointer").open("ab")  # noqa: SIM115  (held as long as the connection)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        self._lock = lock
        self._db.execute(f"PRAGMA wal_autocheckpoint = {AUTOCHECKPOINT_PAGES}")
        return True

    def begin(self, clock: Clock | None, reads: Sequence[Read] = ()) -> tuple[int, list[list[Row]]]:
        self._db.execute("BEGIN IMMEDIATE")
        return (clock or _SYSTEM).now(), self.exchange((), reads)

    def commit(self, writes: Sequence[Writes] = ()) -> None:
        self.exchange(writes)
        self._db.execute("COMMIT")
        self._dirty_wal = True

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def execute(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        return self._cursor.execute(statement.sqlite, parameters).fetchall()

    def exchange(self, writes: Sequence[Writes], reads: Sequence[Read] = ()) -> list[list[Row]]:
        for what, rows in writes:
            if isinstance(what, Table):
                self._insert(what, rows)
                continue
            changed = self._cursor.executemany(what.sqlite, rows).rowcount
            if isinstance(what, Change) and what.sure and changed != len(rows):
                raise lost_race(what)
        return [self.execute(statement, parameters) for statement, parameters in reads]

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        if not rows:
            return []
        return [row[0] for row in self._insert(table, rows, ignore=True)]

    def _insert(self, table: Table, rows: Sequence[Mapping[str, Any]], *, ignore: bool = False) -> list[Row]:
        columns = tuple(rows[0])
        if len(rows) == 1:
            sql = _insert_sql(table, columns, 1, ignore)
            return self._cursor.execute(sql, tuple(rows[0].values())).fetchall()
        cells = itemgetter(*columns)
        values = [*chain.from_iterable(map(cells, rows))] if len(columns) > 1 else [cells(row) for row in rows]
        added: list[Row] = []
        at = 0
        for count in _portions(len(rows)):
            end = at + count * len(columns)
            added.extend(self._cursor.execute(_insert_sql(table, columns, count, ignore), values[at:end]).fetchall())
            at = end
        return added

    def idle(self) -> None:
        """Fold the WAL back into the file while nobody waits."""
        if self._dirty_wal and self.become_checkpointer():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._dirty_wal = False

    def close(self) -> None:
        try:
            # what was erased is still in the write-ahead log until it is folded back
            self._dirty_wal = True
            self.idle()
        except sqlite3.OperationalError:
            log.warning("the write-ahead log of %s could not be folded back", self._path, exc_info=True)
        self._db.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _portions(count: int) -> list[int]:
    """How many rows go into each statement: powers of two, so that few different statements are prepared.

    A statement for many rows gives Python's lock away once; one for each row would wait for it each time.
    """
    portions = [MOST_ROWS] * (count // MOST_ROWS)
    rest = count % MOST_ROWS
    return portions + [1 << bit for bit in reversed(range(rest.bit_length())) if rest >> bit & 1]


@cache
def _insert_sql(table: Table, columns: tuple[str, ...], count: int, ignore: bool) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(["(" + ", ".join("?" * len(columns)) + ")"] * count)
    sql = f'INSERT {"OR IGNORE " if ignore else ""}INTO "{table.name}" ({names}) VALUES {values}'
    return f'{sql} RETURNING "{next(iter(table.primary_key)).name}"' if ignore else sql


def refuse_network_file_system(path: Path, mounts: Path = MOUNTS) -> None:
    """Raise `UnsafeStore` if the folder of `path` is on a file system where SQLite's locks do not hold.

    `mounts` lists what is mounted, as Linux does; where there is no such file nothing is refused.
    """
    if not mounts.exists():
        return
    folder = os.path.realpath(path.parent)
    best, kind = "", ""
    for line in mounts.read_text(errors="replace").splitlines():
        _, point, found, *_ = line.split(" ")
        # spaces and tabs in a mount point are written in octal
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), point)
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, found
    if kind in NETWORK_FILE_SYSTEMS:
        raise UnsafeStore(
            f"{path} is on a network file system ({kind} at {best}), where SQLite can lose acknowledged work",
            remedy="Keep the file on a local disk, use PostgreSQL, or pass allow_unsafe=True.",
        )
