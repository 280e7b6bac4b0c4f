"""Tests of a framework are collected when they are asked for by path, which is what `tests.integrations.run` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.environments import environments

ELSEWHERE = frozenset(environment.tests for environment in environments())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if collection_path not in ELSEWHERE:
        return None
    asked = [Path(config.invocation_params.dir, arg.split("::")[0]).resolve() for arg in config.args]
    return None if any(path == collection_path or collection_path in path.parents for path in asked) else True
