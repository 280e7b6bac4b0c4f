"""A research agent whose answer a person reads before it is delivered, and who may ask when it is stuck.

pip install "handrail[pydantic-ai]"
python examples/pydantic_ai_research.py --auto    a scripted reviewer answers, and a scripted model researches
python examples/pydantic_ai_research.py           you answer: `handrail serve --database research.db` elsewhere
With HANDRAIL_MODEL set (such as `openai:gpt-5` and its key) a real model does it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import threading

from pydantic import BaseModel
from pydantic_ai import Agent, AgentRunResult, DeferredToolRequests, ToolReturnPart
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

import handrail
from handrail.integrations.pydantic_ai import Gate, ask, run, waker

POLICY = """
escalation_policies:
  - {action_type: search, auto_approve_threshold: 0.5, undo_seconds: 0}
  - {action_type: question, undo_seconds: 0}
  - {action_type: report, autonomy: confirm, undo_seconds: 0}
"""
SHELF = {
    "night train": "The night train runs Monday to Friday (timetable, 2026).",
    "fares": "A berth costs 49 euros (fares, 2025).",
}


class Report(BaseModel):
    title: str
    findings: list[str]


def researcher(hr: handrail.Client) -> Agent[None, Report | DeferredToolRequests]:
    model = os.environ.get("HANDRAIL_MODEL") or FunctionModel(scripted)
    given = {"tools": [ask(hr, within="1h")], "capabilities": [Gate(hr, confidence=0.9)]}
    agent = Agent(model, output_type=[Report, DeferredToolRequests], **given)

    @agent.tool_plain
    def search(topic: str) -> str:
        """Look a topic up on the shelf."""
        return SHELF.get(topic, "nothing found")

    return agent


def scripted(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Searches, asks, and writes down what it heard."""
    heard = [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
    if not heard:
        return ModelResponse(parts=[ToolCallPart("search", {"topic": topic}) for topic in SHELF])
    if len(heard) == len(SHELF):
        return ModelResponse(parts=[ToolCallPart("ask_person", {"question": "Is the fare of 2025 still right?"})])
    report = {"title": "The night train", "findings": [str(part.content) for part in heard]}
    return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, report)])


def review(desk: handrail.Desk, done: threading.Event) -> None:
    """The scripted reviewer: answers the question, and strikes what is out of date from the report."""
    better = {"title": "The night train", "findings": [SHELF["night train"], "A berth costs 59 euros."]}
    verdicts = [lambda held: held.respond("No: 59 euros since March."), lambda held: held.edit({"output": better})]
    while verdicts and not done.wait(0.1):
        if (held := desk.next()) is not None:
            verdicts.pop(0)(held)


async def research(hr: handrail.Client) -> Report:
    agent, last = researcher(hr), list[AgentRunResult[Report | DeferredToolRequests]]()
    wake = waker(hr, agent, then=lambda name, result: last.append(result))
    last.append(await run(hr, agent, "What do we know about the night train?", run="research-1"))
    while isinstance(last[-1].output, DeferredToolRequests):
        print("waits for a person:", *(call.args_as_json_str() for call in last[-1].output.calls))
        await wake.astep(timeout=60)
    print("drafted:", *last[-1].output.findings, sep="\n  ")
    # what the reader leaves standing is what is delivered
    return await hr.aio.review(last[-1].output, schema=Report, action="report", kind="output")


def main() -> None:
    parser, done = argparse.ArgumentParser(), threading.Event()
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="research.db")
    given = parser.parse_args()
    with handrail.open(given.database, policy=POLICY) as hr:
        if given.auto:
            threading.Thread(target=review, args=(hr.desk("Asha"), done), daemon=True).start()
        print("delivered:", *asyncio.run(research(hr)).findings, sep="\n  ")
        done.set()


if __name__ == "__main__":
    main()
