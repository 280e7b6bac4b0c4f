"""Inclusion and consistency proofs (RFC 9162, 2.1.3 and 2.1.4): made from hashes, checked strictly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from handrail.audit.tree import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, node_hash
from handrail.errors import InvalidInput, InvalidProof

HashReader = Callable[[int, int], bytes]
"""(height, index) → root over the leaves [index·2^height, (index+1)·2^height); see `tile.TileHashes`."""


def root_at(size: int, hash_at: HashReader) -> bytes:
    """The root of the first `size` leaves."""
    return _subtree(0, size, hash_at) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, hash_at: HashReader) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root of the tree of `size`; nearest the leaf first.

    Raises `InvalidInput` unless 0 ≤ index < size.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise InvalidInput(f"there is no leaf {index} in a tree of size {size}")
    return _path(index, 0, size, hash_at)


def consistency_proof(size1: int, size2: int, hash_at: HashReader) -> list[bytes]:
    """The hashes that show the tree of `size1` to be a prefix of the tree of `size2`.

    Empty for equal sizes and for size1 = 0 (where nothing is to be shown).
    Raises `InvalidInput` unless 0 ≤ size1 ≤ size2.
    """
    if not 0 <= size1 <= size2 <= MAX_SIZE:
        raise InvalidInput(f"a tree of size {size1} is no prefix of one of size {size2}")
    if size1 in (0, size2):
        return []
    return _subproof(size1, 0, size2, True, hash_at)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise `InvalidProof` unless the leaf hash stands at `index` of the tree with this size and root."""
    _check_hashes((leaf, root, *proof))
    if not 0 <= index < size <= MAX_SIZE:
        raise InvalidProof(f"index {index} is outside a tree of size {size}")
    fn, sn, hash = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            raise InvalidProof("the inclusion proof has too many hashes")
        if fn & 1 or fn == sn:
            hash = node_hash(sibling, hash)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            hash = node_hash(hash, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise InvalidProof("the inclusion proof has too few hashes")
    if hash != root:
        raise InvalidProof("the inclusion proof leads to another root")


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Raise `InvalidProof` unless the tree (size1, root1) is a prefix of the tree (size2, root2).

    size1 = 0 is refused: every tree extends the empty one, so such a proof says nothing.
    """
    _check_hashes((root1, root2, *proof))
    if not 0 < size1 <= size2 <= MAX_SIZE:
        raise InvalidProof(f"no consistency proof leads from size {size1} to size {size2}")
    if size1 == size2:
        if proof or root1 != root2:
            raise InvalidProof("two different trees of one size, or hashes where none are needed")
        return
    if not proof:
        raise InvalidProof("the consistency proof is empty")
    # a perfect first tree is its own first hash and is left out of the proof
    path = [root1, *proof] if size1 & (size1 - 1) == 0 else list(proof)
    fn, sn = size1 - 1, size2 - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for hash in path[1:]:
        if sn == 0:
            raise InvalidProof("the consistency proof has too many hashes")
        if fn & 1 or fn == sn:
            first, second = node_hash(hash, first), node_hash(hash, second)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, hash)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise InvalidProof("the consistency proof has too few hashes")
    if first != root1:
        raise InvalidProof("the consistency proof does not lead to the first root")
    if second != root2:
        raise InvalidProof("the consistency proof does not lead to the second root")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(hash) != HASH_SIZE for hash in hashes):
        raise InvalidProof(f"a hash must have {HASH_SIZE} bytes")


def _split(count: int) -> int:
    """The largest power of two below count."""
    return 1 << ((count - 1).bit_length() - 1)


def _subtree(start: int, count: int, hash_at: HashReader) -> bytes:
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return hash_at(height, start >> height)
    left = _split(count)
    return node_hash(_subtree(start, left, hash_at), _subtree(start + left, count - left, hash_at))


def _path(index: int, start: int, count: int, hash_at: HashReader) -> list[bytes]:
    if count == 1:
        return []
    left = _split(count)
    if index < left:
        return [*_path(index, start, left, hash_at), _subtree(start + left, count - left, hash_at)]
    return [*_path(index - left, start + left, count - left, hash_at), _subtree(start, left, hash_at)]


def _subproof(size: int, start: int, count: int, whole: bool, hash_at: HashReader) -> list[bytes]:
    if size == count:
        return [] if whole else [_subtree(start, count, hash_at)]
    left = _split(count)
    if size <= left:
        return [*_subproof(size, start, left, whole, hash_at), _subtree(start + left, count - left, hash_at)]
    rest = _subproof(size - left, start + left, count - left, False, hash_at)
    return [*rest, _subtree(start, left, hash_at)]
