"""The outermost layer: security headers on every answer, time taken, and no NUL in addresses."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handrail.errors import HandrailError, InvalidInput, Unavailable
from handrail.server.desk import Desk
from handrail.server.problems import Internal, problem

Handler = Callable[[Request], Awaitable[Response]]

# review.md section 9; no inline script or style, no other origin, no frames
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
# `same-origin` and not `no-referrer`: with that, browsers send `Origin: null` with our own forms
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
POLICY_HEADER = (b"content-security-policy", CONTENT_POLICY.encode())
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
NOT_KEPT = (b"cache-control", b"no-store")


def usual_headers(secure: bool) -> tuple[tuple[bytes, bytes], ...]:
    """What an answer carries that brings no policy for its content and none for caches."""
    return (*HEADERS, *((STRICT_TRANSPORT,) if secure else ()), POLICY_HEADER, NOT_KEPT)


class Front:
    """Wraps the app. Plain ASGI, because it is on the way of every request."""

    def __init__(self, app: ASGIApp, desk: Desk, hot: Mapping[tuple[str, str], Handler]):
        self.app = app
        self.desk = desk
        # handlers by method and path that are called past the framework, for they carry the load
        self._hot = hot
        self._headers = HEADERS + ((STRICT_TRANSPORT,) if desk.settings.secure else ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500
        started = False

        async def guarded(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                started = True
                status = message["status"]
                message["headers"] = self._guarded(message["headers"], scope["path"])
            await send(message)

        try:
            hot = self._hot.get((scope["method"], scope["path"]))
            if hot is not None:
                await self._call(hot, scope, receive, guarded)
            elif "\0" in scope["path"] or b"%00" in scope["query_string"]:
                await problem(InvalidInput("an address with a NUL names nothing"))(scope, receive, guarded)
            else:
                await self.app(scope, receive, guarded)
        except Exception:
            # the framework answered with a problem and raises again for the log; a bare error gets its answer here
            if not started:
                await problem(Internal())(scope, receive, guarded)
            raise
        finally:
            endpoint = scope.get("endpoint")
            name = getattr(endpoint, "__name__", "none")
            self.desk.metrics.observe(name, scope["method"], status, time.perf_counter() - begun)

    async def _call(self, handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
        scope["endpoint"] = handler
        scope["app"] = self.desk.app
        try:
            answer = await handler(Request(scope, receive))
        except HandrailError as error:
            answer = problem(error)
        except self.desk.plane.store.outages as error:
            answer = problem(Unavailable(f"the database cannot answer now: {type(error).__name__}"))
        await answer(scope, receive, send)

    def _guarded(self, headers: Any, path: str) -> list[tuple[bytes, bytes]]:
        made = [*headers, *self._headers]
        names = {name for name, _ in headers}
        if b"content-security-policy" not in names:
            made.append(POLICY_HEADER)
        if b"cache-control" not in names:
            made.append(NOT_KEPT)
        return made
