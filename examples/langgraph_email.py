"""A LangGraph agent that drafts an e-mail and sends it only once a person has let it through.

pip install "handrail[langgraph]" langchain langgraph-checkpoint-sqlite
python examples/langgraph_email.py --auto      a scripted reviewer corrects the draft
python examples/langgraph_email.py             you are the reviewer: `handrail serve --database email.db` beside it

Stop it while the e-mail waits and start it again: the thread is parked, and goes on. HANDRAIL_MODEL=openai:gpt-5
(or another name that LangChain knows) brings a real model.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import threading
from pathlib import Path

from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.sqlite import SqliteSaver

import handrail
from handrail.integrations.langgraph import gate, waker

POLICY = """
escalation_policies:
  - {action_type: send_email, autonomy: confirm, sla_seconds: 3600, undo_seconds: 0}
  - {action_type: find_address, autonomy: full, undo_seconds: 0}
"""
TASK = "Tell Asha that invoice 1207 is paid."
DRAFT = {"to": "asha@example.com", "subject": "Invoice 1207", "text": "Hi Asha, invoice 1270 is paid."}


def tools(mailbox: Path) -> list[object]:
    def find_address(name: str) -> str:
        """Find somebody's e-mail address."""
        return f"{name.casefold()}@example.com"

    def send_email(to: str, subject: str, text: str) -> str:
        """Send an e-mail."""
        mailbox.mkdir(exist_ok=True)
        sent = mailbox / f"{len(list(mailbox.iterdir())) + 1}.eml"
        sent.write_text(f"To: {to}\nSubject: {subject}\n\n{text}\n")
        print(f"sent {sent.name} to {to}: {text}")
        return f"sent to {to}"

    return [find_address, send_email]


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools, **kwargs):
        return self


def model(resuming: bool):
    """The model of HANDRAIL_MODEL, or one that says what this example needs."""
    if "HANDRAIL_MODEL" in os.environ:
        return init_chat_model(os.environ["HANDRAIL_MODEL"])
    look = AIMessage("", tool_calls=[{"name": "find_address", "args": {"name": "Asha"}, "id": "c1"}])
    send = AIMessage("", tool_calls=[{"name": "send_email", "args": DRAFT, "id": "c2"}])
    done = AIMessage("Asha knows.")
    return Scripted(messages=iter([done] if resuming else [look, send, done]))


def main() -> None:
    parser = argparse.ArgumentParser(description="An e-mail agent that asks before it sends.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="email.db", type=Path)
    given = parser.parse_args()
    folder = given.database.parent
    saver = SqliteSaver(sqlite3.connect(folder / "threads.db", check_same_thread=False))
    config = {"configurable": {"thread_id": "mail-1"}}
    with handrail.open(given.database, policy=POLICY) as hr:
        parked = bool(hr.parks())
        agent = create_agent(model(parked), gate(hr, tools(folder / "mailbox")), checkpointer=saver)
        if not parked:
            agent.invoke({"messages": [("user", TASK)]}, config)
        print("parked: the e-mail waits for a person" if hr.parks() else "nothing to ask")
        if given.auto:
            correct = {**DRAFT, "text": "Hi Asha, invoice 1207 is paid."}
            threading.Timer(0.2, lambda: hr.desk("Asha's manager").next().edit(correct)).start()
        resumer = waker(hr, agent)
        while hr.parks():
            resumer.step(timeout=60)
        for message in agent.get_state(config).values["messages"][-2:]:
            print(f"{message.type}: {message.text}")


if __name__ == "__main__":
    main()
