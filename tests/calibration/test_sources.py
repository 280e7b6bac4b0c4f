"""Scores from ensembles, samples, tokens and self-ratings: what each becomes, and that a calibrator reads it."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax

from handrail.calibration import agreement, mean_of_members, sample_share, self_rating, token_confidence
from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import fit
from handrail.calibration.metrics import automation, log_loss
from handrail.calibration.sources import SOURCES
from handrail.errors import InvalidInput

AT = 1_760_000_000_000_000


def ensemble(n: int, members: int = 5, seed: int = 0) -> tuple[Any, Any]:
    """Members that each see the truth through noise of their own, and the true classes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    seen = np.eye(3)[truth][:, None, :] * 2.0 + rng.normal(0, 1.0, (n, 1, 3)) + rng.normal(0, 1.2, (n, members, 3))
    return softmax(2 * seen, axis=2), truth


def test_mean_of_members_is_their_mean_by_place_or_name() -> None:
    assert mean_of_members([[0.2, 0.8], [0.6, 0.4]]) == pytest.approx([0.4, 0.6])
    assert mean_of_members([{"a": 0.2, "b": 0.8}, {"b": 0.4, "a": 0.6}]) == pytest.approx({"a": 0.4, "b": 0.6})
    assert mean_of_members([0.2, 0.6]) == pytest.approx(0.4)
    assert mean_of_members([[0.0, 0.0], [0.0, math.log(3)]], "logit") == pytest.approx([0.375, 0.625])
    assert mean_of_members(np.array([[0.2, 0.8], [0.6, 0.4]])) == pytest.approx([0.4, 0.6])


def test_sample_share_of_names_counts_the_answer() -> None:
    assert sample_share(["cat", "cat", "dog"]) == pytest.approx(2.5 / 4)
    assert sample_share(["cat", "cat", "dog"], "dog") == pytest.approx(1.5 / 4)
    assert sample_share(["cat"] * 3) < sample_share(["cat"] * 30)


def test_sample_share_of_vectors_breaks_ties_by_mean_probability() -> None:
    tied = sample_share([[0.9, 0.1], [0.4, 0.6]])
    assert tied[0] > tied[1]
    assert sum(tied) == pytest.approx(1.0)
    # the number of samples weighs more than any probability
    more = sample_share([[0.51, 0.49], [0.51, 0.49], [0.0, 1.0]])
    assert more[0] > more[1]


def test_agreement_of_models_is_the_share_that_give_the_answer() -> None:
    assert agreement(["spam", "ham", "spam"], "spam") == pytest.approx(2.5 / 4)


def test_token_confidence_is_the_geometric_mean_whatever_the_length() -> None:
    assert token_confidence([math.log(0.9)] * 3) == pytest.approx(0.9)
    assert token_confidence([math.log(0.9)] * 300) == pytest.approx(0.9)
    assert token_confidence([0.0]) == 1.0


@pytest.mark.parametrize(
    ("said", "share"),
    [
        (8, 0.8), (8.5, 0.85), ("8", 0.8), ("8/10", 0.8), ("4 out of 5", 0.8), ("85%", 0.85), ("85 %", 0.85),
        ("85 percent", 0.85), ("High", 0.75), (" very  low ", 0.1), ("certain", 1.0), (0, 0.0),
    ],
)  # fmt: skip
def test_self_rating_reads_what_models_say(said: Any, share: float) -> None:
    assert self_rating(said) == pytest.approx(share)


@pytest.mark.parametrize("said", [11, -1, "110 %", "12/10", "3/0", "quite sure", "", None, True, math.nan, [8]])
def test_self_rating_refuses_what_is_none(said: Any) -> None:
    with pytest.raises(InvalidInput):
        self_rating(said)


