"""Pages that need no JavaScript: sign in, list what is open, look at one case, decide it, take it back.

GET shows, POST decides.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from handrail.canonical import JSON
from handrail.clock import from_iso
from handrail.errors import HandrailError, InvalidInput, NotFound, TooSoon, Unauthenticated
from handrail.lifecycle import access, review
from handrail.maintenance.plane import Plane
from handrail.server import views
from handrail.server.callers import Session, refuse_cross_site, refuse_without_token, session_of
from handrail.server.desk import Desk, desk_of
from handrail.server.forms import form_of
from handrail.server.rendering import page
from handrail.server.sessions import check_password, open_session, set_cookie
from handrail.store import reads, statements

STATIC = Path(__file__).parent / "static"
EXPIRY = {
    "reject": "it is rejected", "escalate": "it is sent up", "hold": "it stays open",
    "unsafe_approve": "it is APPROVED without a person",
}  # fmt: skip
# where the console's page leads a browser without JavaScript
LIST = "/decide"
SHOWN = 50
SAID = {"approve": "approved", "reject": "rejected", "respond": "answered"}


async def style(request: Request) -> Response:
    """The pages' one style sheet."""
    return FileResponse(STATIC / "page.css", media_type="text/css", headers={"Cache-Control": "max-age=300"})


# --- signing in ---------------------------------------------------------------------------------


async def show_sign_in(request: Request) -> Response:
    """The form."""
    return page("sign_in.html", next=_inside(request.query_params.get("next")), email="", problem=None)


async def sign_in(request: Request) -> Response:
    """Check e-mail and password, set the cookie, go on."""
    desk = desk_of(request)
    given: dict[str, str] = {}
    try:
        refuse_cross_site(desk, request)
        given = await form_of(request)
        row = await check_password(
            desk, request, given.get("email", ""), given.get("password", "")[:256], workspace=desk.settings.workspace
        )
    except HandrailError as error:
        return page("sign_in.html", error.status, next=_inside(given.get("next")), email=given.get("email", "")[:256],
                    problem=str(error))  # fmt: skip
    return await _signed_in(desk, request, row, _inside(given.get("next")))


async def show_once(request: Request) -> Response:
    """Say what the link does; looking does not use it."""
    token = request.path_params["token"]
    known = desk_of(request).once.known(token)
    return page("once.html", 200 if known else 410, known=known, token=token if known else "")


async def use_once(request: Request) -> Response:
    """Sign in by the link of the first start; it is used up."""
    desk = desk_of(request)
    refuse_cross_site(desk, request)
    person = desk.once.take(request.path_params["token"])
    found = [] if person is None else await desk.look(desk.plane.store.read_hot, statements.person_get, id=person)
    if not found:
        return page("once.html", 410, known=False, token="")
    return await _signed_in(desk, request, found[0], "/")


async def _signed_in(desk: Desk, request: Request, row: Any, where: str) -> Response:
    _, cookie = await open_session(desk, request, access.person_actor(row[:7], auth="password"))
    answer = RedirectResponse(where, 303)
    set_cookie(desk, answer, cookie)
    return answer


def _inside(path: str | None) -> str:
    """Where to go on: a path of ours, never another site."""
    if path == LIST:
        return path
    if path and path.startswith("/decide/") and path[8:].replace("-", "").isalnum() and path.isascii():
        return path
    return "/"


# --- the open cases -----------------------------------------------------------------------------


async def list_open(request: Request) -> Response:
    """The open cases in queue order, each a link to its page."""
    try:
        session = await session_of(request)
    except Unauthenticated:
        return RedirectResponse(f"/sign-in?next={LIST}", 303)
    try:
        return await asyncio.to_thread(_list_page, desk_of(request), session, request.query_params.get("cursor"))
    except HandrailError as error:
        return _message(error, session)


def _list_page(desk: Desk, session: Session, cursor: str | None) -> Response:
    actor, plane = session.actor, desk.plane
    actor.need_scope("read")
    found = reads.case_page(plane.store, actor.workspace, reads.CaseFilter(), cursor=cursor or None, limit=SHOWN)
    rows = views.case_rows(plane, actor, found.rows)
    return page("list.html", person=actor, cases=rows, total=found.total, next=found.next, first=cursor is None)


# --- one case -----------------------------------------------------------------------------------


async def show(request: Request) -> Response:
    """The card, and a form if this person may answer."""
    case_id = request.path_params["case_id"]
    try:
        session = await session_of(request)
    except Unauthenticated:
        return RedirectResponse(
            f"/sign-in?next=/decide/{case_id}" if _inside("/decide/" + case_id) != "/" else "/sign-in", 303
        )
    try:
        return await asyncio.to_thread(_card_page, desk_of(request), session, case_id)
    except HandrailError as error:
        return _message(error, session)


def _card_page(desk: Desk, session: Session, case_id: str, problem: str | None = None, status: int = 200) -> Response:
    actor, plane = session.actor, desk.plane
    actor.need_scope("read")
    seen = views.seen(plane, actor.workspace, case_id)
    if seen.case is None:
        raise NotFound(f"proposal {case_id} opened no case: nobody has to look at it")
    card = views.card(plane, actor, seen)
    desk.shown.note(actor.pid, str(card["digest"]))
    return page(
        "decide.html", status, person=actor, card=card, case=views.case_row(plane, actor, case_id),
        csrf=session.csrf, problem=problem, expiry=EXPIRY, barred=actor.pid in card["quorum"]["excluded"],
        may="review" in actor.scopes, confirmation=confirmation(card),
    )  # fmt: skip


