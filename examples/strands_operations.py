"""An operations agent: restarting a cache goes through, restarting a database waits for a person.

pip install "handrail[strands]"
python examples/strands_operations.py --auto    a scripted reviewer answers, and a scripted model operates
python examples/strands_operations.py           you answer: `handrail serve --database operations.db` elsewhere
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from strands import Agent, tool
from strands.models import Model
from strands.session.file_session_manager import FileSessionManager

import handrail
from handrail.integrations.strands import gate, waker

POLICY = """
escalation_policies:
  - {action_type: restart, auto_approve_threshold: 0.8, undo_seconds: 0}
"""


@tool
def restart(server: str) -> str:
    """Restart a server."""
    print(f"restarted {server}")
    return f"{server} is up again"


class Scripted(Model):
    """Restarts two servers at once, then ends."""

    def update_config(self, **config: Any) -> None: ...
    def get_config(self) -> dict[str, Any]:
        return {}

    def structured_output(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def stream(self, messages: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        over = any("toolResult" in part for message in messages for part in message["content"])
        yield {"messageStart": {"role": "assistant"}}
        for server in () if over else ("cache-1", "db-1"):
            yield {"contentBlockStart": {"start": {"toolUse": {"toolUseId": server, "name": "restart"}}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps({"server": server})}}}}
            yield {"contentBlockStop": {}}
        if over:
            yield {"contentBlockDelta": {"delta": {"text": "That is all."}}}
            yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn" if over else "tool_use"}}


def main() -> None:
    parser = argparse.ArgumentParser(description="An agent that restarts servers.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="operations.db")
    given = parser.parse_args()
    over = threading.Event()
    with handrail.open(given.database, policy=POLICY) as hr:
        # how sure one may be that a restart is harmless
        tools = gate(hr, [restart], confidence=lambda server: 0.9 if server.startswith("cache") else 0.5)

        def operator(session: str, agent_id: str) -> Agent:
            manager = FileSessionManager(session, storage_dir=str(Path(given.database).with_suffix(".sessions")))
            return Agent(
                model=Scripted(), tools=tools, agent_id=agent_id, session_manager=manager, callback_handler=None
            )

        def ended(session: str, result: Any) -> None:
            print(f"{session}: {str(result).strip()}")
            over.set()

        wake = waker(hr, operator, then=ended)
        operator("incident-7", "default")("The shop is slow.")
        if given.auto:
            hr.desk("Asha").next().reject("not_allowed", note="not before the backup")
        while not over.is_set():
            wake.step(timeout=60)


if __name__ == "__main__":
    main()
