"""A process that learns, and kills itself at a named point: python -m tests.learning.victim URL POINT"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import handrail
from handrail.client.learn.cases import Cases
from handrail.client.learn.trainers import Training, of_model
from tests.learning import digits
from tests.learning.people import People


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, point: str) -> None:
    trains, proposes = of_model(digits.model()), Cases.proposal
    count = {"proposed": 0, "trained": 0, "answered": 0}

    def train(training: Training) -> Any:
        count["trained"] += 1
        if point == "training":
            die()
        made = trains(training)
        if point == "trained":
            die()
        return made

    def proposal(self: Cases, *given: Any, **more: Any) -> Any:
        count["proposed"] += 1
        if point == "asking" and count["proposed"] == 3:
            die()
        return proposes(self, *given, **more)

    def answer(arguments: dict[str, Any]) -> str:
        count["answered"] += 1
        if point == "answering" and count["answered"] == 3:
            die()
        return digits.truth(arguments)

    Cases.proposal = proposal  # type: ignore[method-assign]
    with handrail.open(url) as hr:
        hr.learn(
            "digit", digits.pool(), train, choices=digits.CHOICES, reviewers=People(hr, answer), poll=0.0,
            batch=8, rounds=2, progress=lambda text: die() if point in text else None,
        )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
