"""One database, made once; each test gets a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from .scene import begin, copied


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return begin(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def database(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HANDRAIL_DATABASE", "HANDRAIL_URL", "HANDRAIL_KEY", "HANDRAIL_PERSON", "HANDRAIL_RETRAIN_HOOK"):
        monkeypatch.delenv(name, raising=False)
    return copied(pristine, tmp_path)
