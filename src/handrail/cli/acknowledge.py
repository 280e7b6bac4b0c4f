"""`handrail acknowledge`: let a restored copy go on."""

from __future__ import annotations

import typer

from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.reaching import need_database, operator
from handrail.store import statements

app = typer.Typer()


@app.command()
def acknowledge(database: Database = None, workspace: Workspace = None) -> None:
    """Say that you have looked at a restored copy: nothing is frozen any more, and the log says so."""
    settings = settings_from(database=database, workspace=workspace)
    need_database(settings.database)
    with plane_of(settings) as plane:
        if not plane.store.read_hot(statements.workspace_get, id=settings.workspace)[0][3]:
            typer.echo(f"workspace {settings.workspace} is not frozen: nothing to do")
            return
        origin = plane.acknowledge_restore(operator(settings.workspace))
    typer.echo(f"workspace {settings.workspace} goes on; its log is {origin}")
