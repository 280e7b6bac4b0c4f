"""`handrail parked`: the runs that wait, and whether anybody wakes them."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import Place, call, placed, reach
from handrail.clock import SECOND, SystemClock
from handrail.parked import Parked
from handrail.wire import parked_from_json

app = typer.Typer()

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


@app.command()
@placed
def parked(
    retry: Annotated[str | None, typer.Option(metavar="ID", help="Make one that was given up due again.")] = None,
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Runs that a framework paused and nobody has woken yet, oldest first: what they wait for, and how waking went."""
    with reach(place) as reached:
        if retry is not None:
            call(reached, "retry_wake", id=retry)
            print_json({"id": retry}) if as_json else typer.echo(f"{retry} is due again")
            return
        items = call(reached, "parks")["items"]
    if as_json:
        print_json(items)
        return
    now = SystemClock().now()
    for line in map(parked_from_json, items):
        typer.echo(visible(_told(line, now)))
    if not items:
        typer.echo("nothing is parked")


def _told(line: Parked, now: int) -> str:
    told = [line.id, line.framework, line.run, f"parked for {_long(now - line.parked_at)}"]
    told.append(f"{line.decided} of {line.cases} decided" + ("" if line.wakes == "all" else ", one is enough"))
    told.append(_standing(line, now))
    if line.failures:
        told.append(f"failed {line.failures} times: {line.note or 'no reason given'}")
    return "  ".join(told)


def _standing(line: Parked, now: int) -> str:
    if line.ending is not None:
        return f"given up; try again with --retry {line.id}"
    if line.held_until is not None:
        return "being woken"
    if not line.due:
        return "waits"
    return "due" if line.next_at is None else f"due, next try in {_long(line.next_at - now)}"


def _long(micros: int) -> str:
    """A span of time, roughly."""
    seconds = max(0, micros // SECOND)
    return next((f"{seconds // size} {unit}" for size, unit in _UNITS if seconds >= size), f"{seconds} s")
