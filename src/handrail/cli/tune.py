"""`handrail tune`: a threshold from labels, with a promise, as a policy change that somebody else puts in force."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
import typer

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.confusion import Confusion, learn_confusion
from handrail.calibration.thresholds import labels_needed
from handrail.calibration.tuning import FIT_SHARE, HeldOut, as_they_are, hold_out, with_calibrator
from handrail.calibration.value import Costs, asking_value, realised_gains, slope
from handrail.canonical import parse
from handrail.cli import tune_rows
from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.printing import AsJson, print_json
from handrail.cli.reaching import need_database
from handrail.cli.tune_capacity import Capacity, under_capacity
from handrail.cli.tune_change import Change, Prices, write_change
from handrail.cli.tune_found import Found, by_cost, by_promise, draw, for_batch, show
from handrail.cli.tune_knobs import tune_knobs
from handrail.cli.tune_rows import Rows
from handrail.clock import SystemClock, from_iso
from handrail.errors import InvalidInput, NotEnoughEvidence
from handrail.lifecycle import certifying
from handrail.lifecycle.calibrators import intact
from handrail.lifecycle.policies import compiled
from handrail.maintenance.plane import Plane
from handrail.operations.bill import Team
from handrail.store import reads

app = typer.Typer()

METHODS = ("ltt", "conformal", "cost")
LEAST_BY_COST = 30
SUREST = 1.0 - 1e-9


@app.command()
def tune(
    action: Annotated[str | None, typer.Option(help="The action.")] = None,
    target_error: Annotated[
        float | None, typer.Option(min=0, max=1, help="Most error among what is let through, such as 0.02.")
    ] = None,
    confidence: Annotated[float, typer.Option(min=0, max=1, help="How sure the promise is.")] = 0.9,
    method: Annotated[str, typer.Option(help="ltt (a promise), conformal (on average, for a batch) or cost.")] = "ltt",
    *,
    from_csv: Annotated[Path | None, typer.Option("--csv", help="Labels from this file, drawn uniformly.")] = None,
    score_column: Annotated[str, typer.Option(help="Column of the scores, with --csv.")] = "score",
    correct_column: Annotated[str, typer.Option(help="Column of right or wrong, with --csv.")] = "correct",
    answer_column: Annotated[
        str | None, typer.Option(help="Column of what a reviewer said (approve, reject or empty), with --csv.")
    ] = None,
    batch: Annotated[Path | None, typer.Option(help="CSV of scores to select from, with --method conformal.")] = None,
    scale: Annotated[str, typer.Option(help="probability or logit: what the scores are.")] = "probability",
    calibrator: Annotated[Path | None, typer.Option(help="A calibrator (JSON) that was fitted on other rows.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Take the scores as they are, without a calibrator.")] = False,
    refit: Annotated[bool, typer.Option("--refit", help="Fit anew, although one is installed.")] = False,
    fit_share: Annotated[float, typer.Option(min=0, max=1, help="Share of the rows that fit a calibrator.")] = (
        round(FIT_SHARE, 4)
    ),
    seed: Annotated[int, typer.Option(help="Which rows those are.")] = 0,
    since: Annotated[str | None, typer.Option(help="Only cases submitted since then, RFC 3339.")] = None,
    review_price: Annotated[float | None, typer.Option(min=0, help="Cost of one review.")] = None,
    error_cost: Annotated[float | None, typer.Option(min=0, help="Cost of an error that is let through.")] = None,
    refused_cost: Annotated[float, typer.Option(min=0, help="Cost of refusing what was right.")] = 0.0,
    delay_cost: Annotated[float, typer.Option(min=0, help="Cost of the wait for an answer.")] = 0.0,
    undo_chance: Annotated[float, typer.Option(min=0, max=1, help="Chance that an undo comes in time.")] = 0.0,
    capacity: Annotated[
        float | None, typer.Option(help="Share of the cases that people can look at, with --method cost.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code of these costs.")] = None,
    reviewers: Annotated[Path | None, typer.Option(help="A reviewers' table (JSON); else measured or assumed.")] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Policy to change; else the one in force, else a new one.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the changed policy here; nothing is put in force.")] = None,
    calibrator_output: Annotated[Path | None, typer.Option(help="Write the calibrator that was fitted.")] = None,
    reviewers_output: Annotated[Path | None, typer.Option(help="Write the reviewers' table.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the curve: .svg or .png.")] = None,
    knobs: Annotated[
        str | None,
        typer.Option(help="Instead: search any of deadlines, quorum, thresholds, batch; needs --policy, --proposals."),
    ] = None,
    proposals: Annotated[Path | None, typer.Option(help="Recorded stream (JSON Lines), with --knobs.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="How many settings to try, with --knobs.")] = 100,
    seats: Annotated[int, typer.Option(min=1, help="Reviewers at work, with --knobs.")] = 3,
    handling_minutes: Annotated[float, typer.Option(help="Minutes for one case, with --knobs.")] = 3.0,
    setup_minutes: Annotated[float, typer.Option(help="Minutes to begin with a batch, with --knobs.")] = 1.0,
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Find a threshold for --action from labels drawn uniformly, and write it as a policy change with its evidence.

    The calibrator and the threshold never rest on the same rows: a share of them fits, the others certify. Without
    --csv the labels are the spot checks of the action and its reviewed cases, thinned to the same rate. Exit code 1
    when there is not enough evidence yet, or when no threshold keeps the promise.
    """
    settings = settings_from(database=database, workspace=workspace)
    if knobs is not None:
        tune_knobs(
            knobs, policy=policy, proposals=proposals, trials=trials, seed=seed, output=output, as_json=as_json,
            prices=(review_price, error_cost, refused_cost, delay_cost),
            team=Team(seats=seats, handling=handling_minutes, setup=setup_minutes),
            reviewers=None if reviewers is None else _table(reviewers),
        )  # fmt: skip
        return
    _refuse_unclear(action, method, target_error, confidence, scale, from_csv, batch, raw, calibrator)
    if capacity is not None and (method != "cost" or raw or not 0.0 < capacity <= 1.0):
        raise InvalidInput(
            "--capacity is a share above 0 and at most 1 that the value of asking is held to",
            remedy="Give it with --method cost, and without --raw.",
        )
    prices = Prices(review=review_price, error=error_cost, refused=refused_cost, delay=delay_cost, undo=undo_chance,
                    currency=currency)  # fmt: skip
    if method == "cost" and 0.0 in (review_price, error_cost):
        name, what = ("--review-price", "one review") if review_price == 0.0 else ("--error-cost", "an error")
        raise InvalidInput(
            f"{name} is 0, and what costs nothing cannot be weighed", remedy=f"Give what {what} costs, above 0."
        )
    costs = prices.costs()
    if method == "cost" and costs is None:
        raise InvalidInput("which costs?", remedy="Give --review-price and --error-cost.")
    if from_csv is None:
        need_database(settings.database)
    opened = plane_of(settings) if from_csv is None else nullcontext(None)
    rows, name, need = Rows(), action or "", _need(method, target_error, confidence)
    try:
        with opened as plane:
            text = _policy_text(policy, plane, settings.workspace)
            anew = plane is None or raw or refit
            installed, fitted_at = (None, 0) if anew else _installed(plane, settings.workspace, text, name)
            rows = (
                tune_rows.table(cast(Path, from_csv), score_column, correct_column, answer_column)
                if plane is None
                else _sample(plane, settings.workspace, name, max(_moment(since), fitted_at), need)
            )
            table = _reviewers(reviewers, rows, plane, settings.workspace, name)
        held = _held(rows, installed or _read_calibrator(calibrator), raw=raw, share=fit_share, seed=seed, scale=scale,
                     action=action, need=need)  # fmt: skip
        table = _with_slope(table, rows, held, costs)
        found = _find(method, rows, held, target_error, 1.0 - confidence, costs, table, batch, score_column)
        limit = None if capacity is None else _limited(text, name, held, cast(Costs, costs), table, capacity)
    except NotEnoughEvidence as error:
        _tell_missing(error, rows, as_json)
        raise
    if calibrator_output is not None and held.calibrator is not None:
        _keep(calibrator_output, held.calibrator.to_json())
    if reviewers_output is not None:
        _keep(reviewers_output, table.to_json())
    if picture is not None:
        draw(picture, found)
    change = None
    if found.holds and output is not None:
        change = write_change(
            output,
            text,
            name,
            found,
            held,
            rows.source,
            prices=prices,
            table=table,
            now=SystemClock().now(),
            limit=limit,
        )
    _tell(found, held, rows, table, change, as_json, installed=installed is not None,
          limit=limit, unit=f" {currency}" if currency else "")  # fmt: skip
    if not found.holds:
        raise typer.Exit(1)


