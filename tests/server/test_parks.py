"""Parked runs over HTTP: bodies, long polls, and who sees what."""

from __future__ import annotations

import base64
import threading
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.server.site import Site, answer, propose, site


def parked(client: httpx2.Client, case_id: str, run: str = "r1", **more: Any) -> httpx2.Response:
    body = {"run": run, "framework": "toy", "cases": [case_id], "state": base64.b64encode(b"thread").decode()}
    return client.post("/v1/parks", json=body | more)


def woken(client: httpx2.Client, wait: float = 0.0, **body: Any) -> httpx2.Response:
    return client.post(f"/v1/parks/next/wake?wait={wait}", json={"nonce": str(uuid.uuid4()), **body})


def settle(shared: Site, case_id: str) -> None:
    assert answer(shared.signed_in("Ann", "reviewer"), case_id, "approve").status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [{"state": "not base64!"}, {"state": "é"}, {"cases": []}, {"cases": "x"}, {"wakes": "some"}, {"run": ""},
     {"framework": "a b"}, {"id": "x"}, {"surprise": 1}, {"cases": ["x"] * 201}],
)  # fmt: skip
def test_park_with_a_wrong_field_is_refused_as_a_problem(shared: Site, wrong: dict[str, Any]) -> None:
    client = shared.program("submit")
    refused = parked(client, propose(client)["case_id"], **wrong)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert refused.json()["remedy"]


def test_park_a_state_that_is_too_large_is_refused_in_words_or_before_it_is_read(shared: Site) -> None:
    client = shared.program("submit")
    case = propose(client)["case_id"]
    over = parked(client, case, state=base64.b64encode(b"x" * (1024 * 1024 + 1)).decode())
    assert (over.status_code, over.json()["code"]) == (422, "invalid_input")
    assert "1 MiB" in over.json()["detail"]
    huge = parked(client, case, state="x" * 1_600_000)
    assert (huge.status_code, huge.json()["code"]) == (413, "too_large")


def test_wake_long_poll_answers_when_the_case_is_decided(shared: Site) -> None:
    client = shared.program("submit", "execute")
    case = propose(client)["case_id"]
    run = f"run-{case}"
    id = parked(client, case, run).json()["id"]
    assert woken(client, run=run).status_code == 204
    got: list[httpx2.Response] = []
    waiting = threading.Thread(target=lambda: got.append(woken(client, 20, run=run)))
    waiting.start()
    settle(shared, case)
    waiting.join(20)
    (response,) = got
    body = response.json()
    assert (response.status_code, body["id"], base64.b64decode(body["state"])) == (200, id, b"thread")
    assert body["cases"][case]["kind"] == "approved"
    stale = client.post(f"/v1/parks/{id}/end", json={"fence": body["fence"] + 1, "ok": True})
    assert (stale.status_code, stale.json()["code"]) == (409, "claim_lost")
    ended = client.post(f"/v1/parks/{id}/end", json={"fence": body["fence"], "ok": True})
    assert (ended.status_code, ended.json()["ending"]) == (200, "woken")


def test_wake_by_id_and_again_with_the_same_nonce_is_the_same_answer(shared: Site) -> None:
    client = shared.program("submit", "execute")
    case = propose(client)["case_id"]
    id = parked(client, case, f"run-{case}").json()["id"]
    assert client.post(f"/v1/parks/{id}/wake", json={"nonce": "n"}).status_code == 204
    settle(shared, case)
    nonce = {"nonce": str(uuid.uuid4())}
    first, again = (client.post(f"/v1/parks/{id}/wake", json=nonce) for _ in range(2))
    assert (first.status_code, first.json()) == (200, again.json())
    assert client.post(f"/v1/parks/{id}/wake", json={"nonce": "other"}).status_code == 204
    renewed = client.post(f"/v1/parks/{id}/renew", json={"fence": 1, "lasting": 3600})
    assert renewed.json()["expires_at"] > first.json()["expires_at"]
    client.post(f"/v1/parks/{id}/end", json={"fence": 1, "ok": True})


def test_parks_of_an_agent_are_not_seen_by_the_key_of_another(tmp_path: Path) -> None:
    with site(tmp_path / "own.db") as own:
        one, two = own.program("submit", "execute", agent="one"), own.program("submit", "execute", agent="two")
        case = propose(one)["case_id"]
        id = parked(one, case).json()["id"]
        settle(own, case)
        assert [item["id"] for item in one.get("/v1/parks").json()["items"]] == [id]
        assert two.get("/v1/parks").json()["items"] == []
        assert woken(two).status_code == 204
        assert two.post(f"/v1/parks/{id}/wake", json={"nonce": "n"}).status_code == 204
        assert parked(two, case, "r2").status_code == 404
        assert two.post(f"/v1/parks/{id}/end", json={"fence": 1, "ok": True}).status_code == 404
        # an auditor sees the line, but never the state
        (line,) = own.signed_in("Zoe", "auditor").get("/v1/parks").json()["items"]
        assert "state" not in line
        assert woken(one).json()["id"] == id
