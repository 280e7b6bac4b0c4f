"""Tiles: the tree cut into files of 256 hashes, as C2SP tlog-tiles names and fills them.

Level 0 holds leaf hashes; hash i of level L+1 is the root over the full tile i of level L. The last
tile of a level may be partial: `width` hashes, 1 to 255. Entry bundles follow level 0's cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from handrail.audit.tree import HASH_SIZE, MAX_SIZE, Frontier, node_hash, split_hashes
from handrail.errors import InvalidInput, Unreadable

WIDTH = 256
HEIGHT = 8
# 8 levels of height 8 reach 2^64 leaves
MAX_LEVEL = 7
# an entry in a bundle is preceded by a 16-bit length
MAX_BUNDLE_ENTRY = 65_535


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Tile:
    """Which tile: level (-1: entry bundle), index in the level, and how many hashes it holds, 1 to 256."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The tlog-tiles path: `tile/0/x001/x234/067.p/8`, `tile/entries/000`."""
        level = "entries" if self.level < 0 else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{index_path(self.index)}{partial}"


def index_path(index: int) -> str:
    """`1234067` is `x001/x234/067`."""
    parts = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        parts.append(f"x{index % 1000:03d}")
    return "/".join(reversed(parts))


_PATH = re.compile(r"tile/(entries|[0-7])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


def parse_tile_path(path: str) -> Tile:
    """The inverse of `Tile.path`. Raises `InvalidInput` for any other spelling."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise InvalidInput(f"{path[:80]!r} names no tile", remedy="Use tile/<level>/<index>[.p/<width>].")
    level = -1 if match[1] == "entries" else int(match[1])
    index = int(match[2].replace("/", "").replace("x", ""))
    tile = Tile(level=level, index=index, width=int(match[3] or WIDTH))
    # leading zero groups and a spelled-out full width are other spellings of the same tile
    if tile.path != path or tile.index * WIDTH > MAX_SIZE:
        raise InvalidInput(f"{path[:80]!r} names no tile", remedy="Use tile/<level>/<index>[.p/<width>].")
    return tile


def tile_width(level: int, index: int, size: int) -> int:
    """How many hashes tile (level, index) holds in a tree of that size: 0 to 256."""
    count = size >> (HEIGHT * max(level, 0))
    return max(0, min(WIDTH, count - index * WIDTH))


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """Every tile of a tree of that size which a tree of size `since` does not already hold, level by level.

    The last tile of a level may be partial; level -1 (entry bundles) is not included.
    """
    for level in range(MAX_LEVEL + 1):
        before, count = since >> (HEIGHT * level), size >> (HEIGHT * level)
        if count == 0:
            return
        for index in range(before // WIDTH, -(-count // WIDTH)):
            if count > before:
                yield Tile(level=level, index=index, width=tile_width(level, index, size))


TileReader = Callable[[Tile], bytes]
"""Gives a tile's concatenated hashes: at least `width` of them. Raises what it likes if it has none."""


class Edge:
    """The frontier together with the partial tiles of the right-hand edge: what a writer keeps in memory.

    `rows[L]` are the hashes of the last, partial tile of level L, concatenated. After `extend`,
    `take_changed` hands over each tile that grew, as `{(level, index): hashes}`, to be stored.
    """

    __slots__ = ("_changed", "frontier", "rows")

    def __init__(self, frontier: Frontier | None = None, rows: Sequence[bytes] = ()):
        self.frontier = frontier or Frontier()
        self.rows = [bytearray(row) for row in rows]
        self._changed: dict[tuple[int, int], bytes] = {}

    @classmethod
    def load(cls, frontier: Frontier, read: TileReader) -> Edge:
        """The edge of a stored log. Raises `Unreadable` if its partial tiles do not make the frontier."""
        rows: list[bytes] = []
        hashes: list[bytes] = []
        for level in range(MAX_LEVEL + 1):
            count = frontier.size >> (HEIGHT * level)
            tile = Tile(level=level, index=count // WIDTH, width=count % WIDTH)
            row = read(tile)[: tile.width * HASH_SIZE] if tile.width else b""
            rows.append(row)
            if len(row) != tile.width * HASH_SIZE:
                raise Unreadable(f"{tile.path} is too short for a tree of size {frontier.size}")
            hashes[:0] = _perfect_roots(split_hashes(row))
        if hashes != frontier.hashes:
            raise Unreadable("the stored tiles and the stored frontier disagree")
        return cls(frontier.copy(), rows)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self.frontier.size

    def root(self) -> bytes:
        """The root hash."""
        return self.frontier.root()

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Append leaf hashes; under two microseconds each."""
        at = 0
        while at < len(hashes):
            part = hashes[at : at + WIDTH - self.size % WIDTH]
            at += len(part)
            if (self.size + len(part)) % WIDTH:
                self._fill(0, b"".join(part))
                self.frontier.extend(part)
            else:
                self._complete(part)

    def _complete(self, part: Sequence[bytes]) -> None:
        """Append the leaves that fill level 0's tile, and carry its root up as far as tiles get full."""
        self._fill(0, b"".join(part))
        self.frontier.extend(part[:-1])
        hash, count, level = part[-1], self.size + 1, 0
        # one leaf short of a full tile, the frontier's last hashes are its subtrees of height 0 to 7
        lefts = self.frontier.hashes[::-1]
        while count % WIDTH == 0:
            for left in lefts[HEIGHT * level : HEIGHT * (level + 1)]:
                hash = node_hash(left, hash)
            level, count = level + 1, count >> HEIGHT
            self._fill(level, hash)
        self.frontier.extend(part[-1:])

    def _fill(self, level: int, hashes: bytes) -> None:
        """Add hashes to the last tile of a level, before the frontier has passed that tile's end."""
        while len(self.rows) <= level:
            self.rows.append(bytearray())
        row = self.rows[level]
        row += hashes
        self._changed[level, self.size >> (HEIGHT * (level + 1))] = bytes(row)
        if len(row) == WIDTH * HASH_SIZE:
            row.clear()

    def take_changed(self) -> dict[tuple[int, int], bytes]:
        """Each tile that grew since the last call, with all its hashes so far."""
        changed, self._changed = self._changed, {}
        return changed

    def copy(self) -> Edge:
        """An independent copy without pending changes: what a rolled-back batch returns to."""
        return Edge(self.frontier.copy(), [bytes(row) for row in self.rows])


class TileHashes:
    """Perfect-subtree hashes of a tree of `size` leaves, read from tiles. Each tile is read once.

    Called with (height, index) it returns the root over leaves [index·2^height, (index+1)·2^height).
    """

    def __init__(self, read: TileReader, size: int):
        self._read = read
        self._size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, height: int, index: int) -> bytes:
        level, within = divmod(height, HEIGHT)
        first = index << within
        row = self._tile(level, first // WIDTH)
        start = first % WIDTH
        hashes = row[start : start + (1 << within)]
        if len(hashes) != 1 << within:
            raise Unreadable(f"the subtree at height {height}, index {index} is not in a tree of {self._size}")
        return _perfect_root(hashes)

    def _tile(self, level: int, index: int) -> list[bytes]:
        known = self._tiles.get((level, index))
        if known is None:
            width = tile_width(level, index, self._size)
            if width == 0:
                raise Unreadable(f"tile {index} of level {level} is not in a tree of {self._size}")
            data = self._read(Tile(level=level, index=index, width=width))
            if len(data) < width * HASH_SIZE:
                raise Unreadable(f"tile {index} of level {level} is shorter than {width} hashes")
            known = self._tiles[level, index] = split_hashes(data[: width * HASH_SIZE])
        return known


def _perfect_roots(row: list[bytes]) -> list[bytes]:
    """The roots of the perfect subtrees of a partial tile, largest first."""
    roots, at = [], 0
    for bit in range(HEIGHT - 1, -1, -1):
        if len(row) >> bit & 1:
            roots.append(_perfect_root(row[at : at + (1 << bit)]))
            at += 1 << bit
    return roots


def _perfect_root(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def bundle_entries(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry after its length in two bytes, big-endian."""
    parts = []
    for entry in entries:
        if len(entry) > MAX_BUNDLE_ENTRY:
            raise InvalidInput(f"an entry of {len(entry)} bytes does not fit an entry bundle")
        parts.append(len(entry).to_bytes(2, "big") + entry)
    return b"".join(parts)


def split_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle. Raises `Unreadable` if its lengths do not add up."""
    entries, at = [], 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[start - 2 : start], "big")
        if start > len(data) or at > len(data):
            raise Unreadable("an entry bundle ends in the middle of an entry")
        entries.append(data[start:at])
    return entries
