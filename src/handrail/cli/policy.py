"""`handrail policy`: check, explain, replay, compare policy files. Offline, unless `explain` is given a database.

Exit codes: 0 fine, 1 the policy has mistakes, 2 a file cannot be read or a proposal is not one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import IO, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from handrail.calibration.confusion import Confusion
from handrail.canonical import parse
from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.cli.reaching import need_database
from handrail.clock import SystemClock, from_iso
from handrail.errors import InvalidInput, InvalidPolicy
from handrail.intake import proposal_from, proposal_from_json
from handrail.lifecycle import watching
from handrail.lifecycle.asking import weighed
from handrail.policy.advice import advice
from handrail.policy.differences import differences
from handrail.policy.document import Cost
from handrail.policy.evaluate import Policy, compile_text
from handrail.policy.explain import explain as explained
from handrail.policy.replay import Ledger, Prices, Recorded, Replay, Side, Worth
from handrail.policy.replay import replay as replayed
from handrail.policy.schema import json_schema
from handrail.proposal import Proposal
from handrail.route import TIERS
from handrail.store import statements

app = typer.Typer(name="policy", no_args_is_help=True, help="Check, explain, replay and compare policy files.")

INVALID, UNREADABLE = 1, 2

File = Annotated[Path, typer.Argument(help="A policy file (YAML).", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Reviewers = Annotated[
    Path | None, typer.Option(help="A reviewers' table (JSON, of `handrail tune`), for actions with gate: value.")
]


@app.command()
def check(file: File, as_json: AsJson = False) -> None:
    """Say whether FILE is a policy; every mistake comes with its line, field and remedy."""
    policy = _load(file, as_json)
    notes = advice(policy, now=SystemClock().now())
    if as_json:
        actions = [entry.action_type for entry in policy.document.escalation_policies]
        _print({"ok": True, "name": policy.name, "digest": policy.digest, "actions": actions, "advice": notes})
        return
    document = policy.document
    typer.echo(
        f"{file}: fine. {len(document.escalation_policies)} actions, {len(document.rules)} rules, "
        f"{len(document.grants)} grants; digest {policy.digest}"
    )
    for note in notes:
        typer.echo(f"note: {note}")


@app.command()
def explain(
    file: File,
    proposal: Annotated[str, typer.Option(help="A JSON file with one proposal, or - for standard input.")],
    at: Annotated[str | None, typer.Option(help="The time to assume, RFC 3339; now when left out.")] = None,
    draw: Annotated[float, typer.Option(min=0, max=1, help="The random draw to assume, for spot checks.")] = 1.0,
    reviewers: Reviewers = None,
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Say where a proposal goes under FILE, and why; with --database, what alarms there make of it.

    Windows and budgets are taken as unused, and the confidence given as calibrated.
    """
    policy = _load(file, as_json)
    now = SystemClock().now() if at is None else _moment(at)
    given = _proposal(proposal, as_json)
    facts = Ledger(_worth(reviewers, as_json)).facts(policy, given, now)
    if database is not None:
        settings = settings_from(database=database, workspace=workspace)
        need_database(settings.database)
        with plane_of(settings) as plane:
            watch = watching.read(plane.store.read_hot(statements.workspace_get, id=settings.workspace)[0][5])
        facts = watching.beside(facts, watch, policy, given, now)
    made = explained(policy, given, facts, now=now, draw=draw)
    if as_json:
        _print(made)
        return
    for name in ("tier", "reviewers", "deadline_seconds", "on_expiry", "queue", "roles", "stages", "grant"):
        if made[name] or name in ("tier", "reviewers", "deadline_seconds"):
            typer.echo(f"{name}: {'none' if made[name] is None else made[name]}")
    for reason in made["reasons"]:
        typer.echo(f"- {reason['text']} [{reason['code']}: {reason['tier']}]")
    if made["needs"]:
        typer.echo("windows and budgets were taken as unused")
    for one in made["monitors"] if database is None else ():
        terms = "".join(f", {name} {value:g}" for name, value in one["terms"].items())
        raises = f"raises to {one['raises_to']}" if one["raises_to"] else "only tells"
        typer.echo(f"watched by {one['kind']} ({one['action'] or 'workspace'}{terms}): an alarm {raises}")
    if made["monitors"] and database is None:
        typer.echo("whether an alarm stands was not looked up: give --database")


