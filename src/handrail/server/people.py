"""People and API keys over HTTP. Secrets are shown once, when they are made."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from handrail.canonical import JSON
from handrail.clock import iso
from handrail.errors import NotFound
from handrail.lifecycle import access
from handrail.lifecycle.actor import Actor
from handrail.maintenance.plane import Plane
from handrail.server import passwords
from handrail.server.bodies import KeyBody, PersonBody, PersonChange
from handrail.server.callers import Caller
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute
from handrail.store import reads

router = APIRouter(prefix="/v1", tags=["access"], route_class=StrictRoute)


@router.get("/people")
def list_people(request: Request, actor: Caller) -> dict[str, JSON]:
    """Everybody of this workspace."""
    actor.need_scope("admin")
    return {"items": [person_to_json(row) for row in reads.people(desk_of(request).plane.store, actor.workspace)]}


@router.post("/people", status_code=201)
async def add_person(request: Request, body: PersonBody, actor: Caller) -> dict[str, JSON]:
    """Let somebody in. A password that was not given is made, and shown this once."""
    desk = desk_of(request)
    actor.need_scope("admin")
    password = body.password or passwords.fresh()
    command = access.AddPerson(
        actor=actor, name=body.name, email=body.email, password=await desk.passwords.hash(password),
        roles=tuple(body.roles), skills=tuple(body.skills),
    )  # fmt: skip
    id = await desk.plane.arun(access.add_person, command)
    made = await asyncio.to_thread(_person, desk.plane, actor, id)
    return made if body.password else made | {"password": password}


@router.patch("/people/{person_id}")
async def change_person(request: Request, person_id: str, body: PersonChange, actor: Caller) -> dict[str, JSON]:
    """Change roles, skills, standing or password; sessions end where that could matter."""
    desk = desk_of(request)
    actor.need_scope("admin")
    command = access.ChangePerson(
        actor=actor, id=person_id, roles=None if body.roles is None else tuple(body.roles),
        skills=None if body.skills is None else tuple(body.skills), active=body.active,
        password=None if body.password is None else await desk.passwords.hash(body.password),
    )  # fmt: skip
    await desk.plane.arun(access.change_person, command)
    desk.keys.clear()
    return await asyncio.to_thread(_person, desk.plane, actor, person_id)


def _person(plane: Plane, actor: Actor, id: str) -> dict[str, JSON]:
    for row in reads.people(plane.store, actor.workspace):
        if row.id == id:
            return person_to_json(row)
    raise NotFound(f"there is no person {id!r}")


def person_to_json(row: Any) -> dict[str, JSON]:
    return {
        "id": row.id, "name": row.name, "email": row.email, "roles": [r for r in row.roles.split(",") if r],
        "skills": [s for s in row.skills.split(",") if s], "active": bool(row.active),
        "created_at": iso(row.created_at),
    }  # fmt: skip


@router.get("/keys")
def list_keys(request: Request, actor: Caller) -> dict[str, JSON]:
    """API keys, without their secrets."""
    actor.need_scope("admin")
    return {"items": [_key(row) for row in reads.keys(desk_of(request).plane.store, actor.workspace)]}


@router.post("/keys", status_code=201)
async def make_key(request: Request, body: KeyBody, actor: Caller) -> dict[str, JSON]:
    """Make an API key; the whole key is shown this once."""
    desk = desk_of(request)
    actor.need_scope("admin")
    if body.person is not None:
        await asyncio.to_thread(_person, desk.plane, actor, body.person)
    id, text, digest = access.new_key()
    command = access.MakeKey(
        actor=actor, id=id, name=body.name, secret_digest=digest, scopes=tuple(body.scopes), agent=body.agent,
        person=body.person, lifetime_seconds=body.lifetime_seconds,
    )  # fmt: skip
    await desk.plane.arun(access.make_key, command)
    return {"id": id, "key": text, "name": body.name, "scopes": sorted(set(body.scopes))}


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(request: Request, key_id: str, actor: Caller) -> Response:
    """End a key: here at once, in other processes within five seconds."""
    desk = desk_of(request)
    await desk.plane.arun(access.revoke_key, (actor, key_id))
    desk.keys.clear()
    return Response(status_code=204)


def _key(row: Any) -> dict[str, JSON]:
    return {
        "id": row.id, "name": row.name, "scopes": row.scopes.split(","), "agent": row.agent, "person": row.person,
        "created_at": iso(row.created_at), "expires_at": None if row.expires_at is None else iso(row.expires_at),
        "revoked_at": None if row.revoked_at is None else iso(row.revoked_at),
    }  # fmt: skip
