"""Hosted calls are let go once for each decision, whatever wakes and whatever dies."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys

from agents import RunState

from handrail.integrations.openai_agents import resume, run, settle
from handrail.testing.conformance.scene import Scene
from tests.integrations.openai_agents.hosted_process import agent_of


def process(scene: Scene, do: str) -> int:
    command = [sys.executable, "-m", "tests.integrations.openai_agents.hosted_process", str(scene.folder), do]
    return subprocess.run(command, timeout=120, check=False).returncode


def asked(scene: Scene) -> list[str]:
    path = scene.folder / "asked"
    return path.read_text().splitlines() if path.exists() else []


def approve(scene: Scene, *cases: dict[str, object]) -> None:
    for arguments in cases:
        (case,) = scene.open_cases(**arguments)  # type: ignore[arg-type]
        scene.desk().answer(case.id, "approve")


def test_wake_one_snapshot_three_times_lets_each_hosted_call_go_once(scene: Scene) -> None:
    async def story() -> None:
        agent = agent_of(scene)
        snapshot = (await run(scene.control, agent, "go", run="r1")).to_state().to_json()
        approve(scene, {"page": "m1"}, {"page": "m2"}, {"to": "A1"})
        for _ in range(3):
            state = await RunState.from_json(agent, snapshot)
            result = await resume(scene.control, agent, state, run="r1")
            assert result.final_output == "done"

    asyncio.run(story())
    lines = asked(scene)
    assert lines[:2] == ["m1 True ", "m2 True "]
    assert len(lines) == 6
    assert all("False [handrail] This call was approved and let go before" in line for line in lines[2:])
    assert (scene.folder / "paid").read_text() == "A1 5\n"


def test_hosted_call_is_held_while_another_case_is_open(scene: Scene) -> None:
    """A snapshot that is parked again never holds a permission, so waking it twice gives none twice."""

    async def story() -> None:
        agent = agent_of(scene)
        result = await run(scene.control, agent, "go", run="r1")
        approve(scene, {"page": "m1"}, {"to": "A1"})
        result = await resume(scene.control, agent, result.to_state(), run="r1")
        state = result.to_state()
        assert "mcp_approval_response" not in json.dumps(state.to_json())
        assert asked(scene) == []
        assert (scene.folder / "paid").read_text() == "A1 5\n"
        approve(scene, {"page": "m2"})
        again = await RunState.from_json(agent, state.to_json())
        assert (await resume(scene.control, agent, state, run="r1")).final_output == "done"
        await resume(scene.control, agent, again, run="r1")

    asyncio.run(story())
    assert [line[:8] for line in asked(scene)] == ["m1 True ", "m2 True ", "m1 False", "m2 False"]


def test_settle_twice_before_the_run_goes_on_still_lets_it_go(scene: Scene) -> None:
    async def story() -> None:
        agent = agent_of(scene)
        result = await run(scene.control, agent, "go", run="r1")
        approve(scene, {"to": "A1"})
        result = await resume(scene.control, agent, result.to_state(), run="r1")
        approve(scene, {"page": "m1"}, {"page": "m2"})
        state = result.to_state()
        with scene.control.run(id="r1"):
            assert (await settle(state)).answered == 2
            assert (await settle(state)).answered == 0
        await resume(scene.control, agent, state, run="r1")

    asyncio.run(story())
    assert asked(scene) == ["m1 True ", "m2 True "]


def test_kill_when_the_model_was_asked_lets_no_hosted_call_go_again(scene: Scene) -> None:
    assert process(scene, "begin") == 0
    approve(scene, {"page": "m1"}, {"page": "m2"}, {"to": "A1"})
    assert process(scene, "wake-and-die") == -signal.SIGKILL
    scene.pass_time(400)
    assert process(scene, "wake") == 0
    assert [line[:8] for line in asked(scene)] == ["m1 True ", "m2 True ", "m1 False", "m2 False"]
    assert (scene.folder / "paid").read_text() == "A1 5\n"
