"""Signed notes, checkpoints and receipts: strict readers, and the public vectors byte for byte."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.audit.checkpoint import (
    Checkpoint,
    log_origin,
    next_epoch,
    open_checkpoint,
    parse_checkpoint,
    parse_size,
    previous_epoch,
    sign_checkpoint,
    split_epoch,
)
from handrail.audit.note import (
    COSIGNATURE,
    SigningKey,
    join_note,
    open_note,
    parse_skey,
    parse_vkey,
    signature_line,
    split_note,
)
from handrail.audit.tile import bundle_entries, parse_tile_path, split_bundle
from handrail.audit.tlog_proof import TlogProof, make_receipt, parse_tlog_proof, verify_receipt
from handrail.audit.tree import EMPTY_ROOT, Frontier, leaf_hash, root_of
from handrail.audit.trust import parse_trust
from handrail.audit.witness_rules import parse_request
from handrail.errors import HandrailError, InvalidInput, InvalidProof, Unreadable

KEY = SigningKey(name="example.com/pay", seed=bytes(range(32)))
COSIGNER = SigningKey(name="witness.example", seed=bytes(range(1, 33)), algorithm=COSIGNATURE)
ROOT = root_of([leaf_hash(b"x")])
NOTE = sign_checkpoint(Checkpoint(origin=KEY.name, size=1, root=ROOT), KEY)


def read(data_dir: Path, name: str) -> Any:
    return json.loads((data_dir / "merkle" / name).read_text())


def test_open_published_notes_agrees_with_each(data_dir: Path) -> None:
    vectors = read(data_dir, "signed_note.json")
    for case in vectors["notes"]:
        keys = [parse_vkey(vkey) for vkey in case["vkeys"]]
        try:
            verified = open_note(case["note"].encode(), keys)[1]
        except (Unreadable, InvalidProof):
            verified = []
        assert bool(verified) == case["accept"], case["name"]
        if case["accept"]:
            assert [one.key.name for one in verified] == case["verified_signers"]


def test_parse_bad_published_keys_refuses_each(data_dir: Path) -> None:
    for vkey in read(data_dir, "signed_note.json")["bad_vkeys"]:
        with pytest.raises(InvalidInput):
            parse_vkey(vkey)


def test_sign_published_text_gives_the_published_line(data_dir: Path) -> None:
    for case in read(data_dir, "signed_note.json")["sign"]:
        line = signature_line(parse_skey(case["skey"]).sign(case["text"].encode()))
        assert line == case["expect_signature_line"].encode()


def test_parse_published_checkpoint_bodies_agrees_with_each(data_dir: Path) -> None:
    for case in read(data_dir, "checkpoint_body.json"):
        if case["ok"]:
            parsed = parse_checkpoint(case["body"].encode())
            assert parsed.size == case.get("size", parsed.size)
            assert parsed.text == case["body"].encode()
        else:
            with pytest.raises(Unreadable):
                parse_checkpoint(case["body"].encode())


def test_parse_published_receipts_agrees_with_each(data_dir: Path) -> None:
    for case in read(data_dir, "tlog_proof_format.json"):
        if case["name"].startswith("bad/"):
            with pytest.raises(Unreadable):
                parse_tlog_proof(case["text"].encode())
            continue
        expected = TlogProof(
            index=case["index"],
            hashes=tuple(b64decode(hash) for hash in case["hashes"]),
            checkpoint=case["checkpoint"].encode(),
            extra=b64decode(case["extra_b64"]) if "extra_b64" in case else None,
        )
        assert parse_tlog_proof(case["text"].encode()) == expected
        assert expected.text == case["text"].encode()


@pytest.mark.parametrize(
    "size",
    ["٣", "1_000", "01", "+1", "-1", " 1", "1 ", "", "1.0", "1e3", "0x1", "9223372036854775808", "9" * 5000, "¹"],
)
def test_parse_size_spelled_otherwise_is_refused(size: str) -> None:
    with pytest.raises(Unreadable):
        parse_size(size.encode())


def change(note: bytes, old: bytes, new: bytes) -> bytes:
    changed = note.replace(old, new, 1)
    assert changed != note
    return changed


def pad_bits() -> bytes:
    """The same signature bytes with a stray low bit in the last base64 digit before the padding."""
    packed = NOTE.rsplit(b" ", 1)[1].strip()
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    kept = packed.rstrip(b"=")
    other = kept[:-1] + bytes([digits[digits.index(kept[-1]) | 1]]) + b"=" * (len(packed) - len(kept))
    assert b64decode(other) == b64decode(packed)
    return change(NOTE, packed, other)


@pytest.mark.parametrize(
    "note",
    [
        change(NOTE, b"\n", b"\r\n"),
        change(NOTE, b"\n\n", b"\r\n\r\n"),
        pad_bits(),
        NOTE + NOTE.rsplit(b"\n\n", 1)[1],
        NOTE + b"".join(b"\xe2\x80\x94 a%d AAAAAAAA\n" % at for at in range(100)),
        change(NOTE, b"example.com/pay", b"example.com/p\xffy"),
        change(NOTE, b"example.com/pay\n", b"example.com/pay\x00\n"),
        NOTE[:-1],
        NOTE + b"\n",
        change(NOTE, "— ".encode(), b"- "),
        change(NOTE, "— ".encode(), "—\u00a0".encode()),
        change(NOTE, b"\n\n", b"\n"),
        change(NOTE, b"\n\n", b"\nextension\n\n"),
        change(NOTE, b"\n1\n", "\n١\n".encode()),
        b"x" * 1_000_001,
        b"",
    ],
    ids=lambda note: repr(note[-30:]) if isinstance(note, bytes) else None,
)
def test_open_tricky_checkpoint_is_refused(note: bytes) -> None:
    with pytest.raises((Unreadable, InvalidProof)):
        open_checkpoint(note, [KEY.verifier])


def test_open_note_with_one_hundred_signatures_is_read() -> None:
    keys = [SigningKey(name=f"k{at}", seed=bytes([at]) * 32) for at in range(100)]
    text = b"many\n"
    note = join_note(text, [key.sign(text) for key in keys])
    assert len(open_note(note, [key.verifier for key in keys])[1]) == 100


def test_open_note_signed_by_a_key_of_same_name_and_other_bytes_is_not_verified() -> None:
    other = SigningKey(name=KEY.name, seed=b"\7" * 32)
    assert open_note(NOTE, [other.verifier])[1] == []


def test_flip_any_byte_of_a_checkpoint_never_verifies_as_another() -> None:
    for at in range(len(NOTE)):
        for bit in (1, 128):
            changed = bytearray(NOTE)
            changed[at] ^= bit
            try:
                verified = open_checkpoint(bytes(changed), [KEY.verifier])[1]
            except (Unreadable, InvalidProof):
                continue
            assert verified == [], at


def test_cosign_a_checkpoint_tells_the_time_and_refuses_another() -> None:
    note = sign_checkpoint(Checkpoint(origin=KEY.name, size=1, root=ROOT), KEY, COSIGNER, time=1_700_000_000)
    keys = [KEY.verifier, COSIGNER.verifier]
    assert [one.time for one in open_checkpoint(note, keys)[1]] == [None, 1_700_000_000]
    signature = COSIGNER.sign(b"text\n", time=5)
    shifted = (6).to_bytes(8, "big") + signature.signature[8:]
    with pytest.raises(InvalidProof):
        COSIGNER.verifier.verify(b"text\n", shifted)


def test_write_keys_as_text_and_read_them_gives_the_same() -> None:
    for key in (KEY, COSIGNER):
        assert parse_skey(key.text) == key
        assert parse_vkey(key.verifier.text) == key.verifier
    assert KEY.seed.hex() not in repr(KEY)
    with pytest.raises(InvalidInput):
        SigningKey(name="two words", seed=bytes(32))


def test_name_a_log_by_host_workspace_shard_and_epoch() -> None:
    assert log_origin("example.com", "pay") == "example.com/pay"
    assert log_origin("example.com", "pay", shard="s1", epoch=3) == "example.com/pay/s1/e3"
    assert split_epoch("example.com/pay/e12") == ("example.com/pay", 12)
    assert next_epoch("example.com/pay") == "example.com/pay/e2"
    assert next_epoch("example.com/pay/e2") == "example.com/pay/e3"
    assert [previous_epoch(f"example.com/pay{end}") for end in ("", "/e1", "/e2", "/e10")] == [
        None, None, "example.com/pay", "example.com/pay/e9"
    ]  # fmt: skip
    for parts in (("a b", "x"), ("a", "x+y"), ("a", "x/y"), ("a", ""), ("a", "e2")):
        with pytest.raises(InvalidInput):
            log_origin(*parts)


def test_verify_receipt_holds_and_a_changed_one_is_refused() -> None:
    entries = [b'{"n":%d}' % at for at in range(3)]
    leaves = [leaf_hash(entry) for entry in entries]
    frontier = Frontier()
    frontier.extend(leaves)
    note = sign_checkpoint(Checkpoint(origin=KEY.name, size=3, root=frontier.root()), KEY)
    receipt = make_receipt(entry=entries[2], index=2, hashes=[frontier.hashes[0]], checkpoint=note)
    proof, checkpoint, verified = verify_receipt(receipt, [KEY.verifier])
    assert (proof.index, checkpoint.size, verified[0].key) == (2, 3, KEY.verifier)
    assert verify_receipt(receipt, [])[2] == []
    with pytest.raises(InvalidProof):
        verify_receipt(receipt, [KEY.verifier], entry=entries[1])
    for at in range(len(receipt)):
        changed = bytearray(receipt)
        changed[at] ^= 1
        try:
            signed = verify_receipt(bytes(changed), [KEY.verifier])[2]
        except (Unreadable, InvalidProof):
            continue
        assert signed == [], at


def test_parse_trust_reads_groups_and_asks_for_the_quorum() -> None:
    witnesses = [SigningKey(name=f"w{at}", seed=bytes([at]) * 32, algorithm=COSIGNATURE).verifier for at in range(3)]
    lines = [f"log {KEY.verifier.text}", *(f"witness w{at} {key.text}" for at, key in enumerate(witnesses))]
    trust = parse_trust("\n".join(["# ours", *lines, "group g 2 w0 w1 w2", "quorum g", ""]))
    assert trust.logs == (KEY.verifier,)
    assert not trust.met({witnesses[0]})
    assert trust.met({witnesses[0], witnesses[2]})
    assert parse_trust(KEY.verifier.text).met(set())
    for bad in (
        "",
        "quorum none",
        f"log {COSIGNER.verifier.text}",
        "\n".join([*lines, "group g 4 w0 w1"]),
        "\n".join([*lines, "quorum x"]),
        "\n".join([*lines, "quorum w0", "quorum w1"]),
        "log x+00000000+AA",
    ):
        with pytest.raises(InvalidInput):
            parse_trust(bad)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundle_any_entries_and_split_them_gives_the_same(entries: list[bytes]) -> None:
    assert split_bundle(bundle_entries(entries)) == entries


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_write_any_checkpoint_and_read_it_gives_the_same(size: int, root: bytes) -> None:
    made = Checkpoint(origin="example.com/log", size=size, root=root if size else EMPTY_ROOT)
    assert parse_checkpoint(made.text) == made


READERS = (split_note, parse_checkpoint, parse_tlog_proof, parse_request, split_bundle, Frontier.from_bytes)
SEEDS = (NOTE, NOTE.split(b"\n\n")[0] + b"\n", b"old 0\n\n" + NOTE, b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + NOTE)


@given(st.sampled_from(SEEDS), st.integers(0, 400), st.binary(max_size=6), st.integers(0, 4))
def test_read_mutated_bytes_either_reads_or_refuses(seed: bytes, at: int, put: bytes, cut: int) -> None:
    data = seed[:at] + put + seed[at + cut :]
    for reader in READERS:
        try:
            reader(data)
        except HandrailError:
            pass
    for key in (KEY.verifier,):
        try:
            text, verified = open_note(data, [key])
        except HandrailError:
            continue
        assert not verified or text == NOTE.split(b"\n\n")[0] + b"\n"


@given(st.text(max_size=60))
def test_read_any_text_either_reads_or_refuses(text: str) -> None:
    for reader in (parse_vkey, parse_skey, parse_trust, parse_tile_path):
        try:
            reader(text)
        except InvalidInput:
            pass
