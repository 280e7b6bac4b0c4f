"""A plan that people edit before the program carries it out.

python examples/co_planning.py --auto          a scripted reviewer answers
python examples/co_planning.py                 you answer: `handrail serve --database plan.db` in another terminal
"""

from __future__ import annotations

import argparse
import threading

from pydantic import BaseModel

import handrail

POLICY = """
escalation_policies:
  - {action_type: plan, autonomy: collaborate, undo_seconds: 0}
"""


class Step(BaseModel):
    title: str
    hours: float


class Plan(BaseModel):
    goal: str
    steps: list[Step]


DRAFT = Plan(
    goal="move the shop to the new address",
    steps=[Step(title="pack everything", hours=8), Step(title="drive", hours=2), Step(title="open", hours=1)],
)


def review(desk: handrail.Desk, done: threading.Event) -> None:
    """The scripted reviewer: adds what the draft forgot."""
    steps = [*DRAFT.steps[:2], Step(title="put up the sign", hours=1.5), DRAFT.steps[2]]
    while not done.wait(0.1):
        held = desk.next()
        if held is not None:
            held.edit({"plan": DRAFT.model_copy(update={"steps": steps}).model_dump()})


def main() -> None:
    parser = argparse.ArgumentParser(description="A plan that people edit.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="plan.db")
    given = parser.parse_args()
    done = threading.Event()
    with handrail.open(given.database, policy=POLICY) as hr:
        if given.auto:
            threading.Thread(target=review, args=(hr.desk("Asha"), done), daemon=True).start()
        try:
            plan = hr.review(DRAFT)
            for number, step in enumerate(plan.steps, 1):
                print(f"{number}. {step.title} ({step.hours:g} h)")
        except handrail.Redirected as asked:
            print(f"asked for something else: {asked.instruction}")
        done.set()


if __name__ == "__main__":
    main()
