"""The edit form: values keep their types, mistakes do not leave the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .conftest import Open, show
from .fake_api import Stage
from .test_deciding import wait_for_reviews

pytestmark = pytest.mark.browser


def test_edit_keeps_the_types_of_values(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/mail-1")
    show(page, "mail-1")
    page.keyboard.press("e")
    form = page.get_by_role("form", name="Edit the arguments")
    form.locator("input[name='/retries']").fill("4")
    form.locator("input[name='/discount']").fill("0.25")
    form.locator("input[name='/urgent']").check()
    form.locator("select[name='/tone']").select_option("friendly")
    form.locator("input[name='/cc/0']").fill("007")
    form.locator("input[name='/fee']").fill("12.75")
    page.keyboard.press("Control+Enter")
    expect(form).to_be_visible()  # the new numbers are restated and wait for a nod
    assert stage.reviews == {}
    expect(form.get_by_role("alert")).to_have_text("Tick this before you send.")
    expect(form.get_by_role("checkbox", name="I have read the new numbers")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Control+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    before = stage.cards["mail-1"]["arguments"]
    changed = {"retries": 4, "discount": 0.25, "urgent": True, "tone": "friendly", "cc": ["007"], "fee": "12.75"}
    assert review["arguments"] == {**before, **changed}
    assert type(review["arguments"]["retries"]) is int
    assert review["arguments"]["urgent"] is True


def test_edit_without_a_schema_takes_types_from_the_values(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/deploy-1")
    show(page, "deploy-1")
    page.keyboard.press("e")
    form = page.get_by_role("form", name="Edit the arguments")
    form.locator("input[name='/replicas']").fill("5")
    form.get_by_role("checkbox", name="I have read the new numbers").check()
    page.keyboard.press("Control+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert review["arguments"] == {**stage.cards["deploy-1"]["arguments"], "replicas": 5}


def test_edit_after_the_fact_says_that_the_changes_do_not_run(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/refund-0")
    show(page, "refund-0")
    page.keyboard.press("e")
    form = page.get_by_role("form", name="Edit the arguments")
    expect(form.get_by_text("your changes do not run")).to_contain_text("taken back by refund_reverse")
    expect(form.get_by_role("button", name="Approve")).to_have_count(0)
    form.locator("input[name='/reason']").fill("arrived late")
    form.get_by_role("button", name="Object, and record these changes").click()
    wait_for_reviews(page, stage, 1)
    expect(page.get_by_text("Objected, with changes")).to_be_visible()
    expect(page.get_by_text("Approved with changes")).to_have_count(0)


def test_edit_with_a_mistake_is_not_sent_and_says_where(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/mail-1")
    show(page, "mail-1")
    page.keyboard.press("e")
    form = page.get_by_role("form", name="Edit the arguments")
    form.locator("input[name='/retries']").fill("many")
    expect(form.get_by_text("Give a number")).to_be_visible()
    form.locator("input[name='/retries']").fill("9")
    form.get_by_role("checkbox", name="I have read the new numbers").check()
    page.keyboard.press("Control+Enter")
    expect(form.get_by_role("alert")).to_contain_text("retries: At most 5")
    assert stage.reviews == {}
    form.get_by_role("button", name="Revert").click()
    expect(form.locator("input[name='/retries']")).to_have_value("2")
    expect(form.get_by_text("Nothing is changed yet.")).to_be_visible()


def test_edit_as_raw_json_survives_a_change_of_case(open_page: Open, stage: Stage) -> None:
    page = open_page("/case/deploy-1")
    show(page, "deploy-1")
    page.keyboard.press("e")
    page.get_by_role("button", name="Raw JSON").click()
    raw = page.locator("textarea[name='raw']")
    raw.fill('{"service": "api", "nested": {"a": [1, null, "x"]}}')
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    show(page, "mail-1")
    page.keyboard.press("k")
    show(page, "deploy-1")
    page.keyboard.press("e")
    page.get_by_role("form", name="Edit the arguments").wait_for()
    page.keyboard.press("Control+Enter")
    (review,) = wait_for_reviews(page, stage, 1)
    assert review["arguments"] == {"service": "api", "nested": {"a": [1, None, "x"]}}
