"""A policy file with mistakes: every door names the file, and none makes a database of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import handrail
from handrail.errors import InvalidInput, InvalidPolicy
from handrail.server.run import open_plane
from handrail.server.settings import Settings

MISTAKEN = "escalation_policies:\n  - action_type: a\n    auto_approve_treshold: 0.9\n"
MISTAKE = ":3: escalation_policies[0].auto_approve_treshold: unknown field. Did you mean auto_approve_threshold?"


def opened(database: Path, policy: Path) -> None:
    handrail.open(database, policy=policy)


def served(database: Path, policy: Path) -> None:
    open_plane(Settings(database=str(database), policy=policy))


@pytest.mark.parametrize("door", [opened, served])
def test_mistaken_file_is_named_and_makes_no_database(door: Callable[[Path, Path], None], tmp_path: Path) -> None:
    policy, database = tmp_path / "mine.yaml", tmp_path / "handrail.db"
    policy.write_text(MISTAKEN)
    with pytest.raises(InvalidPolicy) as caught:
        door(database, policy)
    assert str(caught.value) == f"{policy}{MISTAKE}"
    policy.write_bytes(b"name: \xff\n")
    with pytest.raises(InvalidInput, match=r"mine\.yaml"):
        door(database, policy)
    policy.unlink()
    with pytest.raises(InvalidInput, match=r"mine\.yaml"):
        door(database, policy)
    assert list(tmp_path.iterdir()) == []


def test_mistaken_text_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(InvalidPolicy, match=r"^policy:3: "):
        handrail.open(tmp_path / "handrail.db", policy=MISTAKEN)
    assert list(tmp_path.iterdir()) == []


def test_mistaken_file_put_in_force_later_is_named(tmp_path: Path) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text(MISTAKEN)
    with handrail.open(tmp_path / "handrail.db") as hr, pytest.raises(InvalidPolicy) as caught:
        hr.set_policy(policy)
    assert str(caught.value) == f"{policy}{MISTAKE}"
