"""Is the error of `auto_approve` above its limit? Fed with uniform spot checks, an expired one as an error."""

from __future__ import annotations

from handrail.calibration.monitors.likelihood import Likelihood

# times the limit
WORSE = (1.25, 1.5, 2.0, 3.0, 5.0)


def error_above(limit: float) -> Likelihood:
    """The monitor of an error rate above `limit` (0 to 1). At 2 % it finds 4 % after about 390 checks, 8 % after 60."""
    beyond = tuple(limit * times for times in WORSE if limit * times < 1.0)
    return Likelihood(bound=limit, alternatives=beyond or ((1.0 + limit) / 2.0,))
