"""Grants: permission, by name and for a time, for an action to go further by itself."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.canonical import dumps
from handrail.clock import SECOND, iso
from handrail.errors import InvalidInput, NotFound
from handrail.lifecycle import policies
from handrail.lifecycle.actor import Actor
from handrail.store import schema, statements
from handrail.store.tx import Tx

LONGEST_SECONDS = 90 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Let an action go further for a while. It never lifts what is irreversible."""

    actor: Actor
    action: str
    seconds: int
    tier: str = "auto_approve"
    when: str | None = None
    lifts: tuple[str, ...] = ("confidence", "autonomy")
    reason: str = ""
    spot_check_rate: float = 0.05


def issue(tx: Tx, command: Issue) -> str:
    """Issue a grant and return its id; needs a lead or an admin. Raises `InvalidInput` for more than 90 days."""
    if command.actor.kind == "person":
        command.actor.need_role("lead")
    else:
        command.actor.need_scope("admin")
    if not 0 < command.seconds <= LONGEST_SECONDS:
        raise InvalidInput(f"a grant lasts up to {LONGEST_SECONDS // 86400} days", remedy="Issue a shorter one.")
    id, expires = tx.new_id(), tx.now + command.seconds * SECOND
    body = dumps({
        "action": command.action, "expires": expires, "tier": command.tier, "when": command.when,
        "lifts": list(command.lifts), "reason": command.reason, "spot_check_rate": command.spot_check_rate,
    })  # fmt: skip
    policies.grant_noun(id, body)
    tx.add(schema.grant, id=id, workspace=command.actor.workspace, bytes=body, action=command.action,
           issued_by=command.actor.pid, issued_at=tx.now, expires_at=expires, ended_at=None)  # fmt: skip
    tx.entry(command.actor.workspace, "grant.issued", command.actor.entry(),
             grant={"id": id, "action": command.action, "expires": iso(expires)})  # fmt: skip
    return id


def end(tx: Tx, command: tuple[Actor, str]) -> None:
    """End a grant before its time. Command: actor, grant id."""
    actor, id = command
    actor.need_scope("review" if actor.kind == "person" else "admin")
    ended = tx.one(statements.grant_end, id=id, workspace=actor.workspace, now=tx.now)
    if ended is None:
        raise NotFound(f"no live grant {id!r}")
    tx.entry(
        actor.workspace, "grant.ended", actor.entry(), grant={"id": id, "action": ended[0], "expires": iso(tx.now)}
    )
