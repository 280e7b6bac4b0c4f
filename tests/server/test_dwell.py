"""A high-stakes card is read before it is let through; the server's own watch decides, not the browser's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from handrail.server.shown import Shown
from tests.server.site import POLICY, Site, answer, propose, site, take
from tests.server.test_pages import fields


class Watch:
    """A watch that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def here(tmp_path: Path, watch: Watch) -> Iterator[Site]:
    with site(tmp_path / "h.db") as made:
        made.desk.shown = Shown(watch)
        yield made


def test_approve_before_the_floor_is_too_soon_and_after_it_counts(here: Site, watch: Watch) -> None:
    ann = here.signed_in("ann")
    case_id = propose(here.program())["case_id"]
    card = ann.get(f"/v1/cases/{case_id}").json()["card"]
    floor = card["dwell_floor_seconds"]
    assert floor >= 2
    given = {"card": card["digest"], "revision": 1}
    for verdict, more in (
        ("approve", {}),
        ("edit", {"arguments": {"to": "A1", "amount": 4}}),
        ("respond", {"value": 1}),
    ):
        refused = answer(ann, case_id, verdict, **given, **more)
        assert (refused.status_code, refused.json()["code"]) == (409, "too_soon")
        assert "send the same answer" in refused.json()["remedy"]
    watch.seconds += floor + 0.01
    # what the browser says itself is believed when it says less
    assert answer(ann, case_id, "approve", **given, dwell_seconds=0.5).json()["code"] == "too_soon"
    done = answer(ann, case_id, "approve", **given, dwell_seconds=floor)
    assert done.json()["decision"]["kind"] == "approved"


def test_approve_of_a_card_never_shown_begins_to_count_then(here: Site, watch: Watch) -> None:
    ann, bob = here.signed_in("ann"), here.signed_in("bob")
    case_id = propose(here.program())["case_id"]
    seen = take(bob, case_id)
    bob.post(f"/v1/cases/{case_id}/release", json={"fence": seen["fence"]})
    watch.seconds += 60
    given = {"card": seen["card"], "revision": 1}
    assert answer(ann, case_id, "approve", **given).json()["code"] == "too_soon"
    watch.seconds += 60
    assert answer(ann, case_id, "approve", **given).status_code == 201


def test_approve_that_names_no_card_is_too_soon_however_long_ago_another_was(here: Site, watch: Watch) -> None:
    ann = here.signed_in("ann")
    for _ in range(2):
        case_id = propose(here.program())["case_id"]
        refused = ann.post(f"/v1/cases/{case_id}/reviews", json={"verdict": "approve"})
        assert (refused.status_code, refused.json()["code"]) == (409, "too_soon")
        watch.seconds += 60


def test_no_is_never_too_soon_nor_is_anything_of_low_stakes(here: Site) -> None:
    ann = here.signed_in("ann")
    program = here.program()
    stopped, small = propose(program)["case_id"], propose(program, action="post", undo="unpost")["case_id"]
    assert answer(ann, stopped, "reject", reason="wrong").status_code == 201
    assert answer(ann, small, "approve").status_code == 201


def test_answer_with_a_key_is_held_to_the_floor_only_where_the_policy_says_everywhere(tmp_path: Path) -> None:
    everywhere = POLICY.replace("reviewer_session_limit", "dwell_floor: everywhere, reviewer_session_limit")
    for policy, code in ((POLICY, 201), (everywhere, 409)):
        with site(tmp_path / f"{code}.db", policy=policy) as made:
            made.desk.shown = Shown(Watch())
            key = made.key("review", "read", person=made.person("ann"))
            ann = made.client(headers={"Authorization": f"Bearer {key}"})
            assert answer(ann, propose(made.program())["case_id"], "approve").status_code == code


def test_page_without_scripts_asks_for_the_time_too(here: Site, watch: Watch) -> None:
    ann = here.signed_in("ann")
    case_id = propose(here.program(), amount_inr=4711)["case_id"]
    given = fields(ann.get(f"/decide/{case_id}").text) | {"verdict": "approve", "confirm": "4711"}
    early = ann.post(f"/decide/{case_id}", data=given)
    assert early.status_code == 409
    assert "s more are asked for" in early.text
    watch.seconds += 60
    assert "Recorded: approved" in ann.post(f"/decide/{case_id}", data=given).text


def test_shown_keeps_the_first_time_and_a_bounded_number(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handrail.server.shown.MOST_CARDS", 2)
    shown = Shown(watch)
    shown.note("ann", "a")
    watch.seconds += 5
    shown.note("ann", "a")
    assert shown.seconds("ann", "a") == 5
    for card in "bcd":
        shown.note("ann", card)
    assert shown.seconds("ann", "a") == 0
    assert len(shown._since) == 2
