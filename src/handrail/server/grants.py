"""Grants over HTTP."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from handrail.canonical import JSON
from handrail.lifecycle import grant
from handrail.server import views
from handrail.server.bodies import GrantBody
from handrail.server.callers import Caller
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute

router = APIRouter(prefix="/v1/grants", tags=["grants"], route_class=StrictRoute)


@router.get("")
def list_grants(request: Request, actor: Caller) -> dict[str, JSON]:
    """What is granted now, approvals for a run among them. Grants in the policy file stand there."""
    actor.need_scope("read")
    return {"items": [dict(each) for each in views.grants(desk_of(request).plane, actor.workspace)]}


@router.post("", status_code=201)
async def issue(request: Request, body: GrantBody, actor: Caller) -> dict[str, JSON]:
    """Let an action go further by itself for up to 90 days; needs a lead."""
    command = grant.Issue(
        actor=actor, action=body.action, seconds=body.seconds, tier=body.tier, when=body.when,
        lifts=tuple(body.lifts), reason=body.reason, spot_check_rate=body.spot_check_rate, id=body.id,
    )  # fmt: skip
    return {"id": await desk_of(request).plane.arun(grant.issue, command)}


@router.delete("/{grant_id}", status_code=204)
async def end(request: Request, grant_id: str, actor: Caller) -> Response:
    """End a grant before its time. Whoever reviews may."""
    await desk_of(request).plane.arun(grant.end, (actor, grant_id))
    return Response(status_code=204)
