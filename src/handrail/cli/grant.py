"""`handrail grant`: what lets actions go further by themselves: seen, ended, and proposed from what was decided."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.calibration.binomial import upper_bound
from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import Place, call, need_database, placed, reach
from handrail.errors import InvalidInput
from handrail.learning.permits import propose_grant
from handrail.lifecycle import policies
from handrail.lifecycle.precedents import precedents
from handrail.store import reads

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="See, propose and end what lets actions go further."
)


@app.command("list")
@placed
def list_grants(*, place: Place, as_json: AsJson = False) -> None:
    """The grants that can still let something through; those in the policy file stand there."""
    with reach(place) as reached:
        found = call(reached, "grants")["items"]
    if as_json:
        print_json(found)
        return
    for one in found:
        most = f" up to {one['amount']} {one.get('currency', '')}" if "amount" in one else ""
        left = f"  {one['uses_left']} uses left" if "uses_left" in one else ""
        typer.echo(visible(f"{one['id']}  {one['action']}{most}  until {one['expires']}{left}  {one['reason']}"))
    if not found:
        typer.echo("nothing is granted")


@app.command()
@placed
def end(id: Annotated[str, typer.Argument(help="The grant's id.", show_default=False)], *, place: Place) -> None:
    """End a grant before its time. What it let through stays let through."""
    with reach(place) as reached:
        call(reached, "end_grant", id=id)
    typer.echo(f"ended {id}")


@app.command()
def propose(
    action: Annotated[str, typer.Option(help="The action whose decisions are looked at.")],
    target: Annotated[float, typer.Option(help="Most mistakes among what it lets through, as a share.")] = 0.05,
    delta: Annotated[float, typer.Option(help="Chance that the bound on them is wrong.")] = 0.05,
    days: Annotated[int, typer.Option(min=1, max=90, help="How long it would last.")] = 14,
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Propose a narrow grant from what people decided, with its back-test. Nothing is issued: that takes a lead.

    Ends with 1 when nothing can be proposed yet.
    """
    settings = settings_from(database=database, workspace=workspace)
    need_database(settings.database)
    with plane_of(settings) as plane:
        found = reads.policy_text(plane.store, plane.workspace_id)
        policy = policies.compiled(found.text, found.name)
        declared = policy.action(action)
        if declared is None or declared.undo is None:
            raise InvalidInput(
                f"the policy names no way to take {action!r} back, so no grant would lift anything",
                remedy="Name its undo in the policy first.",
            )
        past = precedents(plane.store.read_hot, policy, plane.workspace_id, action)
    made = propose_grant(action, past, bound=upper_bound, target=target, delta=delta, seconds=days * 86_400)
    if as_json:
        print_json({"proposed": None if made is None else made.to_json(), "decided": len(past)})
    elif made is None:
        typer.echo(f"nothing to propose: {len(past)} decided cases show no group with so few mistakes")
    else:
        typer.echo(visible(f"{action} when {made.when}, for {days} days"))
        typer.echo(
            f"it would have let {made.passed} of {made.of} through, of which {made.wrong} turned out wrong; "
            f"at most {made.bound:.1%} mistakes, with {1 - made.delta:.0%} confidence over {made.candidates} candidates"
        )
    if made is None:
        raise typer.Exit(1)