@pytest.mark.parametrize(
    ("make", "raw"),
    [
        (mean_of_members, []), (mean_of_members, [[0.5, 0.5], [0.2, 0.3, 0.5]]), (mean_of_members, [[0.5, 0.5], 0.5]),
        (mean_of_members, [[0.5, 0.5], [0.5, math.nan]]),
        (mean_of_members, [{"a": 0.5, "b": 0.5}, {"a": 0.5, "c": 0.5}]),
        (mean_of_members, "cat"), (sample_share, []), (sample_share, ["cat", [0.5, 0.5]]), (sample_share, {"cat": 2}),
        (token_confidence, []), (token_confidence, [-0.1, 0.4]), (token_confidence, [-math.inf]),
        (token_confidence, ["-0.1"]), (token_confidence, None),
    ],
)  # fmt: skip
def test_bad_scores_of_a_source_are_refused(make: Any, raw: Any) -> None:
    with pytest.raises(InvalidInput):
        make(raw)


def test_fit_on_members_reads_members_and_beats_one_of_them() -> None:
    p, truth = ensemble(4_000)
    fresh, fresh_truth = ensemble(4_000, seed=1)
    made = fit("auto", p.tolist(), truth=truth, source="members", fitted_at=AT)
    assert made.source == "members"
    together = made.apply_many(fresh.tolist())
    right = fresh.mean(axis=1).argmax(axis=1) == fresh_truth
    alone = fit("auto", p[:, 0], truth=truth, fitted_at=AT).apply_many(fresh[:, 0])
    alone_right = fresh[:, 0].argmax(axis=1) == fresh_truth
    assert automation(together, right, 0.02) > automation(alone, alone_right, 0.02) + 0.05
    assert log_loss(together, right) < log_loss(alone, alone_right)
    again = Calibrator.from_json(json.loads(json.dumps(made.to_json())))
    assert again.apply(fresh[0].tolist()) == pytest.approx(together[0], abs=1e-9)


def test_fit_on_samples_ranks_nearly_as_well_as_on_their_means() -> None:
    p, truth = ensemble(4_000, members=9)
    by_share = fit("auto", p.tolist(), truth=truth, source="samples", fitted_at=AT)
    by_mean = fit("auto", p.tolist(), truth=truth, source="members", fitted_at=AT)
    assert by_share.metrics["log_loss"][1] < by_mean.metrics["log_loss"][1] + 0.03


def test_fit_on_sampled_names_counts_the_answer_that_was_proposed() -> None:
    rng = np.random.default_rng(2)
    sure = rng.uniform(0.3, 0.95, 2_000)
    samples = [["yes" if rng.random() < c else f"no{rng.integers(9)}" for _ in range(10)] for c in sure]
    made = fit("platt", samples, rng.random(2_000) < sure, source="samples", fitted_at=AT, answers=["yes"] * 2_000)
    assert made.apply(["yes"] * 10, "yes") > 0.8
    assert made.apply(["yes"] * 2 + ["no1"] * 8, "yes") < 0.5 < made.apply(["yes"] * 2 + ["no1"] * 8)


@pytest.mark.parametrize("source", ["tokens", "rating"])
def test_fit_on_tokens_and_ratings_finds_what_they_are_worth(source: Any) -> None:
    rng = np.random.default_rng(3)
    level = rng.integers(1, 10, 3_000)
    right = rng.random(3_000) < expit((level - 5) / 2)
    raw = (
        [[math.log(v / 10)] * int(rng.integers(1, 20)) for v in level]
        if source == "tokens"
        else [f"{v}/10" for v in level]
    )
    made = fit("auto", raw, right, source=source, fitted_at=AT)
    best = [math.log(0.9)] * 7 if source == "tokens" else "9/10"
    assert made.apply(best) == pytest.approx(expit(2), abs=0.04)
    again = Calibrator.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    with pytest.raises(InvalidInput):
        again.apply([0.5] if source == "tokens" else "hardly")


def test_fit_names_the_first_score_a_source_cannot_read() -> None:
    with pytest.raises(InvalidInput, match="score 2: 'hm' is no rating"):
        fit("auto", ["high", "low", "hm"], [True, False, True], source="rating", fitted_at=AT)


def test_read_a_calibrator_of_an_unknown_source_is_refused() -> None:
    made = fit("platt", np.linspace(0.1, 0.9, 50), np.arange(50) % 2 == 0, fitted_at=AT).to_json()
    assert made["source"] in SOURCES
    with pytest.raises(InvalidInput, match="no source"):
        Calibrator.from_json({**made, "source": "tea leaves"})
