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
class Report:
    """The result of a verification."""

    findings: tuple[Finding, ...]
    origin: str | None
    # entries read, and the root over them
    size: int
    root: bytes
    # size of the newest checkpoint; entries after it are not vouched for by anybody
    signed_size: int
    # the longest prefix whose checkpoint met the trust asked for
    trusted_size: int
    openings_held: int
    erased: int
    # False when the meaning of the entries could not be replayed
    replayed: bool
    leaves_per_second: float

    @property
    def exit_code(self) -> int:
        """0 all held, trust met; 1 tampered; 2 cannot be judged; 3 consistent, not trusted. Lowest non-zero wins."""
        return exit_code(self.findings)


def exit_code(findings: Sequence[Finding]) -> int:
    """The lowest non-zero of the findings' codes; 0 without findings."""
    return min((finding.exit for finding in findings), default=OK)
