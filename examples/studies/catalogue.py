"""Case study: labelling catalogue images.

Run: python examples/studies/catalogue.py [--picture FILE.svg] [--json]

Scikit-learn's 1,797 pictures of handwritten digits stand for a catalogue. A loop of learning on a real control plane
asks one simulated person (right in 97 of 100) about the pictures that teach most, trains, and asks again. A share of
every batch is drawn at random: it alone measures the model and fits the calibrator, which says what needs nobody.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import handrail

POLICY = """
escalation_policies:
  - {action_type: label_picture, autonomy: confirm, undo_seconds: 0}
review_settings: {reviewer_session_limit_minutes: 100000, max_queue_depth: 100000}
"""
CHOICES = tuple("0123456789")
SURE = 0.95


class Person:
    """Answers every case at once, mostly right."""

    def __init__(self, hr: handrail.Client, truth: Sequence[str], careful: float = 0.97):
        self._desk = hr.desk("Asha")
        self._truth = truth
        self._careful = careful
        self._open: dict[str, str] = {}
        self.answers = 0

    def ask(self, cases: Sequence[tuple[str, dict[str, Any]]]) -> None:
        for case_id, proposal in cases:
            self._open[case_id] = self._truth[proposal["arguments"]["picture"]]

    def collect(self) -> int:
        for case_id, right in self._open.items():
            rng = random.Random(case_id)
            said = right if rng.random() < self._careful else rng.choice(CHOICES)
            self._desk.answer(case_id, "respond", value=said)
        done, self._open = len(self._open), {}
        self.answers += done
        return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, help="draw the learning curve to this .svg or .png")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()

    digits = load_digits()
    features, truth = digits.data / 16.0, [str(label) for label in digits.target]
    with TemporaryDirectory() as folder, handrail.open(Path(folder) / "catalogue.db", policy=POLICY) as hr:
        person = Person(hr, truth)
        learnt = hr.learn(
            "label_picture", [{"picture": row} for row in range(len(truth))], LogisticRegression(C=10.0, max_iter=2000),
            choices=CHOICES, features=features, reviewers=person, batch=40, rounds=given.rounds,
        )  # fmt: skip
    assert learnt.chances is not None
    confidence = learnt.chances.max(axis=1)
    if learnt.calibrator is not None:
        confidence = learnt.calibrator.apply_many(learnt.chances)
    right = np.array([CHOICES[i] for i in learnt.chances.argmax(axis=1)]) == truth
    sure = confidence >= SURE
    figures = {
        "pictures": len(truth), "answers": person.answers, "rounds": len(learnt.rounds), "stopped": learnt.reason,
        "right_in_all": float(right.mean()), "sure": float(sure.mean()), "right_among_sure": float(right[sure].mean()),
    }  # fmt: skip
    if given.picture:
        picture(given.picture, learnt.rounds)
    if given.json:
        print(json.dumps(figures))
        return
    for one in learnt.rounds:
        drawn = (
            ""
            if one.at_random is None
            else f"; drawn at random {one.at_random.share or 0:.1%} with {one.at_random_labels}"
        )
        print(f"round {one.round}: {one.asked} asked, {one.reserve.share or 0:.1%} right on the reserve{drawn}")
    print(f"stopped: {learnt.reason}")
    print(f"{figures['right_in_all']:.1%} of all {len(truth)} pictures right after {person.answers} answers;")
    print(f"  {figures['sure']:.1%} are at least {SURE:.0%} sure, {figures['right_among_sure']:.1%} of those right")


def picture(path: Path, rounds: Sequence[Any]) -> None:
    """Right on the reserve, by labels trained on, with its interval."""
    from handrail.cli.pictures import Series, curves

    told = [one for one in rounds if one.reserve.share is not None]
    drawn = [one for one in told if one.at_random is not None and one.at_random.share is not None]
    curves(
        path, title="Labels that teach most against labels at random", x="labels trained on",
        y="right on pictures drawn at random", percent="y",
        series=[
            Series(label="asked what teaches most", x=[one.trained_on for one in told],
                   y=[one.reserve.share for one in told], low=[one.reserve.interval[0] for one in told],
                   high=[one.reserve.interval[1] for one in told]),
            Series(label="drawn at random", x=[one.at_random_labels for one in drawn],
                   y=[one.at_random.share for one in drawn], dashed=True),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
