"""A log in memory, and what any log must offer to be read: signed checkpoints, tiles, entries, openings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from handrail.audit.checkpoint import Checkpoint, sign_checkpoint
from handrail.audit.note import SigningKey
from handrail.audit.proof import consistency_proof, inclusion_proof
from handrail.audit.tile import Edge, Tile, TileHashes
from handrail.audit.tlog_proof import make_receipt
from handrail.audit.tree import HASH_SIZE, Frontier, leaf_hash
from handrail.canonical import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What shows that a commitment in an entry was made to this value: `entry` is the entry's id."""

    entry: str
    path: str
    salt: bytes
    value: JSON


class LogReader(Protocol):
    """What the verifier reads. May raise `Unreadable` where the material cannot be read."""

    def checkpoints(self) -> Sequence[bytes]:
        """Signed checkpoints, in any order; at least the newest."""
        ...

    def tile(self, tile: Tile) -> bytes | None:
        """A tile's stored hashes (levels 0 and up), None if it is not kept: every full one is, a partial one may be.

        A database gives a partial tile of level 0 from the hashes stored beside its entries.
        """
        ...

    def entries(self) -> Iterable[bytes]:
        """The entries' bytes, from index 0, without gaps: raise `InvalidProof` where one is missing in the middle."""
        ...

    def openings(self) -> Iterable[Opening]:
        """The openings this reader may see."""
        ...


@runtime_checkable
class KeepsLeaves(Protocol):
    """A log that also stores each entry's leaf hash: the verifier compares these too."""

    def leaves(self, start: int, stop: int) -> Sequence[bytes]:
        """The stored leaf hashes of the entries from `start` to before `stop`."""
        ...


@runtime_checkable
class KeepsHead(Protocol):
    """A log that also stores its size and frontier, from which the next entry goes on: the verifier compares these."""

    def kept_head(self) -> tuple[int, Frontier]:
        """The stored size, and the stored frontier, whose own size may differ if somebody touched them."""
        ...


class MemoryLog:
    """A whole log in memory: appends, proves, signs. For tests, tools and small exports."""

    def __init__(self, entries: Iterable[bytes] = ()):
        self.stored: list[bytes] = []
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.notes: list[bytes] = []
        self.opened: list[Opening] = []
        self._edge = Edge()
        self.append(*entries)

    @property
    def size(self) -> int:
        """Number of entries appended."""
        return self._edge.size

    def root(self) -> bytes:
        """The root hash."""
        return self._edge.root()

    def append(self, *entries: bytes) -> None:
        """Add entries at the end."""
        self.stored.extend(entries)
        self._edge.extend([leaf_hash(entry) for entry in entries])
        self.tiles.update(self._edge.take_changed())

    def sign(self, *keys: SigningKey, time: int | None = None) -> bytes:
        """A checkpoint of the log as it is, kept and returned. The first key's name is the origin."""
        checkpoint = Checkpoint(origin=keys[0].name, size=self.size, root=self.root())
        self.notes.append(sign_checkpoint(checkpoint, *keys, time=time))
        return self.notes[-1]

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """An inclusion proof in the tree of `size` (default: all of it)."""
        size = self.size if size is None else size
        return inclusion_proof(index, size, TileHashes(self._read, size))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """A consistency proof between two of its sizes."""
        return consistency_proof(old, new, TileHashes(self._read, new))

    def receipt(self, index: int) -> bytes:
        """A receipt for an entry under the last checkpoint, which must cover the whole log."""
        return make_receipt(
            entry=self.stored[index], index=index, hashes=self.inclusion(index), checkpoint=self.notes[-1]
        )

    def checkpoints(self) -> Sequence[bytes]:
        """The signed checkpoints so far."""
        return self.notes

    def tile(self, tile: Tile) -> bytes | None:
        """A tile as wide as asked."""
        return self.tiles.get((tile.level, tile.index), b"")[: tile.width * HASH_SIZE] or None

    def entries(self) -> Iterable[bytes]:
        """The entries' bytes."""
        return iter(self.stored)

    def openings(self) -> Iterable[Opening]:
        """Its openings."""
        return self.opened

    def _read(self, tile: Tile) -> bytes:
        return self.tiles[tile.level, tile.index]
