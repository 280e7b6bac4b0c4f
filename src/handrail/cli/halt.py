"""`handrail halt`: stop things, see what stands still, let it go on."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import Place, call, placed, reach
from handrail.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Stop an agent, an action, a run or everything.")


@app.command("set")
@placed
def set_halt(
    agent: Annotated[str | None, typer.Option(help="Stop this agent.")] = None,
    action: Annotated[str | None, typer.Option(help="Stop this action.")] = None,
    run: Annotated[str | None, typer.Option(help="Stop this run.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Stop the whole workspace.")] = False,
    reason: Annotated[str, typer.Option(help="Why; the programs are told.")] = "",
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Set a halt. Nothing of its kind is let through or starts while it stands; its id is printed."""
    named = {"agent": agent, "action": action, "run": run}
    given = [(scope, value) for scope, value in named.items() if value is not None]
    if len(given) + everything != 1:
        raise InvalidInput("name one thing to stop", remedy="Give --agent, --action, --run or --everything.")
    scope, value = given[0] if given else ("workspace", None)
    with reach(place) as reached:
        body = {"scope": scope, "reason": reason} | ({} if value is None else {"value": value})
        made = call(reached, "halt", **body)
    print_json({"id": made["id"], "scope": scope, "value": value}) if as_json else typer.echo(made["id"])


@app.command("list")
@placed
def list_halts(
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """The halts that stand."""
    with reach(place) as reached:
        found = reached.halts()
    if as_json:
        print_json(found)
        return
    for one in found:
        typer.echo(visible(f"{one['id']}  {one['scope']} {one['value'] or ''}  {one['at']}  {one['reason']}"))
    if not found:
        typer.echo("nothing is halted")


@app.command()
@placed
def lift(
    id: Annotated[str, typer.Argument(help="The halt's id.", show_default=False)],
    *,
    place: Place,
) -> None:
    """Lift a halt. What was approved before it was set stays dead."""
    with reach(place) as reached:
        call(reached, "lift", id=id)
    typer.echo(f"lifted {id}")
