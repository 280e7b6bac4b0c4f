"""The Merkle tree of RFC 6962 and RFC 9162, section 2.1: hashes and the compact right-hand edge."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from handrail.errors import Unreadable

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
# the largest tree any reader of signed 64-bit sizes can follow (Go's tlog among them)
MAX_SIZE = 2**63 - 1


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(00 ‖ entry): the hash of a leaf."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(01 ‖ left ‖ right): the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The root over leaf hashes; `EMPTY_ROOT` for none."""
    frontier = Frontier()
    frontier.extend(hashes)
    return frontier.root()


class Frontier:
    """The compact range [0, size): the roots of its perfect subtrees, largest first.

    All that is needed to append and to know the root: at most 63 hashes however long the log.
    """

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()):
        self.size = size
        self.hashes = list(hashes)
        if not 0 <= size <= MAX_SIZE or len(self.hashes) != size.bit_count():
            raise Unreadable(f"a frontier of size {size} cannot hold {len(self.hashes)} hashes")
        if any(len(hash) != HASH_SIZE for hash in self.hashes):
            raise Unreadable(f"a frontier hash must have {HASH_SIZE} bytes")

    def append(self, hash: bytes) -> None:
        """Add one leaf hash."""
        self.extend((hash,))

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Add many leaf hashes; about one microsecond each."""
        stack, size = self.hashes, self.size
        for hash in hashes:
            size += 1
            rest = size
            while not rest & 1:
                hash = sha256(b"\x01" + stack.pop() + hash).digest()
                rest >>= 1
            stack.append(hash)
        self.size = size

    def root(self) -> bytes:
        """The root hash of the tree of this size."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for hash in reversed(self.hashes[:-1]):
            root = node_hash(hash, root)
        return root

    def copy(self) -> Frontier:
        """An independent copy."""
        return Frontier(self.size, self.hashes)

    def to_bytes(self) -> bytes:
        """Eight bytes of size, big-endian, then the hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """The inverse of `to_bytes`. Raises `Unreadable` for anything else."""
        if len(data) < 8 or (len(data) - 8) % HASH_SIZE:
            raise Unreadable(f"{len(data)} bytes are no frontier")
        return cls(int.from_bytes(data[:8], "big"), split_hashes(data[8:]))


def split_hashes(data: bytes) -> list[bytes]:
    """Cut concatenated hashes apart. Raises `Unreadable` if a part is left over."""
    if len(data) % HASH_SIZE:
        raise Unreadable(f"{len(data)} bytes are not whole hashes")
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]
