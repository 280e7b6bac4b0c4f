"""A program that asks people something and gets a checked answer back.

python examples/ask_a_question.py --auto       a scripted reviewer answers
python examples/ask_a_question.py              you answer: `handrail serve --database ask.db` in another terminal
"""

from __future__ import annotations

import argparse
import threading
from typing import Literal

from pydantic import BaseModel

import handrail

POLICY = """
escalation_policies:
  - {action_type: question, undo_seconds: 0}
"""


class Account(BaseModel):
    number: str
    currency: Literal["INR", "EUR"]


def review(desk: handrail.Desk, done: threading.Event) -> None:
    """The scripted reviewer: first gives an answer that does not fit, then one that does."""
    while not done.wait(0.1):
        held = desk.next()
        if held is None:
            continue
        try:
            held.respond({"number": "4410-22", "currency": "doubloons"})
        except handrail.HandrailError as error:
            print(f"the reviewer hears: {error}")
        held.respond({"number": "4410-22", "currency": "INR"})


def main() -> None:
    parser = argparse.ArgumentParser(description="A program that asks people something.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="ask.db")
    given = parser.parse_args()
    done = threading.Event()
    with handrail.open(given.database, policy=POLICY) as hr:
        if given.auto:
            threading.Thread(target=review, args=(hr.desk("Asha"), done), daemon=True).start()
        try:
            account = hr.ask("Which account do we pay Asha Traders from?", schema=Account, within="15m")
            print(f"paying from {account.number} in {account.currency}")
        except handrail.Expired:
            print("nobody answered within 15 minutes")
        done.set()


if __name__ == "__main__":
    main()
