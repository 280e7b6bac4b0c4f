"""The first start: somebody must be able to sign in, and nobody else."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.lifecycle import access
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane
from handrail.server import passwords
from handrail.store import reads

EMAIL = "admin@localhost"
ROLES = ("admin", "auditor", "lead", "reviewer")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPerson:
    """The administrator that a first start makes. The password is nowhere else."""

    id: str
    email: str
    password: str


def first_person(plane: Plane, workspace: str) -> FirstPerson | None:
    """Make the administrator of a workspace that has nobody yet; None if it has somebody."""
    if reads.anybody(plane.store, workspace):
        return None
    password = passwords.fresh()
    command = access.AddPerson(
        actor=operator(workspace), name="Administrator", email=EMAIL, password=passwords.hashed(password), roles=ROLES
    )
    return FirstPerson(id=plane.run(access.add_person, command), email=EMAIL, password=password)


def operator(workspace: str) -> Actor:
    """Whoever may start the program on this machine."""
    return Actor(kind="system", pid="operator", workspace=workspace, scopes=ALL_SCOPES, auth="local")
