"""How the command line fails: one block on standard error, and an exit code that scripts can rely on."""

from __future__ import annotations

from typing import NoReturn

import typer

from handrail.errors import HandrailError, NotApproved, Unreadable

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
