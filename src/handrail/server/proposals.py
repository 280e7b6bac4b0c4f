"""Proposals over HTTP. Submitting and waiting are plain Starlette routes: they carry the load."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from fastapi import APIRouter
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from handrail.canonical import JSON
from handrail.clock import SECOND, random_unit
from handrail.errors import Forbidden, InvalidInput, NotFound
from handrail.execution import LONGEST_HOLD, need_hold
from handrail.intake import proposal_from_json
from handrail.lifecycle import cancel, outcome, submit, undo
from handrail.lifecycle.actor import Actor, bound_to
from handrail.proposal import Proposal
from handrail.server import parking, views
from handrail.server.bodies import CancelBody, OutcomeBody, UndoBody
from handrail.server.callers import Caller, actor_of, need_any_scope, own
from handrail.server.desk import Desk, desk_of
from handrail.server.reading import StrictRoute, body_of, need_json
from handrail.store import statements
from handrail.store.tx import Staged
from handrail.wire import decision_to_json

router = APIRouter(prefix="/v1/proposals", tags=["proposals"], route_class=StrictRoute)

MEDIA_TYPE = "application/json"
HOLD = 300 * SECOND


async def propose(request: Request) -> Response:
    """Submit a proposal; durable when answered. The same key again gets the same case."""
    desk = desk_of(request)
    actor = await actor_of(request)
    actor.need_scope("submit")
    need_json(request)
    nonce, hold = _start_at_once(actor, request)
    prepared = command(actor, await body_of(request), request.headers.get("idempotency-key"), nonce, hold)
    prepared = await desk.plane.supervisors.aread(prepared)
    status, data = answer(await desk.plane.arun(submit.submit, prepared))
    return Response(data, status, media_type=MEDIA_TYPE)


def command(actor: Actor, data: bytes, key: str | None, nonce: str | None = None, hold: int = HOLD) -> submit.Submit:
    """What a body and its Idempotency-Key ask for. Raises `InvalidInput` and `Forbidden`."""
    proposal = _named(actor, proposal_from_json(data), key)
    return submit.prepare(actor, proposal, draw=random_unit(), nonce=nonce, hold=hold)


def answer(made: submit.Submitted) -> tuple[int, bytes]:
    """Status and body for a submission that is durable."""
    return 200 if made.replayed else 201, views.to_json(views.submitted_to_json(made))


def _named(actor: Actor, proposal: Proposal, key: str | None) -> Proposal:
    """The proposal under the agent that the key speaks for, with the key of the header."""
    changed: dict[str, Any] = {}
    if actor.kind == "agent" and actor.name and proposal.agent != actor.name:
        if proposal.agent is not None:
            raise Forbidden(
                f"this key speaks for the agent {actor.name!r}", remedy="Leave agent out, or use that agent's key."
            )
        changed["agent"] = actor.name
    if key is not None and proposal.key != key:
        if proposal.key is not None:
            raise InvalidInput("the key in the body and Idempotency-Key differ", remedy="Give one of them.")
        changed["key"] = key
    if not changed:
        return proposal
    # several times faster than dataclasses.replace on the hot path
    return Proposal(**{name: getattr(proposal, name) for name in Proposal.__slots__} | changed)


def _start_at_once(actor: Actor, request: Request) -> tuple[str | None, int]:
    """With `?nonce=` an approval that needs nobody is started in the same transaction."""
    query = request.scope["query_string"]
    if not query:
        return None, HOLD
    nonce = request.query_params.get("nonce")
    if nonce is None:
        return None, HOLD
    actor.need_scope("execute")
    lasting = parking.seconds_up_to(request.query_params.get("lasting") or "300", LONGEST_HOLD, "lasting")
    need_hold("lasting", lasting)
    if not 1 <= len(nonce) <= 200 or not nonce.isprintable():
        raise InvalidInput("nonce is 1 to 200 printable characters")
    return nonce, int(lasting * SECOND)


async def wait_for_decision(request: Request) -> Response:
    """The decision; with `?wait=` seconds (at most 60) the answer comes as soon as it is made."""
    desk = desk_of(request)
    actor = await actor_of(request)
    case_id = request.path_params["case_id"]
    wait = parking.seconds(request.query_params.get("wait"))
    decided: Staged | bool = await desk.look(_decided, desk, actor, case_id)
    if not decided and wait > 0:
        log = await desk.look(desk.plane.log_of, actor.workspace)
        decided = await parking.until_decided(desk, case_id, log, _ready(desk, actor, case_id), wait)
    if not decided:
        return Response(b'{"status":"open"}', 202, media_type=MEDIA_TYPE)
    if isinstance(decided, Staged):
        assert decided.decision is not None
        made = views.decided_to_json(decided.decision, decided)
    else:
        decision = await desk.look(desk.plane.decision, actor.workspace, case_id)
        assert decision is not None
        made = decision_to_json(decision)
    return Response(views.to_json({"decision": made}), media_type=MEDIA_TYPE)


def _ready(desk: Desk, actor: Actor, case_id: str) -> Any:
    look = functools.partial(_decided, desk, actor, case_id)
    if desk.plane.store.engine == "sqlite":
        return look
    return functools.partial(asyncio.to_thread, look)


def _decided(desk: Desk, actor: Actor, case_id: str) -> bool:
    found = desk.plane.store.read_hot(statements.decision_peek, case_id=case_id, workspace=actor.workspace)
    if not found or bound_to(actor) not in (None, found[0][1]):
        raise NotFound(f"there is no case {case_id!r} in this workspace")
    return found[0][0] is not None


HOT = [
    Route("/v1/proposals", propose, methods=["POST"]),
    Route("/v1/proposals/{case_id}/decision", wait_for_decision, methods=["GET"]),
]


# --- the rest -----------------------------------------------------------------------------------


@router.get("/{case_id}")
async def show(request: Request, case_id: str, actor: Caller) -> dict[str, JSON]:
    """A proposal, its decision and its execution. An agent's key sees its own agent's only."""
    plane = desk_of(request).plane
    need_any_scope(actor, "read", "submit")
    return await asyncio.to_thread(_show, plane, actor, case_id)


def _show(plane: Any, actor: Actor, case_id: str) -> dict[str, JSON]:
    row = own(actor, plane.proposal(actor.workspace, case_id))
    case = views.seen(plane, actor.workspace, case_id)
    blind = views.is_blind(actor, case)
    if views.looks_afresh(actor, case):
        raise NotFound("what became of it is shown once you have answered", remedy="Answer the case first.")
    return views.proposal_to_json(plane, row, blind=blind, person=actor.kind == "person")


@router.post("/{case_id}/cancel")
async def take_back(request: Request, case_id: str, body: CancelBody, actor: Caller) -> dict[str, JSON]:
    """Take an undecided proposal back."""
    desk = desk_of(request)
    await desk.look(lambda: own(actor, desk.plane.proposal(actor.workspace, case_id)))
    made = await desk.plane.arun(cancel.cancel, cancel.Cancel(actor=actor, case_id=case_id, reason=body.reason))
    assert made.decision is not None
    return {"decision": views.decided_to_json(made.decision, made.receipt)}


@router.post("/{case_id}/outcome", status_code=201)
async def record_outcome(request: Request, case_id: str, body: OutcomeBody, actor: Caller) -> dict[str, JSON]:
    """Say what turned out; it becomes a label."""
    desk = desk_of(request)
    await desk.look(lambda: own(actor, desk.plane.proposal(actor.workspace, case_id)))
    id = await desk.plane.arun(
        outcome.record,
        outcome.Record(
            actor=actor,
            case_id=case_id,
            correct=body.correct,
            value=body.value,
            source=body.source,
            severe=body.severe,
            id=body.id,
        ),
    )
    return {"id": id, "case_id": case_id}


@router.post("/{case_id}/undo")
async def take_effect_back(request: Request, case_id: str, body: UndoBody, actor: Caller) -> dict[str, JSON]:
    """Void an execution that has not begun, or propose the action's declared reverse."""
    desk = desk_of(request)
    await desk.look(lambda: own(actor, desk.plane.proposal(actor.workspace, case_id)))
    made = await desk.plane.arun(undo.undo, undo.Undo(actor=actor, case_id=case_id, reason=body.reason))
    return {"voided": made.voided, "case_id": made.case_id}


