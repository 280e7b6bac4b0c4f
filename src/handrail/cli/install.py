"""`handrail install`: put a fitted calibrator, or a table of how reviewers err, to use under a name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handrail.canonical import parse
from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.printing import AsJson, print_json
from handrail.cli.reaching import need_database, operator
from handrail.errors import InvalidInput, Unreadable
from handrail.lifecycle import calibrators

app = typer.Typer()


@app.command()
def install(
    file: Annotated[Path, typer.Argument(help="JSON of `handrail calibrate` or `handrail tune`.", show_default=False)],
    name: Annotated[str, typer.Option(help="The name that the policy gives it.")],
    *,
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Put FILE to use from the next proposal on, just as it was fitted: a threshold holds for one calibrator only."""
    try:
        data = parse(file.read_bytes())
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror or error}") from None
    if not isinstance(data, dict) or "kind" not in data:
        raise InvalidInput(f"{file} holds neither a calibrator nor a reviewers' table")
    settings = settings_from(database=database, workspace=workspace)
    need_database(settings.database)
    with plane_of(settings) as plane:
        command = calibrators.Install(actor=operator(settings.workspace), name=name, calibrator=data)
        version = plane.run(calibrators.install, command)
    if as_json:
        print_json({"ok": True, "name": name, "version": version, "kind": data["kind"]})
        return
    typer.echo(f"installed as {name}, version {version}")
