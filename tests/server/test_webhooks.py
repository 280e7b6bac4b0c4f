"""Webhooks: signed as the standard's own library expects, to public addresses only, in order, at least once."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from handrail.channels.address import Destination, destination, is_public, resolve
from handrail.channels.webhook import Message, Sent, new_secret, send, signature
from handrail.clock import FakeClock
from handrail.errors import InvalidInput
from handrail.lifecycle import cancel, halt, submit, webhooks
from handrail.maintenance.delivery import BACKOFF, LEASE_SECONDS, Delivery
from handrail.maintenance.plane import Plane
from handrail.proposal import Proposal
from handrail.server.first_start import operator
from handrail.server.settings import Settings
from handrail.store import statements
from tests.server.site import POLICY, propose, site

NOW = 1_700_000_000


# --- signing --------------------------------------------------------------------------------------


def test_signature_is_accepted_by_the_standards_own_library() -> None:
    secret, body = new_secret(), b'{"type":"decision.made"}'
    now = int(time.time())
    headers = {"webhook-id": "e1", "webhook-timestamp": str(now),
               "webhook-signature": signature([secret], id="e1", timestamp=now, body=body)}  # fmt: skip
    assert Webhook(secret).verify(body, headers) == {"type": "decision.made"}
    for wrong in (body + b" ", b'{ "type":"decision.made"}'):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(wrong, headers)
    old = headers | {"webhook-timestamp": str(now - 301)}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, old)


def test_signature_of_the_specification_example() -> None:
    secret, id = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    made = signature([secret], id=id, timestamp=1614265330, body=b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_secrets_in_rotation_both_sign() -> None:
    now = int(time.time())
    new, old, body = new_secret(), new_secret(), b"{}"
    headers = {"webhook-id": "e", "webhook-timestamp": str(now),
               "webhook-signature": signature([new, old], id="e", timestamp=now, body=body)}  # fmt: skip
    for secret in (new, old):
        Webhook(secret).verify(body, headers)


# --- where it may go ------------------------------------------------------------------------------

BAD_URLS = [
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "//example.com/",
    "example.com",
    "",
    "https://",
    "https:///x",
    "https://localhost/",
    "https://localhost.:443/",
    "https://LOCALHOST/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1.:443/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a00:1::1]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[100::1]/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://169.254.169.254/",
    "https://169.254.170.2/",
    "https://100.64.0.1/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.7/",
    "https://203.0.113.9/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://192.88.99.1/",
    "https://user@example.com/",
    "https://user:pw@example.com/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com#@127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com:22/",
    "https://example.com:6379/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example.com:x/",
    "https://exa mple.com/",
    "https://example.com/\r\nHost: x",
    "https://example.com/\x00",
    "https://example.com/\t",
    "https://ⓛocalhost/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://example",
    "https://metadata/",
    "https://-x.com/",
    "https://a..b.com/",
    "https://" + "a." * 200 + "com/",
    "https://[v1.x]/",
    "https://example.com:443:80/",
    "https://[::1",
    "https://x.com/" + "y" * 3000,
    "HTTP://127.0.0.1/",
    "https://0x7f.1/",
    "https://1.2.3.256/",
    "https://1.2.3.4.5/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://metadata.google.internal./\n",
]


@pytest.mark.parametrize("url", BAD_URLS, ids=range(len(BAD_URLS)))
def test_url_that_could_lead_inside_is_refused_before_anything_is_resolved(url: str) -> None:
    with pytest.raises(InvalidInput):
        destination(url, ports=(443, 8443))


def test_public_urls_are_taken_as_they_stand() -> None:
    assert destination("https://hooks.example.com/a/b?c=1", ports=(443,)) == Destination(
        secure=True, host="hooks.example.com", port=443, target="/a/b?c=1"
    )
    assert destination("https://8.8.8.8", ports=(443,)).target == "/"
    assert destination("https://[2606:4700::1111]:8443/", ports=(443, 8443)).authority == "[2606:4700::1111]:8443"
    assert destination("https://xn--bcher-kva.example/x").authority == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    "answer",
    [["10.0.0.1"], ["127.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:10.0.0.1"], ["64:ff9b::a00:1"],
     ["8.8.8.8", "10.0.0.1"], ["2002:a00:1::"], ["fd00::1"], ["100.100.100.200"], []],
)  # fmt: skip
def test_name_that_resolves_to_a_private_address_is_refused(answer: list[str]) -> None:
    with pytest.raises(InvalidInput):
        resolve(destination("https://hooks.example.com/"), lambda host, port: answer)


def test_rebinding_resolver_is_asked_once_and_its_second_answer_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    reached: list[Any] = []

    def connect(address: tuple[str, int], timeout: float) -> Any:
        reached.append(address)
        raise OSError("nobody there")

    monkeypatch.setattr("handrail.channels.webhook.socket.create_connection", connect)
    message = Message(id="e", body=b"{}", url="https://rebind.example.com/", secrets=(new_secret(),))
    sent = send(message, timestamp=NOW, resolver=lambda host, port: next(answers))
    assert reached == [("93.184.216.34", 443)]
    assert not sent.ok
    assert next(answers) == ["127.0.0.1"]


def test_is_public_knows_what_the_library_does_not() -> None:
    for text in ("64:ff9b:1::1", "192.88.99.1", "2001:2::1", "5f00::1", "3fff::1"):
        assert not is_public(ip_address(text)), text
    assert is_public(ip_address("1.1.1.1"))


def test_plain_http_is_for_loopback_trials_only() -> None:
    with pytest.raises(InvalidInput):
        destination("http://127.0.0.1:8000/")
    assert destination("http://127.0.0.1:8000/x", allow_http=True).secure is False
    with pytest.raises(InvalidInput):
        destination("http://example.com/", allow_http=True)


# --- sending --------------------------------------------------------------------------------------


class Receiver:
    """A webhook's other end on loopback; answers what it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_redirect_is_a_failure_and_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, {"Location": "http://169.254.169.254/"}
    message = Message(id="e", body=b"{}", url=receiver.url, secrets=(new_secret(),))
    sent = send(message, timestamp=NOW, allow_http=True)
    assert (sent.status, sent.ok, len(receiver.got)) == (302, False, 1)


