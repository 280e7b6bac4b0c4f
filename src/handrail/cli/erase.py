"""`handrail erase`: forget a person's values."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import need_database, operator
from handrail.lifecycle import erase as erasing

app = typer.Typer()


@app.command()
def erase(
    subject: Annotated[str, typer.Argument(help="The principal whose values go.", show_default=False)],
    basis: Annotated[str, typer.Option(help="The legal basis, such as 'GDPR 17(1)(a)'.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    *,
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Erase every personal value kept for SUBJECT. The log's tree does not change; it cannot be taken back."""
    settings = settings_from(database=database, workspace=workspace)
    need_database(settings.database)
    if not yes:
        typer.confirm(
            f"Erase every value of {visible(subject)} in {settings.workspace} for good?", abort=True, err=True
        )
    with plane_of(settings) as plane:
        command = erasing.Erase(actor=operator(settings.workspace), subject=subject, basis=basis)
        done = plane.run(erasing.erase, command)
    if as_json:
        print_json({"values": done.values, "cases": done.cases})
    else:
        typer.echo(f"erased {done.values} values in {done.cases} cases")
