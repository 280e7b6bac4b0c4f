"""`handrail monitors`: what is watched, how near each is to an alarm, and the lifting of one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import Place, call, placed, reach

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See what is watched; lift an alarm with evidence.")

SAID = {"alarm": "ALARM", "watching": "quiet", "lifted": "lifted", "ended": "ended"}


@app.command("list")
@placed
def list_monitors(
    ended: Annotated[bool, typer.Option("--ended", help="Those that ended or were lifted, too.")] = False,
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Every monitor: the cases it saw, its evidence, the line from which it alarms; and the error let through."""
    with reach(place) as reached:
        found = reached.monitors(ended=ended)
    if as_json:
        print_json(found)
        return
    for one in found["items"]:
        typer.echo(visible(_line(one)))
    for one in found["estimates"]:
        typer.echo(visible(_estimated(one)))
    for one in found["waiting"]:
        typer.echo(visible(_waits(one)))
    for one in found["stale"]:
        typer.echo(visible(f"{one['action']}: {one['text']}; spot checks are doubled"))
    if found["overflow"] is not None:
        typer.echo(visible(_overflow(found["overflow"])))
    if found["capacity"] is not None:
        for line in capacity_lines(found["capacity"]):
            typer.echo(visible(line))
    if not found["items"]:
        typer.echo("nothing is watched: give an action spot_check_rate and a threshold or target_error")


@app.command()
@placed
def explain(
    id: Annotated[str, typer.Argument(help="The monitor's id.", show_default=False)],
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """One monitor in full: its terms, its checks by stream and verdict, and what would lift its alarm."""
    with reach(place) as reached:
        one = reached.monitor(id)
    if as_json:
        print_json(one)
        return
    typer.echo(visible(_line(one)))
    if one["text"]:
        typer.echo(visible(one["text"]))
    for name, value in one["terms"].items():
        typer.echo(visible(f"  {name} {value:g}"))
    for part in one["checks"]:
        after = " after the alarm" if part["after_alarm"] else ""
        typer.echo(visible(f"  {part['count']} {part['stream']} checks {part['verdict']}{after}"))
    shown = one.get("certificate")
    if shown and "checks" in shown:
        word = "enough" if shown["holds"] else "not enough evidence yet"
        typer.echo(
            f"  since the alarm: {shown['wrong']} wrong of {shown['checks']} uniform checks; {word}"
            f" ({shown['checks']} of {shown['enough_at']})"
        )


@app.command()
@placed
def lift(
    id: Annotated[str, typer.Argument(help="The monitor whose alarm is to go.", show_default=False)],
    reason: Annotated[str, typer.Option(help="What was found, and what was done about it.")] = "",
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Lift an alarm: a lead or admin, once uniform checks after it show that the error is below its limit.

    The control plane counts the evidence itself. A new monitor begins in its place.
    """
    with reach(place, needs_person=place.url is None) as reached:
        made = call(reached, "lift_alarm", id=id, reason=reason)
    if as_json:
        print_json(made)
    elif "checks" in made:
        typer.echo(f"lifted: {made['wrong']} wrong of {made['checks']} checks since the alarm")
    else:
        typer.echo("lifted")


def _line(one: dict[str, Any]) -> str:
    standing = one["evidence"] or SAID[one["standing"]]
    if one["standing"] == "alarm":
        standing += f" since {one['alarmed_at']}" + (f", raises to {one['raises_to']}" if one["raises_to"] else "")
    what = one["action"] or "(workspace)"
    return (
        f"{one['id']}  {what}  {one['kind']}  n {one['n']}  log E {one['log_e']:.2f} of {one['line']:.2f}  {standing}"
    )


def _estimated(one: dict[str, Any]) -> str:
    if one["error"] is None:
        return f"{one['action']}: error of what was let through: {one['evidence']}"
    return (
        f"{one['action']}: error of what was let through {one['error']:.2%} ({one['low']:.2%} to {one['high']:.2%}),"
        f" from {one['checks']} checks of {one['let_through']}"
    )


def _waits(one: dict[str, Any]) -> str:
    first = one["first"][0]
    until = "" if first["deadline"] is None else f", counts as an error from {first['deadline']}"
    others = ", ".join(each["case_id"] for each in one["first"][1:])
    more = one["checks"] - len(one["first"])
    behind = f"; {one['held_up']} that were answered wait behind it" if one["held_up"] else ""
    return (
        f"{one['action']}: {one['checks']} spot checks wait for an answer, first case {first['case_id']}"
        f" (drawn {first['drawn_at']}{until}){behind}"
        + (f"; then {others}" if others else "")
        + (f" and {more} more" if more else "")
    )


def capacity_lines(one: dict[str, Any]) -> list[str]:
    """What a review counts while people are few."""
    asked = f"capacity {one['reviews_per_day']:g} reviews a day, {one['asked']} asked for in the last {one['hours']} h"
    if one["factor"] <= 1.0:
        return [f"{asked}: a review counts what it costs"]
    end = ", the most that the policy allows: more is asked for than people can do" if one["at_most"] else ""
    made = [f"{asked}: a review counts up to {one['factor']:.3g} times its price{end}"]
    for each in one["agents"]:
        limit = ", ALARM: at its limit" if each["at_most"] else ""
        name = each["agent"] or "(all others)"
        made.append(f"  {name}: {each['asked']} reviews asked for, each counts {each['factor']:.3g} times{limit}")
    for price in one["prices"]:
        unit = f" {price['currency']}" if price["currency"] else ""
        made.append(
            f"  {price['action']}: shadow price {price['counts']:.4g}{unit} ({price['review']:.4g}{unit} to pay)"
        )
    return made


def _overflow(one: dict[str, Any]) -> str:
    cost = "" if one["shadow_cost"] is None else f", shadow cost {one['shadow_cost']} {one['currency'] or ''}".rstrip()
    return (
        f"the queue overflows since {one['since']}: soft_review {one['soft_review']}, hard_gate {one['hard_gate']};"
        f" {one['displaced']} cases displaced{cost}"
    )
