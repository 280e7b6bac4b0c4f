"""Commands that are imported when they are called, so that `handrail --help` costs next to nothing."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperGroup

from handrail.cli.failing import first_line, from_driver, show
from handrail.errors import HandrailError, NotApproved, Unreadable

COMPLETION = ("install_completion", "show_completion")


class Lazy(NamedTuple):
    """Where a command lives, and what the overview says about it."""

    module: str
    help: str


class LazyGroup(TyperGroup):
    """A group whose commands stand in a table; also the one place where our errors become words and an exit code."""

    table: ClassVar[dict[str, Lazy]] = {}

    def __init__(self, **attrs: Any):
        super().__init__(**attrs)
        for name, lazy in self.table.items():
            self.commands.setdefault(name, _stub(name, lazy.help))

    def load(self, name: str) -> Any:
        """The command itself. A module offers `app`, which is the command or holds it under its name."""
        module = importlib.import_module(f"handrail.cli.{self.table[name].module}")
        # help looks the same everywhere, and in a pipe
        module.app.rich_markup_mode = None
        command = typer.main.get_command(module.app)
        found = getattr(command, "commands", {}).get(name, command)
        # shells complete the whole program, not one part of it
        found.params = [param for param in found.params if param.name not in COMPLETION]
        return found

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, self.load(name) if name in self.table else command, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (HandrailError, NotApproved) as error:
            if ctx.params.get("debug"):
                raise
            raise typer.Exit(show(error)) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except Exception as error:
            if ctx.params.get("debug") or not from_driver(error):
                raise
            raise typer.Exit(show(Unreadable(f"the database cannot be read: {first_line(error)}"))) from None


def _stub(name: str, help: str) -> Any:
    app = typer.Typer(add_completion=False)
    app.command(name, help=help)(_nothing)
    return typer.main.get_command(app)


def _nothing() -> None:
    """Stands in the overview for a command that is not loaded."""
