"""A person does a step in the agent's stead: taken with a key, handed back with its result, or given back undone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .conftest import Open, show
from .fake_api import Stage, stamp
from .test_deciding import wait_for_reviews

pytestmark = pytest.mark.browser


def take(page: Page, case: str) -> None:
    """With keys alone."""
    show(page, case)
    page.keyboard.press("t")
    expect(page.get_by_role("form", name="Do this step yourself?")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("You do this step yourself until")).to_be_visible()


def approve(stage: Stage, case: str) -> None:
    stage.rows[case]["state"] = "decided"
    stage.rows[case]["decision"] = {"case_id": case, "kind": "approved", "by": ["Jon Berg"], "at": stamp(stage.opened)}


def test_take_over_with_keys_hands_back_the_words(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/mail-1")
    take(page, "mail-1")
    assert ("take-over", {"seconds": 900}) in stage.posted
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    page.keyboard.type("sent by hand")
    page.keyboard.press("Control+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["verdict"], review["value"]) == ("respond", "sent by hand")


def test_taken_step_stays_held_while_looking_at_another_case_and_after_a_reload(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/mail-1")
    show(page, "mail-1")
    # a claim that was taken for reviewing first must not be released with the view
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Release")).to_be_visible()
    take(page, "mail-1")
    page.get_by_role("listbox", name="Queue").get_by_role("option").nth(0).click()
    show(page, "pay-1")
    page.goto("/case/mail-1")
    expect(page.get_by_role("form", name="Hand back what came of it")).to_be_visible()
    assert "release" not in [verb for verb, _ in stage.posted]


def test_result_as_json_keeps_its_types(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/mail-1")
    take(page, "mail-1")
    page.get_by_role("button", name="Raw JSON").click()
    page.get_by_label("Result for the program").fill('{"id": 7')
    page.get_by_role("button", name="Hand back").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Result for the program").fill('{"id": 7, "sent": true}')
    page.get_by_role("button", name="Hand back").click()
    (review,) = wait_for_reviews(page, stage, 1)
    assert review["value"] == {"id": 7, "sent": True}


def test_give_back_asks_once_more_and_leaves_no_answer(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/mail-1")
    take(page, "mail-1")
    page.get_by_role("button", name="Give back, not done").click()
    assert "give-back" not in [verb for verb, _ in stage.posted]
    page.get_by_role("button", name="Nothing was done: give it back").click()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    assert stage.reviews == {}
    assert "mail-1" not in stage.claims


def test_approved_step_is_taken_over_and_the_card_says_that_this_uses_it_up(open_page: Open, stage: Stage) -> None:
    approve(stage, "mail-1")
    page = open_page("/case/mail-1")
    show(page, "mail-1")
    page.get_by_role("button", name="Take over").click()
    expect(page.get_by_text("uses the approval up")).to_be_visible()
    page.get_by_label("Hold it for").select_option("an hour")
    page.get_by_role("form", name="Do this step yourself?").get_by_role("button", name="Take over").click()
    page.get_by_label("Result for the program").fill("done")
    page.get_by_role("button", name="Hand back").click()
    expect(page.get_by_text("Asha Rao took this step over by hand.")).to_be_visible()
    assert stage.posted[-2:] == [("take-over", {"seconds": 3600}), ("hand-back", {"fence": 1, "value": "done"})]


def test_step_in_somebody_elses_hands_says_whose_and_cannot_be_taken(open_page: Open, stage: Stage) -> None:
    stage.claim("mail-1")
    stage.claims["mail-1"].update(reviewer_id="p-2", reviewer="Jon Berg")
    stage.rows["mail-1"]["claimed_by"] = "Jon Berg"
    page = open_page("/case/mail-1")
    show(page, "mail-1")
    expect(page.get_by_text("Jon Berg is on this case")).to_be_visible()
    expect(page.get_by_role("button", name="Take over")).to_have_count(0)
