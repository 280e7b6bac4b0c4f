"""A moderation agent of CrewAI: it publishes what it is sure of, and flags the uncertain for people.

pip install "handrail[crewai]"
python examples/crewai_moderation.py --auto    a scripted reviewer answers, and a scripted model judges
python examples/crewai_moderation.py           you answer: `handrail serve --database posts.db` elsewhere

With OPENAI_API_KEY set a real model judges. One subject waits for a person however sure the model is: a rule
says so (`categories_always_review` would publish first and look afterwards).
"""

from __future__ import annotations

import argparse
import json
import os
import threading
from typing import Any

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")
os.environ.setdefault("CREWAI_TRACING_ENABLED", "false")

from crewai import Agent, BaseLLM, Crew, Task
from crewai.tools import tool

import handrail
from handrail.integrations.crewai import gate

POLICY = """
escalation_policies:
  - action_type: publish
    auto_approve_threshold: 0.92
    undo_seconds: 0
rules:
  - {id: people-first, actions: [publish], when: "'self_harm' in categories", route: {tier: hard_gate}}
"""
# text, how sure the model is that it may be published, and what it is about
POSTS: tuple[tuple[str, float, str], ...] = (
    ("The night train runs again from Monday.", 0.99, "news"),
    ("Free money, click the link now!", 0.31, "spam"),
    ("I feel low and do not know whom to call.", 0.97, "self_harm"),
)


@tool("publish")
def publish(text: str, sure: float, subject: str) -> str:
    """Publish a post. Say how sure you are (0 to 1) that it may be published, and what it is about."""
    print(f"published: {text}")
    return "published"


class Scripted(BaseLLM):
    """Judges one post after another, whatever became of the ones before."""

    def supports_function_calling(self) -> bool:
        return True

    def call(self, messages: Any, *_: Any, **__: Any) -> Any:
        told = [message["content"] for message in messages if message["role"] == "tool"]
        if len(told) == len(POSTS):
            return f"Final Answer: {told.count('published')} of {len(told)} posts are out."
        post = json.dumps(dict(zip(("text", "sure", "subject"), POSTS[len(told)], strict=True)))
        return [{"id": f"post-{len(told)}", "type": "function", "function": {"name": "publish", "arguments": post}}]


def review(desk: handrail.Desk, done: threading.Event) -> None:
    """The scripted reviewer of what is flagged: no spam, and people before rules."""
    verdicts = [lambda held: held.reject("not_allowed", note="spam"), lambda held: held.approve()]
    while verdicts and not done.wait(0.1):
        if (held := desk.next()) is not None:
            print("flagged: a person looks at it")
            verdicts.pop(0)(held)


def main() -> None:
    parser = argparse.ArgumentParser(description="An agent that moderates posts.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="posts.db")
    given = parser.parse_args()
    done = threading.Event()
    with handrail.open(given.database, policy=POLICY) as hr:
        says = {"confidence": lambda sure, **_: sure, "categories": lambda subject, **_: [subject]}
        llm = None if os.environ.get("OPENAI_API_KEY") else Scripted(model="scripted")
        tools = gate(hr, [publish], **says)
        moderator = Agent(role="moderator", goal="keep the site clean", backstory="A judge.", llm=llm, tools=tools)
        asked = "Publish what may be published: " + json.dumps([text for text, *_ in POSTS])
        task = Task(description=asked, expected_output="how many posts are out", agent=moderator)
        if given.auto:
            threading.Thread(target=review, args=(hr.desk("Asha"), done), daemon=True).start()
        print(Crew(agents=[moderator], tasks=[task]).kickoff().raw)
        done.set()


if __name__ == "__main__":
    main()
