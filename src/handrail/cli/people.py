"""`handrail people`: who may sign in. Works on the database itself, beside a running server."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.lifecycle import access
from handrail.server import passwords
from handrail.server.first_start import operator
from handrail.server.people import person_to_json
from handrail.store import reads

app = typer.Typer(name="people", no_args_is_help=True, help="Let people in, and see who is.")


@app.command()
def add(
    name: Annotated[str, typer.Option(help="Name, as colleagues know it.")],
    email: Annotated[str, typer.Option(help="E-mail address; what the person signs in with.")],
    role: Annotated[
        list[str] | None, typer.Option(help="reviewer, lead, auditor, admin, or a role of the policy.")
    ] = None,
    skill: Annotated[list[str] | None, typer.Option(help="A skill that routes may ask for.")] = None,
    *,
    database: Database = None,
    workspace: Workspace = None,
) -> None:
    """Let somebody in; the password is made and printed once."""
    settings = settings_from(database=database, workspace=workspace)
    password = passwords.fresh()
    command = access.AddPerson(
        actor=operator(settings.workspace), name=name, email=email, password=passwords.hashed(password),
        roles=tuple(role or ("reviewer",)), skills=tuple(skill or ()),
    )  # fmt: skip
    with plane_of(settings) as plane:
        id = plane.run(access.add_person, command)
    typer.echo(f"{id}  {email}\npassword  {password}   (shown once)")


@app.command("list")
def list_people(
    *,
    database: Database = None,
    workspace: Workspace = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Everybody of a workspace."""
    settings = settings_from(database=database, workspace=workspace)
    with plane_of(settings) as plane:
        found = [person_to_json(row) for row in reads.people(plane.store, settings.workspace)]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for person in found:
        standing = "" if person["active"] else "  (closed)"
        typer.echo(f"{person['id']}  {person['email']}  {person['name']}  {','.join(person['roles'])}{standing}")
