"""One server for all tests of a run, except those that kill theirs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integrations.restate.harness import PLACE
from tests.integrations.restate.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("restate")).start()
    os.environ[PLACE] = f"{made.ingress} {made.admin}"
    yield made
    made.kill()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """One to be killed."""
    folder = tmp_path / "server"
    folder.mkdir()
    made = Server(folder).start()
    yield made
    made.kill()
