"""What the console shows: hostile text, phones, darkness, live changes, batches, and all of it accessibly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from .conftest import Open, rows, show
from .fake_api import Stage
from .test_deciding import wait_for_reviews

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def plain(id: str, summary: str) -> dict[str, Any]:
    """A case with nothing special about it."""
    return {
        "case_id": id,
        "action": "refund",
        "summary": summary,
        "queue": "bulk",
        "arguments": {"order": 1},
        "undo": {"action": None, "seconds": 0},
        "reasons": [],
    }


def test_hostile_card_shows_what_is_hidden_and_runs_nothing(open_page: Open) -> None:
    page = open_page("/case/hostile-1")
    show(page, "hostile-1")
    card = page.locator("article.card")
    for mark in ("U+202E", "U+200B", "U+2066", "U+001B", "U+0007"):
        expect(card.locator(".hidden-char", has_text=mark).first).to_be_visible()
    expect(card.get_by_text("host: xn--pple-43d.com").first).to_be_visible()
    expect(card.get_by_text("host: evil.example").first).to_be_visible()
    assert card.locator("a[href], img, script").count() == 0
    assert "\u202e" not in card.inner_text()
    page.locator("details.agent summary").click()
    expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
    expect(page.get_by_text("This cannot be shown as what it claims to be.")).to_be_visible()


def test_malformed_address_of_a_case_says_that_there_is_none(open_page: Open) -> None:
    page = open_page("/case/%E0%A4%A")
    expect(page.get_by_role("alert").get_by_text("There is no case")).to_be_visible()
    expect(rows(page).first).to_be_visible()


def test_unread_remainder_of_a_long_value_blocks_approval(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/hostile-1")
    show(page, "hostile-1")
    page.keyboard.press("a")
    expect(page.get_by_text("Not yet: read the rest of “body”")).to_be_visible()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_role("button", name="Commit approval")).to_be_disabled()
    parts = page.evaluate(
        """async () => {
            let parts = 1;
            const next = () => document.querySelector('.card .long-bar button:nth-of-type(2)');
            for (; !next().disabled; parts += 1) { next().click(); await new Promise(requestAnimationFrame); }
            return parts;
        }"""
    )
    assert parts > 100
    expect(page.get_by_text("THE-END")).to_be_visible()
    assert stage.reviews == {}
    expect(page.get_by_text("Armed. Shift + Enter commits")).to_be_visible()
    page.keyboard.press("Shift+Enter")
    wait_for_reviews(page, stage, 1)


def test_agents_words_are_folded_and_come_after_the_facts(open_page: Open) -> None:
    page = open_page("/case/pay-1")
    show(page, "pay-1")
    words = page.get_by_text("please approve quickly")
    expect(words).to_be_hidden()
    agent, facts = page.locator("details.agent").bounding_box(), page.locator("dl.facts").bounding_box()
    assert agent is not None
    assert facts is not None
    assert agent["y"] > facts["y"]
    page.locator("details.agent summary").click()
    expect(words).to_be_visible()


def test_personal_value_waits_for_a_click(open_page: Open) -> None:
    page = open_page("/case/pay-1")
    show(page, "pay-1")
    expect(page.get_by_text("IN55 HDFC")).to_have_count(0)
    page.get_by_role("button", name="Reveal iban").click()
    expect(page.get_by_text("IN55 HDFC")).to_be_visible()


def test_undeclared_action_is_called_not_inspectable(open_page: Open) -> None:
    page = open_page("/case/raw-1")
    show(page, "raw-1")
    expect(page.get_by_text("Not inspectable.")).to_be_visible()
    expect(page.get_by_text('"depth": 3')).to_be_visible()


def test_harmful_content_starts_blurred_and_b_shows_it(open_page: Open) -> None:
    page = open_page("/case/post-1")
    show(page, "post-1")
    blurred = page.locator("section.blurred")
    expect(blurred).to_have_count(1)
    page.keyboard.press("b")
    expect(blurred).to_have_count(0)


def test_evidence_of_each_kind_is_drawn_and_counted_as_opened(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/deploy-1")
    show(page, "deploy-1")
    expect(page.locator(".unified .line.add")).to_have_count(5)
    page.keyboard.press("]")
    expect(page.locator(".tests li.failed")).to_have_count(1)
    expect(page.get_by_text("412 passed")).to_be_visible()
    page.keyboard.press("]")
    expect(page.locator(".plan li")).to_have_count(3)
    page.keyboard.press("d")
    expect(page.get_by_role("button", name="Words")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("a")
    (review,) = wait_for_reviews(page, stage, 1)
    assert review["evidence_opened"] == [0, 1, 2]


def test_phone_shows_the_card_first_with_large_targets(open_page: Open) -> None:
    page = open_page("/case/pay-1", **PHONE)
    show(page, "pay-1")
    tops = [page.locator(f".{pane}-pane").bounding_box() for pane in ("card", "context", "queue")]
    order = [box["y"] for box in tops if box is not None]
    assert len(order) == 3
    assert order == sorted(order)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("Approve", "Reject"):
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_be_in_viewport()
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44


# a box to tick is as large as the label around it
SMALL = """() => [...document.querySelectorAll('button, select, input, summary, [role=tab]')]
    .filter(each => each.checkVisibility() && each.getBoundingClientRect().height > 1)
    .map(each => each.matches('[type=checkbox], [type=radio]') ? each.closest('label') ?? each : each)
    .filter(each => each.getBoundingClientRect().height < 44)
    .map(each => each.innerText || each.getAttribute('aria-label') || each.outerHTML)"""


def test_phone_brings_the_card_that_was_opened_into_view(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/deploy-1", **PHONE)
    show(page, "deploy-1")
    rows(page).filter(has_text="Your contract renewal").tap()
    show(page, "mail-1")
    expect(page.get_by_role("heading", name="Your contract renewal")).to_be_in_viewport(ratio=1)
    # half-way down a long card the bar stands ready, and what comes next begins at its head
    page.locator(".field-row").last.scroll_into_view_if_needed()
    expect(page.get_by_role("heading", name="Your contract renewal")).not_to_be_in_viewport()
    page.get_by_role("button", name="Approve", exact=True).tap()
    wait_for_reviews(page, stage, 1)
    show(page, "refund-0")
    expect(page.get_by_role("heading", name="INR 120")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(
    "view", ["/case/pay-1", "/case/deploy-1", "/case/digit-1", "/case/compare-1", "/operations", "/quality", "/halts"]
)
def test_phone_has_nothing_too_small_to_hit(open_page: Open, view: str) -> None:
    page = open_page(view, **PHONE)
    page.wait_for_selector("article[data-ready='true']" if view.startswith("/case") else "h1")
    assert page.evaluate(SMALL) == []


def test_phone_batch_and_help_have_nothing_too_small_to_hit(open_page: Open) -> None:
    page = open_page("/case/refund-0", **PHONE)
    show(page, "refund-0")
    page.keyboard.press("?")
    page.wait_for_selector(".help-groups")
    assert page.evaluate(SMALL) == []
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.wait_for_selector("article[data-case='refund-1']")
    page.keyboard.press("x")
    page.get_by_role("button", name="Review as a batch").click()
    page.wait_for_selector(".batch-table")
    assert page.evaluate(SMALL) == []


def test_phone_selects_a_batch_by_touch_alone(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/deploy-1", **PHONE)
    show(page, "deploy-1")
    page.get_by_role("button", name="Select", exact=True).tap()
    for i in range(3):
        rows(page).filter(has_text=f"order 440{i}").tap()
    # a tap selects and leaves the open card where it is; a second one takes the row out again
    rows(page).filter(has_text="order 4400").tap()
    expect(page.locator(".selection-bar")).to_contain_text("2 selected")
    expect(rows(page).and_(page.locator("[aria-checked='true']"))).to_have_count(2)
    show(page, "deploy-1")
    page.get_by_role("button", name="Review as a batch").tap()
    for id in ("refund-1", "refund-2"):
        page.locator(f"tr[data-case='{id}']").get_by_role("button").tap()
        page.get_by_role("dialog").get_by_role("button", name="Close").tap()
    page.locator("tr[data-case='refund-2']").get_by_role("checkbox").tap()
    page.get_by_role("button", name="Approve 1").tap()
    (review,) = wait_for_reviews(page, stage, 1)
    assert review["case_id"] == "refund-1"
    # with nothing selected a tap opens again
    rows(page).filter(has_text="order 4402").tap()
    show(page, "refund-2")


def test_phone_speaks_of_no_keys(open_page: Open, stage: Stage) -> None:
    stage.cards["pay-1"].update(dwell_floor_seconds=0, personal_data=[])
    page = open_page("/case/pay-1", **PHONE)
    show(page, "pay-1")
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator(".armed")).to_contain_text("Armed. Commit it, or disarm.")
    expect(page.locator(".armed")).not_to_contain_text("Shift")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("form")).to_be_visible()
    expect(page.get_by_text("A number sends at once")).to_have_count(0)
    assert page.locator("kbd:visible").all_inner_texts() == []
    page.goto("/?state=decided")
    stage.rows["refund-3"].update(state="decided")
    page.reload()
    expect(page.get_by_text("Choose a case")).to_be_visible()
    expect(page.get_by_text("Press j")).to_have_count(0)


def luminance(page: Page, selector: str) -> float:
    """0 black to 255 white, of an element's background."""
    text = page.eval_on_selector(
        selector,
        """element => { const pen = document.createElement('canvas').getContext('2d');
            pen.fillStyle = getComputedStyle(element).backgroundColor; pen.fillRect(0, 0, 1, 1);
            const [r, g, b] = pen.getImageData(0, 0, 1, 1).data; return 0.2126 * r + 0.7152 * g + 0.0722 * b; }""",
    )
    return float(text)


