"""`handrail mcp`: a gateway before any MCP server, its pins, and the configuration of MCP clients."""

from __future__ import annotations

import logging
import os
import string
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from handrail.cli import mcp_clients
from handrail.cli.guests import integration
from handrail.cli.options import Database, Workspace, settings_from
from handrail.cli.printing import AsJson, print_json
from handrail.client.client import Client
from handrail.client.http import HttpTransport
from handrail.client.local import LocalTransport
from handrail.errors import InvalidInput
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane

HELP = """Put a gateway before an MCP server: every tool call of any client passes policy, and people where it says so.

\b
handrail mcp -- npx -y @modelcontextprotocol/server-filesystem ~/notes
handrail mcp --name github --url https://example.org/mcp --header 'Authorization: Bearer ${TOKEN}'
handrail mcp install claude-desktop --write -- npx -y @modelcontextprotocol/server-filesystem ~/notes

The client starts it in place of the server. A call that a person must decide is held for a while; then the model gets
a ticket and asks for the result later. Review with `handrail serve` or `handrail case` on the same database.
"""


class Running(TyperGroup):
    """Whatever does not name a command runs the gateway: `handrail mcp -- COMMAND`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=Running, no_args_is_help=True, help=HELP, rich_markup_mode=None)

Command = Annotated[list[str] | None, typer.Argument(metavar="COMMAND", help="The server's command.")]
Url = Annotated[str | None, typer.Option(help="Address of a server that speaks streamable HTTP.")]
Header = Annotated[
    list[str] | None, typer.Option(help="Sent to --url, as 'Name: value'; ${VARIABLE} is taken from the environment.")
]
Name = Annotated[str | None, typer.Option(help="What policy calls the server: its tools are the actions NAME.TOOL.")]
Server = Annotated[str | None, typer.Option(envvar="HANDRAIL_URL", help="A handrail server instead of --database.")]
Key = Annotated[str | None, typer.Option(envvar="HANDRAIL_KEY", help="API key for --server.", show_default=False)]
State = Annotated[
    Path | None, typer.Option(help="Folder of pins and tickets; beside the database, else in your state folder.")
]


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    command: Command = None,
    *,
    url: Url = None,
    header: Header = None,
    name: Name = None,
    database: Database = None,
    workspace: Workspace = None,
    server: Server = None,
    key: Key = None,
    policy: Annotated[Path | None, typer.Option(help="Policy file to put in force; with --database.")] = None,
    agent: Annotated[str | None, typer.Option(help="Who asks, for policy and halts; mcp-NAME unless given.")] = None,
    principal: Annotated[
        str | None, typer.Option(help="On whose behalf the client acts; may not approve what it asks.")
    ] = None,
    hold: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds a call waits for a decision; below the client's limit.")
    ] = 45,
    tool_timeout: Annotated[float, typer.Option(min=1, max=3600, help="Seconds a tool may take.")] = 300,
    elicit: Annotated[
        bool, typer.Option(help="Let the client ask its user whether to keep waiting; he cannot decide.")
    ] = True,
    state: State = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Say more on stderr.")] = False,
) -> None:
    """Stand before a server, on stdin and stdout. A client starts this; `run` may be left out."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="handrail mcp: %(message)s")
    logging.getLogger("handrail").setLevel(logging.INFO if verbose else logging.WARNING)
    gateway = integration("mcp")
    target = gateway.Target(command=tuple(command or ()), url=url, headers=_headers(header or []))
    called = name or target.name
    acts = agent or f"mcp-{called}"
    terms = gateway.Terms(
        name=called, agent=acts, folder=_folder(state, database, server), principal=principal, hold=hold,
        tool_seconds=tool_timeout, elicits=elicit,
    )  # fmt: skip
    with _client(database, workspace, server, key, policy, acts) as client:
        gateway.serve(client, target, terms)


