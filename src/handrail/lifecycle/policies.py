"""The policy in force, and the facts a route may rest on."""

from __future__ import annotations

import threading

from handrail.canonical import JSON, digest, parse
from handrail.clock import SECOND
from handrail.entry import need_name
from handrail.errors import InvalidPolicy, NotExecutable, NotFound
from handrail.intake import proposal_from
from handrail.lifecycle import asking, rows, watching
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.rows import ProposalRow
from handrail.policy.evaluate import Policy, compile_text
from handrail.policy.facts import NO_FACTS, Facts, Grant, Usage
from handrail.proposal import Proposal
from handrail.store import schema, statements
from handrail.store.tx import Staged, Tx

_compiled: dict[str, Policy] = {}
_guard = threading.Lock()


def compiled(text: str, name: str = "policy", *, source: str | None = None) -> Policy:
    """A policy ready to route, made once per text and process. `source` is the file's name for messages."""
    key = digest(text.encode())
    known = _compiled.get(key)
    if known is None:
        known = compile_text(text, name=name, source=source)
        with _guard:
            _compiled[key] = known
    return known


def in_force(tx: Tx, workspace: str) -> Policy:
    """The policy that routes this workspace's proposals now."""
    space = tx.workspace(workspace)
    if space.policy is None:
        raise NotFound(f"workspace {workspace!r} has no policy", remedy="Put one in force first.")
    return by_digest(tx, workspace, space.policy)


def by_digest(tx: Tx, workspace: str, key: str) -> Policy:
    """A policy by the digest of its text; every version ever in force is kept.

    Raises `InvalidPolicy` for a text that somebody altered in the database: nothing is routed by it.
    """
    known = _compiled.get(key)
    if known is None:
        row = tx.one(statements.policy_get, workspace=workspace, digest=key)
        if row is None:
            raise NotFound(f"policy {key[:12]} is not in this workspace")
        if digest(row[0].encode()) != key:
            raise InvalidPolicy(
                f"the stored text of policy {key[:12]} is not the one that was put in force: the database was altered",
                remedy="Run `handrail audit reconcile`, find out who did it, and put the text in force again.",
            )
        known = compiled(row[0], row[1])
    return known


def change(tx: Tx, command: tuple[Actor, str, str]) -> tuple[str, Staged | None]:
    """Put a policy text in force. Command: actor, name, text. Returns its digest and the entry (None: no change).

    Raises `InvalidPolicy`. Cases already routed keep the digest that routed them.
    """
    actor, name, text = command
    actor.need_scope("admin")
    policy = compiled(text, name)
    key = digest(text.encode())
    # a name that the file gives itself wins, here as in every route
    name = policy.name
    need_name("the policy's name", name)
    if policy.digest != key:
        raise InvalidPolicy("the policy's digest is not that of its text")
    space = tx.workspace(actor.workspace)
    if space.policy == key:
        return key, None
    tx.add_unless_known(
        schema.policy_version,
        [{"workspace": actor.workspace, "digest": key, "name": name, "text": text,
          "created_by": actor.pid, "created_at": tx.now}],
    )  # fmt: skip
    tx.run(statements.workspace_policy, workspace=actor.workspace, digest=key)
    tx.memo.pop(("workspace", actor.workspace), None)
    return key, tx.entry(actor.workspace, "policy.changed", actor.entry(), policy={"name": name, "digest": key})


def facts(tx: Tx, policy: Policy, workspace: str, proposal: Proposal, *, but: str = "") -> Facts:
    """Fetch just the sums, counts and grants this policy asks about for this proposal, and the value of asking.

    `but`: a case that is looked at again, and does not count beside itself.
    """
    needs = policy.needs(proposal)
    watched = watching.said_of(tx, policy, workspace, proposal)
    if not needs:
        return NO_FACTS if watched is None else Facts(watched=watched)
    usages = {}
    if needs.windows:
        _own_sums(tx, workspace)
    for window in needs.windows:
        found = tx.run(
            statements.usage_since,
            workspace=workspace, subject=window.subject, since=tx.now - window.seconds * SECOND, but=but,
        )  # fmt: skip
        usages[window] = tuple(Usage(at=r[0], amount=r[1], currency=r[2], asked=r[3]) for r in found)
    grants = _live_grants(tx, workspace, proposal) if needs.grants else ()
    if not needs.asking:
        return Facts(usages=usages, grants=grants, watched=watched)
    watch = watching.of(tx, workspace)
    scarcity = watching.scarcity_of(watch, policy.document.capacity, tx.now, proposal.agent)
    worth = asking.asking(tx, policy, workspace, proposal)
    return Facts(usages=usages, grants=grants, asking=worth, watched=watched, scarcity=scarcity)


def _live_grants(tx: Tx, workspace: str, proposal: Proposal) -> tuple[Grant, ...]:
    wanted = {"workspace": workspace, "action": proposal.action, "now": tx.now}
    issued = tx.run(statements.grant_live, **wanted)
    if any(row[2] is not None for row in issued):
        # its uses are counted: one at a time, and what others used meanwhile is seen
        _own_sums(tx, workspace)
        issued = tx.run(statements.grant_live, **wanted)
    return tuple(grant_noun(row[0], bytes(row[1])) for row in issued)


def _own_sums(tx: Tx, workspace: str) -> None:
    if ("usage", workspace) not in tx.memo:
        tx.memo["usage", workspace] = tx.run(statements.usage_own, workspace=workspace)


def grant_noun(id: str, data: bytes) -> Grant:
    """A stored grant as the router reads it."""
    body = parse(data)
    return Grant(id=id, **(body | {"lifts": tuple(body["lifts"])}))


def money(policy: Policy, proposal: Proposal) -> tuple[str | None, str | None]:
    """Amount as a decimal string and its currency, for the sums that later proposals are held to."""
    found = policy.money(proposal)
    return (None if found.value is None else str(found.value)), found.currency


def count_edited(tx: Tx, row: ProposalRow, record: dict[str, JSON]) -> None:
    """Later proposals are held to what a person made of this one. An amount nobody knows leaves the last one known."""
    policy = by_digest(tx, row.workspace, row.policy)
    proposal = proposal_from(record)
    subjects = policy.subjects(proposal)
    amount, currency = money(policy, proposal)
    if amount is None:
        return
    for subject in subjects:
        tx.run(
            statements.usage_edit, workspace=row.workspace, subject=subject, at=row.submitted_at, case_id=row.case_id,
            amount=amount, currency=currency,
        )  # fmt: skip


def refuse_if_tightened(tx: Tx, row: ProposalRow) -> None:
    """The tighter of two policies wins when a case is looked at again: the one that routed it and the one in force.

    Raises `NotExecutable` when the one in force denies it, or would ask a person about what nobody looked at.
    """
    now_in_force = in_force(tx, row.workspace)
    if now_in_force.digest == row.policy or row.undoes is not None:
        return
    proposal = proposal_from(row.record())
    found = facts(tx, now_in_force, row.workspace, proposal, but=row.case_id)
    route = now_in_force.route(proposal, found, now=tx.now, draw=1.0)
    looked_at = row.tier == "hard_gate"
    looked = rows.route_noun(row.route).reviewers if looked_at else 0
    if route.tier == "deny" or (route.tier == "hard_gate" and max(1, route.reviewers) > looked):
        raise NotExecutable(
            f"the policy was tightened since case {row.case_id} was let through; it now says {route.tier}"
            + (f" by {route.reviewers} people" if route.reviewers > 1 else ""),
            remedy="Submit it again, so that the policy in force can judge it.",
        )
