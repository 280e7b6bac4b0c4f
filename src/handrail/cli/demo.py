"""`handrail demo`: the whole loop at work, in the browser or played by itself."""

from __future__ import annotations

import contextlib
import logging
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from handrail.cli.failing import FAILED
from handrail.cli.printing import print_json
from handrail.demo import headless, live
from handrail.demo.figures import figures_of
from handrail.demo.judging import Finding
from handrail.demo.plan import Plan
from handrail.demo.stage import MISSING, can_label
from handrail.errors import InvalidInput
from handrail.server.operations import figures as operations

PICTURES_OVER = "all pictures were shown, so no more come; payments, mails and posts go on. Start anew to see it again."

app = typer.Typer()

Counted = Annotated[int | None, typer.Option(min=1, help="Rounds to play (headless).")]


@app.command()
def demo(
    headless_: Annotated[
        bool, typer.Option("--headless", help="Play it without a server, with simulated people.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON (headless).")] = False,
    database: Annotated[
        Path | None, typer.Option(help="New SQLite file to use; a temporary one when left out.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 8420,
    seed: Annotated[int, typer.Option(min=0, help="What everything drawn by chance comes from.")] = 0,
    rounds: Counted = None,
    helpers: Annotated[int, typer.Option(min=0, max=3, help="Simulated colleagues beside you.")] = 2,
    pace: Annotated[float, typer.Option(min=0.1, max=100, help="2 means twice as fast.")] = 1.0,
    pictures: Annotated[bool, typer.Option(help="Label pictures; needs the extra `ml`.")] = True,
) -> None:
    """See the whole loop at work: an agent that pays, mails and deploys; posts to moderate; pictures to label.

    Starts server and console on loopback and prints how to sign in; Ctrl-C stops it. With --headless it
    plays everything with simulated people of known error rate, verifies the log, prints figures, and ends with 1 and
    the names of what broke if anything that must hold does not.
    """
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    label = pictures and can_label()
    if pictures and not label:
        typer.echo(MISSING, err=True)
    with _database(database) as path:
        if headless_:
            settings = headless.Settings(seed=seed, plan=Plan() if label else None)
            if rounds is not None:
                settings = headless.Settings(seed=seed, plan=settings.plan, rounds=rounds)
            _play(path, settings, as_json=as_json)
        else:
            _show(path, seed=seed, port=port, helpers=helpers, plan=live.PLAN if label else None, pace=pace)


@contextlib.contextmanager
def _database(given: Path | None) -> Iterator[Path]:
    if given is not None:
        _need_fresh(given)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="handrail-demo-") as folder:
        yield Path(folder) / "demo.db"


def _need_fresh(path: Path) -> None:
    """Raise `InvalidInput` unless there is nothing yet: the demo is never to answer the cases of real work."""
    if path.exists() and (path.is_dir() or path.stat().st_size):
        raise InvalidInput(
            f"{path} is not empty, and a demo starts from nothing: it puts its own policy in force, lets its own "
            "people in, and they answer every case they find",
            remedy="Name a file that is not there yet, or leave --database out for a temporary one.",
        )


# --- headless -------------------------------------------------------------------------------------


def _play(path: Path, settings: headless.Settings, *, as_json: bool) -> None:
    stage, played = headless.play(path, settings, lambda text: typer.echo(text, err=True))
    with stage:
        figures, findings = figures_of(stage, played)
    if as_json:
        print_json(figures)
    else:
        _print_figures(figures)
    broken = [finding for finding in findings if not finding.held]
    _name_broken(broken)
    if broken:
        raise typer.Exit(FAILED)


def _name_broken(broken: list[Finding]) -> None:
    for finding in broken:
        typer.echo(f"broken: {finding.name}", err=True)
        for text in finding.broken[:5]:
            typer.echo(f"  {text}", err=True)


def _print_figures(figures: dict[str, Any]) -> None:
    console = Console(soft_wrap=True)
    learning, audit = figures["learning"], figures["audit"]
    lines = [
        ("proposals", figures["proposals"]),
        ("routed", _counts(figures["routed"]["by_tier"])),
        ("decided", _counts(figures["decided"])),
        ("executed", _counts(figures["executed"])),
        ("taken back", figures["effects"]["undone"]),
        ("duplicates refused", _counts(figures["duplicates"])),
        ("review rate by round", " ".join(f"{rate:.0%}" for rate in learning.get("review_rate", ())) or MISSING),
        ("log", f"{audit['entries']} entries, {'verified' if audit['verified'] else 'NOT verified'}"),
    ]
    if "model_error" in learning:
        before, after = learning["model_error"]["before"], learning["model_error"]["after"]
        lines.append(("model error", f"{before:.1%} before, {after:.1%} after"))
    for person in figures["reviewers"]:
        measured = person["measured_error"]
        said = "no answers" if measured is None else f"{measured:.1%} of {person['answers']} answers wrong"
        lines.append((person["name"], f"{said}; known rate {person['known_error']:.1%}"))
    for invariant in figures["invariants"]:
        lines.append((invariant["name"], "holds" if invariant["held"] else "BROKEN"))
    console.print(_table(lines))


def _counts(counted: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counted.items())


def _table(lines: list[tuple[str, Any]]) -> Table:
    table = Table.grid(padding=(0, 3))
    for name, value in lines:
        table.add_row(name, str(value))
    return table


# --- with server and console ----------------------------------------------------------------------


def _show(path: Path, **settings: Any) -> None:
    stopped = threading.Event()
    with _stopping(stopped), live.show(path, **settings) as show:
        typer.echo(f"handrail demo at {show.address}  (this machine only; Ctrl-C stops it)")
        typer.echo(f"  sign in   {live.REVIEWER}")
        typer.echo(f"  or        {live.LEAD}   a second person, and what goes up")
        typer.echo(f"  password  {show.password}")
        typer.echo(f"  database  {path}")
        _follow(show, stopped)
    typer.echo("stopped")


@contextlib.contextmanager
def _stopping(stopped: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM end the demo in order, also where a shell started it with SIGINT ignored."""
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _follow(show: live.Show, stopped: threading.Event) -> None:
    console = Console()
    if not console.is_terminal:
        told = False
        while not stopped.wait(1.0):
            if show.pictures_over.is_set() and not told:
                typer.echo(PICTURES_OVER)
                told = True
        return
    with Live(_progress(show), console=console, refresh_per_second=2) as screen:
        while not stopped.wait(1.0):
            screen.update(_progress(show))


def _progress(show: live.Show) -> Table:
    stage = show.stage
    now: dict[str, Any] = operations(stage.plane, stage.plane.workspace_id)
    ended = dict(show.ended)
    lines = [
        ("open cases", now["open"]),
        ("by tier", _counts(now["by_tier"]) or "none"),
        ("agent and posts", _counts(ended) or "nothing decided yet"),
        ("effects", len(stage.ledger.effects)),
        ("log", f"{now['log']['size']} entries"),
    ]
    if now["chart"]:
        last = now["chart"][-1]
        lines.append(
            (f"pictures, round {last['round'] + 1}",
             f"people saw {last['review_rate']:.0%}, the model errs in {last['model_error'] or 0:.1%}")
        )  # fmt: skip
    if show.pictures_over.is_set():
        lines.append(("pictures", PICTURES_OVER))
    return _table(lines)
