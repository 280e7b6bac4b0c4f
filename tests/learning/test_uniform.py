"""The sample that certifies: every case in it by one chance, and what would bias it left out or counted as an error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from handrail.errors import NotEnoughEvidence
from handrail.label import Label
from handrail.learning.uniform import Drawn, uniform_sample

HELD = Drawn(case_id="a", submitted_at=1, spot_check=False, chance=1.0, waiting=False, score=0.4)


def label(case: str, correct: bool | None = True, source: str = "review", reviewer: str = "r", at: int = 0) -> Label:
    return Label(
        id=f"{case}-{source}-{reviewer}-{at}", case_id=case, workspace="w", action="pay", source=source,  # type: ignore[arg-type]
        input={}, predicted=None, answer=None, correct=correct, confidence=0.5, scores=None, policy="p",
        calibrator=None, reviewer=reviewer, blind=False, verdict="approve", inclusion=1.0, made_at=at,
    )  # fmt: skip


def test_sample_thins_what_was_held_to_the_rate_of_spot_checks() -> None:
    held = [replace(HELD, case_id=f"h{i}", submitted_at=i) for i in range(4000)]
    checks = [replace(HELD, case_id=f"c{i}", submitted_at=i, spot_check=True, chance=0.1) for i in range(400)]
    labels = [label(one.case_id) for one in (*held, *checks)]
    made = uniform_sample([*held, *checks], labels, let_through=4000)
    assert made.rate == 0.1
    assert sum(case.startswith("c") for case in made.cases) == 400
    # 400 expected, three standard deviations
    assert abs(sum(case.startswith("h") for case in made.cases) - 400) < 57
    assert uniform_sample([*held, *checks], labels, let_through=4000) == made


def test_sample_is_uniform_where_the_rate_of_spot_checks_changed() -> None:
    many = [replace(HELD, case_id=f"m{i}", submitted_at=i, spot_check=True, chance=0.2) for i in range(2000)]
    few = [replace(HELD, case_id=f"f{i}", submitted_at=9999 + i, spot_check=True, chance=0.05) for i in range(500)]
    made = uniform_sample([*many, *few], [label(one.case_id) for one in (*many, *few)], let_through=20_000)
    assert abs(sum(case.startswith("m") for case in made.cases) - 500) < 60
    assert sum(case.startswith("f") for case in made.cases) == 500


def test_what_nobody_answered_counts_as_an_error() -> None:
    made = uniform_sample([HELD, replace(HELD, case_id="b")], [label("b")], let_through=0)
    assert dict(zip(made.cases, zip(made.correct, made.unanswered, strict=True), strict=True)) == {
        "a": (False, True), "b": (True, False),
    }  # fmt: skip
    tied = uniform_sample([HELD], [label("a", True, reviewer="x"), label("a", False, reviewer="y")], let_through=0)
    assert (tied.correct, tied.unanswered) == ((False,), (True,))


def test_outcome_overrides_reviews_and_golds_say_nothing() -> None:
    made = uniform_sample([HELD], [label("a"), label("a", False, "outcome", at=5)], let_through=0)
    assert made.correct == (False,)
    gold = uniform_sample([HELD], [label("a", True, "gold")], let_through=0)
    assert gold.unanswered == (True,)


def test_nothing_newer_than_a_waiting_case_is_taken() -> None:
    drawn = [replace(HELD, case_id=str(i), submitted_at=i, waiting=i == 5) for i in range(10)]
    made = uniform_sample(drawn, [label(str(i)) for i in range(10)], let_through=0)
    assert made.cases == ("0", "1", "2", "3", "4")
    assert made.left_out == {"not older than a case that still waits": 5}


def test_what_went_through_unseen_is_no_evidence() -> None:
    with pytest.raises(NotEnoughEvidence, match="none of them was spot-checked"):
        uniform_sample([HELD], [label("a")], let_through=3)
    few = [replace(HELD, case_id=f"c{i}", spot_check=True, chance=0.5) for i in range(10)]
    with pytest.raises(NotEnoughEvidence, match="10 spot checks among 1000"):
        uniform_sample(few, [], let_through=1000)


def test_cases_without_a_score_are_named() -> None:
    made = uniform_sample([replace(HELD, score=None)], [], let_through=0)
    assert (made.cases, made.left_out) == ((), {"no score": 1})


def test_a_threshold_on_the_sample_sees_the_true_error_where_reviews_alone_do_not() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(20_000)
    right = rng.random(20_000) < 0.5 + score / 2
    drawn, labels = [], []
    for i, (s, z) in enumerate(zip(score, right, strict=True)):
        through = s >= 0.8
        if through and rng.random() >= 0.05:
            continue
        chance = 0.05 if through else 1.0
        drawn.append(Drawn(case_id=str(i), submitted_at=i, spot_check=bool(through), chance=chance, waiting=False,
                           score=float(s)))  # fmt: skip
        labels.append(label(str(i), bool(z)))
    made = uniform_sample(drawn, labels, let_through=int((score >= 0.8).sum()))
    assert np.mean(made.correct) == pytest.approx(right.mean(), abs=0.04)
    assert np.mean(np.array(made.scores) >= 0.8) == pytest.approx(0.2, abs=0.03)
