"""A case's entries, each with its RFC 9162 proof under the newest checkpoint."""

from __future__ import annotations

from handrail.audit.checkpoint import open_trusted
from handrail.audit.proof import verify_inclusion
from handrail.audit.tree import leaf_hash
from handrail.canonical import JSON, parse
from handrail.errors import InvalidProof
from handrail.lifecycle.rows import ProposalRow
from handrail.maintenance.plane import Plane
from handrail.store import reads


def case_proof(plane: Plane, row: ProposalRow) -> dict[str, JSON]:
    """Entries with inclusion hashes; `verified` is false while one waits for its checkpoint, or if a proof fails."""
    book = plane.logbook(row.workspace)
    signed = book.checkpoint()
    point = None if signed is None else open_trusted(signed, plane.sealer.key(book.log).verifier)
    size = 0 if point is None else point.size
    entries: list[JSON] = []
    verified = point is not None
    for idx, type, data in reads.entries_of(plane.store, book.log, row.case_id):
        hashes = book.inclusion(idx, size) if idx < size else []
        verified = verified and idx < size and point is not None and _holds(data, idx, size, hashes, point.root)
        entry = parse(bytes(data))
        entries.append(
            {"idx": idx, "type": type, "at": entry["at"], "entry": entry, "inclusion": [h.hex() for h in hashes]}
        )
    receipt = plane.receipt(row)
    return {
        "entries": entries, "checkpoint": None if signed is None else signed.decode(),
        "tlog_proof": None if receipt is None else receipt.proof, "verified": verified, "log": book.log,
    }  # fmt: skip


def _holds(data: bytes, idx: int, size: int, hashes: list[bytes], root: bytes) -> bool:
    try:
        verify_inclusion(leaf_hash(bytes(data)), idx, size, hashes, root)
    except InvalidProof:
        return False
    return True
