"""The shadow price spends its budget where a minute saves most, and lets nothing through that was not certified."""

from __future__ import annotations

import numpy as np
import pytest

from handrail.errors import InvalidInput, NotEnoughEvidence
from handrail.operations.shadow import ShadowPrice, held_tier, starting_price


def saved(seed: int, share: float) -> tuple[float, float, float]:
    """Share of the gain saved: online, offline optimum, first come first served; over a stream with a known length."""
    rng = np.random.default_rng(seed)
    gain, minutes = rng.lognormal(0, 1.5, 5000), rng.lognormal(0, 0.5, 5000)
    first, rest = slice(0, 1000), slice(1000, None)
    budget = share * float(minutes[rest].sum())
    price = ShadowPrice(
        price=starting_price(gain[first].tolist(), minutes[first].tolist(), share), share=share,
        mean_minutes=float(minutes[first].mean()), left=budget, cases_left=4000,
    )  # fmt: skip
    asked = np.zeros(4000, dtype=bool)
    for i, (g, m) in enumerate(zip(gain[rest].tolist(), minutes[rest].tolist(), strict=True)):
        asked[i] = price.pays(g, m)
        price = price.after(m if asked[i] else 0.0)
    used = float(minutes[rest][asked].sum())
    assert used <= budget + float(minutes.max())
    assert used > 0.97 * budget
    order = np.argsort(-gain[rest] / minutes[rest])
    best = order[np.cumsum(minutes[rest][order]) <= budget]
    queue = np.cumsum(minutes[rest]) <= budget
    whole = float(gain[rest].sum())
    return tuple(float(gain[rest][each].sum()) / whole for each in (asked, best, queue))  # type: ignore[return-value]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_online_price_saves_nearly_what_the_offline_optimum_does(share: float) -> None:
    found = np.mean([saved(seed, share) for seed in range(5)], axis=0)
    assert found[0] >= 0.97 * found[1]
    assert found[0] > 1.5 * found[2]


def test_price_rises_with_use_and_falls_without() -> None:
    price = ShadowPrice(price=1.0, share=0.1, mean_minutes=2.0)
    assert price.after(2.0).price == pytest.approx(np.exp(0.002 * 9))
    assert price.after(0.0).price == pytest.approx(np.exp(-0.002))
    assert price.pays(2.1, 2.0)
    assert not price.pays(2.0, 2.0)


def test_price_stands_higher_when_the_budget_runs_ahead() -> None:
    price = ShadowPrice(price=1.0, share=0.1, mean_minutes=2.0, left=10.0, cases_left=100.0)
    assert price.standing == pytest.approx(4.0)
    assert ShadowPrice(price=1.0, share=0.1, mean_minutes=2.0, left=20.0, cases_left=100.0).standing == pytest.approx(1)
    assert not ShadowPrice(price=1e-9, share=0.1, mean_minutes=2.0, left=0.0).pays(100.0, 1.0)


def test_what_is_not_certified_waits_whatever_the_budget_says() -> None:
    for asked in (True, False):
        assert held_tier(confidence=0.97, certified=0.98, asked=asked) == "hard_gate"
        assert held_tier(confidence=0.97, certified=None, asked=asked) == "hard_gate"
        assert held_tier(confidence=float("nan"), certified=0.9, asked=asked) == "hard_gate"
    assert held_tier(confidence=0.98, certified=0.98, asked=False) == "auto_approve"
    assert held_tier(confidence=0.99, certified=0.98, asked=True) == "hard_gate"


@pytest.mark.parametrize(
    "bad", [{"price": 0.0}, {"price": np.inf}, {"share": 0.0}, {"share": 1.1}, {"mean_minutes": 0.0}, {"left": -1.0},
            {"left": np.nan}, {"cases_left": -1.0}],
)  # fmt: skip
def test_a_price_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        ShadowPrice(**({"price": 1.0, "share": 0.1, "mean_minutes": 1.0} | bad))


def test_a_starting_price_needs_cases() -> None:
    with pytest.raises(NotEnoughEvidence, match="2 of 30"):
        starting_price([1.0, 2.0], [1.0, 1.0], 0.1)
    for gains, minutes, share in (([np.inf] * 30, [1.0] * 30, 0.1), ([1.0] * 30, [0.0] * 30, 0.1),
                                  ([1.0] * 30, [1.0] * 29, 0.1), ([1.0] * 30, [1.0] * 30, 0.0)):  # fmt: skip
        with pytest.raises(InvalidInput):
            starting_price(gains, minutes, share)
