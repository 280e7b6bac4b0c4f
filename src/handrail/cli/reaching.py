"""Where a control plane is: a database on this machine, or a server with a key; the same commands work on both."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import quote, urlencode

import typer

from handrail.canonical import JSON
from handrail.cli.options import Database, Workspace, plane_of, settings_from
from handrail.client.desk import Desk
from handrail.client.http import HttpTransport
from handrail.client.local import LocalTransport
from handrail.client.steps import Call
from handrail.client.transport import Transport
from handrail.clock import iso
from handrail.errors import InvalidInput, NotFound
from handrail.lifecycle import access
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane
from handrail.server import monitors, views
from handrail.store import reads, statements

Url = Annotated[str | None, typer.Option(envvar="HANDRAIL_URL", help="A server; needs --key.")]
Key = Annotated[str | None, typer.Option(envvar="HANDRAIL_KEY", help="API key for --url.", show_default=False)]
Person = Annotated[
    str | None,
    typer.Option("--as", envvar="HANDRAIL_PERSON", help="Who answers, on a database: e-mail, name or id."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a command works, and as whom."""

    database: Database = None
    workspace: Workspace = None
    url: Url = None
    key: Key = None
    person: Person = None


def placed(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of a `Place`, which it gets as one argument, `place`."""
    options = inspect.signature(Place, eval_str=True).parameters
    taken: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        taken.extend(options.values() if name == "place" else [parameter])

    @functools.wraps(command)
    def run(**given: Any) -> None:
        command(place=Place(**{name: given.pop(name) for name in options}), **given)

    del run.__wrapped__
    run.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in taken}
    return run


class Reached(Protocol):
    """What commands ask of a control plane, wherever it is."""

    transport: Transport

    def cases(self, **wanted: str | bool | None) -> dict[str, Any]:
        """A page of cases, as `GET /v1/cases` gives it."""
        ...

    def detail(self, case_id: str) -> dict[str, Any]:
        """One case with its card, as `GET /v1/cases/{id}` gives it."""
        ...

    def halts(self) -> list[dict[str, Any]]:
        """The switches that stand."""
        ...

    def monitors(self, *, ended: bool) -> dict[str, Any]:
        """What is watched, as `GET /v1/monitors` gives it."""
        ...

    def monitor(self, id: str) -> dict[str, Any]:
        """One monitor in full."""
        ...


class AtServer:
    """Over HTTP."""

    def __init__(self, transport: HttpTransport):
        self.transport: Transport = transport
        self._http = transport

    def cases(self, **wanted: str | bool | None) -> dict[str, Any]:
        given = {name: value for name, value in wanted.items() if value not in (None, False)}
        found: dict[str, Any] = self._http.get("/v1/cases?" + urlencode(given))
        return found

    def detail(self, case_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._http.get(f"/v1/cases/{case_id}")
        return found

    def halts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._http.get("/v1/halts")["items"]
        return found

    def monitors(self, *, ended: bool) -> dict[str, Any]:
        found: dict[str, Any] = self._http.get(f"/v1/monitors?ended={str(ended).lower()}")
        return found

    def monitor(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._http.get(f"/v1/monitors/{quote(id, safe='')}")
        return found


class OnDatabase:
    """In this process, beside whatever serves the database."""

    def __init__(self, plane: Plane, actor: Actor):
        self.transport: Transport = LocalTransport(plane, actor, owns_plane=False)
        self.plane = plane
        self.actor = actor

    def cases(self, **wanted: str | bool | None) -> dict[str, Any]:
        limit, mine = int(wanted.pop("limit", None) or 100), wanted.pop("mine", False)
        words = wanted.pop("q", None)
        asked = reads.CaseFilter(words=words, mine=self.actor.pid if mine else None, **wanted)  # type: ignore[arg-type]
        page = reads.case_page(self.plane.store, self.actor.workspace, asked, cursor=None, limit=limit)
        rows = views.case_rows(self.plane, self.actor, page.rows)
        return {"items": rows, "next": page.next, "total": page.total}

    def detail(self, case_id: str) -> dict[str, Any]:
        return views.case_detail(self.plane, self.actor, case_id)

    def halts(self) -> list[dict[str, Any]]:
        found = reads.halts(self.plane.store, self.actor.workspace)
        return [
            {"id": r.id, "scope": r.scope, "value": r.value, "reason": r.reason, "by": r.set_by, "at": iso(r.set_at)}
            for r in found
        ]

    def monitors(self, *, ended: bool) -> dict[str, Any]:
        return monitors.overview(self.plane, self.actor.workspace, ended=ended)

    def monitor(self, id: str) -> dict[str, Any]:
        return monitors.explained(self.plane, self.actor.workspace, id)


@contextlib.contextmanager
def reach(place: Place, *, needs_person: bool = False) -> Iterator[Reached]:
    """Open what the options name. On a database, the person named acts; without one, the operator of this machine."""
    if place.url is not None:
        if place.database is not None:
            raise InvalidInput("--url and --database name two places", remedy="Give one of them.")
        if place.key is None:
            raise InvalidInput("a server needs a key", remedy="Give --key, or set HANDRAIL_KEY.")
        transport = HttpTransport(place.url, place.key)
        try:
            yield AtServer(transport)
        finally:
            transport.close()
        return
    settings = settings_from(database=place.database, workspace=place.workspace)
    need_database(settings.database)
    with plane_of(settings) as plane:
        acts = operator(settings.workspace)
        if place.person is not None or needs_person:
            acts = person_on(plane, settings.workspace, place.person)
        yield OnDatabase(plane, acts)


def need_database(place: str) -> None:
    """Raise `NotFound` for a SQLite file that is not there: looking must not make one."""
    if "://" not in place or place.startswith("sqlite://"):
        path = place.removeprefix("sqlite:///")
        if not Path(path).is_file():
            raise NotFound(f"there is no database {path}", remedy="Give --database, or set HANDRAIL_DATABASE.")


def operator(workspace: str) -> Actor:
    """Whoever may run commands on the database itself."""
    return Actor(kind="system", pid="operator", workspace=workspace, scopes=ALL_SCOPES, auth="local")


def person_on(plane: Plane, workspace: str, who: str | None) -> Actor:
    """The person of that e-mail, name or id; without one the only person there is. Raises `NotFound`."""
    active = [row for row in reads.people(plane.store, workspace) if row.active]
    if who is None:
        found = active
    else:
        found = [row for row in active if who.casefold() in (row.id, row.name.casefold(), row.email.casefold())]
    if len(found) != 1:
        nobody = "nobody has been let in yet" if who is None else f"nobody here is {who!r}"
        what = nobody if not found else f"{len(found)} people could be meant"
        raise NotFound(
            what, remedy="Say who answers with --as E-MAIL; `handrail people add` lets somebody in, `list` shows all."
        )
    row = plane.store.read_hot(statements.person_get, id=found[0].id)[0]
    return access.person_actor(row, auth="local")


def desk(reached: Reached) -> Desk:
    """The reviewer's desk there."""
    return Desk(reached.transport)


def call(reached: Reached, verb: str, **arguments: JSON) -> Any:
    """Any verb by name."""
    return reached.transport.send(Call(verb=verb, arguments=arguments))
