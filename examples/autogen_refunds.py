"""A support agent of AutoGen: small refunds go out at once, a large one waits and a person cuts it down.

pip install "handrail[autogen]" autogen-ext
python examples/autogen_refunds.py --auto    a scripted reviewer answers, and a scripted model works
python examples/autogen_refunds.py           you answer: `handrail serve --database refunds.db` elsewhere
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

import handrail
from handrail.integrations.autogen import gate

POLICY = """
escalation_policies:
  - {action_type: refund, auto_approve_threshold: 0.9, undo_seconds: 0}
rules:
  - {id: large, actions: [refund], when: "double(amount) > 100.0", route: {tier: hard_gate}}
"""
# order, amount
ASKED: tuple[tuple[str, int], ...] = (("order-17", 40), ("order-18", 400))


def refund(order: str, amount: int) -> str:
    """Pay a customer back, in whole euros."""
    print(f"refunded {amount} euros for {order}")
    return f"{amount} euros are on their way for {order}"


def scripted() -> ChatCompletionClient:
    """A model that refunds what it is asked for, one order a turn, then ends."""
    usage = RequestUsage(prompt_tokens=0, completion_tokens=0)
    turns: list[CreateResult | str] = [
        CreateResult(
            content=[FunctionCall(id=order, name="refund", arguments=json.dumps({"order": order, "amount": amount}))],
            finish_reason="function_calls", usage=usage, cached=False,
        )
        for order, amount in ASKED
    ]  # fmt: skip
    said = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)
    return ReplayChatCompletionClient([*turns, "Both customers have been answered."], model_info=said)


def review(desk: handrail.Desk, done: threading.Event) -> None:
    """The scripted reviewer: the second customer gets a quarter."""
    while not done.wait(0.1):
        if (held := desk.next()) is not None:
            print("a person looks at it")
            held.edit({"order": "order-18", "amount": 100}, note="a quarter of the ticket")


async def work(hr: handrail.Client) -> None:
    tools = gate(hr, [refund], confidence=0.95, amount=lambda amount, **_: (amount, "EUR"))
    clerk = AssistantAgent("support", scripted(), workbench=tools, max_tool_iterations=len(ASKED) + 1)
    with hr.run(id="shift-1"):
        result = await clerk.run(task="Refund what is owed.")
    for message in result.messages:
        if message.type == "ToolCallExecutionEvent":
            print("the model reads:", *(done.content for done in message.content))
    print(result.messages[-1].to_text())


def main() -> None:
    parser, done = argparse.ArgumentParser(description="An agent that refunds."), threading.Event()
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="refunds.db")
    given = parser.parse_args()
    with handrail.open(given.database, policy=POLICY) as hr:
        if given.auto:
            threading.Thread(target=review, args=(hr.desk("Asha"), done), daemon=True).start()
        asyncio.run(work(hr))
        done.set()


if __name__ == "__main__":
    main()
