"""Signing in, sessions, CSRF, keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.lifecycle import access
from handrail.server.first_start import first_person
from handrail.server.settings import Settings
from tests.server.site import PASSWORD, Site, propose, site


def test_sign_in_sets_an_opaque_http_only_cookie_and_rotates_it(here: Site) -> None:
    here.person("ann")
    client = here.client()
    body = {"email": "ANN@default.example", "password": PASSWORD}
    first = client.post("/v1/session", json=body)
    cookie = first.headers["set-cookie"]
    assert cookie.startswith("handrail=")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    before = client.cookies["handrail"]
    assert client.get("/v1/session").json() == first.json()
    client.post("/v1/session", json=body)
    assert client.cookies["handrail"] != before
    old = here.client(cookies={"handrail": before})
    assert old.get("/v1/session").status_code == 401


def test_sign_in_never_accepts_a_planted_cookie(here: Site) -> None:
    here.person("ann")
    client = here.client(cookies={"handrail": "planted"})
    client.post("/v1/session", json={"email": "ann@default.example", "password": PASSWORD})
    assert here.client(cookies={"handrail": "planted"}).get("/v1/session").status_code == 401


def test_sign_in_wrong_password_and_unknown_account_say_the_same(here: Site) -> None:
    here.person("ann")
    client = here.client()
    wrong = client.post("/v1/session", json={"email": "ann@default.example", "password": "x"})
    unknown = client.post("/v1/session", json={"email": "nobody@default.example", "password": "x"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


def test_sign_in_is_throttled_by_address_and_account(tmp_path: Path) -> None:
    with site(tmp_path / "h.db", settings=Settings(port=0, guesses_per_quarter_hour=2)) as here:
        here.person("ann")
        client = here.client()
        body = {"email": "ann@default.example", "password": "guess"}
        assert [client.post("/v1/session", json=body).status_code for _ in range(3)] == [401, 401, 429]
        refused = client.post("/v1/session", json=body | {"password": PASSWORD})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert int(refused.headers["retry-after"]) > 0
        here.person("bob")
        assert (
            client.post("/v1/session", json={"email": "bob@default.example", "password": PASSWORD}).status_code == 200
        )


def test_sign_out_ends_the_session_on_the_server(here: Site) -> None:
    ann = here.signed_in("ann")
    cookie = ann.cookies["handrail"]
    assert ann.delete("/v1/session").status_code == 204
    assert here.client(cookies={"handrail": cookie}).get("/v1/session").status_code == 401


def test_change_without_csrf_token_or_from_another_site_is_refused(here: Site) -> None:
    ann = here.signed_in("ann")
    token = ann.headers.pop("X-CSRF-Token")
    halt = {"scope": "action", "value": "pay", "reason": "x"}
    bad: list[dict[str, str]] = [
        {},
        {"X-CSRF-Token": "wrong"},
        {"X-CSRF-Token": token, "Origin": "https://evil.example"},
        {"X-CSRF-Token": token, "Origin": "null"},
        {"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"},
        {"X-CSRF-Token": token, "Sec-Fetch-Site": "same-site"},
    ]
    for headers in bad:
        refused = ann.post("/v1/halts", json=halt, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), headers
        assert ann.delete("/v1/session", headers=headers).status_code == 403
    good = {"X-CSRF-Token": token, "Origin": here.address, "Sec-Fetch-Site": "same-origin"}
    assert ann.post("/v1/halts", json=halt, headers=good).status_code == 201
    cross = here.client().post("/v1/session", json={"email": "ann@default.example", "password": PASSWORD},
                               headers={"Origin": "https://evil.example"})  # fmt: skip
    assert cross.status_code == 403


def test_key_is_stored_as_a_digest_and_ends_at_once_when_revoked(here: Site) -> None:
    admin = here.signed_in("adm", "admin")
    made = admin.post("/v1/keys", json={"name": "k", "scopes": ["submit"]}).json()
    program = here.client(headers={"Authorization": f"Bearer {made['key']}"})
    propose(program)
    folder = Path(here.plane.store.url.removeprefix("sqlite:///")).parent
    dump = b"".join(file.read_bytes() for file in folder.glob("h.db*") if file.is_file())
    secret = made["key"].split("_")[-1][:64]
    assert made["id"].encode() in dump
    assert secret.encode() not in dump
    assert bytes.fromhex(secret) not in dump
    assert made["key"] not in admin.get("/v1/keys").text
    assert admin.delete(f"/v1/keys/{made['id']}").status_code == 204
    assert program.post("/v1/proposals", json={"action": "pay"}).status_code == 401


@pytest.mark.parametrize("text", ["", "Bearer", "Bearer x", "Basic abc", "Bearer hr_live_0123456789ab_" + "0" * 70])
def test_key_that_is_none_is_refused(shared: Site, text: str) -> None:
    refused = shared.client(headers={"Authorization": text}).get("/v1/cases")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert refused.headers["www-authenticate"] == "Bearer"


def test_key_with_a_changed_secret_is_refused(shared: Site) -> None:
    key = shared.key("read")
    id, _, body = key.removeprefix(access.KEY_PREFIX).partition("_")
    other = shared.key("read").removeprefix(access.KEY_PREFIX).partition("_")[2]
    forged = f"{access.KEY_PREFIX}{id}_{other}"
    assert shared.client(headers={"Authorization": f"Bearer {forged}"}).get("/v1/cases").status_code == 401
    assert body != other


def test_removed_person_loses_session_and_personal_key(here: Site) -> None:
    admin, ann = here.signed_in("adm", "admin"), here.signed_in("ann")
    keyed = here.client(headers={"Authorization": f"Bearer {here.key('read', person=here.people['ann'])}"})
    assert keyed.get("/v1/cases").status_code == 200
    assert admin.patch(f"/v1/people/{here.people['ann']}", json={"active": False}).status_code == 200
    assert ann.get("/v1/cases").status_code == 401
    assert keyed.get("/v1/cases").status_code == 401
    again = here.client().post("/v1/session", json={"email": "ann@default.example", "password": PASSWORD})
    assert again.status_code == 401


def test_people_are_added_once_with_a_password_shown_once(here: Site) -> None:
    admin = here.signed_in("adm", "admin")
    made = admin.post("/v1/people", json={"name": "Eve", "email": "eve@x.example", "roles": ["lead"]}).json()
    signed = here.client().post("/v1/session", json={"email": "eve@x.example", "password": made["password"]})
    assert signed.json()["person"]["roles"] == ["lead"]
    twice = admin.post("/v1/people", json={"name": "Eve", "email": "EVE@x.example"})
    assert (twice.status_code, twice.json()["code"]) == (409, "conflict")
    assert "password" not in admin.get("/v1/people").text


def test_first_start_makes_one_administrator_once(here: Site) -> None:
    first = first_person(here.plane, "default")
    assert first is not None
    assert first_person(here.plane, "default") is None
    signed = here.client().post("/v1/session", json={"email": first.email, "password": first.password})
    assert "admin" in signed.json()["person"]["roles"]


def test_secure_server_uses_a_host_cookie_and_strict_transport(tmp_path: Path) -> None:
    with site(tmp_path / "h.db", settings=Settings(port=0, insecure_behind_proxy=True)) as here:
        here.person("ann")
        answer = here.client().post("/v1/session", json={"email": "ann@default.example", "password": PASSWORD})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-handrail=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "max-age" in answer.headers["strict-transport-security"]


def test_requests_of_one_key_are_limited(tmp_path: Path) -> None:
    with site(tmp_path / "h.db", settings=Settings(port=0, requests_per_second=20)) as here:
        client = here.program("read")
        codes = [client.get("/v1/halts").status_code for _ in range(60)]
        assert codes[0] == 200
        assert 429 in codes
