"""Reviewers' figures and the pool of golds over HTTP. A reviewer sees his own scorecard; leads see everybody's."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from handrail.canonical import JSON, parse
from handrail.clock import iso
from handrail.errors import NotFound
from handrail.lifecycle import golds, reviewers
from handrail.lifecycle.actor import Actor
from handrail.maintenance.golds import settings_of
from handrail.maintenance.plane import Plane
from handrail.server.bodies import GoldsBody
from handrail.server.callers import Caller, need_lead
from handrail.server.desk import Desk, desk_of
from handrail.server.reading import StrictRoute
from handrail.store import golds as tables
from handrail.store import reads

router = APIRouter(prefix="/v1", tags=["reviewers"], route_class=StrictRoute)

KEEP_SECONDS = 10.0
# who sees everybody's figures
SEES_ALL = ("lead", "auditor")


@router.get("/reviewers")
def list_reviewers(request: Request, actor: Caller) -> dict[str, JSON]:
    """Golds, agreement, dwell, alarms and findings by reviewer, each with the n it needs. Reviewers see their own."""
    actor.need_scope("read")
    desk = desk_of(request)
    made = _kept(desk, actor.workspace)
    return made if sees_all(actor) else reviewers.own(made, actor.pid)


@router.get("/golds")
def list_golds(
    request: Request, actor: Caller, retired: Annotated[bool, Query(strict=False)] = False
) -> dict[str, JSON]:
    """The pool of cases with known answers; needs a lead or an auditor."""
    actor.need_scope("read")
    need_lead(actor, "auditor")
    return {"items": list(pool_to_json(desk_of(request).plane, actor.workspace, retired=retired))}


@router.post("/golds", status_code=201)
async def add_golds(request: Request, body: GoldsBody, actor: Caller) -> dict[str, JSON]:
    """Add proposals with their known answer (`gold`) to the pool; needs a lead. Known ones are passed over."""
    command = golds.AddGolds(actor=actor, records=tuple(body.items))
    return {"ids": list(await desk_of(request).plane.arun(golds.add, command))}


@router.delete("/golds/{gold_id}", status_code=204)
async def retire_gold(request: Request, gold_id: str, actor: Caller) -> Response:
    """Draw this gold no more; needs a lead."""
    await desk_of(request).plane.arun(golds.retire, golds.Retire(actor=actor, id=gold_id))
    return Response(status_code=204)


def sees_all(actor: Actor) -> bool:
    """Whether this caller sees everybody's figures: leads, auditors, admins, and programs that may read."""
    return actor.kind != "person" or bool(actor.roles & {*SEES_ALL, "admin"})


def figures(plane: Plane, workspace: str) -> dict[str, JSON]:
    """All figures of one workspace, now. Raises `NotFound` for a workspace without a policy."""
    settings = settings_of(plane.store, workspace)
    if settings is None:
        raise NotFound(f"workspace {workspace!r} has no policy")
    names = {row.id: row.name for row in reads.people(plane.store, workspace)}
    return reviewers.figures(plane.store, workspace, plane.clock.now(), settings, names)


def pool_to_json(plane: Plane, workspace: str, *, retired: bool = False) -> list[dict[str, JSON]]:
    """The pool, oldest first, answers included."""
    return [
        {"id": row.id, "action": row.action, "kind": row.kind, "views": tables.views_of(row.views),
         "added_by": row.added_by, "added_at": iso(row.added_at),
         "retired_at": None if row.retired_at is None else iso(row.retired_at), "withdrawn": row.views < 0,
         "proposal": parse(bytes(row.bytes))}
        for row in tables.pool(plane.store, workspace, retired=retired)
    ]  # fmt: skip


def _kept(desk: Desk, workspace: str) -> dict[str, Any]:
    """The figures, counted at most every ten seconds however many screens show them."""
    key = f"reviewers of {workspace}"
    known = desk.figures.get(key)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    made = figures(desk.plane, workspace)
    desk.figures[key] = (time.monotonic() + KEEP_SECONDS, made)
    return made
