"""Personal values: committed to in the log, sealed beside it, and gone for good when erased."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handrail.audit import log as audit
from handrail.canonical import JSON, action_digest, digest, dumps, parse
from handrail.entry import commitment
from handrail.errors import InvalidInput, InvalidProof, NotExecutable
from handrail.lifecycle.rows import ProposalRow
from handrail.proposal import Proposal
from handrail.store import schema, statements
from handrail.store.engine import Store
from handrail.store.logbook import Logbook, blob
from handrail.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens one commitment: the value and its salt."""

    path: str
    subject: str
    salt: bytes
    value: JSON

    def keep(self, tx: Tx, workspace: str, case_id: str, entry: str) -> None:
        """Store it sealed under the data subject's key (AES-256-GCM), bound to entry and path."""
        key = _subject_key(tx, workspace, self.subject)
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(key).encrypt(nonce, dumps(self.value), f"{entry}\0{self.path}".encode())
        tx.add(schema.opening, log=tx.workspace(workspace).log, entry=entry, path=self.path, case_id=case_id,
               subject=self.subject, salt=self.salt, sealed=sealed)  # fmt: skip


class OpenedLog(Logbook):
    """A log read by somebody who may see the personal values it committed to, as far as they are not erased."""

    def __init__(self, store: Store, log: str, workspace: str):
        super().__init__(store, log)
        self._workspace = workspace

    def openings(self) -> Iterator[audit.Opening]:
        for entry, path, salt, sealed, key in self._store.read_hot(
            statements.opening_sealed, log=self.log, workspace=self._workspace
        ):
            data = blob(sealed)
            try:
                value = AESGCM(blob(key)).decrypt(data[:12], data[12:], f"{entry}\0{path}".encode())
            except (InvalidTag, ValueError):  # or a key or nonce of a length there is none of
                raise InvalidProof(f"the value kept for entry {entry} at {path} was altered") from None
            yield audit.Opening(entry=entry, path=path, salt=blob(salt), value=parse(value))


def seal(proposal: Proposal) -> tuple[JSON, list[Opening], dict[str, str]]:
    """Arguments with each personal value replaced by its commitment, the openings, and the commitments by path.

    The action digest binds to the former, so that nobody can guess a value from the digest.
    """
    if not proposal.personal_data:
        return proposal.arguments, [], {}
    salted = copy.deepcopy(proposal.arguments)
    openings, commitments = [], {}
    for path in proposal.personal_data:
        holder, last = locate(salted, path)
        value = holder[last]
        salt = os.urandom(32)
        made = commitment(salt=salt, path="/arguments" + path, value=value)
        openings.append(Opening("/arguments" + path, proposal.principal or "", salt, value))
        commitments["/arguments" + path] = made
        holder[last] = {"$commitment": made}
    return salted, openings, commitments


def bound_digest(tx: Tx, row: ProposalRow, record: dict[str, Any], revision: int) -> str:
    """The action digest of a stored record at that revision: what an approval of it binds to."""
    return action_digest(
        workspace=row.workspace, principal=record.get("principal"), action=row.action,
        schema=digest(dumps(record["schema"])) if "schema" in record else None,
        arguments=bound_arguments(tx, row.case_id, record), target=record.get("target"), case=row.case_id,
        revision=revision,
    )  # fmt: skip


def bound_arguments(tx: Tx, case_id: str, record: dict[str, Any]) -> JSON:
    """Arguments as the digest binds them, from the stored value and the stored salts."""
    if not record.get("personal_data"):
        return record.get("arguments", {})
    return bind(record, {row[0]: bytes(row[1]) for row in tx.run(statements.opening_salts, case_id=case_id)})


def bind(record: dict[str, Any], salts: Mapping[str, bytes]) -> JSON:
    """Arguments with each personal value replaced by its commitment. Raises `NotExecutable` where one was erased."""
    salted = copy.deepcopy(record.get("arguments", {}))
    for path in record.get("personal_data", ()):
        holder, last = locate(salted, path)
        full = "/arguments" + path
        if full not in salts:
            raise NotExecutable(f"the value at {full} was erased")
        holder[last] = {"$commitment": commitment(salt=salts[full], path=full, value=holder[last])}
    return salted


def bound_paths(tx: Tx, case_id: str, record: dict[str, Any]) -> list[str]:
    """The personal paths that still are in the arguments and whose value was not erased."""
    salted = {row[0] for row in tx.run(statements.opening_salts, case_id=case_id)}
    return [
        path for path in record["personal_data"] if "/arguments" + path in salted and _holds(record["arguments"], path)
    ]


def _holds(document: Any, path: str) -> bool:
    try:
        locate(document, path)
    except InvalidInput:
        return False
    return True


def locate(document: Any, path: str) -> tuple[Any, Any]:
    """The container and key that a JSON pointer (RFC 6901) into the arguments names."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    holder = document
    try:
        if not path.startswith("/") or not parts:
            raise KeyError(path)
        for part in parts[:-1]:
            holder = holder[int(part)] if isinstance(holder, list) else holder[part]
        last: Any = int(parts[-1]) if isinstance(holder, list) else parts[-1]
        holder[last]
    except (KeyError, IndexError, TypeError, ValueError):
        raise InvalidInput(
            f"personal_data names {path!r}, which is not in the arguments",
            remedy="Give JSON pointers into arguments, such as /to/email.",
        ) from None
    return holder, last


def _subject_key(tx: Tx, workspace: str, subject: str) -> bytes:
    row = tx.one(statements.subject_key_get, workspace=workspace, subject=subject)
    if row is not None:
        return bytes(row[0])
    key = os.urandom(32)
    tx.add(schema.subject_key, workspace=workspace, subject=subject, key=key)
    return key
