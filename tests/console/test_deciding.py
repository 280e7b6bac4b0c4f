"""Answering cases with the keyboard: what is sent, and what cannot be sent by accident."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from .conftest import Open, rows, show
from .fake_api import Stage

pytestmark = pytest.mark.browser


def reviews(stage: Stage) -> list[dict[str, Any]]:
    return list(stage.reviews.values())


def wait_for_reviews(page: Page, stage: Stage, count: int) -> list[dict[str, Any]]:
    """The stage lives in this process; the page is given time to reach it."""
    for _ in range(600):
        if len(stage.reviews) >= count:
            break
        page.wait_for_timeout(50)
    assert len(stage.reviews) == count
    return reviews(stage)


def test_approve_with_keys_alone_sends_the_card_that_was_shown(open_page: Open, stage: Stage) -> None:
    page = open_page("/")
    show(page, "pay-1")
    page.keyboard.press("j")
    show(page, "deploy-1")
    page.keyboard.press("j")
    show(page, "mail-1")
    page.keyboard.press("a")
    (review,) = wait_for_reviews(page, stage, 1)
    card = stage.cards["mail-1"]
    assert review["case_id"] == "mail-1"
    assert (review["verdict"], review["card"], review["revision"]) == ("approve", card["digest"], 1)
    assert review["evidence_opened"] == [0]
    assert review["dwell_seconds"] > 0
    assert review["scope"] == "action"
    show(page, "refund-0")
    expect(rows(page).filter(has_text="answered by you")).to_have_count(1)


def test_approve_for_the_run_is_offered_where_the_server_allows_it_and_never_carried_on(
    open_page: Open, stage: Stage
) -> None:
    for id in ("refund-0", "refund-1", "pay-1"):
        stage.cards[id]["scopes"] = ["action", "run"]
    page = open_page("/case/refund-0")
    show(page, "refund-0")
    choice = page.get_by_label("Approve for")
    choice.select_option("run")
    expect(page.locator(".approve-for")).to_contain_text("20 more of this action")
    page.keyboard.press("a")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["case_id"], review["scope"]) == ("refund-0", "run")
    show(page, "refund-1")
    expect(choice).to_have_value("action")
    page.goto(page.url.rsplit("/", 1)[0] + "/pay-1")
    show(page, "pay-1")
    expect(page.locator("button.verdict").first).to_be_visible()
    expect(choice).to_have_count(0)


def test_answered_case_counts_down_and_is_passed_over(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/refund-0")
    show(page, "refund-0")
    page.keyboard.press("a")
    show(page, "refund-1")
    page.keyboard.press("k")
    show(page, "refund-0")
    bar = page.locator(".settled")
    expect(bar).to_contain_text("counts in")
    expect(page.locator("button.verdict")).to_have_count(0)
    page.keyboard.press("a")  # nothing to approve twice
    bar.get_by_role("button", name="Undo").click()
    expect(page.locator("button.verdict.approve")).to_be_visible()
    (review,) = reviews(stage)
    assert review["withdrawn_at"] is not None


def test_answered_case_is_no_open_work_after_a_reload(open_page: Open, stage: Stage) -> None:
    stage.undo_seconds = 60.0
    page = open_page("/case/pay-1")
    show(page, "pay-1")
    stage.claim("pay-1")
    stage._record("pay-1", {"verdict": "reject", "reason": "suspicious"}, stage.rows["pay-1"])
    page.goto("/")
    show(page, "deploy-1")
    row = rows(page).first
    expect(row).to_contain_text("answered by you, counts in")
    expect(page.locator(".queue-count")).to_contain_text("12 cases · 1 answered")
    # the last of all leads nowhere, instead of back to what has its answer
    for id in list(stage.rows):
        if id != "mail-1" and not stage.rows[id].get("answered"):
            stage._record(id, {"verdict": "reject", "reason": "suspicious"}, stage.rows[id])
    page.goto("/")
    show(page, "mail-1")
    page.keyboard.press("a")
    expect(page.get_by_text("Nothing left to take.")).to_be_visible()
    expect(page.locator("article.card")).to_have_count(0)
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()


def test_page_chooses_no_case_that_others_hold_or_have_answered(open_page: Open, stage: Stage) -> None:
    stage.claim("pay-1")
    stage.claims["pay-1"].update(reviewer_id="p-2", reviewer="Jon Berg")
    stage.rows["pay-1"]["claimed_by"] = "Jon Berg"
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    stage.rows["deploy-1"]["answered"] = {"by_you": False, "counts_at": soon, "verdicts": ["reject"]}
    page = open_page("/halts")

    def behind(route: Route) -> None:
        """The list as it was a moment ago."""
        response = route.fetch()
        body = response.json()
        for row in body["items"]:
            row["answered"] = None
        route.fulfill(response=response, json=body)

    page.route("**/v1/cases?**", behind)
    page.get_by_role("button", name="Queue", exact=True).click()
    show(page, "mail-1")


def test_case_that_others_answered_can_only_be_stopped(open_page: Open, stage: Stage) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    stage.rows["mail-1"]["answered"] = {"by_you": False, "counts_at": soon, "verdicts": ["reject", "redirect"]}
    page = open_page("/case/mail-1")
    show(page, "mail-1")
    expect(page.locator(".notice")).to_contain_text("It has its answer, counts in")
    expect(rows(page).filter(has_text="✓ answered, counts in")).to_have_count(1)
    expect(page.locator("button.verdict")).to_have_text(["Reject r", "Redirect q"])
    page.keyboard.press("a")
    expect(page.get_by_text("Others have answered it.")).to_be_visible()
    page.keyboard.press("r")
    page.wait_for_selector(".reason-codes")
    page.keyboard.press("1")
    (review,) = wait_for_reviews(page, stage, 1)
    assert review["verdict"] == "reject"


def test_undo_within_the_window_reopens_the_case(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/refund-1")
    show(page, "refund-1")
    page.keyboard.press("a")
    tray = page.get_by_role("region", name="Can be taken back")
    expect(tray).to_contain_text("never arrived")
    page.keyboard.press("u")
    show(page, "refund-1")
    expect(tray).to_have_count(0)
    assert [review["withdrawn_at"] is not None for review in reviews(stage)] == [True]
    assert stage.rows["refund-1"]["state"] == "open"


def test_answer_withdrawn_in_another_tab_is_open_work_again(open_page: Open, stage: Stage) -> None:
    stage.undo_seconds = 120.0
    page = open_page("/case/refund-1")
    expect(page.locator(".live")).to_have_text("live")
    show(page, "refund-1")
    page.keyboard.press("a")
    (review,) = wait_for_reviews(page, stage, 1)
    row = rows(page).filter(has_text="never arrived")
    expect(row).to_contain_text("answered by you, counts in")
    tray = page.get_by_role("region", name="Can be taken back")
    expect(tray).to_contain_text("never arrived")
    stage.withdraw(review["id"])
    expect(row).not_to_contain_text("answered")
    expect(page.locator(".queue-count")).not_to_contain_text("answered")
    expect(tray).to_have_count(0)


def test_undo_after_the_window_says_that_it_counts(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/refund-1")
    show(page, "refund-1")
    page.keyboard.press("a")
    page.get_by_role("region", name="Can be taken back").wait_for()
    (review,) = wait_for_reviews(page, stage, 1)
    review["effective_at"] = "2020-01-01T00:00:00Z"
    page.keyboard.press("u")
    expect(page.get_by_text("Too late: it counts already.")).to_be_visible()
    assert review["withdrawn_at"] is None


def test_reject_with_a_number_key_sends_its_reason(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/deploy-1")
    show(page, "deploy-1")
    page.keyboard.press("r")
    page.get_by_role("form", name="Reject: why?").wait_for()
    page.keyboard.press("3")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["verdict"], review["reason"]) == ("reject", "not_authorised")


def test_reject_as_other_without_words_is_not_sent(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/deploy-1")
    show(page, "deploy-1")
    page.keyboard.press("r")
    page.get_by_role("form", name="Reject: why?").wait_for()
    page.keyboard.press("5")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_have_text("Say in a few words why.")
    assert stage.reviews == {}
    page.keyboard.type("the canary has not run")
    page.keyboard.press("Control+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["reason"], review["note"]) == ("other", "the canary has not run")


def test_letters_typed_in_a_field_are_no_verdicts(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/refund-0")
    show(page, "refund-0")
    page.keyboard.press("q")
    page.get_by_role("form", name="Ask for something else").wait_for()
    page.keyboard.type("arpa zsw")
    page.keyboard.press("Escape")
    show(page, "refund-0")
    assert stage.reviews == {}
    page.keyboard.press("q")
    expect(page.get_by_label("Instruction to the agent")).to_have_value("arpa zsw")


def test_double_press_answers_one_case_only(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/refund-0")
    show(page, "refund-0")
    page.evaluate(
        """() => {
            for (const repeat of [false, true, false]) dispatchEvent(new KeyboardEvent('keydown', {key: 'a', repeat}));
        }"""
    )
    page.wait_for_selector("article[data-case='refund-1']")
    page.keyboard.press("a")  # within 300 ms of the new card: too early to be meant for it
    show(page, "refund-1")
    wait_for_reviews(page, stage, 1)


def test_high_stakes_approval_needs_the_floor_and_a_second_key(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/pay-1")
    page.wait_for_selector("article[data-case='pay-1']")
    page.get_by_role("button", name="Reveal iban").click()
    page.keyboard.press("a")
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("1 s more")).to_be_visible()
    assert stage.reviews == {}
    expect(page.get_by_text("Armed. Shift + Enter commits")).to_be_visible()
    page.keyboard.press("Shift+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert review["verdict"] == "approve"
    assert review["dwell_seconds"] >= 1.0


def test_verdict_that_is_not_allowed_is_neither_shown_nor_sent(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/compare-1")
    show(page, "compare-1")
    expect(page.locator("button.verdict.approve")).to_have_count(0)
    page.keyboard.press("a")
    expect(page.get_by_text("That verdict is not allowed here.")).to_be_visible()
    assert stage.reviews == {}


def test_card_that_changed_meanwhile_is_refused_and_the_draft_kept(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/deploy-1")
    show(page, "deploy-1")
    page.keyboard.press("q")
    page.get_by_label("Instruction to the agent").fill("canary at 1 % first")
    stage.cards["deploy-1"]["digest"] = "0" * 64
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The case was revised while you looked.").first).to_be_visible()
    assert stage.reviews == {}
    expect(page.get_by_label("Instruction to the agent")).to_have_value("canary at 1 % first")
    page.wait_for_selector(f"article[data-card='{'0' * 12}'][data-ready='true']")
    page.keyboard.press("Control+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["instruction"], review["card"]) == ("canary at 1 % first", "0" * 64)


def test_number_key_on_an_annotation_answers_with_the_label_itself(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/digit-1")
    show(page, "digit-1")
    page.wait_for_selector("canvas[data-state='shown']")
    box = page.locator("canvas.picture").bounding_box()
    assert box is not None
    assert box["width"] >= 300  # eight pixels, shown large
    page.keyboard.press("3")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["verdict"], review["value"]) == ("respond", 3)


def test_number_key_of_the_models_own_label_approves_it(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/digit-1")
    show(page, "digit-1")
    page.keyboard.press("8")
    (review,) = wait_for_reviews(page, stage, 1)
    assert review["verdict"] == "approve"


def test_number_key_on_a_comparison_picks_a_side(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/compare-1")
    show(page, "compare-1")
    sides = [page.get_by_role("article", name=f"Answer {side}").bounding_box() for side in "AB"]
    assert sides[0] is not None
    assert sides[1] is not None
    assert sides[0]["y"] == sides[1]["y"]
    expect(page.get_by_role("heading", name="Which answer is better?")).to_be_visible()
    expect(page.get_by_role("button", name="Both bad")).to_be_visible()
    expect(page.get_by_text("both_bad")).to_have_count(0)
    # nothing is suggested that could be approved
    expect(page.locator(".verdict.approve, .verdict.edit")).to_have_count(0)
    page.keyboard.press("2")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["verdict"], review["value"], review["blind"]) == ("respond", "b", True)


def test_escalate_and_release_leave_no_review(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/mail-1")
    show(page, "mail-1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("yours until")).to_be_visible()
    page.keyboard.press("w")
    expect(page.get_by_text("Released.")).to_be_visible()
    page.keyboard.press("s")
    page.get_by_role("form", name="Escalate: why?").wait_for()
    page.keyboard.press("1")
    expect(page.get_by_text("Sent up.")).to_be_visible()
    assert stage.reviews == {}
    assert ("escalate", {"reason": "above_my_authority"}) in stage.posted
    assert "release" in [verb for verb, _ in stage.posted]


def test_next_case_of_a_queue_is_claimed_once_by_the_server(open_page: Open, stage: Stage) -> None:
    page = open_page("/?queue=refunds")
    show(page, "refund-0")
    stage.rows["refund-0"]["claimed_by"] = "Jon Berg"
    page.get_by_role("button", name="Take the next case").click()
    show(page, "refund-1")
    page.keyboard.press("a")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["case_id"], review["fence"]) == ("refund-1", 1)
    assert [verb for verb, _ in stage.posted] == ["reviews"]


def test_agent_is_halted_from_its_card(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/deploy-1")
    show(page, "deploy-1")
    page.get_by_role("button", name="Halt agent").click()
    page.get_by_role("form", name="Halt billing-agent: why?").get_by_role("textbox").fill("it loops")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Halted: agent billing-agent")).to_be_visible()
    assert stage.reviews == {}
    (halt,) = stage.halts.values()
    assert (halt["scope"], halt["value"], halt["reason"]) == ("agent", "billing-agent", "it loops")


def test_remapped_key_works_and_letters_can_be_turned_off(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/refund-0")
    show(page, "refund-0")
    page.keyboard.press("?")
    help = page.get_by_role("dialog", name="Keys")
    help.get_by_role("listitem").filter(has_text="Approve").get_by_role("button").click()
    page.keyboard.press("y")
    expect(help.get_by_text("y", exact=True)).to_be_visible()
    help.get_by_role("switch").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("y")
    page.keyboard.press("?")  # a letter key too: off
    expect(help).to_have_count(0)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Filter commands").fill("keys")
    page.keyboard.press("Enter")
    help.get_by_role("switch").check()
    page.keyboard.press("Escape")
    assert stage.reviews == {}
    page.keyboard.press("y")
    wait_for_reviews(page, stage, 1)
