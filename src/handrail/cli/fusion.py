"""`handrail fusion`: how people's answers are weighed with the model's, by action; and fit it now."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import OnDatabase, Place, placed, reach
from handrail.client.http import HttpTransport
from handrail.errors import InvalidInput
from handrail.lifecycle import fitting, fusing
from handrail.server.teams import fusions_to_json

app = typer.Typer()


@app.command()
@placed
def fusion(
    fit: Annotated[
        str | None, typer.Option(help="Fit this action's fusion from its closed cases now, and use it.")
    ] = None,
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Weights, the labelled cases behind them, and how often each measured person is right."""
    with reach(place) as reached:
        if isinstance(reached, OnDatabase):
            if fit is not None:
                made = fitting.fit(
                    reached.plane.store, reached.actor.workspace, fit, fitted_at=reached.plane.clock.now()
                )
                reached.plane.run(
                    fusing.install, fusing.Install(actor=reached.actor, action=fit, fusion=made.to_json())
                )
            found: dict[str, Any] = fusions_to_json(reached.plane, reached.actor.workspace)
        else:
            if fit is not None:
                raise InvalidInput("fitting needs the database", remedy="Give --database; a server fits by itself.")
            assert isinstance(reached.transport, HttpTransport)
            found = reached.transport.get("/v1/fusions")
    if as_json:
        print_json(found)
        return
    if not found["items"]:
        typer.echo("nothing is fused yet: say `deferral: evidence` for an action, and let people answer 30 known cases")
    for one in found["items"]:
        _tell(one)


def _tell(one: dict[str, Any]) -> None:
    held = one["fusion"]
    typer.echo(visible(f"{one['action']} version {one['version']}: {held['answers']} labelled answers"))
    if held["weights"]:
        for count, (alpha, beta, gamma) in enumerate(held["weights"], 1):
            typer.echo(f"  {count} answered: model {alpha:.2f}, people {beta:.2f}, agreement {gamma:.2f}")
    else:
        typer.echo(f"  all answers weigh as much as one: {held['n']} of 200 labelled cases for fitted weights")
    typer.echo(f"  right on average: {_right(held['pool']):.0%}")
    for name, matrix in held["people"].items():
        typer.echo(visible(f"  {name}: {_right(matrix):.0%}"))


def _right(matrix: list[list[float]]) -> float:
    return sum(row[i] for i, row in enumerate(matrix)) / len(matrix)
