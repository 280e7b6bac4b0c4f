"""The AI supervisor behind the server's two roads: whoever submits waits for its reading, and nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from handrail.maintenance.supervisors import Access
from tests.chat_endpoint import CONCERN, FINE, Endpoint
from tests.server.site import POLICY, Site, site

SURE = {"action": "pay", "arguments": {"to": "A1"}, "amount_inr": 5, "confidence": 0.99}
ROADS = {"short": "application/json", "long": "application/json; charset=utf-8"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, endpoint: Endpoint) -> Iterator[Site]:
    policy = f"""{POLICY}
supervisor:
  endpoint: {endpoint.url}
  model: judge-1
  constitution: [No cats., Never pay a stranger.]
  actions: [pay]
  timeout_seconds: 5
  blind_share: 0
"""
    access = Access(keys={"127.0.0.1": ""}, allow_http=True)
    with site(tmp_path_factory.mktemp("supervised") / "h.db", policy=policy, supervisor=access) as made:
        yield made


def sent(here: Site, road: str, **fields: Any) -> dict[str, Any]:
    program = here.program("submit", "read")
    # a key that was looked up a moment ago may take the short road
    program.get("/v1/session")
    found = program.post("/v1/proposals", json=SURE | fields, headers={"Content-Type": ROADS[road]})
    assert found.status_code == 201, found.text
    made: dict[str, Any] = found.json()
    return made


@pytest.mark.parametrize("road", ROADS)
def test_a_proposal_is_read_before_it_is_released(here: Site, endpoint: Endpoint, road: str) -> None:
    endpoint.words, asked = FINE, len(endpoint.asked)
    assert sent(here, road)["tier"] == "auto_approve"
    endpoint.words = CONCERN
    made = sent(here, road)
    assert (made["tier"], made["status"]) == ("hard_gate", "open")
    assert made["reasons"][0]["code"] == "supervisor"
    assert len(endpoint.asked) == asked + 2
    assert "Authorization" not in endpoint.asked[-1][0]


@pytest.mark.parametrize("road", ROADS)
def test_a_caller_cannot_bring_its_own_reading(here: Site, endpoint: Endpoint, road: str) -> None:
    endpoint.words = CONCERN
    program = here.program("submit")
    body = SURE | {"reading": {"verdict": "fine"}}
    found = program.post("/v1/proposals", json=body, headers={"Content-Type": ROADS[road]})
    assert found.status_code == 422


@pytest.mark.parametrize("road", ROADS)
def test_other_actions_do_not_wait_for_it(here: Site, endpoint: Endpoint, road: str) -> None:
    asked = len(endpoint.asked)
    assert sent(here, road, action="post")["tier"] == "auto_approve"
    assert len(endpoint.asked) == asked


def test_leads_see_its_figures_and_the_fusions(here: Site) -> None:
    lead = here.person("lea", "lead")
    key = here.client(headers={"Authorization": f"Bearer {here.key('read', person=lead)}"})
    assert key.get("/v1/supervisor").json() == {"models": []}
    assert key.get("/v1/fusions").json() == {"items": []}
    plain = here.client(headers={"Authorization": f"Bearer {here.key('read', person=here.person('rob'))}"})
    assert plain.get("/v1/supervisor").status_code == 403
