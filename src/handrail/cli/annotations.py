"""Annotated cases to files of other tools, and from them: Label Studio, Argilla, COCO."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import typer

from handrail.canonical import parse
from handrail.cli.options import plane_of
from handrail.cli.pouring import pour_to_file
from handrail.cli.printing import print_json
from handrail.cli.reaching import need_database, operator
from handrail.client.client import Client
from handrail.client.local import LocalTransport
from handrail.errors import Conflict, InvalidInput, MalformedJSON, Unreadable, VerdictNotAllowed
from handrail.learning.annotations.annotated import Annotated, Read, Written, beyond_of, lossless_rows
from handrail.learning.annotations.argilla import read_records, settings_for, write_records
from handrail.learning.annotations.coco import read_coco, write_coco
from handrail.learning.annotations.label_studio import read_tasks, write_tasks
from handrail.learning.annotations.labelling import ANSWER, labelling_for, labelling_from
from handrail.lifecycle import annotating, training
from handrail.server.settings import Settings

Form = Literal["label-studio", "argilla", "coco"]
FORMS: tuple[Form, ...] = ("label-studio", "argilla", "coco")


def form_of(name: str) -> Form:
    """Raises `InvalidInput` for a form nobody reads."""
    if name not in FORMS:
        raise InvalidInput(f"no form is called {name!r}", remedy=f"Choose {', '.join(FORMS)}.")
    return name


def write_annotations(form: Form, action: str, output: Path, config: Path | None, settings: Settings) -> None:
    """Write the cases of an action, what the form cannot hold beside them, and the configuration they need."""
    need_database(settings.database)
    with plane_of(settings) as plane:
        cases = list(annotating.annotated(plane.store, settings.workspace, action))
        if not cases:
            raise InvalidInput(f"{action} has no annotation cases", remedy="Say another --action.")
        written, beside = _written(form, cases, config)
        digest = pour_to_file([_dumped(written.rows)], str(output))
        if beside is not None:
            pour_to_file([beside[1]], str(output.with_suffix(beside[0])))
        if written.beyond:
            lines = (_dumped(row, lines=True) for row in lossless_rows(written.beyond))
            pour_to_file(lines, str(output.with_suffix(".lossless.jsonl")))
        done = training.Exported(actor=operator(settings.workspace), rows=len(cases), digest=digest)
        plane.run(training.exported, done)
    typer.echo(f"{len(cases)} cases to {output}", err=True)
    for what, count in sorted(written.dropped.items()):
        typer.echo(f"  {form} has no place for {what} of {count} cases: kept in the .lossless.jsonl beside", err=True)


def import_annotations(
    form: Form, action: str, path: Path, config: Path | None, choices: Sequence[str], settings: Settings, *,
    as_json: bool,
) -> None:  # fmt: skip
    """Put the cases of a file before people here, with the answers they have as reviews. Doing it again adds nothing
    twice."""
    need_database(settings.database)
    read = _read(form, path, config)
    said = _offered(read.cases)
    offered = list(choices) or said
    if other := [one for one in said if one not in offered]:
        raise InvalidInput(
            f"{path} holds answers that --choices does not name: {', '.join(map(repr, other[:10]))}",
            remedy="Name them too, or leave --choices out to take the file's own.",
        )
    count: Counter[str] = Counter(cases=0, answers=0)
    with plane_of(settings) as plane:
        actor = operator(settings.workspace)
        with Client(LocalTransport(plane, actor, owns_plane=False)) as hr:
            for case in read.cases:
                pending = hr.propose(annotating.proposal_of(case, action, offered))
                count["cases"] += 1
                _answer(hr, pending.case_id, case, form, count)
    beyond = len(read.beyond)
    if as_json:
        print_json({"ok": True, **count, "beyond": beyond})
        return
    typer.echo(f"{count['cases']} cases, {count['answers']} answers brought in")
    if count["refused"]:
        typer.echo(f"  {count['refused']} answers came to cases that were settled, or a second time")
    if beyond:
        typer.echo(f"  of {beyond} cases the file says more than is kept here")


def _answer(hr: Client, case_id: str, case: Annotated, form: str, count: Counter[str]) -> None:
    for one in case.given:
        if one.gold:
            continue
        source = {"channel": form, "annotation": one.id, "by": one.reviewer}
        given: dict[str, Any] = {"provenance": source, "dwell": one.seconds}
        if one.abstained:
            given["note"] = "skipped there"
        else:
            given["value"] = annotating.value_of(one.marks)
        try:
            desk = hr.desk(one.reviewer or f"somebody at {form}")
            desk.answer(case_id, "abstain" if one.abstained else "respond", **given)
        except (Conflict, VerdictNotAllowed):
            count["refused"] += 1
            continue
        count["answers"] += 1


def _written(form: Form, cases: Sequence[Annotated], config: Path | None) -> tuple[Written, tuple[str, bytes] | None]:
    """The rows, and what has to lie beside them: suffix and bytes."""
    if form == "coco":
        return write_coco(cases), None
    choices = _offered(cases)
    if form == "argilla":
        shown = list(dict.fromkeys(name for case in cases for name in case.input))
        settings = parse(_text(config)) if config is not None else settings_for(shown, ANSWER, choices)
        return write_records(cases, settings), (".settings.json", _dumped(settings))
    labelling = labelling_from(_text(config)) if config is not None else labelling_for(cases[0].input, choices)
    return write_tasks(cases, labelling), (".xml", labelling.xml.encode())


def _read(form: Form, path: Path, config: Path | None) -> Read:
    try:
        content = parse(_text(path))
    except MalformedJSON as error:
        raise Unreadable(f"{path}: {error}") from None
    if form == "coco":
        side = path.with_suffix(".lossless.jsonl")
        beyond = (
            beyond_of([parse(line) for line in _text(side).split("\n") if line.strip()]) if side.is_file() else None
        )
        return read_coco(content, beyond=beyond)
    if not isinstance(content, list):
        raise Unreadable(f"{path} is no list of {'tasks' if form == 'label-studio' else 'records'}")
    beside = config or path.with_suffix(".xml" if form == "label-studio" else ".settings.json")
    if not beside.is_file():
        what = "labelling configuration" if form == "label-studio" else "settings"
        raise InvalidInput(f"the data's {what} is not there: {beside}", remedy="Give it with --config.")
    if form == "label-studio":
        return read_tasks(content, labelling_from(_text(beside)))
    return read_records(content, parse(_text(beside)))


def _offered(cases: Sequence[Annotated]) -> list[str]:
    """Every choice somebody or some model made."""
    found = {one for case in cases for mark in case.marks if mark.kind == "choice" for one in mark.value}
    return sorted(found)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _dumped(value: Any, *, lines: bool = False) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=None if lines else 1).encode() + b"\n"
