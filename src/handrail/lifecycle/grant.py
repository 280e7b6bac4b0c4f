"""Grants: permission, by name and for a time, for an action to go further by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from handrail.canonical import JSON, digest, dumps
from handrail.clock import SECOND, iso
from handrail.entry import need_name
from handrail.errors import InvalidInput, NotFound
from handrail.lifecycle import demotion, own_id, policies
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.policy.conditions import Condition, ConditionProblem
from handrail.policy.facts import Grant
from handrail.route import Tier
from handrail.store import schema, statements
from handrail.store.tx import Tx

LONGEST_SECONDS = 90 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Let an action go further for a while. It never lifts what is irreversible.

    `id`: the caller's own UUID for it, so that a repeated request issues one.
    """

    actor: Actor
    action: str
    seconds: int
    tier: str = "auto_approve"
    when: str | None = None
    lifts: tuple[str, ...] = ("confidence", "autonomy")
    reason: str = ""
    spot_check_rate: float = 0.05
    id: str | None = None


def issue(tx: Tx, command: Issue) -> str:
    """Issue a grant and return its id; needs a lead or an admin. Raises `InvalidInput` for more than 90 days."""
    if command.actor.kind == "person":
        command.actor.need_role("lead")
    else:
        command.actor.need_scope("admin")
    need_name("action", command.action)
    if not 0 < command.seconds <= LONGEST_SECONDS:
        raise InvalidInput(f"a grant lasts up to {LONGEST_SECONDS // 86400} days", remedy="Issue a shorter one.")
    if command.tier not in ("auto_approve", "soft_review"):
        raise InvalidInput(f"a grant lets through as auto_approve or soft_review, not {command.tier!r}")
    try:
        _ = None if command.when is None else Condition(command.when)
    except ConditionProblem as problem:
        raise InvalidInput(f"the condition cannot be read: {'; '.join(problem.mistakes)}") from None
    made = Grant(
        id=own_id.given_or_new(tx, command.id), action=command.action, expires=tx.now + command.seconds * SECOND,
        tier=cast(Tier, command.tier), when=command.when, lifts=command.lifts, reason=command.reason,
        spot_check_rate=command.spot_check_rate,
    )  # fmt: skip
    if command.id is not None:
        # after another writer that issues the same one
        tx.run(statements.workspace_own, workspace=command.actor.workspace)
        known = tx.one(statements.grant_get, id=made.id, workspace=command.actor.workspace)
        if known is not None:
            data, issued_by, issued_at = known
            then = replace(made, expires=issued_at + command.seconds * SECOND)
            if (issued_by, bytes(data)) != (command.actor.pid, _body(then)):
                raise own_id.taken("grant", made.id)
            return made.id
    return put(tx, command.actor, made)


def put(tx: Tx, actor: Actor, made: Grant, *, promotion: str | None = None) -> str:
    """Store a grant that somebody may give, and write it down; its id. `promotion`: the one it stands on."""
    body = _body(made)
    policies.grant_noun(made.id, body)
    row = {
        "id": made.id, "workspace": actor.workspace, "bytes": body, "action": made.action, "issued_by": actor.pid,
        "issued_at": tx.now, "expires_at": made.expires, "ended_at": None,
    }  # fmt: skip
    if not tx.add_unless_known(schema.grant, [row]):
        raise own_id.taken("grant", made.id)
    named = _named(made.id, made.action, made.expires, body)
    tx.entry(
        actor.workspace, "grant.issued", actor.entry(),
        grant=named if promotion is None else named | {"promotion": promotion},
    )  # fmt: skip
    return made.id


def tell_again(tx: Tx, workspace: str) -> None:
    """A new epoch of the log begins: the grants that were not ended are said in it too, with what is left of each."""
    for id, uses, action, expires, data in tx.run(statements.state_grants, workspace=workspace):
        made = policies.grant_noun(id, bytes(data))
        limits: dict[str, JSON] = {"run": made.run, "agent": made.agent, "uses": uses}
        known = {name: limit for name, limit in limits.items() if limit is not None}
        tx.entry(workspace, "grant.issued", SYSTEM.entry(), grant=_named(id, action, expires, bytes(data)) | known)


def _named(id: str, action: str, expires: int, body: bytes) -> dict[str, JSON]:
    """What an entry says of a grant that begins."""
    return {"id": id, "action": action, "expires": iso(expires), "digest": digest(body)}


def _body(made: Grant) -> bytes:
    return dumps({
        "action": made.action, "expires": made.expires, "tier": made.tier, "when": made.when,
        "lifts": list(made.lifts), "reason": made.reason, "spot_check_rate": made.spot_check_rate,
    })  # fmt: skip


def end(tx: Tx, command: tuple[Actor, str]) -> None:
    """End a grant before its time. Command: actor, grant id."""
    actor, id = command
    actor.need_scope("review" if actor.kind == "person" else "admin")
    ended = tx.one(statements.grant_end, id=id, workspace=actor.workspace, now=tx.now)
    if ended is None:
        raise NotFound(f"no live grant {id!r}")
    _tell_end(tx, actor, id, ended[0])
    demotion.end_of_grant(tx, actor.workspace, id, actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListGrants:
    """Ask what is granted now."""

    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A live grant, with what is left of it."""

    grant: Grant
    issued_by: str
    issued_at: int
    # further proposals it may let through; None: any number until it expires
    uses_left: int | None = None

    def to_json(self) -> dict[str, JSON]:
        """As it goes over the wire; what does not limit it is left out."""
        made: dict[str, JSON] = {
            "id": self.grant.id, "action": self.grant.action, "tier": self.grant.tier, "reason": self.grant.reason,
            "lifts": list(self.grant.lifts), "expires": iso(self.grant.expires), "issued_by": self.issued_by,
            "issued_at": iso(self.issued_at), "spot_check_rate": self.grant.spot_check_rate,
        }  # fmt: skip
        limits = {name: getattr(self.grant, name) for name in ("when", "run", "agent", "amount", "currency")}
        limits["uses_left"] = self.uses_left
        return made | {name: value for name, value in limits.items() if value is not None}


def listed(tx: Tx, command: ListGrants) -> list[Standing]:
    """The grants that can still let something through, oldest first. Grants in the policy file stand there."""
    command.actor.need_scope("read")
    return [standing_of(row) for row in tx.run(statements.grant_list, workspace=command.actor.workspace, now=tx.now)]


def standing_of(row: Sequence[Any]) -> Standing:
    """A row of `grant_list`."""
    id, data, issued_by, issued_at, uses_left = row
    return Standing(
        grant=policies.grant_noun(id, bytes(data)), issued_by=issued_by, issued_at=issued_at, uses_left=uses_left
    )


def use(tx: Tx, workspace: str, id: str) -> None:
    """Count one use of a grant whose uses are limited."""
    tx.run(statements.grant_use, id=id, workspace=workspace)


def end_halted(tx: Tx, actor: Actor, scope: str, value: str | None) -> None:
    """A halt ends every approval for a run that it covers: what stands still for a reason is asked about again."""
    for id, action, run, agent in tx.run(statements.grant_runs, workspace=actor.workspace, now=tx.now):
        if scope == "workspace" or value == {"run": run, "agent": agent, "action": action}[scope]:
            tx.run(statements.grant_end, id=id, workspace=actor.workspace, now=tx.now)
            _tell_end(tx, actor, id, action)


def _tell_end(tx: Tx, actor: Actor, id: str, action: str) -> None:
    tx.entry(actor.workspace, "grant.ended", actor.entry(), grant={"id": id, "action": action, "expires": iso(tx.now)})
