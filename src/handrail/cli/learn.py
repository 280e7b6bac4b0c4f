"""`handrail learn`: ask what teaches most, train by the user's own command, and again, until it stops paying."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from handrail.cli.guests import integration
from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.pictures import Series, curves, need_matplotlib
from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import need_database, operator
from handrail.client.client import Client
from handrail.client.learn.loop import Loop, Outcome, Reviewers, end, need_declared
from handrail.client.learn.pool import Pool, read_pool
from handrail.client.learn.rounds import Learned
from handrail.client.learn.terms import Terms
from handrail.client.learn.trainers import Trainer, of_command, of_function
from handrail.client.local import LocalTransport
from handrail.errors import InvalidInput, NotEnoughEvidence
from handrail.learning.curve import at_random_with
from handrail.learning.samplers import SAMPLERS
from handrail.learning.stopping import StopRule
from handrail.maintenance.plane import Plane

app = typer.Typer()

BAR = 30
ANNOTATORS = ("handrail", "label-studio")


@app.command()
def learn(
    action: Annotated[str, typer.Option(help="The action that the policy knows these cases by.")],
    pool: Annotated[Path | None, typer.Option(help="Unlabelled cases: FILE.jsonl or FILE.csv.")] = None,
    choices: Annotated[str, typer.Option(help="The answers people may give, with commas between.")] = "",
    command: Annotated[
        str | None, typer.Option(help="Your training command; {labels}, {pool} and {folder} stand for its files.")
    ] = None,
    function: Annotated[str | None, typer.Option(help="Or your function, as module:function.")] = None,
    features: Annotated[Path | None, typer.Option(help="FILE.npy or FILE.csv: a row of numbers a case.")] = None,
    sampler: Annotated[str, typer.Option(help=f"{', '.join(SAMPLERS)}.")] = "spread",
    batch: Annotated[int, typer.Option(help="Cases a round.")] = 20,
    start: Annotated[int | None, typer.Option(help="Cases of the first round; else as many.")] = None,
    reserve: Annotated[float, typer.Option(help="Share drawn by chance alone, which measures.")] = 0.15,
    rounds: Annotated[int | None, typer.Option(help="Most rounds, in all.")] = None,
    budget: Annotated[int | None, typer.Option(help="Most cases asked, in all.")] = None,
    stop_at: Annotated[float, typer.Option(help="Stop when successive models agree so well (kappa).")] = 0.99,
    price: Annotated[float, typer.Option(help="Price of one label, in the unit of --value.")] = 0.0,
    value: Annotated[float | None, typer.Option(help="Cases to come × cost of an error: stop by price too.")] = None,
    folds: Annotated[int, typer.Option(help="0 keeps the reserve out of training; 5 cross-fits it.")] = 0,
    *,
    compare: Annotated[bool, typer.Option("--compare/--no-compare", help="Also train on the reserve alone.")] = True,
    calibrator: Annotated[str | None, typer.Option(help="Install each round's calibrator under this name.")] = None,
    suggest: Annotated[
        bool, typer.Option("--suggest/--no-suggest", help="Show the model's answer on picked cases.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 0,
    seconds: Annotated[float, typer.Option(help="Most seconds that one training may take.")] = 3600.0,
    wait: Annotated[float | None, typer.Option(help="Wait at most so many seconds for people, in all.")] = None,
    poll: Annotated[float, typer.Option(help="Seconds between looks.")] = 2.0,
    reviewers: Annotated[
        str, typer.Option("--annotator", help="handrail (people at its console) or label-studio.")
    ] = "handrail",
    url: Annotated[str | None, typer.Option(envvar="LABEL_STUDIO_URL", help="Of Label Studio.")] = None,
    project: Annotated[int | None, typer.Option(help="Number of the project in Label Studio; else it is made.")] = None,
    token: Annotated[
        str | None, typer.Option(envvar="LABEL_STUDIO_API_KEY", help="Its access token.", show_default=False)
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the curve: FILE.svg or FILE.png.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what the first round would ask; ask nobody.")] = False,
    undeclared: Annotated[
        bool, typer.Option("--undeclared", help="Learn an action that the policy does not declare.")
    ] = False,
    stop_now: Annotated[bool, typer.Option("--end", help="End the loop that is under way.")] = False,
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Choose, ask, collect, train, calibrate, and again. Run it again after it was stopped: it goes on where it was,
    and nobody is asked twice.

    A part of the pool, drawn before anything is scored, is the reserve: it measures, and it alone calibrates.
    """
    settings = settings_from(database=database, workspace=workspace)
    need_database(settings.database)
    if stop_now:
        with plane_of(settings) as plane:
            id = end(_transport(plane, settings.workspace), action)
        print_json({"ok": True, "ended": id}) if as_json else typer.echo(f"ended {id}")
        return
    if picture is not None:
        need_matplotlib(picture)
    cases = _pool(pool, features)
    terms = Terms(
        action=action, choices=_choices(choices), sampler=sampler, batch=batch, start=start, reserve=reserve,
        rounds=rounds, budget=budget, stop=StopRule(agreement=stop_at, price=price, value=value), seed=seed,
        folds=folds, compare=compare, calibrator=calibrator, suggest=suggest, undeclared=undeclared,
    )  # fmt: skip
    trainer = _trainer(command, function, seconds)
    if reviewers not in ANNOTATORS:
        raise InvalidInput(f"nobody annotates as {reviewers!r}", remedy=f"Choose {' or '.join(ANNOTATORS)}.")
    with plane_of(settings) as plane:
        transport = _transport(plane, settings.workspace)
        # before a project is made elsewhere
        need_declared(transport, terms)
        asked = None if reviewers == "handrail" else _label_studio(transport, terms, cases, url, project, token)
        loop = Loop(
            transport, cases, trainer, terms, reviewers=asked, poll=poll,
            progress=lambda text: typer.echo(text, err=True),
            on_round=lambda learned: None if as_json else typer.echo(_line(learned)),
        )  # fmt: skip
        if dry_run:
            _preview(loop, cases, as_json)
            return
        outcome = loop.run(wait)
    _tell(outcome, as_json)
    if picture is not None:
        _draw(picture, outcome)


