"""`handrail doctor` says which frameworks are here, what holds with them, and how to get the others."""

from __future__ import annotations

import importlib
import json
from importlib import metadata
from pathlib import Path

import pytest

import handrail.integrations
from handrail.cli.frameworks import Framework, frameworks, told
from handrail.cli.guests import matrix

from .scene import read, run

GUEST = '''
"""An adapter whose framework is handrail's own dependency, so that it is here."""
import yaml

def ungated(agent):
    return []
'''


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of one more adapter."""
    path = tmp_path / "guests" / "a_guest.py"
    path.parent.mkdir()
    path.write_text(GUEST)
    folders = [*handrail.integrations.__path__, str(path.parent)]
    monkeypatch.setattr(handrail.integrations, "__path__", folders)
    monkeypatch.setattr(handrail.integrations.__spec__, "submodule_search_locations", folders)
    monkeypatch.delitem(__import__("sys").modules, "handrail.integrations.a_guest", raising=False)
    required = ['pyyaml>=6 ; extra == "a-guest"', 'a-package-nobody-has>=1 ; extra == "langgraph"', "typer>=0.20"]
    monkeypatch.setattr(metadata, "requires", lambda name: required)
    importlib.invalidate_caches()
    return path


def one(name: str) -> Framework:
    (found,) = frameworks(name)
    return found


def test_look_at_an_installed_framework_says_its_version_and_how_to_find_unwrapped_tools(guest: Path) -> None:
    found = one("a_guest")
    assert found.state == "ok"
    assert found.versions == {"pyyaml": metadata.version("pyyaml")}
    assert "handrail.integrations.a_guest.ungated(agent) names them" in found.text


@pytest.mark.parametrize("wrong", ["raise RuntimeError('too new')", "from yaml import nothing_of_the_kind"])
def test_look_at_a_framework_whose_adapter_does_not_load_says_why(guest: Path, wrong: str) -> None:
    guest.write_text(wrong)
    found = one("a_guest")
    assert found.state == "bad"
    assert "its adapter does not load" in found.text
    assert 'pip install "handrail[a-guest]"' in found.remedy
    run("doctor", "a_guest", code=1)


def test_look_at_a_framework_that_is_not_installed_says_how_to_install_it(guest: Path) -> None:
    found = one("langgraph")
    assert (found.state, found.remedy) == ("absent", 'pip install "handrail[langgraph]"')
    printed = run("doctor", "langgraph").stdout
    assert 'langgraph: pip install "handrail[langgraph]"' in printed.split("not installed:")[1]


def test_list_what_holds_gives_each_recorded_cell_its_sign() -> None:
    found = frameworks()
    recorded = {key for framework in found for key in framework.conformance}
    assert recorded == set(matrix())
    cells = {"C1": "holds", "C2": "partly", "C3": "impossible", "C10": "broken"}
    shown = list(told([Framework(name="some", state="ok", conformance={"some": cells, "other": {"C1": "holds"}})]))
    head = next(line for line in shown if "C10" in line)
    assert head.split() == ["C1", "C2", "C3", "C10"]
    assert [line.split() for line in shown if line.startswith(("some ", "other "))] == [
        ["some", "+", "~", "-", "!"], ["other", "+", ".", ".", "."],
    ]  # fmt: skip


def test_list_with_another_version_than_the_list_was_run_with_says_so() -> None:
    made = Framework(name="some", state="ok", versions={"some": "2.0"}, run_with={"some": "1.0", "beside": "3"})
    assert next(told([made])) == "ok    some: some 2.0 (the list below was run with some 1.0)"


def test_doctor_prints_frameworks_after_the_control_plane(database: Path) -> None:
    printed = run("doctor", "--database", database).stdout
    assert printed.index("database: ") < printed.index("plain-functions")
    found = read("doctor", "--database", database)
    assert {framework["name"] for framework in found["frameworks"]} >= {"langgraph", "plain functions"}


def test_doctor_of_a_framework_that_is_unknown_names_those_there_are() -> None:
    assert "langgraph" in json.dumps(run("doctor", "nowhere", code=1).output)


@pytest.mark.parametrize(
    "words", [("--thread", "t"), ("langgraph", "--thread", "t"), ("mcp", "--saver", "sqlite:///t"), ("--repair",)]
)
def test_doctor_with_threads_that_it_cannot_find_says_what_to_give(words: tuple[str, ...]) -> None:
    assert (
        "--saver" in run("doctor", *words, code=1).output or "doctor langgraph" in run("doctor", *words, code=1).output
    )
