"""Access: people, keys and sessions. Secrets are stored as digests; a dump of the database holds none.

Slow hashing of passwords happens outside the writer: commands carry the finished hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from dataclasses import dataclass

from handrail.canonical import digest, dumps
from handrail.clock import SECOND
from handrail.entry import need_name
from handrail.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from handrail.lifecycle.actor import ALL_SCOPES, SYSTEM, Actor
from handrail.store import schema, statements
from handrail.store.tx import Row, Tx

SCOPES = ("submit", "execute", "review", "read", "admin")
SESSION_SECONDS = 12 * 3600
KEY_PREFIX = "hr_live_"
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,200}@[^@\s]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPerson:
    """Let somebody in. `password` is an Argon2id hash, or None for who signs in another way."""

    actor: Actor
    name: str
    email: str
    password: str | None
    roles: tuple[str, ...] = ("reviewer",)
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePerson:
    """Change what somebody may do; None leaves a field as it is."""

    actor: Actor
    id: str
    roles: tuple[str, ...] | None = None
    skills: tuple[str, ...] | None = None
    active: bool | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeKey:
    """Issue an API key. `secret_digest` is the SHA-256 of its secret; `person` makes it a personal one."""

    actor: Actor
    id: str
    name: str
    secret_digest: str
    scopes: tuple[str, ...]
    agent: str | None = None
    person: str | None = None
    lifetime_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Open a session for a person whose password was checked. Tokens travel as digests."""

    person: str
    token_digest: str
    csrf: str


def add_person(tx: Tx, command: AddPerson) -> str:
    """Add a person and return the id, which is also the pseudonym in the log. Raises `Conflict` for a known e-mail."""
    command.actor.need_scope("admin")
    if not command.name.strip() or len(command.name) > 200 or not command.name.isprintable():
        raise InvalidInput("name must be 1 to 200 printable characters")
    if not _EMAIL.fullmatch(command.email):
        raise InvalidInput(f"{command.email!r} is not an e-mail address")
    _check_names("role", command.roles)
    _check_names("skill", command.skills)
    id = "p_" + base64.b32encode(os.urandom(10)).decode().lower().rstrip("=")
    added = tx.add_unless_known(
        schema.person,
        [{"id": id, "workspace": command.actor.workspace, "name": command.name, "email": command.email.casefold(),
          "password": command.password, "roles": ",".join(sorted(set(command.roles))),
          "skills": ",".join(sorted(set(command.skills))), "active": True, "created_at": tx.now}],
    )  # fmt: skip
    if not added:
        raise Conflict(f"{command.email} is already known here")
    _changed(tx, command.actor, "person_added", id, sorted(set(command.roles)))  # fmt: skip
    return id


def change_person(tx: Tx, command: ChangePerson) -> None:
    """Change roles, skills or standing; whoever is removed loses sessions, and answers not yet in effect are void."""
    command.actor.need_scope("admin")
    found = tx.one(statements.person_lock, id=command.id, workspace=command.actor.workspace)
    if found is None:
        raise NotFound(f"there is no person {command.id!r}")
    _check_names("role", command.roles or ())
    _check_names("skill", command.skills or ())
    roles = found[0] if command.roles is None else ",".join(sorted(set(command.roles)))
    skills = found[1] if command.skills is None else ",".join(sorted(set(command.skills)))
    active = bool(found[2]) if command.active is None else command.active
    tx.run(statements.person_change, id=command.id, roles=roles, skills=skills, active=active,
           password=command.password if command.password is not None else found[3])  # fmt: skip
    if not active or command.password is not None or roles != found[0]:
        tx.run(statements.session_end_all, person=command.id)
    if not active or not set(found[0].split(",")) <= set(roles.split(",")):
        pending = tx.run(
            statements.review_of_person, workspace=command.actor.workspace, reviewer=command.id, now=tx.now
        )
        for case_id in sorted({row[1] for row in pending}):
            # nobody decides by an answer that is being taken out
            tx.run(statements.proposal_lock, workspace=command.actor.workspace, case_id=case_id)
        for review, case_id, revision in tx.run(statements.review_void_person, reviewer=command.id, now=tx.now):
            tx.entry(
                command.actor.workspace, "review.voided", command.actor.entry(), case=(case_id, revision), review=review
            )
    _changed(tx, command.actor, "person_changed", command.id, roles.split(",") if roles else [], active=active)


def make_key(tx: Tx, command: MakeKey) -> None:
    """Store a key's digest and what it may do."""
    command.actor.need_scope("admin")
    unknown = sorted(set(command.scopes) - set(SCOPES))
    if unknown or not command.scopes:
        raise InvalidInput(
            f"unknown scopes {unknown}" if unknown else "a key needs a scope", remedy=f"Scopes: {', '.join(SCOPES)}."
        )
    if command.agent is not None:
        need_name("agent", command.agent)
    expires = None if command.lifetime_seconds is None else tx.now + command.lifetime_seconds * SECOND
    scopes = sorted(set(command.scopes))
    tx.add(
        schema.api_key, id=command.id, workspace=command.actor.workspace, name=command.name,
        secret=command.secret_digest,
        scopes=",".join(scopes), agent=command.agent, person=command.person, created_at=tx.now,
        expires_at=expires, revoked_at=None,
    )  # fmt: skip
    whose = whose_key(command.secret_digest, command.agent, command.person, expires)
    _changed(tx, command.actor, "key_made", "key_" + command.id, [], scopes=scopes, whose=whose)


