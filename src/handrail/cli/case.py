"""`handrail case`: a reviewer's queue on the terminal, on a database or a server.

An answer names the revision and the card that were shown, so what changed meanwhile is never answered by mistake.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from handrail.canonical import JSON, parse
from handrail.cli import card
from handrail.cli.printing import AsJson, print_json
from handrail.cli.reaching import Place, Reached, desk, placed, reach
from handrail.clock import iso
from handrail.errors import CardChanged, InvalidInput, MalformedJSON

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None,
    help="Review cases on the terminal: on --database as the person --as names, or on --url as the key's person.",
)  # fmt: skip

CaseId = Annotated[str, typer.Argument(help="The case's id.", show_default=False)]
Note = Annotated[str | None, typer.Option(help="A note; it goes back to the program.")]
Seen = Annotated[
    str | None, typer.Option("--card", help="Digest of the card you have read; answers without asking again.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not show the card and ask; answer what stands there now.")]


@app.command("list")
@placed
def list_cases(
    state: Annotated[str, typer.Option(help="open or decided.")] = "open",
    queue: Annotated[str | None, typer.Option(help="One queue.")] = None,
    action: Annotated[str | None, typer.Option(help="One action.")] = None,
    words: Annotated[str | None, typer.Option(help="Words that must all occur.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only what you hold or answered.")] = False,
    *,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Open cases in queue order, or decided ones newest first."""
    if state not in ("open", "decided"):
        raise InvalidInput(f"no state is called {state!r}", remedy="Use --state open or --state decided.")
    with reach(place, needs_person=mine) as reached:
        page = reached.cases(state=state, queue=queue, action=action, q=words, mine=mine, limit=str(limit))
    if as_json:
        print_json(page)
        return
    console = _console()
    if not page["items"]:
        console.print("nothing here")
        return
    card.table(console, page["items"])
    if page["total"] > len(page["items"]):
        console.print(f"{page['total'] - len(page['items'])} more; use --limit")


@app.command()
@placed
def show(case_id: CaseId, *, place: Place, as_json: AsJson = False) -> None:
    """Draw a case's card."""
    with reach(place) as reached:
        detail = reached.detail(case_id)
    print_json(detail) if as_json else card.draw(_console(), detail)


