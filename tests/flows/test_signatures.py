"""What may be gated, and what of its arguments and results can be stored. The effect is never lost to an odd value."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import functools
import inspect
import math
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, BeforeValidator, Field, SecretStr

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

    class Stepping:
        def __call__(self, n: int) -> Iterator[int]:
            yield n

    refused: list[tuple[Any, str]] = [
        (steps, "generator"), (later, "generator"), (Stepping(), "generator"), (by_place, "position"),
    ]  # fmt: skip
    for function, why in refused:
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
    assert pending.result(timeout=60) == Decimal("7.50")


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


def plainly(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that knows nothing of coroutines and generators."""

    @functools.wraps(function)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return inner


async def _later(n: int) -> int:
    raise AssertionError("nobody awaits it")


def _steps(n: int) -> Iterator[int]:
    raise AssertionError("nobody reads it")
    yield n


async def _later_steps(n: int) -> AsyncIterator[int]:
    raise AssertionError("nobody reads it")
    yield n


@pytest.mark.parametrize("function", [_later, _steps])
def test_call_that_only_made_a_coroutine_or_generator_failed_and_says_so(
    world: World, function: Callable[..., Any]
) -> None:
    gated = gate(world, plainly(function), key="once")
    with pytest.raises(InvalidInput, match="did nothing") as raised:
        gated(1)
    assert raised.value.remedy
    with pytest.raises(handrail.ToolFailed):
        gated(1)


def _acts_first(n: int) -> Iterator[int]:
    return (each for each in range(n))


def _hands_on(n: int) -> Any:
    return _later(n)


@pytest.mark.parametrize("function", [_acts_first, _hands_on, plainly(_later_steps)])
def test_call_that_ran_and_left_the_rest_to_nobody_is_settled_by_a_person(
    world: World, function: Callable[..., Any]
) -> None:
    gated = gate(world, function, key="once")
    with pytest.raises(handrail.Uncertain, match="nobody runs"):
        gated(1)
    with pytest.raises(handrail.OutcomeUnknown):
        gated(1)


def test_coroutine_that_returns_a_generator_or_another_coroutine_did_not_succeed(world: World) -> None:
    async def steps(n: int) -> Any:
        return _acts_first(n)

    async def twice(n: int) -> Any:
        return _later(n)

    async def story() -> None:
        client = world.client()
        for function in (steps, twice):
            gated = client.gate("pay", confidence=0.99, amount="1", currency="INR", key=function.__name__)(function)
            with pytest.raises(handrail.Uncertain, match="nobody runs"):
                await gated(1)
            with pytest.raises(handrail.OutcomeUnknown):
                await gated(1)
        await client.transport.aclose()

    asyncio.run(story())


def test_blocking_result_of_an_asynchronous_gate_is_no_success(world: World) -> None:
    async def act(n: int) -> int:
        world.ledger.append((n,))
        return n

    async def story() -> None:
        client = world.client()
        gated = client.gate("pay", confidence=0.99, amount="1", currency="INR")(act)
        pending = await gated.request(4)
        with pytest.raises(InvalidInput, match="did nothing") as raised:
            pending.result()
        assert "await pending" in raised.value.remedy
        with pytest.raises(handrail.ToolFailed):
            await pending
        await client.transport.aclose()

    asyncio.run(story())
    assert world.ledger == []


def test_undo_that_is_a_coroutine_function_is_refused_whichever_comes_first(world: World) -> None:
    def act(n: int) -> int:
        return n

    async def back(arguments: Any, result: Any) -> None:
        world.ledger.append(("back",))

    client = world.client()
    with pytest.raises(InvalidInput, match="coroutine"):
        client.gate("refund", undo=back)(act)
    client.gate("pay", undo=lambda arguments, result: None)(act)
    with pytest.raises(InvalidInput, match="coroutine"):
        client.gate("refund", undo=back)(act)


@dataclasses.dataclass
class Refund:
    cents: int


@dataclasses.dataclass
class Charge:
    cents: int


class Account(BaseModel):
    id: str
    limit: float = 1


class Special(Account):
    iban: str = "X"


class Hiding(BaseModel):
    token: str = Field("t", exclude=True)


class Colour(enum.Enum):
    red = "r"


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass(eq=False)
class Line:
    colour: Colour
    length: float
    notes: dict[str, Any]


