"""`handrail calibrate`: fit a calibrator from what people and outcomes said, and put it to use."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast, get_args

import typer

from handrail.calibration.borrowing import Lender, borrow
from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import NEEDS, fit
from handrail.calibration.methods import METHODS, Method
from handrail.calibration.quality import bins_of
from handrail.calibration.scores import Scale, names_of
from handrail.calibration.sources import SOURCES, Source
from handrail.cli.calibrate_rows import Learned, from_csv, from_labels, others
from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.pictures import need_matplotlib, reliability_diagram
from handrail.cli.printing import AsJson, print_json
from handrail.cli.reaching import need_database, operator
from handrail.clock import SystemClock
from handrail.errors import InvalidInput, NotEnoughEvidence
from handrail.lifecycle import calibrators
from handrail.lifecycle.policies import compiled
from handrail.maintenance.plane import Plane
from handrail.policy.document import ActionEntry
from handrail.store import reads

app = typer.Typer()

SCORE_HELP = "Column of the scores, with --csv; several, one a class, separated by commas."


class Wanted(NamedTuple):
    """How to fit."""

    method: Method | Literal["auto"]
    scale: Scale
    source: Source
    classes: tuple[str, ...]
    action: str | None
    as_json: bool


@app.command()
def calibrate(
    action: Annotated[str | None, typer.Option(help="The action whose labels are used.")] = None,
    method: Annotated[str, typer.Option(help=f"auto, {', '.join(METHODS)}.")] = "auto",
    name: Annotated[str | None, typer.Option(help="Name to install it under; as the policy says, else ACTION.")] = None,
    *,
    install: Annotated[bool, typer.Option("--install", help="Put it to use from the next proposal on.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write the calibrator as JSON.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the reliability diagram as FILE.svg or FILE.png.")] = None,
    table: Annotated[Path | None, typer.Option("--csv", help="Fit on this file instead of labels.")] = None,
    score_column: Annotated[str, typer.Option(help=SCORE_HELP)] = "score",
    correct_column: Annotated[str, typer.Option(help="Column of right or wrong, with --csv.")] = "correct",
    truth_column: Annotated[str | None, typer.Option(help="Column of the true class, with --csv.")] = None,
    classes: Annotated[str | None, typer.Option(help="The classes in order, for scores that are bare lists.")] = None,
    scale: Annotated[str, typer.Option(help="probability or logit: what the scores are.")] = "probability",
    source: Annotated[str, typer.Option(help=f"What the scores are: {', '.join(SOURCES)}.")] = "score",
    lean: Annotated[
        bool, typer.Option("--borrow", help="With fewer than 30 labels, lean on those of other actions.")
    ] = False,
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Fit on the database's labels of --action, or on a CSV; print how good the scores were before and after.

    Figures are cross-fitted: each case is judged by a calibrator that has not seen it. Lower is better.
    """
    if action is None and (table is None or install):
        raise InvalidInput("which action?", remedy="Give --action, or fit on a file with --csv.")
    if lean and table is not None:
        raise InvalidInput("--borrow leans on labels in the database", remedy="Leave out --csv, or --borrow.")
    if picture is not None:
        need_matplotlib(picture)
    wanted = Wanted(
        cast(Method, method), cast(Scale, _one_of("scale", scale, get_args(Scale))),
        cast(Source, _one_of("source", source, SOURCES)),
        tuple(one.strip() for one in classes.split(",")) if classes else (), action, as_json,
    )  # fmt: skip
    settings = settings_from(database=database, workspace=workspace)
    if table is None or install:
        need_database(settings.database)
    opened = plane_of(settings) if table is None or install else nullcontext(None)
    with opened as plane:
        if table is None and plane is not None:
            learned = from_labels(plane, settings.workspace, action or "", wanted.source)
        else:
            learned = from_csv(cast(Path, table), score_column, correct_column, truth_column, wanted.source)
        lent = lean and plane is not None and 0 < len(learned.scores) < NEEDS["platt"]
        made = _borrowed(plane, settings.workspace, learned, wanted) if lent and plane else _fitted(learned, wanted)
        if output is not None:
            _keep(output, made)
        if picture is not None:
            _draw(picture, made)
        version, chosen, note = None, None, None
        if install and plane is not None:
            entry = _entry(plane, settings.workspace, action or "")
            attached = None if entry is None else entry.calibrator
            chosen = name or attached or action or ""
            command = calibrators.Install(actor=operator(settings.workspace), name=chosen, calibrator=made.to_json())
            version = plane.run(calibrators.install, command)
            if attached != chosen:
                note = f"the policy in force does not use it: add `calibrator: {chosen}` to {action}"
            elif entry is not None and entry.certified_calibrator not in (None, made.digest):
                note = (
                    f"the threshold of {action} was certified for another calibrator: until `handrail tune` certifies "
                    "one for this, a person decides on every proposal of it"
                )
    _tell(made, learned, chosen, version, note, as_json)


def _fitted(learned: Learned, wanted: Wanted) -> Calibrator:
    try:
        return fit(
            wanted.method, learned.scores, learned.correct, truth=_truth(learned, wanted), scale=wanted.scale,
            fitted_at=SystemClock().now(), source=wanted.source, names=wanted.classes, weights=learned.weights,
            answers=learned.answers, period=learned.period, action=wanted.action, model=learned.model,
        )  # fmt: skip
    except NotEnoughEvidence as error:
        if wanted.as_json:
            have = error.context.get("have", len(learned.scores))
            said = {"ok": False, "code": error.code, "message": str(error), "left_out": learned.left_out}
            print_json(said | {"have": have, "need": error.context.get("need")})
        for reason, count in learned.left_out.items():
            typer.echo(f"left out {count} labels: {reason}", err=True)
        raise


