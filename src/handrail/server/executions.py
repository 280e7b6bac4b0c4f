"""Executions over HTTP: start, finish, settle, wait for the end; and approved actions that wait for a worker."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from handrail.canonical import JSON
from handrail.clock import SECOND, iso
from handrail.errors import NotFound
from handrail.execution import Execution
from handrail.lifecycle import execute, rows
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.rows import ExecutionRow
from handrail.maintenance.plane import Plane
from handrail.server import parking, views
from handrail.server.bodies import FinishBody, SettleBody, StartBody
from handrail.server.callers import Caller, need_any_scope, need_reviewer, own
from handrail.server.desk import Desk, desk_of
from handrail.server.reading import StrictRoute
from handrail.store import reads, statements
from handrail.wire import execution_to_json

router = APIRouter(prefix="/v1", tags=["executions"], route_class=StrictRoute)

RUNNING = ("started",)
HANDOFF_LOOK_SECONDS = 2.0


@router.post("/executions/{case_id}/start")
async def start(request: Request, case_id: str, body: StartBody, actor: Caller) -> dict[str, JSON]:
    """Claim the single use of an approval; durable before the answer. A start already used answers with its end."""
    desk = desk_of(request)
    await desk.look(_own, desk, actor, case_id)
    command = execute.Start(
        actor=actor, case_id=case_id, nonce=body.nonce, action_digest=body.action_digest,
        action=body.action, hold=int(body.lasting * SECOND),
    )  # fmt: skip
    return execution_to_json(await desk.plane.arun(execute.start, command))


@router.post("/executions/{case_id}/finish")
async def finish(request: Request, case_id: str, body: FinishBody, actor: Caller) -> dict[str, JSON]:
    """Report how it ended, under the fence that was given at the start."""
    desk = desk_of(request)
    await desk.look(_own, desk, actor, case_id)
    command = execute.Finish(
        actor=actor, case_id=case_id, fence=body.fence, ok=body.ok, result=body.result, uncertain=body.uncertain
    )
    return execution_to_json(await desk.plane.arun(execute.finish, command))


@router.post("/executions/{case_id}/settle")
async def settle(request: Request, case_id: str, body: SettleBody, actor: Caller) -> dict[str, JSON]:
    """A person says whether an `unknown` effect happened."""
    need_reviewer(actor)
    command = execute.SettleExecution(actor=actor, case_id=case_id, happened=body.happened, note=body.note)
    return execution_to_json(await desk_of(request).plane.arun(execute.settle, command))


@router.get("/executions")
def list_executions(
    request: Request,
    actor: Caller,
    state: Literal["started", "succeeded", "failed", "unknown", "settled", "voided"] = "unknown",
    limit: Annotated[int, Query(ge=1, le=reads.MOST_ROWS)] = 100,
) -> dict[str, JSON]:
    """Executions in one state, oldest first."""
    actor.need_scope("read")
    plane = desk_of(request).plane
    found = reads.executions(plane.store, actor.workspace, state, limit)
    if state == "voided":
        found = [row for row in found if not _hidden(plane, actor, row.case_id)]
    return {"items": [_row(row) for row in found]}


def _row(row: Any) -> dict[str, JSON]:
    return {
        "case_id": row.case_id, "action": row.action, "agent": row.agent, "state": row.state,
        "tool_class": row.tool_class, "fence": row.fence, "started_at": iso(row.started_at),
        "expires_at": iso(row.expires_at), "finished_at": None if row.finished_at is None else iso(row.finished_at),
        "happened": None if row.happened is None else bool(row.happened),
    }  # fmt: skip


@router.get("/executions/{case_id}", responses={202: {"description": "Still running"}})
async def show_execution(request: Request, case_id: str, actor: Caller, wait: str | None = None) -> Response:
    """One execution; with `?wait=` seconds (at most 60) the answer comes when it is over."""
    desk = desk_of(request)
    need_any_scope(actor, "read", "execute", "submit")
    seconds = parking.seconds(wait)
    found = await desk.look(_execution, desk, actor, case_id)
    if found.state in RUNNING and seconds > 0:
        log = await desk.look(desk.plane.log_of, actor.workspace)

        async def over() -> bool:
            return (await desk.look(_execution, desk, actor, case_id)).state not in RUNNING

        await parking.until(desk, case_id, log, over, seconds)
        found = await desk.look(_execution, desk, actor, case_id)
    return JSONResponse(execution_to_json(found), 202 if found.state in RUNNING else 200)


def _execution(desk: Desk, actor: Actor, case_id: str) -> Execution:
    row = own(actor, desk.plane.proposal(actor.workspace, case_id))
    found = desk.plane.store.read_hot(statements.execution_get, case_id=case_id, workspace=actor.workspace)
    if not found or _hidden(desk.plane, actor, case_id):
        raise NotFound(f"case {case_id} has no execution")
    return rows.execution_noun(ExecutionRow._make(found[0]), row)


def _hidden(plane: Plane, actor: Actor, case_id: str) -> bool:
    """Whether it would tell somebody who has yet to judge its case that another objected."""
    return actor.kind == "person" and views.looks_afresh(actor, views.seen(plane, actor.workspace, case_id))


def _own(desk: Desk, actor: Actor, case_id: str) -> None:
    actor.need_scope("execute")
    own(actor, desk.plane.proposal(actor.workspace, case_id))


@router.get("/handoffs")
async def handoffs(
    request: Request,
    actor: Caller,
    action: Annotated[list[str], Query(min_length=1, max_length=100)],
    wait: str | None = None,
    after: Annotated[str, Query(max_length=100)] = "",
) -> dict[str, JSON]:
    """The 100 oldest approved actions that wait for a worker and may start, of an agent's key that agent's only.

    With `?wait=` seconds the answer comes as soon as there is one; `?after=` a case id goes on behind it.
    """
    actor.need_scope("execute")
    desk = desk_of(request)
    left = parking.seconds(wait)
    log = await desk.look(desk.plane.log_of, actor.workspace)
    news = asyncio.Event()
    loop = asyncio.get_running_loop()
    end = await desk.look(desk.plane.feed.subscribe, log, lambda _: news.set(), loop)
    until = loop.time() + left
    try:
        with parking.parked(desk):
            while True:
                news.clear()
                found = await asyncio.to_thread(_handoffs, desk, actor, action, after)
                left = until - loop.time()
                if found or left <= 0:
                    return {"items": found}
                try:
                    await asyncio.wait_for(news.wait(), min(left, HANDOFF_LOOK_SECONDS))
                except TimeoutError:
                    continue
    finally:
        end()


def _handoffs(desk: Desk, actor: Actor, actions: list[str], after: str) -> list[dict[str, JSON]]:
    found = execute.handed_over(desk.plane.store, actor, actions, now=desk.now(), after=after)
    return [{"case_id": row.case_id, "action": row.action, "approved_at": iso(row.approved_at)} for row in found]
