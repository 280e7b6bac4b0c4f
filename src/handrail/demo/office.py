"""An agent that pays invoices, sends e-mail and deploys: three gated tools, and what a careful person would say."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.gate import Gated
from handrail.client.pending import Pending
from handrail.demo.ledger import Ledger
from handrail.demo.saying import APPROVE, Saying, edit, reject

PAY, MAIL, DEPLOY = "payment_transfer", "send_email", "deploy"
AGENT = "office-agent"
SUPPLIERS = (
    ("Asha Traders", "IN-4410-22"), ("Bose Paper Mills", "IN-9031-07"), ("Chennai Cool Storage", "IN-1187-54"),
    ("Deccan Diesel", "IN-7703-19"), ("Ela Office Plants", "IN-2256-88"), ("Farooq Freight", "IN-6642-31"),
)  # fmt: skip
SERVICES = ("billing-api", "search", "web-front", "mail-out")
TESTS = ("test_totals_add_up", "test_rounding_is_half_even", "test_login_needs_password", "test_export_has_header")
# how often the agent gets something wrong
MISTAKES = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What is really owed, as the books have it."""

    number: str
    payee: str
    account: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One call the agent makes: the gate, its arguments, what it says of itself, and whether a caller may repeat it."""

    gate: Gated[..., str]
    arguments: dict[str, Any]
    says: dict[str, Any]
    key: str

    def request(self, **other: Any) -> Pending[str]:
        """Propose it, or with other arguments under the same key."""
        return self._gate().request(**(self.arguments | other))

    def call(self) -> str:
        """Call it and wait for what it returns. Raises `NotApproved` kinds."""
        return self._gate()(**self.arguments)

    def _gate(self) -> Gated[..., str]:
        return self.gate.using(key=self.key, **self.says)


class Office:
    """The agent's world: books, drafts, builds; and its tools behind gates."""

    def __init__(self, client: Client, ledger: Ledger, rng: random.Random):
        self.rng = rng
        self.invoices: dict[str, Invoice] = {}
        # recipient by e-mail subject, and failing tests by build
        self.recipients: dict[str, str] = {}
        self.failing: dict[str, str | None] = {}
        self._errands = 0

        def pay(invoice: str, payee: str, account: str, amount: Decimal, key: str = "") -> str:
            done = {"invoice": invoice, "payee": payee, "account": account, "amount": str(amount)}
            return ledger.write(PAY, key, done)

        def pay_back(arguments: JSON, result: JSON) -> str:
            return ledger.write(f"{PAY}.undo", None, {"of": result})

        def send(to: str, subject: str, body: str, key: str = "") -> str:
            return ledger.write(MAIL, key, {"to": to, "subject": subject, "body": body})

        def deploy(service: str, build: str, key: str = "") -> str:
            return ledger.write(DEPLOY, key, {"service": service, "build": build})

        self.pay = client.gate(
            PAY, undo=pay_back, preview=self.show_invoice, tool_class="idempotent", key_parameter="key", agent=AGENT,
            amount=lambda invoice, payee, account, amount: amount, currency="INR",
        )(pay)  # fmt: skip
        self.send = client.gate(MAIL, preview=self.show_mail, key_parameter="key", agent=AGENT)(send)
        self.deploy = client.gate(
            DEPLOY, preview=self.show_change, evidence=self.show_build, tool_class="idempotent", key_parameter="key",
            agent=AGENT, environment="production",
        )(deploy)  # fmt: skip

    # --- what the agent comes up with -----------------------------------------------------------

    def next_errand(self) -> Errand:
        """Mostly payments, some mail, now and then a deployment."""
        self._errands += 1
        make = self.rng.choices((self.payment, self.mail, self.deployment), (6, 3, 1))[0]
        return make()

    def payment(self, *, at_most: int | None = None) -> Errand:
        """An invoice to pay; sometimes with a wrong amount or account."""
        number = f"{2200 + len(self.invoices)}"
        payee, account = self.rng.choice(SUPPLIERS)
        top = at_most or self.rng.choices((9_000, 120_000, 900_000), (5, 3, 1))[0]
        owed = Invoice(number=number, payee=payee, account=account, amount=Decimal(self.rng.randint(top // 8, top)))
        self.invoices[number] = owed
        arguments = {"invoice": number, "payee": payee, "account": account, "amount": owed.amount}
        confidence = round(self.rng.uniform(0.86, 0.995), 3)
        if at_most is None and self.rng.random() < MISTAKES:
            wrong = self.rng.choice(({"amount": owed.amount * 10}, {"account": account[:-1] + "0-X"}))
            arguments |= wrong
            confidence = round(self.rng.uniform(0.5, 0.97), 3)
        says = {"confidence": confidence, "agent_says": f"Invoice {number} of {payee} is due; I checked it."}
        return Errand(gate=self.pay, arguments=arguments, says=says, key=f"invoice-{number}")

    def mail(self) -> Errand:
        """A reminder to a supplier; sometimes with a gap left open, or to somebody else."""
        payee, _ = self.rng.choice(SUPPLIERS)
        subject = f"Reminder {len(self.recipients) + 1}"
        to = f"accounts@{payee.split()[0].lower()}.example"
        self.recipients[subject] = to
        body = f"Dear {payee},\n\nplease send the delivery note for our last order.\n\nThe office"
        if self.rng.random() < MISTAKES:
            gap = self.rng.random() < 0.5
            body, to = (body.replace(payee, "{name}"), to) if gap else (body, "everybody@list.example")
        arguments = {"to": to, "subject": subject, "body": body}
        return Errand(gate=self.send, arguments=arguments, says={"confidence": 0.9}, key=f"mail-{subject}")

    def deployment(self) -> Errand:
        """A build for production; its tests may have failed."""
        build = f"build-{len(self.failing) + 1}"
        self.failing[build] = self.rng.choice(TESTS) if self.rng.random() < 2 * MISTAKES else None
        arguments = {"service": self.rng.choice(SERVICES), "build": build}
        says = {"confidence": round(self.rng.uniform(0.7, 0.99), 3), "agent_says": "All green as far as I can see."}
        return Errand(gate=self.deploy, arguments=arguments, says=says, key=build)

    # --- what reviewers are shown ---------------------------------------------------------------

    def show_invoice(self, invoice: str, payee: str, account: str, amount: Decimal) -> JSON:
        """The books' row beside what is asked for."""
        owed = self.invoices[invoice]
        rows = [["asked for", payee, account, str(amount)], ["books", owed.payee, owed.account, str(owed.amount)]]
        content = {"columns": ["", "payee", "account", "INR"], "rows": rows}
        return {"kind": "table", "title": f"Invoice {invoice}", "content": content, "source": "books", "trusted": True}

    def show_mail(self, to: str, subject: str, body: str) -> JSON:
        """The letter as it would go out."""
        return f"To: {to}\nSubject: {subject}\n\n{body}"

    def show_change(self, service: str, build: str) -> JSON:
        """The diff of the build."""
        ceiling = 100 + 10 * len(build)
        return (
            f"--- a/{service}/limits.py\n+++ b/{service}/limits.py\n@@ -1,4 +1,4 @@\n class Limits:\n"
            f"     window = 60\n-    ceiling = 100\n+    ceiling = {ceiling}\n     burst = 5\n"
        )

    def show_build(self, service: str, build: str) -> tuple[JSON, ...]:
        """Test results and the plan."""
        failing = self.failing[build]
        results = [
            {"name": name, "status": "failed" if name == failing else "passed",
             "message": "expected 2.50, got 2.5" if name == failing else ""}
            for name in TESTS
        ]  # fmt: skip
        steps = [f"put {build} beside the running {service}", "send it a tenth of the traffic for ten minutes",
                 "send it all", "keep the build before it for a day"]  # fmt: skip
        return (
            {"kind": "tests", "title": f"Tests of {build}", "content": results, "source": "build", "trusted": True},
            {"kind": "plan", "title": "Roll-out", "content": steps, "source": AGENT, "trusted": False},
        )

    # --- what a careful person says, and what he says when he errs ------------------------------

    def right(self, record: dict[str, Any]) -> Saying:
        """The verdict that fits the facts on the card."""
        judges: dict[str, Callable[[dict[str, Any]], Saying]] = {
            PAY: self._judge_payment, MAIL: self._judge_mail, DEPLOY: self._judge_deployment,
        }  # fmt: skip
        judge = judges.get(record["action"])
        # anything else is the reverse of something a person objected to
        return APPROVE if judge is None else judge(record["arguments"])

    def slip(self, record: dict[str, Any], rng: random.Random) -> Saying:
        """Waves a wrong one through, or stops a right one."""
        return reject("wrong") if self.right(record) == APPROVE else APPROVE

    def _judge_payment(self, asked: dict[str, Any]) -> Saying:
        owed = self.invoices[asked["invoice"]]
        if asked["account"] != owed.account:
            return reject("wrong_target")
        return APPROVE if Decimal(asked["amount"]) == owed.amount else edit(asked | {"amount": str(owed.amount)})

    def _judge_mail(self, asked: dict[str, Any]) -> Saying:
        if asked["to"] != self.recipients[asked["subject"]]:
            return reject("wrong_target")
        if "{name}" not in asked["body"]:
            return APPROVE
        return edit(asked | {"body": asked["body"].replace("{name}", "colleagues")})

    def _judge_deployment(self, asked: dict[str, Any]) -> Saying:
        return APPROVE if self.failing[asked["build"]] is None else reject("not_enough_evidence")