def whose_key(secret: str, agent: str | None, person: str | None, expires_at: int | None) -> str:
    """The digest by which the log knows a key's secret, for whom it speaks, and until when."""
    return digest(dumps({"secret": secret, "agent": agent, "person": person, "expires_at": expires_at}))


def revoke_key(tx: Tx, command: tuple[Actor, str]) -> None:
    """End a key at once. Command: actor, key id."""
    actor, id = command
    actor.need_scope("admin")
    if not tx.run(statements.key_revoke, id=id, workspace=actor.workspace, now=tx.now):
        raise NotFound(f"no live key {id!r}")
    _changed(tx, actor, "key_revoked", "key_" + id, [], active=False)


def sign_in(tx: Tx, command: SignIn) -> None:
    """Open a session; old ones of the same person go on."""
    tx.add(schema.session, token=command.token_digest, person=command.person, csrf=command.csrf, signed_in_at=tx.now,
           expires_at=tx.now + SESSION_SECONDS * SECOND)  # fmt: skip


def sign_out(tx: Tx, token_digest: str) -> None:
    """End a session."""
    tx.run(statements.session_end, token=token_digest)


# --- reading who somebody is: pure over rows that the caller fetched ------------------------------


def new_key(secret: bytes | None = None) -> tuple[str, str, str]:
    """A fresh key: its id, the whole text to hand over once, and the digest to store.

    The text is `hr_live_<id>_<secret>` with 256 bits of secret and a checksum that scanners can test.
    """
    id = os.urandom(6).hex()
    body = (secret or os.urandom(32)).hex()
    check = hashlib.sha256(f"{id}_{body}".encode()).hexdigest()[:6]
    return id, f"{KEY_PREFIX}{id}_{body}{check}", token_digest(body)


def split_key(text: str) -> tuple[str, str]:
    """Key id and digest of the secret. Raises `Unauthenticated` for anything that is no key of ours."""
    match = re.fullmatch(rf"{KEY_PREFIX}([0-9a-f]{{12}})_([0-9a-f]{{64}})([0-9a-f]{{6}})", text, re.ASCII)
    if match is None or hashlib.sha256(f"{match[1]}_{match[2]}".encode()).hexdigest()[:6] != match[3]:
        raise Unauthenticated("that is not an API key")
    return match[1], token_digest(match[2])


def token_digest(text: str) -> str:
    """How secrets of 256 bits are stored: SHA-256, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def key_actor(row: Row | None, secret_digest: str, now: int, person: Row | None = None) -> Actor:
    """The actor behind a key's row (`key_get`). Raises `Unauthenticated` for a wrong, expired or revoked one."""
    if row is None or not hmac.compare_digest(row[2], secret_digest):
        raise Unauthenticated("unknown API key")
    id, workspace, _, scopes, agent, _, expires, revoked = row
    if revoked is not None or (expires is not None and expires <= now):
        raise Unauthenticated("this API key is expired or revoked", remedy="Ask for a new one.")
    if person is not None:
        made = person_actor(person, auth="key")
        return Actor(kind="person", pid=made.pid, workspace=made.workspace, name=made.name, email=made.email,
                     roles=made.roles, skills=made.skills, auth="key",
                     scopes=made.scopes & frozenset(scopes.split(",")))  # fmt: skip
    return Actor(kind="agent", pid=agent or f"key_{id}", name=agent or "", workspace=workspace,
                 scopes=frozenset(scopes.split(",")), auth="key")  # fmt: skip


def person_actor(row: Row, *, auth: str) -> Actor:
    """The actor behind a person's row (`person_get`). Raises `Unauthenticated` for who was removed."""
    id, workspace, name, email, roles, skills, active = row
    if not active:
        raise Unauthenticated("this account is closed")
    held = frozenset(part for part in roles.split(",") if part)
    scopes = {"read"}
    if held & {"reviewer", "lead", "admin"} or held - {"auditor", "reviewer", "lead", "admin"}:
        scopes.add("review")
    if "admin" in held:
        scopes |= ALL_SCOPES
    return Actor(kind="person", pid=id, workspace=workspace, name=name, email=email, roles=held,
                 skills=frozenset(part for part in skills.split(",") if part), scopes=frozenset(scopes),
                 auth=auth)  # fmt: skip


def tell_again(tx: Tx, workspace: str) -> None:
    """A new epoch of the log begins: who may do what is said in it too."""
    for id, roles, active in tx.run(statements.state_people, workspace=workspace):
        access = {"pid": id, "roles": roles.split(",") if roles else [], "active": bool(active)}
        tx.entry(workspace, "access.changed", SYSTEM.entry(), access=access, what="person_known")


def _changed(
    tx: Tx, actor: Actor, what: str, pid: str, roles: list[str], *, active: bool | None = None,
    scopes: list[str] | None = None, whose: str | None = None,
) -> None:  # fmt: skip
    access = {"pid": pid, "roles": roles} | ({} if active is None else {"active": active})
    access |= {} if whose is None else {"digest": whose}
    tx.entry(actor.workspace, "access.changed", actor.entry(), access=access, what=what, scopes=scopes)


def _check_names(what: str, names: tuple[str, ...]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise InvalidInput(f"{what} {name!r} must be lower-case letters, digits, dots, dashes; at most 64")
