"""Proposals straight from the connection: no scope, no task, no coroutine for the request that carries the load.

Only the plain case goes this way: POST /v1/proposals with a small JSON body under an API key that was looked up
within the last seconds, and nothing before it still unanswered on its connection. Everything else takes the road
through the framework, and both give the same answers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from handrail.errors import HandrailError
from handrail.lifecycle import submit
from handrail.lifecycle.actor import Actor
from handrail.server import proposals
from handrail.server.desk import Desk
from handrail.server.front import usual_headers
from handrail.server.problems import Internal, problem

log = logging.getLogger("handrail.server")

PATH = b"/v1/proposals"
MOST_BYTES = 64 * 1024
# of a request line with its headers, and of trailers
MOST_HEAD = 64 * 1024
PLAIN = frozenset({b"authorization", b"content-type", b"content-length", b"idempotency-key"})
# what changes how a body is read
ODD = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade"})


class _Nobody:
    """Uvicorn wakes whoever reads a request; here nobody does."""

    def set(self) -> None:
        """Nothing to wake."""


_NOBODY = _Nobody()


class Request:
    """One proposal under way. Stands in uvicorn's place for its own cycle, and is where the writer's result goes."""

    __slots__ = (
        "actor", "begun", "body", "disconnected", "keep_alive", "key", "message_event", "more_body", "protocol",
        "response_complete",
    )  # fmt: skip

    def __init__(self, protocol: ShortCut, actor: Actor, key: bytes | None, keep_alive: bool):
        self.protocol = protocol
        self.actor = actor
        self.key = key
        self.begun = time.perf_counter()
        self.body: list[bytes] = []
        # what uvicorn looks at
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False
        self.more_body = True
        self.message_event = _NOBODY

    def cancelled(self) -> bool:
        """A submission goes on though its caller hung up."""
        return False

    def set_result(self, made: submit.Submitted) -> None:
        """It is durable."""
        try:
            status, data = proposals.answer(made)
        except Exception as error:
            self.set_exception(error)
            return
        self.protocol.answer(self, status, b"content-type: application/json\r\n", data)

    def set_exception(self, error: Exception) -> None:
        """It was refused, or could not be written."""
        if not isinstance(error, HandrailError):
            log.error("a proposal could not be answered", exc_info=error)
            error = Internal()
        made = problem(error)
        plain = (pair for pair in made.raw_headers if pair[0] != b"content-length")
        self.protocol.answer(self, made.status_code, _lines(plain), bytes(made.body))


class Shared:
    """What the connections of one server have in common."""

    def __init__(self, desk: Desk):
        self.desk = desk
        self._waiting: list[tuple[submit.Submit, Request]] = []
        # held here, or they could be gone before they end
        self._reading: set[asyncio.Task[None]] = set()
        self._usual = _lines(usual_headers(desk.settings.secure))
        # uvicorn makes its own headers anew every second
        self._uvicorns: list[tuple[bytes, bytes]] = []
        self._head = b""

    def hand_over(self, command: submit.Submit, request: Request) -> None:
        """Give it to the writer with all others of this turn of the event loop, so that it wakes once for them."""
        if not self._waiting:
            loop = request.protocol.loop
            loop.call_soon(self._hand_over, loop)
        self._waiting.append((command, request))

    def hand_over_when_read(self, command: submit.Submit, request: Request) -> None:
        """Let the AI supervisor read it first; nobody else waits for that."""
        task = request.protocol.loop.create_task(self._read(command, request))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, command: submit.Submit, request: Request) -> None:
        try:
            self.hand_over(await self.desk.plane.supervisors.aread(command), request)
        except Exception as error:
            request.set_exception(error)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        given, self._waiting = self._waiting, []
        try:
            self.desk.plane.writer.tell(submit.submit, given, loop)
        except HandrailError as error:
            for _, request in given:
                request.set_exception(error)

    def head(self, uvicorns: list[tuple[bytes, bytes]]) -> bytes:
        """The header lines that every answer has."""
        if uvicorns is not self._uvicorns:
            self._uvicorns, self._head = uvicorns, _lines(uvicorns) + self._usual
        return self._head


class ShortCut(HttpToolsProtocol):
    """Uvicorn's protocol with the way for plain proposals beside it."""

    def __init__(self, *args: Any, shared: Shared, **options: Any):
        super().__init__(*args, **options)
        self._shared = shared
        self._desk = shared.desk
        # the one whose body is coming in
        self._request: Request | None = None
        # how many bytes came since anything was complete
        self._unfinished = 0

    def data_received(self, data: bytes) -> None:
        """Read on, but not a head that does not end: uvicorn and its parser keep any length of it."""
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > MOST_HEAD and not self.transport.is_closing():
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:
        """Close the connection with 400, or 431 where it is the length that is wrong."""
        if self._unfinished <= MOST_HEAD:
            super().send_400_response(msg)
            return
        # an answer that is still due would be taken for this one
        if self.cycle is None or self.cycle.response_complete:
            text = b"The request line and headers are longer than %d bytes." % MOST_HEAD
            head = b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n" % len(text)
            usual = self._shared.head(self.server_state.default_headers)
            self.transport.write(b"".join((STATUS_LINE[431], usual, head, b"\r\n", text)))
        self.transport.close()

    def on_headers_complete(self) -> None:
        """Take the short way if nothing speaks against it."""
        if self._unfinished > MOST_HEAD and self._head_bytes() > MOST_HEAD:
            raise ValueError("the head is too long")
        self._unfinished = 0
        self._request = request = self._plain_proposal() if self.url == PATH else None
        if request is None:
            super().on_headers_complete()
        else:
            self.cycle = request  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        """Gather the body."""
        self._unfinished = 0
        if self._request is None:
            super().on_body(body)
        else:
            self._request.body.append(body)

    def on_message_complete(self) -> None:
        """The proposal is here: hand it on."""
        self._unfinished = 0
        request = self._request
        if request is None:
            super().on_message_complete()
            return
        try:
            self._desk.rate.take(request.actor.pid, "requests")
            key = None if request.key is None else request.key.decode("latin-1")
            data = request.body[0] if len(request.body) == 1 else b"".join(request.body)
            command = proposals.command(request.actor, data, key)
        except Exception as error:
            request.set_exception(error)
        else:
            if self._desk.plane.supervisors.needed(command):
                self._shared.hand_over_when_read(command, request)
            else:
                self._shared.hand_over(command, request)

    def _head_bytes(self) -> int:
        # a colon and the ends of lines count, too, or empty headers would not
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _plain_proposal(self) -> Request | None:
        before = self.cycle
        parser = self.parser
        if (before is not None and not before.response_complete) or self.root_path or self.limit_concurrency:
            return None
        if parser.get_method() != b"POST" or parser.get_http_version() != "1.1" or parser.should_upgrade():
            return None
        found: dict[bytes, bytes] = {}
        for name, value in self.headers:
            if name in PLAIN:
                if name in found:
                    return None
                found[name] = value
            elif name in ODD:
                return None
        size = found.get(b"content-length", b"")
        if found.get(b"content-type") != b"application/json" or not size.isdigit() or int(size) > MOST_BYTES:
            return None
        actor = self._known(found.get(b"authorization", b""))
        if actor is None or ("submit" not in actor.scopes and "admin" not in actor.scopes):
            return None
        return Request(self, actor, found.get(b"idempotency-key"), parser.should_keep_alive())

    def _known(self, authorization: bytes) -> Actor | None:
        if authorization[:7] != b"Bearer " or not authorization.isascii():
            return None
        return self._desk.keys.get(authorization[7:].decode("ascii"))

    def answer(self, request: Request, status: int, head: bytes, body: bytes) -> None:
        """Write a whole answer at once, with the headers that every answer has."""
        request.response_complete = True
        self._desk.metrics.observe("propose", "POST", status, time.perf_counter() - request.begun)
        if request.disconnected or self.transport.is_closing():
            return
        close = b"" if request.keep_alive else b"connection: close\r\n"
        length = b"content-length: %d\r\n" % len(body)
        usual = self._shared.head(self.server_state.default_headers)
        self.transport.write(b"".join((STATUS_LINE[status], usual, head, length, close, b"\r\n", body)))
        if not request.keep_alive:
            self.transport.close()
        self.on_response_complete()


def _lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % pair for pair in headers])
