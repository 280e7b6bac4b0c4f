"""A tool with which the model asks people."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic_ai import RunContext, Tool
from pydantic_ai.exceptions import CallDeferred, ToolFailed

from handrail.client.asking import seconds_of
from handrail.client.client import Client
from handrail.client.run import current_run
from handrail.decision import Decision
from handrail.errors import HandrailError
from handrail.integrations.pydantic_ai.gating import QUESTION
from handrail.proposal import Proposal

DESCRIPTION = "Ask a person a question when you cannot go on without an answer. The answer may take a while."


def ask(
    hr: Client, *, name: str = "ask_person", description: str = DESCRIPTION, schema: Any = str,
    to: str | None = None, within: str | float | None = None,
) -> Tool[Any]:  # fmt: skip
    """A tool for `Agent(tools=[…])`: its call is a question, and its result a person's answer that fits `schema`.

    `to` is a role (`role:finance`), `within` a time such as `2h`. The run pauses like that of a gated call.
    """
    shape = TypeAdapter(schema).json_schema()

    async def ask_person(ctx: RunContext[Any], question: str) -> Any:
        # inside `hr.run` the proposal gets that run's id
        run = None if current_run() is not None else ctx.conversation_id
        proposal = Proposal(
            action="question", kind="question", arguments={"question": question}, schema=shape, run=run,
            call_id=ctx.tool_call_id, to=() if to is None else (to.removeprefix("role:"),),
            within_seconds=seconds_of(within),
        )  # fmt: skip
        try:
            asked = await hr.aio.propose(proposal)
            decision = await hr.aio.decision(asked.case_id)
        except HandrailError as error:
            raise ToolFailed(f"[handrail] The question could not be asked: {error}") from error
        if decision is None:
            raise CallDeferred({"case_id": asked.case_id, "action": "question"}, kind="question")
        answer = answered(decision)
        if isinstance(answer, ToolFailed):
            raise answer
        return answer

    return Tool(ask_person, name=name, description=description, takes_ctx=True, metadata=dict(QUESTION))


def answered(decision: Decision) -> Any:
    """The answer to a question, or what says that there is none."""
    if decision.kind == "responded":
        return decision.value
    if decision.kind == "redirected":
        return ToolFailed(f"[handrail] No answer. A reviewer asks for something else instead: {decision.instruction!r}")
    said = " ".join(text for text in (decision.reason, decision.note) if text)
    return ToolFailed(f"[handrail] No answer: the question was {decision.kind}. {said}".rstrip())
