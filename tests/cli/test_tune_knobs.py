"""`handrail tune --knobs` finds an optimum that was planted, and the same one again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from handrail.cli.tune_knobs import best_setting, search
from handrail.operations.bill import Tariff, Team
from handrail.policy.evaluate import compile_text
from handrail.policy.replay import Recorded
from handrail.proposal import Proposal

from .scene import read, run

MINUTE = 60_000_000
START = 1_700_000_000_000_000
POLICY = """
cost: {review: 1, wrong: 100, refused: 20}
escalation_policies:
  # ours
  - {action_type: pay, auto_approve_threshold: 0.5, sla_seconds: 60}
"""
needs_optuna = pytest.mark.skipif(search is None, reason="optuna (handrail[tune]) is not installed")


def stream(n: int = 150) -> list[Recorded]:
    """Below 0.8 half is wrong, above it nothing is."""
    rng = np.random.default_rng(4)
    confidence = rng.random(n)
    right = (confidence >= 0.8) | (rng.random(n) < 0.5)
    return [
        Recorded(proposal=Proposal(action="pay", confidence=float(c)), at=START + i * 4 * MINUTE, correct=bool(z))
        for i, (c, z) in enumerate(zip(confidence, right, strict=True))
    ]


@needs_optuna
def test_search_finds_the_planted_threshold_and_deadline() -> None:
    policy = compile_text(POLICY)
    team = Team(seats=2, handling=3.0, setup=1.0, misses=0.01, refuses=0.0)
    tariff = Tariff(review=1.0, wrong=100.0, refused=20.0)
    found = best_setting(policy, stream(), ["thresholds", "deadlines"], team=team, tariff=tariff, trials=80, seed=1)
    fields = found.setting.fields["pay"]
    # planted: ask below 0.8; a deadline the four minutes of a review fit in
    assert 0.77 <= fields["auto_approve_threshold"] <= 0.83
    assert fields["sla_seconds"] >= 240
    assert found.after < 0.2 * found.before
    assert found.bill.late == 0
    again = best_setting(policy, stream(), ["thresholds", "deadlines"], team=team, tariff=tariff, trials=80, seed=1)
    assert again == found


@needs_optuna
def test_search_asks_more_people_only_where_one_misses_much() -> None:
    policy = compile_text(POLICY.replace("0.5", "1.0").replace("60}", "86400}"))
    tariff = Tariff(review=1.0, wrong=100.0)
    people = []
    for misses in (0.3, 0.001):
        team = Team(seats=50, misses=misses, refuses=0.0)
        found = best_setting(policy, stream(100), ["quorum"], team=team, tariff=tariff, trials=30, seed=1)
        people.append(found.setting.fields["pay"]["reviewers"])
    # half is wrong at 100: the cost is q + 50 m^q, least at q = 3 or 4 for m = 0.3
    assert people[0] in (3, 4)
    assert people[1] == 1


@needs_optuna
def test_search_never_ends_dearer_than_what_stands() -> None:
    policy = compile_text(POLICY.replace("0.5", "0.8").replace("60}", "86400}"))
    team = Team(seats=5, misses=0.0, refuses=0.0)
    found = best_setting(
        policy, stream(60), ["thresholds"], team=team, tariff=Tariff(review=1, wrong=100), trials=2, seed=0
    )
    assert found.after <= found.before


@needs_optuna
def test_command_writes_the_changed_policy_and_keeps_its_comments(tmp_path: Path) -> None:
    policy, lines, output = tmp_path / "p.yaml", tmp_path / "s.jsonl", tmp_path / "new.yaml"
    policy.write_text(POLICY)
    lines.write_text(
        "\n".join(
            json.dumps({"proposal": {"action": "pay", "confidence": one.proposal.confidence}, "correct": one.correct})
            for one in stream(80)
        )
    )
    made = read("tune", "--knobs", "thresholds,batch", "--policy", policy, "--proposals", lines, "--trials", 25,
                "--output", output)  # fmt: skip
    assert made["after"] <= made["before"]
    assert "  # ours\n" in output.read_text()
    entry = compile_text(output.read_text()).action("pay")
    assert entry is not None
    assert entry.auto_approve_threshold == made["setting"]["fields"]["pay"]["auto_approve_threshold"]
    again = run(
        "tune", "--knobs", "thresholds", "--policy", policy, "--proposals", lines, "--output", output, "--trials", 3,
        code=1,
    )  # fmt: skip
    assert "nothing is overwritten" in again.output + again.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--knobs", "colour"], "no knob is called"), (["--knobs", "quorum"], "a policy and a stream are needed")],
)
def test_command_with_unclear_wishes_says_what_is_missing(words: list[str], said: str) -> None:
    made = run("tune", *words, code=1)
    assert said in made.output + made.stderr


@needs_optuna
def test_search_stays_at_or_above_a_certified_threshold() -> None:
    team, tariff = Team(seats=5, misses=0.0, refuses=0.0), Tariff(review=100, wrong=1)
    loose = best_setting(compile_text(POLICY), stream(60), ["thresholds"], team=team, tariff=tariff, trials=25, seed=0)
    assert loose.setting.fields["pay"]["auto_approve_threshold"] < 0.5
    certified = compile_text(POLICY.replace("0.5", "0.9, target_error: 0.02"))
    held = best_setting(certified, stream(60), ["thresholds"], team=team, tariff=tariff, trials=25, seed=0)
    assert held.setting.fields["pay"]["auto_approve_threshold"] >= 0.9
    bare = compile_text(POLICY.replace("auto_approve_threshold: 0.5", "target_error: 0.02"))
    none = best_setting(bare, stream(60), ["thresholds", "quorum"], team=team, tariff=tariff, trials=3, seed=0)
    assert "auto_approve_threshold" not in none.setting.fields["pay"]