def _truth(learned: Learned, wanted: Wanted) -> list[str | None] | None:
    """The true classes, as far as the scores name them; people may answer what no score speaks of."""
    names = set(wanted.classes or names_of(learned.scores if wanted.source == "score" else _members(learned.scores)))
    if learned.truth is None or not names or learned.correct is None:
        return learned.truth if learned.correct is None else None
    return [name if name in names else None for name in learned.truth]


def _members(scores: list[Any]) -> list[Any]:
    return [score[0] for score in scores if isinstance(score, list) and score]


def _borrowed(plane: Plane, workspace: str, learned: Learned, wanted: Wanted) -> Calibrator:
    found = others(plane, workspace, wanted.action or "", wanted.source)
    return borrow(
        _lender(learned, wanted), {name: _lender(one, wanted) for name, one in found.items()},
        fitted_at=SystemClock().now(), action=wanted.action, names=wanted.classes, period=learned.period,
        model=learned.model,
    )  # fmt: skip


def _lender(learned: Learned, wanted: Wanted) -> Lender:
    return Lender(
        scores=learned.scores, correct=learned.correct, weights=learned.weights, scale=wanted.scale,
        source=wanted.source,
    )  # fmt: skip


def _one_of(what: str, given: str, known: tuple[str, ...]) -> str:
    if given not in known:
        raise InvalidInput(f"no {what} is called {given!r}", remedy=f"Choose {' or '.join(known)}.")
    return given


def _entry(plane: Plane, workspace: str, action: str) -> ActionEntry | None:
    """What the policy in force says of this action."""
    row = reads.policy_text(plane.store, workspace)
    return None if row is None else compiled(row.text, row.name).action(action)


def _keep(path: Path, made: Calibrator) -> None:
    try:
        path.write_text(json.dumps(made.to_json(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or error}", remedy="Name a file that can be written.") from None


def _draw(path: Path, made: Calibrator) -> None:
    if made.borrowed:
        raise NotEnoughEvidence(f"not enough evidence yet for a picture ({made.n} of {NEEDS['platt']} labels)")
    reliability_diagram(
        path, bins_of(made.metrics["after"]), before=bins_of(made.metrics["before"]),
        title=f"Reliability of {made.action or 'the scores'}: {made.method}",
        note=f"{made.n:,} labels, cross-fitted; 95 % intervals; labels a bin below them",
    )  # fmt: skip


def _tell(
    made: Calibrator, learned: Learned, name: str | None, version: int | None, note: str | None, as_json: bool
) -> None:
    if as_json:
        print_json(
            {
                "ok": True, "method": made.method, "n": made.n, "right": made.right, "borrowed": made.borrowed,
                "metrics": dict(made.metrics), "left_out": learned.left_out, "installed": version, "name": name,
                "digest": made.digest, "calibrator": made.to_json(), "note": note, "warning": _one_sided(made, learned),
            }
        )  # fmt: skip
        return
    typer.echo(f"{made.method} on {made.n} cases, {made.right} of them right")
    if made.borrowed:
        typer.echo(f"  borrowed: it leans on {made.borrowed} labels of other actions, and promises nothing")
    else:
        _tell_figures(made)
    for reason, count in learned.left_out.items():
        typer.echo(f"  left out {count} labels: {reason}")
    if (warning := _one_sided(made, learned)) is not None:
        typer.echo(f"warning: {warning}", err=True)
    if version is not None:
        typer.echo(f"installed as {name}, version {version}")
        # a threshold is certified on labels that came after its calibrator
        typer.echo("next, with labels that come from now on: handrail tune --action NAME --target-error 0.02")
    if note is not None:
        typer.echo(note, err=True)


def _one_sided(made: Calibrator, learned: Learned) -> str | None:
    """What to think of a fit that has seen answers of one kind only."""
    if made.borrowed or 0 < made.right < made.n:
        return None
    said, other = ("wrong", "right") if made.right == 0 else ("right", "wrong")
    unknown = learned.left_out.get("unknown")
    return (
        f"all {made.n} labels say {said}, so nobody knows which scores are {other}: this is no measure of that. "
        f"Fit again when some say {other}; spot checks and reviews find them."
        + (f" The {unknown} labels left out might: send `arguments.suggestion` with each proposal." if unknown else "")
    )


def _tell_figures(made: Calibrator) -> None:
    for metric in ("log_loss", "brier_loss"):
        before, after = made.metrics[metric]
        typer.echo(f"  {metric:10} {before:.4f} before, {after:.4f} after")
    before, after = made.metrics["before"], made.metrics["after"]
    typer.echo(f"  calibration error {before['calibration_error']:.4f} before, {after['calibration_error']:.4f} after")
    for error, share in after["automation"].items():
        typer.echo(
            f"  {share:.0%} could go unasked at {float(error):.0%} error; `handrail tune` finds a cut that holds"
        )
    tried = ", ".join(f"{name} {loss:.4f}" for name, loss in sorted(made.metrics["tried"].items(), key=lambda x: x[1]))
    typer.echo(f"  tried: {tried}")
    for name, why in made.metrics["left_out"].items():
        typer.echo(f"  not tried: {name} ({why})")
