"""A contract that a broken adapter passes is worth nothing: each of these must fail the promise it breaks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handrail.cli.guests import standing
from handrail.testing.conformance import AdapterContract, Harness, Scene
from handrail.testing.conformance.cells import VARIABLE
from handrail.testing.conformance.elsewhere import Workshop
from handrail.testing.conformance.stage import Stage
from tests.integrations.conformance import broken

DEFECTS: list[tuple[type[Harness], str, tuple[Any, ...]]] = [
    (broken.Obeying, "test_c08_forge_an_approval_through_the_framework_runs_nothing", ()),
    (broken.Obeying, "test_c09_approve_through_the_framework_after_a_rejection_runs_nothing", ()),
    (broken.Obeying, "test_c17_answer_after_the_deadline_is_refused_and_the_program_told_once", ()),
    (broken.Eager, "test_c08_wake_with_nothing_decided_twice_does_nothing", ()),
    (broken.Eager, "test_c07_wake_with_a_malformed_answer_leaves_the_case_answerable", ("a word",)),
    (broken.Eager, "test_c06_decide_one_of_three_and_wake_leaves_the_others_open", ()),
    (broken.Rowless, "test_c01_wake_from_two_processes_at_once_acts_once", ()),
    (broken.Rowless, "test_c03_kill_after_the_effect_of_an_unsafe_tool_leaves_it_to_a_person", ()),
    (broken.Rowless, "test_c13_edit_and_wake_twice_runs_the_edit_once_and_says_so", ()),
    (broken.Rowless, "test_c20_halt_between_decision_and_wake_runs_nothing", ()),
    (broken.Stubborn, "test_c11_change_the_arguments_on_replay_runs_the_stored_ones_or_nothing", ()),
    (broken.Stubborn, "test_c09_reject_runs_nothing_and_the_model_sees_why", ()),
    (broken.Renamed, "test_c16_kill_while_parked_goes_on_in_a_new_process_with_the_same_case", ()),
    (broken.ByContent, "test_c14_call_twice_with_equal_arguments_acts_twice", ()),
    (broken.ByContent, "test_c14_call_again_after_the_first_was_approved_asks_again", ()),
    (broken.Crossed, "test_c04_decide_parallel_calls_in_reverse_order_gives_each_its_own", ()),
    (broken.Mumbling, "test_c09_reject_runs_nothing_and_the_model_sees_why", ()),
    (broken.Leaking, "test_c21_read_the_parked_state_finds_case_and_digest_only", ()),
    (broken.Deaf, "test_c18_say_something_new_while_parked_cancels_the_case", ()),
    (broken.Open, "test_c10_fail_in_any_way_before_a_decision_refuses_and_ends", ("server unreachable",)),
    (broken.Open, "test_c10_fail_in_any_way_before_a_decision_refuses_and_ends", ("terms raise",)),
    (broken.Formless, "test_c12_edit_badly_is_refused_while_the_reviewer_holds_the_case", ("wrong type",)),
    (broken.Retrying, "test_c02_raise_after_the_effect_under_retries_acts_once", ()),
    (broken.Hanging, "test_c08_wake_with_nothing_decided_twice_does_nothing", ()),
]


@pytest.fixture(autouse=True)
def keep_no_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """What broken adapters do belongs in no table."""
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def workshops() -> Iterator[list[Workshop]]:
    made: list[Workshop] = []
    yield made
    for workshop in made:
        workshop.close()


@pytest.mark.parametrize(
    ("harness", "promise", "more"), DEFECTS, ids=lambda given: getattr(given, "__name__", None) or str(given)[:12]
)
def test_break_a_promise_fails_its_test(
    harness: type[Harness], promise: str, more: tuple[Any, ...], tmp_path: Path, workshops: list[Workshop],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("handrail.testing.conformance.stage.HANG_SECONDS", 5.0)
    monkeypatch.setattr("handrail.testing.conformance.scene.WAIT_SECONDS", 5.0)
    contract = type("Contract", (AdapterContract,), {"harness": harness, "races": 3})()

    def workshop() -> Workshop:
        if not workshops:
            workshops.append(Workshop(harness))
        return workshops[0]

    scene = Scene(tmp_path)
    try:
        with pytest.raises(AssertionError):
            getattr(contract, promise)(Stage(scene, harness(scene), workshop), *more)
    finally:
        scene.close()


def test_keep_what_was_found_in_a_file_by_framework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "results"))
    contract = type("Contract", (AdapterContract,), {"harness": broken.Mumbling, "impossible": {"C7": "no answers"}})()
    on_stage(contract.test_c07_wake_with_a_malformed_answer_leaves_the_case_answerable, tmp_path / "1", "a word")
    on_stage(contract.test_c08_wake_with_nothing_decided_twice_does_nothing, tmp_path / "2")
    with pytest.raises(AssertionError, match="wrong"):
        on_stage(contract.test_c09_reject_runs_nothing_and_the_model_sees_why, tmp_path / "3")
    kept = json.loads((tmp_path / "results" / "mumbling.json").read_text())
    assert kept["framework"] == "mumbling"
    found = {name: list(cell["parts"].values()) for name, cell in kept["cells"].items()}
    assert found == {
        "C7": [{"result": "impossible", "why": "no answers"}],
        "C8": [{"result": "holds"}],
        "C9": [{"result": "broken"}],
    }
    assert [standing(cell) for cell in kept["cells"].values()] == ["impossible", "holds", "broken"]


def on_stage(promise: Callable[..., None], folder: Path, *more: Any) -> None:
    """A promise on a stage of its own."""
    folder.mkdir()
    scene = Scene(folder)
    try:
        promise(Stage(scene, broken.Mumbling(scene), lambda: pytest.fail("no process is needed")), *more)
    finally:
        scene.close()


def test_declare_a_cell_impossible_without_running_it(tmp_path: Path) -> None:
    contract = type(
        "Contract", (AdapterContract,), {"harness": broken.Eager, "impossible": {"C8": "it has no pause"}}
    )()
    scene = Scene(tmp_path)
    try:
        contract.test_c08_wake_with_nothing_decided_twice_does_nothing(None)
    finally:
        scene.close()
