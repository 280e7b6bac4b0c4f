"""Edits: what a reviewer writes must pass the policy as if it had been proposed so. An edit can only tighten."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from handrail.canonical import JSON
from handrail.errors import VerdictNotAllowed
from handrail.intake import proposal_from
from handrail.lifecycle import policies
from handrail.lifecycle.actor import SYSTEM
from handrail.lifecycle.rows import CaseRow, ProposalRow
from handrail.policy.amounts import read_amount
from handrail.route import Route
from handrail.store import statements
from handrail.store.tx import Tx


def edited(record: dict[str, Any], arguments: JSON) -> dict[str, Any]:
    """The proposal's record with new arguments; its declared amount follows the argument that it was taken from.

    Where no argument holds that amount and numbers changed, nobody knows the new one: the record has none then.
    """
    made = record | {"arguments": arguments}
    declared = read_amount(record.get("amount"))
    if declared is None:
        return made
    before, after = _numbers(record.get("arguments")), _numbers(arguments)
    if before == after:
        return made
    sources = [at for at, value in before.items() if value == declared]
    # an argument of that name is the amount, whatever else happens to be as large
    sources = [at for at in sources if at in ("/amount", "/amount/value")] or sources
    if sources and all(at in after for at in sources):
        made["amount"] = str(max(after[at] for at in sources))
    else:
        del made["amount"]
    return made


def refuse_forbidden(tx: Tx, row: ProposalRow, arguments: JSON) -> None:
    """Raise `VerdictNotAllowed` for an edit to what the policy denies, or would have put before other people."""
    before, after = _routes(tx, row, arguments)
    if after.tier == "deny" and before.tier != "deny":
        why = "; ".join(reason.text for reason in after.reasons if reason.tier == "deny")
        raise VerdictNotAllowed(
            f"the policy denies what this edit says: {why}", remedy="Reject it, or edit it to something else."
        )
    if (after.roles and after.roles != before.roles) or (after.stages and after.stages != before.stages):
        roles = sorted({*after.roles, *(role for stage in after.stages for role in stage.roles)})
        raise VerdictNotAllowed(
            f"the policy puts what this edit says before other people: {', '.join(roles) or 'in stages'}",
            remedy="Redirect it, so that it is proposed anew.",
        )


def ask_more_people(tx: Tx, row: ProposalRow, case: CaseRow, arguments: JSON) -> CaseRow:
    """Raise the number of people to what the policy asks for what the edit says; never lower it."""
    before, after = _routes(tx, row, arguments)
    if after.reviewers <= max(before.reviewers, case.reviewers):
        return case
    tx.run(
        statements.case_escalate, case_id=case.id, reviewers=after.reviewers, lane=case.lane, sort_key=case.sort_key,
        deadline=case.deadline,
    )  # fmt: skip
    tx.entry(
        row.workspace, "case.escalated", SYSTEM.entry(), case=(case.id, row.revision), from_="open", to="open",
        reviewers=after.reviewers, reason="edit",
    )  # fmt: skip
    return case._replace(reviewers=after.reviewers, escalations=case.escalations + 1)


def _routes(tx: Tx, row: ProposalRow, arguments: JSON) -> tuple[Route, Route]:
    """What the policy that routed the case says of it as it stands and as edited, by the same sums and grants."""
    policy = policies.by_digest(tx, row.workspace, row.policy)
    record = row.record()
    first, second = (proposal_from(each) for each in (record, edited(record, arguments)))
    routes = []
    for proposal in (first, second):
        found = policies.facts(tx, policy, row.workspace, proposal, but=row.case_id)
        routes.append(policy.route(proposal, found, now=tx.now, draw=1.0))
    return routes[0], routes[1]


def _numbers(value: Any, at: str = "") -> dict[str, Decimal]:
    """Every number below a value by its place, also those written as text."""
    if isinstance(value, dict):
        return {k: v for name, each in value.items() for k, v in _numbers(each, f"{at}/{name}").items()}
    if isinstance(value, list):
        return {k: v for i, each in enumerate(value) for k, v in _numbers(each, f"{at}/{i}").items()}
    number = read_amount(value)
    return {} if number is None else {at: number}
