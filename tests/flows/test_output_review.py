"""What is about to be delivered is read by people first: in process and over HTTP."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

import handrail
from tests.flows.conftest import World
from tests.flows.test_stories import answering


class Report(BaseModel):
    title: str
    findings: list[str]


DRAFT = Report(title="Trains", findings=["it runs", "it flies"])


def test_review_an_output_delivers_what_people_left_standing(world: World) -> None:
    left = {"output": {"title": "Trains", "findings": ["it runs"]}}
    someone = answering(world.desk("ann"), lambda held: held.edit(left))
    assert world.client().review(DRAFT, kind="output") == Report(title="Trains", findings=["it runs"])
    someone.join()


def test_review_an_output_that_is_refused_delivers_nothing(world: World) -> None:
    someone = answering(world.desk("ann"), lambda held: held.reject("not_allowed"))
    with pytest.raises(handrail.Rejected):
        world.client().review(DRAFT, kind="output", timeout=20)
    someone.join()
