"""The tools that a server offers now, compared with what was pinned."""

from __future__ import annotations

import logging

import anyio
import mcp_types as types
from mcp.client.session import ClientSession
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from handrail import json_schema
from handrail.canonical import JSON
from handrail.errors import InvalidInput, Unavailable
from handrail.integrations.mcp.pins import Pins, as_accepted
from handrail.integrations.mcp.upstream import Upstream

log = logging.getLogger("handrail.mcp")

# a server that never ends its list is cut off
MOST_PAGES = 200
LIST_SECONDS = 60.0


class Catalog:
    """The server's tools by name, listed again for each connection and whenever the server says they changed."""

    def __init__(self, upstream: Upstream, pins: Pins):
        self.pins = pins
        self._upstream = upstream
        self._tools: dict[str, types.Tool] = {}
        # the connection it was listed on; 0: never, or it is stale
        self._listed_on = 0
        self._listing = anyio.Lock()

    def stale(self) -> None:
        """The server said that its tools changed."""
        self._listed_on = 0

    async def listed(self) -> list[types.Tool]:
        """All tools as the client may see them: changed ones as they were accepted. Asks the server."""
        await self._list()
        shown = []
        for tool in self._tools.values():
            pin = self.pins.of(tool.name)
            shown.append(as_accepted(tool, pin) if pin is not None and pin.state == "changed" else tool)
        return shown

    async def tool(self, name: str) -> types.Tool | None:
        """The tool of that name, as the server offers it now."""
        await self._upstream.ready()
        if self._listed_on != self._upstream.connections:
            await self._list()
        return self._tools.get(name)

    def known(self, name: str) -> types.Tool | None:
        """The tool as it was listed last."""
        return self._tools.get(name)

    def check(self, name: str) -> None:
        """Raise `InvalidInput` for a tool that is gone, or says something else than a person accepted."""
        if name not in self._tools:
            raise InvalidInput(f"the server does not offer {name} any more", remedy="Ask for its tools again.")
        pin = self.pins.of(name)
        if pin is not None and pin.state == "changed":
            raise InvalidInput(
                f"the server changed the {' and '.join(pin.differs)} of {name} since a person accepted it",
                remedy=f"A person looks at it with `handrail mcp pins` and accepts it with --accept {name}.",
            )

    async def _list(self) -> None:
        async with self._listing:
            session = await self._upstream.session()
            on, cursor = self._upstream.connections, None
            found: dict[str, types.Tool] = {}
            for _ in range(MOST_PAGES):
                page = await self._page(session, cursor)
                found.update({tool.name: tool for tool in page.tools})
                cursor = page.next_cursor
                if cursor is None:
                    break
            self._tools, self._listed_on = found, on
            for pin in self.pins.listed(found.values()):
                if pin.state == "changed":
                    log.warning(
                        "%s changed its tool %s (%s): calls of it are refused until `handrail mcp pins --accept %s`",
                        self.pins.server, pin.tool, ", ".join(pin.differs), pin.tool,
                    )  # fmt: skip
                else:
                    log.info("%s added the tool %s", self.pins.server, pin.tool)

    async def _page(self, session: ClientSession, cursor: str | None) -> types.ListToolsResult:
        try:
            with anyio.fail_after(LIST_SECONDS):
                return await session.list_tools(params=types.PaginatedRequestParams(cursor=cursor))
        except (MCPError, ValidationError, TimeoutError) as error:
            raise Unavailable(
                f"{self.pins.server} does not list its tools: {error}",
                remedy="Nothing was executed. Look at what the server wrote, and try again.",
            ) from error


def usable_schema(tool: types.Tool) -> JSON:
    """The schema of its arguments, for the reviewer's form; None when it is not one that we may read.

    A schema comes from the server: one that is broken, has no canonical form or refers to other documents is left out.
    """
    try:
        json_schema.checker(tool.input_schema)
    except InvalidInput:
        return None
    return tool.input_schema


def form_of(tool: types.Tool, arguments: JSON) -> JSON:
    """The schema that edits are held to: no other arguments than it names, unless the call itself had others."""
    schema = usable_schema(tool)
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict) or _OPEN & schema.keys():
        return schema
    return schema if set(arguments) - schema["properties"].keys() else schema | {"additionalProperties": False}


# what can name further arguments
_OPEN = {"additionalProperties", "unevaluatedProperties", "patternProperties", "allOf", "anyOf", "oneOf", "if", "$ref"}


def misfit(schema: JSON, arguments: JSON) -> str | None:
    """What of the arguments does not fit, in words; None when they do, or nobody can say."""
    if schema is None:
        return None
    try:
        problem = json_schema.misfit(schema, arguments)
    except InvalidInput:
        return None
    return None if problem is None else f"at {problem.where}: {problem.why}"
