"""Whom to ask next, and whether at all: while an answer gains more than it costs. It stops by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.errors import InvalidInput
from handrail.learning.fusion import Fusion


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One person worth asking."""

    person: str
    # what the answer gains and what it costs, both in units of one error
    value: float
    price: float

    @property
    def gain(self) -> float:
        return self.value - self.price


def whom_to_ask(
    fusion: Fusion, chances: Any, answers: Sequence[tuple[str | None, str]], prices: Mapping[str, float]
) -> Ask | None:
    """The person with the largest V_j − r_j; None once no answer pays. Who has answered is not asked again.

    `prices`: r_j of everybody who could be asked, in units of one error. Raises `InvalidInput` for a price that is no
    finite number from 0 upwards.
    """
    said = {who for who, _ in answers}
    found: Ask | None = None
    pooled: float | None = None
    for person in sorted(prices.keys() - said):
        price = prices[person]
        if not 0.0 <= price < float("inf"):
            raise InvalidInput(f"the price of asking {person} is {price}; it is a finite number from 0 upwards")
        if person in fusion.people:
            value = fusion.value(chances, answers, person)
        else:
            # whoever is not measured yet is worth what anybody of the pool is
            pooled = value = fusion.value(chances, answers) if pooled is None else pooled
        asked = Ask(person=person, value=value, price=price)
        if asked.gain > 0.0 and (found is None or asked.gain > found.gain):
            found = asked
    return found


def pays(fusion: Fusion, chances: Any, answers: Sequence[tuple[str | None, str]], price: float) -> bool:
    """Whether one more answer, by anybody of the pool, gains more than its price in units of one error."""
    if not price >= 0.0:
        raise InvalidInput(f"the price of a review is {price}; it is a number from 0 upwards")
    return fusion.value(chances, answers) > price


def advantage(fusion: Fusion, chances: Any, person: str) -> float:
    """How much more this person's answer is worth than anybody's; 0 for who is not measured yet."""
    if person not in fusion.people:
        return 0.0
    return fusion.value(chances, (), person) - fusion.value(chances, ())
