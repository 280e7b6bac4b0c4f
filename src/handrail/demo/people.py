"""Simulated reviewers: each reads the case, knows what is right, and errs at a rate of his own."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from handrail.client.client import Client
from handrail.client.desk import Desk
from handrail.demo.saying import Saying
from handrail.errors import Conflict


class Subject(Protocol):
    """What cases are about: knows the right verdict, and a wrong one."""

    def right(self, record: dict[str, Any]) -> Saying: ...

    def slip(self, record: dict[str, Any], rng: random.Random) -> Saying: ...


@dataclass(slots=True, kw_only=True)
class Person:
    """One reviewer at his desk."""

    name: str
    # chance of a wrong answer, in [0, 1]
    error_rate: float
    desk: Desk
    rng: random.Random
    lead: bool = False
    answers: int = 0
    errors: int = 0
    # case → what he answered, of pictures only
    labels: dict[str, Any] = field(default_factory=dict)

    def answer_one(
        self, look: Callable[[str], dict[str, Any]], subject_of: Callable[[str], Subject], *queues: str
    ) -> bool:
        """Take the next case (of these queues) and answer it; false when there is nothing to take.

        `look` reads a case's proposal; `subject_of` says by action who knows the facts.
        """
        held = self.desk.next(*queues)
        if held is None:
            return False
        record = look(held.case_id)
        subject = subject_of(record["action"])
        right = subject.right(record)
        said = subject.slip(record, self.rng) if self.rng.random() < self.error_rate else right
        try:
            self.desk.answer(held.case_id, said.verdict, fence=held.fence, **said.more)
        except Conflict:
            # it expired, or was called off, between taking and answering
            return True
        self.answers += 1
        self.errors += said != right
        if said.verdict == "respond":
            self.labels[held.case_id] = said.more["value"]
        return True


# name, chance of a wrong answer
TEAM: tuple[tuple[str, float], ...] = (("Asha", 0.01), ("Bela", 0.03), ("Chandra", 0.06))
# they judge what the others cannot agree on
LEADS: tuple[tuple[str, float], ...] = (("Lena", 0.005), ("Mohan", 0.01))


def team(client: Client, seed: int) -> list[Person]:
    """Three reviewers, and two leads for what they cannot agree on."""
    people = []
    for name, rate in (*TEAM, *LEADS):
        lead = (name, rate) in LEADS
        desk = client.desk(name, roles=("lead", "reviewer") if lead else ("reviewer",))
        # a generator each: what one does never changes what another would have done
        rng = random.Random(f"{seed}/{name}")
        people.append(Person(name=name, error_rate=rate, desk=desk, rng=rng, lead=lead))
    return people
