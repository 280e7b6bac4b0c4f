"""The policy over HTTP: read, put in force, explain."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request

from handrail.canonical import JSON
from handrail.errors import NotFound
from handrail.intake import proposal_from
from handrail.lifecycle import policies, watching
from handrail.lifecycle.actor import Actor
from handrail.maintenance.plane import Plane
from handrail.policy.evaluate import compile_text
from handrail.policy.explain import explain
from handrail.policy.facts import NO_FACTS
from handrail.server.bodies import ExplainBody, PolicyBody
from handrail.server.callers import Caller
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute
from handrail.store import reads, statements

router = APIRouter(prefix="/v1/policy", tags=["policy"], route_class=StrictRoute)


@router.get("")
def show(request: Request, actor: Caller) -> dict[str, JSON]:
    """The policy in force: name, digest, text, and the text read as a document."""
    actor.need_scope("read")
    return _in_force(desk_of(request).plane, actor)


@router.put("")
async def put(request: Request, body: PolicyBody, actor: Caller) -> dict[str, JSON]:
    """Put a policy text in force; cases already routed keep theirs."""
    plane = desk_of(request).plane
    actor.need_scope("admin")
    # compiling takes long enough to be done before the writer has its turn
    await asyncio.to_thread(policies.compiled, body.text, body.name)
    await plane.arun(policies.change, (actor, body.name, body.text))
    return await asyncio.to_thread(_in_force, plane, actor)


@router.post("/explain")
def explain_one(request: Request, body: ExplainBody, actor: Caller) -> dict[str, JSON]:
    """What the policy says about a proposal, and why, standing alarms included; nothing is submitted.

    Sums and budgets are taken as unused.
    """
    actor.need_scope("read")
    plane = desk_of(request).plane
    text = body.text if body.text is not None else str(_in_force(plane, actor)["text"])
    policy, proposal, now = compile_text(text), proposal_from(body.proposal), plane.clock.now()
    watch = watching.read(plane.store.read_hot(statements.workspace_get, id=actor.workspace)[0][5])
    return explain(policy, proposal, watching.beside(NO_FACTS, watch, policy, proposal, now), now=now, draw=1.0)


def _in_force(plane: Plane, actor: Actor) -> dict[str, JSON]:
    found = reads.policy_text(plane.store, actor.workspace)
    if found is None:
        raise NotFound("this workspace has no policy", remedy="Put one in force: PUT /v1/policy.")
    document = policies.compiled(found.text, found.name).document.model_dump(mode="json", exclude_defaults=True)
    return {"name": found.name, "digest": found.digest, "text": found.text, "document": document}
