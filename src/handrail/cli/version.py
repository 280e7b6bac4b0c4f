"""`handrail version`."""

from __future__ import annotations

import platform
from importlib.metadata import version as installed

import typer

from handrail.cli.printing import AsJson, print_json

app = typer.Typer()


@app.command()
def version(as_json: AsJson = False) -> None:
    """Say which version this is, and what it runs on."""
    found = {"handrail": installed("handrail"), "python": platform.python_version(), "machine": platform.platform()}
    if as_json:
        print_json(found)
    else:
        typer.echo(f"handrail {found['handrail']} (Python {found['python']}, {found['machine']})")
