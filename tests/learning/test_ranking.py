"""Rankings and reward models: truth comes back from simulated comparisons, bad input is refused."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from handrail.errors import InvalidInput, NotEnoughEvidence
from handrail.learning.answer_features import FACTS, facts, inverse_frequencies, weigh
from handrail.learning.ranking import Compared, rank
from handrail.learning.reward import RewardModel
from handrail.learning.reward_fit import Pair, fit_reward

TRUE = {"x": 1.0, "y": 0.0, "z": -1.0}


def simulate(n: int, seed: int, order: float = 0.3, ties: float = 0.7) -> list[Compared]:
    draw = random.Random(seed)
    made = []
    for _ in range(n):
        left, right = draw.sample(sorted(TRUE), 2)
        weights = [math.exp(TRUE[left] + order), math.exp(TRUE[right]), ties * math.exp((TRUE[left] + TRUE[right]) / 2)]
        made.append(Compared(left=left, right=right, result=draw.choices(["left", "right", "tie"], weights)[0]))
    return made


def test_rank_covers_the_truth_as_often_as_it_says() -> None:
    inside = total = 0
    for seed in range(60):
        made = rank(simulate(400, seed))
        for option, strength, error in zip(made.options, made.strengths, made.errors, strict=True):
            inside += abs(strength - TRUE[option]) < 1.96 * error
            total += 1
        inside += abs(made.order - 0.3) < 1.96 * made.order_error
        total += 1
    # 95 % nominal, 240 intervals: under .91 or over .99 has a chance below 1 %
    assert 0.91 < inside / total < 0.995


def test_rank_finds_the_side_that_is_favoured_and_probabilities_sum_to_one() -> None:
    made = rank(simulate(4000, 1))
    assert made.options == ("x", "y", "z")
    assert made.order == pytest.approx(0.3, abs=0.12)
    assert made.ties == pytest.approx(0.7, abs=0.1)
    assert sum(made.probabilities("x", "z")) == pytest.approx(1.0)
    assert made.probabilities("y", "z")[0] > made.probabilities("z", "y")[1]


def test_rank_of_one_who_never_loses_stays_finite() -> None:
    made = rank([Compared(left="a", right="b", result="left"), Compared(left="b", right="a", result="right")] * 50)
    assert all(map(math.isfinite, (*made.strengths, *made.errors, made.order)))
    assert made.options[0] == "a"
    assert made.ties == 0.0


def test_rank_of_ties_only_finds_no_difference() -> None:
    made = rank([Compared(left="a", right="b", result="tie"), Compared(left="b", right="a", result="tie")] * 15)
    assert made.strengths == pytest.approx((0.0, 0.0), abs=1e-6)


def test_rank_bad_input_is_refused() -> None:
    with pytest.raises(NotEnoughEvidence, match="3 of 10"):
        rank([Compared(left="a", right="b", result="left")] * 3)
    with pytest.raises(InvalidInput, match="with itself"):
        rank([Compared(left="a", right="a", result="left")] * 10)
    with pytest.raises(InvalidInput, match="left, right or tie"):
        rank([Compared(left="a", right="b", result="both")] * 10)  # type: ignore[arg-type]


TOPICS = ["rain", "trains", "bread", "chess", "paint", "rivers", "glass", "music"]


def pairs(n: int, seed: int = 0) -> list[Pair]:
    """People like thanks and dislike shouting."""
    draw = random.Random(seed)
    made = []
    for i in range(n):
        topic = draw.choice(TOPICS)
        good = f"Thanks for asking about {topic}. " + "It is lovely. " * draw.randrange(1, 4)
        bad = f"Whatever about {topic}! " + "It is boring! " * draw.randrange(1, 4)
        made.append(Pair(prompt=f"Tell me of {topic} ({i % 40})", chosen=good, rejected=bad))
    return made


def test_weigh_terms_agrees_with_scikit_learn() -> None:
    texts = [pair.chosen for pair in pairs(30)] + [pair.rejected for pair in pairs(30)] + ["Zoë's naïve café a b"]
    peer = TfidfVectorizer(ngram_range=(1, 2)).fit(texts)
    idf = inverse_frequencies(texts)
    assert set(idf) == set(peer.vocabulary_)
    for text in [*texts, "nothing known", ""]:
        row = peer.transform([text]).toarray()[0]
        mine = weigh(text, idf)
        assert {term: row[i] for term, i in peer.vocabulary_.items() if row[i]} == pytest.approx(mine)


def test_fit_reward_learns_what_people_like_and_survives_json() -> None:
    made = fit_reward(pairs(120))
    assert made.accuracy == 1.0
    back = RewardModel.from_json(json.loads(json.dumps(made.to_json())))
    assert back == made
    one = pairs(1, seed=9)[0]
    assert back.preference(one.prompt, one.chosen, one.rejected) > 0.9
    assert back.preference(one.prompt, one.rejected, one.chosen) == pytest.approx(
        1 - back.preference(one.prompt, one.chosen, one.rejected)
    )
    assert not back.may_label("x", "unknown words", "other ones")
    assert np.isfinite(back.rewards(["", "x"], ["", "🙂" * 1000])).all()


def test_fit_reward_on_noise_does_not_flatter_itself() -> None:
    draw = random.Random(3)
    noisy = [
        replace(one, chosen=one.rejected, rejected=one.chosen) if draw.random() < 0.5 else one for one in pairs(300)
    ]
    assert fit_reward(noisy).accuracy < 0.62


def test_fit_reward_bad_input_is_refused() -> None:
    with pytest.raises(NotEnoughEvidence, match="10 of 50"):
        fit_reward(pairs(10))
    with pytest.raises(NotEnoughEvidence, match="1 prompts"):
        fit_reward([replace(one, prompt="same") for one in pairs(60)])
    with pytest.raises(InvalidInput, match="with itself"):
        fit_reward([replace(one, rejected=one.chosen) for one in pairs(60)])
    with pytest.raises(InvalidInput, match="positive"):
        fit_reward([replace(one, weight=math.inf) for one in pairs(60)])


def test_read_a_reward_model_that_is_none_is_refused() -> None:
    whole = fit_reward(pairs(60)).to_json()
    for broken in ({}, None, [], whole | {"v": 2}, whole | {"facts": {}}, whole | {"surer": math.nan}):
        with pytest.raises(InvalidInput):
            RewardModel.from_json(broken)


def test_describe_an_answer_by_its_ten_facts() -> None:
    found = dict(zip(FACTS, facts("What is rain?", "I'm sorry, I can't say what rain is!"), strict=True))
    assert found["refusal_start"] == 1.0
    assert found["refusal_words"] == 2.0
    assert found["clean_end"] == 1.0
    assert found["prompt_overlap"] > 0
    assert facts("", "") == [0.0] * 9 + [0.0]
