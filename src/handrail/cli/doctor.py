"""`handrail doctor`: is this control plane set up well, and the frameworks before it? Looks only, unless told to."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import httpx2
import typer

from handrail.canonical import parse
from handrail.cli import frameworks, threads
from handrail.cli.material import own_key
from handrail.cli.options import Database, Workspace, settings_from
from handrail.cli.printing import AsJson, print_json, visible
from handrail.cli.reaching import Place, call, need_database, reach
from handrail.clock import SECOND, SystemClock, from_iso, iso
from handrail.errors import HandrailError
from handrail.lifecycle.policies import compiled
from handrail.lifecycle.wake import MOST_FAILURES
from handrail.maintenance.hook import hook_from
from handrail.maintenance.plane import keys_beside
from handrail.maintenance.sealing import key_file
from handrail.policy.advice import advice
from handrail.policy.staffing import Reviewer, unfillable
from handrail.server.settings import Settings
from handrail.store import reads, statements, training
from handrail.store.engine import Store
from handrail.store.logbook import Logbook
from handrail.store.migrate import pending
from handrail.store.open import open_store

app = typer.Typer()

# a timer, signature or clock further off than this is wrong
LATE_SECONDS = 60
SKEW_SECONDS = 5
LEAST_FREE_BYTES = 200_000_000


class Check(NamedTuple):
    """One thing looked at. `state`: ok, note (works, but look at it) or bad."""

    name: str
    state: str
    text: str
    remedy: str = ""


Checks = Iterator[Check]


@app.command()
def doctor(
    framework: Annotated[
        str | None, typer.Argument(help="Look at this agent framework only, such as langgraph.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Look at a server from outside instead.")] = None,
    *,
    database: Database = None,
    workspace: Workspace = None,
    keys: Annotated[Path | None, typer.Option("--keys", help="Folder of the log's signing keys.")] = None,
    thread: Annotated[list[str] | None, typer.Option(help="langgraph: this thread; may be repeated.")] = None,
    saver: Annotated[str | None, typer.Option(help="langgraph: its threads, sqlite:///… or postgresql://….")] = None,
    graph: Annotated[str | None, typer.Option(help="langgraph: the compiled graph, MODULE:GRAPH.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="langgraph: let stuck threads ask again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check database, clock, log, keys, loops, policy, people, hook and console, and the agent frameworks installed.

    Ends with 1 if something is bad. `handrail doctor langgraph --saver sqlite:///threads.db` names threads that refuse
    every answer, and with --database those that wait and are not parked; with --graph MODULE:GRAPH and --repair it
    lets the stuck ones ask again.
    """
    seen = threads.examined(framework, threads=thread or (), saver=saver, graph=graph, mend=repair)
    if seen and database is not None:
        seen = threads.compared(seen, _parked_runs(database, workspace))
    installed = frameworks.frameworks(framework)
    if framework is not None:
        found = []
    elif url is not None:
        found = list(_server(url.rstrip("/")))
    else:
        found = list(_all(settings_from(database=database, workspace=workspace, keys=keys)))
    states = [check.state for check in found] + [one.state for one in installed]
    bad = "bad" in states or threads.left(seen)
    if as_json:
        checks = [check._asdict() for check in found]
        print_json({"ok": not bad, "checks": checks, "frameworks": [one.record() for one in installed], **seen})
    else:
        for line in (*_told(found), *frameworks.told(installed), *threads.told(seen)):
            typer.echo(visible(line))
    raise typer.Exit(1 if bad else 0)


def _parked_runs(database: str, workspace: str | None) -> set[str]:
    with reach(Place(database=database, workspace=workspace)) as reached:
        return {str(item["run"]) for item in call(reached, "parks")["items"]}


def _told(found: list[Check]) -> Iterator[str]:
    for check in found:
        yield f"{check.state:4}  {check.name}: {check.text}"
        if check.state != "ok" and check.remedy:
            yield f"      {check.remedy}"


def _all(settings: Settings) -> Checks:
    yield _console()
    yield _hook()
    try:
        need_database(settings.database)
        store = open_store(settings.database, allow_unsafe=settings.allow_unsafe)
    except HandrailError as error:
        yield Check("database", "bad", str(error), error.remedy)
        return
    try:
        yield from _guarded("schema", _schema, store, settings)
        yield from _guarded("workspace", _workspace, store, settings)
    finally:
        store.close()


def _guarded(name: str, look: Callable[[Store, Settings], Checks], store: Store, settings: Settings) -> Checks:
    """A database that cannot be read is a finding, not the end of the examination."""
    try:
        yield from look(store, settings)
    except HandrailError as error:
        yield Check(name, "bad", str(error), error.remedy)


def _schema(store: Store, settings: Settings) -> Checks:
    yield Check("database", "ok", f"{store.engine}, settings that keep what was acknowledged")
    missing = pending(store.url)
    if missing:
        yield Check("schema", "bad", f"{', '.join(missing)} still to run", "Run `handrail migrate`.")
    else:
        yield Check("schema", "ok", "up to date")
    if store.engine == "sqlite":
        yield _space(Path(store.url.removeprefix("sqlite:///")))


def _workspace(store: Store, settings: Settings) -> Checks:
    found = store.read_hot(statements.workspace_get, id=settings.workspace)
    if not found:
        yield Check("workspace", "bad", f"there is no workspace {settings.workspace!r}", "Give --workspace.")
        return
    log, frozen = found[0][1], bool(found[0][3])
    if frozen:
        yield Check("workspace", "bad", "frozen: a restored copy", "Look at it, then run `handrail acknowledge`.")
    now = SystemClock().now()
    yield from _log(store, log, now)
    yield _keys(store, log, settings.keys)
    yield _loops(store, now)
    yield from _policy(store, settings.workspace, now)
    yield from _people(store, settings.workspace)
    yield from _trouble(store, settings.workspace)


