"""Does it live, can it work, what does it count."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from handrail.errors import Unavailable
from handrail.server.callers import actor_of
from handrail.server.desk import Desk, desk_of
from handrail.server.metrics import CONTENT_TYPE
from handrail.store import statements

router = APIRouter(tags=["health"])

# a loop this late means that deadlines or signatures are late
LATE_SECONDS = 30.0


@router.get("/healthz")
async def lives() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """It can take work: the database answers, no loop is late, it is not stopping."""
    desk = desk_of(request)
    problems = await asyncio.to_thread(_problems, desk)
    return JSONResponse({"ready": not problems, "problems": problems}, 503 if problems else 200)


def _problems(desk: Desk) -> list[str]:
    found = ["stopping"] if desk.closing else []
    try:
        desk.plane.store.read_hot(statements.workspace_get, id=desk.settings.workspace)
    except desk.plane.store.outages:
        found.append("the database does not answer")
    return found + [f"{loop.name} is late" for loop in desk.plane.loops if loop.lag > LATE_SECONDS]


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus. They name queues and actions, never a value; open to loopback only, else to keys."""
    desk = desk_of(request)
    if not from_loopback(request):
        (await actor_of(request)).need_scope("read")
    if desk.closing:
        raise Unavailable("the server is stopping")
    text = await asyncio.to_thread(desk.metrics.text, desk.plane, len(desk.parked))
    return Response(text, media_type=CONTENT_TYPE)


def from_loopback(request: Request) -> bool:
    """Whether the request came from this machine itself, and not through a proxy on it."""
    client = request.client
    return client is not None and client.host in ("127.0.0.1", "::1") and "x-forwarded-for" not in request.headers
