"""Servers to test: one for the whole folder where a test leaves nothing behind, a fresh one where it does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres_server import PostgresServer
from tests.server.site import Site, site


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    """A fresh server on SQLite."""
    with site(tmp_path / "h.db") as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A fresh server on each engine."""
    if request.param == "sqlite":
        with site(tmp_path / "h.db") as made:
            yield made
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with site(server.fresh(), keys=tmp_path / "keys", writer_threads=2) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server for all tests of a file."""
    with site(tmp_path_factory.mktemp("shared") / "h.db") as made:
        yield made
