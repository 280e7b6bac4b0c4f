"""Whom a verifier trusts: log keys and witnesses, in the C2SP tlog-policy form. Always from outside.

log <vkey>
witness <name> <vkey>
group <name> <number | any | all> <member> …
quorum <name | none>
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from handrail.audit.note import COSIGNATURE, ED25519, VerifierKey, parse_vkey
from handrail.errors import InvalidInput

Groups = Mapping[str, tuple[int, tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Pinned log keys and, if wanted, which witnesses must have cosigned (`quorum`, None: none)."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey] = field(default_factory=dict)
    groups: Groups = field(default_factory=dict)
    quorum: str | None = None

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """Every key whose signature is looked at."""
        return (*self.logs, *self.witnesses.values())

    def met(self, cosigned: set[VerifierKey]) -> bool:
        """Do these cosignatures satisfy the quorum?"""
        return self.quorum is None or self._holds(self.quorum, cosigned)

    def _holds(self, name: str, cosigned: set[VerifierKey]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name] in cosigned
        needed, members = self.groups[name]
        return sum(self._holds(member, cosigned) for member in members) >= needed


def parse_trust(text: str) -> Trust:
    """Read a trust file. Raises `InvalidInput` naming the line.

    A line that is a vkey alone counts as `log <vkey>`.
    """
    logs: list[VerifierKey] = []
    witnesses: dict[str, VerifierKey] = {}
    groups: dict[str, tuple[int, tuple[str, ...]]] = {}
    quorum: str | None = None
    chosen = False
    for number, line in enumerate(text.splitlines(), 1):
        try:
            match [] if line.lstrip().startswith("#") else line.split():
                case []:
                    pass
                case ["log", vkey] | ["log", vkey, _]:
                    logs.append(_key(vkey, ED25519))
                case [vkey] if "+" in vkey:
                    logs.append(_key(vkey, ED25519))
                case ["witness", name, vkey] | ["witness", name, vkey, _]:
                    _fresh(name, witnesses, groups)
                    witnesses[name] = _key(vkey, COSIGNATURE)
                case ["group", name, needed, *members] if members:
                    _fresh(name, witnesses, groups)
                    groups[name] = _group(needed, members, {*witnesses, *groups})
                case ["quorum", name] if not chosen and (name == "none" or name in {*witnesses, *groups}):
                    quorum, chosen = (None if name == "none" else name), True
                case _:
                    raise InvalidInput("not a log, witness, group or quorum line, or a name not defined above it")
        except InvalidInput as error:
            raise InvalidInput(f"trust file, line {number}: {error}") from None
    if not logs:
        raise InvalidInput("the trust file pins no log key", remedy="Add a line: log <vkey>.")
    return Trust(logs=tuple(logs), witnesses=witnesses, groups=groups, quorum=quorum)


def _key(vkey: str, algorithm: int) -> VerifierKey:
    key = parse_vkey(vkey)
    if key.algorithm != algorithm:
        raise InvalidInput(f"the key of {key.name} has type {key.algorithm}, not {algorithm}")
    return key


def _fresh(name: str, *taken: Mapping[str, object]) -> None:
    if name == "none" or any(name in names for names in taken):
        raise InvalidInput(f"the name {name} cannot be used again")


def _group(needed: str, members: list[str], known: set[str]) -> tuple[int, tuple[str, ...]]:
    if not set(members) <= known or len(set(members)) != len(members):
        raise InvalidInput("a group's members must be defined above it, each named once")
    counts = {"any": 1, "all": len(members)}
    count = counts.get(needed) or (int(needed) if needed.isascii() and needed.isdigit() else 0)
    if not 1 <= count <= len(members):
        raise InvalidInput(f"{needed[:20]!r} is no number of members")
    return count, tuple(members)
