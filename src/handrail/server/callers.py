"""Who calls: an API key, or a person's session with its CSRF token. Everything else is refused."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import Request

from handrail.errors import Forbidden, NotFound, Unauthenticated
from handrail.lifecycle import access
from handrail.lifecycle.actor import Actor, bound_to
from handrail.lifecycle.rows import ProposalRow
from handrail.server.desk import Desk, desk_of
from handrail.store import statements

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person, with what proves that a request came from our own pages."""

    actor: Actor
    csrf: str
    # digest of the cookie
    token: str


async def actor_of(request: Request) -> Actor:
    """Whoever calls. Raises `Unauthenticated`, `Forbidden` (CSRF) or `TooMany`."""
    desk = desk_of(request)
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return await key_actor(desk, authorization)
    session = await session_of(request)
    if request.method not in SAFE:
        refuse_cross_site(desk, request)
        refuse_without_token(session, request.headers.get("x-csrf-token", ""))
    return session.actor


Caller = Annotated[Actor, Depends(actor_of)]


async def key_actor(desk: Desk, authorization: str) -> Actor:
    """The actor of `Bearer hr_live_…`. Looked up at most every five seconds."""
    text = authorization[7:] if authorization[:7].lower() == "bearer " else ""
    known = desk.keys.get(text)
    if known is None:
        id, digest = access.split_key(text)
        known = await desk.look(_find_key, desk, id, digest)
        desk.keys.put(text, known)
    desk.rate.take(known.pid, "requests")
    return known


def _find_key(desk: Desk, id: str, digest: str) -> Actor:
    store = desk.plane.store
    rows = store.read_hot(statements.key_get, id=id)
    row = rows[0] if rows else None
    person = None
    if row is not None and row[5] is not None:
        found = store.read_hot(statements.person_get, id=row[5])
        if not found:
            raise Unauthenticated("the person behind this key is gone")
        person = found[0]
    return access.key_actor(row, digest, desk.now(), person)


async def session_of(request: Request) -> Session:
    """The session of the cookie. Raises `Unauthenticated`."""
    desk = desk_of(request)
    cookie = request.cookies.get(desk.settings.cookie)
    if not cookie:
        raise Unauthenticated()
    session = await desk.look(_find_session, desk, access.token_digest(cookie))
    desk.rate.take(session.actor.pid, "requests")
    return session


def _find_session(desk: Desk, token: str) -> Session:
    found = desk.plane.store.read_hot(statements.session_get, token=token)
    if not found or found[0][3] <= desk.now():
        raise Unauthenticated("the session is over", remedy="Sign in again.")
    person = desk.plane.store.read_hot(statements.person_get, id=found[0][0])
    if not person:
        raise Unauthenticated("the session is over", remedy="Sign in again.")
    return Session(access.person_actor(person[0], auth="password"), found[0][1], token)


def refuse_cross_site(desk: Desk, request: Request) -> None:
    """Raise `Forbidden` for a request that a page of another origin made."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden("this request comes from another site", remedy="Use our own pages, or an API key.")
    origin = request.headers.get("origin")
    if origin is not None and not _ours(desk, request, origin):
        raise Forbidden(
            "this request comes from another origin", remedy="Set HANDRAIL_ORIGIN if a proxy changes the host."
        )


def _ours(desk: Desk, request: Request, origin: str) -> bool:
    if desk.settings.origin is not None:
        return origin == desk.settings.origin.rstrip("/")
    parts = urlsplit(origin)
    scheme = "https" if desk.settings.secure else "http"
    return parts.scheme == scheme and parts.netloc == request.headers.get("host", "")


def refuse_without_token(session: Session, token: str) -> None:
    """Raise `Forbidden` unless the CSRF token is the session's."""
    if not hmac.compare_digest(token.encode(), session.csrf.encode()):
        raise Forbidden("the CSRF token is missing or wrong", remedy="Send X-CSRF-Token from GET /v1/session.")


# --- what somebody may see ------------------------------------------------------------------------


def need_any_scope(actor: Actor, *scopes: str) -> None:
    """Raise `Forbidden` unless the actor holds one of these scopes."""
    if "admin" not in actor.scopes and not actor.scopes.intersection(scopes):
        actor.need_scope(scopes[0])


def need_reviewer(actor: Actor) -> None:
    """Raise `Forbidden` for who is no person, or a person who does not review."""
    actor.need_scope("review")
    if actor.kind != "person":
        raise Forbidden("only people review", remedy="Sign in as a person; an agent's key cannot answer.")


def need_auditor(actor: Actor) -> None:
    """Raise `Forbidden` for who may not read whole entries: people need a role, keys the admin scope."""
    if actor.kind == "person":
        actor.need_role("auditor")
    else:
        actor.need_scope("admin")


def need_lead(actor: Actor, *roles: str) -> None:
    """Raise `Forbidden` for people without one of these roles; keys pass by their scope."""
    if actor.kind == "person":
        actor.need_role("lead", *roles)


def own(actor: Actor, row: ProposalRow) -> ProposalRow:
    """The row, if this actor may see it; an agent's key sees its own agent's only. Raises `NotFound`."""
    if bound_to(actor) not in (None, row.agent):
        raise NotFound(f"there is no case {row.case_id!r} in this workspace")
    return row