def test_dark_follows_the_system_and_can_be_chosen(open_page: Open) -> None:
    page = open_page("/case/pay-1", color_scheme="dark")
    show(page, "pay-1")
    assert luminance(page, ".card-pane") < 60
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Filter commands")).to_be_focused()
    page.keyboard.type("theme: light")
    page.keyboard.press("Enter")
    page.wait_for_selector("html[data-theme='light']")
    assert luminance(page, ".card-pane") > 200


def test_batch_sends_one_review_a_case_except_the_vetoed(open_page: Open, stage: Stage) -> None:
    said = {"kind": "text", "title": "Claim", "content": "a photograph of the parcel", "source": "", "trusted": False}
    for i in range(4):
        stage.cards[f"refund-{i}"]["evidence"] = [said]
    page = open_page("/case/refund-0")
    show(page, "refund-0")
    for i in range(4):
        page.keyboard.press("x")
        if i < 3:
            page.keyboard.press("j")
            page.wait_for_selector(f"article[data-case='refund-{i + 1}']")
    page.get_by_role("button", name="Review as a batch").click()
    page.wait_for_selector(".batch-table")
    headings = page.locator(".batch-table th[scope='col']").all_inner_texts()
    assert headings == ["Case", "order", "amount", "reason", "Veto"]
    commit = page.get_by_role("button", name="Approve 4")
    expect(commit).to_be_disabled()
    page.locator("tr[data-case='refund-2']").get_by_role("checkbox").check()
    for id in ("refund-0", "refund-1", "refund-3"):
        page.locator(f"tr[data-case='{id}']").get_by_role("button").click()
        # what opening is for: the evidence, and why a person is asked
        opened = page.get_by_role("dialog")
        expect(opened.get_by_role("region", name="Evidence")).to_contain_text("a photograph of the parcel")
        expect(opened.get_by_role("region", name="Why you")).to_contain_text("not sure enough")
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Approve 3").click()
    wait_for_reviews(page, stage, 3)
    (batch,) = stage.batches
    assert [item["case_id"] for item in batch["items"]] == ["refund-0", "refund-1", "refund-3"]
    assert [item["card"] for item in batch["items"]] == [stage.cards[f"refund-{i}"]["digest"] for i in (0, 1, 3)]
    assert stage.rows["refund-2"]["state"] == "open"
    expect(page.get_by_role("region", name="Can be taken back").get_by_role("button")).to_have_count(3)


