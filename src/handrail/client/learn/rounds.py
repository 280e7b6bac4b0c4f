"""What one round of learning taught, in memory and as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from handrail.canonical import JSON
from handrail.learning.curve import Measured, Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """The figures of one closed round."""

    round: int
    # cases asked so far, and how many of them came back without an answer that is a choice
    asked: int
    unanswered: int
    # labels the model was trained on (0: nothing could be trained yet), and of the reserve
    trained_on: int
    reserve_labels: int
    # right among reserve cases by a model that has not seen them
    reserve: Measured
    # agreement with the model before; None for the first
    kappa: float | None
    # the same model trained on labels drawn at random, and with how many
    at_random: Measured | None = None
    at_random_labels: int | None = None
    # log loss of the reserve before and after calibration, or why there is none yet
    log_loss: tuple[float, float] | None = None
    calibrator: str = ""
    # what the model said of the fixed cases, as numbers of choices
    said: tuple[int, ...] = ()

    @property
    def point(self) -> Point:
        """As the curve draws it."""
        return Point(
            labels=self.trained_on, reserve=self.reserve, at_random_labels=self.at_random_labels,
            at_random=self.at_random,
        )  # fmt: skip

    @property
    def error(self) -> float | None:
        """Share of the reserve that the model gets wrong."""
        return None if self.reserve.share is None else 1.0 - self.reserve.share

    def to_json(self) -> dict[str, Any]:
        """As it is kept and as `--json` prints it (there without `said`)."""
        low, high = self.reserve.interval
        made: dict[str, Any] = {
            "round": self.round, "asked": self.asked, "unanswered": self.unanswered, "trained_on": self.trained_on,
            "reserve_labels": self.reserve_labels, "kappa": self.kappa,
            "reserve": {"right": self.reserve.right, "n": self.reserve.n, "low": low, "high": high},
            "calibrator": self.calibrator, "said": list(self.said),
            "log_loss": None if self.log_loss is None else list(self.log_loss), "at_random": None,
        }  # fmt: skip
        if self.at_random is not None:
            made["at_random"] = {"labels": self.at_random_labels, "right": self.at_random.right, "n": self.at_random.n}
        return made


def learned_from(kept: JSON) -> Learned:
    """A kept round."""
    drawn, loss = kept["at_random"], kept["log_loss"]
    return Learned(
        round=kept["round"], asked=kept["asked"], unanswered=kept["unanswered"], trained_on=kept["trained_on"],
        reserve_labels=kept["reserve_labels"], kappa=kept["kappa"], calibrator=kept["calibrator"],
        reserve=Measured(right=kept["reserve"]["right"], n=kept["reserve"]["n"]), said=tuple(kept["said"]),
        at_random=None if drawn is None else Measured(right=drawn["right"], n=drawn["n"]),
        at_random_labels=None if drawn is None else drawn["labels"],
        log_loss=None if loss is None else (loss[0], loss[1]),
    )  # fmt: skip