@app.command()
def pins(
    tools: Annotated[list[str] | None, typer.Argument(help="Only these tools.", show_default=False)] = None,
    *,
    accept: Annotated[bool, typer.Option("--accept", help="Take what the server says now as accepted.")] = False,
    name: Annotated[str | None, typer.Option(help="Only this server.")] = None,
    database: Database = None,
    server: Server = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Show what each server says of its tools, and what it changed since a person accepted it; 1 if it did."""
    folder = _folder(state, database, server)
    found = [kept for kept in integration("mcp").all_pins(folder) if name in (None, kept.server)]
    if name is not None and not found:
        raise InvalidInput(f"no server called {name} was seen in {folder}", remedy="Leave --name out to see all.")
    if accept:
        for kept in found:
            for tool in kept.accept(tools or None):
                typer.echo(f"accepted {kept.server}.{tool}")
        return
    rows = [
        (kept.server, pin) for kept in found for pin in kept if not tools or pin.tool in tools
    ]  # fmt: skip
    if as_json:
        print_json([
            {"server": at, "tool": pin.tool, "state": pin.state, "differs": list(pin.differs), "accepted": pin.accepted,
             "offered": pin.offered}
            for at, pin in rows
        ])  # fmt: skip
    else:
        _print_pins(rows, folder)
    if any(pin.state == "changed" for _, pin in rows):
        raise typer.Exit(1)


@app.command(context_settings={"allow_interspersed_args": True})
def install(
    client: Annotated[str, typer.Argument(help=f"Which client: {', '.join(mcp_clients.CLIENTS)}.")],
    command: Command = None,
    *,
    url: Url = None,
    header: Header = None,
    name: Name = None,
    database: Database = None,
    server: Server = None,
    policy: Annotated[Path | None, typer.Option(help="Policy file to put in force.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write it; without this it is only shown.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a server of that name.")] = False,
    file: Annotated[Path | None, typer.Option(help="The client's configuration, where it is not in its place.")] = None,
) -> None:
    """Show, or write, the gateway's entry in a client's configuration. Other servers stay, and a backup is made."""
    target = integration("mcp").Target(command=tuple(command or ()), url=url)
    called = name or target.name
    options = ["--name", called]
    if server is not None:
        options += ["--server", server]
    else:
        options += ["--database", _absolute(settings_from(database=database).database)]
    if policy is not None:
        options += ["--policy", str(policy.resolve())]
    if url is not None:
        options += ["--url", url, *(word for line in header or [] for word in ("--header", line))]
    program, *first = mcp_clients.program()
    entry = {"command": program, "args": [*first, "mcp", *options, *(["--", *command] if command else [])]}
    path = file or mcp_clients.path_of(client)
    made = mcp_clients.with_server(path, called, entry, replace=replace)
    if not write:
        typer.echo(f"# {path}\n{made.text}")
        typer.echo("Nothing was written; --write writes it.", err=True)
        return
    backup = mcp_clients.write(path, made)
    typer.echo(f"wrote {called} to {path}" if made.changed else f"{path} has it already")
    if backup is not None:
        typer.echo(f"the file as it was: {backup}")
    if made.changed:
        typer.echo(f"Restart {client}. Review with: handrail {_reviewing(database, server)}")


def _print_pins(rows: list[tuple[str, Any]], folder: Path) -> None:
    if not rows:
        typer.echo(f"no tools were seen yet in {folder}")
        return
    table = Table("server", "tool", "state", "what differs", box=None)
    for at, pin in rows:
        table.add_row(at, pin.tool, pin.state, ", ".join(pin.differs) if pin.state == "changed" else "")
    Console().print(table)
    for at, pin in rows:
        if pin.state == "changed":
            typer.echo(f"\n{at}.{pin.tool}")
            for part in pin.differs:
                typer.echo(f"- {part}: {(pin.accepted or {}).get(part)!r}\n+ {part}: {(pin.offered or {}).get(part)!r}")


@contextmanager
def _client(
    database: str | None, workspace: str | None, server: str | None, key: str | None, policy: Path | None, agent: str
) -> Iterator[Client]:
    if server is not None:
        if database is not None or policy is not None:
            raise InvalidInput("--server has its own database and policy", remedy="Leave --database and --policy out.")
        if key is None:
            raise InvalidInput("a server needs a key", remedy="Give --key, or set HANDRAIL_KEY.")
        made = Client(HttpTransport(server, key))
    else:
        settings = settings_from(database=database, workspace=workspace)
        plane = Plane(
            settings.database, workspace_id=settings.workspace, host=settings.log_host, keys=settings.keys,
            allow_unsafe=settings.allow_unsafe,
        )  # fmt: skip
        acts = Actor(
            kind="agent", pid=agent, name=agent, workspace=settings.workspace, scopes=ALL_SCOPES, auth="local"
        )  # fmt: skip
        made = Client(LocalTransport(plane, acts))
    with made as client:
        if policy is not None:
            client.set_policy(policy)
        yield client


def _folder(state: Path | None, database: str | None, server: str | None) -> Path:
    if state is not None:
        return state
    place = "" if server is not None else settings_from(database=database).database
    if place and ("://" not in place or place.startswith("sqlite:///")):
        return Path(place.removeprefix("sqlite:///") + "-mcp")
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "handrail" / "mcp"


def _absolute(database: str) -> str:
    """A client starts the gateway in a folder of its own choice."""
    return database if "://" in database else str(Path(database).resolve())


def _headers(lines: list[str]) -> dict[str, str]:
    made = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise InvalidInput(f"--header {line!r} is none", remedy="Write 'Name: value'.")
        try:
            made[name.strip()] = string.Template(value.strip()).substitute(os.environ)
        except (KeyError, ValueError) as error:
            raise InvalidInput(
                f"--header {name.strip()} names the variable {error}, which is not set", remedy="Set it."
            ) from None
    return made


def _reviewing(database: str | None, server: str | None) -> str:
    if server is not None:
        return f"case list --url {server}"
    return f"serve --database {_absolute(settings_from(database=database).database)}"
