"""One server for all tests: its first start takes a minute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import handrail
from handrail.client.client import Client
from handrail.integrations.label_studio import Studio
from tests.integrations.label_studio.server import Server

POLICY = """
defaults: {hard_gate_undo_seconds: 0, soft_review_undo_seconds: 0, hard_gate_deadline_seconds: 86400}
escalation_policies:
  - action_type: sort
    autonomy: confirm
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("label-studio"))
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def token(server: Server) -> str:
    return server.personal_token()


@pytest.fixture(scope="session")
def studio(server: Server, token: str) -> Iterator[Studio]:
    made = Studio(server.url, token)
    yield made
    made.close()


@pytest.fixture
def hr(tmp_path: Path) -> Iterator[Client]:
    with handrail.open(tmp_path / "handrail.db", policy=POLICY) as client:
        yield client
