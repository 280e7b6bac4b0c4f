"""People in a crew: a tool that asks them, and the review of a task's answer (`human_input=True`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from crewai.agents.parser import AgentFinish
from crewai.core.providers.human_input import AsyncExecutorContext, ExecutorContext, SyncHumanInputProvider
from crewai.tools import BaseTool
from pydantic import BaseModel, Field, PrivateAttr

from handrail.client.client import Client
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall, ToolGate, quoted
from handrail.errors import Redirected
from handrail.integrations.crewai.gating import never_cached, text


class Question(BaseModel):
    """What the model gives to the tool."""

    question: str = Field(description="The question, with all that a person needs to answer it.")


class HumanTool(BaseTool):
    """Asks people and waits for their answer. Made by `human_tool`."""

    name: str = "ask_a_person"
    description: str = "Ask a person when you are unsure or stuck. Returns the answer."
    args_schema: type[BaseModel] = Question
    _hr: Client = PrivateAttr()
    _asked: dict[str, Any] = PrivateAttr()

    def _run(self, question: str) -> str:
        try:
            return str(self._hr.ask(question, **self._asked))
        except Exception as error:
            return _no_answer(error)

    async def _arun(self, question: str) -> str:
        try:
            return str(await self._hr.aio.ask(question, **self._asked))
        except Exception as error:
            return _no_answer(error)


def human_tool(
    hr: Client, *, to: str | None = None, within: str | float | None = None, name: str | None = None,
    description: str | None = None,
) -> BaseTool:  # fmt: skip
    """A tool with which an agent asks people. `to` is a role (`role:finance`), `within` a time such as `2h`.

    When nobody answers, the agent reads that; nothing is raised.
    """
    said: dict[str, Any] = {"name": name, "description": description}
    made = HumanTool(cache_function=never_cached, **{key: value for key, value in said.items() if value is not None})
    made._hr, made._asked = hr, {"to": to, "within": within}
    return made


class AnswerReview(SyncHumanInputProvider):
    """Reviews the answers of tasks with `human_input=True`: `set_provider(AnswerReview(hr))`.

    Approved, edited or answered by a person, that is the task's answer; redirected, the agent goes on with what he
    asks for; in any other case the answer is withheld, and why stands in its place. The action is `task_answer`;
    `says` are those of `ToolGate`. The wait is in memory: a crew that dies with its process is gone.
    """

    def __init__(self, hr: Client, *, action: str = "task_answer", agent: str | None = None, **says: Computed):
        self._gate = ToolGate(hr, agent=agent, comes_back=False, action=action, **says)

    def handle_feedback(self, formatted_answer: AgentFinish, context: ExecutorContext) -> AgentFinish:
        """Have it reviewed, as often as people ask for something else."""
        if context._is_training_mode():
            return super().handle_feedback(formatted_answer, context)
        answer = formatted_answer
        while True:
            told = self._gate.tell(_delivery(answer, context), wait=None)
            if told.code != "redirected":
                context.ask_for_human_input = False
                return _delivered(answer, told)
            context.messages.append(context._format_feedback_message(told.text))
            answer = context._invoke_loop()

    async def handle_feedback_async(self, formatted_answer: AgentFinish, context: AsyncExecutorContext) -> AgentFinish:
        """The same for an event loop."""
        if context._is_training_mode():
            return await super().handle_feedback_async(formatted_answer, context)
        answer = formatted_answer
        while True:
            told = await self._gate.atell(_delivery(answer, context), wait=None)
            if told.code != "redirected":
                context.ask_for_human_input = False
                return _delivered(answer, told)
            context.messages.append(context._format_feedback_message(told.text))
            answer = await context._ainvoke_loop()


def _delivery(answer: AgentFinish, context: ExecutorContext) -> ToolCall:
    output = answer.output if isinstance(answer.output, str) else answer.output.model_dump_json()
    task = "" if context.task is None else str(context.task.description)
    return ToolCall(
        name="task_answer", arguments={"task": task, "output": output}, call_id=str(uuid4()),
        function=lambda task, output: output,
        schema={
            "type": "object", "required": ["task", "output"], "additionalProperties": False,
            "properties": {"task": {"const": task}, "output": {"type": "string"}},
        },
    )  # fmt: skip


def _delivered(answer: AgentFinish, told: Told) -> AgentFinish:
    if told.kind == "ran" and not told.edited:
        return answer
    # the notice of an edit is for a model, and nobody reads this but the user
    output = text(replace(told, text="") if told.ok else told)
    return replace(answer, output=output, text=output)


def _no_answer(error: Exception) -> str:
    if isinstance(error, Redirected):
        return error.instruction
    return f"[handrail] No answer: {quoted(str(error))}."
