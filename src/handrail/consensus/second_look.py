"""An error that a spot check alleges counts once a second person confirms it; a tie is no consensus and asks a third.

    | who found it wrong : right | what it comes to                                |
    |-----------------------------|-------------------------------------------------|
    | 0 : any                     | right                                           |
    | 1 : 0, 1 : 1                | alleged: one person more is asked               |
    | 2 or more                   | wrong                                           |
    | 1 : 2                       | right                                           |

Where nobody else is there to ask, or no time is left, what was alleged counts as an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Standing = Literal["right", "wrong", "alleged"]
# so many people who agree settle it
CONFIRMED = 2


def standing(found: Iterable[bool], *, may_ask: bool) -> Standing:
    """What one answer a person (true: it was right) comes to. `may_ask`: somebody else is there, and time is left."""
    said = list(found)
    wrong = said.count(False)
    right = len(said) - wrong
    if wrong == 0 or right >= CONFIRMED > wrong:
        return "right"
    return "alleged" if wrong < CONFIRMED and may_ask else "wrong"
