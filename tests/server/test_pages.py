"""Pages without JavaScript: GET never decides, POST does with session, token and a fresh gesture."""

from __future__ import annotations

import re

import httpx2
import pytest

from handrail.server.first_start import first_person
from handrail.server.front import CONTENT_POLICY
from tests.server.site import PASSWORD, Site, propose

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def test_link_asks_for_sign_in_then_shows_the_case(here: Site) -> None:
    here.person("ann")
    case_id = propose(here.program())["case_id"]
    client = here.client()
    away = client.get(f"/decide/{case_id}")
    assert (away.status_code, away.headers["location"]) == (303, f"/sign-in?next=/decide/{case_id}")
    form = client.get(away.headers["location"])
    assert f'value="/decide/{case_id}"' in form.text
    wrong = client.post("/sign-in", data={"email": "ann@default.example", "password": "no"})
    assert wrong.status_code == 401
    signed = client.post(
        "/sign-in", data={"email": "ann@default.example", "password": PASSWORD, "next": f"/decide/{case_id}"}
    )
    assert (signed.status_code, signed.headers["location"]) == (303, f"/decide/{case_id}")
    assert "A1" in client.get(f"/decide/{case_id}").text


@pytest.mark.parametrize(
    "where", ["https://evil.example", "//evil.example", "/\\evil", "javascript:alert(1)", "/decide/../x"]
)
def test_sign_in_never_leads_to_another_site(here: Site, where: str) -> None:
    here.person("ann")
    signed = here.client().post("/sign-in", data={"email": "ann@default.example", "password": PASSWORD, "next": where})
    assert signed.headers["location"] == "/"


def test_open_cases_are_listed_without_javascript_and_lead_to_their_pages(each: Site) -> None:
    each.person("ann")
    client = each.client()
    away = client.get("/decide")
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=/decide")
    form = client.get(away.headers["location"])
    signed = client.post("/sign-in", data={"email": "ann@default.example", "password": PASSWORD} | fields(form.text))
    assert signed.headers["location"] == "/decide"
    assert "Nothing waits for you." in client.get("/decide").text
    made = [propose(each.program(), arguments={"to": f"<A{n}>"})["case_id"] for n in range(52)]
    first = client.get("/decide").text
    assert "&lt;A0&gt;" in first
    assert "high stakes" in first
    links = re.findall(r'href="/decide/([\w-]+)"', first)
    following = re.search(r'href="(/decide\?cursor=[^"]+)"', first)
    assert following is not None
    links += re.findall(r'href="/decide/([\w-]+)"', client.get(following[1]).text)
    assert links == made
    assert client.get("/decide?cursor=zzz").status_code == 422
    shown = client.get(f"/decide/{made[0]}").text
    assert 'href="/decide"' in shown


def test_reading_a_link_in_every_way_changes_nothing(here: Site) -> None:
    ann = here.signed_in("ann")
    case_id = propose(here.program())["case_id"]
    size = here.plane.logbook().head()[0]
    for _ in range(2):
        for method in ("GET", "HEAD", "OPTIONS"):
            for path in (
                f"/decide/{case_id}",
                f"/decide/{case_id}?verdict=approve",
                f"/v1/cases/{case_id}",
                "/sign-in",
            ):
                ann.request(method, path)
    assert here.plane.logbook().head()[0] == size
    assert ann.get(f"/v1/cases/{case_id}").json()["case"]["state"] == "open"


def test_high_stakes_needs_the_typed_amount(here: Site) -> None:
    ann = here.signed_in("ann")
    case_id = propose(here.program(), amount_inr=4711)["case_id"]
    given = fields(ann.get(f"/decide/{case_id}").text) | {"verdict": "approve"}
    plain = ann.post(f"/decide/{case_id}", data=given)
    assert plain.status_code == 422
    assert "4711" in plain.text
    assert ann.post(f"/decide/{case_id}", data=given | {"confirm": "4712"}).status_code == 422
    done = ann.post(f"/decide/{case_id}", data=given | {"confirm": "4711"})
    assert "Recorded: approved" in done.text
    assert ann.get(f"/v1/cases/{case_id}").json()["reviews"][0]["card"] == given["card"]


