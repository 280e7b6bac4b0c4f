"""Workflows of the tests, as the sandbox loads them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow

from handrail.integrations.temporal import Calls

# one call as JSON: its id for the model, the tool, the arguments
Turn = list[tuple[str, str, dict[str, Any]]]


@workflow.defn
class Clerk:
    """An agent whose scripted model makes these calls, turn by turn."""

    def __init__(self) -> None:
        self.calls = Calls()
        self.told: list[list[str]] = []

    @workflow.run
    async def run(self, turns: list[Turn]) -> str:
        for turn in turns:
            await asyncio.gather(*(self._one(*call) for call in turn))
        return "done"

    async def _one(self, name: str, tool: str, arguments: dict[str, Any]) -> None:
        outcome = await self.calls.tell(tool, arguments)
        value = "" if outcome.value is None else str(outcome.value)
        self.told.append([name, f"{value} {outcome.text}".strip()])

    @workflow.query(name="told")
    def what_was_told(self) -> list[list[str]]:
        return self.told


@workflow.defn
class ClerkByOne:
    """The same, each call by one activity that is completed from outside."""

    def __init__(self) -> None:
        self.calls = Calls()
        self.told: list[list[str]] = []

    @workflow.run
    async def run(self, turns: list[Turn]) -> str:
        for turn in turns:
            await asyncio.gather(*(self._one(*call) for call in turn))
        return "done"

    async def _one(self, name: str, tool: str, arguments: dict[str, Any]) -> None:
        outcome = await self.calls.tell_by_one(tool, arguments, within=timedelta(days=1))
        value = "" if outcome.value is None else str(outcome.value)
        self.told.append([name, f"{value} {outcome.text}".strip()])

    @workflow.query(name="told")
    def what_was_told(self) -> list[list[str]]:
        return self.told


@workflow.defn
class Paying:
    """A workflow as its author writes it: a refusal fails it."""

    def __init__(self) -> None:
        self.calls = Calls()

    @workflow.run
    async def run(self, to: str, amount: int) -> str:
        return str(await self.calls.call("pay", {"to": to, "amount": amount}, call_id="pay"))
