"""A server with people and keys, on a real socket: what every server test stands on."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from handrail.lifecycle import access
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane
from handrail.server.desk import Desk
from handrail.server.passwords import hashed
from handrail.server.run import running
from handrail.server.settings import Settings
from handrail.server.shown import Shown

POLICY = """
escalation_policies:
  - action_type: pay
    auto_approve_threshold: 0.95
    soft_review_threshold: 0.80
    max_auto_approve_amount_inr: 10000
    require_two_reviewers_above_inr: 500000
    undo_seconds: 0
    sla_seconds: 3600
  - action_type: post
    auto_approve_threshold: 0.95
    soft_review_threshold: 0.80
    undo_seconds: 60
    sla_seconds: 3600
review_settings: {reviewer_session_limit_minutes: 600}
"""
PASSWORD = "right-horse-battery"
# hashing takes 64 MiB and a fifth of a second; everybody in the tests has the same password
HASH = hashed(PASSWORD)


class Site:
    """One workspace's people and keys on a running server."""

    def __init__(self, plane: Plane, address: str, desk: Desk, workspace: str = "default"):
        self.plane = plane
        self.desk = desk
        # whoever answers here has read the card for a minute
        self.desk.shown = Shown(itertools.count(step=60.0).__next__)
        self.address = address
        self.workspace = workspace
        self.operator = Actor(kind="system", pid="operator", workspace=workspace, scopes=ALL_SCOPES, auth="local")
        self.people: dict[str, str] = {}
        self._open: list[httpx2.Client] = []

    def person(self, name: str, *roles: str, skills: tuple[str, ...] = ()) -> str:
        """Somebody with these roles; returns the id."""
        if name not in self.people:
            command = access.AddPerson(
                actor=self.operator, name=name, email=f"{name}@{self.workspace}.example", password=HASH,
                roles=roles or ("reviewer",), skills=skills,
            )  # fmt: skip
            self.people[name] = self.plane.run(access.add_person, command)
        return self.people[name]

    def key(self, *scopes: str, agent: str | None = None, person: str | None = None, seconds: int | None = None) -> str:
        """An API key."""
        id, text, digest = access.new_key()
        command = access.MakeKey(
            actor=self.operator, id=id, name="test", secret_digest=digest, scopes=scopes or ("submit", "execute"),
            agent=agent, person=person, lifetime_seconds=seconds,
        )  # fmt: skip
        self.plane.run(access.make_key, command)
        return text

    def program(self, *scopes: str, agent: str | None = None) -> httpx2.Client:
        """A client with a fresh API key."""
        return self.client(headers={"Authorization": f"Bearer {self.key(*scopes, agent=agent)}"})

    def signed_in(self, name: str, *roles: str) -> httpx2.Client:
        """A browser's client with a session and its CSRF token."""
        self.person(name, *roles)
        client = self.client()
        body = {"email": f"{name}@{self.workspace}.example", "password": PASSWORD, "workspace": self.workspace}
        answer = client.post("/v1/session", json=body)
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client

    def client(self, **options: Any) -> httpx2.Client:
        """A client without any right."""
        made = httpx2.Client(base_url=self.address, timeout=30, **options)
        self._open.append(made)
        return made

    def beside(self, workspace: str) -> Site:
        """Another workspace on the same server."""
        made = Site(self.plane, self.address, self.desk, workspace)
        made._open = self._open
        return made

    def close(self) -> None:
        for client in self._open:
            client.close()


@contextlib.contextmanager
def site(
    database: str | Path, *, policy: str = POLICY, settings: Settings | None = None, **options: Any
) -> Iterator[Site]:
    """A running server over a database."""
    with Plane(database, policy=policy, **options) as plane, running(plane, settings or Settings(port=0)) as server:
        made = Site(plane, server.address, server.desk)
        try:
            yield made
        finally:
            made.close()


def propose(client: httpx2.Client, **fields: Any) -> dict[str, Any]:
    """Submit a proposal that a person must look at, unless the fields say otherwise."""
    body = {"action": "pay", "arguments": {"to": "A1", "amount": 5}, "amount_inr": 5, "confidence": 0.1} | fields
    answer = client.post("/v1/proposals", json=body)
    assert answer.status_code in (200, 201), answer.text
    made: dict[str, Any] = answer.json()
    return made


def take(client: httpx2.Client, case_id: str) -> dict[str, Any]:
    """Claim a case; what a review must name."""
    answer = client.post(f"/v1/cases/{case_id}/claim", json={})
    assert answer.status_code == 200, answer.text
    taken = answer.json()
    return {
        "fence": taken["claim"]["fence"], "revision": taken["card"]["revision"], "card": taken["card"]["digest"],
    }  # fmt: skip


def answer(client: httpx2.Client, case_id: str, verdict: str, **fields: Any) -> httpx2.Response:
    """Claim and answer a case."""
    return client.post(f"/v1/cases/{case_id}/reviews", json={**take(client, case_id), "verdict": verdict, **fields})
