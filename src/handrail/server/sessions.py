"""Signing in and out. A password is checked in a thread; what failed is never said in detail."""

from __future__ import annotations

import logging
import secrets

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from handrail.canonical import JSON
from handrail.errors import Unauthenticated
from handrail.lifecycle import access
from handrail.lifecycle.actor import Actor
from handrail.server.bodies import SignInBody
from handrail.server.callers import Session, refuse_cross_site, refuse_without_token, session_of
from handrail.server.desk import Desk, desk_of
from handrail.server.problems import printable
from handrail.server.reading import StrictRoute
from handrail.store import statements
from handrail.store.tx import Row

router = APIRouter(prefix="/v1/session", tags=["session"], route_class=StrictRoute)
log = logging.getLogger("handrail.access")

WRONG = "e-mail or password is wrong"


@router.get("")
async def show(request: Request) -> dict[str, JSON]:
    """Who is signed in, and the CSRF token that every change must carry."""
    session = await session_of(request)
    return session_to_json(session)


@router.post("")
async def sign_in(request: Request, body: SignInBody) -> Response:
    """Sign in with e-mail and password; sets the session cookie."""
    desk = desk_of(request)
    refuse_cross_site(desk, request)
    person = await check_password(
        desk, request, body.email, body.password, workspace=body.workspace or desk.settings.workspace
    )
    session, cookie = await open_session(desk, request, access.person_actor(person[:7], auth="password"))
    answer = JSONResponse(session_to_json(session))
    set_cookie(desk, answer, cookie)
    return answer


@router.delete("", status_code=204)
async def sign_out(request: Request) -> Response:
    """Sign out; the session ends on the server."""
    desk = desk_of(request)
    session = await session_of(request)
    refuse_cross_site(desk, request)
    refuse_without_token(session, request.headers.get("x-csrf-token", ""))
    await desk.plane.arun(access.sign_out, session.token)
    answer = Response(status_code=204)
    drop_cookie(desk, answer)
    return answer


def session_to_json(session: Session) -> dict[str, JSON]:
    """A session as pages see it."""
    actor = session.actor
    return {
        "person": {
            "id": actor.pid, "name": actor.name, "roles": sorted(actor.roles), "skills": sorted(actor.skills),
            "workspace": actor.workspace,
        },
        "csrf": session.csrf,
    }  # fmt: skip


async def check_password(desk: Desk, request: Request, email: str, password: str, *, workspace: str) -> Row:
    """The person's row. Raises `Unauthenticated`, or `TooMany` after too many guesses from one address."""
    address = request.client.host if request.client is not None else "nowhere"
    name = f"{address}\0{workspace}\0{email.casefold()[:256]}"
    desk.guesses.refuse_over(name, "attempts to sign in")
    desk.address_guesses.refuse_over(address, "attempts to sign in")
    found = await desk.look(
        desk.plane.store.read_hot, statements.person_by_email, workspace=workspace, email=email.casefold()
    )
    stored = found[0][7] if found else None
    right = await desk.passwords.fits(password, stored)
    if not right or not found[0][6]:
        desk.guesses.add(name)
        desk.address_guesses.add(address)
        log.warning("sign-in refused for %s from %s", printable(email)[:80], address)
        raise Unauthenticated(WRONG, remedy="Check both; after several attempts you must wait.")
    desk.guesses.forget(name)
    return found[0]


async def open_session(desk: Desk, request: Request, actor: Actor) -> tuple[Session, str]:
    """A fresh session and its cookie; the one that the browser brought ends, so that none can be planted."""
    brought = request.cookies.get(desk.settings.cookie)
    if brought:
        await desk.plane.arun(access.sign_out, access.token_digest(brought))
    cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    token = access.token_digest(cookie)
    await desk.plane.arun(access.sign_in, access.SignIn(person=actor.pid, token_digest=token, csrf=csrf))
    return Session(actor, csrf, token), cookie


def set_cookie(desk: Desk, answer: Response, cookie: str) -> None:
    answer.set_cookie(
        desk.settings.cookie, cookie, max_age=access.SESSION_SECONDS, path="/", secure=desk.settings.secure,
        httponly=True, samesite="lax",
    )  # fmt: skip


def drop_cookie(desk: Desk, answer: Response) -> None:
    answer.delete_cookie(desk.settings.cookie, path="/", secure=desk.settings.secure, httponly=True, samesite="lax")
