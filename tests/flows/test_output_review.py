"""What is about to be delivered is read by people first: in process and over HTTP."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import BaseModel

import handrail
from tests.flows.conftest import World
from tests.flows.test_stories import answering, leave


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


def test_review_an_output_that_is_approved_delivers_it_as_it_was(world: World) -> None:
    someone = answering(world.desk("ann"), lambda held: held.approve())
    assert world.client().review(DRAFT, kind="output", timeout=20) == DRAFT
    someone.join()


def test_review_an_output_that_is_redirected_says_what_to_do_instead(world: World) -> None:
    someone = answering(world.desk("ann"), lambda held: held.redirect("name your sources"))
    with pytest.raises(handrail.Redirected) as asked:
        world.client().review(DRAFT, kind="output", timeout=20)
    assert asked.value.instruction == "name your sources"
    someone.join()


def test_review_an_output_on_an_event_loop_gives_what_a_person_wrote_instead(world: World) -> None:
    async def story() -> None:
        hr = world.client()
        someone = answering(world.desk("ann"), lambda held: held.respond({"title": "Boats", "findings": []}))
        assert await hr.aio.review(DRAFT, kind="output", timeout=20) == Report(title="Boats", findings=[])
        someone.join()
        await leave(hr)

    asyncio.run(story())