def _refuse_unclear(
    action: str | None, method: str, target: float | None, confidence: float, scale: str, from_csv: Path | None,
    batch: Path | None, raw: bool, calibrator: Path | None,
) -> None:  # fmt: skip
    if action is None:
        raise InvalidInput("which action?", remedy="Give --action.")
    if method not in METHODS:
        raise InvalidInput(f"no method is called {method!r}", remedy=f"Choose {', '.join(METHODS)}.")
    if scale not in ("probability", "logit"):
        raise InvalidInput(f"no scale is called {scale!r}", remedy="Choose probability or logit.")
    if method != "cost" and (target is None or not 0.0 < target < 1.0):
        raise InvalidInput("which error is still fine?", remedy="Give --target-error, such as 0.02.")
    if not 0.0 < confidence < 1.0:
        raise InvalidInput("--confidence lies strictly between 0 and 1")
    if confidence > SUREST:
        raise InvalidInput(
            f"--confidence {confidence!r} is nearer to 1 than any labels can show", remedy="Give 0.999999999 at most."
        )
    if (method == "conformal") != (batch is not None):
        raise InvalidInput(
            "conformal selection is for one batch at a time", remedy="Give --method conformal and --batch together."
        )
    if raw and calibrator is not None:
        raise InvalidInput("--raw takes no calibrator", remedy="Leave one of the two out.")
    if from_csv is None and calibrator is not None:
        raise InvalidInput("the installed calibrator is used", remedy="Leave --calibrator out, or give --csv.")


