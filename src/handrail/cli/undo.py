"""`handrail undo`: take an executed action back."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli.options import Database, Workspace
from handrail.cli.printing import AsJson, print_json
from handrail.cli.reaching import Key, Person, Url, call, reach

app = typer.Typer()


@app.command()
def undo(
    case_id: Annotated[str, typer.Argument(help="The case whose action is taken back.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    *,
    database: Database = None,
    workspace: Workspace = None,
    url: Url = None,
    key: Key = None,
    person: Person = None,
    as_json: AsJson = False,
) -> None:
    """Take an action back: what has not begun never will; what ran is reversed by a proposal of its undo action."""
    with reach(database=database, workspace=workspace, url=url, key=key, person=person) as reached:
        made = call(reached, "undo", case_id=case_id, reason=reason)
    if as_json:
        print_json(made)
    elif made["case_id"] is None:
        typer.echo("it had not begun, and never will")
    else:
        typer.echo(f"proposed its reverse: case {made['case_id']}")
