"""Actions with few labels lean on the others, the less the more labels they have, and never in silence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from handrail.calibration.borrowing import Lender, borrow
from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import fit
from handrail.calibration.metrics import log_loss
from handrail.errors import InvalidInput, NotEnoughEvidence

AT = 1_760_000_000_000_000


def lender(n: int, a: float, b: float, seed: int) -> Lender:
    """Scores whose honest chance is σ(a·logit + b)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(1.5, 1.5, n)
    return Lender(scores=expit(x), correct=rng.random(n) < expit(a * x + b))


def others(count: int, seed: int = 0, n: int = 300) -> dict[str, Lender]:
    rng = np.random.default_rng(seed)
    return {
        f"a{k}": lender(n, 0.5 + 0.05 * rng.normal(), -0.3 + 0.2 * rng.normal(), 100 + seed + k) for k in range(count)
    }


def test_borrow_is_better_than_no_calibrator_over_many_actions() -> None:
    gains = []
    for seed in range(30):
        made = borrow(lender(10, 0.5, -0.3, seed), others(4, seed), fitted_at=AT)
        fresh = lender(2_000, 0.5, -0.3, 1_000 + seed)
        gains.append(log_loss(fresh.scores, fresh.correct) - log_loss(made.apply_many(fresh.scores), fresh.correct))
    assert min(gains) > 0.0
    assert np.mean(gains) > 0.05


def test_borrow_is_marked_and_survives_json() -> None:
    made = borrow(lender(12, 0.5, 0.0, 1), others(3), fitted_at=AT, action="new", model="v1")
    assert (made.method, made.n, made.borrowed, made.action) == ("platt", 12, 900, "new")
    assert Calibrator.from_json(made.to_json()) == made
    assert "borrowed" not in fit("platt", *_pair(lender(50, 1, 0, 2)), fitted_at=AT).to_json()


def test_borrow_lets_its_own_labels_count_the_more_there_are() -> None:
    pool = others(4)
    few, many = (borrow(lender(n, 0.5, 2.5, 7), pool, fitted_at=AT).apply(0.6) for n in (3, 29))
    alone = borrow(lender(1, 0.5, 2.5, 7), pool, fitted_at=AT).apply(0.6)
    assert alone < few < many


def test_borrow_from_vectors_of_another_length_uses_their_confidence() -> None:
    rng = np.random.default_rng(3)
    p = rng.dirichlet([1, 1, 1], 20)
    made = borrow(Lender(scores=p, correct=rng.random(20) < 0.5), others(2), fitted_at=AT)
    assert made.classes == 3
    assert 0.0 < made.apply(p[0].tolist()) < 1.0


@pytest.mark.parametrize(
    ("own", "pool", "have", "need"), [(0, 3, 0, 1), (5, 0, 0, 30)]
)  # fmt: skip
def test_borrow_without_enough_says_how_many(own: int, pool: int, have: int, need: int) -> None:
    with pytest.raises(NotEnoughEvidence) as caught:
        borrow(lender(own, 1, 0, 1), others(pool), fitted_at=AT)
    assert (caught.value.context["have"], caught.value.context["need"]) == (have, need)


def test_borrow_from_others_that_were_always_right_is_refused() -> None:
    sure = Lender(scores=np.linspace(0.2, 0.9, 100), correct=[True] * 100)
    with pytest.raises(NotEnoughEvidence, match="right and wrong"):
        borrow(lender(5, 1, 0, 1), {"sure": sure}, fitted_at=AT)
    with pytest.raises(InvalidInput):
        borrow(Lender(scores=[0.5, 1.2], correct=[True, False]), others(1), fitted_at=AT)


def _pair(one: Lender) -> tuple[Any, Any]:
    return one.scores, one.correct