def test_decide_without_token_gesture_or_session_is_refused(here: Site) -> None:
    ann = here.signed_in("ann")
    case_id = propose(here.program(), undo="refund")["case_id"]
    given = fields(ann.get(f"/decide/{case_id}").text) | {"verdict": "approve"}
    path = f"/decide/{case_id}"
    assert ann.post(path, data=given | {"csrf": "x"}).status_code == 403
    assert ann.post(path, data=given, headers={"Origin": "https://evil.example"}).status_code == 403
    assert ann.post(path, data=given, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert ann.post(path, data=given | {"verdict": "shrug"}).status_code == 422
    assert ann.post(path, data={k: v for k, v in given.items() if k != "verdict"}).status_code == 422
    assert ann.post(path, json=given).status_code == 415
    assert ann.post(path, content="csrf=a&csrf=b", headers=FORM).status_code == 422
    assert ann.post(path, data=given | {"card": "0" * 64}).status_code == 412
    assert ann.post(path, data=given | {"revision": "x"}).status_code == 422
    assert here.client().post(path, data=given).status_code == 401
    assert ann.get(f"/v1/cases/{case_id}").json()["case"]["state"] == "open"


def test_answer_can_be_taken_back_on_the_receipt(here: Site) -> None:
    ann = here.signed_in("ann")
    case_id = propose(here.program(), action="post", undo="unpost")["case_id"]
    receipt = ann.post(f"/decide/{case_id}", data=fields(ann.get(f"/decide/{case_id}").text) | {"verdict": "approve"})
    assert "Take it back" in receipt.text
    back = ann.post(f"/decide/{case_id}/withdraw", data=fields(receipt.text))
    assert back.status_code == 303
    assert ann.get(f"/v1/cases/{case_id}").json()["reviews"][0]["withdrawn_at"] is not None


def test_page_hides_the_form_from_who_may_not_answer(here: Site) -> None:
    program = here.program()
    case_id = propose(program, principal="ann@default.example")["case_id"]
    assert "<form" not in here.signed_in("ann").get(f"/decide/{case_id}").text
    assert "<form" not in here.signed_in("aud", "auditor").get(f"/decide/{case_id}").text
    assert here.signed_in("bob").get("/decide/nothing").status_code == 404


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7777 }}",
    "{% for x in y %}",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "a\u200bb",
    "</dd></dl><button name=verdict value=approve>OK</button>",
    "\x00\x07",
    "&lt;script&gt;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stands_on_the_page_as_text(here: Site, text: str) -> None:
    ann = here.signed_in("ann")
    case_id = propose(
        here.program(), arguments={"to": text, "list": [text]}, agent_says=text, undo="refund",
        evidence=[
            {"kind": "text", "title": text, "content": text}, {"kind": text, "title": text, "content": {"a": text}},
        ],
    )["case_id"]  # fmt: skip
    page = ann.get(f"/decide/{case_id}").text
    assert "<script" not in page
    assert "<img" not in page
    assert "<button name=verdict" not in page
    assert page.count("<button") == 2
    assert "54439" not in page
    for hidden in "\u202e\u200b\x00\x07":
        assert hidden not in page
    if "\u202e" in text:
        assert "[U+202E]" in page


def test_one_time_link_shows_a_button_and_works_once(here: Site) -> None:
    first = first_person(here.plane, "default")
    assert first is not None
    desk = here.desk
    token = desk.once.make(first.id)
    client = here.client()
    for _ in range(2):
        assert "Sign in as administrator" in client.get(f"/sign-in/once/{token}").text
    used = client.post(f"/sign-in/once/{token}")
    assert (used.status_code, used.headers["location"]) == (303, "/")
    assert client.get("/v1/session").json()["person"]["name"] == "Administrator"
    assert here.client().post(f"/sign-in/once/{token}").status_code == 410
    assert here.client().get("/sign-in/once/unknown").status_code == 410


