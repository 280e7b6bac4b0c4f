"""`handrail export`: labels and preferences as JSONL, CSV or Parquet, with where each came from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from handrail.cli.annotations import FORMS, form_of, write_annotations
from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.pouring import pour_to_file
from handrail.cli.reaching import need_database, operator
from handrail.cli.teaching import SPLITS, write_examples
from handrail.clock import from_iso
from handrail.errors import InvalidInput
from handrail.learning.export import Format, render
from handrail.learning.parquet import ColumnType
from handrail.lifecycle import exporting, training
from handrail.store.engine import Store

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Write labels, preferences or training examples to a file.",
)  # fmt: skip

SUFFIXES: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
TOLD_EVERY = 1000

Action = Annotated[str | None, typer.Option(help="Only this action.")]
Since = Annotated[str | None, typer.Option(help="Only from then on: a date, or RFC 3339.")]
Output = Annotated[str, typer.Option(help="FILE.jsonl, FILE.csv or FILE.parquet; - is JSONL on standard output.")]

Rows = Callable[[Store, str], Iterable[Mapping[str, Any]]]


@app.command()
def labels(
    output: Output,
    action: Action = None,
    since: Since = None,
    ready: Annotated[bool, typer.Option("--ready", help="Only of batches whose reviewers agreed.")] = False,
    *,
    database: Database = None,
    workspace: Workspace = None,
) -> None:
    """Every label but of golds: input, answer, right or wrong, scores; policy, calibrator, reviewer, blind, batch."""
    moment = _moment(since)
    _write(
        lambda store, space: exporting.label_rows(store, space, action=action, since=moment, ready=ready),
        exporting.LABELS, output, database, workspace, "labels",
    )  # fmt: skip


@app.command()
def preferences(
    output: Output,
    action: Action = None,
    since: Since = None,
    *,
    database: Database = None,
    workspace: Workspace = None,
) -> None:
    """Chosen over rejected: one row for each edit that changed something and each comparison that was no tie."""
    moment = _moment(since)
    _write(
        lambda store, space: exporting.preference_rows(store, space, action=action, since=moment),
        exporting.PREFERENCES, output, database, workspace, "preferences",
    )  # fmt: skip


@app.command()
def examples(
    form: Annotated[str, typer.Argument(help="sft, preference, reward, kto or prm; with --for openai sft or dpo.")],
    output: Output,
    action: Action = None,
    since: Since = None,
    target: Annotated[str, typer.Option("--for", help="Who reads it: trl or openai.")] = "trl",
    split: Annotated[str | None, typer.Option(help="Only train, validation or test; split by prompt.")] = None,
    *,
    database: Database = None,
    workspace: Workspace = None,
) -> None:
    """Examples to train a language model on, as TRL's trainers or OpenAI's fine-tuning read them (JSONL).

    What the form cannot hold goes to OUTPUT.lossless.jsonl, by case; what yielded no example is counted and said.
    """
    if split is not None and split not in SPLITS:
        raise InvalidInput(f"no split is called {split!r}", remedy=f"Choose {', '.join(SPLITS)}.")
    settings = settings_from(database=database, workspace=workspace)
    write_examples(form, target, output, action, _moment(since), split, settings)


@app.command("annotations")
def annotation_cases(
    output: Annotated[Path, typer.Option(help="The file; its configuration and side-car are written beside it.")],
    action: Annotated[str, typer.Option(help="Whose annotation cases.")],
    format: Annotated[str, typer.Option(help=f"{', '.join(FORMS)}.")] = "label-studio",
    config: Annotated[
        Path | None, typer.Option(help="Labelling configuration or settings they were made with.")
    ] = None,
    *,
    database: Database = None,
    workspace: Workspace = None,
) -> None:
    """Annotation cases with what models and people said, as Label Studio, Argilla or COCO read them.

    What the form cannot hold goes to OUTPUT.lossless.jsonl, by case, and is said.
    """
    settings = settings_from(database=database, workspace=workspace)
    write_annotations(form_of(format), action, output, config, settings)


def _write(
    rows: Rows, columns: Mapping[str, ColumnType], output: str, database: str | None, workspace: str | None, what: str
) -> None:
    format = _format(output)
    settings = settings_from(database=database, workspace=workspace)
    need_database(settings.database)
    counted = Counted()
    with plane_of(settings) as plane:
        pieces = render(counted.over(rows(plane.store, settings.workspace)), columns, format)
        digest = pour_to_file(pieces, output)
        plane.run(
            training.exported,
            training.Exported(actor=operator(settings.workspace), rows=counted.rows, digest=digest),
        )
    typer.echo(f"{counted.rows} {what}" + ("" if output == "-" else f" to {output}"), err=True)


class Counted:
    """Counts what passes, and says so on a terminal's standard error."""

    def __init__(self) -> None:
        self.rows = 0

    def over(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        tells = sys.stderr.isatty()
        for row in rows:
            self.rows += 1
            if tells and self.rows % TOLD_EVERY == 0:
                typer.echo(f"\r{self.rows}", nl=False, err=True)
            yield row
        if tells and self.rows >= TOLD_EVERY:
            typer.echo("\r", nl=False, err=True)


def _format(output: str) -> Format:
    if output == "-":
        return "jsonl"
    found = SUFFIXES.get(Path(output).suffix.lower())
    if found is None:
        raise InvalidInput(f"{output} tells no format", remedy="End it in .jsonl, .csv or .parquet, or use -.")
    return found


def _moment(text: str | None) -> int:
    if text is None:
        return 0
    try:
        return from_iso(f"{text}T00:00:00Z" if len(text) == 10 else text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no moment", remedy="Write 2026-11-20 or 2026-11-20T09:00:00Z.") from None
