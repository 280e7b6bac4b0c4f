"""Approve for this run: a person lets an action through, and with it a few more of the same kind in the same run.

What comes of it is a grant, made in the transaction of the decision: for this run, agent and action, on behalf of the
same principal, up to the amount approved, for so many uses and so long. It lifts confidence and autonomy only, never
anything irreversible or high-stakes; the programs' own "always" buttons mean nothing of the kind.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handrail.canonical import digest, dumps
from handrail.clock import SECOND, iso
from handrail.errors import Forbidden, InvalidInput
from handrail.intake import proposal_from
from handrail.lifecycle import halt, policies
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.rows import CaseRow, ProposalRow
from handrail.policy.facts import Grant
from handrail.policy.growth import LIFTED
from handrail.route import SEVERITY, Route
from handrail.store import schema
from handrail.store.tx import Tx

USES = 20
MOST_SECONDS = 4 * 3600
LIFTS = ("confidence", "autonomy")
SPOT_CHECK_RATE = 0.05
# of these a person takes part in every one
TOGETHER = ("collaborate", "human_leads")


def offered(row: ProposalRow, route: Route, *, soft: bool) -> str | None:
    """Why this card offers approval of this action only; None: it may offer the run as well."""
    record = row.record()
    if soft:
        return "it was let through already, so nothing waits for an approval"
    if not row.run:
        return "it belongs to no run"
    if record.get("kind", "action") != "action" or "approve" not in route.verdicts:
        return "only an action can be approved for a run"
    if route.high_stakes or route.irreversible or route.always_review:
        return "a person looks at each of this kind"
    if route.autonomy in TOGETHER:
        return f"its autonomy is {route.autonomy}: a person takes part in each"
    return None


def refuse(tx: Tx, row: ProposalRow, case: CaseRow, route: Route, actor: Actor, body: dict[str, Any]) -> None:
    """Raise unless this person may approve this case for its run, and that would let something through.

    `Forbidden` for who may not; `InvalidInput` with the reason where the card offers this action only, and for more
    than `USES` uses or `MOST_SECONDS` seconds.
    """
    uses, seconds = body["uses"], body["seconds"]
    if not 1 <= uses <= USES or not 1 <= seconds <= MOST_SECONDS:
        raise InvalidInput(f"an approval for a run covers 1 to {USES} more uses and lasts 1 to {MOST_SECONDS} seconds")
    may = policies.in_force(tx, row.workspace).review_settings.approve_for_run
    if may == "nobody":
        raise Forbidden("the policy lets nobody approve for a whole run", remedy="Approve this action only.")
    if may == "lead" and not actor.roles & {"lead", "admin"}:
        raise Forbidden("approving for a whole run needs the role lead", remedy="Approve this action only.")
    remedy = "Approve this action only."
    why = offered(row, route, soft=case.soft)
    if why is not None:
        raise InvalidInput(f"this case cannot be approved for its run: {why}", remedy=remedy)
    if case.gold:
        return
    left = _unlifted(tx, row, _grant(tx, row, "trial", seconds))
    if left:
        raise InvalidInput(f"approving for the run would let nothing more through: {'; '.join(left)}", remedy=remedy)


def issue(tx: Tx, row: ProposalRow, by: Actor, body: dict[str, Any], given_at: int) -> str | None:
    """Issue the grant that an approval for the run asked for; None where things have changed since it was given."""
    record = row.record()
    if record.get("gold") is not None:
        return None
    agent, action, run = row.agent, row.action, row.run
    if halt.standing(tx, row.workspace, agent=agent, action=action, run=run):
        return None
    if halt.since(
        tx, row.workspace, given_at, case_id=row.case_id, entry="review.given", agent=agent, action=action, run=run
    ):
        return None
    made = _grant(tx, row, tx.new_id(), body["seconds"])
    if _unlifted(tx, row, made):
        return None
    data = dumps({
        "action": made.action, "expires": made.expires, "tier": made.tier, "when": None, "lifts": list(made.lifts),
        "reason": made.reason, "spot_check_rate": made.spot_check_rate, "run": made.run, "agent": made.agent,
        "principal": made.principal, "environment": made.environment, "amount": made.amount,
        "currency": made.currency,
    })  # fmt: skip
    tx.add(
        schema.grant, id=made.id, workspace=row.workspace, bytes=data, action=row.action, issued_by=by.pid,
        issued_at=tx.now, expires_at=made.expires, ended_at=None, run=row.run, agent=row.agent,
        uses_left=body["uses"],
    )  # fmt: skip
    named = {"id": made.id, "action": row.action, "expires": iso(made.expires), "run": row.run, "uses": body["uses"],
             "case": row.case_id, "digest": digest(data)}  # fmt: skip
    tx.entry(
        row.workspace, "grant.issued", by.entry(), grant=named if row.agent is None else named | {"agent": row.agent}
    )
    return made.id


def _grant(tx: Tx, row: ProposalRow, id: str, seconds: int) -> Grant:
    proposal = proposal_from(row.record())
    amount, currency = policies.money(policies.in_force(tx, row.workspace), proposal)
    return Grant(
        id=id, action=row.action, expires=tx.now + seconds * SECOND, lifts=LIFTS, spot_check_rate=SPOT_CHECK_RATE,
        reason=f"approved for run {row.run} with case {row.case_id}", run=row.run, agent=row.agent,
        principal=proposal.principal, environment=proposal.environment, amount=amount, currency=currency,
    )  # fmt: skip


def _unlifted(tx: Tx, row: ProposalRow, made: Grant) -> list[str]:
    """What would still ask for a person if the same came again under this grant; empty: nothing."""
    policy = policies.in_force(tx, row.workspace)
    proposal = proposal_from(row.record())
    found = policies.facts(tx, policy, row.workspace, proposal, but=row.case_id)
    route = policy.route(proposal, replace(found, grants=(made,)), now=tx.now, draw=1.0)
    if route.grant == made.id and route.tier == "auto_approve":
        return []
    if route.grant is None and route.irreversible:
        return ["the policy names no way to take this action back"]
    asking = [r for r in route.reasons if r.tier and SEVERITY[r.tier] > 0]
    held = [r.text for r in asking if not r.code.startswith(LIFTED)]
    return held or [r.text for r in asking] or ["the policy lets it through by itself now"]
