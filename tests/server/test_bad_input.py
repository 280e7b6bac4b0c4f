"""Whatever comes in, the answer is a problem document, never a 5xx."""

from __future__ import annotations

import gzip
import json
import string
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.server.app import describe
from tests.server.site import Site, propose

DEEP = b'{"a":' * 200 + b"1" + b"}" * 200
BAD_JSON: list[tuple[bytes, int]] = [
    (b"{", 400), (b'{"action": "pay"', 400), (b"\xff\xfe", 400), (b'{"action":"pay","action":"post"}', 400),
    (b'{"action":"pay","arguments":{"n":NaN}}', 400), (b'{"action":"pay","arguments":{"n":1e999}}', 400),
    (b'{"action":"pay","arguments":{"s":"\\ud800"}}', 400),
    (b'{"action":"pay","arguments":{"n":12345678901234567890}}', 400),
    (b'{"action":"pay","arguments":' + DEEP + b"}", 400), (b"[" * 100_000, 400),
    (b'"pay"', 422), (b"[]", 422), (b"null", 422),
    (b"{}", 422), (b'{"action":7}', 422), (b'{"action":""}', 422), (b'{"action":"pay","nonsense":1}', 422),
    (b'{"action":"pay","arguments":[]}', 422), (b'{"action":"pay","confidence":"high"}', 201),
    (b'{"action":"pay","confidence":NaN}', 201), (b'{"action":"pay","kind":"dance"}', 422),
    (b'{"action":"pay","tool_class":"magic"}', 422), (b'{"action":"a\\u0000b"}', 422),
    (b'{"action":"' + b"x" * 300 + b'"}', 422),
    (b'{"action":"pay","personal_data":["/nowhere"]}', 422), (b'{"action":"pay","within_seconds":-1}', 422), (b"", 400),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status"), BAD_JSON, ids=range(len(BAD_JSON)))
def test_propose_with_bad_body_is_refused_as_a_problem(shared: Site, body: bytes, status: int) -> None:
    client = shared.program("submit")
    response = client.post("/v1/proposals", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text
    if status >= 400:
        assert_problem(response)


@pytest.mark.parametrize("path", ["/v1/halts", "/v1/proposals/x/cancel", "/v1/cases/batch", "/v1/policy/explain"])
@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a":1,"a":2}', b'{"reason":NaN}', b'{"reason":"\\udfff"}', DEEP])
def test_any_body_is_read_strictly(shared: Site, path: str, body: bytes) -> None:
    client = shared.signed_in("strict", "admin")
    response = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (400, "malformed_json")


def test_huge_body_is_refused_before_it_is_read(shared: Site) -> None:
    client = shared.program("submit")
    for path in ("/v1/proposals", "/v1/halts"):
        huge = client.post(
            path, content=b'{"action":"' + b"x" * 1_100_000 + b'"}', headers={"Content-Type": "application/json"}
        )
        assert (huge.status_code, huge.json()["code"]) == (413, "too_large")
        chunked = client.post(path, content=iter([b"x" * 100_000] * 12), headers={"Content-Type": "application/json"})
        assert (chunked.status_code, chunked.json()["code"]) == (413, "too_large")


def test_compressed_or_untyped_body_is_refused(shared: Site) -> None:
    client = shared.program("submit")
    packed = gzip.compress(b"0" * 1_000_000)
    bomb = client.post(
        "/v1/proposals", content=packed, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}
    )
    assert bomb.status_code == 415
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        wrong = client.post("/v1/proposals", content=b'{"action":"pay"}', headers={"Content-Type": kind})
        assert (wrong.status_code, wrong.json()["code"]) == (415, "unsupported_media_type"), kind


def test_unknown_paths_and_methods_are_problems(shared: Site) -> None:
    client = shared.signed_in("ann")
    for path in (
        "/v1/nothing",
        "/v1",
        "/v1/",
        "/audit/x",
        "/v1/cases/%00",
        "/v1/cases/a%2Fb/c/d",
        "/decide/",
        "/static/x",
    ):
        response = client.get(path)
        assert response.status_code in (404, 422), path
    wrong = client.delete("/v1/cases")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert_problem(wrong)


@pytest.mark.parametrize(
    "bad", ["nothing", "%00", "..%2F..%2Fetc", "' OR 1=1 --", "x" * 5000, "☃", "%ff", "null", "-1"]
)
def test_foreign_ids_are_not_found(shared: Site, bad: str) -> None:
    client = shared.signed_in("adm", "admin")
    for path in (
        "/v1/cases/{}",
        "/v1/proposals/{}",
        "/v1/proposals/{}/decision",
        "/v1/executions/{}",
        "/v1/cases/{}/similar",
    ):
        response = client.get(path.format(bad))
        assert 400 <= response.status_code < 500, (path, response.status_code)
        assert_problem(response)


def test_query_values_of_the_wrong_sort_are_refused(shared: Site) -> None:
    client = shared.signed_in("adm", "admin")
    for query in (
        "limit=0",
        "limit=x",
        "limit=99999",
        "state=lost",
        "mine=perhaps",
        "q=" + "x" * 300,
        "q=%00",
        "cursor=%F0",
    ):
        response = client.get(f"/v1/cases?{query}")
        assert response.status_code == 422, query
        assert_problem(response)
    assert client.get("/v1/audit/proof/0?size=99999999999999999999").status_code in (404, 422)
    assert client.get("/v1/events", headers={"Last-Event-ID": "-3"}).status_code == 422


def assert_problem(response: httpx2.Response) -> None:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert {"type", "title", "status", "detail", "code", "remedy"} <= set(body)
    assert body["status"] == response.status_code
    assert body["type"].endswith("/" + body["code"])
    assert "Traceback" not in response.text


# --- a fuzz of every route from its description -------------------------------------------------

DOCUMENT = describe()
text = st.text(alphabet=st.characters(exclude_categories=()), max_size=12)
leaf = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), text, st.just("2026-01-01T00:00:00Z"))
anything = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=6
)


