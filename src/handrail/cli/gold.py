"""`handrail gold`: the pool of cases with known answers. Works on the database itself, beside a running server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import need_database, operator
from handrail.errors import InvalidInput, Unreadable
from handrail.lifecycle import golds
from handrail.server.reviewers import pool_to_json

app = typer.Typer(name="gold", no_args_is_help=True, rich_markup_mode=None, help="Keep the pool of known answers.")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="JSONL: a proposal a line, with `gold`, the known answer.")],
    *,
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Add golds from a file; known ones are passed over. The policy says at what share they are drawn."""
    records = _read(file)
    settings = settings_from(database=database, workspace=workspace)
    need_database(settings.database)
    ids: list[str] = []
    with plane_of(settings) as plane:
        for start in range(0, len(records), golds.MOST_AT_ONCE):
            part = tuple(records[start : start + golds.MOST_AT_ONCE])
            ids += plane.run(golds.add, golds.AddGolds(actor=operator(settings.workspace), records=part))
    if as_json:
        print_json({"added": ids, "known": len(records) - len(ids)})
        return
    typer.echo(f"added {len(ids)} golds; {len(records) - len(ids)} were in the pool already")


@app.command("list")
def list_golds(
    retired: Annotated[bool, typer.Option("--retired", help="Also those drawn no more.")] = False,
    *,
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """The pool, with how often each was put before people."""
    settings = settings_from(database=database, workspace=workspace)
    need_database(settings.database)
    with plane_of(settings) as plane:
        found = pool_to_json(plane, settings.workspace, retired=retired)
    if as_json:
        print_json(found)
        return
    for one in found:
        proposal: Any = one["proposal"]
        standing = "  withdrawn" if one["withdrawn"] else "  retired" if one["retired_at"] else ""
        answer = json.dumps(proposal["gold"], ensure_ascii=False)
        typer.echo(visible(f"{one['id']}  {one['action']}  {one['views']} views  {answer[:80]}{standing}"))
    if not found:
        typer.echo("the pool is empty")


@app.command()
def retire(
    id: Annotated[str, typer.Argument(help="The gold's id.", show_default=False)],
    *,
    database: Database = None,
    workspace: Workspace = None,
) -> None:
    """Withdraw a gold: draw it no more, nor open a session with it. What was answered on it still counts."""
    settings = settings_from(database=database, workspace=workspace)
    need_database(settings.database)
    with plane_of(settings) as plane:
        plane.run(golds.retire, golds.Retire(actor=operator(settings.workspace), id=id))
    typer.echo(f"retired {id}")


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    made: list[dict[str, Any]] = []
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise InvalidInput(f"{file}:{n}: {error}", remedy="Write one JSON object a line.") from None
        if not isinstance(record, dict):
            raise InvalidInput(f"{file}:{n} is no object", remedy="Write one JSON object a line.")
        made.append(record)
    if not made:
        raise InvalidInput(f"{file} holds no gold", remedy='Write lines like {"action": …, "arguments": …, "gold": …}.')
    return made