# --- what OpenAPI says of the plain routes ---------------------------------------------------------


def documented() -> tuple[dict[str, Any], dict[str, Any]]:
    """Paths and schemas of the plain routes."""
    schema = TypeAdapter(Proposal).json_schema(ref_template="#/components/schemas/{model}")
    schema["additionalProperties"] = False
    schema["description"] = (Proposal.__doc__ or "").strip()
    definitions = schema.pop("$defs", {})
    paths = {
        "/v1/proposals": {"post": {
            "tags": ["proposals"], "summary": "Propose", "operationId": "propose", "description": propose.__doc__,
            "parameters": [
                _parameter("Idempotency-Key", "header", "The caller's own key; the same one gets the same case."),
                _parameter("nonce", "query", "Start in the same transaction if nobody has to look."),
                _parameter("lasting", "query", "Seconds until it counts as gone: 1 to 86,400.", kind="number"),
            ],
            "requestBody": {"required": True, "content": {
                MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Proposal"}}}},
            "responses": {"201": {"description": "New"}, "200": {"description": "Submitted before"}},
        }},
        "/v1/proposals/{case_id}/decision": {"get": {
            "tags": ["proposals"], "summary": "Wait for the decision", "operationId": "wait_for_decision",
            "description": wait_for_decision.__doc__,
            "parameters": [
                _parameter("case_id", "path", "The case.", required=True),
                _parameter("wait", "query", "Seconds to wait, at most 60.", kind="number"),
            ],
            "responses": {"200": {"description": "Decided"}, "202": {"description": "Still open"}},
        }},
    }  # fmt: skip
    return paths, {"Proposal": schema, **definitions}


def _parameter(name: str, where: str, text: str, *, kind: str = "string", required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required, "description": text, "schema": {"type": kind}}