def bodies(operation: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Bodies that look like what the route takes, with something wrong here and there."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2] or "".join(
        o.get("$ref", "").rpartition("/")[2] for o in schema.get("anyOf", [])
    )
    fields = DOCUMENT["components"]["schemas"].get(name, {}).get("properties", {})
    if not fields:
        return anything
    close = st.fixed_dictionaries({}, optional={field: value_of(spec) | anything for field, spec in fields.items()})
    return close | anything


def value_of(spec: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in spec:
        return st.sampled_from(spec["enum"])
    if "const" in spec:
        return st.just(spec["const"])
    kinds = {
        "string": text | st.just("pay"), "integer": st.integers(-2, 5) | st.integers(),
        "number": st.floats() | st.floats(0, 1),
        "boolean": st.booleans(), "array": st.lists(anything, max_size=3),
        "object": st.dictionaries(text, anything, max_size=3),
    }  # fmt: skip
    return kinds.get(spec.get("type", ""), anything)


OPERATIONS = [
    (method, path, operation)
    for path, methods in sorted(DOCUMENT["paths"].items())
    for method, operation in methods.items()
    # the stream does not end by itself, and signing in hashes for a fifth of a second
    if path not in ("/v1/events", "/v1/session", "/v1/people", "/v1/people/{person_id}")
]


@pytest.fixture(scope="module")
def fuzzed(shared: Site) -> tuple[httpx2.Client, str]:
    client = shared.signed_in("fuzz", "admin", "lead", "reviewer", "auditor")
    return client, propose(shared.program("submit"))["case_id"]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_fuzzed_requests_never_get_a_5xx(fuzzed: tuple[httpx2.Client, str], data: st.DataObject) -> None:
    client, case_id = fuzzed
    method, path, operation = data.draw(st.sampled_from(OPERATIONS))
    address = path
    for name in [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"]:
        value = data.draw(
            st.just(case_id) | st.text(alphabet=string.printable, min_size=1, max_size=8) | st.integers().map(str)
        )
        address = address.replace("{" + name + "}", str(httpx2.URL("http://x", params={"v": value}).query.decode()[2:]))
    params = {
        p["name"]: data.draw(st.text(max_size=6) | st.integers(-3, 3).map(str))
        for p in operation.get("parameters", [])
        if p["in"] == "query" and p["name"] != "wait" and data.draw(st.booleans())
    }
    content = None
    if "requestBody" in operation:
        content = json.dumps(data.draw(bodies(operation))).encode("utf-8", "surrogatepass")
    response = client.request(
        method.upper(), address, params=params, content=content, headers={"Content-Type": "application/json"}
    )
    assert response.status_code < 500, (method, address, params, content, response.text)
    if response.status_code >= 400:
        assert_problem(response)
