"""How the command line fails: one block on standard error, and an exit code that scripts can rely on."""

from __future__ import annotations

from typing import NoReturn

import typer

from handrail.errors import HandrailError, NotApproved, Unreadable

# whose errors mean that a file is no database of ours, or that its server is not there
DRIVERS = ("sqlite3", "psycopg", "sqlalchemy", "alembic")
# 2 is also what wrong usage ends with
FAILED, UNREADABLE = 1, 2


def show(error: HandrailError | NotApproved) -> int:
    """Say what failed, why, and what to do; returns the exit code."""
    if isinstance(error, NotApproved):
        typer.echo(f"not approved: {error}", err=True)
        return FAILED
    typer.echo(f"{error.code}: {error}", err=True)
    if error.remedy:
        typer.echo(f"  {error.remedy}", err=True)
    return UNREADABLE if isinstance(error, Unreadable) else FAILED


def stop(message: str, *, remedy: str = "", code: int = FAILED) -> NoReturn:
    """End here."""
    typer.echo(message, err=True)
    if remedy:
        typer.echo(f"  {remedy}", err=True)
    raise typer.Exit(code)


def from_driver(error: Exception) -> bool:
    """Whether a database's driver raised it. Told by name, so that no driver is imported to ask."""
    return type(error).__module__.partition(".")[0] in DRIVERS


def first_line(error: Exception) -> str:
    """What it says, without statements and links."""
    return next(iter(str(error).splitlines()), type(error).__name__)
