"""A reply that is lost makes nothing twice: whatever the client sends again gets the first one's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from starlette.responses import Response

from handrail.client import http
from handrail.client.client import Client
from handrail.client.desk import Desk
from handrail.client.http import HttpTransport
from handrail.errors import HandrailError
from handrail.lifecycle import access
from handrail.proposal import Proposal
from handrail.server.repeats import KEPT_SECONDS, MOST_BYTES, Repeats
from handrail.store import statements
from tests.server.site import Site, propose, take


class Losing(httpx2.HTTPTransport):
    """Carries each change to the server, and loses the first answer to it."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[str] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = super().handle_request(request)
        said = f"{request.method} {request.url.path}"
        if request.method != "GET" and said not in self.lost:
            answer.read()
            self.lost.append(said)
            raise httpx2.ReadError("the connection was reset")
        return answer


@contextmanager
def losing(site: Site, *scopes: str, person: str | None = None) -> Iterator[tuple[Client, Losing]]:
    network = Losing()
    key = site.key(*(scopes or access.SCOPES), person=None if person is None else site.person(person, "lead"))
    client = Client(HttpTransport(site.address, key, transport=network))
    try:
        yield client, network
    finally:
        client.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_PAUSE", 0.01)


def entries(site: Site) -> list[str]:
    log = site.plane.log_of("default")
    return [row[1] for row in site.plane.store.read_hot(statements.entries_after, log=log, idx=-1, limit=10_000)]


def new_entries(site: Site, act: Callable[[], Any]) -> tuple[Any, list[str]]:
    before = len(entries(site))
    made = act()
    return made, entries(site)[before:]


def opened(site: Site, **more: Any) -> str:
    return str(propose(site.program(), **more)["case_id"])


def ran(site: Site) -> str:
    """A case whose execution is over."""
    client = site.program()
    case_id = str(propose(client, confidence=0.99)["case_id"])
    started = client.post(f"/v1/executions/{case_id}/start", json={"nonce": "n"}).json()
    client.post(f"/v1/executions/{case_id}/finish", json={"fence": started["fence"], "ok": True})
    return case_id


def test_halt_whose_answer_was_lost_stands_once_and_its_lifting_is_no_error(each: Site) -> None:
    with losing(each, "submit", "admin") as (hr, network):
        id, made = new_entries(each, lambda: hr.halt(agent="billing", reason="odd"))
        assert made == ["halt.set"]
        _, made = new_entries(each, lambda: hr.lift(id))
        assert made == ["halt.lifted"]
    assert network.lost == ["POST /v1/halts", f"DELETE /v1/halts/{id}"]


def test_grant_whose_answer_was_lost_is_issued_once_and_its_end_is_no_error(each: Site) -> None:
    with losing(each, "read", "admin") as (hr, network):
        id, made = new_entries(each, lambda: hr.call("grant", action="pay", seconds=60)["id"])
        assert made == ["grant.issued"]
        assert [item["id"] for item in hr.call("grants")["items"]] == [id]
        _, made = new_entries(each, lambda: hr.call("end_grant", id=id))
        assert made == ["grant.ended"]
    assert len(network.lost) == 2


def test_outcome_whose_answer_was_lost_counts_once(each: Site) -> None:
    case_id = ran(each)
    with losing(each, "submit") as (hr, network):
        _, made = new_entries(each, lambda: hr.outcome(case_id, correct=False))
    assert (made.count("outcome.recorded"), made.count("label.made")) == (1, 1)
    assert len(network.lost) == 1


def test_claim_whose_answer_was_lost_is_the_claim_one_gets(each: Site) -> None:
    first, second = opened(each), opened(each)
    with losing(each, "review", "read", person="ann") as (hr, network):
        held, made = new_entries(each, hr.desk().next)
        assert held is not None
        assert (held.case_id, made) == (first, ["claim.taken"])
        # a new request is a new claim
        again = hr.desk().next()
        assert again is not None
        assert again.case_id == second
    assert network.lost == ["POST /v1/cases/next/claim"]