def confirmation(card: dict[str, Any]) -> str:
    """What must be typed to approve what cannot be taken back: the amount, or the action's name."""
    amount = card.get("amount")
    return str(amount["value"]) if isinstance(amount, dict) else str(card["action"])


async def decide(request: Request) -> Response:
    """Give an answer: session, CSRF token, fresh gesture; what was seen must be what the case holds."""
    desk = desk_of(request)
    case_id = request.path_params["case_id"]
    session: Session | None = None
    try:
        refuse_cross_site(desk, request)
        session = await session_of(request)
        given = await form_of(request)
        refuse_without_token(session, given.get("csrf", ""))
        command = await asyncio.to_thread(_answer, desk.plane, session, case_id, given)
        command = replace(command, shown=desk.shown.seconds(session.actor.pid, command.card or ""))
        made = await desk.plane.arun(review.review, command)
        return await asyncio.to_thread(_receipt, desk.plane, session, made, command.verdict)
    except (InvalidInput, TooSoon) as error:
        if session is None:
            return _message(error, session)
        return await asyncio.to_thread(_card_page, desk, session, case_id, str(error), error.status)
    except HandrailError as error:
        return _message(error, session, back=f"/decide/{case_id}" if session is not None else "")


def _answer(plane: Plane, session: Session, case_id: str, given: dict[str, str]) -> review.Answer:
    verdict = given.get("verdict", "")
    if verdict not in SAID:
        raise InvalidInput("that button is not one of ours")
    card = views.card(plane, session.actor, views.seen(plane, session.actor.workspace, case_id))
    if verdict in ("approve", "respond") and card["high_stakes"]:
        typed = given.get("confirm", "").strip()
        if not hmac.compare_digest(typed.encode(), confirmation(card).encode()):
            raise InvalidInput(f"to {verdict}, type {confirmation(card)} as it stands above")
    revision = given.get("revision", "")
    if not revision.isascii() or not revision.isdecimal() or len(revision) > 9:
        raise InvalidInput("that form is not one of ours")
    return review.Answer(
        actor=session.actor, case_id=case_id, verdict=verdict, revision=int(revision), card=given.get("card", ""),
        value=_choice(card, given) if verdict == "respond" else None,
        reason=(given.get("reason") or None) if verdict == "reject" else None, note=given.get("note") or None,
        blind=bool(card["blind"]), provenance={"channel": "page", "scope": "action"},
    )  # fmt: skip


def _choice(card: dict[str, Any], given: dict[str, str]) -> JSON:
    choices = card["choices"] or []
    number = given.get("choice", "")
    if not number.isascii() or not number.isdecimal() or int(number[:6]) >= len(choices):
        raise InvalidInput("choose an answer first")
    return choices[int(number[:6])]


def _receipt(plane: Plane, session: Session, made: review.Reviewed, verdict: str) -> Response:
    actor = session.actor
    given = views.review_by_id(plane, actor.workspace, made.review_id)
    case = views.case_row(plane, actor, made.case_id)
    missing = case["reviewers"]["need"] - case["reviewers"]["have"]
    if made.decision is not None:
        text = "The program is told now." if verdict != "approve" else "The program may run it now, once."
        if verdict == "approve" and views.halts_over(plane, plane.proposal(actor.workspace, made.case_id)):
            text = "A halt stands: it does not run while it does."
    elif missing > 0 and case["state"] == "open":
        text = f"It waits for {missing} more answer{'s' if missing > 1 else ''}."
    else:
        text = "It counts once it can no longer be taken back."
    open_window = given["withdrawn_at"] is None and from_iso(given["effective_at"]) > plane.clock.now()
    return page("receipt.html", person=actor, said=SAID[verdict], next=text, review=given, case=case,
                csrf=session.csrf, can_withdraw=open_window)  # fmt: skip


async def withdraw(request: Request) -> Response:
    """Take an answer back within its undo window."""
    desk = desk_of(request)
    session: Session | None = None
    try:
        refuse_cross_site(desk, request)
        session = await session_of(request)
        given = await form_of(request)
        refuse_without_token(session, given.get("csrf", ""))
        session.actor.need_scope("review")
        case_id = await desk.plane.arun(
            review.withdraw, review.Withdraw(actor=session.actor, review_id=given.get("review", ""))
        )
    except HandrailError as error:
        return _message(error, session, back=f"/decide/{request.path_params['case_id']}")
    return RedirectResponse(f"/decide/{case_id}", 303)


def _message(error: HandrailError, session: Session | None, *, back: str = "") -> Response:
    title = (type(error).__doc__ or "That did not work").strip().splitlines()[0].rstrip(".")
    person = None if session is None else session.actor
    return page(
        "message.html", error.status, person=person, title=title, text=str(error), remedy=error.remedy, back=back
    )


ROUTES = [
    Route("/static/page.css", style, methods=["GET"]),
    Route("/sign-in", show_sign_in, methods=["GET"]),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-in/once/{token}", show_once, methods=["GET"]),
    Route("/sign-in/once/{token}", use_once, methods=["POST"]),
    Route(LIST, list_open, methods=["GET"]),
    Route("/decide/{case_id}", show, methods=["GET"]),
    Route("/decide/{case_id}", decide, methods=["POST"]),
    Route("/decide/{case_id}/withdraw", withdraw, methods=["POST"]),
]