def _policy_text(path: Path | None, plane: Plane | None, workspace: str) -> str:
    if path is not None:
        try:
            return path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{path}: {error}", remedy="Name a policy file.") from None
    row = None if plane is None else reads.policy_text(plane.store, workspace)
    return "name: policy\n" if row is None else str(row.text)


def _installed(plane: Plane | None, workspace: str, text: str, action: str) -> tuple[Calibrator | None, int]:
    """The calibrator in use for the action, and since when: cases before then may have fitted it."""
    entry = compiled(text).action(action)
    if plane is None or entry is None or entry.calibrator is None:
        return None, 0
    for row in reads.calibrators(plane.store, workspace):
        if row.name == entry.calibrator:
            data = intact(row.bytes, row.digest)
            return None if data is None else Calibrator.from_json(parse(data)), int(row.made_at)
    return None, 0


def _sample(plane: Plane, workspace: str, action: str, since: int, need: int) -> Rows:
    rows = tune_rows.from_sample(certifying.uniform(plane.store, workspace, action, since=since), action)
    if not rows.scores:
        raise NotEnoughEvidence(
            f"not enough evidence yet (0 of {need} labels): no case of {action} can certify", have=0, need=need,
            remedy="Answer cases of this action, and let spot checks run; those before the calibrator do not count.",
        )  # fmt: skip
    return rows


def _reviewers(path: Path | None, rows: Rows, plane: Plane | None, workspace: str, action: str) -> Confusion:
    if path is not None:
        return _table(path)
    if plane is not None:
        return certifying.reviewers(plane.store, workspace, action)[0]
    pairs = [(right, said) for right, said in zip(rows.correct, rows.said, strict=True) if said is not None]
    return learn_confusion([int(not right) for right, _ in pairs], [int(not said) for _, said in pairs])


def _table(path: Path) -> Confusion:
    try:
        return Confusion.from_json(parse(path.read_bytes()))
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or error}") from None


def _with_slope(table: Confusion, rows: Rows, held: HeldOut, costs: Costs | None) -> Confusion:
    """Calibrate the value of asking on held-out rows that a reviewer answered, where there are enough."""
    at = [i for i, row in enumerate(held.rows) if rows.said[row] is not None]
    if costs is None or len(at) < LEAST_BY_COST or table.slope_n:
        return table
    c = held.confidence[at]
    truth = np.array([int(not rows.correct[row]) for row in held.rows[at]])
    said = np.array([int(not rows.said[row]) for row in held.rows[at]])
    values = asking_value(c, costs, table)
    found = slope(realised_gains(c, truth, said, costs, table), values, scale=float(costs.table.max()))
    return Confusion(classes=table.classes, counts=table.counts, slope=found, slope_n=len(at))


