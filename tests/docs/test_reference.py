"""The reference pages say what the program is today."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, page_paths

REFERENCE = ROOT / "docs" / "reference"


def test_generate_reference_from_the_program_equals_the_pages() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("page", "needle"),
    [
        ("cli.md", "## `handrail policy explain`"),
        ("cli.md", "`--headless`"),
        ("policy.md", "`auto_approve_threshold`"),
        ("policy.md", "`min_reviewers_per_task`"),
        ("errors.md", "`claim_lost`"),
        ("http.md", "## `POST /v1/proposals`"),
    ],
)
def test_look_up_a_known_name_finds_it(page: str, needle: str) -> None:
    assert needle in (REFERENCE / page).read_text()


def test_default_in_the_reference_is_a_value_of_the_program() -> None:
    assert [path.name for path in REFERENCE.glob("*.md") if "Undefined" in path.read_text()] == []


@pytest.mark.parametrize("path", page_paths(), ids=lambda path: str(path.relative_to(ROOT)))
def test_follow_every_relative_link_arrives(path: Path) -> None:
    broken = [
        target
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text())
        if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists()
    ]
    assert not broken, f"{path.relative_to(ROOT)} points at what is not there: {broken}"