def test_review_whose_answer_was_lost_is_given_once_and_answered_as_it_was(each: Site) -> None:
    case_id = opened(each)
    with losing(each, "review", "read", person="ann") as (hr, network):
        held = hr.desk().take(case_id)
        said, made = new_entries(each, held.approve)
    assert made.count("review.given") == 1
    assert said["decision"]["kind"] == "approved"
    assert len(network.lost) == 2


def _desk_verbs() -> dict[str, tuple[Callable[[Site, Desk], Any], str]]:
    """What a person does, each on what it needs, with the entry it writes once."""

    def released(site: Site, desk: Desk) -> Any:
        return desk.take(opened(site)).release()

    def escalated(site: Site, desk: Desk) -> Any:
        return desk.escalate(opened(site), "too much for me")

    def withdrawn(site: Site, desk: Desk) -> Any:
        case_id = opened(site, action="post")
        return desk.withdraw(desk.take(case_id).approve()["review"]["id"])

    def handed_back(site: Site, desk: Desk) -> Any:
        return desk.take_over(opened(site)).hand_back({"done": True})

    def given_back(site: Site, desk: Desk) -> Any:
        return desk.take_over(opened(site)).give_back()

    return {
        "release": (released, "claim.released"),
        "escalate": (escalated, "case.escalated"),
        "withdraw": (withdrawn, "review.withdrawn"),
        "hand_back": (handed_back, "decision.made"),
        "give_back": (given_back, "claim.released"),
    }


@pytest.mark.parametrize("verb", _desk_verbs())
def test_what_a_person_does_is_done_once_though_each_answer_is_lost(here: Site, verb: str) -> None:
    act, entry = _desk_verbs()[verb]
    with losing(here, "review", "read", person="ann") as (hr, network):
        _, made = new_entries(here, lambda: act(here, hr.desk()))
    assert made.count(entry) == 1
    assert len(network.lost) >= 1


def test_what_a_program_does_is_done_once_though_each_answer_is_lost(here: Site) -> None:
    with losing(here) as (hr, network):
        case_id, made = new_entries(here, lambda: hr.propose(Proposal(action="pay", arguments={"n": 1})).case_id)
        assert made.count("proposal.submitted") == 1
        _, made = new_entries(here, lambda: hr.park(run="r", framework="toy", cases=[case_id]))
        assert made == ["run.parked"]
        taken, made = new_entries(here, lambda: hr.abandon("r", "toy"))
        assert (taken, made.count("run.abandoned")) == ([case_id], 1)
    assert len(network.lost) == 3


# --- ids of their own ------------------------------------------------------------------------------

ID = "0190f3a0-0000-7000-8000-00000000000a"
WITH_ID = {
    "halts": ("/v1/halts", {"scope": "agent", "value": "billing"}, {"value": "other"}, "halt.set"),
    "grants": ("/v1/grants", {"action": "pay", "seconds": 60}, {"seconds": 61}, "grant.issued"),
    "outcomes": ("/v1/proposals/{case_id}/outcome", {"correct": True}, {"correct": False}, "outcome.recorded"),
}


@pytest.mark.parametrize("what", WITH_ID)
def test_same_id_again_makes_nothing_twice_beside_other_servers_too(each: Site, what: str) -> None:
    path, body, change, entry = WITH_ID[what]
    path = path.format(case_id=ran(each))
    client = each.program("submit", "read", "admin")
    before = entries(each).count(entry)

    def send(_: int) -> tuple[int, str]:
        answer = client.post(path, json=body | {"id": ID})
        return answer.status_code, answer.json().get("id")

    with ThreadPoolExecutor(8) as crowd:
        assert set(crowd.map(send, range(24))) == {(201, ID)}
    assert entries(each).count(entry) == before + 1
    assert client.post(path, json=body | change | {"id": ID}).status_code == 409
    assert client.post(path, json=body | {"id": "mine"}).status_code == 422
    other = each.program("submit", "read", "admin")
    if what != "outcomes":
        # another key's own
        assert other.post(path, json=body | {"id": ID}).status_code == 409
    assert entries(each).count(entry) == before + 1


