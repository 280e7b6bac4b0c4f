"""One demo: a control plane, the programs that propose, the people who answer, and the ledger of the outside world."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from handrail.client.client import Client
from handrail.client.local import LocalTransport
from handrail.clock import Clock
from handrail.demo.ledger import Ledger
from handrail.demo.moderation import ACTION as PUBLISH
from handrail.demo.moderation import Moderation
from handrail.demo.office import AGENT, Office
from handrail.demo.people import Person, Subject, team
from handrail.demo.plan import Plan
from handrail.demo.terms import policy_text
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane

if TYPE_CHECKING:
    from handrail.demo.labelling import Labelling

MISSING = "scikit-learn is not installed, so there are no pictures to label: pip install 'handrail[ml]'"


class Stage:
    """What one demo holds. Everything drawn by chance comes from `seed`. Close it; or use it as a context manager."""

    def __init__(self, plane: Plane, *, seed: int, undo: float, people: int, plan: Plan | None):
        actor = Actor(kind="agent", pid=AGENT, name=AGENT, scopes=ALL_SCOPES, auth="local")
        self.seed = seed
        self.plane = plane
        self.ledger = Ledger()
        self.client = Client(LocalTransport(plane, actor, draw=random.Random(f"{seed}/draw").random))
        self._policy = partial(policy_text, undo=undo, people=people)
        self.client.set_policy(self._policy())
        self.office = Office(self.client, self.ledger, random.Random(f"{seed}/office"))
        self.moderation = Moderation(self.client, self.ledger, random.Random(f"{seed}/posts"))
        self.labelling: Labelling | None = None if plan is None else self._labelling(plan)
        self.people: list[Person] = team(self.client, seed)

    def _labelling(self, plan: Plan) -> Labelling:
        labelling = importlib.import_module("handrail.demo.labelling")
        digits = importlib.import_module("handrail.demo.digits")
        policy: Callable[[float | None], str] = lambda cut: self._policy(threshold=cut)  # noqa: E731
        made: Labelling = labelling.Labelling(self.client, digits.load(), plan, self.seed, policy)
        return made

    def record(self, case_id: str) -> dict[str, Any]:
        """What a case proposes, as a reviewer sees it."""
        return self.plane.proposal(self.plane.workspace_id, case_id).record()

    def subject(self, action: str) -> Subject:
        """Who knows the facts about an action."""
        if action.startswith("image_") and self.labelling is not None:
            return self.labelling
        return self.moderation if action == PUBLISH else self.office

    def close(self) -> None:
        """Stop the workers and the plane."""
        self.client.close()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def can_label() -> bool:
    """Whether scikit-learn is there."""
    return find_spec("sklearn") is not None


def open_plane(path: Any, *, undo: float, people: int, clock: Clock | None = None) -> Plane:
    """A control plane on SQLite. With a clock of its own nothing happens by itself: its loops are stepped."""
    return Plane(path, policy=policy_text(undo=undo, people=people), policy_name="demo", clock=clock,
                 loops=clock is None)  # fmt: skip