@app.command()
def replay(
    old: File,
    new: File,
    *,
    proposals: Annotated[str, typer.Option(help="JSON Lines, one proposal a line, or - for standard input.")],
    review_price: Annotated[float | None, typer.Option(min=0, help="Cost of one review.")] = None,
    wrong_price: Annotated[float | None, typer.Option(min=0, help="Cost of a wrong proposal let through.")] = None,
    refused_price: Annotated[float | None, typer.Option(min=0, help="Cost of a right proposal refused.")] = None,
    keep: Annotated[int, typer.Option(min=0, help="How many moved proposals to show.")] = 20,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Route a recorded stream by OLD and by NEW, and show what would change.

    A line is a proposal, or {"proposal": …, "at": RFC 3339, "correct": true/false}. Prices that are not
    given come from the `cost` section of NEW; where neither says one, there is no cost to show.
    """
    before, after = _load(old, as_json), _load(new, as_json)
    prices = _prices(after, review_price, wrong_price, refused_price)
    with _open(proposals) as stream:
        try:
            made = replayed(
                before,
                after,
                _records(stream, proposals),
                prices=prices,
                start=SystemClock().now(),
                draws=Random(0).random,
                keep=keep,
                asking=_worth(reviewers, as_json),
            )
        except (InvalidInput, UnicodeDecodeError) as error:
            _unreadable(str(error), as_json)
    if as_json:
        _print(asdict(made) | {"prices": None if prices is None else asdict(prices)})
        return
    _show(made)


@app.command()
def diff(old: File, new: File, as_json: AsJson = False) -> None:
    """List the fields that differ between OLD and NEW, and whether each change loosens or tightens."""
    found = differences(_load(old, as_json).document, _load(new, as_json).document)
    if as_json:
        looser = sum(one.direction == "looser" for one in found)
        _print({"differences": [asdict(one) for one in found], "looser": looser})
        return
    for one in found:
        typer.echo(f"{one.direction:8} {one.field}: {_short(one.old)} -> {_short(one.new)}")
    if not found:
        typer.echo("no difference")


@app.command()
def schema(as_json: AsJson = True) -> None:
    """Print the JSON Schema of policy files, for editors."""
    del as_json  # it is JSON either way
    _print(json_schema())


def _worth(file: Path | None, as_json: bool) -> Worth:
    """What asking would save, by the one table given for whatever name the policy uses."""
    table: Confusion | None = None
    if file is not None:
        try:
            table = Confusion.from_json(parse(file.read_bytes()))
        except OSError as error:
            _unreadable(f"{file}: {error.strerror or error}", as_json)
        except InvalidInput as error:
            _unreadable(f"{file}: {error}", as_json)
    return lambda policy, proposal: weighed(policy, proposal, lambda _: table)


def _load(file: Path, as_json: bool) -> Policy:
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        _unreadable(f"{file}: {error.strerror or error}", as_json)
    except UnicodeDecodeError as error:
        _unreadable(f"{file}: not UTF-8 at byte {error.start}", as_json)
    try:
        return compile_text(text, name=file.stem, source=str(file))
    except InvalidPolicy as error:
        if as_json:
            _print({"ok": False, "code": error.code, "problems": error.context["problems"]})
        else:
            typer.echo(str(error), err=True)
        raise typer.Exit(INVALID) from None


def _proposal(place: str, as_json: bool) -> Proposal:
    try:
        return proposal_from_json(sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes())
    except OSError as error:
        _unreadable(f"{place}: {error.strerror or error}", as_json)
    except InvalidInput as error:
        _unreadable(f"{place}: {error}. {error.remedy}", as_json)


def _open(place: str) -> IO[str]:
    if place == "-":
        return sys.stdin
    try:
        return Path(place).open(encoding="utf-8")
    except OSError as error:
        _unreadable(f"{place}: {error.strerror or error}", as_json=False)


def _records(stream: IO[str], place: str) -> Iterator[Recorded]:
    """One at a time, so that a stream of any length fits; every 10,000 the count goes to standard error."""
    for number, line in enumerate(stream, 1):
        if number % 10_000 == 0 and sys.stderr.isatty():
            typer.echo(f"\r{number} proposals", nl=False, err=True)
        if not line.strip():
            continue
        try:
            yield _record(line)
        except (InvalidInput, ValueError) as error:
            remedy = error.remedy if isinstance(error, InvalidInput) else ""
            raise InvalidInput(f"{place}:{number}: {error}. {remedy}".strip()) from None
    if sys.stderr.isatty():
        typer.echo("\r", nl=False, err=True)


def _record(line: str) -> Recorded:
    if '"proposal"' not in line:
        return Recorded(proposal=proposal_from_json(line))
    given = parse(line)
    if not isinstance(given, dict) or "proposal" not in given:
        return Recorded(proposal=proposal_from_json(line))
    unknown = sorted(set(given) - {"proposal", "at", "correct"})
    if unknown:
        raise InvalidInput(f"unknown field {unknown[0]!r}", remedy="A line holds proposal, at and correct.")
    correct, at = given.get("correct"), given.get("at")
    if correct is not None and not isinstance(correct, bool):
        raise InvalidInput("correct is true, false or left out", remedy="Correct the line.")
    if at is not None and not isinstance(at, str):
        raise InvalidInput("at is text such as 2026-11-20T09:15:02Z", remedy="Correct the line.")
    return Recorded(proposal=proposal_from(given["proposal"]), at=from_iso(at) if at else None, correct=correct)


def _prices(policy: Policy, review: float | None, wrong: float | None, refused: float | None) -> Prices | None:
    """The prices that are known, else 0; None when not one of them is."""
    cost = policy.document.cost or Cost()
    known = {
        "review": review if review is not None else cost.review,
        "wrong": wrong if wrong is not None else cost.wrong,
        "refused": refused if refused is not None else cost.refused,
    }
    said = {name: price for name, price in known.items() if price is not None}
    return Prices(**said) if said else None


def _moment(text: str) -> int:
    try:
        return from_iso(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _show(made: Replay) -> None:
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    table = Table(title=f"{made.total} proposals: old policy down, new policy across")
    table.add_column("old \\ new")
    for tier in TIERS:
        table.add_column(tier, justify="right")
    for tier in TIERS:
        table.add_row(tier, *(str(made.matrix[tier][other]) for other in TIERS))
    console.print(table)
    sides = Table("", "old", "new")
    rows: list[tuple[str, Any]] = [
        ("reviews by people", lambda side: f"{side.reviews:.0f}"),
        ("share that reaches people", lambda side: f"{_share(side, made.total):.1%}"),
        ("known wrong, let through", lambda side: str(side.wrong_through)),
        ("known right, denied", lambda side: str(side.right_denied)),
        ("cost", lambda side: "no cost model" if side.cost is None else f"{side.cost:.2f}"),
    ]
    for title, value in rows:
        sides.add_row(title, value(made.old), value(made.new))
    console.print(sides)
    console.print(
        f"{made.looser} go further by themselves, of which {made.looser_wrong} are known wrong; "
        f"{made.tighter} are held back more; {made.other_terms} keep their tier under other terms."
    )
    for move in made.moves:
        console.print(f"  line {move.number} {move.action}: {move.old} -> {move.new} ({move.reason})", markup=False)


def _share(side: Side, total: int) -> float:
    return (side.tiers["soft_review"] + side.tiers["hard_gate"]) / total if total else 0.0


def _short(value: Any) -> str:
    text = "absent" if value is None else json.dumps(value, default=str)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _print(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, default=str))


def _unreadable(message: str, as_json: bool) -> NoReturn:
    if as_json:
        _print({"ok": False, "code": "unreadable", "message": message})
    typer.echo(message, err=True)
    raise typer.Exit(UNREADABLE)
