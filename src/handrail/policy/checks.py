"""Which of what is let through gets a second look: two streams, told apart, from the one draw of a proposal.

The uniform stream never stops: it alone may fit calibrators and certify thresholds. The weighted stream looks more
often where an error is in doubt; it estimates and alarms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handrail.policy.clauses import Clause
from handrail.policy.document import OverflowEntry
from handrail.policy.facts import Watched
from handrail.policy.overflow import SAMPLED
from handrail.policy.terms import Terms
from handrail.route import CheckStream

# while a calibrator is out of date
STALE_TIMES = 2.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the draw of one proposal came to."""

    checked: bool
    stream: CheckStream | None
    # chance in the stream that drew it; in the uniform one where none did
    rate: float
    # chance in any stream
    inclusion: float
    # given all this again uniform in [0, 1)
    rest: float


_NOTHING = Drawn(False, None, 0.0, 0.0, 0.0)


def falls_into(draw: float, share: float) -> bool:
    """Whether a draw falls into a share. A draw that is no number does: better one check too many."""
    return share > 0.0 and (share >= 1.0 or not draw >= share)


def draw_check(terms: Terms, watched: Watched | None, draw: float) -> Drawn:
    """The uniform stream takes the draws below its rate, the weighted one those just above."""
    times = STALE_TIMES if watched is not None and watched.stale is not None else 1.0
    uniform = min(1.0, terms.spot_check_rate * times)
    doubt = 1.0 if watched is None else watched.doubt
    weighted = min(1.0 - uniform, terms.weighted_check_rate * doubt)
    if uniform + weighted <= 0.0:
        return _NOTHING
    if falls_into(draw, uniform):
        return Drawn(True, "uniform", uniform, uniform + weighted, draw / uniform)
    if weighted > 0.0 and falls_into(draw - uniform, weighted):
        return Drawn(True, "weighted", weighted, uniform + weighted, (draw - uniform) / weighted)
    return Drawn(False, None, uniform, uniform + weighted, draw)


def sampled(made: Iterable[Clause], overflow: OverflowEntry) -> Drawn:
    """Of what overflow thinned before people: how likely this one was to stay."""
    if any(found.reason.code == SAMPLED for found in made):
        return Drawn(False, None, 0.0, overflow.sample_share, 0.0)
    return _NOTHING
