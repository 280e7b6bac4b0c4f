"""Workspaces: a tenant begins with a log of its own, a secret of its own, and a policy."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.lifecycle import policies
from handrail.lifecycle.actor import ALL_SCOPES, SYSTEM, Actor
from handrail.store import schema, statements
from handrail.store.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Create a workspace if there is none of that name."""

    id: str
    # origin of its audit log
    log: str
    secret: bytes
    policy_name: str
    policy_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The workspace as it is, and whether it was made now."""

    log: str
    created: bool


def begin(tx: Tx, command: Begin) -> Begun:
    """Create the workspace, put its first policy in force; an existing one is left alone."""
    known = tx.one(statements.workspace_get, id=command.id)
    if known is not None:
        return Begun(log=known[1], created=False)
    tx.add_unless_known(
        schema.workspace,
        [{"id": command.id, "log": command.log, "secret": command.secret, "frozen": False, "policy": None,
          "created_at": tx.now}],
    )  # fmt: skip
    founder = Actor(kind="system", pid=SYSTEM.pid, workspace=command.id, scopes=ALL_SCOPES)
    policies.change(tx, (founder, command.policy_name, command.policy_text))
    return Begun(log=command.log, created=True)


def acknowledge_restore(tx: Tx, actor: Actor) -> None:
    """An operator has looked at a restored copy: nothing is frozen any more."""
    actor.need_scope("admin")
    tx.run(statements.workspace_freeze, workspace=actor.workspace, frozen=False)
    tx.memo.pop(("workspace", actor.workspace), None)
    tx.entry(
        actor.workspace, "incident.flagged", actor.entry(), incident={"id": tx.new_id(), "code": "restore_acknowledged"}
    )
