"""Integrations are reached by name, and a missing framework is said in words."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import handrail.integrations
from handrail.cli import guests
from handrail.errors import InvalidInput


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An integration whose framework is not installed."""
    (tmp_path / "a_guest.py").write_text("import a_framework_that_is_not_here\n")
    monkeypatch.setattr(handrail.integrations, "__path__", [*handrail.integrations.__path__, str(tmp_path)])
    monkeypatch.setattr(handrail.integrations.__spec__, "submodule_search_locations", handrail.integrations.__path__)
    # another test may have had a guest of that name
    monkeypatch.delitem(sys.modules, "handrail.integrations.a_guest", raising=False)
    importlib.invalidate_caches()
    return "a_guest"


def test_list_integrations_without_importing_them(guest: str) -> None:
    assert guest in guests.integrations()


def test_reach_an_integration_without_its_framework_says_which_extra(guest: str) -> None:
    with pytest.raises(InvalidInput, match="a_framework_that_is_not_here") as caught:
        guests.integration(guest)
    assert "handrail[a-guest]" in caught.value.remedy


def test_reach_an_unknown_integration_names_those_there_are(guest: str) -> None:
    with pytest.raises(InvalidInput, match="nowhere") as caught:
        guests.integration("nowhere")
    assert guest in caught.value.remedy
