"""The short way for plain proposals gives the answers of the long one, and keeps to HTTP."""

from __future__ import annotations

import contextlib
import functools
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handrail.errors import Unavailable
from handrail.server.settings import Settings
from handrail.store import statements
from tests.server.site import Site, site

SURE = {"action": "pay", "arguments": {"to": "A1", "amount": 5}, "amount_inr": 5, "confidence": 0.99}
# a parameter that says nothing, and sends a proposal the long way
LONG = "application/json; charset=utf-8"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("short") / "h.db") as made:
        yield made


class Line:
    """A connection that sends bytes as they are given."""

    def __init__(self, site: Site, key: str):
        host, port = site.address.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.file = self.socket.makefile("rb")
        self.key = key

    def head(self, size: int, *, kind: str = "application/json", more: str = "") -> bytes:
        return (
            f"POST /v1/proposals HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {size}\r\n{more}\r\n"
        ).encode()

    def answer(self) -> tuple[int, dict[str, str], Any]:
        status = int(self.file.readline().split()[1])
        headers = {}
        while (line := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value.strip()
        body = self.file.read(int(headers["content-length"]))
        return status, headers, json.loads(body)

    def post(self, body: bytes, **options: str) -> tuple[int, dict[str, str], Any]:
        self.socket.sendall(self.head(len(body), **options) + body)
        return self.answer()


@contextlib.contextmanager
def line_to(site: Site, *scopes: str, agent: str | None = None) -> Iterator[Line]:
    """A connection whose key the server has seen."""
    made = Line(site, site.key(*scopes, agent=agent))
    made.post(b"{}")
    with made.socket, made.file:
        yield made


def body(**fields: Any) -> bytes:
    return json.dumps(SURE | fields).encode()


def alike(answer: tuple[int, dict[str, str], Any]) -> tuple[int, dict[str, str], Any]:
    """An answer without what differs between two submissions of one proposal."""
    status, headers, data = answer
    data = json.loads(json.dumps(data))
    for name in ("case_id", "action_digest", "deadline"):
        data.pop(name, None)
    for name in ("case_id", "at", "action_digest", "proof"):
        data.get("decision", {}).pop(name, None)
    return status, {k: v for k, v in headers.items() if k not in ("date", "content-length")}, data


@pytest.mark.parametrize(
    ("given", "more", "scopes", "agent", "status"),
    [
        (body(), "", (), None, 201),
        (body(confidence=0.1), "", (), None, 201),
        (body(amount_inr="5.10"), "", (), None, 201),
        (b'{"action":"pay","confidence":NaN}', "", (), None, 201),
        ('{"action":"päy","arguments":{"ü":"\\u00fc"}}'.encode(), "", (), None, 201),
        (b"", "", (), None, 400),
        (b"{", "", (), None, 400),
        (b'{"action":"pay","action":"pay"}', "", (), None, 400),
        (b'{"action":"pay","arguments":{"a":1,"a" :2}}', "", (), None, 400),
        (b'{"action":"pay","arguments":{"a":"\\ud800"}}', "", (), None, 400),
        (b'{"action":"pay","arguments":{"a":1e400}}', "", (), None, 400),
        (b'{"action":"pay","arguments":{"a":123456789012345678901234567890}}', "", (), None, 400),
        (b'{"action":"pay","arguments":' + b'{"a":' * 80 + b"1" + b"}" * 81, "", (), None, 400),
        (b'\xff{"action":"pay"}', "", (), None, 400),
        (body(unknown=1), "", (), None, 422),
        (body(action=""), "", (), None, 422),
        (body(key="k1"), "Idempotency-Key: k2\r\n", (), None, 422),
        (body(agent="other"), "", (), "mine", 403),
        (body(), "", ("read",), None, 403),
    ],
)  # fmt: skip
def test_submit_the_short_way_answers_as_the_long_way_does(
    here: Site, given: bytes, more: str, scopes: tuple[str, ...], agent: str | None, status: int
) -> None:
    with line_to(here, *scopes, agent=agent) as line:
        short = line.post(given, more=more)
        long = line.post(given, kind=LONG, more=more)
    assert short[0] == status, short[2]
    assert alike(short) == alike(long)


@pytest.fixture
def plain(here: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A connection to a server whose long way is closed."""
    with line_to(here) as line:
        monkeypatch.setitem(here.desk.app.front._hot, ("POST", "/v1/proposals"), _closed)
        yield line


async def _closed(request: Any) -> Any:
    raise Unavailable("the long way was taken")


def test_submit_plainly_takes_the_short_way_and_anything_odd_does_not(plain: Line) -> None:
    assert plain.post(body())[0] == 201
    assert plain.post(body(), kind=LONG)[0] == 503
    assert plain.post(body(), more="Content-Encoding: identity\r\n")[0] == 503
    assert plain.post(body(), more="Authorization: Bearer other\r\n")[0] == 503
    assert plain.post(body(agent_says="x" * 70_000))[0] == 503


def test_submit_with_a_key_again_gets_the_same_case(plain: Line) -> None:
    first, again = (plain.post(body(confidence=0.1), more="Idempotency-Key: once\r\n") for _ in range(2))
    assert (first[0], again[0]) == (201, 200)
    assert first[2]["case_id"] == again[2]["case_id"]


def test_submit_byte_by_byte_is_read_as_one(plain: Line) -> None:
    data = body(confidence=0.1)
    plain.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in plain.head(len(data)) + data:
        plain.socket.send(bytes([byte]))
    status, _, made = plain.answer()
    assert (status, made["status"]) == (201, "open")


def test_submit_pipelined_is_answered_in_order(here: Site) -> None:
    with line_to(here) as line:
        keys = [f"p{n}" for n in range(5)]
        line.socket.sendall(b"".join(line.head(len(data := body(key=key))) + data for key in keys))
        made = [line.answer()[2]["case_id"] for _ in keys]
        again = [line.post(body(key=key))[2]["case_id"] for key in keys]
    assert made == again
    assert len(set(made)) == 5


def test_submit_with_connection_close_is_answered_and_closed(plain: Line) -> None:
    status, headers, _ = plain.post(body(), more="Connection: close\r\n")
    assert (status, headers["connection"]) == (201, "close")
    assert plain.file.read() == b""


def test_submit_and_hang_up_is_kept_all_the_same(here: Site) -> None:
    with line_to(here) as line:
        data = body(key="gone", confidence=0.1)
        line.socket.sendall(line.head(len(data)) + data)
        line.socket.shutdown(socket.SHUT_RDWR)
    look = functools.partial(
        here.plane.store.read_hot, statements.proposal_by_identity, workspace="default", identity="key\x1fgone"
    )
    for _ in range(500):
        if look():
            break
        threading.Event().wait(0.02)
    assert look()


def test_submit_too_often_is_refused_the_short_way_too(tmp_path: Path) -> None:
    with site(tmp_path / "h.db", settings=Settings(port=0, requests_per_second=20)) as here, line_to(here) as line:
        answers = [line.post(b"{}") for _ in range(60)]
    refused = [answer for answer in answers if answer[0] == 429]
    assert refused
    assert {answer[0] for answer in answers} == {422, 429}
    assert refused[0][1]["retry-after"]


def test_submit_with_a_revoked_key_is_refused_at_once(here: Site) -> None:
    with line_to(here) as line:
        assert line.post(body())[0] == 201
        id = line.key.split("_")[2]
        assert here.client(headers={"Authorization": f"Bearer {here.key('admin')}"}).delete(f"/v1/keys/{id}").is_success
        assert line.post(body())[0] == 401


def _filled(size: int) -> bytes:
    return b"".join(b"X-%05d: %s\r\n" % (n, b"a" * 91) for n in range(size // 102))


def _send(line: Line, block: bytes, times: int) -> None:
    for _ in range(times):
        line.socket.sendall(block)


def _until_closed(line: Line) -> bytes:
    """What the server still says before the connection is gone; b"" where the rest was lost with it."""
    try:
        return line.file.read()
    except ConnectionError:
        return b""


@pytest.mark.parametrize(
    ("begin", "block"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: h\r\n", _filled(16_384)),
        # the parser itself keeps a header that does not end, and uvicorn the path
        (b"GET /healthz HTTP/1.1\r\nX: ", b"a" * 16_384),
        (b"GET /", b"a" * 16_384),
        (b"POST /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", _filled(16_384)),
    ],
    ids=["headers", "one header", "path", "trailers"],
)
def test_a_head_that_does_not_end_is_cut_off(here: Site, begin: bytes, block: bytes) -> None:
    with line_to(here) as line:
        line.socket.sendall(begin)
        with pytest.raises(ConnectionError):
            _send(line, block, 1000)


@pytest.mark.parametrize(("size", "status"), [(32_768, b"200"), (80_000, b"431")])
def test_a_long_head_is_read_up_to_the_limit(here: Site, size: int, status: bytes) -> None:
    with line_to(here) as line:
        line.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + _filled(size) + b"\r\n")
        assert _until_closed(line).split()[1:2] in ([status], [] if status == b"431" else [status])


def test_large_bodies_and_many_requests_do_not_count_as_a_head(here: Site) -> None:
    with line_to(here) as line:
        assert line.post(body(agent_says="x" * 300_000))[0] == 201
        small = body()
        for _ in range(3):
            line.socket.sendall((line.head(len(small)) + small) * 300)
            assert [line.answer()[0] for _ in range(300)] == [201] * 300
