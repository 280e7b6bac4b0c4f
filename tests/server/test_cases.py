"""The queue, cards, claims, answers, batches and proofs over HTTP."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from handrail.calibration.fit import fit
from handrail.learning.comparison import comparison
from tests.server.site import POLICY, Site, answer, propose, site, take

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()


def test_list_cases_pages_through_all_in_queue_order(each: Site) -> None:
    program, ann = each.program(), each.signed_in("ann")
    made = [propose(program, arguments={"n": n})["case_id"] for n in range(7)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = ann.get(f"/v1/cases?limit=3&cursor={cursor}").json()
        seen += [row["id"] for row in page["items"]]
        assert page["total"] == 7
        if page["next"] is None:
            break
        cursor = page["next"]
    # all alike, so the first to come is the first
    assert seen == made
    for wrong in ("x", "AAAA", "WyIxIl0", "e30", "WyJhIiwiYiJd", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OSIsImIiXQ"):
        assert ann.get(f"/v1/cases?cursor={wrong}").status_code == 422, wrong


def test_list_cases_filters_and_searches_words(each: Site) -> None:
    program, ann = each.program(), each.signed_in("ann")
    rent = propose(program, arguments={"memo": "March rent for Baker Street"})["case_id"]
    other = propose(program, action="post", arguments={"text": "hello world"})["case_id"]
    found = 0
    while True:
        # the words are indexed by a loop of their own
        hits = [row["id"] for row in ann.get("/v1/cases?q=rent baker str").json()["items"]]
        if hits or found > 100:
            break
        found += 1
        next(loop for loop in each.plane.loops if loop.name == "indexing").step()
    assert hits == [rent]
    assert [row["id"] for row in ann.get("/v1/cases?action=post").json()["items"]] == [other]
    assert [row["id"] for row in ann.get(f"/v1/cases?q={other}").json()["items"]] == [other]
    assert ann.get("/v1/cases?tier=soft_review").json()["items"] == []
    assert ann.get("/v1/cases?q=*** ' \" ) -- (").json()["items"] == []
    take(ann, rent)
    assert [row["id"] for row in ann.get("/v1/cases?mine=true").json()["items"]] == [rent]
    assert ann.get("/v1/cases").json()["items"][0]["amount"] == "5"


def test_list_cases_tells_which_only_wait_for_their_answer_to_count(each: Site) -> None:
    program, ann, bob = each.program(), each.signed_in("ann"), each.signed_in("bob")
    given, soft, free = (
        propose(program, action="post", undo="unpost", confidence=confidence)["case_id"]
        for confidence in (0.1, 0.85, 0.1)
    )
    review = answer(ann, given, "approve").json()["review"]
    answer(ann, soft, "reject", reason="wrong")
    rows = [{row["id"]: row["answered"] for row in who.get("/v1/cases").json()["items"]} for who in (ann, bob)]
    own = {"by_you": True, "counts_at": review["effective_at"], "verdicts": []}
    assert (rows[0][given], rows[0][soft]["by_you"], rows[0][free]) == (own, True, None)
    # a second look tells nobody that there was a first
    assert rows[1] == {
        given: own | {"by_you": False, "verdicts": ["reject", "redirect"]}, soft: None, free: None
    }  # fmt: skip
    page = bob.get(f"/decide/{given}").text
    assert "Only a rejection stops it" in page
    assert 'value="approve"' not in page
    assert "You have answered it" in ann.get(f"/decide/{given}").text
    ann.post(f"/v1/reviews/{review['id']}/withdraw", json={})
    assert bob.get(f"/v1/cases/{given}").json()["case"]["answered"] is None


def test_claim_next_gives_cases_in_order_then_nothing(each: Site) -> None:
    program, ann, bob = each.program(), each.signed_in("ann"), each.signed_in("bob")
    made = {propose(program)["case_id"], propose(program)["case_id"]}
    first = ann.post("/v1/cases/next/claim", json={}).json()
    second = bob.post("/v1/cases/next/claim", json={"queues": ["default"]}).json()
    assert {first["claim"]["case_id"], second["claim"]["case_id"]} == made
    assert first["card"]["digest"]
    assert bob.post("/v1/cases/next/claim").status_code == 204
    held = bob.post(f"/v1/cases/{first['claim']['case_id']}/claim", json={})
    assert held.status_code == 409
    row = bob.get(f"/v1/cases/{first['claim']['case_id']}").json()
    assert row["case"]["claimed_by"] == "ann"
    assert row["claim"]["reviewer"] == "ann"


def test_renew_and_release_need_the_fence(here: Site) -> None:
    program, ann = here.program(), here.signed_in("ann")
    case_id = propose(program)["case_id"]
    fence = take(ann, case_id)["fence"]
    before = ann.get(f"/v1/cases/{case_id}").json()["claim"]["expires_at"]
    renewed = ann.post(f"/v1/cases/{case_id}/renew", json={"fence": fence}).json()
    assert renewed["claim"]["expires_at"] >= before
    stale = ann.post(f"/v1/cases/{case_id}/renew", json={"fence": fence + 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "claim_lost")
    assert ann.post(f"/v1/cases/{case_id}/release", json={"fence": fence}).status_code == 200
    assert ann.post(f"/v1/cases/{case_id}/release", json={"fence": fence}).json()["code"] == "claim_lost"


def test_answer_with_stale_claim_card_or_verdict_is_refused_and_case_stays_open(here: Site) -> None:
    program, ann = here.program(), here.signed_in("ann")
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    case_id = propose(program, arguments={"n": 1, "amount": 5}, schema=schema)["case_id"]
    good = take(ann, case_id)

    def tried(**fields: Any) -> tuple[int, str]:
        response = ann.post(f"/v1/cases/{case_id}/reviews", json=good | {"verdict": "approve"} | fields)
        return response.status_code, response.json().get("code", "")

    assert tried(fence=good["fence"] + 1) == (409, "claim_lost")
    assert tried(card="0" * 64) == (412, "card_changed")
    assert tried(revision=2) == (412, "card_changed")
    assert tried(verdict="edit", arguments={"n": "one", "amount": 5}) == (422, "invalid_input")
    assert tried(verdict="edit", arguments=[1]) == (422, "invalid_input")
    assert tried(verdict="reject") == (422, "invalid_input")
    assert tried(verdict="reject", reason="other") == (422, "invalid_input")
    assert tried(verdict="redirect", instruction=" ") == (422, "invalid_input")
    assert tried(verdict="shrug") == (422, "invalid_input")
    assert tried(scope="always") == (422, "invalid_input")
    assert tried(scope="run") == (403, "forbidden")
    assert tried(verdict="edit", arguments={"n": 2, "amount": 5}) == (201, "")
    assert tried() == (409, "already_decided")
    decision = program.get(f"/v1/proposals/{case_id}/decision").json()["decision"]
    assert (decision["arguments"], decision["edited"]) == ({"amount": 5, "n": 2}, True)


def test_verdict_that_the_route_does_not_allow_is_refused(tmp_path: Any) -> None:
    policy = POLICY + "rules:\n  - {id: only, when: 'true', route: {verdicts: [approve, reject]}}\n"
    with site(tmp_path / "h.db", policy=policy) as here:
        program, ann = here.program(), here.signed_in("ann")
        case_id = propose(program)["case_id"]
        response = answer(ann, case_id, "respond", value="yes")
        assert (response.status_code, response.json()["code"]) == (422, "verdict_not_allowed")


def test_withdraw_within_the_window_reopens_and_afterwards_is_refused(here: Site) -> None:
    program, ann = here.program(), here.signed_in("ann")
    slow, fast = propose(program, action="post")["case_id"], propose(program)["case_id"]
    given = answer(ann, slow, "approve").json()
    assert given["decision"] is None
    back = ann.post(f"/v1/reviews/{given['review']['id']}/withdraw", json={})
    assert back.status_code == 200
    assert back.json()["review"]["withdrawn_at"] is not None
    assert ann.get("/v1/cases").json()["total"] == 2
    counted = answer(ann, fast, "approve").json()
    late = ann.post(f"/v1/reviews/{counted['review']['id']}/withdraw", json={})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert here.signed_in("bob").post(f"/v1/reviews/{given['review']['id']}/withdraw", json={}).status_code in (
        404,
        409,
    )


def test_two_reviewers_decide_what_needs_two_and_nobody_counts_twice(each: Site) -> None:
    program, ann, bob = each.program(), each.signed_in("ann"), each.signed_in("bob")
    case_id = propose(program, amount_inr=500001, confidence=0.99)["case_id"]
    first = answer(ann, case_id, "approve").json()
    assert (first["decision"], first["case"]["reviewers"]) == (None, {"have": 1, "need": 2})
    again = ann.post(f"/v1/cases/{case_id}/claim", json={})
    assert again.status_code == 409
    assert ann.get(f"/v1/cases/{case_id}").json()["card"]["quorum"]["excluded"] == [each.people["ann"]]
    assert answer(bob, case_id, "approve").json()["decision"]["kind"] == "approved"


def test_requester_sees_but_cannot_judge_his_own_case(here: Site) -> None:
    program, ann = here.program(), here.signed_in("ann")
    case_id = propose(program, principal="ann@default.example")["case_id"]
    shown = ann.get(f"/v1/cases/{case_id}").json()
    assert shown["card"]["quorum"]["excluded"] == [here.people["ann"]]
    assert ann.post(f"/v1/cases/{case_id}/claim", json={}).status_code == 403
    assert ann.post("/v1/cases/next/claim", json={}).status_code == 204


def test_agent_key_cannot_review_even_with_the_scope(here: Site) -> None:
    program, robot = here.program(), here.program("review", "read")
    case_id = propose(program)["case_id"]
    assert robot.get(f"/v1/cases/{case_id}").status_code == 200
    refused = robot.post(f"/v1/cases/{case_id}/reviews", json={"verdict": "approve"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_personal_key_reviews_as_its_person(here: Site) -> None:
    program = here.program()
    ann = here.person("ann")
    client = here.client(headers={"Authorization": f"Bearer {here.key('review', 'read', person=ann)}"})
    case_id = propose(program)["case_id"]
    assert client.post(f"/v1/cases/{case_id}/reviews", json={"verdict": "approve"}).json()["decision"]["by"] == [ann]
    assert client.post("/v1/proposals", json={"action": "pay"}).status_code == 403


def test_blind_case_hides_the_models_opinion_until_the_first_answer(tmp_path: Any) -> None:
    policy = (
        POLICY.replace("undo_seconds: 0\n", "undo_seconds: 60\n")
        + "rules:\n  - {id: b, when: 'true', route: {blind_share: 1.0}}\n"
    )
    with site(tmp_path / "h.db", policy=policy) as here:
        program, ann = here.program(), here.signed_in("ann")
        case_id = propose(
            program, kind="annotation", arguments={"text": "x", "suggestion": "cat-suggested", "choices": ["a", "b"]},
            scores=[0.123456], agent_says="I am sure it is cat-suggested", confidence=0.34567,
        )["case_id"]  # fmt: skip
        pages = [
            ann.get("/v1/cases").text,
            ann.get(f"/v1/cases/{case_id}").text,
            ann.post(f"/v1/cases/{case_id}/claim", json={}).text,
            ann.get(f"/v1/proposals/{case_id}").text,
            ann.get(f"/decide/{case_id}").text,
        ]
        for page in pages:
            assert "0.123456" not in page
            assert "0.34567" not in page
            assert "I am sure" not in page
            assert "confidence_below" not in page
            assert "cat-suggested" not in page
        assert ann.get(f"/v1/cases/{case_id}/proof").status_code == 404
        shown = ann.get(f"/v1/cases/{case_id}").json()
        assert shown["card"]["blind"] is True
        assert "suggestion" not in shown["card"]["arguments"]
        taken = take(ann, case_id)
        ann.post(f"/v1/cases/{case_id}/reviews", json={**taken, "verdict": "respond", "value": "a", "blind": True})
        after = ann.get(f"/v1/cases/{case_id}").json()["card"]
        assert (after["blind"], after["agent_says"]) == (False, "I am sure it is cat-suggested")


def test_gold_answer_is_in_no_answer_of_the_api(here: Site) -> None:
    program, ann = here.program("submit", "execute", "admin"), here.signed_in("ann")
    case_id = propose(program, kind="annotation", gold={"value": "the-known-answer"})["case_id"]
    for path in ("", "/similar", "/proof"):
        assert "the-known-answer" not in ann.get(f"/v1/cases/{case_id}{path}").text
    assert "the-known-answer" not in ann.get(f"/v1/proposals/{case_id}").text
    assert "the-known-answer" not in program.get(f"/v1/proposals/{case_id}").text


def test_comparison_never_names_who_answered_to_whoever_judges(here: Site) -> None:
    pair = comparison("Who?", ["one answer", "another"], options=("careful-model", "blunt-model"), action="post")
    program = here.program("submit", "read")
    case_id = program.post("/v1/proposals", json=pair.record()).json()["case_id"]
    ann = here.signed_in("ann")
    for path in (
        f"/v1/cases/{case_id}", f"/v1/proposals/{case_id}", "/v1/cases?action=post", f"/v1/cases/{case_id}/proof",
        f"/decide/{case_id}",
    ):  # fmt: skip
        assert "-model" not in ann.get(path).text, path
    assert "-model" not in ann.post(f"/v1/cases/{case_id}/claim", json={}).text
    assert program.get(f"/v1/proposals/{case_id}").json()["proposal"]["arguments"]["options"]


@pytest.mark.parametrize("value", ["c", [], {"a": 1}, {"a": "x", "b": 2}, {"a": 1e308, "b": -1e308}, True])
def test_answer_to_a_comparison_that_is_no_choice_and_no_rating_is_refused(here: Site, value: Any) -> None:
    pair = comparison(f"Which, {value}?", ["one answer", "another"], action="post")
    made = here.program().post("/v1/proposals", json=pair.record()).json()
    ann = here.signed_in("ann")
    claimed = ann.post(f"/v1/cases/{made['case_id']}/claim", json={}).json()
    said = {"verdict": "respond", "fence": claimed["claim"]["fence"], "revision": 1, "card": claimed["card"]["digest"]}
    path = f"/v1/cases/{made['case_id']}/reviews"
    assert ann.post(path, json={**said, "value": value}).json()["code"] == "invalid_input"
    assert ann.post(path, json={**said, "value": {"a": 4, "b": 2.5}}).status_code == 201


def test_answer_outside_an_annotations_choices_is_422_and_names_them(here: Site) -> None:
    asked = {"action": "post", "kind": "annotation", "arguments": {"text": "x", "choices": ["cat", "dog"]}}
    case_id = here.program().post("/v1/proposals", json=asked).json()["case_id"]
    ann = here.signed_in("ann")
    response = answer(ann, case_id, "respond", value="wolf")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")
    assert '"cat","dog"' in response.json()["remedy"]
    assert answer(ann, case_id, "respond", value="dog").status_code == 201


def test_propose_a_comparison_of_equal_answers_is_422_and_says_which_field(here: Site) -> None:
    program = here.program()
    for arguments, words in (
        ({"prompt": "Q?", "a": "x", "b": "x"}, "a and b are the same"), ({"a": "x", "b": "y"}, "prompt is missing"),
        ({"prompt": "Q?", "a": "x"}, "b is missing"),
    ):  # fmt: skip
        asked = {"action": "post", "kind": "comparison", "arguments": arguments}
        response = program.post("/v1/proposals", json=asked)
        assert (response.status_code, response.json()["code"]) == (422, "invalid_input")
        assert words in response.json()["detail"]
        assert "arguments." in response.json()["remedy"]


def test_batch_answers_each_case_and_says_which_failed(here: Site) -> None:
    program, ann = here.program(), here.signed_in("ann")
    ids = [propose(program, arguments={"n": n}, undo="refund")["case_id"] for n in range(3)]
    items = []
    for id in ids:
        card = ann.get(f"/v1/cases/{id}").json()["card"]
        items.append({"case_id": id, "revision": card["revision"], "card": card["digest"]})
    items[1]["card"] = "0" * 64
    done = ann.post("/v1/cases/batch", json={"verdict": "approve", "items": items}).json()
    assert [item["ok"] for item in done["items"]] == [True, False, True]
    assert done["items"][1]["error"]["code"] == "card_changed"
    assert done["items"][0]["review"]["batch"] == done["batch"]
    assert program.get(f"/v1/proposals/{ids[1]}/decision").status_code == 202


@pytest.mark.parametrize("wrong", ["mixed", "high_stakes", "twice", "many"])
def test_batch_of_unequal_or_high_stakes_cases_is_refused_as_a_whole(here: Site, wrong: str) -> None:
    program, ann = here.program(), here.signed_in("ann")
    plain = propose(program, undo="refund")["case_id"]
    other = {
        "mixed": lambda: propose(program, action="post", undo="unpost")["case_id"],
        "high_stakes": lambda: propose(program)["case_id"],
        "twice": lambda: plain,
        "many": lambda: plain,
    }[wrong]()
    item = {"revision": 1, "card": "0" * 64}
    items = [item | {"case_id": plain}, item | {"case_id": other}] * (11 if wrong == "many" else 1)
    refused = ann.post("/v1/cases/batch", json={"verdict": "approve", "items": items})
    assert refused.status_code == 422
    assert program.get(f"/v1/proposals/{plain}/decision").status_code == 202


def test_escalate_sends_up_to_a_lead(here: Site) -> None:
    program, ann, lead = here.program(), here.signed_in("ann"), here.signed_in("lea", "lead", "reviewer")
    case_id = propose(program)["case_id"]
    assert ann.post(f"/v1/cases/{case_id}/escalate", json={"reason": ""}).status_code == 422
    assert ann.post(f"/v1/cases/{case_id}/escalate", json={"reason": "too big for me"}).status_code == 200
    assert ann.post(f"/v1/cases/{case_id}/claim", json={}).status_code == 403
    assert answer(lead, case_id, "approve").json()["decision"]["kind"] == "approved"


def test_similar_cases_come_best_first_with_their_decision(each: Site) -> None:
    program, ann = each.program(), each.signed_in("ann")
    near = propose(program, arguments={"to": "Asha Traders", "memo": "invoice paper"})["case_id"]
    far = propose(program, arguments={"to": "Jon Berg", "memo": "invoice wood"})["case_id"]
    answer(ann, near, "reject", reason="wrong")
    answer(ann, far, "approve")
    # no person's past to learn from, however alike: still open, let through and to be looked at, and withdrawn
    propose(program, arguments={"to": "Asha Traders", "memo": "invoice paper bags too"})
    soft = propose(program, action="post", arguments={"to": "Asha Traders", "memo": "invoice paper"}, confidence=0.9)
    assert soft["tier"] == "soft_review"
    gone = propose(program, arguments={"to": "Asha Traders", "memo": "paper bags"})["case_id"]
    assert program.post(f"/v1/proposals/{gone}/cancel", json={"reason": "over"}).status_code == 200
    this = propose(program, arguments={"to": "Asha Traders", "memo": "invoice paper bags"})["case_id"]
    next(loop for loop in each.plane.loops if loop.name == "indexing").step()
    hits: list[Any] = []
    for _ in range(200):
        hits = ann.get(f"/v1/cases/{this}/similar").json()["items"]
        if len(hits) == 2:
            break
    assert [hit["case_id"] for hit in hits] == [near, far]
    assert (hits[0]["decision"], hits[0]["score"]) == ("rejected", 1.0)


def test_proof_of_a_decided_case_verifies_here_and_elsewhere(each: Site) -> None:
    program, ann = each.program(), each.signed_in("ann")
    case_id = propose(program)["case_id"]
    answer(ann, case_id, "approve")
    each.plane.sealer.step()
    proof = ann.get(f"/v1/cases/{case_id}/proof").json()
    assert proof["verified"] is True
    assert [entry["type"] for entry in proof["entries"]][:2] == ["proposal.submitted", "case.opened"]
    assert proof["checkpoint"].startswith(proof["log"] + "\n")
    assert proof["tlog_proof"].startswith("c2sp.org/tlog-proof@v1")


def test_evidence_picture_is_served_only_as_what_its_bytes_are(here: Site) -> None:
    program, ann = here.program(), here.signed_in("ann")
    html = base64.b64encode(b"<script>alert(1)</script>").decode()
    case_id = propose(program, evidence=[
        {"kind": "image", "title": "scan", "content": f"data:image/gif;base64,{PNG}"},
        {"kind": "image", "title": "not one", "content": f"data:image/png;base64,{html}"},
        {"kind": "image", "title": "vector", "content": "data:image/svg+xml;base64,PHN2Zz4="},
        {"kind": "text", "content": "words"},
    ])["case_id"]  # fmt: skip
    picture = ann.get(f"/v1/cases/{case_id}/evidence/0")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert picture.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in picture.headers["content-security-policy"]
    for number in (1, 2, 3):
        assert ann.get(f"/v1/cases/{case_id}/evidence/{number}").status_code == 422
    assert ann.get(f"/v1/cases/{case_id}/evidence/4").status_code == 404
    assert here.client().get(f"/v1/cases/{case_id}/evidence/0").status_code == 401


def test_operations_figures_follow_what_happened(each: Site) -> None:
    program, ann = each.program(), each.signed_in("ann")
    for n in range(4):
        propose(program, confidence=0.99, arguments={"n": n})
    case_id = propose(program)["case_id"]
    propose(program, action="post")
    answer(ann, case_id, "approve", dwell_seconds=4)
    figures = ann.get("/v1/operations").json()
    assert (figures["open"], figures["by_tier"], figures["overdue"]) == (1, {"hard_gate": 1}, 0)
    assert figures["review_rate"] == pytest.approx(2 / 6)
    assert figures["decisions_per_person"] == [
        {"person": each.people["ann"], "name": "ann", "count": 1, "median_dwell": 4.0, "rubber_stamp": False}
    ]
    assert figures["deadline_attainment"] == 1.0
    assert len(figures["series"]) == 24
    assert sum(point["arrivals"] for point in figures["series"]) == 6
    assert figures["log"]["size"] > 10


def test_halt_stops_submits_until_a_lead_lifts_it(here: Site) -> None:
    program, ann, lead = here.program(), here.signed_in("ann"), here.signed_in("lea", "lead")
    halt = ann.post("/v1/halts", json={"scope": "action", "value": "pay", "reason": "something is wrong"}).json()
    assert (halt["by"], ann.get("/v1/halts").json()["items"]) == ("ann", [halt])
    stopped = program.post("/v1/proposals", json={"action": "pay", "confidence": 0.99, "amount_inr": 5}).json()
    assert (stopped["decision"]["kind"], stopped["decision"]["halted"]) == ("cancelled", True)
    assert ann.delete(f"/v1/halts/{halt['id']}").status_code == 403
    assert lead.delete(f"/v1/halts/{halt['id']}").status_code == 204
    assert propose(program, confidence=0.99)["decision"]["kind"] == "approved"
    assert ann.post("/v1/halts", json={"scope": "workspace", "value": "x", "reason": ""}).status_code == 422


def test_halt_names_tell_a_slip_from_a_name_somebody_has(each: Site) -> None:
    ann, program = each.signed_in("ann"), each.program(agent="payer")
    propose(program, action="wire", run="run-1")
    each.key(agent="mailer")

    def names(scope: str, value: str = "") -> dict[str, Any]:
        found: dict[str, Any] = ann.get("/v1/halts/names", params={"scope": scope, "value": value}).json()
        return found

    assert names("agent", "payre") == {"known": False, "near": ["payer"], "names": ["payer", "mailer"]}
    assert names("agent", "mailer")["known"]
    assert names("action", "wier") == {"known": False, "near": ["wire"], "names": ["wire", "pay", "post"]}
    assert names("run", "run-1")["known"]
    assert names("run", "zzz") == {"known": False, "near": [], "names": ["run-1"]}
    assert names("action")["known"] is False


def test_policy_is_shown_to_all_changed_by_admins_and_explained(here: Site) -> None:
    ann, admin = here.signed_in("ann"), here.signed_in("adm", "admin")
    assert ann.get("/v1/policy").json()["text"] == POLICY
    stricter = POLICY.replace("auto_approve_threshold: 0.95", "auto_approve_threshold: 0.999")
    assert ann.put("/v1/policy", json={"text": stricter}).status_code == 403
    assert admin.put("/v1/policy", json={"text": "escalation_policies: 7"}).json()["code"] == "invalid_policy"
    changed = admin.put("/v1/policy", json={"text": stricter}).json()
    assert changed["document"]["escalation_policies"][0]["auto_approve_threshold"] == 0.999
    explained = ann.post(
        "/v1/policy/explain", json={"proposal": {"action": "pay", "confidence": 0.99, "amount_inr": 5}}
    ).json()
    assert explained["tier"] == "soft_review"
    assert propose(here.program(), confidence=0.99)["tier"] == "soft_review"


def test_calibrators_are_installed_by_admins_and_listed(here: Site) -> None:
    admin = here.signed_in("adm", "admin")
    scores = [n / 100 for n in range(100)]
    fitted = fit("platt", scores, [score > 0.4 for score in scores], fitted_at=0).to_json()
    refused = admin.post("/v1/calibrators", json={"name": "pay", "calibrator": {"method": "magic"}})
    assert refused.status_code == 422
    foreign = here.signed_in("ann").post("/v1/calibrators", json={"name": "pay", "calibrator": fitted})
    assert foreign.status_code == 403
    made = admin.post("/v1/calibrators", json={"name": "pay", "calibrator": fitted})
    assert (made.status_code, made.json()["version"]) == (201, 1)
    assert admin.get("/v1/calibrators").json()["items"] == [made.json()]
    judged = here.signed_in("ann").get("/v1/calibrators/pay/reliability").json()
    assert (judged["version"], judged["method"], judged["n"], judged["since"]) == (1, "platt", 100, None)
    assert sum(row["n"] for row in judged["after"]["bins"]) == 100
    assert "days ago, more than 30" in judged["stale"][0]
    assert admin.get("/v1/calibrators/absent/reliability").status_code == 404
