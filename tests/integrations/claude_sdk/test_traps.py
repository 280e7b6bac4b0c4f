"""What Claude Code does by itself, and what is left of it when its tools are gated."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from claude_agent_sdk import ClaudeAgentOptions, HookMatcher, ResultMessage, create_sdk_mcp_server, query

from handrail.errors import InvalidInput
from handrail.integrations.claude_sdk import gate, waker
from handrail.integrations.claude_sdk.gating import Hooks
from handrail.integrations.claude_sdk.waking import resumed
from handrail.testing.conformance import ModelCall, Scene
from handrail.testing.conformance.script import one_turn, pay, several_turns
from tests.integrations.claude_sdk.harness import App, owned, plain_options
from tests.integrations.claude_sdk.messages_api import MessagesApi

# the scene's policy knows payments, which one person decides
AS_PAYMENT = {"Write": {"action": "pay"}, "Bash": {"action": "pay"}}


def test_defer_two_calls_of_a_turn_keeps_only_the_last_in_claude_code(scene: Scene) -> None:
    asked: list[str] = []

    async def defer(given: Any, tool_use_id: str | None, context: Any) -> Any:
        asked.append(given["tool_use_id"])
        return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "defer"}}

    script = one_turn(pay("A1", 1, id="c1"), pay("A2", 2, id="c2"))
    tools = [owned("pay", scene.tools(script)["pay"])]
    options = plain_options(
        scene.folder, MessagesApi(script), mcp_servers={"shop": create_sdk_mcp_server("shop", tools=tools)},
        hooks={"PreToolUse": [HookMatcher(hooks=[defer])]},
    )  # fmt: skip
    result = asyncio.run(_last("begin", options))
    assert asked == ["c1", "c2"]
    assert result.deferred_tool_use is not None
    assert result.deferred_tool_use.id == "c2"
    asyncio.run(resumed(replace(options, resume=result.session_id), 15))
    assert asked == ["c1", "c2", "c2"]


def test_make_two_calls_in_a_turn_asks_for_them_one_after_another(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 1, id="c1"), pay("A2", 2, id="c2")))
    app.say("begin", session_id=app.session)
    for to in ("A1", "A2"):
        (case,) = scene.open_cases()
        assert case.arguments["to"] == to
        scene.desk().answer(case.id, "approve")
        assert app.waker.step()
    assert scene.effects.read() == [{"to": "A1", "amount": 1}, {"to": "A2", "amount": 2}]
    assert app.hr.parks() == []


def test_hook_stands_before_built_in_tools_too(scene: Scene) -> None:
    path = scene.folder / "letter.txt"
    script = one_turn(ModelCall("c1", "Write", {"file_path": str(path), "content": "Dear Sir"}))
    options = gate(scene.control, plain_options(scene.folder, MessagesApi(script), tools=["Write"]), terms=AS_PAYMENT)
    session = str(uuid.uuid4())
    asyncio.run(_last("begin", replace(options, session_id=session)))
    assert not path.exists()
    (case,) = scene.open_cases()
    edited = {"file_path": str(path), "content": "Dear Madam"}
    scene.desk().answer(case.id, "edit", arguments=edited)
    assert waker(scene.control, options, patience=120).step()
    assert path.read_text() == "Dear Madam"
    execution = scene.execution(case.id)
    assert execution is not None
    assert execution.state == "succeeded"


def test_built_in_tool_that_fails_leaves_its_execution_to_a_person(scene: Scene) -> None:
    script = one_turn(ModelCall("c1", "Bash", {"command": "echo done > made; exit 3", "description": "make it"}))
    options = gate(scene.control, plain_options(scene.folder, MessagesApi(script), tools=["Bash"]), terms=AS_PAYMENT)
    asyncio.run(_last("begin", options))
    (case,) = scene.open_cases()
    scene.desk().answer(case.id, "approve")
    assert waker(scene.control, options, patience=120).step()
    assert (scene.folder / "made").exists()
    execution = scene.execution(case.id)
    assert execution is not None
    assert execution.state == "unknown"


def test_reuse_a_call_id_runs_nothing_again(scene: Scene) -> None:
    app = App(scene, several_turns([pay("A1", 5, id="c1")], [pay("A1", 5, id="c1")]))
    limited = replace(app.options, max_turns=3)
    asyncio.run(_last("begin", replace(limited, session_id=app.session)))
    scene.desk().answer(scene.open_cases()[0].id, "approve")
    with suppress(Exception):
        # the scripted model never gives up, so that the turns run out
        waker(app.hr, limited, patience=120).step()
    assert scene.effects.read() == [{"to": "A1", "amount": 5}]
    assert len(scene.cases()) == 1


def test_run_a_tool_of_ours_without_the_hook_runs_nothing(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)))
    app.say("begin", session_id=app.session, hooks=None, allowed_tools=["mcp__shop__pay"])
    assert "did not pass the hook" in app.told.read_text()
    assert scene.effects.read() == []


def test_resume_of_a_session_that_went_on_elsewhere_takes_its_case_back(scene: Scene) -> None:
    app = App(scene, one_turn(pay("A1", 5)))
    app.say("begin", session_id=app.session)
    # with other options, which know nothing of handrail
    app.say("never mind", resume=app.session, hooks=None)
    scene.desk().answer(scene.open_cases()[0].id, "approve")
    waker(app.hr, app.options, patience=5).step()
    assert scene.effects.read() == []
    assert app.hr.parks() == []


def test_gate_refuses_what_it_cannot_gate(scene: Scene) -> None:
    with pytest.raises(InvalidInput, match="servers that `own` would replace"):
        gate(
            scene.control, ClaudeAgentOptions(mcp_servers={"shop": {"type": "stdio", "command": "x"}}), own={"shop": []}
        )
    with pytest.raises(InvalidInput, match="wait is"):
        gate(scene.control, ClaudeAgentOptions(), wait="never")  # type: ignore[arg-type]
    gated = gate(scene.control, ClaudeAgentOptions())
    (before,) = (gated.hooks or {})["PreToolUse"]
    assert before.on_failure == "block"
    assert isinstance(before.hooks[0].__self__, Hooks)  # type: ignore[union-attr]


async def _last(prompt: str, options: ClaudeAgentOptions) -> ResultMessage:
    messages = [message async for message in query(prompt=prompt, options=options)]
    assert isinstance(messages[-1], ResultMessage)
    return messages[-1]
