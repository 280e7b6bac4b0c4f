"""Workspaces: a tenant begins with a log of its own, a secret of its own, and a policy."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.audit.checkpoint import next_epoch, split_epoch
from handrail.audit.tree import Frontier
from handrail.errors import InvalidInput
from handrail.lifecycle import access, grant, halt, monitors, policies
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
    """Create the workspace, put its first policy in force; an existing one is left alone.

    Raises `InvalidInput` for a name by which its log would be taken for an epoch of another.
    """
    known = tx.one(statements.workspace_get, id=command.id)
    if known is not None:
        return Begun(log=known[1], created=False)
    if split_epoch(command.log)[0] != command.log:
        raise InvalidInput(
            f"a workspace cannot be called {command.id!r}: so ends the name of a log's later epoch",
            remedy="Choose a name that is not 'e' and a number.",
        )
    made = tx.add_unless_known(
        schema.workspace,
        [{"id": command.id, "log": command.log, "secret": command.secret, "frozen": False, "policy": None,
          "created_at": tx.now}],
    )  # fmt: skip
    if not made:
        # another process was first by a moment
        return Begun(log=tx.workspace(command.id).log, created=False)
    founder = Actor(kind="system", pid=SYSTEM.pid, workspace=command.id, scopes=ALL_SCOPES)
    policies.change(tx, (founder, command.policy_name, command.policy_text))
    return Begun(log=command.log, created=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """An older copy of the database was restored: what was signed last reaches further than the log."""

    workspace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """An operator has looked at a restored copy. `last` is what was signed last: (origin, size, root)."""

    actor: Actor
    last: tuple[str, int, bytes] | None = None


def freeze(tx: Tx, command: Freeze) -> bool:
    """Let nothing through by itself and start nothing; what was running is unknown. False if it was frozen already.

    The copy has forgotten what happened after it was made, so what it believes undone may be done.
    """
    if not tx.run(statements.workspace_freeze, workspace=command.workspace, frozen=True):
        return False
    tx.memo.pop(("workspace", command.workspace), None)
    for case_id, fence in tx.run(statements.execution_running, workspace=command.workspace):
        if tx.run(statements.execution_lose, case_id=case_id, fence=fence):
            tx.run(statements.timer_drop, kind="execution", subject=case_id)
            tx.entry(command.workspace, "execution.unknown", SYSTEM.entry(), case=(case_id, 1), fence=fence)
    tx.entry(
        command.workspace,
        "incident.flagged",
        SYSTEM.entry(),
        incident={"id": tx.new_id(), "code": "older_copy_restored"},
    )
    return True


def acknowledge_restore(tx: Tx, command: Acknowledge) -> str:
    """Go on after a restore; returns the log's origin.

    Where the old log cannot be extended honestly, a new epoch begins: a new origin, whose first entry
    names the last checkpoint of the old one, and what the restored copy of it holds.
    """
    actor = command.actor
    actor.need_scope("admin")
    tx.run(statements.workspace_freeze, workspace=actor.workspace, frozen=False)
    tx.memo.pop(("workspace", actor.workspace), None)
    space = tx.workspace(actor.workspace)
    if command.last is not None:
        origin, size, root = command.last
        kept = tx.run(statements.head_get, log=space.log)
        held = Frontier.from_bytes(bytes(kept[0][1])) if kept else Frontier()
        tx.run(statements.workspace_epoch, workspace=actor.workspace, log=next_epoch(space.log))
        tx.memo.pop(("workspace", actor.workspace), None)
        tx.entry(
            actor.workspace, "epoch.opened", actor.entry(), reason="older_copy_restored",
            epoch={"origin": origin, "size": size, "root": root.hex()},
            held={"size": held.size, "root": held.root().hex()},
        )  # fmt: skip
        policy = policies.in_force(tx, actor.workspace)
        tx.entry(
            actor.workspace, "policy.changed", actor.entry(), policy={"name": policy.name, "digest": policy.digest}
        )
        for told_again in (access.tell_again, halt.tell_again, grant.tell_again, monitors.tell_again):
            told_again(tx, actor.workspace)
    tx.entry(
        actor.workspace, "incident.flagged", actor.entry(), incident={"id": tx.new_id(), "code": "restore_acknowledged"}
    )
    return tx.workspace(actor.workspace).log
