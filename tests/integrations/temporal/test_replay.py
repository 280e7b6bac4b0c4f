"""Workflow code under the SDK's own replayer and in its sandbox."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import NondeterminismError, _Definition

import handrail
from handrail.integrations.temporal import gate, names
from tests.integrations.temporal.clerk import Clerk, ClerkByOne, Paying
from tests.integrations.temporal.history import FOLDER, paying


@pytest.fixture
def plugin(tmp_path: Path) -> object:
    with handrail.open(tmp_path / "handrail.db") as hr:
        yield gate(hr, [])


def replay(plugin: object, history: str) -> None:
    replayer = Replayer(workflows=[Paying], plugins=[plugin])  # type: ignore[list-item]
    asyncio.run(replayer.replay_workflow(WorkflowHistory.from_json("payment-1", history)))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_replay_the_history_of_a_release_fits(plugin: object, path: Path) -> None:
    replay(plugin, path.read_text())


def test_replay_a_history_with_another_activity_does_not_fit(plugin: object) -> None:
    changed = json.dumps(paying()).replace(names.EXECUTE, names.FETCH)
    with pytest.raises(NondeterminismError):
        replay(plugin, changed)


@pytest.mark.parametrize("workflow", [Clerk, ClerkByOne, Paying])
def test_load_a_workflow_in_the_sandbox_needs_nothing_but_the_plugin(plugin: object, workflow: type) -> None:
    config = plugin.configure_worker({"activities": [], "workflow_runner": None})  # type: ignore[attr-defined]
    runner = config["workflow_runner"]
    assert isinstance(runner, SandboxedWorkflowRunner)
    asyncio.run(_prepared(runner, workflow))


async def _prepared(runner: SandboxedWorkflowRunner, workflow: type) -> None:
    runner.prepare_workflow(_Definition.must_from_class(workflow))
