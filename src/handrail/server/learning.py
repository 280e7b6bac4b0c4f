"""Labels and calibrators over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from handrail.canonical import JSON, parse
from handrail.clock import iso
from handrail.lifecycle import calibrators
from handrail.maintenance.plane import Plane
from handrail.server.bodies import CalibratorBody
from handrail.server.callers import Caller, need_lead
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute
from handrail.store import reads

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


@router.get("/calibrators")
def list_calibrators(request: Request, actor: Caller) -> dict[str, JSON]:
    """Every version of every calibrator, newest first."""
    actor.need_scope("read")
    return {"items": list(_all(desk_of(request).plane, actor.workspace))}


@router.post("/calibrators", status_code=201)
async def install(request: Request, body: CalibratorBody, actor: Caller) -> dict[str, JSON]:
    """Keep a fitted calibrator; its newest version is applied from now on."""
    plane = desk_of(request).plane
    version = await plane.arun(
        calibrators.install, calibrators.Install(actor=actor, name=body.name, calibrator=body.calibrator)
    )
    found = await asyncio.to_thread(_all, plane, actor.workspace)
    return next(item for item in found if item["name"] == body.name and item["version"] == version)


def _all(plane: Plane, workspace: str) -> list[dict[str, JSON]]:
    return [
        {"name": row.name, "version": row.version, "digest": row.digest, "made_at": iso(row.made_at),
         "calibrator": parse(bytes(row.bytes))}
        for row in reads.calibrators(plane.store, workspace)
    ]  # fmt: skip
