"""What every test may ask for. HANDRAIL_NO_SKIPS=1 turns every skip into a failure."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.postgres_server import PostgresServer, running_server

ROOT = Path(__file__).resolve().parent.parent
# no test is timed: a machine may be busy
hypothesis.settings.register_profile("untimed", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of public data sets, which is not part of this project."""
    path = Path(os.environ.get("HANDRAIL_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no data sets at {path}; set HANDRAIL_DATA")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL, one for the whole run."""
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of each engine."""
    if request.param == "sqlite":
        return str(tmp_path / "handrail.db")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.fresh()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    outcome = yield
    report = outcome.get_result()
    # half a surrogate pair cannot travel from one process to another
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("HANDRAIL_NO_SKIPS") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped, and HANDRAIL_NO_SKIPS=1 forbids that: {report.longrepr}"
