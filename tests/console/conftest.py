"""A real Chromium, the built console, and a stage to play on. Any message about the content policy fails a test."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from .fake_api import Stage, served

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("HANDRAIL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WATCH = """window.violations = [];
addEventListener('securitypolicyviolation', e => window.violations.push(e.violatedDirective + ' ' + e.blockedURI));"""

# milliseconds; a loaded machine is slow, and only what fails waits so long
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)

Open = Callable[..., Page]


def load_hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="package")
def hook() -> ModuleType:
    return load_hook()


@pytest.fixture(scope="package")
def built(hook: ModuleType) -> Path:
    """The console, built from the sources as they are now."""
    try:
        if not hook.is_current(ROOT):
            hook.build(ROOT)
    except hook.BuildFailed as error:
        pytest.skip(str(error))
    folder: Path = ROOT / hook.OUTPUT
    return folder


@pytest.fixture(scope="package")
def browser(built: Path) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium; install the system's package or set HANDRAIL_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def address(stage: Stage) -> Iterator[str]:
    with served(stage) as url:
        yield url


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Open]:
    """Opens a signed-in page at a path. After the test no page may have met the content policy or an error."""
    contexts: list[BrowserContext] = []
    pages: list[Page] = []
    said: list[str] = []

    def open_at(path: str = "/", *, signed_in: bool = True, **options: object) -> Page:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = browser.new_context(base_url=address, **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        context.add_init_script(WATCH)
        if signed_in:
            context.add_cookies([{"name": "handrail", "value": "in", "url": address}])
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if "Policy" in message.text else None)
        page.on("pageerror", lambda error: said.append(f"uncaught: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.goto(path)
        contexts.append(context)
        pages.append(page)
        return page

    yield open_at
    violations = [each for page in pages for each in page.evaluate("window.violations")]
    for context in contexts:
        context.close()
    assert violations == []
    assert said == []


def show(page: Page, case: str) -> None:
    """Wait until the card of a case is on screen and answers."""
    page.wait_for_selector(f"article[data-case='{case}'][data-ready='true']")


def rows(page: Page) -> Locator:
    """The cases in the queue (a `select` has options too)."""
    return page.get_by_role("listbox", name="Queue").get_by_role("option")


@pytest.fixture(scope="package")
def axe(hook: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, pinned by the console's lockfile."""
    script = Path("node_modules/axe-core/axe.min.js")
    here = ROOT / "console" / script
    if here.is_file():
        return here.read_text()
    folder = tmp_path_factory.mktemp("axe")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / "console" / name, folder / name)
    done = subprocess.run(
        [*hook.npm_command(hook.node_folder()), "ci", "--ignore-scripts"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip(f"axe-core cannot be installed: {done.stderr[-300:]}")
    return (folder / script).read_text()
