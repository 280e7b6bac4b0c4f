"""`handrail reviewers`: how far each reviewer's answers can be relied on, with the n that every figure needs."""

from __future__ import annotations

from typing import Any

import typer

from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import OnDatabase, Place, placed, reach
from handrail.client.http import HttpTransport
from handrail.server.reviewers import figures

app = typer.Typer()

COLUMNS = ("reviewer", "answers", "golds", "accuracy", "model right", "model wrong", "test", "approved", "dwell")
_STANDING = {"open": "undecided", "flagged": "FLAGGED", "clear": "clear"}


@app.command()
@placed
def reviewers(*, place: Place, as_json: AsJson = False) -> None:
    """Golds, agreement, the sequential test, dwell, alarms and findings. Shares show once there is evidence enough."""
    with reach(place) as reached:
        if isinstance(reached, OnDatabase):
            made: dict[str, Any] = figures(reached.plane, reached.actor.workspace)
        else:
            assert isinstance(reached.transport, HttpTransport)
            made = reached.transport.get("/v1/reviewers")
    if as_json:
        print_json(made)
        return
    _table([COLUMNS, *(_row(one) for one in made["reviewers"])])
    if not made["reviewers"]:
        typer.echo("nobody has answered yet")
    for one in made["reviewers"]:
        for line in [*_said(one["flags"], "flag"), *_said(one["alarms"], "alarm"), *_said(one["anomalies"], "finding")]:
            typer.echo(visible(f"{one['name']}: {line}"))
    if "own" not in made:
        _crowd(made)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    card = one["scorecard"]
    dwell = "–" if one["median_dwell"] is None else f"{one['median_dwell']:.1f} s"
    return (
        one["name"], str(one["answers"]), str(card["golds"]), share(card["accuracy"]), share(card["model_right"]),
        share(card["model_wrong"]), _STANDING[card["test"]["standing"]], share(one["approved"]), dwell,
    )  # fmt: skip


def share(part: dict[str, Any]) -> str:
    """A share with its interval, or how much of the evidence there is."""
    if part["value"] is None:
        return f"{part['n']} of {part['need']}"
    return f"{part['value']:.0%} ({part['low']:.0%}-{part['high']:.0%})"


def _said(items: list[dict[str, Any]], what: str) -> list[str]:
    return [
        f"{what} {one.get('code') or one.get('kind')}: {one.get('text') or 'over ' + str(one['n']) + ' answers'}"
        for one in items
    ]


def _crowd(made: dict[str, Any]) -> None:
    for one in made["agreement"]:
        if one["state"] == "not_enough":
            told = f"not enough evidence yet ({one['cases']} of {one['need']} cases answered twice)"
        else:
            told = ", ".join(f"{name} {_number(one[name])}" for name in ("raw", "alpha", "ac1"))
            told += f" over {one['cases']} cases; alpha {_standing(one)} {one['threshold']:.2f}"
        typer.echo(visible(f"agreement on {one['action']}: {told}"))
    bias = made["anchoring"]
    if bias["value"] is None:
        typer.echo(f"automation bias: not enough evidence yet ({bias['n']} of {bias['need']} wrong suggestions an arm)")
    else:
        typer.echo(f"automation bias: {bias['value']:+.1%} ({bias['low']:+.1%} to {bias['high']:+.1%})")
    trend = made["fatigue"]
    if trend["b"] is None:
        typer.echo(f"fatigue: {trend['said']}")
    else:
        word = "stands" if trend["stands"] else "does not stand: count it as zero"
        typer.echo(f"fatigue: b {trend['b']:+.2f} ({trend['low']:+.2f} to {trend['high']:+.2f}) {word}")
    typer.echo(_consensus(made["consensus"]))
    for rule in made["rules"]:
        typer.echo(visible(f"rule {rule['subject']}: {rule['text']}"))
    pool = made["golds"]
    typer.echo(f"golds: {pool['pool']} in the pool, {pool['drawn']} drawn, share {pool['share']:.1%}")


def _consensus(one: dict[str, Any]) -> str:
    if one["way"] is None:
        return f"consensus: not enough evidence yet ({one['cases']} of {one['need']} cases answered twice)"
    told = f"consensus over {one['cases']} cases: read by {one['way'].replace('_', '-')}"
    told += f", Dawid-Skene differs from plain majority on {one['differs']:.1%}"
    return told + (f"\n  WARNING: {one['warning']}" if one["warning"] else "")


def _standing(one: dict[str, Any]) -> str:
    return {"met": "meets", "below": "is BELOW", "undefined": "is n/a against"}[one["state"]]


def _number(one: dict[str, Any]) -> str:
    if one["value"] is None:
        return "n/a"
    return f"{one['value']:.3f}" + ("" if one["low"] is None else f" ({one['low']:.3f} to {one['high']:.3f})")


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(visible(row[i])) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(visible(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
