"""A monitor as it is kept: its method, made again from its terms, and one more case taken in."""

from __future__ import annotations

import hashlib
import math
from typing import Any, NamedTuple

from handrail.calibration.monitors.alarm import line
from handrail.calibration.monitors.confidence import Miscalibration
from handrail.calibration.monitors.error import error_above
from handrail.calibration.monitors.likelihood import Likelihood
from handrail.calibration.monitors.restarted import Restarted
from handrail.calibration.monitors.scores import ScoresMoved
from handrail.calibration.monitors.share import share_above, share_below
from handrail.calibration.monitors.weighted import WeightedError
from handrail.calibration.neyman import FLOOR
from handrail.canonical import parse

Method = Likelihood | Restarted | Miscalibration | WeightedError | ScoresMoved
# points of the curve that are kept
CURVE = 240


class MonitorRow(NamedTuple):
    id: str
    workspace: str
    action: str
    kind: str
    terms: bytes
    state: bytes
    curve: bytes
    n: int
    log_e: float
    line: float
    seen: str | None
    begun_at: int
    updated_at: int
    alarmed_at: int | None
    lifted_at: int | None
    lifted_by: str | None
    certificate: bytes | None
    ended_at: int | None

    def said(self) -> dict[str, Any]:
        """Its terms."""
        made: dict[str, Any] = parse(bytes(self.terms))
        return made


def method(kind: str, terms: dict[str, Any]) -> Method:
    """The method of a kind under its terms; `every` asks for the restarted form."""
    if kind == "weighted_error":
        return WeightedError(limit=terms["limit"], least=FLOOR * terms["rate"])
    if kind in ("overconfidence", "underconfidence"):
        return Miscalibration(side="over" if kind == "overconfidence" else "under")
    if kind == "scores":
        return ScoresMoved()
    plain = {"error": error_above, "share_above": share_above, "share_below": share_below}[kind](
        terms["limit"] if kind == "error" else terms["target"]
    )
    return Restarted(of=plain) if "every" in terms else plain


def alarm_line(kind: str, terms: dict[str, Any], level: float) -> float:
    """log E from which it alarms: of its level, or of the mean time to a false alarm."""
    return math.log(terms["every"]) if isinstance(method(kind, terms), Restarted) else line(level)


class Fed:
    """A live monitor while it takes in cases."""

    def __init__(self, row: MonitorRow):
        self.row = row
        self.terms = row.said()
        self.method = method(row.kind, self.terms)
        self.state: dict[str, Any] = parse(bytes(row.state))
        self.curve: list[list[float]] = parse(bytes(row.curve))
        self.seen = row.seen
        self.alarmed = row.alarmed_at is not None
        self.changed = False

    @property
    def log_e(self) -> float:
        return self.method.log_e(self.state)

    def check(self, stream: str, pi: float, confidence: float | None, wrong: bool) -> None:
        """A spot check whose turn has come; what is not of this monitor's stream passes it by."""
        if self.alarmed:
            return
        if isinstance(self.method, WeightedError):
            if stream == "weighted":
                self._took(self.method.step(self.state, wrong, min(1.0, max(pi, self.method.least))))
        elif stream != "uniform":
            return
        elif isinstance(self.method, Miscalibration):
            if confidence is not None:
                self._took(self.method.step(self.state, confidence, not wrong))
        elif isinstance(self.method, Likelihood | Restarted):
            self._took(self.method.step(self.state, wrong))

    def proposal(self, case_id: str, tier: str, confidence: float | None) -> None:
        """One case of the whole stream."""
        self.seen = case_id
        self.changed = True
        if self.alarmed or tier == "deny":
            return
        if isinstance(self.method, Likelihood | Restarted):
            self._took(self.method.step(self.state, tier != "auto_approve"))
        elif isinstance(self.method, ScoresMoved) and confidence is not None and 0.0 <= confidence <= 1.0:
            self._took(self.method.step(self.state, confidence, tie_draw(case_id)))

    def _took(self, state: dict[str, Any]) -> None:
        self.state, self.changed = state, True
        # from here on it stands, whatever comes after
        self.alarmed = self.log_e >= self.row.line
        if self.alarmed:
            self.mark()

    def alarm_as(self, supposed: Fed) -> None:
        """Alarm by what this monitor would hold if what is alleged were confirmed."""
        # whoever reads of it should know that not all was confirmed by then
        self.state = supposed.state | {"alleged": True}
        self.curve, self.alarmed, self.changed = supposed.curve, True, True

    def mark(self) -> None:
        """Keep the present point of the curve."""
        if self.curve and self.curve[-1][0] == self.state["n"]:
            return
        # what no float of ours can draw is drawn at the bottom
        self.curve = [*self.curve, [self.state["n"], round(max(-1000.0, self.log_e), 4)]]
        if len(self.curve) > CURVE:
            self.curve = [*self.curve[: len(self.curve) // 2 : 2], *self.curve[len(self.curve) // 2 :]]


def tie_draw(case_id: str) -> float:
    """A number in [0, 1) that belongs to a case: the same each time it is read."""
    return int.from_bytes(hashlib.sha256(case_id.encode()).digest()[:6]) / 2.0**48


def id_at(moment: int) -> str:
    """No case of this moment (microseconds) or later has a smaller id."""
    text = f"{max(0, moment) // 1000:012x}"
    return f"{text[:8]}-{text[8:12]}"


def parse_state(row: MonitorRow) -> dict[str, Any]:
    """What a stored monitor has seen."""
    made: dict[str, Any] = parse(bytes(row.state))
    return made
