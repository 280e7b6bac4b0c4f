"""`handrail grant`: what lets actions go further by themselves: seen and ended. `handrail autonomy` proposes."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import Place, call, placed, reach

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See and end what lets actions go further.")


@app.command("list")
@placed
def list_grants(*, place: Place, as_json: AsJson = False) -> None:
    """The grants that can still let something through; those in the policy file stand there."""
    with reach(place) as reached:
        found = call(reached, "grants")["items"]
    if as_json:
        print_json(found)
        return
    for one in found:
        most = f" up to {one['amount']} {one.get('currency', '')}" if "amount" in one else ""
        left = f"  {one['uses_left']} uses left" if "uses_left" in one else ""
        typer.echo(visible(f"{one['id']}  {one['action']}{most}  until {one['expires']}{left}  {one['reason']}"))
    if not found:
        typer.echo("nothing is granted")


@app.command()
@placed
def end(id: Annotated[str, typer.Argument(help="The grant's id.", show_default=False)], *, place: Place) -> None:
    """End a grant before its time. What it let through stays let through."""
    with reach(place) as reached:
        call(reached, "end_grant", id=id)
    typer.echo(f"ended {id}")
