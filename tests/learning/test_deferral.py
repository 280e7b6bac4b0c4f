"""Rules of deferral: the cut is chosen on labels, and what was asked is fused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from handrail.errors import InvalidInput, NotEnoughEvidence
from handrail.learning.deferral import RULES, Deferral, Rule, fit_deferral, scores
from handrail.learning.fusion_fit import fit_fusion
from tests.learning.test_fusion import CLASSES, drawn, people, said


def sample(seed: int, n: int = 1500, right: float = 0.85) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p, y = drawn(rng, n, 3)
    return p, y, said(rng, y, people(3, right))


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_beats_model_and_people_alone(rule: Rule) -> None:
    gains = []
    for seed in range(5):
        p, y, h = sample(seed)
        fusion = fit_fusion(CLASSES, p[:500], y[:500], h[:500, None])
        rule_made = fit_deferral(rule, fusion, p[500:700], y[500:700], h[500:700])
        team = (rule_made.answers(p[700:], h[700:]) == y[700:]).mean()
        gains.append(team - max((p[700:].argmax(axis=1) == y[700:]).mean(), (h[700:] == y[700:]).mean()))
    assert np.mean(gains) > 0.004


def test_fusing_beats_swapping() -> None:
    means: dict[str, float] = {}
    for rule in RULES:
        right = []
        for seed in range(8):
            p, y, h = sample(seed, right=0.75)
            fusion = fit_fusion(CLASSES, p[:500], y[:500], h[:500, None])
            made = fit_deferral(rule, fusion, p[500:700], y[500:700], h[500:700])
            right.append((made.answers(p[700:], h[700:]) == y[700:]).mean())
        means[rule] = float(np.mean(right))
    assert min(means["fuse"], means["weighted"]) > max(means["confidence"], means["skill"]) + 0.01


def test_a_price_asks_less_and_an_unpayable_one_never() -> None:
    p, y, h = sample(3)
    fusion = fit_fusion(CLASSES, p[:500], y[:500], h[:500, None])
    shares = [
        fit_deferral("fuse", fusion, p[500:], y[500:], h[500:], price=r).asks(p[500:]).mean() for r in (0.0, 0.05, 2.0)
    ]
    assert shares[0] > shares[1] > 0.0
    assert shares[2] == 0.0


def test_scores_put_first_where_people_know_better() -> None:
    p, y, h = sample(4)
    fusion = fit_fusion(CLASSES, p[:500], y[:500], h[:500, None])
    sure, unsure = [0.98, 0.01, 0.01], [0.4, 0.35, 0.25]
    for rule in RULES:
        low, high = scores(rule, fusion, [sure, unsure])
        assert low < high


def test_a_deferral_survives_json_also_when_it_never_asks() -> None:
    p, y, h = sample(5)
    fusion = fit_fusion(CLASSES, p[:500], y[:500], h[:500, None])
    for price in (0.01, 5.0):
        made = fit_deferral("weighted", fusion, p[500:700], y[500:700], h[500:700], price=price)
        read = Deferral.from_json(json.loads(json.dumps(made.to_json())))
        assert (read.answers(p[700:], h[700:]) == made.answers(p[700:], h[700:])).all()


def test_bad_input_is_refused() -> None:
    p, y, h = sample(6)
    fusion = fit_fusion(CLASSES, p[:500], y[:500], h[:500, None])
    with pytest.raises(NotEnoughEvidence, match="29 of 30"):
        fit_deferral("fuse", fusion, p[:29], y[:29], h[:29])
    with pytest.raises(InvalidInput, match="no rule"):
        fit_deferral("luck", fusion, p, y, h)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="price"):
        fit_deferral("fuse", fusion, p, y, h, price=float("nan"))
    with pytest.raises(InvalidInput):
        fit_deferral("fuse", fusion, p, y, h + 7)
    with pytest.raises(InvalidInput):
        Deferral.from_json({"v": 1, "kind": "deferral", "rule": "fuse"})
