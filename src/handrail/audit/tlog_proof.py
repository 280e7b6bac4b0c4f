"""Receipts: C2SP `tlog-proof@v1`, an entry's place in a log under a signed checkpoint, in one text.

`extra` carries the entry's bytes, so that a receipt proves its entry without asking anybody.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from handrail.audit.checkpoint import Checkpoint, open_checkpoint, parse_size
from handrail.audit.note import MAX_NOTE_BYTES, Verified, VerifierKey, decode_base64
from handrail.audit.proof import verify_inclusion
from handrail.audit.tree import HASH_SIZE, leaf_hash
from handrail.errors import InvalidInput, InvalidProof, Unreadable

HEADER = b"c2sp.org/tlog-proof@v1\n"
MAX_HASHES = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """The parts of a receipt. `checkpoint` is the signed note's bytes; `extra` the entry's, if given."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    @property
    def text(self) -> bytes:
        """The `.tlog-proof` file."""
        extra = b"" if self.extra is None else b"extra " + base64.b64encode(self.extra) + b"\n"
        hashes = b"".join(base64.b64encode(hash) + b"\n" for hash in self.hashes)
        return HEADER + extra + b"index %d\n" % self.index + hashes + b"\n" + self.checkpoint


def make_receipt(*, entry: bytes, index: int, hashes: Sequence[bytes], checkpoint: bytes) -> bytes:
    """A receipt for an entry, from its inclusion proof and the signed checkpoint it leads to."""
    return TlogProof(index=index, hashes=tuple(hashes), checkpoint=checkpoint, extra=entry).text


def parse_tlog_proof(text: bytes) -> TlogProof:
    """Read a receipt strictly. Raises `Unreadable`."""
    if len(text) > 2 * MAX_NOTE_BYTES:
        raise Unreadable("a receipt is too long")
    if not text.startswith(HEADER):
        raise Unreadable("a receipt must begin with c2sp.org/tlog-proof@v1")
    head, blank, checkpoint = text[len(HEADER) :].partition(b"\n\n")
    if not blank or not checkpoint:
        raise Unreadable("a receipt has no blank line, or nothing after it")
    lines = head.split(b"\n")
    try:
        extra = decode_base64(lines.pop(0)[6:]) if lines[0].startswith(b"extra ") else None
        if not lines or not lines[0].startswith(b"index "):
            raise Unreadable("a receipt has no index line")
        index = parse_size(lines[0][6:])
        hashes = tuple(decode_base64(line) for line in lines[1:])
    except InvalidInput as error:
        raise Unreadable(f"a receipt is malformed: {error}") from None
    if len(hashes) > MAX_HASHES or any(len(hash) != HASH_SIZE for hash in hashes):
        raise Unreadable("a receipt has too many hashes, or one that is not 32 bytes")
    return TlogProof(index=index, hashes=hashes, checkpoint=checkpoint, extra=extra)


def verify_receipt(
    receipt: bytes, keys: Sequence[VerifierKey], entry: bytes | None = None
) -> tuple[TlogProof, Checkpoint, list[Verified]]:
    """Check that the entry stands in the log of the receipt's checkpoint, and who signed that.

    Entry bytes come from the receipt unless given (a receipt without them needs them). Raises
    `Unreadable`, or `InvalidProof` where hashes or a known key's signature do not hold. An empty list of
    signatures means: consistent, but nobody known vouches for it.
    """
    proof = parse_tlog_proof(receipt)
    if entry is not None and proof.extra is not None and entry != proof.extra:
        raise InvalidProof("the receipt is for another entry")
    entry = proof.extra if entry is None else entry
    if entry is None:
        raise Unreadable("the receipt holds no entry; give its bytes")
    checkpoint, verified = open_checkpoint(proof.checkpoint, keys)
    verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return proof, checkpoint, [one for one in verified if one.time is not None or one.key.name == checkpoint.origin]