def noting(world: World, hint: Any, **more: Any) -> Any:
    def note(value: Any) -> None:
        world.ledger.append((value,))

    note.__annotations__ = {} if hint is None else {"value": hint}
    return gate(world, note, **more)


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (Refund | Charge, Charge(5)),
        (list[Refund | Charge], [Charge(5)]),
        (Account, Special(id="a", iban="DE")),
        (SecretStr, SecretStr("hunter2")),
        (Hiding, Hiding(token="hunter2")),
        (str | bytes, b"abc"),
        (str | datetime, datetime(2020, 1, 1)),
        (dict[str, Path | str], {"a": Path("/x")}),
        (Annotated[int, BeforeValidator(lambda n: n * 100)], 5),
    ],
)
def test_argument_that_its_record_would_turn_into_another_is_refused(world: World, hint: Any, value: Any) -> None:
    with pytest.raises(InvalidInput, match="value") as raised:
        noting(world, hint)(value)
    assert "stored" in raised.value.remedy
    assert "hunter2" not in str(raised.value)
    assert world.ledger == []


KOLKATA = ZoneInfo("Asia/Kolkata")
TWICE = datetime(2020, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)


@pytest.mark.parametrize(
    ("hint", "value", "ran"),
    [
        (float, 1, 1.0), (Colour, "r", Colour.red), (Colour | None, Colour.red, Colour.red), (int, "5", 5),
        (tuple[int, ...], [1, 2], (1, 2)), (list[int], (1, 2), [1, 2]), (Sequence[int], (1, 2), [1, 2]),
        (set[int], {1, 2}, {1, 2}), (dict[int, str], {1: "a"}, {1: "a"}), (Point, Point(1, 2), Point(1, 2)),
        (Decimal, Decimal("1.10"), Decimal("1.10")), (Decimal, 5, Decimal(5)), (bytes, b"abc", b"abc"),
        (datetime, datetime(2020, 1, 1, tzinfo=KOLKATA), datetime(2020, 1, 1, tzinfo=KOLKATA)),
        (datetime, TWICE, TWICE.astimezone(timezone(timedelta(hours=1)))), (timedelta, timedelta(1.5), timedelta(1.5)),
        (Refund, Refund(5), Refund(5)), (Refund | Account, Account(id="a"), Account(id="a")),
        (Account, {"id": "a"}, Account(id="a", limit=1.0)), (Path, Path("/x"), Path("/x")), (int | str, "5", "5"),
        (int | float, 1.5, 1.5), (UUID, UUID(int=5), UUID(int=5)), (Literal["a"], "a", "a"), (int | None, None, None),
        (None, Decimal(5), "5"), (Any, (1, 2), [1, 2]), (dict[str, Any], {"a": Decimal(5)}, {"a": "5"}),
        (dict, {"a": (1,)}, {"a": [1]}), (str, type("Text", (str,), {})("a"), "a"),
    ],
)  # fmt: skip
def test_argument_that_is_read_back_as_the_hint_says_runs(hint: Any, value: Any, ran: Any, world: World) -> None:
    noting(world, hint)(value)
    assert world.ledger == [(ran,)]


def test_parts_that_a_hint_leaves_open_run_as_their_json_and_iterators_still_run(world: World) -> None:
    noting(world, Line)(Line(Colour.red, 3, {"when": Decimal(5)}))
    ((line,),) = world.ledger
    assert (line.colour, line.length, line.notes) == (Colour.red, 3.0, {"when": "5"})
    noting(world, Iterable[int])([1, 2])
    assert list(world.ledger[1][0]) == [1, 2]


SAID = {"categories": "self_harm", "owners": "ann", "harm_classes": "money", "personal_data": "/n"}


@pytest.mark.parametrize("computed", [False, True])
def test_one_category_or_owner_given_as_text_is_one_and_not_its_letters(world: World, computed: bool) -> None:
    def act(n: int) -> int:
        return n

    exhibit = {"kind": "text", "title": "Why", "content": "asked for"}
    said: dict[str, Any] = {**SAID, "evidence": exhibit}
    says = {name: (lambda n, one=value: one) for name, value in said.items()} if computed else said
    made = gate(world, act, **says).proposal(1)
    assert {name: getattr(made, name) for name in said} == {name: (value,) for name, value in said.items()}
    assert gate(world, act, categories="", owners=None).proposal(1).categories == ()


def test_category_given_as_text_is_watched_as_in_a_list_of_one(tmp_path: Path) -> None:
    policy = """
escalation_policies:
  - action_type: publish
    auto_approve_threshold: 0.9
    categories_always_review: [self_harm]
"""

    def act(n: int) -> int:
        return n

    with handrail.open(tmp_path / "handrail.db", policy=policy) as hr:
        for categories in ("self_harm", ("self_harm",), lambda n: "self_harm"):
            gated = hr.gate("publish", confidence=0.99, categories=categories)(act)
            assert gated.request(1).tier == "soft_review"
        assert hr.gate("publish", confidence=0.99)(act).request(1).tier == "auto_approve"
