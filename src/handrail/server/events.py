"""Live events: the log as it grows, over server-sent events. A reconnect with Last-Event-ID loses nothing."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import StreamingResponse

from handrail.errors import HandrailError, InvalidInput
from handrail.server.callers import Caller, actor_of
from handrail.server.desk import Desk, desk_of
from handrail.server.parking import parked
from handrail.server.reading import StrictRoute
from handrail.store import statements

router = APIRouter(prefix="/v1", tags=["events"], route_class=StrictRoute)

# how long somebody who was signed out or removed may go on hearing
CHECK_SECONDS = 15.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get("/events", response_class=StreamingResponse)
async def events(request: Request, actor: Caller) -> StreamingResponse:
    """Server-sent events: `id` is the log's index, `event` the entry's type, `data` {case_id, type, at}.

    Begins with what comes next, or behind `Last-Event-ID`. A comment every 15 s keeps the line open.
    """
    actor.need_scope("read")
    desk = desk_of(request)
    log = await desk.look(desk.plane.log_of, actor.workspace)
    after = await _start(desk, log, request.headers.get("last-event-id"))
    return StreamingResponse(_stream(desk, request, log, after), media_type="text/event-stream", headers=HEADERS)


async def _start(desk: Desk, log: str, last: str | None) -> int:
    if last and (not last.isascii() or not last.isdecimal() or len(last) > 15):
        raise InvalidInput("Last-Event-ID is the id of an event", remedy="Leave it out to begin with what comes next.")
    head = await desk.look(desk.plane.store.read_hot, statements.head_get, log=log)
    newest = head[0][0] - 1 if head else -1
    # behind the newest there is nothing yet: who waited there would miss all up to it
    return min(int(last), newest) if last else newest


async def _stream(desk: Desk, request: Request, log: str, after: int) -> AsyncIterator[str]:
    yield "retry: 1000\n: here\n\n"
    try:
        with parked(desk):
            checked = time.monotonic()
            async for batch in desk.plane.feed.events(log, after):
                # a busy log has no silence to check in
                if time.monotonic() - checked >= CHECK_SECONDS or not batch:
                    (await actor_of(request)).need_scope("read")
                    checked = time.monotonic()
                if not batch:
                    yield ": still here\n\n"
                for event in batch:
                    data = {"type": event.type, "at": event.at}
                    if event.case_id is not None:
                        data["case_id"] = event.case_id
                    yield f"id: {event.idx}\nevent: {event.type}\ndata: {json.dumps(data)}\n\n"
    except HandrailError:
        return
