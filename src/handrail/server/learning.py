"""Labels, calibrators and rounds of learning over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from handrail.canonical import JSON, parse
from handrail.clock import iso
from handrail.learning.rounds import Round
from handrail.lifecycle import calibrators, guidance, rounds
from handrail.lifecycle import reliability as judged
from handrail.maintenance.plane import Plane
from handrail.server.bodies import CalibratorBody, GuidanceBody, RoundBody
from handrail.server.callers import Caller, need_lead
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute
from handrail.store import reads
from handrail.store import rounds as rounds_store

router = APIRouter(prefix="/v1", tags=["learning"], route_class=StrictRoute)


@router.get("/labels")
def labels(
    request: Request,
    actor: Caller,
    action: Annotated[str | None, Query(max_length=256)] = None,
    cursor: Annotated[str | None, Query(max_length=256)] = None,
    limit: Annotated[int, Query(ge=1, le=reads.MOST_ROWS)] = 100,
) -> dict[str, JSON]:
    """Labels, oldest first. They hold known answers, so people need to be lead or auditor to read them."""
    actor.need_scope("read")
    need_lead(actor, "auditor")
    page = reads.labels(desk_of(request).plane.store, actor.workspace, action or None, cursor=cursor, limit=limit)
    items = [parse(bytes(row.bytes)) | {"made_at": iso(row.made_at)} for row in page.rows]
    return {"items": items, "next": page.next, "total": page.total}


@router.post("/guidance")
def guide(request: Request, body: GuidanceBody, actor: Caller) -> dict[str, JSON]:
    """What people changed, refused or redirected about this action before: material, and no permission."""
    store = desk_of(request).plane.store
    asked = guidance.Guidance(actor=actor, action=body.action, arguments=body.arguments, limit=body.limit)
    return {"items": [each.to_json() for each in guidance.found(store.read_hot, store.engine, asked)]}


@router.get("/calibrators")
def list_calibrators(request: Request, actor: Caller) -> dict[str, JSON]:
    """Every version of every calibrator, newest first."""
    actor.need_scope("read")
    return {"items": list(_all(desk_of(request).plane, actor.workspace))}


@router.get("/calibrators/{name}/reliability")
def reliability(request: Request, name: str, actor: Caller) -> dict[str, JSON]:
    """How good the newest version of a calibrator is, before and after it was fitted and on labels since: figures, and
    the bins of the reliability diagram.
    """
    actor.need_scope("read")
    plane = desk_of(request).plane
    return judged.reliability(plane.store, actor.workspace, name, now=plane.clock.now())


@router.post("/calibrators", status_code=201)
async def install(request: Request, body: CalibratorBody, actor: Caller) -> dict[str, JSON]:
    """Keep a fitted calibrator; its newest version is applied from now on."""
    plane = desk_of(request).plane
    version = await plane.arun(
        calibrators.install, calibrators.Install(actor=actor, name=body.name, calibrator=body.calibrator)
    )
    found = await asyncio.to_thread(_all, plane, actor.workspace)
    return next(item for item in found if item["name"] == body.name and item["version"] == version)


@router.get("/rounds")
def list_rounds(
    request: Request, actor: Caller, action: Annotated[str, Query(min_length=1, max_length=256)]
) -> dict[str, JSON]:
    """The rounds of learning of one action, oldest first, as the operations chart draws them."""
    actor.need_scope("read")
    found = rounds_store.of_action(desk_of(request).plane.store, actor.workspace, action)
    names = ("round", "proposals", "reviewed", "review_rate", "model_error", "passed_error", "threshold")
    return {"items": [{name: getattr(row, name) for name in names} | {"at": iso(row.at)} for row in found]}


@router.post("/rounds", status_code=201)
async def record_round(request: Request, body: RoundBody, actor: Caller) -> dict[str, JSON]:
    """Record what a finished round asked of people, and how wrong the model still is."""
    figures = Round(**body.figures.model_dump())
    command = rounds.Record(actor=actor, action=body.action, figures=figures, threshold=body.threshold)
    await desk_of(request).plane.arun(rounds.record, command)
    return {"action": body.action, "round": figures.round}


def _all(plane: Plane, workspace: str) -> list[dict[str, JSON]]:
    return [
        {"name": row.name, "version": row.version, "digest": row.digest, "made_at": iso(row.made_at),
         "calibrator": parse(bytes(row.bytes))}
        for row in reads.calibrators(plane.store, workspace)
    ]  # fmt: skip