def test_every_answer_carries_the_security_headers(here: Site) -> None:
    ann = here.signed_in("ann")
    program = here.program()
    answers: list[httpx2.Response] = [
        ann.get(path)
        for path in ("/", "/case/x", "/sign-in", "/decide/x", "/v1/cases", "/v1/nothing", "/healthz", "/openapi.json",
                     "/static/page.css", "/mark.svg", "/metrics")
    ]  # fmt: skip
    answers += [program.post("/v1/proposals", json={"action": "pay"}), program.post("/v1/proposals", content=b"{")]
    for answer in answers:
        headers = answer.headers
        assert headers["content-security-policy"] == CONTENT_POLICY, answer.url
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["referrer-policy"] == "same-origin"
        assert "cache-control" in headers
        assert "server" not in headers
    assert ann.get("/").headers["cache-control"] == "no-store"
    assert ann.get("/assets/nothing.js").status_code == 404
    assert ann.get("/..%2f..%2fapp.py").headers["content-type"].startswith("text/html")
    assert "class Application" not in ann.get("/..%2fapp.py").text


def test_approval_under_a_halt_is_promised_no_run_and_gets_none_before_the_halt_is_lifted(here: Site) -> None:
    ann, lea, program = here.signed_in("ann"), here.signed_in("lea", "lead"), here.program(agent="payer")
    case_id = propose(program, amount_inr=5, undo="refund")["case_id"]
    before = ann.get(f"/decide/{case_id}")
    assert "Halted" not in before.text
    assert ann.get(f"/v1/cases/{case_id}").json()["card"]["halts"] == []
    halted = ann.post("/v1/halts", json={"scope": "agent", "value": "payer", "reason": "odd payees"}).json()
    ann.post("/v1/halts", json={"scope": "agent", "value": "another", "reason": "not this one"})
    card = ann.get(f"/v1/cases/{case_id}").json()["card"]
    assert card["halts"] == [halted]
    given = fields(ann.get(f"/decide/{case_id}").text) | {"verdict": "approve", "confirm": "5"}
    # a switch is no part of what was read
    assert given["card"] == fields(before.text)["card"]
    shown = ann.get(f"/decide/{case_id}").text
    assert "Halted: agent payer (odd payees), by ann" in shown
    assert "not this one" not in shown
    done = ann.post(f"/decide/{case_id}", data=given).text
    assert "A halt stands: it does not run while it does." in done
    start = {"nonce": "n-1"}
    refused = program.post(f"/v1/executions/{case_id}/start", json=start)
    assert (refused.status_code, "halted: odd payees" in refused.json()["detail"]) == (409, True)
    assert lea.delete(f"/v1/halts/{halted['id']}").status_code == 204
    assert program.post(f"/v1/executions/{case_id}/start", json=start).json()["state"] == "started"


def test_personal_values_wait_behind_a_fold(here: Site) -> None:
    ann = here.signed_in("ann")
    arguments = {"iban": "DE02 1203", "who": {"name": "Eve Adams", "age": 40}, "why": "rent"}
    case_id = propose(here.program(), arguments=arguments, personal_data=["/iban", "/who/name"])["case_id"]
    text = ann.get(f"/decide/{case_id}").text
    folded = re.findall(r"<details><summary>hidden: personal</summary>([^<]*)</details>", text)
    assert [("DE02 1203" in each, "Eve Adams" in each) for each in folded] == [(True, False), (False, True)]
    assert text.count("DE02 1203") == text.count("Eve Adams") == 1
    assert "rent" in re.sub("<details>.*?</details>", "", text, flags=re.DOTALL)
