"""Claude Code, as the SDK bundles it, before a local Messages API: a scripted model, gated tools, sessions in files."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, SdkMcpTool, query, tool
from claude_agent_sdk import Message as SdkMessage

from handrail.canonical import JSON
from handrail.client.signature import Signature
from handrail.integrations.claude_sdk import FRAMEWORK, gate, waker
from handrail.integrations.claude_sdk.waking import resumed
from handrail.testing.conformance import REGULAR, Harness, Message, Scene, Script
from handrail.testing.conformance.scene import read_json, write_json
from tests.integrations.claude_sdk.messages_api import NAMES, MessagesApi


def owned(name: str, function: Callable[..., str]) -> SdkMcpTool[Any]:
    """A plain function as a tool of the SDK."""
    schema: Any = Signature(function).schema

    @tool(name, function.__doc__ or "", schema)
    async def made(arguments: dict[str, Any]) -> dict[str, Any]:
        text = await asyncio.to_thread(function, **arguments)
        return {"content": [{"type": "text", "text": text}]}

    return made


def plain_options(folder: Path, api: MessagesApi, **more: Any) -> ClaudeAgentOptions:
    """Claude Code without anything of this machine's: its own home, no settings, no network but the local API."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {
        "ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": "none", "ENABLE_TOOL_SEARCH": "false",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "CLAUDE_CONFIG_DIR": str(home / "claude"), "HOME": str(home),
    }  # fmt: skip
    return ClaudeAgentOptions(**{
        "tools": [], "setting_sources": [], "cwd": folder, "env": environment, "model": "claude-sonnet-5", **more,
    })  # fmt: skip


class App:
    """The options of a script, and its session. What the model was told stands in a file."""

    def __init__(self, scene: Scene, script: Script, *, wait: str = "park"):
        self.script = script
        self.hr = scene.client(script)
        self.session = str(uuid.uuid5(uuid.NAMESPACE_OID, script.thread))
        self.told = scene.folder / f"told-{script.thread}"
        self.api = MessagesApi(script, lambda told: write_json(self.told, told))
        terms = {NAMES[name]: {"action": name, **said} for name, said in scene.terms(script).items()}
        self.options = gate(
            self.hr, plain_options(scene.folder, self.api), wait=wait, terms=terms, hold=120,  # type: ignore[arg-type]
            own={"shop": [owned(name, function) for name, function in scene.tools(script).items()]},
        )  # fmt: skip
        self.waker = waker(self.hr, self.options, patience=15)

    def say(self, text: str, **options: Any) -> list[SdkMessage]:
        return asyncio.run(self._say(text, replace(self.options, **options)))

    async def _say(self, text: str, options: ClaudeAgentOptions) -> list[SdkMessage]:
        return [message async for message in query(prompt=text, options=options)]

    def resume(self, **options: Any) -> None:
        """Straight to the framework: it asks the hook again about the call that it deferred."""
        asyncio.run(resumed(replace(self.options, resume=self.session, **options), 15))


class Claude(Harness):
    """Calls are deferred and their sessions resumed by `waker`."""

    framework = FRAMEWORK
    packages = ("claude-agent-sdk",)
    at_once = False

    def build(self, script: Script) -> App:
        return App(self.scene, script)

    def run(self, app: App) -> None:
        app.say("begin", session_id=app.session)

    def wake(self, app: App, answer: Any = REGULAR) -> None:
        if answer is REGULAR:
            app.waker.step()
        else:
            # nothing can be handed back to a deferred call: whatever the answer, the hook is asked again
            app.resume()

    def seen(self, app: App) -> Sequence[Message]:
        return [Message(*said) for said in read_json(app.told, [])]

    def added(self, app: App) -> JSON:
        # nothing of ours is in the transcript: what waits is named beside it
        (transcript,) = self.scene.folder.rglob(f"{app.session}.jsonl")
        cases = self.scene.open_cases()
        assert not any(case.id in transcript.read_text() for case in cases)
        return [{"park": park.id, "run": park.run} for park in app.hr.parks()] + [
            {"case_id": case.id} for case in cases
        ]

    def say(self, app: App, text: str) -> None:
        app.say(text, resume=app.session)

    def approving(self, app: Any) -> Sequence[Any]:
        return ("approve",)

    def always(self, app: App) -> None:
        app.resume(allowed_tools=["mcp__shop__pay"])

    def attacks(self) -> Mapping[str, Callable[[App], object]]:
        return {
            "allow the tool": lambda app: app.resume(allowed_tools=["mcp__shop__pay"]),
            "accept edits": lambda app: app.resume(permission_mode="acceptEdits"),
        }


class ClaudeBlocking(Claude):
    """The hook is held."""

    framework = f"{FRAMEWORK}-blocking"
    blocks = True

    def build(self, script: Script) -> App:
        return App(self.scene, script, wait="block")
