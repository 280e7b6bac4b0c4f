"""A function that asks before it acts.

python examples/gate_a_function.py --auto      a scripted reviewer answers
python examples/gate_a_function.py             you answer: `handrail serve --database gate.db` in another terminal
"""

from __future__ import annotations

import argparse
import threading
from decimal import Decimal

import handrail

POLICY = """
escalation_policies:
  - action_type: payment_transfer
    auto_approve_threshold: 0.95
    soft_review_threshold: 0.80
    max_auto_approve_amount_inr: 10000
    undo_seconds: 0
"""


def reverse(arguments: dict[str, str], result: str) -> None:
    print(f"took {result} back")


def review(desk: handrail.Desk, done: threading.Event) -> None:
    """The scripted reviewer: pays what was owed, not what was typed."""
    while not done.wait(0.1):
        held = desk.next()
        if held is not None:
            held.edit({"to": "Asha Traders", "amount": "12000"})


def main() -> None:
    parser = argparse.ArgumentParser(description="A function that asks before it acts.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="gate.db")
    given = parser.parse_args()
    done = threading.Event()
    with handrail.open(given.database, policy=POLICY) as hr:
        if given.auto:
            threading.Thread(target=review, args=(hr.desk("Asha"), done), daemon=True).start()

        @hr.gate("payment_transfer", undo=reverse, confidence=0.97, currency="INR", amount=lambda to, amount: amount)
        def transfer(to: str, amount: Decimal) -> str:
            print(f"paid {amount} to {to}")
            return f"transfer-{to}-{amount}"

        # small and sure: goes through by itself
        transfer("Bose Paper Mills", Decimal(900))
        # above the cap: waits for a person, and runs what the person left standing
        pending = transfer.request("Asha Traders", Decimal(120000))
        print(f"case {pending.case_id} waits: {pending.reasons[0].text}")
        try:
            print(pending.result())
        except handrail.Rejected as refused:
            print(f"refused: {refused.reason}")
        done.set()


if __name__ == "__main__":
    main()
