"""Halts over HTTP."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from handrail.canonical import JSON
from handrail.clock import iso
from handrail.lifecycle import halt
from handrail.maintenance.plane import Plane
from handrail.server.bodies import HaltBody
from handrail.server.callers import Caller, need_any_scope
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute
from handrail.store import reads

router = APIRouter(prefix="/v1/halts", tags=["halts"], route_class=StrictRoute)


@router.get("")
def list_halts(request: Request, actor: Caller) -> dict[str, JSON]:
    """The switches that stand."""
    actor.need_scope("read")
    return {"items": list(_standing(desk_of(request).plane, actor.workspace).values())}


@router.post("", status_code=201)
async def set_halt(request: Request, body: HaltBody, actor: Caller) -> dict[str, JSON]:
    """Stop an agent, an action, a run or everything. Whoever may submit or review may stop things."""
    need_any_scope(actor, "review", "submit")
    plane = desk_of(request).plane
    command = halt.Halt(actor=actor, scope=body.scope, value=body.value, reason=body.reason)
    id = await plane.arun(halt.set_halt, command)
    return (await asyncio.to_thread(_standing, plane, actor.workspace))[id]


@router.delete("/{halt_id}", status_code=204)
async def lift(request: Request, halt_id: str, actor: Caller) -> Response:
    """Lift a switch; needs a lead."""
    await desk_of(request).plane.arun(halt.lift_halt, halt.Lift(actor=actor, id=halt_id))
    return Response(status_code=204)


def _standing(plane: Plane, workspace: str) -> dict[str, dict[str, JSON]]:
    found = reads.halts(plane.store, workspace)
    names = reads.names_of(plane.store, workspace, [row.set_by for row in found])
    return {
        row.id: {"id": row.id, "scope": row.scope, "value": row.value, "reason": row.reason,
                 "by": names.get(row.set_by, row.set_by), "at": iso(row.set_at)}
        for row in found
    }  # fmt: skip
