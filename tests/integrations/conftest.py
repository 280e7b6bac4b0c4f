"""Tests of a framework are collected when they are asked for by path, which is what `tests.integrations.run` does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handrail.testing.conformance import Scene
from tests.integrations.environments import environments

ELSEWHERE = frozenset(environment.tests for environment in environments())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if collection_path not in ELSEWHERE:
        return None
    asked = [Path(config.invocation_params.dir, arg.split("::")[0]).resolve() for arg in config.args]
    return None if any(path == collection_path or collection_path in path.parents for path in asked) else True


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A control plane and what stands around it, for a test of one framework's own ways."""
    made = Scene(tmp_path)
    yield made
    made.close()


@pytest.fixture
def decide_meanwhile(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Approve the call to A1 now, and that to A2 while the first runs."""

    def do() -> None:
        case = scene.cases(to="A2")[0].id
        scene.desk().answer(scene.cases(to="A1")[0].id, "approve")
        append = scene.effects.append

        def and_decide_the_other(tool: str, arguments: Any) -> None:
            append(tool, arguments)
            if arguments["to"] == "A1":
                # the other has paused again by then
                time.sleep(0.3)
                scene.desk().answer(case, "approve")

        monkeypatch.setattr(scene.effects, "append", and_decide_the_other)

    return do
