"""What may be gated, and what of its arguments and results can be stored. The effect is never lost to an odd value."""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

import handrail
from handrail.errors import InvalidInput, MalformedJSON
from tests.flows.conftest import World


def gate(world: World, function: Callable[..., Any], **more: Any) -> Any:
    return world.client().gate("pay", confidence=0.99, amount="1", currency="INR", **more)(function)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_number_that_is_none_deep_in_an_argument_is_refused_and_nothing_runs(world: World, bad: float) -> None:
    def note(typed: float, anything: Any) -> None:
        world.ledger.append((typed, anything))

    gated = gate(world, note)
    for arguments in ((bad, 1), (1.0, bad), (1.0, {"deep": [bad]})):
        with pytest.raises(MalformedJSON):
            gated(*arguments)
    assert world.ledger == []


def test_bytes_that_are_no_text_are_refused_in_words(world: World) -> None:
    def note(data: bytes) -> None:
        world.ledger.append((data,))

    with pytest.raises(InvalidInput, match="JSON form"):
        gate(world, note)(b"\xff\x00")
    assert world.ledger == []


@pytest.mark.parametrize(
    ("result", "again"),
    [
        (math.inf, "inf"),
        (2**60, str(2**60)),
        ([math.inf, {"a": 2**60}], ["inf", {"a": str(2**60)}]),
        ("\ud800", None),
        (b"\xff", None),
    ],
)
def test_odd_result_reaches_the_caller_and_the_execution_is_over(world: World, result: Any, again: Any) -> None:
    def act() -> Any:
        world.ledger.append(("acted",))
        return result

    gated = gate(world, act, key="once")
    assert gated() == result
    second = gated()
    assert second == again or "unreadable" in second
    assert world.ledger == [("acted",)]


def test_large_and_infinite_results_come_back_as_the_return_type(world: World) -> None:
    def count() -> int:
        return 2**60

    def measure() -> float:
        return math.inf

    for function, result in ((count, 2**60), (measure, math.inf)):
        gated = gate(world, function, key=function.__name__)
        assert gated() == gated() == result


def test_error_that_quotes_no_text_is_still_recorded_as_a_failure(world: World) -> None:
    def act() -> None:
        raise ValueError("bad \ud800")

    gated = gate(world, act, key="once")
    with pytest.raises(ValueError, match="bad"):
        gated()
    with pytest.raises(handrail.ToolFailed):
        gated()


def test_parameters_named_like_parts_of_a_model_are_plain_parameters(
    world: World, recwarn: pytest.WarningsRecorder
) -> None:
    def act(_id: int, schema: str, model_config: int = 2, copy: int = 3) -> tuple[int, str, int, int]:
        return _id, schema, model_config, copy

    gated = gate(world, act)
    assert gated(1, "s") == (1, "s", 2, 3)
    assert gated.proposal(1, "s").arguments == {"_id": 1, "schema": "s", "model_config": 2, "copy": 3}
    assert list(gated.proposal(1, "s").schema["properties"]) == ["_id", "schema", "model_config", "copy"]
    assert [str(w.message) for w in recwarn if "shadows" in str(w.message)] == []


def test_what_would_act_after_its_end_was_recorded_is_not_gated(world: World) -> None:
    def steps(n: int) -> Iterator[int]:
        yield n

    async def later(n: int) -> AsyncIterator[int]:
        yield n

    def by_place(n: int, /) -> int:
        return n

    for function, why in ((steps, "generator"), (later, "generator"), (by_place, "position")):
        with pytest.raises(InvalidInput, match=why):
            gate(world, function)


def test_object_with_an_asynchronous_call_is_awaited_inside_its_execution(world: World) -> None:
    class Tool:
        async def __call__(self, n: int) -> int:
            await asyncio.sleep(0)
            return n + 1

    async def story() -> int:
        client = world.client()
        try:
            return await client.gate("pay", confidence=0.99, amount="1", currency="INR")(Tool())(1)
        finally:
            await client.transport.aclose()

    assert asyncio.run(story()) == 2


def test_edit_that_is_no_decimal_is_refused_while_the_case_can_still_be_answered(world: World) -> None:
    def act(amount: Decimal) -> Decimal:
        return amount

    pending = world.client().gate("pay", confidence=0.5, amount="500", currency="INR")(act).request(Decimal(500))
    held = world.desk("Asha").take(pending.case_id)
    for wrong in ("abc", "", "NaN", "5 EUR"):
        with pytest.raises(InvalidInput, match="/amount"):
            held.edit({"amount": wrong})
    held.edit({"amount": "7.50"})
    assert pending.result(timeout=10) == Decimal("7.50")


def test_asynchronous_gate_is_a_coroutine_function_to_whoever_asks(world: World) -> None:
    async def act(n: int, *, twice: bool = False) -> int:
        return n * (1 + twice)

    class Tool:
        async def __call__(self, n: int) -> int:
            return n

        async def method(self, n: int) -> int:
            return n

    made = [gate(world, act), gate(world, act).using(key="k"), gate(world, functools.partial(act, twice=True)),
            gate(world, Tool()), gate(world, Tool().method)]  # fmt: skip
    for gated in made:
        assert isinstance(gated, handrail.AsyncGated)
        assert inspect.iscoroutinefunction(gated)
        assert asyncio.iscoroutinefunction(gated)
        assert inspect.iscoroutinefunction(functools.partial(gated, 1))
    assert str(inspect.signature(made[0])) == "(n: 'int', *, twice: 'bool' = False) -> 'int'"


def test_blocking_gate_is_no_coroutine_function(world: World) -> None:
    def act(n: int) -> int:
        return n

    assert not inspect.iscoroutinefunction(gate(world, act))
    assert not asyncio.iscoroutinefunction(gate(world, act))
