"""`handrail calibrate`: fit a calibrator from what people and outcomes said, and put it to use."""

from __future__ import annotations

import csv
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast

import typer

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import fit
from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.printing import AsJson, print_json
from handrail.cli.reaching import need_database, operator
from handrail.clock import SystemClock
from handrail.errors import InvalidInput, NotEnoughEvidence, Unreadable
from handrail.learning.evidence import evidence
from handrail.lifecycle import calibrators, exporting
from handrail.lifecycle.policies import compiled
from handrail.maintenance.plane import Plane
from handrail.store import reads

app = typer.Typer()

RIGHT = frozenset({"true", "1", "yes", "right", "correct"})
WRONG = frozenset({"false", "0", "no", "wrong", "incorrect"})


class Learned(NamedTuple):
    """What a calibrator is fitted on."""

    scores: list[Any]
    correct: list[bool]
    weights: list[float] | None
    # labels left out, by reason
    left_out: dict[str, int]


@app.command()
def calibrate(
    action: Annotated[str | None, typer.Option(help="The action whose labels are used.")] = None,
    method: Annotated[str, typer.Option(help="auto, temperature, platt or isotonic.")] = "auto",
    name: Annotated[str | None, typer.Option(help="Name to install it under; as the policy says, else ACTION.")] = None,
    *,
    install: Annotated[bool, typer.Option("--install", help="Put it to use from the next proposal on.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write the calibrator as JSON.")] = None,
    from_csv: Annotated[Path | None, typer.Option("--csv", help="Fit on this file instead of labels.")] = None,
    score_column: Annotated[str, typer.Option(help="Column of the scores, with --csv.")] = "score",
    correct_column: Annotated[str, typer.Option(help="Column of right or wrong, with --csv.")] = "correct",
    scale: Annotated[str, typer.Option(help="probability or logit: what the scores are.")] = "probability",
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Fit on the database's labels of --action, or on a CSV; print how good the scores were before and after.

    Figures are cross-fitted: each case is judged by a calibrator that has not seen it. Lower is better.
    """
    if action is None and (from_csv is None or install):
        raise InvalidInput("which action?", remedy="Give --action, or fit on a file with --csv.")
    if scale not in ("probability", "logit"):
        raise InvalidInput(f"no scale is called {scale!r}", remedy="Choose probability or logit.")
    settings = settings_from(database=database, workspace=workspace)
    if from_csv is None or install:
        need_database(settings.database)
    opened = plane_of(settings) if from_csv is None or install else nullcontext(None)
    with opened as plane:
        learned = (
            _labels(plane, settings.workspace, action or "")
            if from_csv is None and plane is not None
            else _table(cast(Path, from_csv), score_column, correct_column)
        )
        made = _fitted(learned, method, cast(Literal["probability", "logit"], scale), action, as_json)
        if output is not None:
            _keep(output, made)
        version, chosen, note = None, None, None
        if install and plane is not None:
            attached = _attached(plane, settings.workspace, action or "")
            chosen = name or attached or action or ""
            command = calibrators.Install(actor=operator(settings.workspace), name=chosen, calibrator=made.to_json())
            version = plane.run(calibrators.install, command)
            if attached != chosen:
                note = f"the policy in force does not use it: add `calibrator: {chosen}` to {action}"
    _tell(made, learned, chosen, version, note, as_json)


def _labels(plane: Plane, workspace: str, action: str) -> Learned:
    found = evidence(exporting.labels(plane.store, workspace, action=action))
    return Learned(list(found.scores), list(found.correct), list(found.weights), found.left_out)


def _table(path: Path, score: str, correct: str) -> Learned:
    scores, answers = [], []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            missing = {score, correct} - set(table.fieldnames or ())
            if missing:
                raise InvalidInput(
                    f"{path} has no column {sorted(missing)[0]!r}", remedy="Give --score-column and --correct-column."
                )
            for row in table:
                scores.append(_score(row[score], f"{path}:{table.line_num}"))
                answers.append(_right(row[correct], f"{path}:{table.line_num}"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    return Learned(scores, answers, None, {})


def _score(text: str | None, where: str) -> Any:
    try:
        return json.loads(text or "")
    except ValueError:
        raise InvalidInput(f"{where}: {text!r} is no score", remedy="Write numbers, or JSON lists of them.") from None


def _right(text: str | None, where: str) -> bool:
    word = (text or "").strip().casefold()
    if word not in RIGHT | WRONG:
        raise InvalidInput(f"{where}: {text!r} is neither right nor wrong", remedy="Write true or false.")
    return word in RIGHT


def _fitted(
    learned: Learned, method: str, scale: Literal["probability", "logit"], action: str | None, as_json: bool
) -> Calibrator:
    try:
        return fit(
            cast(Any, method), _uniform(learned.scores), learned.correct, fitted_at=SystemClock().now(), scale=scale,
            weights=learned.weights, action=action,
        )  # fmt: skip
    except NotEnoughEvidence as error:
        if as_json:
            have = error.context.get("have", len(learned.scores))
            said = {"ok": False, "code": error.code, "message": str(error), "left_out": learned.left_out}
            print_json(said | {"have": have, "need": error.context.get("need")})
        for reason, count in learned.left_out.items():
            typer.echo(f"left out {count} labels: {reason}", err=True)
        raise


def _uniform(scores: list[Any]) -> list[Any]:
    """The scores, if all are numbers or all are vectors."""
    shapes = {isinstance(score, list | dict) for score in scores}
    if len(shapes) > 1:
        raise InvalidInput(
            "some labels have one score and others a score per answer",
            remedy="Send the same shape of scores with every proposal of an action, or fit on a CSV.",
        )
    return scores


def _attached(plane: Plane, workspace: str, action: str) -> str | None:
    """The calibrator that the policy in force names for this action."""
    row = reads.policy_text(plane.store, workspace)
    entry = None if row is None else compiled(row.text, row.name).action(action)
    return None if entry is None else entry.calibrator


def _keep(path: Path, made: Calibrator) -> None:
    try:
        path.write_text(json.dumps(made.to_json(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or error}", remedy="Name a file that can be written.") from None


def _tell(
    made: Calibrator, learned: Learned, name: str | None, version: int | None, note: str | None, as_json: bool
) -> None:
    if as_json:
        print_json(
            {
                "ok": True, "method": made.method, "n": made.n, "right": made.right, "metrics": dict(made.metrics),
                "left_out": learned.left_out, "installed": version, "name": name, "digest": made.digest,
                "calibrator": made.to_json(), "note": note,
            }
        )  # fmt: skip
        return
    typer.echo(f"{made.method} on {made.n} cases, {made.right} of them right")
    for metric in ("log_loss", "brier_loss"):
        before, after = made.metrics[metric]
        typer.echo(f"  {metric:10} {before:.4f} before, {after:.4f} after")
    for reason, count in learned.left_out.items():
        typer.echo(f"  left out {count} labels: {reason}")
    if version is not None:
        typer.echo(f"installed as {name}, version {version}")
    if note is not None:
        typer.echo(note, err=True)