def _transport(plane: Plane, workspace: str) -> LocalTransport:
    return LocalTransport(plane, operator(workspace), owns_plane=False)


def _pool(path: Path | None, features: Path | None) -> Pool:
    if path is None:
        raise InvalidInput("learn from what?", remedy="Give the unlabelled cases with --pool FILE.jsonl.")
    return read_pool(path, features)


def _choices(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",")) if text.strip() else ()


def _trainer(command: str | None, function: str | None, seconds: float) -> Trainer:
    if (command is None) == (function is None):
        raise InvalidInput("how is the model trained?", remedy="Give --command or --function, one of them.")
    if function is not None:
        return of_function(function)
    try:
        return of_command(shlex.split(command or ""), seconds=seconds)
    except ValueError as error:
        raise InvalidInput(f"--command cannot be read: {error}") from None


def _label_studio(
    transport: LocalTransport, terms: Terms, pool: Pool, url: str | None, project: int | None, token: str | None
) -> Reviewers:
    if url is None or token is None:
        raise InvalidInput("Label Studio needs --url and a token", remedy="Set LABEL_STUDIO_API_KEY.")
    module = integration("label_studio")
    made: Reviewers = module.reviewers(
        Client(transport), url=url, token=token, project=project, choices=terms.choices, action=terms.action,
        shows=pool.items[0].input,
    )  # fmt: skip
    return made


def _preview(loop: Loop, pool: Pool, as_json: bool) -> None:
    picks = loop.preview()
    if as_json:
        shown = [{"id": pool.items[pick.row].id, "picked": pick.picked} for pick in picks]
        print_json({"ok": True, "pool": len(pool), "first": shown})
        return
    typer.echo(f"{len(pool)} cases; the first round would ask {len(picks)}:")
    for pick in picks:
        typer.echo(f"  {visible(pool.items[pick.row].id)}  {pick.picked}")


def _line(learned: Learned) -> str:
    """One round on one line."""
    head = f"round {learned.round}: {learned.asked} asked"
    if not learned.trained_on:
        return f"{head}; {learned.calibrator}"
    share, (low, high), n = learned.reserve.share, learned.reserve.interval, learned.reserve.n
    if share is None:
        return f"{head}, trained on {learned.trained_on}; nothing measures it yet (no reserve)"
    bar = "█" * round(BAR * share)
    kappa = "" if learned.kappa is None else f"  kappa {learned.kappa:.3f}"
    return f"{head}, trained on {learned.trained_on:5}  {bar:{BAR}} {share:.3f} ({low:.2f} to {high:.2f}, n {n}){kappa}"


def _tell(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        rounds = [{**one.to_json(), "at_random_with_as_many": None} for one in outcome.rounds]
        curve = [one.point for one in outcome.rounds]
        for row, one in zip(rounds, outcome.rounds, strict=True):
            del row["said"]
            row["at_random_with_as_many"] = at_random_with(curve, one.trained_on)
        print_json({"ok": True, "id": outcome.id, "state": outcome.state, "reason": outcome.reason,
                    "open": outcome.open, "rounds": rounds})  # fmt: skip
        return
    last = outcome.rounds[-1] if outcome.rounds else None
    if last is not None and last.trained_on:
        drawn = [one for one in outcome.rounds if one.at_random is not None and one.at_random.share is not None]
        for one in drawn[-1:]:
            assert one.at_random is not None
            typer.echo(f"learning at random: {one.at_random.share:.3f} with {one.at_random_labels} labels, measured on "
                       f"{one.at_random.n}")  # fmt: skip
        typer.echo(f"calibration: {last.calibrator}")
    typer.echo(f"{outcome.state}: {outcome.reason}")


def _draw(path: Path, outcome: Outcome) -> None:
    """The reserve's curve, and beside it what learning at random reached."""
    trained = [one for one in outcome.rounds if one.trained_on and one.reserve.share is not None]
    drawn = sorted(
        {(one.at_random_labels or 0, one.at_random.share or 0.0) for one in trained if one.at_random is not None}
    )
    if not trained:
        raise NotEnoughEvidence("there is no curve yet: no round has trained a model and measured it")
    series = [
        Series(
            label="picked", x=[one.trained_on for one in trained], y=[one.reserve.share or 0.0 for one in trained],
            low=[one.reserve.interval[0] for one in trained], high=[one.reserve.interval[1] for one in trained],
        )
    ]  # fmt: skip
    if drawn:
        at, shares = [float(labels) for labels, _ in drawn], [share for _, share in drawn]
        series.append(Series(label="at random", x=at, y=shares, dashed=True))
    curves(
        path, title="Learning curve", x="labels the model was trained on", y="right on the reserve", series=series,
        y_range=(0.0, 1.0), percent="y", note=f"95 % intervals (Wilson), reserve of {trained[-1].reserve.n}.",
    )  # fmt: skip
    typer.echo(f"drew {path}", err=True)
