"""Both engines keep every promise of the lifecycle."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from handrail.store.migrate import migrate
from handrail.testing import LifecycleContract
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    migrate(f"sqlite:///{path}")
    return path


class TestSQLite(LifecycleContract):
    @pytest.fixture
    def store_url(self, migrated_file: Path, tmp_path: Path) -> str:
        shutil.copy(migrated_file, tmp_path / "handrail.db")
        return f"sqlite:///{tmp_path / 'handrail.db'}"


@pytest.mark.postgres
class TestPostgres(LifecycleContract):
    @pytest.fixture
    def store_url(self, postgres_server: PostgresServer) -> str:
        return postgres_server.fresh()
