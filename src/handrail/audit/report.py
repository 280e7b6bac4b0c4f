"""What a verification found, and the one number it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OK, TAMPERED, UNREADABLE, UNTRUSTED = 0, 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong. `exit` is TAMPERED, UNREADABLE or UNTRUSTED; `evidence` the signed notes, if any."""

    exit: int
    code: str
    text: str
    idx: int | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the first entry of an epoch says of the epoch before: what was signed of it last, and what the older copy
    held that was put back. Roots are hexadecimal."""

    origin: str
    signed_size: int
    signed_root: str
    held_size: int
    held_root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a verification: of one log, and of those it goes on from."""

    findings: tuple[Finding, ...]
    origin: str | None
    # entries read, and the root over them
    size: int
    root: bytes
    # size of the newest checkpoint
    signed_size: int
    # the longest prefix whose checkpoint met the trust asked for
    trusted_size: int
    openings_held: int
    erased: int
    # False when the meaning of the entries could not be replayed
    replayed: bool
    leaves_per_second: float
    # the first so many entries are covered by a signature: of a checkpoint, or, once an epoch is over, of the next
    # one's, whose first entry says what this one held
    covered: int = 0
    # `at` of the first entry after those
    unsigned_since: str | None = None
    # what it goes on from, if an epoch came before
    follows: Link | None = None
    # the earlier epochs that were judged too, the newest first
    past: tuple[Report, ...] = ()

    @property
    def unsigned(self) -> int:
        """How many of the newest entries no signature covers yet."""
        return max(0, self.size - self.covered)

    @property
    def exit_code(self) -> int:
        """0 all held, trust met; 1 tampered; 2 cannot be judged; 3 consistent, not trusted. Lowest non-zero wins."""
        return exit_code([finding for report in (self, *self.past) for finding in report.findings])


def exit_code(findings: Sequence[Finding]) -> int:
    """The lowest non-zero of the findings' codes; 0 without findings."""
    return min((finding.exit for finding in findings), default=OK)
