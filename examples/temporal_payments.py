"""A Temporal workflow that pays an invoice only once a person has let it through.

pip install "handrail[temporal]"
python examples/temporal_payments.py --auto      a scripted reviewer corrects the amount
python examples/temporal_payments.py             you are the reviewer: `handrail serve --database payments.db` beside it

The SDK starts a dev server for it: the `temporal` binary of TEMPORAL_SERVER, or one that it downloads.
"""

from __future__ import annotations

import argparse
import asyncio
import os

from temporalio import workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import handrail
    from handrail.integrations.temporal import Calls, gate

POLICY = """
escalation_policies:
  - {action_type: pay, autonomy: confirm, sla_seconds: 86400, undo_seconds: 0}
"""


def pay(to: str, amount: int) -> str:
    """Pay somebody."""
    print(f"paid {amount} to {to}")
    return f"receipt for {amount}"


@workflow.defn
class Invoice:
    def __init__(self) -> None:
        self.calls = Calls()

    @workflow.run
    async def run(self, supplier: str, amount: int) -> str:
        # Temporal keeps the workflow until people have decided: no worker need be there meanwhile
        return str(await self.calls.call("pay", {"to": supplier, "amount": amount}, call_id="pay"))


async def review(hr: handrail.Client) -> None:
    while (held := hr.desk("Asha").next()) is None:
        await asyncio.sleep(0.1)
    print(f"the workflow waits for case {held.case_id}")
    held.edit({"to": "Bose Paper Mills", "amount": 450})


async def work(hr: handrail.Client, client: Client, *, auto: bool) -> None:
    async with Worker(client, task_queue="invoices", workflows=[Invoice], plugins=[gate(hr, [pay])]):
        handle = await client.start_workflow(
            Invoice.run, args=["Bose Paper Mills", 500], id="invoice-1207", task_queue="invoices"
        )
        if auto:
            await review(hr)
        print(await handle.result())


async def main() -> None:
    parser = argparse.ArgumentParser(description="A workflow that asks before it pays.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="payments.db")
    given = parser.parse_args()
    with handrail.open(given.database, policy=POLICY) as hr:
        async with await WorkflowEnvironment.start_local(
            dev_server_existing_path=os.environ.get("TEMPORAL_SERVER")
        ) as here:
            await work(hr, here.client, auto=given.auto)


if __name__ == "__main__":
    asyncio.run(main())
