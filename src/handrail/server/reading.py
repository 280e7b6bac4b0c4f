"""Bodies are read strictly: at most 1 MiB, JSON without what parsers disagree on, before any handler sees them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from handrail.canonical import parse
from handrail.errors import MalformedJSON
from handrail.server.bodies import MOST_BYTES, MOST_PARK_BYTES
from handrail.server.callers import actor_of
from handrail.server.desk import desk_of
from handrail.server.problems import TooLarge, UnsupportedMedia
from handrail.server.repeats import name_of

WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


async def body_of(request: Request, most: int = MOST_BYTES) -> bytes:
    """The whole body. Raises `TooLarge` as soon as more than `most` bytes are announced or have come."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise TooLarge(f"a body of {announced} bytes is over {most}")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMedia("bodies are not decompressed here", remedy="Send the body as it is.")
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise MalformedJSON("the connection ended within the body")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise TooLarge(f"the body is over {most} bytes")
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def need_json(request: Request) -> None:
    """Raise `UnsupportedMedia` unless the body says that it is JSON."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMedia(f"the body is {kind or 'of no type'}, not application/json")


class StrictRequest(Request):
    """A request whose body was read and parsed already."""

    def __init__(self, request: Request, data: bytes):
        super().__init__(request.scope, request.receive)
        self._body = data
        self._parsed = parse(data) if data else None

    async def json(self) -> Any:
        return self._parsed


class StrictRoute(APIRoute):
    """A route of the API: strict JSON in; what is sent again under its `Idempotency-Key` is carried out once."""

    most_bytes = MOST_BYTES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.method in WITH_BODY:
                data = await body_of(request, self.most_bytes)
                if data:
                    need_json(request)
                strict = StrictRequest(request, data)
                name = name_of(request, data)
                if name is None:
                    return await inner(strict)
                return await desk_of(request).repeats.once(name, lambda: inner(strict), lambda: actor_of(request))
            return await inner(request)

        return handle


class RoomyRoute(StrictRoute):
    """A route whose bodies may carry 1 MiB in base64."""

    most_bytes = MOST_PARK_BYTES
