"""One workspace's log as the database holds it: read, prove, hand out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from handrail.audit.log import Opening
from handrail.audit.proof import consistency_proof, inclusion_proof
from handrail.audit.tile import WIDTH, Edge, Tile, TileHashes, bundle_entries
from handrail.audit.tlog_proof import make_receipt
from handrail.audit.tree import EMPTY_ROOT, Frontier, leaf_hash, root_of, split_hashes
from handrail.errors import InvalidProof, Unreadable
from handrail.store import statements
from handrail.store.engine import Store

PAGE = 2000
RESTORE = "Run `handrail audit verify` to see what was changed, and put back a backup made before."


def blob(value: Any) -> bytes:
    """Bytes as they are stored. Raises `Unreadable` for a value of another type, which SQLite takes in any column."""
    if not isinstance(value, bytes | bytearray | memoryview):
        raise Unreadable(f"the database holds {type(value).__name__} where bytes belong", remedy=RESTORE)
    return bytes(value)


@lru_cache(maxsize=300)
def _root_of_full(hashes: bytes) -> bytes:
    """The root of a full tile. A partial tile above has up to 255 of them below it, the same at every signing."""
    return root_of(split_hashes(hashes))


class Logbook:
    """Reads a log for the verifier, the signer, auditors and receipts. Implements `audit.log.LogReader`."""

    def __init__(self, store: Store, log: str):
        self._store = store
        self.log = log

    def head(self) -> tuple[int, bytes]:
        """Size and root as the writer left them."""
        rows = self._store.read_hot(statements.head_get, log=self.log)
        if not rows:
            return 0, EMPTY_ROOT
        frontier = Frontier.from_bytes(blob(rows[0][1]))
        return frontier.size, frontier.root()

    def kept_head(self) -> tuple[int, Frontier]:
        """The size and the frontier as two columns keep them: in a log nobody touched they agree."""
        rows = self._store.read_hot(statements.head_get, log=self.log)
        return (rows[0][0], Frontier.from_bytes(blob(rows[0][1]))) if rows else (0, Frontier())

    def check_head(self) -> None:
        """Raises `Unreadable` unless the head is what the last tiles and entries come to. Reads only those."""
        try:
            size, frontier = self.kept_head()
            if size != frontier.size:
                raise Unreadable(f"it counts {size!r} entries, its frontier {frontier.size}")
            Edge.load(frontier, self._tile)
            if size:
                last = Tile(level=0, index=(size - 1) // WIDTH, width=(size - 1) % WIDTH + 1)
                if b"".join(map(leaf_hash, self.entries(last.index * WIDTH, size))) != self._tile(last):
                    raise Unreadable(f"{last.path} does not hold the hashes of the entries")
        except (Unreadable, InvalidProof) as error:
            raise Unreadable(
                f"the head of the log {self.log} is not what its entries come to: {error}", remedy=RESTORE
            ) from None

    def checkpoint(self) -> bytes | None:
        """The newest signed checkpoint."""
        rows = self._store.read_hot(statements.head_get, log=self.log)
        if not rows or not rows[0][3]:
            return None
        if not isinstance(rows[0][3], str):
            raise Unreadable("the database holds a checkpoint that is no text", remedy=RESTORE)
        return rows[0][3].encode()

    def checkpoints(self) -> Sequence[bytes]:
        newest = self.checkpoint()
        return [] if newest is None else [newest]

    def tile(self, tile: Tile) -> bytes | None:
        """A tile's hashes: stored if full, made from below if partial. None where the log does not reach."""
        if tile.level == 0 and tile.width < WIDTH:
            hashes = self.leaves(tile.index * WIDTH, tile.index * WIDTH + tile.width)
            return b"".join(hashes) if len(hashes) == tile.width else None
        if tile.width == WIDTH:
            rows = self._store.read_hot(statements.tile_get, log=self.log, level=tile.level, n=tile.index)
            return blob(rows[0][0]) if rows else None
        below = []
        for n in range(tile.index * WIDTH, tile.index * WIDTH + tile.width):
            full = self.tile(Tile(level=tile.level - 1, index=n))
            if full is None:
                return None
            below.append(_root_of_full(full))
        return b"".join(below)

    def bundle(self, index: int, width: int) -> bytes | None:
        """Entry bundle `index`: the entries' bytes with their lengths. None where the log does not reach."""
        entries = self._entries(index * WIDTH, index * WIDTH + width)
        return bundle_entries(entries) if len(entries) == width else None

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Entry bytes from `start`, without gaps. Raises `InvalidProof` where one is missing."""
        size = self.head()[0] if stop is None else stop
        while start < size:
            page = self._entries(start, min(start + PAGE, size))
            if len(page) != min(start + PAGE, size) - start:
                raise InvalidProof(f"entry {start + len(page)} or a later one is missing")
            yield from page
            start += len(page)

    def openings(self) -> Iterable[Opening]:
        return ()

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """RFC 9162 2.1.3 proof that entry `index` is in the tree of `size`."""
        return inclusion_proof(index, size, TileHashes(self._tile, size))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """RFC 9162 2.1.4 proof that the tree of `new` extends that of `old`."""
        return consistency_proof(old, new, TileHashes(self._tile, new))

    def receipt(self, entry: bytes, index: int) -> bytes | None:
        """A C2SP tlog-proof of one entry under the newest checkpoint; None while no checkpoint covers it."""
        rows = self._store.read_hot(statements.head_get, log=self.log)
        if not rows or rows[0][2] <= index or not rows[0][3]:
            return None
        return make_receipt(
            entry=entry, index=index, hashes=self.inclusion(index, rows[0][2]), checkpoint=rows[0][3].encode()
        )

    def _tile(self, tile: Tile) -> bytes:
        found = self.tile(tile)
        if found is None:
            raise InvalidProof(f"tile {tile.path} is missing")
        return found

    def leaves(self, start: int, stop: int) -> list[bytes]:
        """The leaf hashes stored beside the entries from `start` to before `stop`."""
        rows = self._store.read_hot(statements.entry_hashes, log=self.log, start=start, stop=stop)
        return [blob(row[0]) for row in rows]

    def _entries(self, start: int, stop: int) -> list[bytes]:
        rows = self._store.read_hot(statements.entry_bytes_range, log=self.log, start=start, stop=stop)
        return [blob(row[0]) for row in rows]
