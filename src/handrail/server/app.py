"""The application: routes put together, errors as problems, headers on everything."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import Receive, Scope, Send

from handrail.maintenance.plane import Plane
from handrail.server import (
    autonomy,
    cases,
    console,
    events,
    evidence,
    executions,
    grants,
    halts,
    health,
    learning,
    monitors,
    operations,
    pages,
    parks,
    people,
    policies,
    proposals,
    reviewers,
    sessions,
    teams,
    tiles,
    webhooks,
)
from handrail.server.desk import Desk
from handrail.server.front import Front, Handler
from handrail.server.problems import add_handlers
from handrail.server.settings import Settings

ROUTERS: tuple[APIRouter, ...] = (
    cases.router, evidence.router, proposals.router, executions.router, parks.router, sessions.router, events.router,
    grants.router, autonomy.router, halts.router, monitors.router, operations.router, reviewers.router, policies.router,
    teams.router, learning.router, people.router, webhooks.router, tiles.router, health.router,
)  # fmt: skip
TITLE = "handrail"
ABOUT = (
    "A human-in-the-loop control plane: proposals in, exactly one decision out. "
    "Errors are RFC 9457 problem documents with stable codes."
)
PROBLEM = {
    "type": "object",
    "description": "What failed, why, and what to do next. `code` is stable.",
    "required": ["type", "title", "status", "detail", "code", "remedy"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
        "detail": {"type": "string"}, "code": {"type": "string"}, "remedy": {"type": "string"},
        "context": {"type": "object"},
        "errors": {"type": "array", "items": {"type": "object", "properties": {
            "path": {"type": "string"}, "message": {"type": "string"}}}},
    },
}  # fmt: skip


class Application(FastAPI):
    """The app behind its front: security headers, timing, and the hot paths stand before the framework."""

    front: Front | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.front or super().__call__)(scope, receive, send)


def create_app(plane: Plane, settings: Settings | None = None) -> FastAPI:
    """The server over a plane. The caller closes the plane; `app.state.desk.close()` ends waiting requests first."""
    desk = Desk(plane, settings or Settings())
    app = _bare()
    app.state.desk = desk
    add_handlers(app, plane.store.outages)
    desk.app = app
    hot: dict[tuple[str, str], Handler] = {("POST", "/v1/proposals"): proposals.propose}
    app.front = Front(super(Application, app).__call__, desk, hot)
    return app


def describe() -> dict[str, Any]:
    """The OpenAPI document, without opening a store."""
    return openapi_of(_bare())


def _bare() -> Application:
    app = Application(title=TITLE, docs_url=None, redoc_url=None, openapi_url="/openapi.json", redirect_slashes=False)
    # the hot paths stand first: routes are tried in order
    app.router.routes[:0] = proposals.HOT
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.extend([*pages.ROUTES, *console.ROUTES])
    app.openapi = lambda: _kept(app)  # type: ignore[method-assign]
    return app


def _kept(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = openapi_of(app)
    return app.openapi_schema


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The document of all routes, the plain ones included, with problems and ways to sign in."""
    made = get_openapi(title=TITLE, version=_version(), description=ABOUT, routes=app.routes)
    paths, schemas = proposals.documented()
    for path, operations_ in paths.items():
        made["paths"].setdefault(path, {}).update(operations_)
    components = made.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas | {"Problem": PROBLEM})
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key, `hr_live_…`."},
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-handrail",
                    "description": "A signed-in person; changes also carry X-CSRF-Token."},
    }  # fmt: skip
    made["security"] = [{"key": []}, {"session": []}]
    for operation in _operations(made):
        operation["responses"].pop("422", None)
        operation["responses"]["default"] = {
            "description": "A problem",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return made


def _operations(document: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _version() -> str:
    try:
        return version("handrail")
    except PackageNotFoundError:
        return "0"
