"""How many reviewers a load needs: Erlang's C formula (1917), with shrinkage for breaks, meetings and absence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from handrail.errors import InvalidInput

MOST_OCCUPIED = 0.85
_MOST_SEATS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Staffing:
    """What a load needs and what it gives."""

    seats: int
    # people on the roster so that `seats` are present
    rostered: int
    # share of cases taken within the wanted time
    in_time: float
    # share of a seat's time spent on cases
    occupancy: float
    # chance that a case waits at all
    waits: float
    # mean wait of all cases, seconds
    mean_wait_seconds: float


def waiting_chance(load: float, seats: int) -> float:
    """Erlang C: the chance that a case waits. `load` = arrivals × handling time (erlangs); 1 when seats cannot keep
    up.
    """
    if load < 0.0 or seats < 1:
        raise InvalidInput(f"a load of {load} on {seats} seats makes no sense")
    if load >= seats:
        return 1.0
    blocked = 1.0
    for n in range(1, seats + 1):  # Bₙ = a·Bₙ₋₁ / (n + a·Bₙ₋₁)
        blocked = load * blocked / (n + load * blocked)
    return seats * blocked / (seats - load * (1.0 - blocked))


def share_in_time(*, per_hour: float, handling_seconds: float, seats: int, within_seconds: float) -> float:
    """Share of cases that a reviewer takes up within the time; 0 when seats cannot keep up."""
    load = _load(per_hour, handling_seconds)
    if load >= seats:
        return 0.0
    return 1.0 - waiting_chance(load, seats) * math.exp(-(seats - load) * within_seconds / handling_seconds)


def staff(
    *,
    per_hour: float,
    handling_seconds: float,
    within_seconds: float,
    in_time: float = 0.9,
    shrinkage: float = 0.3,
    most_occupied: float = MOST_OCCUPIED,
) -> Staffing:
    """The fewest seats that take `in_time` of the cases up within `within_seconds` and leave people room to breathe.

    `shrinkage`: share of paid time away from the queue, 0 to below 1. Raises `InvalidInput` for impossible terms.
    """
    load = _load(per_hour, handling_seconds)
    if not (0.0 < in_time < 1.0 and 0.0 <= shrinkage < 1.0 and 0.0 < most_occupied <= 1.0 and within_seconds >= 0.0):
        raise InvalidInput("shares lie between 0 and 1, and times are not negative")
    seats = max(1, math.ceil(load / most_occupied))
    while seats < _MOST_SEATS:
        share = share_in_time(
            per_hour=per_hour, handling_seconds=handling_seconds, seats=seats, within_seconds=within_seconds
        )
        if load < seats and share >= in_time:
            break
        seats += 1
    waits = waiting_chance(load, seats)
    return Staffing(
        seats=seats,
        # the small number keeps 14 / 0.7 at 20
        rostered=math.ceil(seats / (1.0 - shrinkage) - 1e-9),
        in_time=share,
        occupancy=load / seats,
        waits=waits,
        mean_wait_seconds=waits * handling_seconds / (seats - load),
    )


def _load(per_hour: float, handling_seconds: float) -> float:
    if not (0.0 <= per_hour < math.inf and 0.0 < handling_seconds < math.inf):
        raise InvalidInput(f"{per_hour} cases an hour at {handling_seconds} seconds each makes no sense")
    return per_hour * handling_seconds / 3600.0