def _log(store: Store, log: str, now: int) -> Checks:
    head = store.read_hot(statements.head_get, log=log)
    last = _newest_at(store, log) if head else None
    if last is not None and last > now + SKEW_SECONDS * SECOND:
        yield Check("clock", "bad", f"the newest entry is from {iso(last)}, ahead of this clock", "Set the clock.")
    else:
        yield Check("clock", "ok", f"{iso(now)}, not behind the log")
    for row in reads.heads(store):
        if row.log != log:
            continue
        waiting = row.size - row.signed_size
        late = waiting and last is not None and now - last > LATE_SECONDS * SECOND
        text = f"{row.size} entries, {waiting} of them unsigned"
        yield Check("log", "note" if late else "ok", text, "Start a server: it signs within a second.")


def _newest_at(store: Store, log: str) -> int | None:
    size = Logbook(store, log).head()[0]
    found = store.read_hot(statements.entry_bytes_range, log=log, start=max(0, size - 1), stop=size)
    return from_iso(parse(bytes(found[0][0]))["at"]) if found else None


def _keys(store: Store, log: str, folder: Path | None) -> Check:
    path = key_file(store, folder or keys_beside(store.url), log)
    if own_key(store, log, folder) is None:
        return Check("keys", "note", f"the log's key is not at {path}", "Give --keys, or look where the server runs.")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Check("keys", "bad", f"{path} can be read by others ({mode:o})", f"chmod 600 {path}")
    return Check("keys", "ok", f"{path}, readable by its owner only")


def _loops(store: Store, now: int) -> Check:
    late = store.read_hot(statements.timer_due, now=now - LATE_SECONDS * SECOND, limit=1)
    if late:
        since = iso(late[0][2])
        return Check("loops", "bad", f"deadlines wait since {since}: nothing runs the loops", "Start `handrail serve`.")
    return Check("loops", "ok", "nothing is overdue")


def _policy(store: Store, workspace: str, now: int) -> Checks:
    row = reads.policy_text(store, workspace)
    if row is None:
        yield Check("policy", "bad", "none is in force", "Start `handrail serve --policy FILE`.")
        return
    policy = compiled(row.text, row.name)
    actions = len(policy.document.escalation_policies)
    yield Check("policy", "ok", f"{row.name} {row.digest[:12]} in force, {actions} actions")
    for note in advice(policy, now=now):
        yield Check("policy", "note", note)


def _people(store: Store, workspace: str) -> Checks:
    rows = [row for row in reads.people(store, workspace) if row.active]
    if not rows:
        yield Check("people", "note", "nobody can answer", "Run `handrail people add`, or start `handrail serve`.")
        return
    yield Check("people", "ok", f"{len(rows)} may sign in")
    text = reads.policy_text(store, workspace)
    if text is None:
        return
    reviewers = [
        Reviewer(held, frozenset(filter(None, row.skills.split(","))))
        for row in rows
        if (held := frozenset(filter(None, row.roles.split(",")))) - {"auditor"}
    ]
    for lack in unfillable(compiled(text.text, text.name), reviewers):
        yield Check("people", "note", lack, "Let such people in with `handrail people add`, or change the policy.")


def _trouble(store: Store, workspace: str) -> Checks:
    unknown = reads.unknown_executions(store, workspace)
    if unknown:
        yield Check("executions", "note", f"{unknown} wait to be settled by a person", "Open the console.")
    given_up, unwoken = reads.stuck_parks(store, workspace, SystemClock().now() - LATE_SECONDS * SECOND)
    if given_up or unwoken:
        told = [f"{given_up} given up after {MOST_FAILURES} tries"] if given_up else []
        told += [f"{unwoken} due that nobody wakes"] if unwoken else []
        yield Check("parked", "note", ", ".join(told), "Look at `handrail parked`, and start the program that wakes.")
    failed = [row for row in training.trainings(store, workspace, limit=1) if row.state == "failed"]
    if failed:
        yield Check("retraining", "note", f"the last hook for {failed[0].action} failed: {failed[0].error}")


def _space(path: Path) -> Check:
    free = shutil.disk_usage(path.parent).free
    state = "bad" if free < LEAST_FREE_BYTES else "ok"
    return Check("disk", state, f"{free // 1_000_000} MB free beside {path.name}", "Make room.")


def _hook() -> Check:
    try:
        hook = hook_from(os.environ)
    except HandrailError as error:
        return Check("hook", "bad", str(error), error.remedy)
    if hook is None:
        return Check("hook", "ok", "no retraining hook is set")
    if shutil.which(hook.argv[0]) is None:
        return Check("hook", "bad", f"{hook.argv[0]} is not a program", "Give its whole path in HANDRAIL_RETRAIN_HOOK.")
    return Check("hook", "ok", f"{hook.argv[0]}, up to {hook.seconds:g} s")


def _console() -> Check:
    if resources.files("handrail.server").joinpath("console", "index.html").is_file():
        return Check("console", "ok", "built")
    return Check("console", "bad", "not built", "In a checkout run `make console`; wheels bring it.")


def _server(url: str) -> Checks:
    for name in ("healthz", "readyz"):
        try:
            response = httpx2.get(f"{url}/{name}", timeout=10.0)
            body: Any = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            yield Check(name, "bad", f"{url} does not answer: {error}", "Check the address and the server.")
            return
        problems = body.get("problems") if isinstance(body, dict) else None
        good = response.status_code == 200
        yield Check(name, "ok" if good else "bad", ", ".join(problems or ()) or f"answers {response.status_code}")
