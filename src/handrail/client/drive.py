"""Drivers: walk a flow step by step, blocking or awaiting. The only two places where that differs."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, TypeVar

from handrail.client.flows import Flow
from handrail.client.steps import Run
from handrail.client.transport import Transport
from handrail.errors import InvalidInput, Uncertain

T = TypeVar("T")


def drive(flow: Flow[T], transport: Transport) -> T:
    """Run a flow to its end on this thread."""
    answer: Any = None
    failed: BaseException | None = None
    while True:
        try:
            step = flow.send(answer) if failed is None else flow.throw(failed)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer = failed = None
        try:
            if isinstance(step, Run):
                answer = _done(step.function, step.function(**step.arguments))
            else:
                answer = transport.send(step)
        except BaseException as error:
            failed = error


async def adrive(flow: Flow[T], transport: Transport) -> T:
    """Run a flow to its end on this event loop; tools may be coroutines."""
    answer: Any = None
    failed: BaseException | None = None
    while True:
        try:
            step = flow.send(answer) if failed is None else flow.throw(failed)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer = failed = None
        try:
            if isinstance(step, Run):
                answer = step.function(**step.arguments)
                if inspect.isawaitable(answer):
                    answer = await answer
                answer = _done(step.function, answer, awaited=True)
            else:
                answer = await transport.asend(step)
        except BaseException as error:
            failed = error


def is_asynchronous(function: Callable[..., Any]) -> bool:
    """Whether calling it only makes a coroutine; an object with an asynchronous `__call__` is one too."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def is_generator(function: Callable[..., Any]) -> bool:
    """Whether calling it only makes a generator."""
    called = (function, type(function).__call__)
    return any(inspect.isgeneratorfunction(each) or inspect.isasyncgenfunction(each) for each in called)


def _done(function: Callable[..., Any], answer: Any, *, awaited: bool = False) -> Any:
    """What a tool returned, its work being over.

    Raises `InvalidInput` when it did nothing but make a coroutine or a generator, which nobody will run; and
    `Uncertain` when it ran itself before it returned one, for what it did cannot be told.
    """
    if not isinstance(answer, Coroutine | Generator | AsyncGenerator):
        return answer
    name = getattr(function, "__qualname__", type(function).__name__)
    inner = inspect.unwrap(function)
    idle = _untouched(answer)
    if isinstance(answer, Coroutine):
        what = "a coroutine"
        remedy = "Await it: `await pending` for an asynchronous gate; gate an `async def`, also where it wraps another."
        if idle:
            answer.close()
        idle = idle and not awaited and is_asynchronous(inner)
    else:
        what = "a generator"
        remedy = "Gate a function that does its work before it returns, or what consumes the generator."
        idle = idle and is_generator(inner)
    if idle:
        raise InvalidInput(f"{name} did nothing: it returned {what} that nobody runs", remedy=remedy)
    uncertain = Uncertain(f"{name} returned {what} that nobody runs: what it did before cannot be told")
    uncertain.add_note(remedy)
    raise uncertain


def _untouched(answer: Any) -> bool:
    """Whether not a line of it has run."""
    if inspect.iscoroutine(answer):
        return inspect.getcoroutinestate(answer) == inspect.CORO_CREATED
    # of an asynchronous generator, Python 3.11 does not tell
    return inspect.isgenerator(answer) and inspect.getgeneratorstate(answer) == inspect.GEN_CREATED
