"""Dawid-Skene in few rounds ends where plain EM ends: held against plain EM, written down here step by step."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from handrail.consensus import em
from handrail.consensus import one_coin as coins
from handrail.consensus.aggregate import aggregate
from handrail.consensus.answers import Answers, collect
from handrail.consensus.dawid_skene import dawid_skene
from handrail.consensus.majority import shares
from handrail.consensus.one_coin import one_coin

Floats = NDArray[np.float64]
DRAWS = [(k, golds, seed) for k, golds in itertools.product((2, 4, 12), (0, 30)) for seed in range(4)]


def crowd(seed: int, k: int, *, cases: int = 300) -> tuple[Answers, list[int]]:
    """Twelve people of whom some answer at random; four of them a case."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(k, cases, p=rng.dirichlet(np.full(k, 5.0)))
    skill = rng.uniform(0.4, 0.95, 12)
    rows = [
        (str(i), f"r{who}", int(truth[i] if rng.random() < skill[who] else rng.integers(k)))
        for i in range(cases) for who in rng.choice(12, 4, replace=False)
    ]  # fmt: skip
    return collect(rows), truth.tolist()


def known(held: Answers, truth: list[int], golds: int) -> Any:
    return held.known({str(i): truth[i] for i in range(golds)})


def maximised(held: Answers, truth: Floats, among: Any = slice(None)) -> tuple[Floats, Floats]:
    """M step: matrices by (reviewer, truth, answer), and rates."""
    k = len(held.labels)
    counts = np.tile(em.prior(k), (len(held.reviewers), 1, 1))
    np.add.at(counts, (held.reviewer[among], slice(None), held.label[among]), truth[held.case[among]])
    rates = truth.sum(axis=0) + 1.0
    return counts / counts.sum(axis=2, keepdims=True), rates / rates.sum()


def joint(held: Answers, matrices: Floats, rates: Floats) -> Floats:
    """Logarithm of the chance of each truth together with the answers."""
    made = np.tile(np.log(rates), (len(held.cases), 1))
    np.add.at(made, held.case, np.log(matrices)[held.reviewer, :, held.label])
    return made


def plain(held: Answers, golds: Any, rounds: int, tolerance: float = 0.0) -> tuple[Floats, int]:
    clamp = golds >= 0
    certain = np.eye(len(held.labels))[golds[clamp]]
    truth = shares(held)
    truth[clamp] = certain
    matrices, rates = maximised(held, truth)
    if clamp.any():
        matrices = maximised(held, truth, clamp[held.case])[0]
    taken, moved = 0, np.inf
    while taken < rounds and moved >= tolerance:
        taken += 1
        before, made = truth, joint(held, matrices, rates)
        truth = np.exp(made - made.max(axis=1, keepdims=True))
        truth /= truth.sum(axis=1, keepdims=True)
        truth[clamp] = certain
        matrices, rates = maximised(held, truth)
        moved = np.abs(truth - before).max()
    return truth, taken


def density(held: Answers, golds: Any, truth: Floats) -> float:
    """Logarithm of the posterior density of the model that `truth` leads to."""
    matrices, rates = maximised(held, truth)
    made, clamp = joint(held, matrices, rates), golds >= 0
    found = np.logaddexp.reduce(made, axis=1)
    found[clamp] = made[clamp, golds[clamp]]
    return float(found.sum() + (em.prior(len(held.labels)) * np.log(matrices)).sum() + np.log(rates).sum())


@pytest.mark.parametrize(("k", "golds", "seed"), DRAWS)
def test_fit_ends_where_plain_em_ends(k: int, golds: int, seed: int) -> None:
    held, truth = crowd(seed, k)
    given = known(held, truth, golds)
    found, _, still = em.fit(held, given)
    ends, _ = plain(held, given, 3000, 1e-8)
    assert np.abs(found - ends).max() < 5e-3
    assert (found.argmax(axis=1) != ends.argmax(axis=1)).sum() == 0
    assert density(held, given, found) == pytest.approx(density(held, given, ends), abs=1e-3)
    assert still
    assert all(
        found[i, held.labels.index(truth[int(case)])] == 1.0 for i, case in enumerate(held.cases) if given[i] >= 0
    )


def test_fit_takes_fewer_rounds_than_plain_em() -> None:
    ours, theirs = 0, 0
    for seed in range(6):
        held, truth = crowd(seed, 3)
        given = known(held, truth, 0)
        ours += em.fit(held, given)[1]
        theirs += plain(held, given, em.ROUNDS, em.TOLERANCE)[1]
    assert ours < 0.7 * theirs


def test_fit_whose_leaps_lead_down_is_plain_em(monkeypatch: pytest.MonkeyPatch) -> None:
    held, truth = crowd(1, 4)
    given = known(held, truth, 0)
    monkeypatch.setattr(em, "_leap", lambda start, one, two: start)
    found, rounds, still = em.fit(held, given)
    assert still
    # of three rounds one is the leap that was dropped
    assert found == pytest.approx(plain(held, given, (rounds + 1) // 3 * 2)[0], abs=1e-9)


def test_fit_never_lowers_the_density(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, golds in itertools.product(range(5), (0, 20)):
        held, truth = crowd(seed, 3, cases=120)
        given = known(held, truth, golds)
        found = []
        for most in range(5, 60, 3):
            monkeypatch.setattr(em, "ROUNDS", most)
            found.append(density(held, given, em.fit(held, given)[0]))
        assert (np.diff(found) >= -1e-7).all()


def test_fit_whose_rounds_run_out_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    held, truth = crowd(2, 4)
    places = zip(held.case, held.reviewer, held.label, strict=True)
    rows = [(held.cases[c], held.reviewers[r], held.labels[s]) for c, r, s in places]
    golds = {str(i): truth[i] for i in range(10)}
    whole = aggregate(rows, golds)
    assert (whole.converged, dawid_skene(rows).converged) == (True, True)
    assert "ran out" not in str(whole.warning)
    monkeypatch.setattr(em, "ROUNDS", 3)
    cut = dawid_skene(rows)
    assert (cut.rounds, cut.converged) == (2, False)
    assert "ran out" in str(aggregate(rows).warning)
    # one label leaves nothing to move
    assert dawid_skene([("1", "a", "x")]).converged


def test_one_coin_whose_rounds_run_out_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    held, truth = crowd(2, 4)
    assert one_coin(held, known(held, truth, 0))[1]
    monkeypatch.setattr(coins, "ROUNDS", 1)
    assert not one_coin(held, known(held, truth, 0))[1]
