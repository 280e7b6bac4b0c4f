"""Agreement, majority and Dawid-Skene: by hand, against scikit-learn, and on real crowds with known truth."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from handrail.consensus.agreement import agreement, cohen_kappa
from handrail.consensus.dawid_skene import dawid_skene
from handrail.consensus.majority import Consensus, majority
from handrail.errors import InvalidInput

# Krippendorff (2011), "Computing Krippendorff's alpha-reliability", nominal data with missing answers: alpha 0.743
KRIPPENDORFF = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}


def rows(table: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(str(i), who, said) for who, line in table.items() for i, said in enumerate(line.split()) if said != "."]


def test_agreement_of_the_published_example_is_the_published_alpha() -> None:
    found = agreement(rows(KRIPPENDORFF))
    assert found.alpha.value == pytest.approx(0.743, abs=0.0005)
    assert (found.cases, found.answers) == (11, 40)


def test_agreement_of_fleiss_example_is_his_kappa() -> None:
    # Fleiss (1971): ten cases, fourteen reviewers, five labels; kappa 0.210
    counts = [(0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1), (7, 7, 0, 0, 0)]
    counts += [(3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7)]
    answers = []
    for case, row in enumerate(counts):
        said = [label for label, times in enumerate(row) for _ in range(times)]
        answers += [(str(case), f"r{i}", label) for i, label in enumerate(said)]
    assert agreement(answers).fleiss.value == pytest.approx(0.210, abs=0.0005)


def test_agreement_on_one_label_is_undefined_not_nan() -> None:
    found = agreement([("1", "a", "x"), ("1", "b", "x"), ("2", "a", "x"), ("2", "b", "x")], np.random.default_rng(0))
    assert found.raw.value == 1.0
    assert (found.alpha.value, found.alpha.low, found.fleiss.value, found.ac1.value) == (None, None, None, None)


def test_agreement_without_a_second_answer_has_no_value() -> None:
    assert agreement([("1", "a", "x"), ("2", "b", "y")]).raw.value is None
    assert agreement([]).cases == 0


def test_agreement_counts_a_person_once_with_his_latest_answer() -> None:
    found = agreement([("1", "a", "x"), ("1", "a", "y"), ("1", "b", "y"), ("2", "a", "x"), ("2", "b", "x")])
    assert (found.raw.value, found.answers) == (1.0, 4)


def test_agreement_interval_holds_the_value_and_narrows_with_cases() -> None:
    rng = np.random.default_rng(5)
    widths = []
    for n in (60, 1_500):
        truth = rng.integers(0, 2, n)
        answers = [(str(i), who, int(truth[i]) ^ int(rng.random() < 0.2)) for i in range(n) for who in "abc"]
        found = agreement(answers, rng).alpha
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 3


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=40))
def test_cohen_kappa_equals_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    one, two = [a for a, _ in pairs], [b for _, b in pairs]
    mine = cohen_kappa(one, two)
    if mine is None:
        assert len(set(one) | set(two)) == 1
    else:
        assert mine == pytest.approx(cohen_kappa_score(one, two))


def test_cohen_kappa_of_unequal_lengths_is_refused() -> None:
    with pytest.raises(InvalidInput):
        cohen_kappa(["a"], [])


def test_majority_with_a_tie_is_no_consensus() -> None:
    made = majority([("1", "a", "x"), ("1", "b", "y"), ("2", "a", "x"), ("2", "b", "y"), ("2", "c", "y")])
    assert made["1"] == Consensus(label=None, chances={"x": 0.5, "y": 0.5}, n=2)
    assert (made["2"].label, made["2"].posterior, made["2"].n) == ("y", pytest.approx(2 / 3), 3)


def test_majority_counts_people_not_answers() -> None:
    made = majority([("1", "a", "x"), ("1", "a", "x"), ("1", "b", "y"), ("1", "a", "x")])
    assert made["1"].label is None


@given(st.lists(st.tuples(st.sampled_from("12"), st.sampled_from("abc"), st.sampled_from("xy")), max_size=12))
def test_majority_is_right_by_counting(answers: list[tuple[str, str, str]]) -> None:
    latest = {(case, who): said for case, who, said in answers}
    for case, made in majority(answers).items():
        said = [label for (c, _), label in latest.items() if c == case]
        if made.label is None:
            assert said.count("x") == said.count("y")
        else:
            assert 2 * said.count(made.label) > len(said)


def test_dawid_skene_learns_who_to_believe() -> None:
    rng = np.random.default_rng(0)
    skill = {"good": 0.95, "fair": 0.75, "poor": 0.55, "worse": 0.5}
    truth = rng.integers(0, 2, 600)
    answers = [(str(i), who, int(t) ^ int(rng.random() > p)) for i, t in enumerate(truth) for who, p in skill.items()]
    made = dawid_skene(answers)
    assert made.skill("good") > made.skill("fair") > made.skill("poor")
    right = np.mean([made.consensus[str(i)].label == t for i, t in enumerate(truth)])
    by_count = np.mean([majority(answers)[str(i)].label == truth[i] for i in range(0, 600, 20)])
    assert right > 0.92 > by_count


def test_dawid_skene_with_golds_sees_through_a_hostile_majority() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 400)
    hostile = {"a": 0.1, "b": 0.1, "c": 0.9}
    answers = [(str(i), who, int(t) ^ int(rng.random() > p)) for i, t in enumerate(truth) for who, p in hostile.items()]
    golds = {str(i): int(truth[i]) for i in range(30)}

    def accuracy(known: dict[str, int]) -> float:
        made = dawid_skene(answers, known).consensus
        return float(np.mean([made[str(i)].label == truth[i] for i in range(30, 400)]))

    assert accuracy({}) < 0.1
    assert accuracy(golds) > 0.9


def test_dawid_skene_without_answers_is_refused() -> None:
    with pytest.raises(InvalidInput):
        dawid_skene([])


def test_dawid_skene_of_one_answer_keeps_it() -> None:
    made = dawid_skene([("1", "a", "x")])
    assert (made.consensus["1"].label, made.consensus["1"].n) == ("x", 1)


# README of the data set: majority, Dawid-Skene of a peer, alpha; ties count half
PUBLISHED = {
    "bluebird": (0.7593, 0.8889, 0.1255),
    "dog": (0.8222, 0.8426, 0.5194),
    "rte": (0.8969, 0.9275, 0.2415),
    "product": (0.8966, 0.9396, 0.1575),
    "cf": (0.8822, 0.83, 0.5768),
    "cf_amt": (0.8533, 0.84, 0.5212),
    "ms": (0.7042, 0.7686, 0.3010),
}


@pytest.fixture(scope="module")
def crowd(data_dir: Path) -> tuple[dict[str, list[tuple[str, str, str]]], dict[str, dict[str, str]]]:
    answers: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    truth: dict[str, dict[str, str]] = defaultdict(dict)
    with gzip.open(data_dir / "crowd_ti" / "labels.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["subset"] in PUBLISHED:
                answers[row["subset"]].append((row["item"], row["worker"], row["label"]))
    with gzip.open(data_dir / "crowd_ti" / "truth.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            truth[row["subset"]][row["item"]] = row["truth"]
    return answers, truth


def accuracy(made: dict[str, Consensus], truth: dict[str, str]) -> float:
    """Ties count as one share of the tied labels."""
    scores = []
    for item, answer in truth.items():
        chances = made[item].chances
        leaders = [label for label, p in chances.items() if p > max(chances.values()) - 1e-9]
        scores.append((answer in leaders) / len(leaders))
    return float(np.mean(scores))


@pytest.mark.parametrize("subset", PUBLISHED)
def test_real_crowd_gives_the_published_figures(subset: str, crowd) -> None:  # type: ignore[no-untyped-def]
    answers, truth = crowd[0][subset], crowd[1][subset]
    by_count, peer, alpha = PUBLISHED[subset]
    # where people answered a case twice, only the latest counts here, and all in the published figure
    repeated = len({(case, who) for case, who, _ in answers}) < len(answers)
    assert agreement(answers).alpha.value == pytest.approx(alpha, abs=0.0005 if repeated else 0.00006)
    assert accuracy(majority(answers), truth) == pytest.approx(by_count, abs=0.0002)
    # with priors it is at most a hair below the peer without, and far above where people answer rarely
    assert accuracy(dawid_skene(answers).consensus, truth) > peer - 0.0025


def test_real_crowds_are_read_better_than_by_counting(crowd) -> None:  # type: ignore[no-untyped-def]
    answers, truth = crowd
    mine = [accuracy(dawid_skene(answers[name]).consensus, truth[name]) for name in PUBLISHED]
    peer = [figures[1] for figures in PUBLISHED.values()]
    by_count = [figures[0] for figures in PUBLISHED.values()]
    assert np.mean(mine) > np.mean(peer) + 0.01
    assert np.mean(mine) > np.mean(by_count) + 0.04
