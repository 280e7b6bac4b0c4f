"""Cells: kinds of proposals that earn autonomy each by themselves.

A cell is an action, one value of one argument (the tool it calls, the label it suggests, what it is done to), a band of
the amount and a band of the confidence. Cells are laid down from proposals alone, before any answer about them counts,
and are never cut anew; cells of one action do not overlap, so a case belongs to one at most, decided when it comes in.
What fits no cell (a new tool, a larger amount, no confidence) earns nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise, product
from typing import Any

from handrail.canonical import JSON
from handrail.errors import NotEnoughEvidence

# an argument with more values than these names things, not kinds of things
MOST_VALUES = 20
LONGEST_VALUE = 64
# the more cells, the more each has to show
MOST_CELLS = 60
# proposals that are looked at before cells are laid down, and how many of them a cell must have had
LEAST_SEEN = 30
LEAST_IN_CELL = 3
# most of the proposals must have the argument for it to tell them apart
COVER = 0.9
CONFIDENCE_CUTS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
# which tells kinds apart, where it can: the tool called, the label suggested, what it is done to
FIRST = ("arguments.tool", "arguments.suggestion", "target")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One proposal as cells see it. Leave personal values out of `arguments`."""

    arguments: Mapping[str, JSON]
    target: JSON = None
    amount: Decimal | None = None
    currency: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What belongs together. None: that does not tell it apart."""

    # `arguments.<name>` or `target`, and its value
    path: str | None = None
    value: str | None = None
    # money: above `over` (from 0 on: and 0 itself) up to and with `upto`
    currency: str | None = None
    over: Decimal | None = None
    upto: Decimal | None = None
    # confidence: from `low` on, below `high` (1: and 1 itself)
    low: float | None = None
    high: float | None = None

    def holds(self, one: Seen) -> bool:
        """Whether a proposal belongs here."""
        if self.path is not None and _at(self.path)(one) != self.value:
            return False
        if (one.amount is not None) != (self.upto is not None) or one.currency != self.currency:
            return False
        if self.over is not None and self.upto is not None and one.amount is not None:
            above = one.amount > self.over or (self.over == 0 and one.amount == 0)
            if not (above and one.amount <= self.upto):
                return False
        if self.low is None or self.high is None:
            return True
        return one.confidence is not None and _within(one.confidence, self.low, self.high)

    @property
    def when(self) -> str:
        """The same as a condition of a grant: it reaches exactly as far."""
        parts = []
        if self.path is not None:
            parts.append(f"{self.path} == {json.dumps(self.value)}")
        if self.upto is not None:
            sign = ">=" if self.over == 0 else ">"
            parts.append(
                f"currency == {json.dumps(self.currency)} && amount {sign} {_number(self.over)}"
                f" && amount <= {_number(self.upto)}"
            )
        else:
            parts.append("amount == null && currency == null")
        if self.low is not None and self.high is not None:
            sign = "<=" if self.high >= 1.0 else "<"
            parts.append(f"confidence >= {self.low!r} && confidence {sign} {self.high!r}")
        return " && ".join(parts)

    @property
    def words(self) -> str:
        """For people."""
        parts = []
        if self.path is not None:
            parts.append(f"{self.path.rpartition('.')[2]} {self.value}")
        if self.upto is not None:
            parts.append(f"{self.over} to {self.upto} {self.currency}")
        if self.low is not None:
            parts.append(f"confidence {self.low:g} to {self.high:g}")
        return ", ".join(parts) or "every one"

    def to_json(self) -> dict[str, JSON]:
        """As it is stored; what does not tell it apart is left out."""
        held: dict[str, JSON] = {
            "path": self.path, "value": self.value, "currency": self.currency, "low": self.low, "high": self.high,
            "over": None if self.over is None else str(self.over),
            "upto": None if self.upto is None else str(self.upto),
        }  # fmt: skip
        return {name: value for name, value in held.items() if value is not None}


def cell_from(held: Mapping[str, Any]) -> Cell:
    """A cell from its JSON."""
    money = {name: Decimal(held[name]) for name in ("over", "upto") if name in held}
    return Cell(**{**held, **money})


def lay_cells(
    seen: Sequence[Seen], *, by: str | None = None, cuts: Iterable[float] = CONFIDENCE_CUTS
) -> tuple[Cell, ...]:
    """The cells these proposals suggest, commonest first, at most `MOST_CELLS`; no answer is looked at.

    `by`: the argument whose values tell them apart, or `target`; else one is picked. `cuts`: where confidence is cut.
    Raises `NotEnoughEvidence` with fewer than `LEAST_SEEN` proposals.
    """
    if len(seen) < LEAST_SEEN:
        raise NotEnoughEvidence("proposals to lay down cells from", have=len(seen), need=LEAST_SEEN)
    kinds, money, bands = _kinds(seen, by), _money(seen), _confidence(seen, cuts)
    none: dict[str, Any] = {}
    for axes in ((kinds, money, bands), (kinds, money, [none]), ([none], money, bands), ([none], money, [none])):
        made = [Cell(**{**kind, **sum_, **band}) for kind, sum_, band in product(*axes)]
        held = Counter({cell: sum(cell.holds(one) for one in seen) for cell in made}) if len(made) <= 2_000 else {}
        kept = [cell for cell in made if held and held[cell] >= LEAST_IN_CELL]
        if 0 < len(kept) <= MOST_CELLS:
            return tuple(sorted(kept, key=lambda cell: (-held[cell], cell.words)))
    return ()


def _at(path: str) -> Callable[[Seen], JSON]:
    if path == "target":
        return lambda one: one.target
    name = path.removeprefix("arguments.")
    return lambda one: one.arguments.get(name)


def _kinds(seen: Sequence[Seen], by: str | None) -> list[dict[str, Any]]:
    """The values of the one argument that tells kinds apart; [{}] where none does."""
    if by is not None:
        paths = [by if by == "target" or by.startswith("arguments.") else f"arguments.{by}"]
    else:
        names = sorted({name for one in seen for name in one.arguments if _NAME.fullmatch(name)})
        paths = [*FIRST, *(path for name in names if (path := f"arguments.{name}") not in FIRST)]
    for path in paths:
        values = Counter(value for one in seen if _short(value := _at(path)(one)))
        enough = 1 <= len(values) <= MOST_VALUES and sum(values.values()) >= COVER * len(seen)
        if enough and (len(values) > 1 or path in FIRST or by is not None):
            return [{"path": path, "value": value} for value in sorted(values, key=str)]
    return [{}]


def _short(value: JSON) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_VALUE


def _money(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    """Bands of the amount by powers of ten, the topmost no wider than what was seen; [{}] where no money moves."""
    made: list[dict[str, Any]] = [{}] if any(one.amount is None for one in seen) else []
    for currency in sorted({one.currency for one in seen if one.currency is not None}):
        amounts = [one.amount for one in seen if one.amount is not None and one.currency == currency]
        if not amounts:
            continue
        most = max(amounts)
        over = Decimal(0)
        for power in range(max(0, min(_power(one) for one in amounts)), _power(most) + 1):
            upto = min(most, Decimal(10) ** power)
            if upto > over or (upto == over == 0):
                made.append({"currency": currency, "over": over, "upto": upto})
                over = upto
    return made or [{}]


def _power(amount: Decimal) -> int:
    """The power of ten that is not below it; from 1 on."""
    return 0 if amount <= 1 else math.ceil(amount.log10())


def _confidence(seen: Sequence[Seen], cuts: Iterable[float]) -> list[dict[str, Any]]:
    if sum(one.confidence is not None for one in seen) < COVER * len(seen):
        return [{}]
    edges = [0.0, *sorted({cut for cut in cuts if 0.0 < cut < 1.0}), 1.0]
    return [{"low": low, "high": high} for low, high in pairwise(edges)]


def _within(confidence: float, low: float, high: float) -> bool:
    return low <= confidence < high or (high >= 1.0 and low <= confidence <= 1.0)


def _number(value: Decimal | None) -> str:
    return repr(float(value or 0))