def test_receiver_that_never_answers_is_cut_off(receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        sent = send(
            Message(id="e", body=b"{}", url=url, secrets=(new_secret(),)), timestamp=NOW, allow_http=True, seconds=0.2
        )
    assert (sent.status, sent.ok) == (None, False)


# --- the outbox -----------------------------------------------------------------------------------


class Post:
    """A stand-in for the network between delivery and receivers; fails as told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, Any]]] = []
        self.results: list[Sent] = []

    def __call__(self, message: Message, **_: Any) -> Sent:
        result = self.results.pop(0) if self.results else Sent(status=200, error=None)
        self.sent.append((message.id, message.url, json.loads(message.body)))
        return result


@pytest.fixture
def still(tmp_path: Path) -> Iterator[tuple[Plane, Delivery, Post, FakeClock]]:
    """A plane whose clock and loops move by hand."""
    clock, post = FakeClock(), Post()
    with Plane(tmp_path / "h.db", policy=POLICY, clock=clock, loops=False) as plane:
        delivery = Delivery(plane.store, plane.writer, clock, send=post, jitter=lambda: 0.5)
        yield plane, delivery, post, clock
        delivery.stop()


def register(plane: Plane, *events: str, url: str = "https://hook.example/x") -> str:
    command = webhooks.Register(actor=operator("default"), url=url, secret=new_secret(), events=events or ("*",))
    return plane.run(webhooks.register, command)


def stop_something(plane: Plane, name: str) -> None:
    plane.run(halt.set_halt, halt.Halt(actor=operator("default"), scope="run", value=name, reason="x"))


def turn(delivery: Delivery) -> int:
    picked = delivery.step()
    delivery.drain()
    return picked


def test_delivery_sends_what_was_asked_for_once(still: tuple[Plane, Delivery, Post, FakeClock]) -> None:
    plane, delivery, post, _ = still
    register(plane, "halt.set")
    stop_something(plane, "r1")
    assert turn(delivery) == 1
    assert turn(delivery) == 0
    assert [body["type"] for _, _, body in post.sent] == ["halt.set"]


def test_delivery_tries_again_with_growing_waits_and_the_same_id_then_gives_up(
    still: tuple[Plane, Delivery, Post, FakeClock],
) -> None:
    plane, delivery, post, clock = still
    register(plane, "halt.set")
    stop_something(plane, "r1")
    post.results = [Sent(status=500, error="no")] * (len(BACKOFF) + 1)
    for wait in BACKOFF:
        assert turn(delivery) == 1
        clock.advance(wait - 1)
        assert turn(delivery) == 0
        clock.advance(1)
    assert turn(delivery) == 1
    clock.advance(10 * 86_400)
    assert turn(delivery) == 0
    assert len({id for id, _, _ in post.sent}) == 1
    assert len(post.sent) == len(BACKOFF) + 1


def test_delivery_keeps_the_order_within_a_case_while_the_first_fails(
    still: tuple[Plane, Delivery, Post, FakeClock],
) -> None:
    plane, delivery, post, clock = still
    register(plane, "case.opened", "decision.made", "proposal.submitted")
    agent = operator("default")
    prepared = submit.prepare(agent, Proposal(action="pay", confidence=0.1), draw=0.5)
    one, two = plane.run(submit.submit, prepared), plane.run(submit.submit, prepared)
    for made in (one, two):
        plane.run(cancel.cancel, cancel.Cancel(actor=agent, case_id=made.case_id))
    post.results = [Sent(status=None, error="down")]
    for _ in range(8):
        turn(delivery)
    failed = post.sent[0][2]["case_id"]
    other = {one.case_id, two.case_id} - {failed}
    assert [body["type"] for _, _, body in post.sent[1:]] == ["proposal.submitted", "case.opened", "decision.made"]
    assert {body["case_id"] for _, _, body in post.sent[1:]} == other
    clock.advance(BACKOFF[0])
    for _ in range(8):
        turn(delivery)
    mine = [body["type"] for _, _, body in post.sent if body["case_id"] == failed]
    assert mine == ["proposal.submitted", "proposal.submitted", "case.opened", "decision.made"]


def test_message_whose_sender_died_goes_again_after_the_lease(still: tuple[Plane, Delivery, Post, FakeClock]) -> None:
    plane, delivery, post, clock = still
    register(plane, "halt.set")
    stop_something(plane, "r1")
    # taken, and then never settled: as if the process had been killed
    delivery._deliver = lambda *_: None  # type: ignore[method-assign]
    assert turn(delivery) == 1
    del delivery._deliver
    assert turn(delivery) == 0
    clock.advance(LEASE_SECONDS)
    assert turn(delivery) == 1
    assert len(post.sent) == 1


def test_removed_webhook_gets_nothing_more(still: tuple[Plane, Delivery, Post, FakeClock]) -> None:
    plane, delivery, post, _ = still
    id = register(plane, "halt.set")
    stop_something(plane, "r1")
    plane.run(webhooks.remove, (operator("default"), id))
    assert turn(delivery) == 0
    stop_something(plane, "r2")
    assert turn(delivery) == 0
    assert post.sent == []


def test_type_that_no_entry_has_is_refused_with_the_nearest(still: tuple[Plane, Delivery, Post, FakeClock]) -> None:
    plane, *_ = still
    with pytest.raises(InvalidInput, match=r"decision\.mde") as caught:
        register(plane, "decision.mde")
    assert "decision.made" in caught.value.remedy


def test_old_messages_are_pruned_after_a_week(still: tuple[Plane, Delivery, Post, FakeClock]) -> None:
    plane, delivery, _, clock = still
    register(plane, "halt.set")
    stop_something(plane, "r1")
    turn(delivery)
    clock.advance(8 * 86_400)
    turn(delivery)
    kept = plane.store.read_hot(statements.outbox_due, now=2**62, limit=9)
    assert kept == []


def test_webhook_of_a_running_server_verifies_end_to_end(tmp_path: Path, receiver: Receiver) -> None:
    settings = Settings(port=0, webhook_allow_http=True)
    with site(tmp_path / "h.db", settings=settings, loops=False) as here:
        admin = here.signed_in("adm", "admin")
        assert admin.post("/v1/webhooks", json={"url": "https://10.0.0.1/"}).status_code == 422
        made = admin.post("/v1/webhooks", json={"url": receiver.url, "events": ["case.opened"]}).json()
        rotated = admin.post(f"/v1/webhooks/{made['id']}/rotate").json()
        case_id = propose(here.program())["case_id"]
        delivery = Delivery(here.plane.store, here.plane.writer, here.plane.clock, allow_http=True)
        try:
            delivery.step()
            delivery.drain()
        finally:
            delivery.stop()
        (headers, body) = receiver.got[0]
        for secret in (made["secret"], rotated["secret"]):
            assert Webhook(secret).verify(body, headers)["case_id"] == case_id
        listed = admin.get("/v1/webhooks")
        assert made["secret"] not in listed.text
        assert listed.json()["items"][0]["waiting"] == 0
        assert admin.delete(f"/v1/webhooks/{made['id']}").status_code == 204
        assert admin.get("/v1/webhooks").json() == {"items": []}
