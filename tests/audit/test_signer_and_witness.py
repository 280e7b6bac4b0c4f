"""The signer never signs two logs that disagree; the witness answers as C2SP says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handrail.audit.checkpoint import Checkpoint, open_trusted, sign_checkpoint
from handrail.audit.note import COSIGNATURE, SigningKey, VerifierKey, open_note
from handrail.audit.proof import consistency_proof
from handrail.audit.signer import Signer
from handrail.audit.tile import Edge, Tile, TileHashes
from handrail.audit.tree import leaf_hash
from handrail.audit.witness import Witness
from handrail.audit.witness_rules import add_checkpoint, parse_request, request_body
from handrail.errors import Conflict, LogRewound, Unreadable

KEY = SigningKey(name="example.com/pay", seed=bytes(range(32)))
WITNESS = SigningKey(name="witness.example", seed=bytes(range(1, 33)), algorithm=COSIGNATURE)


class Log:
    """A log in memory that can prove itself."""

    def __init__(self, *entries: bytes) -> None:
        self.edge = Edge()
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.add(*entries)

    def add(self, *entries: bytes) -> Log:
        self.edge.extend([leaf_hash(entry) for entry in entries])
        self.tiles |= self.edge.take_changed()
        return self

    def read(self, tile: Tile) -> bytes:
        return self.tiles[tile.level, tile.index]

    def prove(self, old: int, new: int) -> list[bytes]:
        return consistency_proof(old, new, TileHashes(self.read, new))

    def signed(self, signer: Signer) -> bytes:
        return signer.sign(self.edge.size, self.edge.root(), self.prove)

    def note(self) -> bytes:
        return sign_checkpoint(Checkpoint(origin=KEY.name, size=self.edge.size, root=self.edge.root()), KEY)


def test_sign_a_growing_log_signs_each_size(tmp_path: Path) -> None:
    signer, log = Signer.create(tmp_path / "signer", KEY), Log()
    for size in (0, 1, 2, 5, 300, 300):
        log.add(*(b"%d" % at for at in range(log.edge.size, size)))
        assert open_trusted(log.signed(signer), KEY.verifier).size == size
        assert Signer(tmp_path / "signer", KEY).last().size == size


def test_sign_a_rewound_log_is_refused(tmp_path: Path) -> None:
    signer = Signer.create(tmp_path / "signer", KEY)
    Log(b"a", b"b", b"c").signed(signer)
    with pytest.raises(LogRewound, match="2 entries, but 3"):
        Log(b"a", b"b").signed(signer)


@pytest.mark.parametrize("fork", [Log(b"a", b"x"), Log(b"a", b"x", b"c"), Log(b"z", b"b", b"c", b"d")])
def test_sign_a_forked_log_is_refused_and_nothing_is_remembered(tmp_path: Path, fork: Log) -> None:
    signer, log = Signer.create(tmp_path / "signer", KEY), Log(b"a", b"b")
    log.signed(signer)
    with pytest.raises(LogRewound):
        fork.signed(signer)
    assert signer.last().root == log.edge.root()
    log.add(b"c").signed(signer)


def test_sign_without_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        Signer(tmp_path / "lost", KEY)
    Signer.create(tmp_path / "state", KEY)
    with pytest.raises(Conflict):
        Signer.create(tmp_path / "state", KEY)
    with pytest.raises(Unreadable):
        Signer(tmp_path / "state", SigningKey(name="example.com/other", seed=bytes(32)))
    (tmp_path / "state").write_text('{"origin":"example.com/pay","size":true,"root":""}')
    with pytest.raises(Unreadable):
        Signer(tmp_path / "state", KEY)


def test_sign_when_the_state_cannot_be_written_gives_no_signature(tmp_path: Path) -> None:
    signer = Signer.create(tmp_path / "state", KEY)
    # the fresh file's name is taken by a folder: writing must fail before a signature leaves
    (tmp_path / "state.new").mkdir()
    with pytest.raises(OSError, match=r"state\.new"):
        Log(b"a").signed(signer)
    assert signer.last().size == 0


def test_sign_during_a_rotation_carries_both_keys(tmp_path: Path) -> None:
    fresh = SigningKey(name=KEY.name, seed=b"\5" * 32)
    note = Log(b"a").signed(Signer.create(tmp_path / "state", KEY, also=[fresh]))
    assert len(open_note(note, [KEY.verifier, fresh.verifier])[1]) == 2


def test_witness_published_requests_gets_the_published_answers(data_dir: Path) -> None:
    vectors = json.loads((data_dir / "merkle" / "witness_add_checkpoint.json").read_text())
    seed = bytes.fromhex(vectors["witness_seed_hex"])
    key = SigningKey(name="example.com/witness", seed=seed, algorithm=COSIGNATURE)
    origin = parse_request(vectors["requests"][0]["body"].encode()).checkpoint.origin
    public = bytes.fromhex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f")
    logs = {origin: [VerifierKey(name=origin, algorithm=1, public=public)]}
    last: dict[str, Checkpoint] = {}
    for request in vectors["requests"]:
        answer = add_checkpoint(request["body"].encode(), last=last, logs=logs, key=key, time=1_700_000_000)
        assert answer.status == request["status_in_current_spec"], request["step"]
        if request["assert"].startswith("body contains"):
            assert request["assert"].split('"')[1].encode() in answer.body
        if answer.accepted:
            last[origin] = answer.accepted
    assert last[origin].size == vectors["final_size"]


def test_witness_a_growing_log_cosigns_and_refuses_rewind_fork_and_gap(tmp_path: Path) -> None:
    witness = Witness(tmp_path / "witness", WITNESS, {KEY.name: [KEY.verifier]})
    log = Log(b"a", b"b", b"c")
    first = log.note()
    answer = witness.add_checkpoint(request_body(0, [], first), time=10)
    assert answer.status == 200
    cosigned = open_note(first + answer.body, [KEY.verifier, WITNESS.verifier])[1]
    assert [one.time for one in cosigned] == [None, 10]
    witness = Witness(tmp_path / "witness", WITNESS, {KEY.name: [KEY.verifier]})
    log.add(b"d", b"e")
    # the next size with its proof, then again, then everything a witness must not cosign
    assert witness.add_checkpoint(request_body(3, log.prove(3, 5), log.note()), time=11).status == 200
    assert witness.add_checkpoint(request_body(5, [], log.note()), time=12).status == 200
    rewound = witness.add_checkpoint(request_body(0, [], first), time=13)
    assert (rewound.status, rewound.body, rewound.content_type) == (409, b"5\n", "text/x.tlog.size")
    fork = Log(b"a", b"b", b"c", b"d", b"X")
    assert witness.add_checkpoint(request_body(5, [], fork.note()), time=14).status == 422
    fork.add(b"f")
    assert witness.add_checkpoint(request_body(5, fork.prove(5, 6), fork.note()), time=15).status == 422
    assert witness.add_checkpoint(request_body(6, [], log.note()), time=16).status == 400
    assert witness.add_checkpoint(b"old 05\n\n" + log.note(), time=17).status == 400
    assert witness.add_checkpoint(request_body(5, [bytes(32)] * 64, log.note()), time=18).status == 400
    assert witness.last()[KEY.name].root == log.edge.root()


def test_witness_that_cannot_store_does_not_answer(tmp_path: Path) -> None:
    witness = Witness(tmp_path / "witness", WITNESS, {KEY.name: [KEY.verifier]})
    (tmp_path / "witness.new").mkdir()
    with pytest.raises(OSError, match=r"witness\.new"):
        witness.add_checkpoint(request_body(0, [], Log(b"a").note()), time=10)
    assert witness.last() == {}