def test_batch_of_unlike_cases_is_refused_with_the_reason(open_page: Open) -> None:
    page = open_page("/case/deploy-1")
    show(page, "deploy-1")
    page.keyboard.press("x")
    page.keyboard.press("j")
    show(page, "mail-1")
    page.keyboard.press("x")
    page.get_by_role("button", name="Review as a batch").click()
    expect(page.get_by_text("They are not the same action and card shape.")).to_be_visible()


def test_new_case_appears_without_a_reload(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/pay-1")
    show(page, "pay-1")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    stage.add(plain("late-1", "came in later"))
    expect(rows(page).filter(has_text="came in later")).to_be_visible()


def test_case_settled_elsewhere_loses_its_buttons(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/refund-3")
    show(page, "refund-3")
    stage.rows["refund-3"].update(
        state="decided",
        decision={"case_id": "refund-3", "kind": "rejected", "by": ["Jon"], "at": "2026-01-01T00:00:00Z"},
    )
    stage.log("refund-3", "decision.made")
    expect(page.locator("button.verdict.approve")).to_have_count(0)
    expect(page.locator(".settled")).to_contain_text("Rejected")
    page.keyboard.press("a")
    expect(page.locator(".toast")).to_contain_text("It is settled")
    page.keyboard.press("Control+k")
    commands = page.get_by_role("listbox", name="Commands")
    expect(commands.get_by_role("option", name="Next case")).to_be_visible()
    expect(commands.get_by_role("option", name="Approve")).to_have_count(0)
    page.keyboard.press("Escape")
    # nobody is left standing there
    expect(page.locator(".settled").get_by_role("button", name="Next case")).to_be_visible()
    page.keyboard.press("Enter")
    show(page, "pay-1")


def test_search_finds_and_clears(open_page: Open) -> None:
    page = open_page("/")
    show(page, "pay-1")
    page.keyboard.press("/")
    page.keyboard.type("never arrived")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("searchbox").fill("no such thing")
    page.get_by_role("button", name="Clear filters").click()
    expect(rows(page)).to_have_count(12)


def test_one_queue_leads_straight_to_another(open_page: Open) -> None:
    page = open_page("/")
    show(page, "pay-1")
    queue = page.get_by_label("All queues")
    queue.select_option("mail")
    show(page, "mail-1")
    queue.select_option("releases")
    show(page, "deploy-1")
    page.get_by_role("searchbox").fill("no such thing")
    expect(page.get_by_text("No case matches")).to_be_visible()
    expect(queue).to_have_value("releases")


def test_case_that_a_search_left_behind_is_closed_and_no_key_reaches_it(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/mail-1")
    show(page, "mail-1")
    page.keyboard.press("/")
    page.keyboard.type("never arrived")
    show(page, "refund-1")
    page.keyboard.press("Enter")
    page.keyboard.press("a")
    expect(page.locator(".undo-tray")).to_contain_text("never arrived")
    assert [review["case_id"] for review in stage.reviews.values()] == ["refund-1"]


def test_decided_case_found_by_search_closes_with_the_search_and_takes_no_verdict(
    open_page: Open, stage: Stage
) -> None:
    stage.rows["refund-2"].update(
        state="decided", decision={"case_id": "refund-2", "kind": "rejected", "by": [], "at": "2026-01-01T00:00:00Z"}
    )
    stage.rows["refund-3"].update(state="decided", decision={**stage.rows["refund-2"]["decision"], "kind": "approved"})
    page = open_page("/case/refund-2?state=decided&q=wrong+size")
    show(page, "refund-2")
    page.keyboard.press("a")
    page.get_by_role("searchbox").fill("sent twice")
    expect(page.locator("article.card")).to_have_count(0)
    page.get_by_role("searchbox").press("Enter")
    page.keyboard.press("a")
    page.keyboard.press("r")
    expect(page.get_by_role("form")).to_have_count(0)
    assert stage.reviews == {}


def test_case_that_somebody_else_holds_takes_no_verdict(open_page: Open, stage: Stage) -> None:
    stage.claim("mail-1")
    stage.claims["mail-1"].update(reviewer_id="p-2", reviewer="Jon Berg")
    stage.rows["mail-1"]["claimed_by"] = "Jon Berg"
    page = open_page("/case/mail-1?q=renewal")
    show(page, "mail-1")
    expect(page.locator(".settled")).to_contain_text("Jon Berg holds this case until")
    expect(page.locator("button.verdict")).to_have_count(0)
    for key in ("a", "r", "e", "s", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("form")).to_have_count(0)
    assert stage.posted == []
    stage.claims.pop("mail-1")
    stage.rows["mail-1"]["claimed_by"] = None
    stage.log("mail-1", "claim.released")
    expect(page.locator("button.verdict.approve")).to_be_visible()


def test_five_thousand_cases_cost_a_screenful_of_rows(open_page: Open, stage: Stage) -> None:
    for each in range(5_000):
        stage.add(plain(f"bulk-{each:05}", f"bulk {each}"))
    page = open_page("/")
    show(page, "pay-1")
    expect(page.get_by_text("5,012 cases")).to_be_visible()
    assert rows(page).count() < 60
    expect(rows(page).first).to_have_attribute("aria-setsize", "5012")


def in_step(page: Page, case: str) -> None:
    """The row that is lit, the address and the card on screen are of one case, and the row can be seen."""
    show(page, case)
    lit = page.locator("[role='option'][aria-selected='true']")
    expect(lit).to_have_count(1)
    expect(lit).to_have_id(f"row-{case}")
    expect(lit).to_be_in_viewport()
    expect(page.get_by_role("listbox", name="Queue")).to_have_attribute("aria-activedescendant", f"row-{case}")
    expect(page).to_have_url(re.compile(f"/case/{case}"))
    expect(page.locator("article.card")).to_have_count(1)


def test_moving_fast_through_five_thousand_cases_keeps_row_and_card_in_step(open_page: Open, stage: Stage) -> None:
    for each in range(5_000):
        stage.add(plain(f"bulk-{each:05}", f"bulk {each}"))
    page = open_page("/?queue=bulk")
    in_step(page, "bulk-00000")
    for presses, expected in ((40, "00040"), (40, "00080"), (40, "00120")):  # across a page of a hundred
        for _ in range(presses):
            page.keyboard.press("j")
        in_step(page, f"bulk-{expected}")
    for _ in range(45):
        page.keyboard.press("k")
    in_step(page, "bulk-00075")
    page.keyboard.press("j")
    page.keyboard.press("a")  # the card may still be the former one: that must never be the one answered
    page.wait_for_timeout(300)
    assert {review["case_id"] for review in stage.reviews.values()} <= {"bulk-00076"}


def test_halt_is_set_said_everywhere_and_lifted(open_page: Open, stage: Stage) -> None:
    page = open_page("/halts")
    page.get_by_label("Which").fill("billing-agent")
    page.get_by_label("Why").fill("acts oddly")
    page.get_by_role("button", name="Halt now").click()
    expect(page.get_by_text("Halted: agent billing-agent")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Queue", exact=True).click()
    expect(page.get_by_text("Halted: agent billing-agent")).to_be_visible()
    stage.roles = ["reviewer"]
    page.reload()
    page.get_by_role("button", name="Halt", exact=True).click()
    expect(page.get_by_text("a lead lifts it")).to_be_visible()
    expect(page.get_by_role("button", name="Lift")).to_have_count(0)
    stage.roles = ["reviewer", "lead"]
    page.reload()
    page.get_by_role("button", name="Lift").click()
    expect(page.get_by_text("Nothing is halted.")).to_be_visible()
    assert stage.halts == {}


def test_settled_case_counts_nothing_down(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/refund-3")
    show(page, "refund-3")
    expect(page.locator(".facts")).to_contain_text("If nobody answers")
    stage.rows["refund-3"].update(
        state="decided", decision={"case_id": "refund-3", "kind": "rejected", "by": [], "at": "2026-01-01T00:00:00Z"}
    )
    stage.log("refund-3", "decision.made")
    expect(page.locator(".facts")).not_to_contain_text("If nobody answers")
    expect(page.locator(".facts time.deadline")).to_have_count(0)


def test_settled_case_says_who_ended_it_and_why(open_page: Open, stage: Stage) -> None:
    stage.undo_seconds = 0.0
    stage._record("mail-1", {"verdict": "reject", "reason": "wrong_recipient"}, stage.rows["mail-1"])
    stage.history["mail-1"][-1]["actor"] = {"kind": "person", "pid": "p-1"}
    stage.rows["mail-1"].update(state="decided", decision="rejected", closed_at="2026-01-01T10:00:00Z")
    stage.rows["refund-1"].update(state="reviewed", decision="approved", closed_at="2026-01-01T10:00:00Z")
    stage._record("refund-1", {"verdict": "reject", "reason": "suspicious"}, stage.rows["refund-1"])
    page = open_page("/case/mail-1")
    show(page, "mail-1")
    expect(page.locator(".settled")).to_contain_text("Rejected · Wrong recipient · by Asha Rao · ")
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".timeline")).to_contain_text("Asha Rao")
    page.goto("/case/refund-1")
    show(page, "refund-1")
    # it was let through; what people said of it afterwards is what ended the case
    expect(page.locator(".settled")).to_contain_text("Rejected · Looks like fraud")


def test_refusal_tells_times_and_cases_as_people_do(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/mail-1")
    show(page, "mail-1")
    detail = "case 01a1fdd4-a5d6-78a4-b213-160a8c1d614f is held by another reviewer until 2026-11-21T11:20:33.123456Z"
    problem = {"code": "conflict", "title": "conflict", "type": "about:blank", "status": 409, "detail": detail}
    page.route("**/claim", lambda route: route.fulfill(status=409, json=problem))
    page.keyboard.press("Enter")
    toast = page.locator(".toast")
    expect(toast).to_contain_text("this case is held by another reviewer until")
    expect(toast).not_to_contain_text("2026-11-21T")


def test_halt_of_a_name_nobody_has_is_doubted_once_and_then_taken(open_page: Open, stage: Stage) -> None:
    page = open_page("/halts")
    page.get_by_label("Which").fill("biling-agent")
    page.get_by_label("Why").fill("acts oddly")
    page.get_by_role("button", name="Halt now").click()
    doubt = page.get_by_role("alert")
    expect(doubt).to_contain_text("Nothing was proposed by an agent called “biling-agent”.")
    assert stage.halts == {}
    doubt.get_by_role("button", name="billing-agent").click()
    expect(doubt).to_have_count(0)
    page.get_by_role("button", name="Halt now").click()
    expect(page.locator(".halt-line")).to_contain_text("agent billing-agent")
    page.get_by_label("Scope").select_option("One action")
    page.get_by_label("Which").fill("zzz")
    page.get_by_label("Why").fill("comes tomorrow")
    page.get_by_role("button", name="Halt now").click()
    expect(doubt).to_contain_text("There are:")
    page.get_by_role("button", name="Halt it anyway").click()
    expect(page.locator(".halt-line")).to_have_count(2)
    assert [halt["value"] for halt in stage.halts.values()] == ["billing-agent", "zzz"]


def test_approving_under_a_halt_promises_no_run(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/deploy-1")
    show(page, "deploy-1")
    expect(page.get_by_text("A halt stands")).to_have_count(0)
    stage.halts["h-1"] = {
        "id": "h-1", "scope": "agent", "value": "billing-agent", "reason": "odd payees", "by": "Jon Berg",
        "at": "2026-01-01T10:00:00Z",
    }  # fmt: skip
    stage.log("", "halt.set")
    expect(page.locator(".notice.halted")).to_contain_text("agent billing-agent (odd payees), by Jon Berg")
    expect(page.locator(".verdict-bar")).to_contain_text("approving lets nothing run")
    page.keyboard.press("a")
    expect(page.locator(".undo-tray")).to_contain_text("does not run while it does")
    expect(page.locator(".undo-tray")).not_to_contain_text("may run it")
    # what needs more answers, and what ran before anybody looked, says what it says otherwise
    page.goto("/case/refund-0")
    show(page, "refund-0")
    expect(page.locator(".verdict-bar")).not_to_contain_text("halt")


def test_operations_show_what_a_review_counts_while_people_are_few(open_page: Open) -> None:
    page = open_page("/operations")
    part = page.get_by_role("group", name="Capacity")
    expect(part).to_contain_text("People can do 120 reviews a day; 131 were asked for in the last 24 h.")
    expect(part).to_contain_text("a review counts up to 1.80 times its price")
    expect(part).to_contain_text("mailer: 96 reviews asked for, each counts 1.80 times.")
    expect(part).to_contain_text("refund: one more review would save 3.6 EUR; it costs 2 EUR.")
    expect(page.get_by_text("`")).to_have_count(0)


def test_quality_says_how_far_the_crowd_is_read_otherwise_than_counted(open_page: Open) -> None:
    page = open_page("/quality")
    expect(page.get_by_text("differs from plain majority on 13.0 %")).to_be_visible()
    expect(page.get_by_text("Dawid-Skene and plain majority differ on 13% of the cases")).to_be_visible()


def test_operations_show_the_rate_against_its_line(open_page: Open) -> None:
    page = open_page("/operations")
    expect(page.locator(".rate-said")).to_contain_text("aim 15 %, alarm 20 %")
    expect(page.locator(".rate-step")).to_have_text(["0 %", "10 %", "20 %", "30 %", "40 %"])
    expect(page.get_by_text("16.2 %").first).to_be_visible()
    expect(page.get_by_text("between aim and alarm")).to_be_visible()
    page.wait_for_selector(".chart canvas")
    expect(page.get_by_role("cell", name="Asha Rao")).to_be_visible()


def test_operations_of_a_first_round_say_nothing_twice_and_draw_one_round(open_page: Open) -> None:
    page = open_page("/halts")
    page.add_init_script("""window.drawn = []; const write = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
            drawn.push(text); return write.call(this, text, ...rest); };""")

    def just_begun(route: Route) -> None:
        response = route.fetch()
        first = {"round": 0, "review_rate": 0.96, "model_error": 0.24}
        route.fulfill(response=response, json={**response.json(), "oldest_seconds": 33, "chart": [first]})

    page.route("**/v1/operations", just_begun)
    page.goto("/operations")
    oldest = page.locator(".figure").nth(1)
    expect(oldest).to_have_text("Oldest33 s")
    page.wait_for_selector(".chart canvas")
    page.wait_for_function("drawn.includes('0')")
    assert page.evaluate("[...new Set(drawn.filter(text => /^[0-9]+$/.test(text)))]") == ["0", "1"]


def test_autonomy_shows_n_of_m_and_a_lead_accepts(open_page: Open, stage: Stage) -> None:
    page = open_page("/operations")
    panel = page.get_by_role("region", name="Autonomy")
    expect(panel.get_by_text("41 of 233")).to_be_visible()
    expect(panel.get_by_text("12 more by people golds have not checked")).to_be_visible()
    expect(panel.get_by_text("190 of 190 right").first).to_be_visible()
    panel.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("Accepted.")).to_be_visible()
    expect(panel.get_by_role("button", name="Accept")).to_have_count(0)
    assert ("accept pr-1", {}) in stage.posted


def test_autonomy_is_declined_with_a_reason(open_page: Open, stage: Stage) -> None:
    page = open_page("/operations")
    panel = page.get_by_role("region", name="Autonomy")
    panel.get_by_role("button", name="Decline").click()
    assert not stage.posted
    panel.get_by_label("Why not").fill("too early")
    panel.get_by_role("button", name="Decline").click()
    expect(page.get_by_text("Declined.")).to_be_visible()
    assert stage.posted == [("decline pr-1", {"reason": "too early"})]


def test_quality_shows_shares_only_with_evidence_enough(open_page: Open) -> None:
    page = open_page("/")
    show(page, "pay-1")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Quality")).to_be_visible()
    people = page.get_by_role("listitem").filter(has=page.locator("h3"))
    expect(people.nth(0)).to_contain_text("95 %")
    expect(people.nth(0)).to_contain_text("cleared by golds")
    expect(people.nth(2)).to_contain_text("Not enough evidence yet: 12 of 50 golds.")
    expect(people.nth(2)).not_to_contain_text("100 %")
    expect(page.get_by_text("18 of 49 wrong suggestions an arm")).to_be_visible()
    expect(page.get_by_text("alpha below 0.80")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(people.nth(1)).to_be_focused()
    expect(people.nth(1)).to_contain_text("! flagged by golds")
    expect(people.nth(1)).to_contain_text("Errs together with somebody (Wen Li): wrong together on 9 of 64 cases")


def test_quality_of_a_reviewer_is_his_own_scorecard(open_page: Open, stage: Stage) -> None:
    stage.own_quality = True
    page = open_page("/quality")
    expect(page.get_by_text("Your own scorecard.")).to_be_visible()
    expect(page.get_by_text("Jon Berg")).to_have_count(0)
    expect(page.get_by_text("Agreement")).to_have_count(0)


def test_confidence_draws_each_calibrator_and_says_where_evidence_is_missing(open_page: Open) -> None:
    page = open_page("/operations")
    panel = page.get_by_role("region", name="Confidence")
    charts = panel.get_by_role("img")
    expect(charts).to_have_count(2)
    expect(charts.nth(1)).to_have_attribute("aria-label", re.compile(r"said 31\.0 %, right 31\.8 % \(.*n 44"))
    assert charts.nth(1).locator("circle").count() == 6
    expect(panel.get_by_text("not enough evidence yet (12 of 30)")).to_be_visible()
    expect(panel.get_by_text("Out of date")).to_have_count(0)
    assert panel.get_by_label("Calibrator").locator("option").count() == 2
    panel.get_by_label("Calibrator").select_option("posts")
    expect(panel.get_by_text("! Out of date: fitted 214 days ago")).to_be_visible()


def test_supervisor_and_fusions_show_with_their_evidence(open_page: Open) -> None:
    page = open_page("/quality")
    panel = page.get_by_role("region", name="People and model together")
    expect(panel.get_by_text("guard-2")).to_be_visible()
    expect(panel.get_by_text("78 %")).to_be_visible()
    expect(panel.get_by_text("not enough evidence yet (15 of 30)")).to_be_visible()
    expect(panel.get_by_text("not enough evidence yet (74 of 200)")).to_be_visible()
    expect(panel.get_by_text("Asha Rao 95 %")).to_be_visible()


def test_supervisor_and_fusions_are_hidden_where_none_is_in_use(open_page: Open, stage: Stage) -> None:
    stage.team = False
    page = open_page("/quality")
    expect(page.get_by_role("heading", name="Everybody together")).to_be_visible()
    expect(page.get_by_text("People and model together")).to_have_count(0)


def test_unknown_execution_is_settled_by_a_person(open_page: Open, stage: Stage) -> None:
    page = open_page("/operations")
    happened = page.get_by_role("button", name="It happened")
    expect(happened).to_be_disabled()
    page.get_by_label("How you know").fill("it is on the bank statement")
    happened.click()
    expect(happened).to_have_count(0)
    assert stage.posted[-1] == ("settle", {"happened": True, "note": "it is on the bank statement"})


def test_history_carries_the_audit_proof(open_page: Open) -> None:
    page = open_page("/case/pay-1")
    show(page, "pay-1")
    page.get_by_role("tab", name="History").click()
    page.get_by_role("button", name="Check the audit proof").click()
    expect(page.get_by_text("Every entry below stands in the signed log.")).to_be_visible()


def test_sign_in_says_what_is_wrong_and_then_lets_in(open_page: Open) -> None:
    page = open_page("/", signed_in=False)
    page.get_by_label("E-mail").fill("asha@ours.example")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
    page.get_by_label("Password").fill("right")
    page.keyboard.press("Enter")
    show(page, "pay-1")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIEWS = [
    "/case/pay-1",
    "/case/deploy-1",
    "/case/digit-1",
    "/case/compare-1",
    "/case/hostile-1",
    "/operations",
    "/quality",
    "/halts",
]


def settled(page: Page) -> None:
    """Every part that is read by itself is on screen."""
    expect(page.locator("main .loading")).to_have_count(0)


def violations(page: Page, axe: str) -> list[Any]:
    settled(page)
    page.evaluate(axe)
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
    return [(each["id"], [node["html"][:120] for node in each["nodes"]][:3]) for each in found["violations"]]


@pytest.fixture
def lenient(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Pages without the content policy: axe is injected, which the page's own policy rightly forbids."""
    contexts = []

    def open_at(path: str, *, signed_in: bool = True, **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = browser.new_context(base_url=address, bypass_csp=True, **options)
        contexts.append(context)
        if signed_in:
            context.add_cookies([{"name": "handrail", "value": "in", "url": address}])
        page = context.new_page()
        page.goto(path)
        return page

    yield open_at
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_page_has_no_accessibility_violation(lenient: Callable[..., Page], axe: str, view: str, scheme: str) -> None:
    page = lenient(view, color_scheme=scheme)
    page.wait_for_selector("article[data-ready='true']" if view.startswith("/case") else "h1")
    assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "view", ["/case/pay-1", "/case/deploy-1", "/case/digit-1", "/case/compare-1", "/operations", "/quality"]
)
def test_phone_has_no_accessibility_violation(lenient: Callable[..., Page], axe: str, view: str, scheme: str) -> None:
    page = lenient(view, color_scheme=scheme, **PHONE)
    page.wait_for_selector("article[data-ready='true']" if view.startswith("/case") else "h1")
    assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desk", "phone"])
def test_form_and_armed_bar_have_no_accessibility_violation(
    lenient: Callable[..., Page], axe: str, size: dict[str, Any], scheme: str
) -> None:
    page = lenient("/case/pay-1", color_scheme=scheme, **size)
    show(page, "pay-1")
    page.keyboard.press("e")
    form = page.get_by_role("form", name="Edit the arguments")
    form.locator("input[name='/amount']").fill("500000")
    assert violations(page, axe) == []
    page.keyboard.press("Control+Enter")
    page.locator(".verdict-bar.armed").wait_for()
    # where the bar stands below the form, not over it
    page.evaluate("scrollBy(0, document.querySelector('.context-pane').getBoundingClientRect().top - innerHeight)")
    assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("form", ["r", "q", "s", "t"])
def test_reason_forms_have_no_accessibility_violation(
    lenient: Callable[..., Page], axe: str, form: str, scheme: str
) -> None:
    page = lenient("/case/mail-1", color_scheme=scheme)
    show(page, "mail-1")
    page.keyboard.press(form)
    page.locator("form.panel").wait_for()
    assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desk", "phone"])
def test_step_taken_over_has_no_accessibility_violation(
    lenient: Callable[..., Page], axe: str, size: dict[str, Any], scheme: str
) -> None:
    page = lenient("/case/mail-1", color_scheme=scheme, **size)
    show(page, "mail-1")
    page.keyboard.press("t")
    page.get_by_role("form", name="Do this step yourself?").wait_for()
    page.keyboard.press("Control+Enter")
    form = page.get_by_role("form", name="Hand back what came of it")
    form.get_by_role("button", name="Give back, not done").click()
    assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desk", "phone"])
def test_sign_in_has_no_accessibility_violation(
    lenient: Callable[..., Page], axe: str, size: dict[str, Any], scheme: str
) -> None:
    page = lenient("/", signed_in=False, color_scheme=scheme, **size)
    page.get_by_label("E-mail").fill("asha@ours.example")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desk", "phone"])
def test_batch_has_no_accessibility_violation(
    lenient: Callable[..., Page], axe: str, size: dict[str, Any], scheme: str
) -> None:
    page = lenient("/case/refund-0", color_scheme=scheme, **size)
    show(page, "refund-0")
    page.keyboard.press("x")
    page.keyboard.press("j")
    show(page, "refund-1")
    page.keyboard.press("x")
    page.get_by_role("button", name="Review as a batch").click()
    page.wait_for_selector(".batch-table")
    assert violations(page, axe) == []
    page.locator("tr[data-case='refund-0']").get_by_role("button").click()
    page.get_by_role("dialog").wait_for()
    assert violations(page, axe) == []
