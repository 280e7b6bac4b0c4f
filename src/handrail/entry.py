"""An audit entry: one record of the log, built here and nowhere else."""

from __future__ import annotations

import hmac
import re
from typing import Any, Literal

from handrail.canonical import JSON, dumps, dumps_flat
from handrail.errors import InvalidInput

MAX_ENTRY_BYTES = 16 * 1024
# what entries may hold, as audit/schemas.py has it
MAX_NAME = 256
MAX_POINTER = 256
# what `fields` names beside places in the arguments: what a case's tables keep, as lifecycle/committing.py has it
KEPT = frozenset({"/proposal", "/route", "/answer", "/decision"})
_NOTHING: dict[str, str] = {}
_NAME = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,256}")
_CODE = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_POINTER = re.compile(r"/[^\x00-\x1f\ud800-\udfff]*")
_CASE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

EntryType = Literal[
    "proposal.submitted", "proposal.routed", "proposal.revised", "proposal.refused",
    "case.opened", "case.escalated", "case.closed",
    "claim.taken", "claim.released", "claim.lapsed",
    "review.given", "review.withdrawn", "review.voided",
    "decision.made",
    "execution.started", "execution.finished", "execution.unknown", "execution.settled", "execution.voided",
    "run.parked", "run.woken", "run.abandoned", "run.retried",
    "outcome.recorded", "label.made",
    "policy.changed", "calibrator.changed", "training.due", "training.done",
    "gold.changed", "reviewer.flagged", "reviewer.cleared",
    "learning.begun", "learning.asked", "learning.ended",
    "grant.issued", "grant.ended",
    "cell.laid", "cell.restarted",
    "promotion.proposed", "promotion.accepted", "promotion.declined", "promotion.ended",
    "access.changed", "access.refused",
    "halt.set", "halt.lifted",
    "alarm.raised", "alarm.lifted", "overflow.entered", "overflow.left", "capacity.priced",
    "incident.flagged",
    "value.viewed", "value.erased", "export.made",
    "key.rotated", "key.revoked", "epoch.opened", "clock.jumped",
]  # fmt: skip


def entry_bytes(*, log: str, id: str, type: EntryType, at: str, actor: dict[str, Any], **fields: Any) -> bytes:
    """RFC 8785 bytes of one entry. Keys without a value are absent, not null.

    Raises `InvalidInput` when the entry is over 16 KiB (an entry bundle ends at 65,535 bytes).
    """
    record: dict[str, Any] = {"v": 1, "log": log, "id": id, "type": type, "at": at, "actor": actor}
    for name, value in fields.items():
        if value is not None:
            record[name] = value
    # pointers into the arguments may hold any character; everything else was made by us
    data = dumps_flat(record) if record.get("fields", _NOTHING).keys() <= KEPT else dumps(record)
    if len(data) > MAX_ENTRY_BYTES:
        raise InvalidInput(f"an audit entry of {len(data)} bytes is over {MAX_ENTRY_BYTES}")
    return data


def need_name(what: str, given: object) -> None:
    """Raise `InvalidInput` unless an entry may hold it as a name."""
    if not isinstance(given, str) or not _NAME.fullmatch(given):
        raise InvalidInput(
            f"{what} must be 1 to {MAX_NAME} characters without control characters", remedy=f"Shorten or clean {what}."
        )


def need_code(what: str, given: object) -> None:
    """Raise `InvalidInput` unless an entry may hold it as a code."""
    if not isinstance(given, str) or not _CODE.fullmatch(given):
        raise InvalidInput(
            f"{what} must be 1 to 128 letters, digits or any of _ . : / -", remedy="The audit log keeps it as a code."
        )


def need_case_id(what: str, given: object) -> None:
    """Raise `InvalidInput` unless it has the form of a case id."""
    if not isinstance(given, str) or not _CASE.fullmatch(given):
        raise InvalidInput(f"{what} must be the id of a case", remedy="Give it as it was answered, or leave it out.")


def need_pointer(what: str, given: object, most: int) -> None:
    """Raise `InvalidInput` unless it is a JSON pointer of at most so many characters that an entry may hold."""
    if not isinstance(given, str) or len(given) > most or not _POINTER.fullmatch(given):
        raise InvalidInput(
            f"{what} must hold JSON pointers of at most {most} characters without control characters",
            remedy="Name a place higher up, such as /to.",
        )


def commitment(*, salt: bytes, path: str, value: JSON) -> str:
    """HMAC-SHA256 of one value under its own 32-byte salt (trust.md 2.5); 64 hex digits.

    Without salt and value it says nothing; with both it proves the value was this one.
    """
    return commitment_of(dumps(value), salt=salt, path=path)


def commitment_of(data: bytes, *, salt: bytes, path: str) -> str:
    """The commitment to a value, of its RFC 8785 bytes."""
    # unlike hmac.digest it keeps the interpreter, which another thread would take meanwhile
    return hmac.new(salt, b"handrail/field/v1\0" + path.encode() + b"\0" + data, "sha256").hexdigest()
