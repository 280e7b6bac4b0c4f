"""`handrail serve` and `handrail migrate`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from handrail.cli import keys, people
from handrail.cli.options import Database, Workspace, settings_from
from handrail.lifecycle import policies
from handrail.maintenance.plane import Plane, policy_from
from handrail.server.first_start import FirstPerson, first_person, operator
from handrail.server.once import Once
from handrail.server.run import check, open_plane, serve_app, server_of
from handrail.server.settings import Settings
from handrail.store.migrate import migrate as run_migrations
from handrail.store.open import open_store

app = typer.Typer(no_args_is_help=True)
app.add_typer(people.app, name="people")
app.add_typer(keys.app, name="keys")


@app.command()
def serve(
    database: Database = None,
    policy: Annotated[Path | None, typer.Option(help="Policy file to put in force.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; loopback unless told otherwise.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    *,
    key_folder: Annotated[Path | None, typer.Option("--keys", help="Folder of the log's signing keys.")] = None,
    workspace: Workspace = None,
    log_host: Annotated[str | None, typer.Option(help="First part of the audit log's name.")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM file of the certificate chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of the certificate's key.")] = None,
    insecure_behind_proxy: Annotated[
        bool | None,
        typer.Option("--insecure-behind-proxy", help="Plain HTTP beyond loopback; a proxy speaks TLS for it."),
    ] = None,
    origin: Annotated[str | None, typer.Option(help="What browsers see, if a proxy changes the host.")] = None,
    writer_threads: Annotated[int | None, typer.Option(help="Writers on PostgreSQL.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one server is one process.")] = None,
    public_log: Annotated[
        bool | None, typer.Option("--public-log", help="Serve checkpoint and hashes to anybody.")
    ] = None,
    allow_unsafe: Annotated[
        bool | None, typer.Option("--allow-unsafe", help="Accept a database that can lose acknowledged work.")
    ] = None,
) -> None:
    """Serve the API, the console and the pages; the first start prints how to sign in."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    settings = settings_from(
        database=database, policy=policy, host=host, port=port, keys=key_folder, workspace=workspace, log_host=log_host,
        tls_certificate=tls_certificate, tls_key=tls_key, insecure_behind_proxy=insecure_behind_proxy, origin=origin,
        writer_threads=writer_threads, workers=workers, public_log=public_log, allow_unsafe=allow_unsafe,
    )  # fmt: skip
    check(settings)
    with open_plane(settings) as plane:
        _put_in_force(plane, settings)

        def ready(address: str) -> None:
            # only now is somebody made: an address that is taken must not cost the one password
            _announce(address, settings, first_person(plane, settings.workspace), server.desk.once)

        server = server_of(plane, settings, ready=ready)
        try:
            serve_app(server)
        except SystemExit:
            if not server.started:
                typer.echo(f"Nothing was started. Is port {settings.port} taken? --port 0 takes a free one.", err=True)
            raise


def _put_in_force(plane: Plane, settings: Settings) -> None:
    """A policy named at the start counts, also in a database that has another."""
    if settings.policy is None:
        return
    text = policy_from(settings.policy)
    _, entry = plane.run(policies.change, (operator(settings.workspace), "policy", text))
    if entry is not None and not plane.first_start:
        typer.echo(f"policy changed to {settings.policy}")


def _announce(address: str, settings: Settings, first: FirstPerson | None, once: Once) -> None:
    typer.echo(f"handrail serves {settings.database.split('@')[-1]} at {address}")
    if first is None:
        return
    typer.echo("")
    typer.echo("This workspace has nobody yet, so an administrator was made. This is shown once:")
    typer.echo(f"  e-mail    {first.email}")
    typer.echo(f"  password  {first.password}")
    typer.echo(f"  or open   {address}/sign-in/once/{once.make(first.id)}   (once, within 15 minutes)")
    typer.echo("")
    typer.echo("Let people in:      handrail people add --name Ann --email ann@example.org --role reviewer")
    typer.echo("Make an API key:    handrail keys make billing --scope submit --scope execute --agent billing")


@app.command()
def migrate(database: Database = None) -> None:
    """Bring a database to the present schema; run it before the servers of a new version start."""
    settings = settings_from(database=database)
    store = open_store(settings.database)
    url = store.url
    store.close()
    ran = run_migrations(url)
    typer.echo(f"ran {', '.join(ran)}" if ran else "nothing to do: the schema is up to date")
