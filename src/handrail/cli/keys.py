"""`handrail keys`: API keys of programs. Works on the database itself, beside a running server."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.lifecycle import access
from handrail.server.first_start import operator

app = typer.Typer(name="keys", no_args_is_help=True, help="Make and revoke API keys.")


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="What the key is for.", show_default=False)],
    scope: Annotated[list[str] | None, typer.Option(help="submit, execute, review, read, admin.")] = None,
    agent: Annotated[str | None, typer.Option(help="The one agent this key speaks for.")] = None,
    person: Annotated[str | None, typer.Option(help="Id of the person this key speaks for.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it ends; never when left out.")] = None,
    *,
    database: Database = None,
    workspace: Workspace = None,
) -> None:
    """Make an API key and print it once. Without --scope it may submit and execute."""
    settings = settings_from(database=database, workspace=workspace)
    id, text, digest = access.new_key()
    command = access.MakeKey(
        actor=operator(settings.workspace), id=id, name=name, secret_digest=digest,
        scopes=tuple(scope or ("submit", "execute")), agent=agent, person=person,
        lifetime_seconds=None if days is None else days * 86_400,
    )  # fmt: skip
    with plane_of(settings) as plane:
        plane.run(access.make_key, command)
    typer.echo(text)


@app.command()
def revoke(
    id: Annotated[str, typer.Argument(help="The key, or the twelve digits after hr_live_.", show_default=False)],
    *,
    database: Database = None,
    workspace: Workspace = None,
) -> None:
    """End a key. A running server obeys within five seconds."""
    settings = settings_from(database=database, workspace=workspace)
    bare = id.removeprefix(access.KEY_PREFIX).split("_")[0]
    with plane_of(settings) as plane:
        plane.run(access.revoke_key, (operator(settings.workspace), bare))
    typer.echo(f"revoked {bare}")
