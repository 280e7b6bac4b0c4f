"""The help-desk agent does what it says."""

from __future__ import annotations

from pathlib import Path

from tests.integrations.examples import run_example


def test_example_gives_read_access_at_once_and_admin_access_as_people_decide(tmp_path: Path) -> None:
    first, *given, last = run_example("agent_framework_access.py", tmp_path).splitlines()
    assert (first, last) == ("waits for a person", "2 of 3 were given.")
    # both calls of one turn run beside each other
    assert sorted(given) == ["ben is reader of wiki", "eva is admin of build"]
