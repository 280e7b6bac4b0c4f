"""Every example runs by one command, does what it says, and stays short."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of

EXAMPLES = ROOT / "examples"
# what needs a framework runs in its environment: tests/integrations/examples.py
HERE = sorted(path for path in EXAMPLES.glob("*.py") if "handrail[" not in path.read_text(encoding="utf-8"))
MOST_LINES = 100
SHOWS = {
    "gate_a_function.py": ("paid 900 to Bose Paper Mills", "waits: ", "paid 12000 to Asha Traders"),
    "ask_a_question.py": ("the reviewer hears: ", "paying from 4410-22 in INR"),
    "co_planning.py": ("3. put up the sign (1.5 h)", "4. open (1 h)"),
    "pull_request.py": ("+    return sum(prices)", "merged: Merge use-sum", "not merged: faster (wrong)"),
    "deploy.py": ("not deployed: r2 (wrong)", "deployed r3 after r1", "took r3 back: AssertionError: out of memory"),
    "moderate.py": (
        "published: The night train runs again from Monday.",
        "published: I feel low and do not know whom to call.",
        "withheld (not_allowed): Free money, click the link now!",
    ),
}


@pytest.mark.parametrize("name", [path.name for path in HERE])
def test_example_with_a_scripted_reviewer_shows_what_it_is_about(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / name), "--auto", "--database", str(tmp_path / "example.db")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    for line in SHOWS[name]:
        assert line in ran.stdout
    # what is refused is never done
    assert "published: Free money" not in ran.stdout
    assert "paid 120000" not in ran.stdout


def test_pull_request_leaves_a_repository_with_only_what_was_approved(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "pull_request.py"), "--auto", "--database", str(tmp_path / "example.db")]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    (shop,) = tmp_path.glob("shop-*")
    log = ["git", "-C", str(shop), "log", "--format=%s", "main"]
    merged = subprocess.run(log, capture_output=True, text=True, timeout=30, check=True).stdout.splitlines()
    assert merged == ["Merge use-sum", "Price: use-sum", "Price: main"]


def test_deploy_leaves_the_release_that_ran_before(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "deploy.py"), "--auto", "--database", str(tmp_path / "example.db")]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    (service,) = tmp_path.glob("service-*")
    assert (service / "current").readlink().name == "r1"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_example_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < MOST_LINES


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_example_is_listed_with_its_command(path: Path) -> None:
    assert f"python examples/{path.name}" in (EXAMPLES / "README.md").read_text(encoding="utf-8")


STUDIES = {
    "fraud.py": (["--payments", "100"], {"fraud_among_let_through": (0.0, 0.005), "let_through": (0.7, 1.0)}),
    "moderation.py": ([], {}),
    "catalogue.py": (["--rounds", "4"], {"right_in_all": (0.88, 1.0), "right_among_sure": (0.95, 1.0)}),
    "preferences.py": (["--pairs", "200"], {"accuracy": (0.7, 1.0), "longer_wins": (0.2, 0.6)}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(STUDIES))
def test_study_finds_what_its_page_says_and_draws_it(name: str, tmp_path: Path) -> None:
    more, wanted = STUDIES[name]
    (said,) = [block.text for block in blocks_of(ROOT / "docs/guides/case-studies.md") if name in block.text]
    (tmp_path / "examples").symlink_to(EXAMPLES)
    command = [sys.executable, *shlex.split(said)[1:], "--json", *more]
    picture = tmp_path / command[command.index("--picture") + 1]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    for figure, (least, most) in wanted.items():
        assert least <= found[figure] <= most, figure
    if name == "moderation.py":
        first, ours = found["first come, first served"], found["handrail's queue"]
        assert ours["minutes_to_problem"] < 0.7 * first["minutes_to_problem"]
        assert ours["harm"] < 0.5 * first["harm"]
    if name == "fraud.py":
        assert found["log_verified"]
        assert found["cost_per_100"]["handrail"] <= min(found["cost_per_100"].values()) * 1.2
    assert picture.read_text(encoding="utf-8").startswith("<?xml")
