"""Parked runs over HTTP: park, wait for one that is due, say how waking it went, give it up."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from handrail.canonical import JSON
from handrail.clock import SECOND, iso
from handrail.errors import InvalidInput
from handrail.lifecycle import park, wake
from handrail.lifecycle.actor import bound_to
from handrail.maintenance import waking
from handrail.server import parking
from handrail.server.bodies import AbandonBody, EndBody, HoldBody, ParkBody, WakeBody, WakeNextBody
from handrail.server.callers import Caller, need_any_scope
from handrail.server.desk import desk_of
from handrail.server.reading import RoomyRoute
from handrail.store import statements
from handrail.wire import parked_to_json, wake_end_to_json, woken_to_json

# a state of 1 MiB in base64 is larger than other bodies may be
router = APIRouter(prefix="/v1/parks", tags=["parks"], route_class=RoomyRoute)


@router.get("")
async def list_parks(
    request: Request, actor: Caller, limit: Annotated[int, Query(ge=1, le=park.MOST_LISTED)] = park.MOST_LISTED
) -> dict[str, JSON]:
    """Runs that are parked and not over, oldest first; without their state. An agent's key sees its own agent's."""
    need_any_scope(actor, "read", "submit", "execute")
    desk = desk_of(request)
    given = {"workspace": actor.workspace, "agent": bound_to(actor), "limit": limit}
    found: list[Any] = await desk.look(desk.plane.store.read_hot, statements.park_list, **given)
    return {"items": [parked_to_json(park.line_noun(row, desk.now())) for row in found]}


@router.post("", status_code=201)
async def park_run(request: Request, body: ParkBody, actor: Caller) -> dict[str, JSON]:
    """Park a run until its cases are decided. `state` is base64. The same `id` again parks nothing new."""
    command = park.Park(
        actor=actor, run=body.run, framework=body.framework, cases=tuple(body.cases), state=_bytes(body.state),
        wakes=body.wakes, abandon=body.abandon, join=body.join, id=body.id,
    )  # fmt: skip
    return {"id": await desk_of(request).plane.arun(park.park, command)}


@router.post("/next/wake", responses={204: {"description": "Nothing is due"}})
async def wake_next(request: Request, body: WakeNextBody, actor: Caller, wait: str | None = None) -> Response:
    """Take the oldest due park; with `?wait=` seconds (at most 60) the answer comes as soon as there is one.

    The same nonce gets the same park again, so a lost reply is safe to repeat.
    """
    command = wake.TakeWake(
        actor=actor, nonce=body.nonce, frameworks=None if body.frameworks is None else tuple(body.frameworks),
        run=body.run, hold=int(body.lasting * SECOND),
    )  # fmt: skip
    return await _wake(request, command, wait)


@router.post("/{park_id}/wake", responses={204: {"description": "It is not due, or is held"}})
async def wake_this(request: Request, park_id: str, body: WakeBody, actor: Caller, wait: str | None = None) -> Response:
    """Take this park, if it is due and nobody holds it."""
    command = wake.TakeWake(actor=actor, nonce=body.nonce, id=park_id, hold=int(body.lasting * SECOND))
    return await _wake(request, command, wait)


async def _wake(request: Request, command: wake.TakeWake, wait: str | None) -> Response:
    command.actor.need_scope("execute")
    desk = desk_of(request)
    seconds = parking.seconds(wait)
    with parking.parked(desk):
        woken = await waking.atake(desk.plane, command, seconds)
    return Response(status_code=204) if woken is None else JSONResponse(woken_to_json(woken))


@router.post("/{park_id}/renew")
async def renew(request: Request, park_id: str, body: HoldBody, actor: Caller) -> dict[str, JSON]:
    """Hold on to a park while its run goes on."""
    command = wake.RenewWake(actor=actor, id=park_id, fence=body.fence, hold=int(body.lasting * SECOND))
    return {"expires_at": iso(await desk_of(request).plane.arun(wake.renew_wake, command))}


@router.post("/{park_id}/end")
async def end(request: Request, park_id: str, body: EndBody, actor: Caller) -> dict[str, JSON]:
    """Say how waking went, under its fence: over, or to be tried again."""
    command = wake.EndWake(actor=actor, id=park_id, fence=body.fence, ok=body.ok, note=body.note)
    return wake_end_to_json(await desk_of(request).plane.arun(wake.end_wake, command))


@router.post("/{park_id}/retry")
async def try_again(request: Request, park_id: str, actor: Caller) -> dict[str, JSON]:
    """Make a park that was given up due again."""
    await desk_of(request).plane.arun(wake.retry, wake.Retry(actor=actor, id=park_id))
    return {"id": park_id}


@router.post("/abandon")
async def abandon(request: Request, body: AbandonBody, actor: Caller) -> dict[str, JSON]:
    """The run will not go on from its pause: end its park, and take its undecided cases back."""
    command = park.Abandon(actor=actor, run=body.run, framework=body.framework, reason=body.reason)
    made = await desk_of(request).plane.arun(park.abandon, command)
    return {"parks": list(made.parks), "cancelled": list(made.cancelled)}


def _bytes(text: str | None) -> bytes | None:
    try:
        return None if text is None else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(
            "state is not base64", remedy="Send the snapshot's bytes in base64, or leave it out."
        ) from None
