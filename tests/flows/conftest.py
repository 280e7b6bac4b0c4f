"""One world, reached in two ways: in process and over a real socket. Every story runs in both."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn

import handrail
from handrail.client.client import Client, connect
from handrail.client.local import LocalTransport
from handrail.lifecycle import access, erase
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane
from handrail.server.app import create_app
from handrail.server.settings import Settings

POLICY = """
escalation_policies:
  - action_type: pay
    auto_approve_threshold: 0.95
    soft_review_threshold: 0.80
    max_auto_approve_amount_inr: 100
    require_two_reviewers_above_inr: 5000
    undo_seconds: 0
    sla_seconds: 60
  - action_type: pay.undo
    autonomy: confirm
    undo_seconds: 0
  - action_type: refund
    auto_approve_threshold: 0.95
    undo: refund.undo
    undo_seconds: 0
  - action_type: book
    autonomy: collaborate
    undo_seconds: 0
  - action_type: sign
    autonomy: human_leads
    auto_approve_threshold: 0.5
    undo_seconds: 0
  - action_type: plan
    autonomy: confirm
    undo_seconds: 0
  - action_type: question
    autonomy: confirm
    undo_seconds: 0
  - action_type: label
    auto_approve_threshold: 0.9
    undo_seconds: 0
  - action_type: slow
    autonomy: confirm
    undo_seconds: 4
"""
OPERATOR = Actor(kind="agent", pid="operator", scopes=ALL_SCOPES)


@dataclass
class World:
    """A control plane and ways to reach it."""

    plane: Plane
    client: Callable[[], Client]
    desk: Callable[..., handrail.Desk]
    # the client of an agent of that name, with these scopes or all
    agent: Callable[..., Client]
    # the outside world's own record of effects
    ledger: list[tuple[object, ...]] = field(default_factory=list)

    def erase(self, subject: str) -> None:
        """Erase a person's values, as an operator does."""
        self.plane.run(erase.erase, erase.Erase(actor=OPERATOR, subject=subject, basis="GDPR-17"))


@pytest.fixture(params=["in process", "over http"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    plane = Plane(tmp_path / "handrail.db", policy=POLICY)
    if request.param == "in process":
        yield from _in_process(plane)
    else:
        yield from _over_http(plane)


def _in_process(plane: Plane) -> Iterator[World]:

    agent = Actor(kind="agent", pid="billing", name="billing", scopes=ALL_SCOPES, auth="local")
    first = Client(LocalTransport(plane, agent, owns_plane=False))
    clients = [first]

    def client() -> Client:
        clients.append(Client(LocalTransport(plane, agent, owns_plane=False)))
        return clients[-1]

    def agent_client(name: str, *scopes: str) -> Client:
        actor = Actor(kind="agent", pid=name, name=name, scopes=frozenset(scopes) or ALL_SCOPES, auth="local")
        clients.append(Client(LocalTransport(plane, actor, owns_plane=False)))
        return clients[-1]

    yield World(plane=plane, client=client, desk=first.desk, agent=agent_client)
    for one in clients:
        one.close()
    plane.close()


def _over_http(plane: Plane) -> Iterator[World]:
    app = create_app(plane, Settings())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{port}"
    clients: list[Client] = []

    def client(key: str | None = None) -> Client:
        clients.append(connect(url, key=key or _key(plane, scopes=tuple(access.SCOPES), agent="billing")))
        return clients[-1]

    def desk(name: str, *, roles: tuple[str, ...] = ("reviewer",), skills: tuple[str, ...] = ()) -> handrail.Desk:
        person = plane.run(
            access.add_person,
            access.AddPerson(
                actor=OPERATOR,
                name=name,
                email=f"{name.lower()}@example.org",
                password=None,
                roles=roles,
                skills=skills,
            ),
        )
        return client(_key(plane, scopes=("review", "read"), person=person)).desk()

    def agent_client(name: str, *scopes: str) -> Client:
        return client(_key(plane, scopes=scopes or tuple(access.SCOPES), agent=name))

    yield World(plane=plane, client=client, desk=desk, agent=agent_client)
    for one in clients:
        one.close()
    app.state.desk.close()
    server.should_exit = True
    thread.join(60)
    plane.close()


def _key(plane: Plane, *, scopes: tuple[str, ...], agent: str | None = None, person: str | None = None) -> str:
    id, text, digest = access.new_key()
    plane.run(
        access.make_key,
        access.MakeKey(
            actor=OPERATOR, id=id, name="test", secret_digest=digest, scopes=scopes, agent=agent, person=person
        ),
    )
    return text
