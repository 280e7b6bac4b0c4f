"""What a program hands over is looked at in process as it is over HTTP, so that both refuse the same."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from handrail.canonical import JSON, dumps, parse
from handrail.client.steps import Await, AwaitEnd, Call, Finish, Start, Step, TakeWake
from handrail.errors import InvalidInput, NotFound
from handrail.lifecycle.submit import LONGEST_WAIT


def need_step(step: Step, places: tuple[str, ...] = ()) -> None:
    """Raise `InvalidInput` for an id or a time that is none, and `NotFound` for an id that nothing can have.

    `places` are the arguments of a call that name what it is about.
    """
    if isinstance(step, Await | AwaitEnd | Start | Finish):
        need_id("case_id", step.case_id)
    if isinstance(step, TakeWake) and step.id is not None:
        need_id("id", step.id)
    if isinstance(step, Await | TakeWake):
        need_timeout(step.timeout)
    if isinstance(step, Call):
        for name in places:
            if name not in step.arguments:
                raise InvalidInput(f"{step.verb} needs {name}", remedy="Name what it is about.")
            need_id(name, step.arguments[name])


def need_id(name: str, given: object) -> None:
    """Raise `InvalidInput` for what is no text, and `NotFound` for text that is no id of anything."""
    if not isinstance(given, str):
        raise InvalidInput(f"{name} is text, not {type(given).__name__}", remedy="Give the id as it was answered.")
    if not given.isprintable() or not given.strip("./") or "/" in given or len(given) > 1000:
        raise NotFound(f"there is nothing with the id {given[:100]!a}")


def need_timeout(given: object) -> None:
    """Raise `InvalidInput` unless somebody can wait for so many seconds; None: for ever."""
    plain = isinstance(given, int | float) and not isinstance(given, bool)
    if given is not None and not (plain and given <= LONGEST_WAIT):  # type: ignore[operator]
        raise InvalidInput(
            "timeout is a number of seconds, at most 366 days, or None", remedy="None waits for ever, 0 only looks."
        )


def fitted(body: type[BaseModel], given: dict[str, Any], *, most: int) -> dict[str, JSON]:
    """A call's arguments as the body of its request would be read; what is None stands as if it were left out.

    Raises `InvalidInput` as the server does.
    """
    data = dumps({name: value for name, value in given.items() if value is not None})
    if len(data) > most:
        raise InvalidInput(f"a body of {len(data)} bytes is over {most}")
    try:
        made = body.model_validate(parse(data)).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise InvalidInput(f"/{where}: {first['msg']}") from None
    return {name: made[name] for name in given if name in made}
