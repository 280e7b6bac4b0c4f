"""Every role on every route, generated from OpenAPI; nothing of one workspace or agent is seen by another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from handrail.server.app import describe
from handrail.server.first_start import operator
from tests.server.site import POLICY, Site, answer, propose, site

# paths that anybody may read; everything else needs to know who asks
OPEN = {"/healthz", "/readyz", "/metrics", "/openapi.json"}
ANYBODY = {("post", "/v1/session")}
# what each role may do, by the scope a route needs: a route is refused (403) exactly when its column says so
NEEDS: dict[tuple[str, str], str] = {
    ("get", "/v1/cases"): "read", ("get", "/v1/cases/{case_id}"): "read",
    ("post", "/v1/cases/next/claim"): "answer", ("post", "/v1/cases/{case_id}/claim"): "answer",
    ("post", "/v1/cases/{case_id}/renew"): "answer", ("post", "/v1/cases/{case_id}/release"): "answer",
    ("post", "/v1/cases/{case_id}/reviews"): "answer", ("post", "/v1/reviews/{review_id}/withdraw"): "answer",
    ("post", "/v1/cases/{case_id}/escalate"): "answer", ("post", "/v1/cases/batch"): "answer",
    ("get", "/v1/cases/{case_id}/similar"): "read", ("get", "/v1/cases/{case_id}/proof"): "read",
    ("get", "/v1/cases/{case_id}/evidence/{number}"): "read",
    ("post", "/v1/proposals"): "submit", ("get", "/v1/proposals/{case_id}"): "see",
    ("get", "/v1/proposals/{case_id}/decision"): "any", ("post", "/v1/proposals/{case_id}/cancel"): "submit",
    ("post", "/v1/proposals/{case_id}/outcome"): "outcome", ("post", "/v1/proposals/{case_id}/undo"): "outcome",
    ("post", "/v1/executions/{case_id}/start"): "execute", ("post", "/v1/executions/{case_id}/finish"): "execute",
    ("post", "/v1/executions/{case_id}/settle"): "review", ("get", "/v1/executions"): "read",
    ("get", "/v1/executions/{case_id}"): "see_execution", ("get", "/v1/handoffs"): "execute",
    ("get", "/v1/parks"): "see_execution", ("post", "/v1/parks"): "submit", ("post", "/v1/parks/next/wake"): "execute",
    ("post", "/v1/parks/{park_id}/wake"): "execute", ("post", "/v1/parks/{park_id}/renew"): "execute",
    ("post", "/v1/parks/{park_id}/end"): "execute", ("post", "/v1/parks/{park_id}/retry"): "execute",
    ("post", "/v1/parks/abandon"): "submit",
    ("post", "/v1/cases/{case_id}/take-over"): "answer", ("post", "/v1/cases/{case_id}/hand-back"): "answer",
    ("post", "/v1/cases/{case_id}/give-back"): "answer", ("get", "/v1/grants"): "read", ("post", "/v1/grants"): "lead",
    ("delete", "/v1/grants/{grant_id}"): "review", ("post", "/v1/guidance"): "read",
    ("get", "/v1/autonomy"): "read", ("get", "/v1/autonomy/promotions"): "read",
    ("post", "/v1/autonomy/cells"): "lead", ("post", "/v1/autonomy/promotions"): "review",
    ("post", "/v1/autonomy/promotions/{promotion_id}/accept"): "lead",
    ("post", "/v1/autonomy/promotions/{promotion_id}/decline"): "lead",
    ("get", "/v1/session"): "session", ("delete", "/v1/session"): "session",
    ("get", "/v1/events"): "read", ("get", "/v1/halts"): "read", ("post", "/v1/halts"): "stop",
    ("get", "/v1/halts/names"): "read", ("delete", "/v1/halts/{halt_id}"): "lead", ("get", "/v1/operations"): "read",
    ("get", "/v1/reviewers"): "read", ("get", "/v1/golds"): "labels", ("post", "/v1/golds"): "lead",
    ("delete", "/v1/golds/{gold_id}"): "lead",
    ("get", "/v1/fusions"): "labels", ("get", "/v1/supervisor"): "labels",
    ("get", "/v1/monitors"): "read", ("get", "/v1/monitors/{monitor_id}"): "read",
    ("post", "/v1/monitors/{monitor_id}/lift"): "lead",
    ("get", "/v1/policy"): "read", ("put", "/v1/policy"): "admin", ("post", "/v1/policy/explain"): "read",
    ("get", "/v1/labels"): "labels", ("get", "/v1/calibrators"): "read", ("post", "/v1/calibrators"): "admin",
    ("get", "/v1/calibrators/{name}/reliability"): "read",
    ("get", "/v1/rounds"): "read", ("post", "/v1/rounds"): "submit",
    ("get", "/v1/people"): "admin", ("post", "/v1/people"): "admin", ("patch", "/v1/people/{person_id}"): "admin",
    ("get", "/v1/keys"): "admin", ("post", "/v1/keys"): "admin", ("delete", "/v1/keys/{key_id}"): "admin",
    ("get", "/v1/webhooks"): "admin", ("post", "/v1/webhooks"): "admin",
    ("post", "/v1/webhooks/{webhook_id}/rotate"): "admin", ("delete", "/v1/webhooks/{webhook_id}"): "admin",
    ("get", "/v1/audit/key"): "read", ("get", "/v1/audit/head"): "read", ("get", "/v1/audit/proof/{index}"): "read",
    ("get", "/v1/audit/consistency"): "read", ("get", "/audit/{path}"): "entries",
}  # fmt: skip
MAY: dict[str, set[str]] = {
    "reviewer": {"read", "answer", "review", "see", "see_execution", "any", "outcome", "session", "stop"},
    "lead": {"read", "answer", "review", "see", "see_execution", "any", "outcome", "session", "stop", "lead", "labels"},
    "auditor": {"read", "see", "see_execution", "any", "session", "labels", "entries"},
    "finance": {"read", "answer", "review", "see", "see_execution", "any", "outcome", "session", "stop"},
    "admin": {
        "read", "answer", "review", "see", "see_execution", "any", "outcome", "session", "stop", "lead", "labels",
        "entries", "admin", "submit", "execute",
    },
    "key:submit": {"submit", "see", "see_execution", "any", "outcome", "stop"},
    "key:execute": {"execute", "see_execution", "any"},
    "key:read": {"read", "see", "see_execution", "any", "labels"},
    "key:review": {"any", "stop"},
}  # fmt: skip
BODIES: dict[str, Any] = {
    "renew": {"fence": 1}, "release": {"fence": 1}, "reviews": {"verdict": "approve"}, "escalate": {"reason": "x"},
    "batch": {"verdict": "approve", "items": [{"case_id": "x", "revision": 1, "card": "0"}]},
    "proposals": {"action": "pay", "confidence": 0.1}, "cancel": {}, "outcome": {"correct": True}, "undo": {},
    "start": {"nonce": "n"}, "finish": {"fence": 1, "ok": True}, "settle": {"happened": True},
    "halts": {"scope": "action", "value": "x", "reason": "y"}, "policy": {"text": POLICY},
    "explain": {"proposal": {"action": "pay"}}, "calibrators": {"name": "x", "calibrator": {}},
    "people": {"name": "x", "email": "x@x.example", "password": "long enough"},
    "keys": {"name": "x", "scopes": ["read"]},
    "webhooks": {"url": "https://x.example"},
    "rounds": {"action": "pay", "figures": {"round": 1, "proposals": 2, "reviewed": 1, "review_rate": 0.5,
                                            "model_error": None, "passed_error": None}},
    "parks": {"run": "r", "framework": "lg", "cases": ["x"]}, "wake": {"nonce": "n"}, "end": {"fence": 1, "ok": True},
    "abandon": {"run": "r", "framework": "lg"}, "take-over": {}, "hand-back": {"fence": 1}, "give-back": {"fence": 1},
    "grants": {"action": "pay", "seconds": 60}, "golds": {"items": [{"action": "pay", "gold": "approve"}]},
    "guidance": {"action": "pay"},
    "cells": {"action": "pay"}, "promotions": {}, "accept": {}, "decline": {"reason": "x"},
    "claim": {}, "withdraw": {}, "rotate": {}, "lift": {"reason": "x"}, "{person_id}": {"roles": ["reviewer"]},
}  # fmt: skip


def routes() -> list[tuple[str, str]]:
    return [(method, path) for path, methods in describe()["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def clients(shared: Site) -> dict[str, httpx2.Client]:
    made = {role: shared.signed_in(role, role) for role in ("reviewer", "lead", "auditor", "finance", "admin")}
    return made | {f"key:{scope}": shared.program(scope) for scope in ("submit", "execute", "read", "review")}


def test_every_route_is_in_the_table() -> None:
    known = set(NEEDS) | ANYBODY | {("get", path) for path in OPEN}
    assert sorted(set(routes()) - known) == []


@pytest.mark.parametrize(("method", "path"), sorted(set(NEEDS)))
def test_route_refuses_strangers(shared: Site, method: str, path: str) -> None:
    response = call(shared.client(), shared, method, path, "nothing")
    assert response.status_code == 401, response.text
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("role", sorted(MAY))
def test_every_role_on_every_route_may_exactly_what_the_table_says(
    shared: Site, clients: dict[str, httpx2.Client], role: str
) -> None:
    for (method, path), need in sorted(NEEDS.items()):
        if (method, path) == ("delete", "/v1/session"):
            continue
        case_id = propose(clients["key:submit"])["case_id"]
        response = call(clients[role], shared, method, path, case_id)
        assert response.status_code < 500, (method, path, response.text)
        if need == "session" and role.startswith("key:"):
            assert response.status_code == 401
            continue
        allowed = need in MAY[role]
        refused = response.status_code == 403
        assert refused != allowed, (role, method, path, response.status_code, response.text[:300])


def call(client: httpx2.Client, here: Site, method: str, path: str, case_id: str) -> httpx2.Response:
    """One request to a route, with a body that would do."""
    address = path.replace("{case_id}", case_id).replace("{number}", "0").replace("{index}", "0?size=1")
    address = address.replace("{path}", f"{here.plane.log}/tile/entries/000.p/1")
    address = re.sub(r"\{\w+_id\}", "nothing", address)
    if path == "/v1/handoffs" or (method, path) == ("get", "/v1/rounds"):
        address += "?action=pay"
    if path == "/v1/audit/consistency":
        address += "?old=1&new=1"
    if path == "/v1/events":
        with client.stream("GET", address) as response:
            return response
    body = None
    if method in ("post", "put", "patch"):
        body = next((BODIES[part] for part in reversed(path.split("/")) if part in BODIES), {})
    return client.request(method.upper(), address, json=body)


def test_other_workspace_sees_and_touches_nothing(tmp_path: Path) -> None:
    with site(tmp_path / "h.db") as ours:
        ours.plane.begin_workspace("other", POLICY)
        theirs = ours.beside("other")
        program, ann = ours.program(), ours.signed_in("ann", "admin", "reviewer", "lead", "auditor")
        eve = theirs.signed_in("eve", "admin", "reviewer", "lead", "auditor")
        robot = theirs.program("submit", "execute", "read")
        case_id = propose(program, arguments={"memo": "canary-7f3a"}, key="shared-key")["case_id"]
        halt = ann.post("/v1/halts", json={"scope": "run", "value": "canary-run", "reason": ""}).json()["id"]
        hook = ann.post("/v1/webhooks", json={"url": "https://hook.example/canary"}).json()["id"]
        key = ann.post("/v1/keys", json={"name": "canary-key", "scopes": ["read"]}).json()["id"]
        decided = propose(program, confidence=0.99)["case_id"]
        given = answer(ann, propose(program, action="post")["case_id"], "approve").json()["review"]["id"]
        ids = {"case_id": case_id, "review_id": given, "halt_id": halt, "webhook_id": hook, "key_id": key,
               "person_id": ours.people["ann"]}  # fmt: skip
        for client in (eve, robot):
            for method, path in sorted(NEEDS):
                address = path
                for name, value in ids.items():
                    address = address.replace("{" + name + "}", value)
                if address == path and "{" in path:
                    address = address.replace("{path}", f"{ours.plane.log}/checkpoint").replace("{index}", "0?size=1")
                if path in ("/v1/events", "/v1/session") or (method != "get" and "{" not in path):
                    continue
                body = (
                    next((BODIES[p] for p in reversed(path.split("/")) if p in BODIES), {}) if method != "get" else None
                )
                params = (
                    {"action": "pay"}
                    if path == "/v1/handoffs"
                    else {"old": "1", "new": "1"}
                    if "consistency" in path
                    else None
                )
                response = client.request(method.upper(), address.replace("{number}", "0"), json=body, params=params)
                assert response.status_code < 500
                assert "canary" not in response.text, (method, path)
                if any("{" + name + "}" in path for name in ids):
                    assert response.status_code in (403, 404), (method, path, response.text)
                    assert client is robot or response.status_code == 404, (method, path, response.text)
        assert robot.get(f"/v1/proposals/{decided}/decision").status_code == 404
        # the same key in another workspace is another proposal
        assert propose(robot, key="shared-key")["case_id"] != case_id
        assert ann.get(f"/v1/cases/{case_id}").status_code == 200
        assert ann.get("/v1/webhooks").json()["items"][0]["id"] == hook
        assert operator("other").workspace == "other"


def test_events_of_one_workspace_are_not_heard_in_another(tmp_path: Path) -> None:
    with site(tmp_path / "h.db") as ours:
        ours.plane.begin_workspace("other", POLICY)
        eve = ours.beside("other").signed_in("eve")
        program = ours.program()
        with eve.stream("GET", "/v1/events", headers={"Last-Event-ID": "0"}) as stream:
            lines = stream.iter_lines()
            case_id = propose(program)["case_id"]
            eve.post("/v1/halts", json={"scope": "run", "value": "r", "reason": ""})
            heard = []
            for line in lines:
                heard.append(line)
                if line == "event: halt.set":
                    break
        assert case_id not in "\n".join(heard)
