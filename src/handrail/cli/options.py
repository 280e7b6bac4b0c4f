"""Options that several commands share, and the settings they make together with the environment."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import ValidationError

from handrail.errors import InvalidInput
from handrail.maintenance.plane import Plane
from handrail.server.settings import Settings

Database = Annotated[
    str | None,
    typer.Option(help="Path of a SQLite file, or postgresql://…; HANDRAIL_DATABASE, else handrail.db."),
]
Workspace = Annotated[str | None, typer.Option(help="Workspace; HANDRAIL_WORKSPACE, else default.")]


def settings_from(**given: Any) -> Settings:
    """Settings of the environment, with the options that were given on top."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(map(str, first["loc"])).upper()
        raise InvalidInput(
            f"HANDRAIL_{name} is {str(first['input'])[:100]!r}: {first['msg']}",
            remedy="Correct the variable or option.",
        ) from None


def plane_of(settings: Settings) -> Plane:
    """A plane that only runs what it is told; fine beside a running server."""
    return Plane(
        settings.database, workspace_id=settings.workspace, host=settings.log_host, keys=settings.keys, loops=False,
        allow_unsafe=settings.allow_unsafe,
    )  # fmt: skip
