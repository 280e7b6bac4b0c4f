"""The tree, its proofs and its tiles agree with software this project did not write."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from handrail.audit.checkpoint import Checkpoint, open_trusted, sign_checkpoint
from handrail.audit.note import parse_skey, parse_vkey
from handrail.audit.proof import consistency_proof, inclusion_proof, root_at, verify_consistency, verify_inclusion
from handrail.audit.tile import Edge, Tile, TileHashes, parse_tile_path, split_bundle, tiles_of
from handrail.audit.tree import Frontier, leaf_hash, node_hash, root_of
from handrail.errors import InvalidInput, InvalidProof, Unreadable


def read(data_dir: Path, name: str) -> Any:
    return json.loads((data_dir / "merkle" / name).read_text())


def test_hash_reference_leaves_gives_every_reference_node_and_root(data_dir: Path) -> None:
    reference = read(data_dir, "rfc6962_reference.json")
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in reference["leaf_inputs_hex"]]
    levels = [leaves]
    while len(levels[-1]) > 1:
        row = levels[-1]
        levels.append([node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)])
    assert [[hash.hex() for hash in level] for level in levels] == reference["node_hashes_hex_by_level"]
    roots = [root_of(leaves[:size]).hex() for size in range(len(leaves) + 1)]
    assert roots == reference["root_hash_hex_by_size"]


def test_verify_inclusion_over_published_cases_agrees_with_each(data_dir: Path) -> None:
    cases = read(data_dir, "td_inclusion.json")
    assert len(cases) == 40
    for case in cases:
        refused = False
        try:
            verify_inclusion(
                b64decode(case["leafHash"] or ""), case["leafIdx"], case["treeSize"],
                [b64decode(hash) for hash in case["proof"] or []], b64decode(case["root"] or ""),
            )  # fmt: skip
        except InvalidProof:
            refused = True
        assert refused == case["wantErr"], case["name"]


def test_verify_consistency_over_published_cases_agrees_with_each(data_dir: Path) -> None:
    cases = read(data_dir, "td_consistency.json")
    assert len(cases) == 42
    for case in cases:
        refused = False
        try:
            verify_consistency(
                case["size1"], case["size2"], [b64decode(hash) for hash in case["proof"] or []],
                b64decode(case["root1"] or ""), b64decode(case["root2"] or ""),
            )  # fmt: skip
        except InvalidProof:
            refused = True
        assert refused == case["wantErr"], case["name"]


def test_verify_inclusion_of_real_rekor_entries_agrees_with_each(data_dir: Path) -> None:
    for case in read(data_dir, "rekor_entries.json"):
        arguments = (
            leaf_hash(b64decode(case["leaf_b64"])), case["leafIdx"], case["treeSize"],
            [b64decode(hash) for hash in case["proof"]], b64decode(case["root"]),
        )  # fmt: skip
        if case["accept"]:
            verify_inclusion(*arguments)
        else:
            with pytest.raises(InvalidProof):
                verify_inclusion(*arguments)


class Log:
    """A whole log in memory, kept as tiles by the edge, as the store keeps it."""

    def __init__(self) -> None:
        self.edge = Edge()
        self.tiles: dict[tuple[int, int], bytes] = {}

    def append(self, hashes: list[bytes]) -> None:
        self.edge.extend(hashes)
        self.tiles |= self.edge.take_changed()

    def read(self, tile: Tile) -> bytes:
        return self.tiles[tile.level, tile.index]


def test_build_go_tree_in_uneven_batches_gives_its_roots_tiles_checkpoints_and_proofs(data_dir: Path) -> None:
    go = read(data_dir, "go_tlog_generated.json")
    roots = {row["size"]: b64decode(row["root"]) for row in go["roots"]}
    leaves = [leaf_hash(f"{go['leaf_prefix']}{at}".encode()) for at in range(go["n"])]
    log, seen = Log(), 0
    for size in sorted(roots):
        log.append(leaves[log.edge.size : size])
        assert log.edge.root() == roots[size]
        assert Edge.load(log.edge.frontier, log.read).root() == roots[size]
        seen += 1
    assert seen == len(go["roots"])
    log.append(leaves[log.edge.size :])
    skey, vkey = parse_skey(go["signer"]["skey"]), parse_vkey(go["signer"]["vkey"])
    assert (skey.text, vkey.text, skey.verifier) == (go["signer"]["skey"], go["signer"]["vkey"], vkey)
    for row in go["checkpoints"]:
        made = Checkpoint(origin=go["signer"]["origin"], size=row["size"], root=roots[row["size"]])
        assert sign_checkpoint(made, skey) == row["note"].encode()
        assert open_trusted(row["note"].encode(), vkey) == made
    for row in go["tiles"]:
        tile = Tile(level=row["L"], index=row["N"], width=row["W"])
        assert tile.path == row["path"]
        assert parse_tile_path(row["path"]) == tile
        assert log.read(tile)[: tile.width * 32] == b64decode(row["data_b64"])
    for row in go["inclusion"]:
        hash_at = TileHashes(log.read, row["treeSize"])
        proof = inclusion_proof(row["leafIdx"], row["treeSize"], hash_at)
        assert proof == [b64decode(hash) for hash in row["proof"]]
        verify_inclusion(b64decode(row["leafHash"]), row["leafIdx"], row["treeSize"], proof, b64decode(row["root"]))
    for row in go["consistency"]:
        hash_at = TileHashes(log.read, row["size2"])
        proof = consistency_proof(row["size1"], row["size2"], hash_at)
        assert proof == [b64decode(hash) for hash in row["proof"]]
        verify_consistency(row["size1"], row["size2"], proof, b64decode(row["root1"]), b64decode(row["root2"]))
        assert root_at(row["size1"], hash_at) == b64decode(row["root1"])


def test_build_tessera_log_reproduces_its_files_byte_for_byte(data_dir: Path) -> None:
    folder = data_dir / "merkle" / "tessera_log"
    meta = json.loads((folder / "meta.json").read_text())
    key = parse_skey(meta["skey"])
    entries = [leaf.encode() for leaf in meta["leaves_in_order"]]
    for size in range(6):
        hashes = [leaf_hash(entry) for entry in entries[:size]]
        made = sign_checkpoint(Checkpoint(origin=meta["origin"], size=size, root=root_of(hashes)), key)
        assert made == (folder / f"checkpoint.{size}").read_bytes()
        if size:
            tile = Tile(level=0, index=0, width=size)
            assert (folder / tile.path).read_bytes() == b"".join(hashes)
            bundle = Tile(level=-1, index=0, width=size)
            assert split_bundle((folder / bundle.path).read_bytes()) == entries[:size]


def test_parse_tile_paths_agrees_with_published_cases(data_dir: Path) -> None:
    cases = read(data_dir, "tile_paths.json")
    for case in cases["ok"]:
        assert parse_tile_path(case["path"]) == Tile(level=case["L"], index=case["N"])
        assert Tile(level=case["L"], index=case["N"]).path == case["path"]
    for path in [
        *cases["bad"],
        "tile/8/000",
        "tile/0/x000/001",
        "tile/0/000.p/256",
        "tile/0/٠٠٠",
        "tile/0/1",
        "tile/0/000\n",
    ]:
        with pytest.raises(InvalidInput):
            parse_tile_path(path)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 700])
def test_prove_every_leaf_from_tiles_verifies(size: int) -> None:
    log = Log()
    leaves = [leaf_hash(b"%d" % at) for at in range(size)]
    log.append(leaves)
    assert set(log.tiles) == {(tile.level, tile.index) for tile in tiles_of(size)}
    hash_at = TileHashes(log.read, size)
    for index in range(0, size, 7):
        verify_inclusion(leaves[index], index, size, inclusion_proof(index, size, hash_at), log.edge.root())


def test_append_across_65536_leaves_carries_to_level_two() -> None:
    log = Log()
    leaves = [leaf_hash(b"%d" % at) for at in range(65_536 + 300)]
    for at in range(0, len(leaves), 1000):
        log.append(leaves[at : at + 1000])
    plain = Frontier()
    plain.extend(leaves)
    assert log.edge.root() == plain.root() == root_at(len(leaves), TileHashes(log.read, len(leaves)))
    assert Edge.load(plain, log.read).frontier.hashes == plain.hashes
    assert len(log.tiles[2, 0]) == 32
    assert Frontier.from_bytes(plain.to_bytes()).root() == plain.root()


def test_load_edge_with_a_changed_tile_is_refused() -> None:
    log = Log()
    log.append([leaf_hash(b"%d" % at) for at in range(300)])
    log.tiles[0, 1] = bytes([log.tiles[0, 1][0] ^ 1]) + log.tiles[0, 1][1:]
    with pytest.raises(Unreadable, match="disagree"):
        Edge.load(log.edge.frontier, log.read)


def test_verify_inclusion_at_the_largest_sizes_holds_and_beyond_is_refused() -> None:
    # a tree of equal leaves: every perfect subtree of one height has one hash
    perfect = [leaf_hash(b"")]
    while len(perfect) < 63:
        perfect.append(node_hash(perfect[-1], perfect[-1]))
    size = 2**63 - 1

    def hash_at(height: int, index: int) -> bytes:
        return perfect[height]

    root = root_at(size, hash_at)
    for index in (0, 1, 2**62 - 1, 2**62, size - 1):
        verify_inclusion(perfect[0], index, size, inclusion_proof(index, size, hash_at), root)
    for first in (1, 2**62, 2**62 + 1, size - 1):
        proof = consistency_proof(first, size, hash_at)
        verify_consistency(first, size, proof, root_at(first, hash_at), root)
    for index, wrong in ((size, size), (-1, size), (0, 2**63), (2**64, 2**65)):
        with pytest.raises(InvalidProof):
            verify_inclusion(perfect[0], index, wrong, [perfect[0]] * 63, root)


def test_verify_inclusion_with_a_node_taken_for_a_leaf_is_refused() -> None:
    leaves = [leaf_hash(b"%d" % at) for at in range(4)]
    left, right = node_hash(leaves[0], leaves[1]), node_hash(leaves[2], leaves[3])
    root = node_hash(left, right)
    # the hashes hold in a tree of size 2 only, and no entry hashes to an inner node
    with pytest.raises(InvalidProof):
        verify_inclusion(left, 0, 4, [right], root)
    assert leaf_hash(leaves[0] + leaves[1]) != left
