"""High stakes: what lets something run is armed, restated, read to the end, and only then committed."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .cases import digit_png
from .conftest import Open, show
from .fake_api import Stage
from .test_deciding import wait_for_reviews

pytestmark = pytest.mark.browser

LONG = "All of this is agreed. " * 500 + "And the fee is doubled."


def grave(id: str, **fields: Any) -> dict[str, Any]:
    """A high-stakes case of nothing but what a test gives it."""
    return {
        "case_id": id,
        "action": "sign_contract",
        "summary": "with Asha Traders",
        "queue": "legal",
        "arguments": {"party": "Asha Traders"},
        "high_stakes": True,
        "dwell_floor_seconds": 0.1,
        "undo": {"action": None, "seconds": 0},
        "reasons": [],
        **fields,
    }


def opened(stage: Stage, open_page: Open, given: dict[str, Any]) -> Page:
    stage.add(given)
    page = open_page(f"/case/{given['case_id']}")
    show(page, given["case_id"])
    return page


def armed(page: Page) -> Locator:
    return page.locator(".verdict-bar.armed")


def test_approval_says_in_words_what_is_missing_and_restates_the_amount(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/pay-1")
    page.wait_for_selector("article[data-case='pay-1']")
    page.keyboard.press("a")
    page.keyboard.press("Shift+Enter")
    expect(armed(page)).to_contain_text("1 s more")
    expect(armed(page)).to_contain_text("INR 4,80,000 → account Asha Traders (A1-88 201 339): correct?")
    expect(armed(page).get_by_role("status")).to_have_text("Armed. Not yet: reveal “iban” or mark as not needed.")
    page.wait_for_timeout(1_100)
    expect(armed(page)).not_to_contain_text("s more")
    page.keyboard.press("Shift+Enter")
    assert stage.reviews == {}
    armed(page).get_by_role("button", name="Go to it").click()
    expect(page.get_by_role("button", name="Reveal iban")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("IN55 HDFC")).to_be_visible()
    expect(armed(page).get_by_role("status")).to_have_text("Armed. Shift + Enter commits, Esc disarms.")
    page.keyboard.press("Shift+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["verdict"], review["scope"]) == ("approve", "action")


def test_edit_is_armed_restated_and_committed_by_a_second_key(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/pay-1")
    show(page, "pay-1")
    page.get_by_role("button", name="Not needed iban").click()
    page.keyboard.press("e")
    form = page.get_by_role("form", name="Edit the arguments")
    form.locator("input[name='/amount']").fill("500000")
    page.keyboard.press("Control+Enter")
    expect(armed(page)).to_contain_text("amount to 5,00,000: correct?")
    expect(armed(page)).to_contain_text("payment transfer of INR 5,00,000")
    expect(armed(page).get_by_role("status")).to_contain_text("Shift + Enter commits")
    assert stage.reviews == {}
    page.keyboard.press("Control+Enter")  # arming twice sends nothing
    assert stage.reviews == {}
    page.keyboard.press("Shift+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert review["verdict"] == "edit"
    assert review["arguments"] == {**stage.cards["pay-1"]["arguments"], "amount": "500000"}


def test_edit_that_changes_after_arming_is_disarmed(open_page: Open, stage: Stage) -> None:
    page = opened(stage, open_page, grave("sign-1"))
    page.keyboard.press("e")
    party = page.get_by_role("form", name="Edit the arguments").locator("input[name='/party']")
    party.fill("Asha Trading")
    page.keyboard.press("Control+Enter")
    expect(armed(page)).to_contain_text("party to Asha Trading: correct?")
    party.press("End")
    party.press("X")
    expect(armed(page)).to_have_count(0)
    page.keyboard.press("Shift+Enter")  # in the field: sends the form, which arms it again
    expect(armed(page)).to_contain_text("party to Asha TradingX: correct?")
    page.keyboard.press("Escape")
    expect(armed(page)).to_have_count(0)
    expect(party).to_be_focused()
    expect(party).to_have_value("Asha TradingX")
    assert stage.reviews == {}


def test_shift_enter_in_the_field_commits_an_armed_edit(open_page: Open, stage: Stage) -> None:
    page = opened(stage, open_page, grave("sign-1"))
    page.keyboard.press("e")
    party = page.get_by_role("form", name="Edit the arguments").locator("input[name='/party']")
    party.fill("Asha Trading")
    page.keyboard.press("Control+Enter")
    expect(armed(page).get_by_role("status")).to_contain_text("commits")
    party.press("Shift+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert review["arguments"] == {"party": "Asha Trading"}


def test_long_value_blocks_an_edit_until_it_is_read_and_stays_read(open_page: Open, stage: Stage) -> None:
    page = opened(stage, open_page, grave("sign-1", arguments={"body": LONG, "party": "Asha Traders"}))
    page.keyboard.press("e")
    form = page.get_by_role("form", name="Edit the arguments")
    form.locator("input[name='/party']").fill("Asha Trading")
    page.keyboard.press("Control+Enter")
    expect(armed(page).get_by_role("status")).to_have_text("Armed. Not yet: read the rest of “body”.")
    page.keyboard.press("Shift+Enter")
    assert stage.reviews == {}
    original = page.get_by_role("region", name="Arguments")
    armed(page).get_by_role("button", name="Go to it").click()
    for _ in range(2):
        original.get_by_role("button", name="Next part").click()
    expect(original.get_by_text("And the fee is doubled.")).to_be_visible()
    expect(armed(page).get_by_role("status")).to_contain_text("Shift + Enter commits")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    page.wait_for_selector("article[data-case='compare-1']")
    page.keyboard.press("j")
    show(page, "sign-1")
    expect(page.get_by_text("read to the end")).to_be_visible()
    page.keyboard.press("a")
    expect(armed(page).get_by_role("status")).to_contain_text("Shift + Enter commits")


def test_long_evidence_and_agents_words_do_not_block(open_page: Open, stage: Stage) -> None:
    evidence = [{"kind": "text", "title": "Draft", "source": "agent", "trusted": False, "content": LONG}]
    page = opened(stage, open_page, grave("sign-1", evidence=evidence, agent_says=LONG))
    expect(page.get_by_role("tabpanel").get_by_text("more, unread")).to_be_visible()
    page.keyboard.press("a")
    expect(armed(page)).to_contain_text("sign contract, which cannot be undone: correct?")
    expect(armed(page).get_by_role("status")).to_contain_text("Shift + Enter commits")
    page.keyboard.press("Shift+Enter")
    wait_for_reviews(page, stage, 1)


def test_picked_label_is_armed_and_can_be_picked_again(open_page: Open, stage: Stage) -> None:
    digit = {"image": digit_png(), "suggestion": 8}
    given = grave("digit-9", kind="annotation", arguments=digit, choices=list(range(10)), undo={"action": None})
    page = opened(stage, open_page, given)
    page.keyboard.press("3")
    expect(armed(page)).to_contain_text("the answer 3: correct?")
    page.keyboard.press("5")
    expect(armed(page)).to_contain_text("the answer 5: correct?")
    expect(page.get_by_role("button", name="5", exact=True)).to_have_attribute("aria-pressed", "true")
    assert stage.reviews == {}
    expect(armed(page).get_by_role("status")).to_contain_text("commits")
    page.keyboard.press("Shift+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["verdict"], review["value"]) == ("respond", 5)


def test_models_own_label_is_armed_too(open_page: Open, stage: Stage) -> None:
    given = grave("digit-9", kind="annotation", arguments={"image": digit_png(), "suggestion": 8}, choices=[7, 8])
    page = opened(stage, open_page, given)
    page.keyboard.press("8")
    expect(armed(page).get_by_role("status")).to_contain_text("commits")
    assert stage.reviews == {}
    page.keyboard.press("Shift+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert review["verdict"] == "approve"


def test_answer_written_in_a_form_is_armed(open_page: Open, stage: Stage) -> None:
    page = opened(stage, open_page, grave("ask-1", kind="question", answer_schema={"type": "integer"}))
    page.keyboard.press("p")
    page.get_by_role("form", name="Answer").get_by_role("textbox").fill("42")
    page.keyboard.press("Control+Enter")
    expect(armed(page)).to_contain_text("the answer 42: correct?")
    expect(armed(page).get_by_role("status")).to_contain_text("commits")
    assert stage.reviews == {}
    page.keyboard.press("Shift+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["verdict"], review["value"]) == ("respond", 42)


def test_rejecting_a_high_stakes_case_waits_for_nothing(open_page: Open, stage: Stage) -> None:
    given = grave("sign-1", arguments={"body": LONG}, dwell_floor_seconds=15.0)
    page = opened(stage, open_page, given)
    page.keyboard.press("a")
    expect(armed(page)).to_be_visible()
    page.keyboard.press("r")
    page.get_by_role("form", name="Reject: why?").wait_for()
    expect(armed(page)).to_have_count(0)
    page.keyboard.press("2")
    (review,) = wait_for_reviews(page, stage, 1)
    assert (review["verdict"], review["reason"]) == ("reject", "wrong_amount")


def test_armed_approval_does_not_pass_on_to_the_next_revision(open_page: Open, stage: Stage) -> None:
    page = opened(stage, open_page, grave("sign-1"))
    page.keyboard.press("a")
    expect(armed(page).get_by_role("status")).to_contain_text("commits")
    stage.revise("sign-1")
    expect(armed(page)).to_have_count(0)
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_role("button", name="Approve", exact=True)).to_be_enabled()
    assert stage.reviews == {}


PRIVATE = {
    "people": [{"name": "Maria Costa", "tax": "PT-500-100"}, {"name": "Rui Dias", "tax": "PT-700-200"}],
    "account": "9007199254",
    "city": "Porto",
}
PATHS = ["/people/0/tax", "/people/1/tax", "/account"]
SECRETS = ("PT-500-100", "PT-700-200", "9007199254", "1111111111")


def no_secret_shown(page: Page) -> None:
    html = page.content() + " ".join(page.locator("input, textarea").evaluate_all("all => all.map(e => e.value)"))
    assert [secret for secret in SECRETS if secret in html] == []


def test_personal_values_are_covered_wherever_the_arguments_show(open_page: Open, stage: Stage) -> None:
    base = {**PRIVATE, "account": "1111111111", "city": "Lisbon"}
    page = opened(stage, open_page, grave("move-1", arguments=PRIVATE, base=base, personal_data=PATHS))
    expect(page.get_by_text("Porto").first).to_be_visible()
    diff = page.locator(".diff")
    # that the account changes is not covered up
    expect(diff.get_by_text("••••• (another value)")).to_be_visible()
    no_secret_shown(page)
    for mode in ("Words", "Unified"):
        diff.get_by_role("button", name=mode).click()
        no_secret_shown(page)
    page.keyboard.press("e")
    form = page.get_by_role("form", name="Edit the arguments")
    expect(form.get_by_text("hidden: personal")).to_have_count(3)
    no_secret_shown(page)
    form.get_by_role("button", name="Raw JSON").click()
    expect(form.get_by_text("The raw JSON holds personal values.")).to_be_visible()
    no_secret_shown(page)
    for name in ("people › 0 › tax", "people › 1 › tax", "account"):
        form.get_by_role("button", name=f"Reveal {name}").click()
    expect(form.locator("textarea[name='raw']")).to_have_value('{\n  "people": [\n    {\n      "name": "Maria Costa",\n      "tax": "PT-500-100"\n    },\n    {\n      "name": "Rui Dias",\n      "tax": "PT-700-200"\n    }\n  ],\n  "account": "9007199254",\n  "city": "Porto"\n}')  # fmt: skip  # noqa: E501


def test_personal_values_count_as_unread_until_revealed_or_set_aside(open_page: Open, stage: Stage) -> None:
    page = opened(stage, open_page, grave("move-1", arguments=PRIVATE, personal_data=PATHS))
    page.keyboard.press("a")
    status = armed(page).get_by_role("status")
    expect(status).to_contain_text("reveal “people › 0 › tax”, “people › 1 › tax”, “account” or mark as not needed")
    page.get_by_role("button", name="Reveal people › 0 › tax").click()
    page.get_by_role("button", name="Not needed people › 1 › tax").click()
    expect(status).to_have_text("Armed. Not yet: reveal “account” or mark as not needed.")
    page.get_by_role("button", name="Not needed account").click()
    expect(status).to_contain_text("Shift + Enter commits")
    expect(page.get_by_text("PT-500-100")).to_be_visible()
    expect(page.get_by_text("PT-700-200")).to_have_count(0)
    page.keyboard.press("Shift+Enter")
    wait_for_reviews(page, stage, 1)


def test_revealed_value_is_remembered_for_its_case_only(open_page: Open, stage: Stage) -> None:
    stage.add(grave("move-2", arguments=PRIVATE, personal_data=PATHS))
    page = opened(stage, open_page, grave("move-1", arguments=PRIVATE, personal_data=PATHS))
    page.get_by_role("button", name="Reveal account").click()
    page.keyboard.press("k")
    show(page, "move-2")
    no_secret_shown(page)
    page.keyboard.press("j")
    show(page, "move-1")
    expect(page.get_by_text("9007199254").first).to_be_visible()
    expect(page.get_by_text("PT-500-100")).to_have_count(0)


def test_personal_value_of_an_ordinary_card_blocks_nothing(open_page: Open, stage: Stage) -> None:
    given = grave("plain-1", arguments={"iban": "IN55 HDFC"}, personal_data=["/iban"], high_stakes=False)
    page = opened(stage, open_page, given)
    expect(page.get_by_role("button", name="Reveal iban")).to_be_visible()
    expect(page.get_by_role("button", name="Not needed iban")).to_have_count(0)
    page.keyboard.press("a")
    wait_for_reviews(page, stage, 1)


def test_undeclared_action_and_labelled_text_are_covered_too(open_page: Open, stage: Stage) -> None:
    stage.add(grave("raw-9", arguments={"account": "9007199254"}, personal_data=["/account"], inspectable=False))
    text = {"text": "Call PT-500-100"}
    given = grave("text-9", kind="annotation", arguments=text, personal_data=["/text"], choices=["yes", "no"])
    page = opened(stage, open_page, given)
    no_secret_shown(page)
    page.get_by_role("button", name="Reveal text").click()
    expect(page.get_by_text("Call PT-500-100")).to_be_visible()
    page.keyboard.press("k")
    show(page, "raw-9")
    expect(page.get_by_text('"account": "•••••"')).to_be_visible()
    no_secret_shown(page)


def test_batch_compares_personal_values_without_showing_them(open_page: Open, stage: Stage) -> None:
    for each, account in enumerate(("9007199254", "1111111111")):
        arguments = {"account": account, "city": "Porto"}
        stage.add(grave(f"move-{each}", arguments=arguments, personal_data=["/account"], high_stakes=False))
    page = open_page("/case/move-0")
    show(page, "move-0")
    page.keyboard.press("x")
    page.keyboard.press("j")
    show(page, "move-1")
    page.keyboard.press("x")
    page.get_by_role("button", name="Review as a batch").click()
    page.wait_for_selector(".batch-table")
    assert page.locator(".batch-table th[scope='col']").all_inner_texts() == ["Case", "account", "Veto"]
    no_secret_shown(page)
