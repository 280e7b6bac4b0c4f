"""Halt: a switch over an agent, an action, a run or the whole workspace.

While it stands nothing of its kind is let through and nothing starts. What was approved before the
switch was set stays dead after it is lifted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handrail.canonical import JSON, parse
from handrail.clock import from_iso
from handrail.entry import EntryType, need_name
from handrail.errors import InvalidInput, NotFound
from handrail.lifecycle import grant, own_id
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.store import schema, statements
from handrail.store.tx import CLOCK_TOLERANCE, Look, Tx

Scope = Literal["agent", "action", "run", "workspace"]
SCOPES: tuple[Scope, ...] = ("agent", "action", "run", "workspace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Set a switch. `value` names the agent, action or run; nothing for the workspace.

    `id`: the caller's own UUID for it, so that a repeated request sets one.
    """

    actor: Actor
    scope: Scope
    value: str | None = None
    reason: str = ""
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """Lift a switch."""

    actor: Actor
    id: str


def set_halt(tx: Tx, command: Halt) -> str:
    """Set the switch and return its id. Anybody who may submit or review may stop things.

    Approvals for a run that it covers end, and workers are not offered any more what was approved before it.
    """
    if command.scope not in SCOPES:
        raise InvalidInput(f"scope {command.scope!r} is none of {', '.join(SCOPES)}")
    if (command.scope == "workspace") != (command.value is None):
        raise InvalidInput("name the agent, action or run to halt; give no value for the workspace")
    if command.value is not None:
        need_name("value", command.value)
    # after every start that looked before this, and before every one that will
    tx.run(statements.workspace_own, workspace=command.actor.workspace)
    id = own_id.given_or_new(tx, command.id)
    if command.id is not None and (known := tx.one(statements.halt_get, id=id, workspace=command.actor.workspace)):
        if tuple(known[:4]) != (command.scope, command.value, command.reason, command.actor.pid):
            raise own_id.taken("halt", id)
        return id
    # a clock that was set back puts no halt before what was approved already; a larger step is in the log (`since`)
    head = tx.one(statements.head_last_at, log=tx.workspace(command.actor.workspace).log)
    set_at = tx.now if head is None or tx.now < head[0] - CLOCK_TOLERANCE else max(tx.now, head[0])
    row = {
        "id": id, "workspace": command.actor.workspace, "scope": command.scope, "value": command.value,
        "reason": command.reason, "set_by": command.actor.pid, "set_at": set_at, "lifted_by": None, "lifted_at": None,
    }  # fmt: skip
    if not tx.add_unless_known(schema.halt, [row]):
        raise own_id.taken("halt", id)
    _forget(tx, command.actor.workspace)
    tx.entry(command.actor.workspace, "halt.set", command.actor.entry(), halt=_named(id, command.scope, command.value))
    grant.end_halted(tx, command.actor, command.scope, command.value)
    tx.run(
        statements.handoff_kill, workspace=command.actor.workspace, scope=command.scope, value=command.value,
        set_at=set_at,
    )  # fmt: skip
    return id


def tell_again(tx: Tx, workspace: str) -> None:
    """A new epoch of the log begins: the switches that stand are said in it too."""
    for id, scope, value, _ in tx.run(statements.halt_live, workspace=workspace):
        tx.entry(workspace, "halt.set", SYSTEM.entry(), halt=_named(id, scope, value))


def lift_halt(tx: Tx, command: Lift) -> None:
    """Lift the switch; needs a lead or an admin. Raises `NotFound` if it does not stand."""
    if command.actor.kind == "person":
        command.actor.need_role("lead")
    else:
        command.actor.need_scope("admin")
    row = tx.one(
        statements.halt_lift, id=command.id, workspace=command.actor.workspace, by=command.actor.pid, now=tx.now
    )
    if row is None:
        raise NotFound(f"no halt {command.id!r} stands")
    _forget(tx, command.actor.workspace)
    tx.entry(command.actor.workspace, "halt.lifted", command.actor.entry(), halt=_named(command.id, row[0], row[1]))


def looks(workspace: str) -> list[Look]:
    """What `standing` reads."""
    return [Look(statements.workspace_share, workspace), Look(statements.halt_live, workspace)]


def standing(tx: Tx, workspace: str, *, agent: str | None, action: str, run: str | None) -> str | None:
    """The reason of a live switch over this proposal, or None."""
    key = ("halts", workspace)
    if key not in tx.memo:
        # nobody sets a switch between this look and the commit
        tx.run(statements.workspace_share, workspace=workspace)
        tx.memo[key] = tx.run(statements.halt_live, workspace=workspace)
    for _, scope, value, reason in tx.memo[key]:
        if covers(scope, value, agent, action, run):
            return reason or f"{scope} {value or ''} is halted".replace("  ", " ")
    return None


def since(
    tx: Tx, workspace: str, moment: int, *, case_id: str, entry: EntryType, agent: str | None, action: str,
    run: str | None,
) -> str | None:  # fmt: skip
    """The reason of any switch over this proposal set since `moment`, lifted or not, or None.

    At that moment the case got its entry of this type. If the clock was set back since, every switch counts that
    carries a time which came twice.
    """
    key = ("halts since", workspace)
    log = tx.workspace(workspace).log
    known = tx.memo.get(key)
    if known is None or known[0] > moment:
        known = tx.memo[key] = (moment, tx.run(statements.halt_since, workspace=workspace, moment=moment, log=log))
    found = [switch for switch in known[1] if covers(switch[1], switch[2], agent, action, run)]
    if any(switch[0] < moment for switch in found):
        jumps = tx.run(statements.jumps_since, case_id=case_id, type=entry, log=log)
        # other writers' time may differ by the tolerance
        moment = min([moment, *(from_iso(parse(bytes(jump[0]))["at"]) - CLOCK_TOLERANCE for jump in jumps)])
    for set_at, scope, value, reason in found:
        if set_at >= moment:
            return reason or f"{scope} {value or ''} was halted".replace("  ", " ")
    return None


def covers(scope: str, value: str | None, agent: str | None, action: str, run: str | None) -> bool:
    """Whether a switch is over what this agent wants to do in this run."""
    return scope == "workspace" or value == {"agent": agent, "action": action, "run": run}[scope]


def _named(id: str, scope: str, value: str | None) -> dict[str, JSON]:
    return {"id": id, "scope": scope} | ({} if value is None else {"value": value})


def _forget(tx: Tx, workspace: str) -> None:
    tx.memo.pop(("halts", workspace), None)
    tx.memo.pop(("halts since", workspace), None)
