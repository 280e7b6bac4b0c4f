"""A help-desk agent of Microsoft Agent Framework: read access is given at once, admin access waits for a person.

pip install "handrail[agent-framework]"
python examples/agent_framework_access.py --auto    a scripted reviewer answers, and a scripted model works
python examples/agent_framework_access.py           you answer: `handrail serve --database access.db` elsewhere
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import Any

from agent_framework import (
    Agent,
    AgentResponse,
    BaseChatClient,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
)

import handrail
from handrail.integrations.agent_framework import gate, run, waker

POLICY = """
escalation_policies:
  - {action_type: give_access, auto_approve_threshold: 0.5, undo_seconds: 0}
rules:
  - {id: admin, actions: [give_access], when: "arguments.role == 'admin'", route: {tier: hard_gate}}
"""
# who, to what, as what
ASKED: tuple[tuple[str, str, str], ...] = (
    ("ben", "wiki", "reader"), ("ben", "payroll", "admin"), ("eva", "build", "admin"),
)  # fmt: skip


async def give_access(person: str, system: str, role: str) -> str:
    """Give somebody access to a system."""
    print(f"{person} is {role} of {system}")
    return f"{person} is {role} of {system} now"


class Scripted(FunctionInvocationLayer, BaseChatClient):
    """Asks for all of it in one turn, then sums up."""

    async def _inner_get_response(self, *, messages: Sequence[Message], **_: Any) -> ChatResponse[Any]:
        told = [part for message in messages for part in message.contents if part.type == "function_result"]
        if told:
            given = sum("now" in str(part.result) for part in told)
            return ChatResponse(messages=[Message(role="assistant", contents=[f"{given} of {len(told)} were given."])])
        calls = [
            Content.from_function_call(
                call_id=f"{person}-{system}", name="give_access",
                arguments=json.dumps({"person": person, "system": system, "role": role}),
            )
            for person, system, role in ASKED
        ]  # fmt: skip
        return ChatResponse(messages=[Message(role="assistant", contents=calls)])


def review(desk: handrail.Desk) -> None:
    """The scripted reviewer: the payroll is for finance alone, the build server is right."""
    verdicts = [lambda held: held.reject("not_allowed", note="finance only"), lambda held: held.approve()]
    while verdicts and (held := desk.next()) is not None:
        verdicts.pop(0)(held)


async def work(hr: handrail.Client, auto: bool) -> str:
    agent = Agent(client=Scripted(), tools=gate(hr, [give_access], confidence=0.9))
    last: list[AgentResponse[Any]] = []
    wake = waker(hr, agent, then=lambda name, response, session: last.append(response))
    with hr.run(id="ticket-7"):
        last.append(await run(hr, agent, "Set Ben and Eva up."))
    # the session is in the database now: any process may wake it
    while last[-1].user_input_requests:
        print("waits for a person")
        if auto:
            review(hr.desk("Asha"))
        await wake.astep(timeout=60)
    return last[-1].text


def main() -> None:
    parser = argparse.ArgumentParser(description="An agent that gives access.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="access.db")
    given = parser.parse_args()
    with handrail.open(given.database, policy=POLICY) as hr:
        print(asyncio.run(work(hr, given.auto)))


if __name__ == "__main__":
    main()