def test_halt_sent_again_after_it_was_lifted_is_told_as_it_was_set(here: Site) -> None:
    client = here.program("submit", "admin")
    body = {"scope": "workspace", "reason": "stop", "id": ID}
    first = client.post("/v1/halts", json=body)
    client.delete(f"/v1/halts/{ID}")
    again = client.post("/v1/halts", json=body)
    assert (again.status_code, again.json()) == (201, first.json())
    assert client.get("/v1/halts", headers={"Authorization": f"Bearer {here.key('read')}"}).json() == {"items": []}


# --- repeats of any request ------------------------------------------------------------------------


def test_repeat_is_of_one_caller_address_key_and_body_only(here: Site) -> None:
    for _ in range(6):
        opened(here)
    ann = here.client(headers={"Authorization": f"Bearer {here.key('review', person=here.person('ann'))}"})
    bob = here.client(headers={"Authorization": f"Bearer {here.key('review', person=here.person('bob'))}"})

    def took(client: httpx2.Client, key: str | None, body: dict[str, Any]) -> str:
        headers = {} if key is None else {"Idempotency-Key": key}
        return str(client.post("/v1/cases/next/claim", json=body, headers=headers).json()["claim"]["case_id"])

    first = took(ann, "k", {})
    assert took(ann, "k", {}) == first
    others = [took(bob, "k", {}), took(ann, "l", {}), took(ann, "k", {"queues": []}), took(ann, None, {})]
    assert len({first, *others}) == 5
    assert ann.post("/v1/cases/next/claim", headers={"Idempotency-Key": "k" * 201}).status_code == 422


def test_repeat_with_a_key_that_was_revoked_meanwhile_is_refused(here: Site) -> None:
    opened(here)
    text = here.key("review", person=here.person("ann"))
    client = here.client(headers={"Authorization": f"Bearer {text}", "Idempotency-Key": "k"})
    assert client.post("/v1/cases/next/claim").status_code == 200
    here.plane.run(access.revoke_key, (here.operator, access.split_key(text)[0]))
    here.desk.keys.clear()
    assert client.post("/v1/cases/next/claim").status_code == 401


def test_what_was_refused_is_tried_again(here: Site) -> None:
    case_id = opened(here)
    client = here.client(headers={"Authorization": f"Bearer {here.key('review', person=here.person('ann'))}"})
    other = here.client(headers={"Authorization": f"Bearer {here.key('review', person=here.person('bob'))}"})
    held = take(other, case_id)
    once = {"Idempotency-Key": "k"}
    assert client.post(f"/v1/cases/{case_id}/claim", headers=once).status_code == 409
    other.post(f"/v1/cases/{case_id}/release", json={"fence": held["fence"]})
    assert client.post(f"/v1/cases/{case_id}/claim", headers=once).status_code == 200


def test_repeats_wait_for_the_first_and_are_forgotten_in_time() -> None:
    now, ran = [0.0], []
    repeats = Repeats(lambda: now[0])

    async def carry_out() -> Response:
        ran.append(1)
        await asyncio.sleep(0.01)
        return Response(f"answer {len(ran)}", 201, {"X-Own": "1"})

    async def allow() -> None: ...

    async def story() -> None:
        answers = await asyncio.gather(*(repeats.once(b"a", carry_out, allow) for _ in range(5)))
        assert {(answer.body, answer.status_code, answer.headers["x-own"]) for answer in answers} == {
            (b"answer 1", 201, "1")
        }
        now[0] = KEPT_SECONDS
        assert (await repeats.once(b"a", carry_out, allow)).body == b"answer 2"

        async def large() -> Response:
            return Response(b"x" * (MOST_BYTES + 1))

        await repeats.once(b"b", large, allow)
        await repeats.once(b"c", carry_out, allow)
        assert (await repeats.once(b"a", carry_out, allow)).body == b"answer 4"

        async def fails() -> Response:
            raise HandrailError("no")

        with pytest.raises(HandrailError):
            await repeats.once(b"d", fails, allow)
        assert (await repeats.once(b"d", carry_out, allow)).body == b"answer 5"

    asyncio.run(story())
