"""The demo's loop: what it plays holds, and what is sabotaged is found and named."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from handrail.cli import demo as command
from handrail.demo import headless
from handrail.demo.figures import figures_of
from handrail.demo.judging import judge_learning
from handrail.demo.labelling import TEACH
from handrail.demo.plan import Plan
from handrail.demo.stage import Stage
from handrail.learning.rounds import Round
from handrail.lifecycle.labels import label_noun
from handrail.store import training

SMALL = headless.Settings(seed=2, rounds=2, errands_per_round=12, posts_per_round=30)
Meddle = Callable[[Stage, Path], None]


def run(path: Path, settings: headless.Settings = SMALL, meddle: Meddle | None = None) -> dict[str, Any]:
    stage, played = headless.play(path, settings)
    with stage:
        if meddle is not None:
            meddle(stage, path)
        return figures_of(stage, played)[0]


def broken(figures: dict[str, Any]) -> set[str]:
    return {finding["name"] for finding in figures["invariants"] if not finding["held"]}


def test_headless_whole_loop_with_pictures_holds_and_learns(tmp_path: Path) -> None:
    plan = Plan(per_round=90, held_out=300)
    made = run(
        tmp_path / "demo.db", headless.Settings(seed=1, rounds=3, errands_per_round=14, posts_per_round=20, plan=plan)
    )
    assert broken(made) == set()
    assert made["ok"]
    assert made["audit"]["verified"]
    assert made["audit"]["meaning_replayed"]
    assert made["audit"]["signed"] == made["audit"]["entries"] > 1_000
    # every tier was used, and what was let through was looked at afterwards
    assert set(made["routed"]["by_tier"]) == {"auto_approve", "soft_review", "hard_gate"}
    assert {"approved", "rejected", "responded", "expired"} <= set(made["decided"])
    rates = made["learning"]["review_rate"]
    assert rates[0] == 1.0 > rates[-1]
    assert made["learning"]["model_error"]["after"] < 0.5 * made["learning"]["model_error"]["before"]
    duplicates = made["duplicates"]
    assert duplicates["replayed"] == duplicates["sent_twice"] > 0
    assert duplicates["starts_refused"] == duplicates["started_twice"] > 0
    assert (duplicates["racers"], duplicates["race_results"]) == (headless.RACERS, 1)
    for person in made["reviewers"]:
        if person["answers"] > 100:
            assert abs(person["measured_error"] - person["known_error"]) < 0.05


def test_headless_calibrates_on_what_chance_drew_alone(tmp_path: Path) -> None:
    plan = Plan(per_round=90, held_out=300)
    stage, _ = headless.play(
        tmp_path / "demo.db", headless.Settings(seed=1, rounds=3, errands_per_round=1, posts_per_round=1, plan=plan)
    )
    with stage:
        labelling = stage.labelling
        assert labelling is not None
        assert labelling.serving is not None
        assert labelling.serving.calibrator is not None
        items, _ = labelling.answered()
        taught = {
            label_noun(row[1]).input["item"] for row in training.labels(stage.plane.store, "default", action=TEACH)
        }
        # of those that were asked to teach, the reserve's share alone: 3 of 20, twice
        drawn = labelling.drawn & taught
        assert 0 < len(drawn) <= 9
        assert labelling.serving.calibrator.n <= len(set(items) & labelling.drawn) < len(items) - len(taught) + 10


def test_headless_rounds_stand_on_the_operations_chart(tmp_path: Path) -> None:
    stage, played = headless.play(
        tmp_path / "demo.db",
        headless.Settings(
            seed=0, rounds=1, errands_per_round=1, posts_per_round=1, plan=Plan(per_round=40, held_out=200)
        ),
    )
    with stage:
        chart = command.operations(stage.plane, "default")["chart"]
        made = figures_of(stage, played)[0]
    assert [(point["round"], point["review_rate"]) for point in chart] == [(0, 1.0)]
    assert chart[0]["model_error"] == made["learning"]["rounds"][0]["model_error"]


@pytest.mark.parametrize(("rates", "broken"), [([1.0], []), ([1.0, 0.4], []), ([1.0, 1.0], ["the review rate falls"])])
def test_judge_review_rate_from_two_rounds_on(rates: list[float], broken: list[str]) -> None:
    rounds = [
        Round(round=n, proposals=10, reviewed=0, review_rate=rate, model_error=None, passed_error=None)
        for n, rate in enumerate(rates)
    ]
    assert [finding.name for finding in judge_learning(rounds, 0.3, 0.1) if not finding.held] == broken


def test_headless_of_one_seed_is_repeatable(tmp_path: Path) -> None:
    first, second = (run(tmp_path / name) for name in ("a.db", "b.db"))
    assert first == second
    assert first["effects"]["undone"] > 0


def behind_the_gate(stage: Stage, path: Path) -> None:
    stage.office.pay.__wrapped__("1", "Somebody", "IN-0", Decimal(5))


def again_with_its_key(stage: Stage, path: Path) -> None:
    effect = next(effect for effect in stage.ledger.effects if effect.key)
    stage.ledger.write(effect.tool, effect.key, effect.arguments)


def other_arguments(stage: Stage, path: Path) -> None:
    effect = next(effect for effect in stage.ledger.effects if effect.key)
    effect.arguments["amount"] = "1000000"


def reversed_unasked(stage: Stage, path: Path) -> None:
    stage.ledger.write("payment_transfer.undo", None, {"of": "payment_transfer-1"})


def entry_changed(stage: Stage, path: Path) -> None:
    with sqlite3.connect(path, timeout=10) as db:
        changed = db.execute(
            "UPDATE audit_entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'rejected', 'approved') AS BLOB)"
            " WHERE type = 'decision.made' AND CAST(bytes AS TEXT) LIKE '%rejected%'"
        )
        assert changed.rowcount > 0
    db.close()


def decision_changed(stage: Stage, path: Path) -> None:
    with sqlite3.connect(path, timeout=10) as db:
        changed = db.execute("UPDATE proposal SET decision = 'approved' WHERE decision = 'rejected'")
        assert changed.rowcount > 0
    db.close()


@pytest.mark.parametrize(
    ("meddle", "named"),
    [
        (behind_the_gate, "no effect unapproved"),
        (again_with_its_key, "no effect twice"),
        (other_arguments, "no effect unapproved"),
        (reversed_unasked, "no effect unapproved"),
        (entry_changed, "the log verifies"),
        (decision_changed, "every decision has its entry"),
    ],
)
def test_judge_sabotaged_run_names_what_broke(meddle: Meddle, named: str, tmp_path: Path) -> None:
    made = run(tmp_path / "demo.db", meddle=meddle)
    assert named in broken(made)
    assert not made["ok"]


def invoke(monkeypatch: pytest.MonkeyPatch, meddle: Meddle | None, *options: str) -> Any:
    play = headless.play

    def played(path: Path, settings: headless.Settings, progress: Any) -> Any:
        stage, made = play(path, SMALL, progress)
        if meddle is not None:
            meddle(stage, path)
        return stage, made

    monkeypatch.setattr(command.headless, "play", played)
    return CliRunner().invoke(command.app, ["--headless", "--no-pictures", *options])


def test_command_headless_prints_figures_as_json_and_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    result = invoke(monkeypatch, None, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["ok"] is True


def test_command_headless_with_a_negative_seed_is_wrong_usage() -> None:
    result = CliRunner().invoke(command.app, ["--headless", "--seed", "-5"])
    assert result.exit_code == 2
    assert "--seed" in result.output


def test_command_headless_of_a_sabotaged_run_fails_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    result = invoke(monkeypatch, behind_the_gate)
    assert result.exit_code == 1
    assert "broken: no effect unapproved" in result.stderr


def test_command_headless_of_a_tampered_log_fails_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    result = invoke(monkeypatch, entry_changed)
    assert result.exit_code == 1
    assert "broken: the log verifies" in result.stderr


def test_command_without_scikit_learn_says_so_and_plays_without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "can_label", lambda: False)
    play = headless.play
    monkeypatch.setattr(command.headless, "play", lambda path, settings, progress: play(path, SMALL, progress))
    result = CliRunner().invoke(command.app, ["--headless", "--json"])
    assert result.exit_code == 0
    assert "handrail[ml]" in result.stderr
    assert json.loads(result.stdout)["learning"] == {"left_out": command.MISSING}
