"""Earned autonomy over HTTP: where each cell stands, and promotions to accept or decline."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from handrail.canonical import JSON
from handrail.lifecycle import cells, policies, promotion
from handrail.maintenance.plane import Plane
from handrail.server.bodies import CellsBody, PromotionAnswerBody, PromotionBody
from handrail.server.callers import Caller
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute
from handrail.store import reads

router = APIRouter(prefix="/v1/autonomy", tags=["autonomy"], route_class=StrictRoute)

MOST_SHOWN = 200


@router.get("")
def show(request: Request, actor: Caller) -> dict[str, JSON]:
    """Every cell with its evidence, n of m, and the promotions that stand."""
    actor.need_scope("read")
    return shown(desk_of(request).plane, actor.workspace)


@router.get("/promotions")
def history(request: Request, actor: Caller) -> dict[str, JSON]:
    """Every promotion that was proposed, newest first, with what became of it."""
    actor.need_scope("read")
    return {"items": shown(desk_of(request).plane, actor.workspace, MOST_SHOWN)["promotions"]}


@router.post("/cells", status_code=201)
async def lay(request: Request, body: CellsBody, actor: Caller) -> dict[str, JSON]:
    """Lay down the cells of an action now; they are laid by themselves once enough was proposed. Needs a lead."""
    made = await desk_of(request).plane.arun(cells.lay, cells.Lay(actor=actor, action=body.action))
    return {"cells": made}


@router.post("/promotions", status_code=201)
async def propose(request: Request, body: PromotionBody, actor: Caller) -> dict[str, JSON]:
    """Propose one cell, or all that have passed. Nothing is let through by it."""
    command = promotion.Propose(actor=actor, cell=body.cell, action=body.action)
    return {"ids": list(await desk_of(request).plane.arun(promotion.propose, command))}


@router.post("/promotions/{promotion_id}/accept")
async def accept(request: Request, promotion_id: str, body: PromotionAnswerBody, actor: Caller) -> dict[str, JSON]:
    """Accept a promotion: its grant begins at once. Needs a lead who is a second person."""
    command = promotion.Answer(actor=actor, id=promotion_id, reason=body.reason)
    return {"grant": await desk_of(request).plane.arun(promotion.accept, command)}


@router.post("/promotions/{promotion_id}/decline")
async def decline(request: Request, promotion_id: str, body: PromotionAnswerBody, actor: Caller) -> dict[str, JSON]:
    """Decline a promotion, with a reason. Needs a lead."""
    await desk_of(request).plane.arun(
        promotion.decline, promotion.Answer(actor=actor, id=promotion_id, reason=body.reason)
    )
    return {}


def shown(plane: Plane, workspace: str, history: int = 0) -> dict[str, Any]:
    """Cells and promotions, with people's names."""
    found = reads.policy_text(plane.store, workspace)
    made: dict[str, Any] = promotion.shown(
        plane.store.read_hot, policies.compiled(found.text, found.name), workspace, history
    )
    people = {one[by] for one in made["promotions"] for by in ("proposed_by", "decided_by") if one[by] is not None}
    names = reads.names_of(plane.store, workspace, sorted(people))
    for one in made["promotions"]:
        for by in ("proposed_by", "decided_by"):
            one[by] = names.get(one[by], one[by])
    return made
