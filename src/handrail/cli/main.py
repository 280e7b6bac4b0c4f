"""The `handrail` command: its parts, each loaded when it is called."""

from __future__ import annotations

from importlib.metadata import version as installed
from typing import Annotated, ClassVar

import typer

from handrail.cli.lazy import Lazy, LazyGroup


class Commands(LazyGroup):
    """Everything `handrail` can do, in the order people meet it."""

    table: ClassVar[dict[str, Lazy]] = {
        "demo": Lazy("demo", "See the whole loop at work."),
        "serve": Lazy("serve", "Run the server with the review console."),
        "doctor": Lazy("doctor", "Check that a control plane is set up well."),
        "case": Lazy("case", "Review cases on the terminal."),
        "policy": Lazy("policy", "Check, explain, replay and compare policy files."),
        "mcp": Lazy("mcp", "Stand before an MCP server, so that its tools pass policy."),
        "halt": Lazy("halt", "Stop an agent, an action, a run or everything."),
        "grant": Lazy("grant", "See and end what lets actions go further by themselves."),
        "autonomy": Lazy("autonomy", "See, propose and answer what actions have earned."),
        "monitors": Lazy("monitors", "See what is watched; lift an alarm with evidence."),
        "undo": Lazy("undo", "Take an executed action back."),
        "parked": Lazy("parked", "List the runs that wait for a decision, and try again to wake one."),
        "audit": Lazy("audit", "Verify, export and witness the audit log."),
        "calibrate": Lazy("calibrate", "Fit a calibrator from labels, and put it to use."),
        "learn": Lazy("learn", "Ask people what teaches a model most, train it, and again."),
        "tune": Lazy("tune", "Find a threshold with a promise, and write it as a policy change."),
        "install": Lazy("install", "Put a fitted calibrator or a reviewers' table to use."),
        "export": Lazy("export", "Write labels, preferences or training examples to a file."),
        "preferences": Lazy("preferences", "Rank answers and fit a reward model from what people compared."),
        "reviewers": Lazy("reviewers", "See how far each reviewer can be relied on."),
        "fusion": Lazy("fusion", "See how people's answers are weighed with the model's."),
        "supervisor": Lazy("supervisor", "See how good the AI supervisor is."),
        "gold": Lazy("gold", "Keep the pool of cases with known answers."),
        "import": Lazy("importing", "Bring in annotated cases of Label Studio, Argilla or COCO."),
        "people": Lazy("serve", "Add and change people."),
        "keys": Lazy("serve", "Make and revoke API keys."),
        "migrate": Lazy("serve", "Bring a database up to date."),
        "acknowledge": Lazy("acknowledge", "Say that a restored copy may go on."),
        "erase": Lazy("erase", "Erase a person's values; the log stays whole."),
        "version": Lazy("version", "Say which version this is."),
    }


app = typer.Typer(
    name="handrail",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A human-in-the-loop control plane: proposals in, exactly one decision out.",
    epilog="Exit codes: 0 fine; 1 it failed; 2 wrong usage, or a file that cannot be read; `audit verify` has its own.",
)


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
) -> None:
    del debug  # read by the group, which turns errors into words
    if version:
        typer.echo(f"handrail {installed('handrail')}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
