"""Drivers: walk a flow step by step, blocking or awaiting. The only two places where that differs."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from handrail.client.flows import Flow
from handrail.client.steps import Run
from handrail.client.transport import Transport

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
            answer = step.function(**step.arguments) if isinstance(step, Run) else transport.send(step)
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
            else:
                answer = await transport.asend(step)
        except BaseException as error:
            failed = error
