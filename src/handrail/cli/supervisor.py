"""`handrail supervisor`: how good the AI supervisor is, measured as a reviewer is."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import OnDatabase, Place, placed, reach
from handrail.client.http import HttpTransport
from handrail.server.teams import supervisor_to_json

app = typer.Typer()


@app.command()
@placed
def supervisor(
    action: Annotated[str | None, typer.Option(help="Only cases of this action.")] = None,
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """What it catches and what it alarms about for nothing. Only outcomes, golds and blind answers count."""
    with reach(place) as reached:
        if isinstance(reached, OnDatabase):
            made: dict[str, Any] = supervisor_to_json(reached.plane, reached.actor.workspace, action)
        else:
            assert isinstance(reached.transport, HttpTransport)
            made = reached.transport.get("/v1/supervisor" + (f"?action={quote(action, safe='')}" if action else ""))
    if as_json:
        print_json(made)
        return
    if not made["models"]:
        typer.echo("no reading of a case whose truth is known: not enough evidence yet (0 of 30)")
    for one in made["models"]:
        typer.echo(visible(one["model"]))
        typer.echo(f"{'':8}{'fine':>8}{'concern':>9}")
        for truth in ("right", "wrong"):
            typer.echo(f"  {truth:6}{one[truth]['fine']:>8}{one[truth]['concern']:>9}")
        typer.echo(f"  not read: {one['unread']}")
        typer.echo(f"  catches of what was wrong: {_share(one['catches'])}")
        typer.echo(f"  alarms about what was right: {_share(one['false_alarms'])}")


def _share(part: dict[str, Any]) -> str:
    if "value" not in part:
        return str(part["not_enough_evidence"])
    return f"{part['value']:.0%} ({part['low']:.0%}-{part['high']:.0%}, {part['have']} cases)"
