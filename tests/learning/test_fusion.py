"""Fusion by simulation: with known people it is Bayes, with fitted weights nobody is counted twice."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.errors import InvalidInput, NotEnoughEvidence
from handrail.learning.asking import advantage, pays, whom_to_ask
from handrail.learning.expertise import by_person, counted, own, pooled, prior, skill
from handrail.learning.fusion import Fusion, evidence, log_chances, softmax
from handrail.learning.fusion_fit import fit_fusion, fit_weights, realised_scale

CLASSES = ("ash", "beech", "cherry")
BAYES = ((1.0, 1.0, 0.0),) * 6


def people(k: int, right: float) -> np.ndarray:
    off = (1.0 - right) / (k - 1)
    return np.full((k, k), off) + (right - off) * np.eye(k)


def drawn(rng: np.random.Generator, n: int, k: int, sharpness: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated chances and truths drawn from them."""
    p = softmax(sharpness * rng.normal(size=(n, k)))
    return p, (rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(0, k - 1)


def said(rng: np.random.Generator, truth: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return (rng.random(len(truth))[:, None] > matrix[truth].cumsum(axis=1)).sum(axis=1).clip(0, len(matrix) - 1)


def known(pool: np.ndarray, **fields: object) -> Fusion:
    return Fusion(classes=CLASSES, pool=pool, weights=BAYES, **fields)  # type: ignore[arg-type]


@given(st.integers(0, 2**32 - 1))
def test_fuse_with_known_people_is_the_posterior_of_bayes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pool, ann = (rng.dirichlet(np.ones(3) * 2.0 + 0.1, size=3).clip(1e-3) for _ in range(2))
    pool, ann = pool / pool.sum(axis=1, keepdims=True), ann / ann.sum(axis=1, keepdims=True)
    p = rng.dirichlet(np.ones(3)).clip(1e-3)
    p = p / p.sum()
    found = known(pool, people={"ann": ann}).posterior(p, [("ann", "beech"), (None, "ash")])
    joint = p * ann[:, 1] * pool[:, 0]
    assert found == pytest.approx(joint / joint.sum(), rel=1e-9)


def test_value_with_known_people_is_the_expected_gain_in_right_answers() -> None:
    rng = np.random.default_rng(3)
    pool = people(3, 0.8)
    p = np.array([0.5, 0.3, 0.2])
    by_sum = sum((p * pool[:, h]).max() for h in range(3)) - p.max()
    assert known(pool).value(p, ()) == pytest.approx(by_sum)
    truth = rng.choice(3, size=200_000, p=p)
    heard = said(rng, truth, pool)
    after = np.array([(p * pool[:, h]).argmax() for h in range(3)])[heard]
    gained = (after == truth).mean() - (truth == 0).mean()
    assert gained == pytest.approx(by_sum, abs=0.004)


def test_value_is_nothing_where_no_answer_could_change_the_act() -> None:
    assert known(people(3, 0.6)).value([0.98, 0.01, 0.01], ()) == pytest.approx(0.0, abs=1e-12)


def test_fit_on_independent_people_comes_near_to_bayes() -> None:
    rng = np.random.default_rng(0)
    p, y = drawn(rng, 20_000, 3)
    total, hits = evidence(np.stack([said(rng, y, people(3, 0.75)) for _ in range(2)], axis=1), people(3, 0.75))
    a, b, g = fit_weights(log_chances(p), total, hits, y)
    # hits and log M say the same of people who are alike, so only their sum is determined
    odds = np.log(0.75 / 0.125)
    assert a == pytest.approx(1.0, abs=0.05)
    assert b * odds + g == pytest.approx(odds, rel=0.05)


def test_people_who_copy_each_other_do_not_count_twice_with_fitted_weights() -> None:
    rng = np.random.default_rng(1)
    p, y = drawn(rng, 4_000, 3)
    first = said(rng, y, people(3, 0.7))
    copies = np.repeat(first[:, None], 4, axis=1)
    one = fit_fusion(CLASSES, p[:1000], y[:1000], copies[:1000, :1])
    four = fit_fusion(CLASSES, p[:1000], y[:1000], copies[:1000])
    assert len(four.weights) == 4
    for chances, answer in zip(p[1000:1100], first[1000:1100], strict=True):
        heard = [(None, CLASSES[answer])]
        assert four.posterior(chances, heard * 4) == pytest.approx(one.posterior(chances, heard), abs=0.05)
    # taking the copies for four people believes them far too much
    naive = known(one.pool)
    loud = [naive.posterior(c, [(None, CLASSES[h])] * 4) for c, h in zip(p[1000:], first[1000:], strict=True)]
    calm = [four.posterior(c, [(None, CLASSES[h])] * 4) for c, h in zip(p[1000:], first[1000:], strict=True)]
    rows = np.arange(3000)
    loss = [-np.log(np.asarray(q)[rows, y[1000:]]).mean() for q in (loud, calm)]
    assert loss[1] < loss[0] - 0.1
    # and a further copy is known to be worth little
    rest = list(zip(p[1000:1200], first[1000:1200], strict=True))
    assert np.mean([four.value(c, [(None, CLASSES[h])] * 3) for c, h in rest]) < 0.02
    assert np.mean([four.value(c, ()) for c, _ in rest]) > 0.03


def test_without_fitted_weights_all_answers_weigh_as_much_as_one() -> None:
    bare = Fusion(classes=CLASSES, pool=people(3, 0.8))
    p = [0.5, 0.3, 0.2]
    once = bare.posterior(p, [(None, "beech")])
    assert bare.posterior(p, [(None, "beech")] * 5) == pytest.approx(once)
    assert once == pytest.approx(known(people(3, 0.8)).posterior(p, [(None, "beech")]))


def test_more_answers_than_were_fitted_weigh_as_much_as_the_last_fitted_number() -> None:
    fitted = Fusion(classes=CLASSES, pool=people(3, 0.8), weights=((1.0, 0.5, 0.3), (1.0, 0.4, 0.2)))
    p = [0.5, 0.3, 0.2]
    assert fitted.posterior(p, [(None, "beech")] * 6) == pytest.approx(fitted.posterior(p, [(None, "beech")] * 2))


def test_asking_stops_by_itself_and_pays_for_itself() -> None:
    rng = np.random.default_rng(5)
    pool = people(3, 0.8)
    fusion, price = known(pool), 0.02
    p, y = drawn(rng, 1500, 3)
    asked, right, alone = 0, 0, 0
    for chances, truth in zip(p, y, strict=True):
        heard: list[tuple[str | None, str]] = []
        while pays(fusion, chances, heard, price) and len(heard) < 100:
            heard.append((None, CLASSES[rng.choice(3, p=pool[truth])]))
        assert len(heard) < 30
        asked += len(heard)
        right += int(fusion.posterior(chances, heard).argmax() == truth)
        alone += int(chances.argmax() == truth)
    assert right - price * asked > alone + 0.05 * len(y)


def test_a_person_who_answers_against_the_truth_is_read_the_right_way_round() -> None:
    rng = np.random.default_rng(7)
    p, y = drawn(rng, 600, 2)
    contrary = 1 - said(rng, y, people(2, 0.9))
    honest = said(rng, y, people(2, 0.9))
    names = np.array([["eve", "bob"]] * 600, dtype=object)
    fitted = fit_fusion(("yes", "no"), p, y, np.stack([contrary, honest], axis=1), people=names)
    assert fitted.people["eve"][0, 0] < 0.3
    assert fitted.people["bob"][0, 0] > 0.8
    assert fitted.posterior([0.5, 0.5], [("eve", "yes")])[0] < 0.5 < fitted.posterior([0.5, 0.5], [("bob", "yes")])[0]


def test_a_majority_of_hostile_people_does_not_pull_the_answer_below_the_model() -> None:
    rng = np.random.default_rng(8)
    p, y = drawn(rng, 2_000, 3, sharpness=2.5)
    hostile = np.stack([(said(rng, y, people(3, 0.95)) + 1) % 3 for _ in range(2)], axis=1)
    every = np.concatenate([hostile, said(rng, y, people(3, 0.9))[:, None]], axis=1)
    names = np.array([["h1", "h2", "good"]] * 2_000, dtype=object)
    fitted = fit_fusion(CLASSES, p[:500], y[:500], every[:500], people=names[:500])
    right = [
        CLASSES[int(fitted.posterior(p[i], [(names[i, j], CLASSES[every[i, j]]) for j in range(3)]).argmax())]
        == CLASSES[y[i]]
        for i in range(500, 2_000)
    ]
    assert np.mean(right) > (p[500:].argmax(axis=1) == y[500:]).mean() + 0.05


def test_whom_to_ask_prefers_who_knows_these_classes_and_minds_the_price() -> None:
    pool = people(3, 0.7)
    botanist = pool.copy()
    botanist[0], botanist[1] = [0.97, 0.015, 0.015], [0.015, 0.97, 0.015]
    fusion = known(pool, people={"botanist": botanist})
    doubtful, other = [0.5, 0.49, 0.01], [0.02, 0.49, 0.49]
    found = whom_to_ask(fusion, doubtful, (), {"botanist": 0.02, "anna": 0.02})
    assert found is not None
    assert found.person == "botanist"
    assert advantage(fusion, doubtful, "botanist") > advantage(fusion, other, "botanist") > 0.0
    assert advantage(fusion, doubtful, "anna") == 0.0
    dear = whom_to_ask(fusion, doubtful, (), {"botanist": 0.45, "anna": 0.02})
    assert dear is not None
    assert dear.person == "anna"
    assert whom_to_ask(fusion, doubtful, (), {"botanist": 0.9, "anna": 0.9}) is None
    assert whom_to_ask(fusion, doubtful, [("anna", "ash")], {"anna": 0.0}) is None


def test_weights_wait_for_200_cases_and_matrices_for_30_answers() -> None:
    rng = np.random.default_rng(9)
    p, y = drawn(rng, 250, 3)
    heard = said(rng, y, people(3, 0.8))[:, None]
    assert fit_fusion(CLASSES, p[:199], y[:199], heard[:199]).weights == ()
    assert len(fit_fusion(CLASSES, p[:200], y[:200], heard[:200]).weights) == 1
    with pytest.raises(NotEnoughEvidence, match="29 of 30"):
        fit_fusion(CLASSES, p[:29], y[:29], heard[:29])


def test_a_person_has_an_own_matrix_from_50_cases_on_and_it_is_pulled_to_the_pool() -> None:
    pool = pooled(np.zeros((2, 2)))
    assert own(np.array([[20.0, 5.0], [4.0, 20.0]]), pool) is None
    mine = own(np.array([[0.0, 25.0], [25.0, 0.0]]), pool)
    assert mine is not None
    assert mine[0, 0] == pytest.approx(20 * 0.9 / 45)
    assert prior(3)[0] == pytest.approx([0.9, 0.05, 0.05])
    assert skill(pool, [0.5, 0.5]) == pytest.approx(0.9)
    found, ones = by_person([0, 1] * 40, [0, 1] * 40, ["a"] * 60 + ["b"] * 20, 2)
    assert set(ones) == {"a"}
    assert found[0, 0] > 0.95


def test_realised_scale_lowers_what_never_comes_true() -> None:
    promised = np.full(400, 0.2)
    assert realised_scale(np.full(400, 0.2), promised) == pytest.approx(1.0)
    assert realised_scale(np.zeros(400), promised) < 0.05
    assert realised_scale(np.full(400, -0.2), promised) == 0.0
    assert realised_scale([], []) == 1.0


def test_a_fusion_survives_json_and_keeps_its_digest() -> None:
    rng = np.random.default_rng(11)
    p, y = drawn(rng, 300, 3)
    heard = said(rng, y, people(3, 0.8))[:, None]
    names = np.full(heard.shape, "ann", dtype=object)
    made = fit_fusion(CLASSES, p, y, heard, people=names, fitted_at=17)
    read = Fusion.from_json(json.loads(json.dumps(made.to_json())))
    assert read.digest == made.digest
    assert read.posterior(p[0], [("ann", "ash")]) == pytest.approx(made.posterior(p[0], [("ann", "ash")]))


@pytest.mark.parametrize(
    "chances",
    [[0.5, 0.5], [0.5, 0.6, 0.2], [float("nan"), 0.5, 0.5], [-0.1, 0.6, 0.5], "ash", [1.0, 0.0, None]],
)
def test_posterior_of_what_are_no_chances_is_refused(chances: object) -> None:
    with pytest.raises(InvalidInput):
        known(people(3, 0.8)).posterior(chances, [(None, "ash")])


def test_an_answer_that_is_no_class_is_refused() -> None:
    with pytest.raises(InvalidInput, match="none of the classes"):
        known(people(3, 0.8)).posterior([0.5, 0.3, 0.2], [(None, "oak")])
    with pytest.raises(InvalidInput, match="none of the 3 classes"):
        counted([0, 3], [0, 0], 3)


@pytest.mark.parametrize("broken", ["v", "classes", "pool", "weights", "people"])
def test_a_broken_fusion_is_refused(broken: str) -> None:
    data = known(people(3, 0.8)).to_json()
    for bad in (None, [], [[1.0]], "x", 7, float("nan")):
        if (broken, bad) in (("weights", []),):
            continue
        with pytest.raises(InvalidInput):
            Fusion.from_json(data | {broken: bad})


def test_a_price_that_is_no_number_is_refused() -> None:
    fusion = known(people(3, 0.8))
    for price in (float("nan"), -1.0):
        with pytest.raises(InvalidInput):
            whom_to_ask(fusion, [0.5, 0.3, 0.2], (), {"ann": price})
        with pytest.raises(InvalidInput):
            pays(fusion, [0.5, 0.3, 0.2], (), price)