@app.command()
@placed
def claim(
    case_id: Annotated[str | None, typer.Argument(help="The case; the next one when left out.")] = None,
    queue: Annotated[list[str] | None, typer.Option(help="Only from these queues.")] = None,
    *,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Hold a case for five minutes, and draw its card. Ends with 1 when there is nothing to take."""
    with reach(place, needs_person=True) as reached:
        held = desk(reached).take(case_id) if case_id is not None else desk(reached).next(*(queue or ()))
        if held is None:
            print_json(None) if as_json else typer.echo("nothing to take", err=True)
            raise typer.Exit(1)
        detail = reached.detail(held.case_id)
    print_json(detail) if as_json else card.draw(_console(), detail)


@app.command()
@placed
def release(case_id: CaseId, *, place: Place) -> None:
    """Give a case back to the queue."""
    with reach(place, needs_person=True) as reached:
        held = reached.detail(case_id)["claim"]
        if held is None:
            raise InvalidInput(f"nobody holds case {case_id}", remedy="There is nothing to give back.")
        desk(reached).call("release", case_id=case_id, fence=held["fence"])
    typer.echo(f"released {case_id}")


@app.command()
@placed
def approve(
    case_id: CaseId, note: Note = None, seen: Seen = None, yes: Yes = False,
    scope: Annotated[str, typer.Option(help="action, or run: up to 20 more of the same in its run too.")] = "action",
    *, place: Place, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Let it through as it is."""
    with reach(place, needs_person=True) as reached:
        _answer(reached, case_id, "approve", seen=seen, yes=yes, as_json=as_json, note=note, scope=scope)


@app.command()
@placed
def reject(
    case_id: CaseId, reason: Annotated[str, typer.Option(help="A reason code, such as too_risky, or a sentence.")],
    note: Note = None, seen: Seen = None, yes: Yes = False, *, place: Place, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Refuse it; the reason goes back to the program."""
    with reach(place, needs_person=True) as reached:
        _answer(reached, case_id, "reject", seen=seen, yes=yes, as_json=as_json, reason=reason, note=note)


@app.command()
@placed
def edit(
    case_id: CaseId,
    arguments: Annotated[str, typer.Option(help="The arguments instead: JSON, a file, or - for standard input.")],
    note: Note = None, seen: Seen = None, yes: Yes = False, *, place: Place, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Let it through with other arguments; they are checked against the action's schema."""
    given = _json_from(arguments)
    if not isinstance(given, dict):
        raise InvalidInput("arguments are a JSON object", remedy='Write --arguments \'{"to": "A1"}\'.')
    with reach(place, needs_person=True) as reached:
        _answer(reached, case_id, "edit", seen=seen, yes=yes, as_json=as_json, arguments=given, note=note)


@app.command()
@placed
def respond(
    case_id: CaseId, value: Annotated[str, typer.Argument(help="The answer: JSON, or plain text.", show_default=False)],
    note: Note = None, seen: Seen = None, yes: Yes = False, *, place: Place, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Give the answer yourself."""
    with reach(place, needs_person=True) as reached:
        _answer(reached, case_id, "respond", seen=seen, yes=yes, as_json=as_json, value=_value(value), note=note)


@app.command()
@placed
def redirect(
    case_id: CaseId, instruction: Annotated[str, typer.Argument(help="What to do instead.", show_default=False)],
    note: Note = None, seen: Seen = None, yes: Yes = False, *, place: Place, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Ask for something else."""
    with reach(place, needs_person=True) as reached:
        _answer(reached, case_id, "redirect", seen=seen, yes=yes, as_json=as_json, instruction=instruction, note=note)


@app.command()
@placed
def escalate(case_id: CaseId, reason: Annotated[str, typer.Option(help="Why it is sent up.")], *, place: Place) -> None:
    """Send a case up: a lead must judge it."""
    with reach(place, needs_person=True) as reached:
        desk(reached).escalate(case_id, reason)
    typer.echo(f"sent up {case_id}")


@app.command()
@placed
def withdraw(
    review_id: Annotated[str, typer.Argument(help="Id of the review.", show_default=False)], *, place: Place
) -> None:
    """Take an answer back while its undo window is open."""
    with reach(place, needs_person=True) as reached:
        desk(reached).withdraw(review_id)
    typer.echo(f"took back {review_id}")


def _answer(
    reached: Reached, case_id: str, verdict: str, *, seen: str | None, yes: bool, as_json: bool, **given: JSON
) -> None:
    detail = reached.detail(case_id)
    shown = detail["card"]
    if seen is not None and seen != shown["digest"]:
        raise CardChanged("the card is not the one you have read", remedy="Look again with `handrail case show`.")
    if seen is None and not yes:
        if not sys.stdin.isatty():
            raise InvalidInput(
                "nobody is here to read the card", remedy="Give --card with the digest you have read, or --yes."
            )
        card.draw(_console(err=True), detail)
        typer.confirm(f"{verdict} this?", abort=True, err=True)
    held = detail["claim"]
    made: Any = desk(reached).answer(
        case_id, verdict, fence=None if held is None else held["fence"], revision=shown["revision"],
        card=shown["digest"], **{name: value for name, value in given.items() if value is not None},
    )  # fmt: skip
    if as_json:
        print_json(made)
        return
    if made["grant"] is not None:
        typer.echo(f"granted for its run: {made['grant']}; `handrail grant end` takes it back")
    decision = made["decision"]
    if decision is not None:
        typer.echo(f"{decision['kind']}: case {case_id} is decided")
    else:
        review = made["review"]
        typer.echo(f"{verdict} recorded as review {review['id']}; it counts from {_moment(review['effective_at'])}")


def _moment(value: Any) -> str:
    return value if isinstance(value, str) else iso(value)


def _value(text: str) -> JSON:
    try:
        return parse(text)
    except MalformedJSON:
        return text


def _json_from(place: str) -> JSON:
    if place == "-":
        return parse(sys.stdin.buffer.read())
    if place.lstrip().startswith(("{", "[")):
        return parse(place)
    try:
        return parse(Path(place).read_bytes())
    except OSError as error:
        raise InvalidInput(f"{place}: {error.strerror or error}", remedy="Give JSON, a file, or -.") from None


def _console(*, err: bool = False) -> Console:
    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, width=None if stream.isatty() else 120, highlight=False, markup=False, emoji=False)
