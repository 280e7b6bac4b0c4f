"""Training examples to a file: the rows, what they cannot hold beside them, and what yielded none."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

import typer

from handrail.cli.options import plane_of
from handrail.cli.pouring import pour_to_file
from handrail.cli.reaching import need_database, operator
from handrail.errors import InvalidInput
from handrail.learning import openai_rows, trl
from handrail.learning.example import Example, Lesson
from handrail.learning.lessons import Dropped, examples
from handrail.learning.preferences import Split
from handrail.lifecycle import exporting, training
from handrail.server.settings import Settings

SPLITS: tuple[Split, ...] = get_args(Split)


class Reader(NamedTuple):
    """Who reads the rows. `whole`: a row holds all of the example."""

    lessons: dict[str, Lesson]
    row_of: Callable[[Example, Any], dict[str, Any]]
    whole: bool


READERS = {
    "trl": Reader(trl.LESSON_OF, trl.row_of, whole=True),
    "openai": Reader(openai_rows.LESSON_OF, openai_rows.row_of, whole=False),
}


def write_examples(
    form: str, target: str, output: str, action: str | None, since: int, split: str | None, settings: Settings
) -> None:
    """Write the examples of one form; say on standard error how many, and what was left out why."""
    reader = READERS.get(target)
    if reader is None:
        raise InvalidInput(f"nobody called {target!r} reads examples", remedy=f"Choose {', '.join(READERS)}.")
    lesson = reader.lessons.get(form)
    if lesson is None:
        raise InvalidInput(f"{target} reads no {form!r}", remedy=f"Choose {', '.join(reader.lessons)}.")
    if output != "-" and Path(output).suffix.lower() not in (".jsonl", ".ndjson"):
        raise InvalidInput(f"{output} tells no format", remedy="Examples are JSONL: end it in .jsonl, or use -.")
    need_database(settings.database)
    dropped = Dropped(Counter())
    kept: list[bytes] = []
    count = 0

    def rows(found: Iterator[Example]) -> Iterator[bytes]:
        nonlocal count
        for example in found:
            if split is not None and example.origin.get("split") != split:
                continue
            try:
                row = reader.row_of(example, form)
            except InvalidInput as error:
                dropped.add(str(error))
                continue
            count += 1
            if not reader.whole:
                kept.append(_line(example.to_json() | {"row": count - 1}))
            yield _line(row)

    with plane_of(settings) as plane:
        told = exporting.histories(plane.store, settings.workspace, action=action, since=since)
        digest = pour_to_file(rows(examples(told, lesson, dropped)), output)
        if not reader.whole and output != "-":
            # also when empty: what an earlier export left there may be erased by now
            pour_to_file(iter(kept), str(Path(output).with_suffix(".lossless.jsonl")))
        plane.run(training.exported, training.Exported(actor=operator(settings.workspace), rows=count, digest=digest))
    typer.echo(f"{count} {form} examples" + ("" if output == "-" else f" to {output}"), err=True)
    for reason, cases in dropped.counts.most_common():
        typer.echo(f"  left out {cases}: {reason}", err=True)
    if kept and output == "-":
        typer.echo("  cases and origins are left out: write to a file to keep them beside it", err=True)
    sys.stderr.flush()


def _line(row: Any) -> bytes:
    return json.dumps(cast(Any, row), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
