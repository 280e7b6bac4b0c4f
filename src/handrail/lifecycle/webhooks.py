"""Webhooks: where entries are announced. Setting one up, rotating its secret, and taking it down are entries too."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import get_args

from handrail.canonical import digest, dumps
from handrail.entry import EntryType
from handrail.errors import Conflict, InvalidInput, NotFound
from handrail.lifecycle.actor import Actor
from handrail.store import schema, statements
from handrail.store.tx import Tx

MOST = 50
TYPES = get_args(EntryType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Announce entries of these types (`*`: all) to an address that was checked."""

    actor: Actor
    url: str
    secret: str
    events: tuple[str, ...] = ("*",)


def register(tx: Tx, command: Register) -> str:
    """Add a webhook; what is written from now on goes there. Returns its id.

    Raises `InvalidInput` for a type that no entry ever has, and `Conflict` when there are too many.
    """
    command.actor.need_scope("admin")
    for event in command.events:
        if event != "*" and event not in TYPES:
            near = get_close_matches(event, TYPES, n=1) or ["decision.made"]
            raise InvalidInput(f"{event!r} is no entry type", remedy=f"Did you mean {near[0]}? `*` is all of them.")
    if len(tx.run(statements.webhook_live, workspace=command.actor.workspace)) >= MOST:
        raise Conflict(f"there are {MOST} webhooks already", remedy="Take one down first.")
    id = tx.new_id()
    events = "*" if "*" in command.events else ",".join(sorted(set(command.events)))
    tx.add(schema.webhook, id=id, workspace=command.actor.workspace, url=command.url, secret=command.secret,
           events=events, created_at=tx.now, disabled_at=None)  # fmt: skip
    _changed(tx, command.actor, "webhook_added", id, active=True, digest=told_where(command.url, events))
    return id


def told_where(url: str, events: str) -> str:
    """The digest by which the log knows what a webhook tells, and where."""
    return digest(dumps({"url": url, "events": events}))


def rotate(tx: Tx, command: tuple[Actor, str, str]) -> None:
    """Give a webhook a new secret; the one before signs beside it until the next one. Command: actor, id, secret."""
    actor, id, secret = command
    actor.need_scope("admin")
    found = tx.one(statements.webhook_get, id=id, workspace=actor.workspace)
    if found is None:
        raise NotFound(f"there is no webhook {id!r}")
    before = found[2].split(" ")[0]
    tx.run(statements.webhook_secret, id=id, secret=f"{secret} {before}")
    _changed(tx, actor, "webhook_secret_rotated", id, active=True)


def remove(tx: Tx, command: tuple[Actor, str]) -> None:
    """Take a webhook down; what still waits for it is dropped. Command: actor, id."""
    actor, id = command
    actor.need_scope("admin")
    if not tx.run(statements.webhook_end, id=id, workspace=actor.workspace, now=tx.now):
        raise NotFound(f"there is no webhook {id!r}")
    tx.run(statements.outbox_drop, webhook=id)
    _changed(tx, actor, "webhook_removed", id, active=False)


def _changed(tx: Tx, actor: Actor, what: str, id: str, *, active: bool, **more: str) -> None:
    tx.memo.pop(("webhooks", actor.workspace), None)
    tx.entry(actor.workspace, "access.changed", actor.entry(),
             access={"pid": f"webhook_{id}", "roles": [], "active": active, **more}, what=what)  # fmt: skip
