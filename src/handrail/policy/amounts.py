"""The money a proposal is about, read exactly and never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from handrail.policy.currencies import CURRENCIES
from handrail.proposal import Proposal

# plain digits, or the exponent that JSON writers use; no commas, underscores, signs of currency or foreign digits
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?", re.ASCII)


LARGEST, SMALLEST = Decimal("1e30"), Decimal("1e-30")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount and its currency, or what is wrong with it."""

    value: Decimal | None = None
    currency: str | None = None
    # why the amount cannot be relied on, as a clause that completes "the amount …"; None: it can
    problem: str | None = None


NO_MONEY = Money()


def read_amount(value: Any) -> Decimal | None:
    """The exact number in an int, float, Decimal or decimal string.

    None if it is not a plain finite number, or its size is none that money has: beyond `LARGEST`, or
    below `SMALLEST` without being nought.
    """
    kind = type(value)
    if kind is int:
        return Decimal(value) if abs(value) <= LARGEST else None
    if kind is str or kind is float or kind is Decimal:
        text = value if kind is str else repr(value) if kind is float else str(value)
        if _NUMBER.fullmatch(text):
            made = Decimal(text)
            return made if not made or SMALLEST <= abs(made) <= LARGEST else None
    return None


def shown(value: Any) -> str:
    """A value as it may stand in a reason, whatever it is."""
    try:
        return f"{value!r:.60}" if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"
    except ValueError:  # an integer of more digits than Python will write
        return "a number of thousands of digits"


def money_of(proposal: Proposal, default_currency: str | None = None) -> Money:
    """What the proposal says it moves.

    Read from `amount` and `currency`, from `arguments.amount` (a number, a decimal string, or
    `{"value", "currency"}`) with `arguments.currency`, and from `arguments.amount_<ccy>`. Where more
    than one is given they must say the same.
    """
    arguments = proposal.arguments
    found: list[Money] = []
    inner: str | None = None
    if type(arguments) is dict and arguments:
        inner = _currency(arguments.get("currency"))
        if "amount" in arguments and arguments["amount"] is not None:
            found.append(_inner(arguments["amount"], arguments.get("currency"), proposal.currency))
        for name, value in arguments.items():
            if name.startswith("amount_") and len(name) == 10 and name[7:].upper() in CURRENCIES and value is not None:
                found.append(_money(value, name[7:]))
    if proposal.amount is not None:
        found.append(_money(proposal.amount, proposal.currency if proposal.currency is not None else inner))
    if not found:
        return NO_MONEY
    if len(found) > 1:
        return _agreed(found, default_currency)
    return _with_default(found[0], default_currency)


def _inner(amount: Any, currency: Any, outer: str | None) -> Money:
    if type(amount) is not dict:
        return _money(amount, currency if currency is not None else outer)
    named = amount.get("currency")
    if named is not None and currency is not None and named != currency:
        return Money(problem="is given in two currencies")
    return _money(amount.get("value"), named if named is not None else currency if currency is not None else outer)


def _currency(value: Any) -> str | None:
    if type(value) is not str:
        return None
    code = value.upper()
    return code if code in CURRENCIES else None


def _money(amount: Any, currency: Any) -> Money:
    value = read_amount(amount)
    code = _currency(currency)
    if value is None:
        return Money(currency=code, problem=f"is not a number: {shown(amount)}")
    if value < 0:
        return Money(currency=code, problem=f"is negative: {value}")
    if currency is not None and code is None:
        return Money(value, None, f"has a currency that does not exist: {shown(currency)}")
    return Money(value, code)


def _with_default(money: Money, default: str | None) -> Money:
    if money.value is None or money.currency is not None or money.problem is not None or default is None:
        return money
    return Money(money.value, default)


def _agreed(found: list[Money], default: str | None) -> Money:
    first = found[0] = _with_default(found[0], default)
    for other in found:
        if other.problem:
            return other
    for other in found[1:]:
        other = _with_default(other, default)
        if other.value != first.value or other.currency != first.currency:
            most = max(money.value for money in found if money.value is not None)
            return Money(most, first.currency, f"is given as {_spell(first)} and as {_spell(other)}")
    return first


def _spell(money: Money) -> str:
    return f"{money.value} {money.currency or 'without a currency'}"
