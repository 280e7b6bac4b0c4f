"""Webhooks over HTTP. The secret is shown once, when it is made."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from handrail.canonical import JSON
from handrail.channels.address import destination
from handrail.channels.webhook import new_secret
from handrail.clock import iso
from handrail.lifecycle import webhooks
from handrail.server.bodies import WebhookBody
from handrail.server.callers import Caller
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute
from handrail.store import reads

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=StrictRoute)


@router.get("")
def list_webhooks(request: Request, actor: Caller) -> dict[str, JSON]:
    """Live webhooks, how many messages wait for each, and the most tries that one of them has had."""
    actor.need_scope("admin")
    return {
        "items": [
            {"id": row.id, "url": row.url, "events": row.events.split(","), "created_at": iso(row.created_at),
             "waiting": row.waiting, "attempts": row.attempts}
            for row in reads.webhooks(desk_of(request).plane.store, actor.workspace)
        ]
    }  # fmt: skip


@router.post("", status_code=201)
async def register(request: Request, body: WebhookBody, actor: Caller) -> dict[str, JSON]:
    """Announce entries, signed after Standard Webhooks, to a public https address."""
    desk = desk_of(request)
    actor.need_scope("admin")
    destination(body.url, ports=desk.settings.webhook_ports, allow_http=desk.settings.webhook_allow_http)
    secret = new_secret()
    command = webhooks.Register(actor=actor, url=body.url, secret=secret, events=tuple(body.events))
    id = await desk.plane.arun(webhooks.register, command)
    return {"id": id, "url": body.url, "events": body.events, "secret": secret}


@router.post("/{webhook_id}/rotate")
async def rotate(request: Request, webhook_id: str, actor: Caller) -> dict[str, JSON]:
    """Make a new secret; the one before it signs beside it until the next rotation."""
    secret = new_secret()
    await desk_of(request).plane.arun(webhooks.rotate, (actor, webhook_id, secret))
    return {"id": webhook_id, "secret": secret}


@router.delete("/{webhook_id}", status_code=204)
async def remove(request: Request, webhook_id: str, actor: Caller) -> Response:
    """Take a webhook down; what still waits for it is dropped."""
    await desk_of(request).plane.arun(webhooks.remove, (actor, webhook_id))
    return Response(status_code=204)
