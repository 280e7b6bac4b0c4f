"""Who does something, as a verb and the audit log see him."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from handrail import names
from handrail.errors import Forbidden

ActorKind = Literal["person", "agent", "policy", "system"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who was let in. `pid` is the pseudonym that stands in entries."""

    kind: ActorKind
    pid: str
    workspace: str = "default"
    name: str = ""
    email: str = ""
    roles: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    # how he showed who he is: password, key, local
    auth: str | None = None

    def entry(self) -> dict[str, str]:
        """As it stands in an audit entry."""
        made = {"kind": self.kind, "pid": self.pid}
        if self.auth:
            made["auth"] = self.auth
        return made

    def need_scope(self, scope: str) -> None:
        """Raise `Forbidden` unless the actor may do this sort of thing."""
        if scope not in self.scopes and "admin" not in self.scopes:
            raise Forbidden(
                f"{self.kind} {self.pid} has no {scope!r} scope", remedy=f"Use a key or an account with {scope!r}."
            )

    def need_role(self, *roles: str) -> None:
        """Raise `Forbidden` unless the actor holds one of these roles (or is an admin)."""
        if "admin" not in self.roles and not self.roles.intersection(roles):
            raise Forbidden(f"this needs the role {' or '.join(roles)}", remedy="Ask somebody who holds it.")

    def need_lead(self) -> None:
        """Raise `Forbidden` unless this is a lead, or a key that may administer."""
        if self.kind == "person":
            self.need_role("lead")
        else:
            self.need_scope("admin")

    def handles(self, secret: bytes) -> dict[str, str]:
        """Every pseudonym under which this person may have been excluded from a case."""
        return {
            "me": self.pid,
            "me_id": pseudonym(secret, self.pid),
            "me_name": pseudonym(secret, self.name or self.pid),
            "me_email": pseudonym(secret, self.email or self.pid),
        }


def bound_to(actor: Actor) -> str | None:
    """The agent whose cases, keys and parks alone this actor may touch; None for who may see the whole workspace."""
    if actor.kind != "agent" or actor.scopes & {"read", "admin"}:
        return None
    return actor.name or None


@lru_cache(maxsize=4096)
def pseudonym(secret: bytes, name: str) -> str:
    """A stable stand-in for a name given in a proposal, meaningless without the workspace's secret."""
    return "x_" + hmac.new(secret, names.person(name).encode(), hashlib.sha256).hexdigest()[:20]


ALL_SCOPES = frozenset({"submit", "review", "read", "execute", "admin"})
SYSTEM = Actor(kind="system", pid="handrail")
POLICY = Actor(kind="policy", pid="policy")