def _held(
    rows: Rows, calibrator: Calibrator | None, *, raw: bool, share: float, seed: int, scale: str, action: str | None,
    need: int,
) -> HeldOut:  # fmt: skip
    if raw:
        return as_they_are(rows.scores)
    if calibrator is not None:
        return with_calibrator(rows.scores, rows.correct, calibrator)
    return hold_out(
        rows.scores, rows.correct, need=need, fitted_at=SystemClock().now(), action=action, share=share, seed=seed,
        scale=cast(Literal["probability", "logit"], scale), unanswered=rows.unanswered,
    )  # fmt: skip


def _need(method: str, target: float | None, confidence: float) -> int:
    if method == "cost" or target is None:
        return LEAST_BY_COST
    return labels_needed(target, 1.0 - confidence) if method == "ltt" else int(np.ceil(1.0 / target)) - 1


def _find(
    method: str, rows: Rows, held: HeldOut, target: float | None, delta: float, costs: Costs | None, table: Confusion,
    batch: Path | None, score_column: str,
) -> Found:  # fmt: skip
    correct = np.array([rows.correct[row] for row in held.rows], dtype=bool)
    late = np.array([rows.unanswered[row] for row in held.rows], dtype=bool)
    if method == "cost":
        return by_cost(held.confidence, correct & ~late, cast(Costs, costs), table)
    if method == "conformal":
        scores = tune_rows.batch(cast(Path, batch), score_column)
        other = as_they_are(scores).confidence if held.calibrator is None else held.calibrator.apply_many(scores)
        return for_batch(held.confidence, correct & ~late, other, cast(float, target))
    return by_promise(held.confidence, correct, late, cast(float, target), delta, costs, table)


def _limited(text: str, action: str, held: HeldOut, costs: Costs, table: Confusion, share: float) -> Capacity:
    entry = compiled(text).action(action)
    certified = None if entry is None else entry.auto_approve_threshold
    return under_capacity(held.confidence, costs, table, share, certified=certified)


def _read_calibrator(path: Path | None) -> Calibrator | None:
    if path is None:
        return None
    try:
        return Calibrator.from_json(parse(path.read_bytes()))
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or error}") from None


def _keep(path: Path, data: Any) -> None:
    try:
        path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or error}", remedy="Name a file that can be written.") from None


def _moment(text: str | None) -> int:
    try:
        return 0 if text is None else from_iso(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _tell_missing(error: NotEnoughEvidence, rows: Rows, as_json: bool) -> None:
    if as_json:
        print_json({
            "ok": False, "code": error.code, "message": str(error), "have": error.context.get("have", len(rows.scores)),
            "need": error.context.get("need"), "left_out": rows.left_out,
        })  # fmt: skip
    for reason, count in rows.left_out.items():
        typer.echo(f"left out {count} cases: {reason}", err=True)


def _tell(
    found: Found,
    held: HeldOut,
    rows: Rows,
    table: Confusion,
    change: Change | None,
    as_json: bool,
    *,
    installed: bool,
    limit: Capacity | None,
    unit: str,
) -> None:
    if as_json:
        print_json(
            {
                "ok": found.holds, **found.to_json(), "labels": rows.source, "left_out": rows.left_out,
                "fitted_on": held.fitted_on, "held_out": len(held.rows),
                "calibrator": None if held.calibrator is None else held.calibrator.digest,
                "capacity": None if limit is None else asdict(limit),
                "reviewers": table.to_json(), "change": None if change is None else change.to_json(),
            }
        )  # fmt: skip
        return
    typer.echo(f"labels: {rows.source}")
    for reason, count in rows.left_out.items():
        typer.echo(f"  left out {count} cases: {reason}")
    if held.calibrator is None:
        typer.echo(f"  {len(held.rows)} rows judged by their scores as they are")
    elif installed:
        typer.echo(f"  {len(held.rows)} rows, all newer than the installed calibrator")
    else:
        typer.echo(
            f"  {held.fitted_on} rows fitted a {held.calibrator.method} calibrator, {len(held.rows)} others judge"
        )
    show(found)
    for line in limit.words(unit) if limit is not None else ():
        typer.echo(line)
    if change is not None:
        for line in change.words:
            typer.echo(line)
