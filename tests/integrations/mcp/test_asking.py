"""The client's user is asked whether to wait, and can never decide."""

from __future__ import annotations

from typing import Any

import anyio
import mcp_types as types
import pytest

from handrail.errors import InvalidInput
from handrail.integrations.mcp.asking import KEEP, LATER, Round, Seal
from tests.integrations.mcp.place import MODES, Place, case_of, run, text

both_eras = pytest.mark.parametrize("mode", MODES)
# what a client, or a program behind it, may answer
ANSWERS: dict[str, types.ElicitResult] = {
    "come back later": types.ElicitResult(action="accept", content={"next": LATER}),
    "decline": types.ElicitResult(action="decline"),
    "cancel": types.ElicitResult(action="cancel"),
    "approve": types.ElicitResult(action="accept", content={"next": "approve", "approved": True}),
}


class User:
    """Answers elicitations, and remembers what was asked."""

    def __init__(self, *answers: types.ElicitResult):
        self.answers = list(answers)
        self.asked: list[Any] = []

    async def __call__(self, context: object, params: Any) -> types.ElicitResult:
        self.asked.append(params)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


KEEPS = types.ElicitResult(action="accept", content={"next": KEEP})


@both_eras
def test_keep_waiting_as_often_as_asked_ends_with_the_result(place: Place, mode: str) -> None:
    async def work() -> None:
        user = User(KEEPS)
        async with place.client(mode=mode, elicitation=user, hold=0.6) as client, anyio.create_task_group() as group:

            async def later() -> None:
                await place.until(lambda: len(user.asked) >= 2)
                await place.approve()

            group.start_soon(later)
            assert text(await client.call_tool("append", {"line": "secret line"})) == "appended secret line"
        assert place.effects == ["secret line"]
        assert len(place.open_cases()) == 0
        # the question shows neither arguments nor a way to decide
        assert all("secret line" not in str(asked) for asked in user.asked)
        assert "cannot decide" in user.asked[0].message

    run(work)


@both_eras
@pytest.mark.parametrize("answer", ANSWERS)
def test_answer_anything_else_gives_a_ticket_and_decides_nothing(place: Place, mode: str, answer: str) -> None:
    async def work() -> None:
        user = User(ANSWERS[answer])
        async with place.client(mode=mode, elicitation=user) as client:
            case_id = case_of(await client.call_tool("append", {"line": "a"}))
            assert len(user.asked) == 1
            assert place.open_cases() == [case_id]
            assert place.effects == []
            await place.approve()
            await place.until(lambda: place.effects == ["a"])

    run(work)


def test_keep_waiting_for_ever_ends_with_a_ticket_before_the_client_gives_up(place: Place) -> None:
    async def work() -> None:
        user = User(KEEPS)
        async with place.client(elicitation=user, hold=0.05) as client:
            ticket = await client.call_tool("append", {"line": "a"})
            assert "Not executed yet" in text(ticket)
            assert len(user.asked) == 8
            assert len(place.open_cases()) == 1

    run(work)


def test_ask_nobody_when_told_so(place: Place) -> None:
    async def work() -> None:
        user = User(KEEPS)
        async with place.client(elicitation=user, elicits=False) as client:
            assert "Not executed yet" in text(await client.call_tool("append", {"line": "a"}))
        assert user.asked == []

    run(work)


def test_open_a_state_that_is_forged_or_anothers_is_refused(tmp_path: Any) -> None:
    seal = Seal(tmp_path, "odd")
    state = seal.close(Round(case_id="c1", number=2), name="append", arguments={"line": "a"})
    assert Seal(tmp_path, "odd").open(state, name="append", arguments={"line": "a"}) == Round(case_id="c1", number=2)
    strange = [
        (seal, state[:-2], "append", {"line": "a"}), (seal, "", "append", {"line": "a"}),
        (seal, "ä", "append", {"line": "a"}), (seal, state, "append", {"line": "b"}),
        (seal, state, "big", {"line": "a"}), (Seal(tmp_path, "other"), state, "append", {"line": "a"}),
        (Seal(tmp_path / "x", "odd"), state, "append", {"line": "a"}), (seal, "x" + state, "append", {"line": "a"}),
    ]  # fmt: skip
    for at, forged, name, arguments in strange:
        with pytest.raises(InvalidInput):
            at.open(forged, name=name, arguments=arguments)
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
