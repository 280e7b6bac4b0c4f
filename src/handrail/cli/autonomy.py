"""`handrail autonomy`: what cells of cases have earned, promotions proposed, accepted, declined."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import Place, call, placed, reach
from handrail.errors import Conflict, NotEnoughEvidence

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See, propose and answer what has been earned.")

Id = Annotated[str, typer.Argument(help="The promotion's id.", show_default=False)]
BAR = 20


@app.command("list")
@placed
def list_cells(*, place: Place, as_json: AsJson = False) -> None:
    """Where each cell stands: cases that count, n of m, misses, bound, evidence; and promotions that wait."""
    with reach(place) as reached:
        found = call(reached, "autonomy")
    if as_json:
        print_json(found)
        return
    for one in found["cells"]:
        typer.echo(visible(_cell(one)))
    for one in found["promotions"]:
        typer.echo(visible(_promotion(one)))
    if not found["cells"]:
        typer.echo("nothing earns autonomy: no action has `growth` in the policy, or too little was proposed yet")


@app.command()
@placed
def propose(
    action: Annotated[str | None, typer.Option(help="Only cells of this action.")] = None,
    cell: Annotated[str | None, typer.Option(help="This cell's id; says n of m where it has not passed.")] = None,
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Propose what has been earned. Nothing is let through by it: a second person with the role lead accepts.

    Lays the cells of --action first where there are none; only later cases count. Ends with 1 when nothing has passed.
    """
    laid: int | None = None
    with reach(place) as reached:
        if action is not None and cell is None:
            try:
                laid = call(reached, "lay_cells", action=action)["cells"]
            except (Conflict, NotEnoughEvidence) as error:
                if isinstance(error, NotEnoughEvidence):
                    raise
        named = {"action": action, "cell": cell}
        given = {name: value for name, value in named.items() if value is not None}
        made = call(reached, "propose_promotion", **given)["ids"]
        found = call(reached, "autonomy")
    proposed = [one for one in found["promotions"] if one["id"] in made]
    if as_json:
        print_json({"laid": laid, "proposed": proposed})
    else:
        if laid is not None:
            typer.echo(f"{laid} cells laid; cases count from now on")
        for one in proposed:
            typer.echo(visible(_promotion(one)))
        if not proposed:
            typer.echo(
                "nothing to propose: no cell has passed; `handrail autonomy list` says how many cases are missing"
            )
    if not proposed:
        raise typer.Exit(1)


@app.command()
@placed
def accept(
    id: Id,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Accept a promotion: its grant begins at once. Needs a lead (--as) who did not propose it."""
    with reach(place, needs_person=place.url is None) as reached:
        made = call(reached, "accept_promotion", id=id, reason=reason)
    print_json(made) if as_json else typer.echo(f"accepted {id}: grant {made['grant']}")


@app.command()
@placed
def decline(
    id: Id,
    reason: Annotated[str, typer.Option(help="Why.")],
    *,
    place: Place,
) -> None:
    """Decline a promotion; it comes again with a quarter more cases."""
    with reach(place, needs_person=place.url is None) as reached:
        call(reached, "decline_promotion", id=id, reason=reason)
    typer.echo(f"declined {id}")


@app.command()
@placed
def history(*, place: Place, as_json: AsJson = False) -> None:
    """Every promotion that was proposed, newest first, and what became of it."""
    with reach(place) as reached:
        found = call(reached, "promotions")["items"]
    if as_json:
        print_json(found)
        return
    for one in found:
        typer.echo(visible(_promotion(one)))
    if not found:
        typer.echo("nothing was ever proposed")


def _cell(one: dict[str, Any]) -> str:
    done = round(BAR * min(1.0, one["n"] / max(1, one["needed"])))
    rest = f"  {one['unchecked']} by people golds have not checked" if one["unchecked"] else ""
    return (
        f"{one['id']}  {one['action']}: {one['cell']}  [{'#' * done}{'.' * (BAR - done)}]"
        f" {one['n']} of {one['needed']}, {one['misses']} misses, at most {one['bound']:.1%},"
        f" E {one['evidence']:g}  {one['state']}{rest}"
    )


def _promotion(one: dict[str, Any]) -> str:
    saving = one["saving"]
    words = f"{one['id']}  {one['state']}  {one['action']}: {one['cell']} as {one['tier']}, {one['words']}"
    back = one["back_test"]
    words += f"; it would have let {back['passed']} of {back['of']} through, {back['wrong']} of them misses"
    words += f"; in {saving['days']} days {saving['asks_avoided']} fewer asks"
    if "money" in saving:
        words += f", {saving['money']} {saving['currency'] or ''} saved at worst"
    return words + (f"  ({one['reason']})" if one["reason"] else "")
