"""`handrail undo`: take an executed action back."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli.printing import AsJson, print_json
from handrail.cli.reaching import Place, call, placed, reach

app = typer.Typer()


@app.command()
@placed
def undo(
    case_id: Annotated[str, typer.Argument(help="The case whose action is taken back.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Take an action back: what has not begun never will; what ran is reversed by a proposal of its undo action."""
    with reach(place) as reached:
        made = call(reached, "undo", case_id=case_id, reason=reason)
    if as_json:
        print_json(made)
    elif made["case_id"] is None:
        typer.echo("it had not begun, and never will")
    else:
        typer.echo(f"proposed its reverse: case {made['case_id']}")
