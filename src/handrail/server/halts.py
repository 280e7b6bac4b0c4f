"""Halts over HTTP."""

from __future__ import annotations

import asyncio
from difflib import get_close_matches
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from handrail.canonical import JSON
from handrail.lifecycle import halt, policies
from handrail.lifecycle.actor import Actor
from handrail.maintenance.plane import Plane
from handrail.server import views
from handrail.server.bodies import HaltBody
from handrail.server.callers import Caller, need_any_scope
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute
from handrail.store import named, reads, statements

MOST_NAMES = 100

router = APIRouter(prefix="/v1/halts", tags=["halts"], route_class=StrictRoute)


@router.get("")
def list_halts(request: Request, actor: Caller) -> dict[str, JSON]:
    """The switches that stand."""
    actor.need_scope("read")
    return {"items": views.halts(desk_of(request).plane, actor.workspace)}


@router.get("/names")
def list_names(
    request: Request,
    actor: Caller,
    scope: Literal["agent", "action", "run"] = "agent",
    value: Annotated[str, Query(max_length=256)] = "",
) -> dict[str, JSON]:
    """Agents, actions or runs that there are, those nearest to `value` first; `known`: whether it is one of them."""
    actor.need_scope("read")
    plane = desk_of(request).plane
    names = list(dict.fromkeys([*named.proposed(plane.store, actor.workspace, scope), *_declared(plane, actor, scope)]))
    known = value in names or (scope == "run" and named.run_known(plane.store, actor.workspace, value))
    near = [] if known or not value else get_close_matches(value, names, n=3, cutoff=0.6)
    return {"known": known, "near": list(near), "names": list(names[:MOST_NAMES])}


def _declared(plane: Plane, actor: Actor, scope: str) -> list[str]:
    """Names that no proposal need have brought yet: the policy's actions, the agents of keys."""
    if scope == "agent":
        return [row.agent for row in reads.keys(plane.store, actor.workspace) if row.agent]
    found = reads.policy_text(plane.store, actor.workspace) if scope == "action" else None
    if found is None:
        return []
    return [plan.action for plan in policies.compiled(found.text, found.name).plans() if plan.action]


@router.post("", status_code=201)
async def set_halt(request: Request, body: HaltBody, actor: Caller) -> dict[str, JSON]:
    """Stop an agent, an action, a run or everything. Whoever may submit or review may stop things."""
    need_any_scope(actor, "review", "submit")
    plane = desk_of(request).plane
    command = halt.Halt(actor=actor, scope=body.scope, value=body.value, reason=body.reason, id=body.id)
    return await asyncio.to_thread(_set, plane, actor.workspace, await plane.arun(halt.set_halt, command))


@router.delete("/{halt_id}", status_code=204)
async def lift(request: Request, halt_id: str, actor: Caller) -> Response:
    """Lift a switch; needs a lead."""
    await desk_of(request).plane.arun(halt.lift_halt, halt.Lift(actor=actor, id=halt_id))
    return Response(status_code=204)


def _set(plane: Plane, workspace: str, id: str) -> dict[str, JSON]:
    """A switch as it was set, also when it has been lifted since."""
    (row,) = plane.store.read_hot(statements.halt_get, id=id, workspace=workspace)
    return views.halts_to_json(plane, workspace, [(id, *row)])[0]
