"""The policy change that `handrail tune` writes: a new text with its evidence as comments, never put in force."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf, nextafter
from pathlib import Path
from typing import Any

from handrail.calibration.confusion import Confusion
from handrail.calibration.tuning import HeldOut
from handrail.calibration.value import Costs, right_or_wrong
from handrail.cli.tune_capacity import Capacity
from handrail.cli.tune_found import Found, sureness
from handrail.clock import iso
from handrail.errors import InvalidInput
from handrail.policy.amending import Value, amended
from handrail.policy.differences import Difference, differences
from handrail.policy.document import MOST_PRICE, ActionEntry
from handrail.policy.evaluate import compile_text

# science asks for 1 % at the least: without spot checks a threshold can never be certified again
SPOT_CHECK_RATE = 0.01


def refuse_money(**said: float | None) -> None:
    """Raise `InvalidInput` naming the option whose sum of money is none that can be reckoned with."""
    for name, value in said.items():
        if value is not None and not 0.0 <= value <= MOST_PRICE:
            raise InvalidInput(
                f"--{name.replace('_', '-')} is {value:g}; a cost lies between 0 and {MOST_PRICE:g}",
                remedy="Count in a larger unit of money, and name a finite cost.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What the user said of money."""

    review: float | None
    error: float | None
    refused: float
    delay: float
    undo: float
    currency: str | None

    def __post_init__(self) -> None:
        refuse_money(review_price=self.review, error_cost=self.error, refused_cost=self.refused, delay_cost=self.delay)

    def costs(self) -> Costs | None:
        """None where a review or an error has no price."""
        if self.review is None or self.error is None:
            return None
        return right_or_wrong(
            wrong=self.error, review=self.review, refused=self.refused, delay=self.delay, undo=self.undo
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was written, and what it changes."""

    path: Path
    differences: tuple[Difference, ...]
    words: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"output": str(self.path), "differences": [asdict(one) for one in self.differences],
                "notes": list(self.words)}  # fmt: skip


def write_change(
    output: Path, text: str, action: str, found: Found, held: HeldOut, source: str, *, prices: Prices,
    table: Confusion, now: int, limit: Capacity | None = None,
) -> Change:  # fmt: skip
    """Write the changed text to a new file. Raises `InvalidInput` where the file exists: nothing is overwritten."""
    if found.method == "conformal":
        raise InvalidInput(
            "conformal selection is about one batch, so there is no policy to change", remedy="Leave --output out."
        )
    before = compile_text(text)
    entry = before.action(action)
    fields, notes = _fields(action, entry, found, held, prices, table, before.document.defaults.spot_check_rate)
    evidence = _evidence(found, held, source, now)
    if limit is not None:
        _put_capacity(fields, limit, max(before.document.review_settings.min_reviewers_per_task,
                                         1 if entry is None else entry.reviewers or 1))  # fmt: skip
        evidence[2:2] = [line.strip() for line in limit.words(f" {prices.currency}" if prices.currency else "")]
    made = amended(text, action, fields, evidence=evidence)
    after = compile_text(made)
    _write(output, made)
    changed = tuple(differences(before.document, after.document))
    words = [f"wrote {output}; nothing is in force yet"]
    words += [f"  {one.direction:8} {one.field}: {_short(one.old)} -> {_short(one.new)}" for one in changed]
    return Change(path=output, differences=changed, words=(*words, *notes))


def _fields(
    action: str, entry: ActionEntry | None, found: Found, held: HeldOut, prices: Prices, table: Confusion, usual: float
) -> tuple[dict[str, Any], list[str]]:
    fields: dict[str, Any] = {}
    notes: list[str] = []
    if held.calibrator is None and entry is not None and entry.calibrator is not None:
        raise InvalidInput(
            f"the policy puts scores of {action} through calibrator {entry.calibrator}, so a threshold for raw scores "
            "would be compared with something else",
            remedy="Leave --raw out, or take the calibrator out of the policy.",
        )
    if found.method == "ltt":
        fields |= {"target_error": found.target_error, "auto_approve_threshold": found.threshold}
        soft = None if entry is None else entry.soft_review_threshold
        if soft is not None and found.threshold is not None and soft > found.threshold:
            fields["soft_review_threshold"] = found.threshold
        if held.calibrator is not None:
            fields["certified_calibrator"] = held.calibrator.digest
    elif held.calibrator is None:
        fields |= _cuts(found, entry)
        notes += _certified_stays(fields, entry)
    if held.calibrator is not None:
        name = (entry.calibrator if entry else None) or action
        fields["calibrator"] = name
        notes.append(f"the threshold holds for calibrator {held.calibrator.digest[:12]} only: install just that one")
        if found.method == "cost" and _certified_elsewhere(entry, held):
            notes.append("the threshold that stands was certified for another calibrator: certify it anew for this one")
    if found.method == "cost" and held.calibrator is not None:
        fields |= {"gate": "value", "cost": _cost(prices, action, table)}
        if table.n:
            notes.append(f"install the reviewers' table (--reviewers-output) as {action}-reviewers")
    if max(usual, entry.spot_check_rate if entry else 0.0) < SPOT_CHECK_RATE:
        fields["spot_check_rate"] = SPOT_CHECK_RATE
    return {name: value for name, value in fields.items() if value is not None}, notes


def _certified_elsewhere(entry: ActionEntry | None, held: HeldOut) -> bool:
    known = None if entry is None else entry.certified_calibrator
    return known is not None and held.calibrator is not None and known != held.calibrator.digest


def _put_capacity(fields: dict[str, Any], limit: Capacity, people: int) -> None:
    """The shadow price for one person's review; 0 takes back one that no longer holds."""
    price = 0.0 if limit.price is None else limit.price if people == 1 else nextafter(limit.price / people, inf)
    fields["cost"] = {**fields["cost"], "shadow_price": price}


def _certified_stays(fields: dict[str, Any], entry: ActionEntry | None) -> list[str]:
    """What is cheapest never lies below what a promise allows. Takes the looser cut out of `fields`."""
    if entry is None or entry.target_error is None:
        return []
    certified, cut = entry.auto_approve_threshold, fields.get("auto_approve_threshold")
    if cut is None or (certified is not None and cut >= certified):
        return []
    del fields["auto_approve_threshold"]
    if certified is not None and fields.get("soft_review_threshold") == cut:
        del fields["soft_review_threshold"]
    stays = "no threshold is certified yet" if certified is None else f"the certified threshold {certified!r} stays"
    return [f"{stays}: the cheapest cut lies below what target_error {entry.target_error:g} allows"]


def _cuts(found: Found, entry: ActionEntry | None) -> dict[str, Any]:
    soft = found.soft
    if found.threshold is not None and soft is None and entry is not None and entry.soft_review_threshold is not None:
        # what stood there could lie above the new cut; equal to it, it is never used
        soft = found.threshold
    return {"auto_approve_threshold": found.threshold, "soft_review_threshold": soft}


def _cost(prices: Prices, action: str, table: Confusion) -> dict[str, Value]:
    said: dict[str, Value | None] = {
        "currency": prices.currency, "review": prices.review, "wrong": prices.error,
        "refused": prices.refused or None, "undo_chance": prices.undo or None,
        "delay_minute": prices.delay or None, "wait_minutes": 1.0 if prices.delay else None,
        "reviewer": f"{action}-reviewers" if table.n else None,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def _evidence(found: Found, held: HeldOut, source: str, now: int) -> list[str]:
    day = iso(now)[:10]
    n = f"n = {found.n} held-out labels" if held.calibrator else f"n = {found.n} labels"
    if found.method == "ltt":
        said = [
            f"{day}, handrail tune, learn-then-test: at most {found.target_error:g} error among what is let through, "
            f"with {sureness(found.confidence)} confidence",
            f"{n}, {found.passed} at or above the threshold, k = {found.errors:g} of those wrong, upper bound "
            f"{found.bound:.5f}, automation {found.automation:.1%}",
        ]
    else:
        costs = ", ".join(f"{name} {cost:.4g}" for name, cost in found.costs.items())
        said = [f"{day}, handrail tune, by cost, no promise: {n}", f"cost per 100 cases: {costs}"]
    points = [point for point in found.curve if point.automation > 0.0]
    step = max(1, len(points) // 8)
    said.append(
        "let through/error: " + ", ".join(f"{p.automation:.0%}/{p.error:.2%}" for p in points[step - 1 :: step])
    )
    by = "scores as they are" if held.calibrator is None else f"calibrator {held.calibrator.digest}"
    return [*said, f"{by}; labels: {source}"]


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InvalidInput(f"{output} exists, and nothing is overwritten", remedy="Name a new file.") from None
    except OSError as error:
        raise InvalidInput(f"{output}: {error.strerror or error}", remedy="Name a file that can be written.") from None


def _short(value: Any) -> str:
    return "absent" if value is None else str(value)[:80]
