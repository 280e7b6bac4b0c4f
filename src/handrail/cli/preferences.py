"""`handrail preferences`: who answers better, and a small reward model, from what people compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from handrail.canonical import JSON
from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.pouring import pour_to_file
from handrail.cli.printing import AsJson, print_json
from handrail.cli.reaching import need_database
from handrail.errors import InvalidInput, Unreadable
from handrail.learning.comparison import answers_of, side_of
from handrail.learning.example import text_of
from handrail.learning.lessons import History
from handrail.learning.ranking import Compared, Ranking, rank
from handrail.learning.reward import RewardModel
from handrail.learning.reward_fit import Pair, fit_reward
from handrail.lifecycle import exporting

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Who answers better, and a reward model, from comparisons.",
)  # fmt: skip

Action = Annotated[str, typer.Option(help="The action whose comparisons are read.")]
SIDES = {"a": "left", "b": "right", "tie": "tie"}


@app.command(name="rank")
def rank_command(
    action: Action = "compare", *, database: Database = None, workspace: Workspace = None, as_json: AsJson = False
) -> None:
    """Rank the options that comparisons name, with ties and the effect of standing left."""
    told = _histories(action, database, workspace)
    made = rank(_compared(told))
    if as_json:
        print_json(made.to_json())
        return
    _show(made)


@app.command()
def reward(
    output: Annotated[Path, typer.Argument(help="Where the model goes, as JSON.")],
    action: Action = "compare",
    ceiling: Annotated[
        float | None, typer.Option(help="How often one person agrees with the others, if known.")
    ] = None,
    *,
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Fit a reward model on comparisons and edits; figures are cross-fitted, by prompt. Needs handrail[ml]."""
    settings = settings_from(database=database, workspace=workspace)
    need_database(settings.database)
    with plane_of(settings) as plane:
        rows = list(exporting.preference_rows(plane.store, settings.workspace, action=action))
    pairs = [
        Pair(prompt=text_of(row["prompt"]), chosen=text_of(row["chosen"]), rejected=text_of(row["rejected"]))
        for row in rows if row["split"] == "train"
    ]  # fmt: skip
    made = fit_reward(pairs, ceiling=ceiling)
    pour_to_file([json.dumps(made.to_json(), ensure_ascii=False).encode() + b"\n"], str(output))
    figures = _figures(made)
    if as_json:
        print_json({**figures, "digest": made.digest, "output": str(output)})
        return
    typer.echo(f"fitted on {made.n} pairs of the training split, to {output}")
    typer.echo(f"  right            {made.accuracy:.1%}")
    typer.echo(f"  right, surer half {made.surer_accuracy:.1%}: only pairs this sure may be labelled without a person")
    typer.echo(f"  the longer answer wins {made.longer_wins:.1%}")
    if ceiling is not None:
        typer.echo(f"  one person agrees with the others {ceiling:.1%}: nothing can be expected above it")


@app.command()
def prefer(
    model: Annotated[Path, typer.Argument(help="A model that `reward` wrote.")],
    prompt: Annotated[str, typer.Argument(help="What was asked.")],
    first: Annotated[str, typer.Argument(help="One answer.")],
    second: Annotated[str, typer.Argument(help="The other answer.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say how likely people are to find the first answer better."""
    try:
        made = RewardModel.from_json(json.loads(model.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Unreadable(f"{model}: {getattr(error, 'strerror', None) or error}") from None
    chance, sure = made.preference(prompt, first, second), made.may_label(prompt, first, second)
    if as_json:
        print_json({"first": chance, "sure": sure, "model": made.digest})
        return
    typer.echo(f"the first is better with {chance:.1%}" + ("" if sure else "; not sure enough to go without a person"))


def _histories(action: str, database: str | None, workspace: str | None) -> list[History]:
    settings = settings_from(database=database, workspace=workspace)
    need_database(settings.database)
    with plane_of(settings) as plane:
        return list(exporting.histories(plane.store, settings.workspace, action=action))


def _compared(told: list[History]) -> Iterator[Compared]:
    named = False
    for history in told:
        held = history.proposal.arguments
        if history.proposal.kind != "comparison" or not isinstance(held, dict) or history.proposal.gold is not None:
            continue
        options = held.get("options")
        if not isinstance(options, dict) or not {"a", "b"} <= set(options) or options["a"] == options["b"]:
            continue
        named = True
        for value in answers_of(history.reviews, history.proposal).values():
            if (side := side_of(value)) in SIDES:
                yield Compared(left=str(options["a"]), right=str(options["b"]), result=SIDES[side])  # type: ignore[arg-type]
    if told and not named:
        raise InvalidInput(
            "the comparisons do not say who answered",
            remedy='Make them with comparison(prompt, answers, options=("model-1", "model-2")).',
        )


def _figures(made: RewardModel) -> dict[str, JSON]:
    return {
        "n": made.n, "accuracy": made.accuracy, "surer_accuracy": made.surer_accuracy,
        "longer_wins": made.longer_wins, "ceiling": made.ceiling,
    }  # fmt: skip


def _show(made: Ranking) -> None:
    table = Table("option", "strength", "± error", "beats the next", box=None, pad_edge=False)
    for place, option in enumerate(made.options):
        after = made.options[place + 1] if place + 1 < len(made.options) else None
        beats = "" if after is None else f"{_decided(made, option, after):.0%} of decided ones"
        table.add_row(option, f"{made.strengths[place]:+.2f}", f"{made.errors[place]:.2f}", beats)
    Console().print(table)
    typer.echo(
        f"{made.n} answers, {made.tied} ties; standing left adds {made.order:+.2f} (± {made.order_error:.2f})"
        + ("" if abs(made.order) < 2 * made.order_error else ": people favour a side")
    )


def _decided(made: Ranking, one: str, other: str) -> float:
    first, second, _ = made.probabilities(one, other)
    third, fourth, _ = made.probabilities(other, one)
    return (first / (first + second) + fourth / (third + fourth)) / 2
