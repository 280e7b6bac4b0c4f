"""A trading agent: small orders go through, larger ones wait for a person, who may change or refuse them.

pip install "handrail[openai-agents]"
python examples/openai_agents_trading.py --auto    a scripted reviewer answers, and a scripted model trades
python examples/openai_agents_trading.py           you answer: `handrail serve --database trades.db` elsewhere

With OPENAI_API_KEY set a real model trades. The ledger is a file of paper trades. Kill the program while it waits and
start it with --resume: it goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import threading
from pathlib import Path

from agents import Agent, Model, RunResult, function_tool, set_tracing_disabled
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call

import handrail
from handrail.integrations.openai_agents import gate, run, waker

POLICY = """
escalation_policies:
  - {action_type: place_order, auto_approve_threshold: 0.9, max_auto_approve_amount_usd: 1000, undo_seconds: 0}
"""
ORDERS = (
    {"side": "buy", "symbol": "ACME", "shares": 5, "limit": 100},
    {"side": "buy", "symbol": "NVDA", "shares": 400, "limit": 180},
    {"side": "sell", "symbol": "BOND", "shares": 9000, "limit": 95},
)


def trader(hr: handrail.Client, ledger: Path) -> Agent[None]:
    @function_tool
    def place_order(side: str, symbol: str, shares: int, limit: int) -> str:
        """Place an order at a limit price in dollars."""
        with ledger.open("a") as file:
            file.write(json.dumps({"side": side, "symbol": symbol, "shares": shares, "limit": limit}) + "\n")
        print(f"ledger: {side} {shares} {symbol} at {limit}")
        return f"{side} {shares} {symbol} at {limit}: filled"

    says = {"confidence": 0.95, "amount": lambda shares, limit, **_: (shares * limit, "USD")}
    model = None if os.environ.get("OPENAI_API_KEY") else scripted()
    return Agent(name="trader", instructions="Propose trades.", model=model, tools=gate(hr, [place_order], **says))


def scripted() -> Model:
    """One order after another, whatever became of the ones before."""

    def respond(request: object) -> list[object]:
        done = sum(item.get("type") == "function_call_output" for item in request.input if isinstance(item, dict))
        if done < len(ORDERS):
            return [function_call("place_order", ORDERS[done], call_id=f"order-{done}")]
        return [assistant_message("The desk is done for today.")]

    return ScriptedModel([ModelStep.respond(respond)] * 20)


def review(desk: handrail.Desk, done: threading.Event) -> None:
    """The scripted reviewer: a tenth of the chips, and no bonds."""
    verdicts = [lambda held: held.edit(dict(ORDERS[1], shares=40)), lambda held: held.reject("not_allowed", note="no")]
    while verdicts and not done.wait(0.1):
        if (held := desk.next()) is not None:
            verdicts.pop(0)(held)


async def trade(hr: handrail.Client, ledger: Path, *, resume: bool) -> str:
    agent, last = trader(hr, ledger), list[RunResult]()
    wake = waker(hr, agent, then=lambda name, result: last.append(result))
    if not resume:
        last.append(await run(hr, agent, "Rebalance the book.", run="book-1"))
    while not last or last[-1].interruptions:
        for item in last[-1].interruptions if last else ():
            print(f"waits for a person: {item.name} {item.arguments}")
        await wake.astep(timeout=60)
    return str(last[-1].final_output)


def main() -> None:
    parser = argparse.ArgumentParser(description="An agent that proposes trades.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--resume", action="store_true", help="go on with the run of a program that is gone")
    parser.add_argument("--database", default="trades.db")
    given = parser.parse_args()
    set_tracing_disabled(not os.environ.get("OPENAI_API_KEY"))
    done = threading.Event()
    with handrail.open(given.database, policy=POLICY) as hr:
        if given.auto:
            threading.Thread(target=review, args=(hr.desk("Asha"), done), daemon=True).start()
        print(asyncio.run(trade(hr, Path(given.database).with_suffix(".jsonl"), resume=given.resume)))
        done.set()


if __name__ == "__main__":
    main()
