"""People and model as a team, over HTTP: how answers are weighed together, and how good the AI supervisor is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request

from handrail.canonical import JSON
from handrail.clock import iso
from handrail.lifecycle import fusing, supervision
from handrail.lifecycle.calibrators import intact
from handrail.maintenance.plane import Plane
from handrail.server.callers import Caller, need_lead
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute
from handrail.store import reads

router = APIRouter(prefix="/v1", tags=["reviewers"], route_class=StrictRoute)


@router.get("/supervisor")
def show_supervisor(
    request: Request, actor: Caller, action: Annotated[str | None, Query(min_length=1, max_length=256)] = None
) -> dict[str, JSON]:
    """What the AI supervisor catches and alarms about for nothing, by model; needs a lead or an auditor."""
    actor.need_scope("read")
    need_lead(actor, "auditor")
    return supervisor_to_json(desk_of(request).plane, actor.workspace, action)


@router.get("/fusions")
def list_fusions(request: Request, actor: Caller) -> dict[str, JSON]:
    """How the answers of each action are weighed with the model's, newest version each; needs a lead or an auditor."""
    actor.need_scope("read")
    need_lead(actor, "auditor")
    return fusions_to_json(desk_of(request).plane, actor.workspace)


def supervisor_to_json(plane: Plane, workspace: str, action: str | None) -> dict[str, Any]:
    """The supervisor's figures by model."""
    found = supervision.figures(plane.store, workspace, action)
    return {"models": [{"model": model, **made.to_json()} for model, made in found.items()]}


def fusions_to_json(plane: Plane, workspace: str) -> dict[str, Any]:
    """Each action's newest fusion: its weights, its matrices and the evidence behind them."""
    made: dict[str, dict[str, Any]] = {}
    for row in reads.calibrators(plane.store, workspace):
        action = row.name.removeprefix(fusing.PREFIX)
        data = intact(row.bytes, row.digest) if row.name.startswith(fusing.PREFIX) else None
        fusion = None if data is None else fusing.read(data)
        if fusion is not None and action not in made:
            made[action] = {
                "action": action, "version": row.version, "digest": row.digest, "made_at": iso(row.made_at),
                "fusion": fusion.to_json(),
            }  # fmt: skip
    return {"items": [made[action] for action in sorted(made)]}
