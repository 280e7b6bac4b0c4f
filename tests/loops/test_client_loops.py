"""The loops over real data through the real client: real queue, real answers, a log that verifies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "loops"))

import davidson
import toolgate
from client_desk import by_policy, client_desks

from handrail.audit.trust import Trust
from handrail.audit.verify import verify
from handrail.canonical import parse
from handrail.maintenance.plane import Plane


def log_entries(plane: Plane) -> list[dict[str, Any]]:
    """The entries of a log that verifies, meaning included."""
    plane.sealer.step()
    report = verify(plane.logbook(), Trust(logs=(plane.sealer.key(plane.log).verifier,)))
    assert (report.exit_code, report.replayed, report.findings) == (0, True, ())
    return [parse(data) for data in plane.logbook().entries()]


def test_moderation_loop_through_the_client_asks_less_and_its_log_verifies(data_dir: Path, tmp_path: Path) -> None:
    tweets = davidson.read_tweets(data_dir)
    with client_desks(tmp_path) as desk_for:
        made = davidson.play(tweets, rounds=3, per_round=500, held_out=500, target=0.15, desk_for=desk_for)
        entries = log_entries(desk_for(davidson.POLICY.format(threshold=1.0, spot_checks=0.0)).plane)
    first, *later = [found.figures for found in made]
    assert first.review_rate == 1.0
    assert later[-1].review_rate < 0.5
    assert later[-1].model_error is not None
    assert all(found.unsettled == 0 for found in made)
    assert made[0].escalated > 10
    types = [entry["type"] for entry in entries]
    answers = sum(found.answers for found in made)
    assert types.count("review.given") == answers
    # a case may go up more than once: a second look at a spot check, then a lead
    went_up = {entry["case"]["id"] for entry in entries if entry["type"] == "case.escalated"}
    assert len(went_up) == sum(found.escalated for found in made)
    # three rounds' proposals, each decided once
    assert types.count("decision.made") == 1_500


def test_moderation_loop_through_the_client_routes_as_the_pure_one_does(data_dir: Path, tmp_path: Path) -> None:
    tweets = davidson.read_tweets(data_dir, 700)
    with client_desks(tmp_path) as desk_for:
        client = davidson.play(tweets, rounds=1, per_round=150, held_out=100, target=0.2, desk_for=desk_for)
    pure = davidson.play(tweets, rounds=1, per_round=150, held_out=100, target=0.2)
    assert client[0].figures == pure[0].figures
    assert client[0].escalated == pure[0].escalated


def test_airline_calls_through_the_client_run_nothing_wrong_and_the_log_verifies(
    data_dir: Path, tmp_path: Path
) -> None:
    calls = toolgate.airline_calls(data_dir, 12)
    with client_desks(tmp_path) as desk_for:
        made = toolgate.play_airline(calls, reviewer_error=0.0, desk_for=by_policy(desk_for))
        entries = log_entries(desk_for(toolgate.POLICY.read_text(encoding="utf-8")).plane)
    types = [entry["type"] for entry in entries]
    pure = toolgate.play_airline(calls, reviewer_error=0.0)
    assert (made.wrong_run, made.right_run, made.by_tier) == (0, made.right_proposed, pure.by_tier)
    assert made.wrong_proposed > 0
    assert types.count("decision.made") == made.calls
    assert types.count("review.given") == made.answers


def test_toolemu_calls_through_the_client_stop_what_the_pure_policy_stops(data_dir: Path, tmp_path: Path) -> None:
    with client_desks(tmp_path) as desk_for:
        made = toolgate.play_toolemu(data_dir, 60, desk_for=by_policy(desk_for))
    assert made == toolgate.play_toolemu(data_dir, 60)
