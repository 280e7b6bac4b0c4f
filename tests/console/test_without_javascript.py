"""A browser whose JavaScript is off, on the real server: led from the console's address to pages that work."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.server.site import PASSWORD, propose, site

from .conftest import PATIENCE

pytestmark = pytest.mark.browser


def test_console_without_javascript_leads_to_the_list_and_a_decision(browser: Browser, tmp_path: Path) -> None:
    with site(tmp_path / "h.db") as made:
        made.person("ann")
        case_id = propose(made.program())["case_id"]
        context = browser.new_context(
            base_url=made.address, java_script_enabled=False, viewport={"width": 390, "height": 844}
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        visited: list[str] = []
        page.on("framenavigated", lambda frame: visited.append(frame.url.removeprefix(made.address)))
        page.goto("/")
        page.wait_for_url("**/sign-in?next=/decide")
        page.get_by_label("E-mail").fill("ann@default.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/decide")
        page.wait_for_timeout(500)
        # it rests there: nothing leads on by itself, and not back
        assert visited == ["/", "/sign-in?next=/decide", "/decide"]
        page.get_by_role("link", name="A1").click()
        page.wait_for_url(f"**/decide/{case_id}")
        page.get_by_label("Reason, when you reject").select_option("wrong")
        page.get_by_role("button", name="Reject").click()
        expect(page.get_by_role("heading", name="Recorded: rejected")).to_be_visible()
        page.get_by_role("link", name="All open cases").click()
        expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
        context.close()
