"""Attacks on a log (trust.md, section 3), each tried for real, and clean logs without a false alarm."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import pytest

from audit.story import SYSTEM, Story, clean_story, digest, later_story, person
from handrail.audit.checkpoint import Checkpoint, next_epoch, sign_checkpoint
from handrail.audit.log import MemoryLog, Opening
from handrail.audit.note import COSIGNATURE, SigningKey, join_note, open_note
from handrail.audit.report import Link, Report
from handrail.audit.tile import Tile
from handrail.audit.tree import Frontier, leaf_hash, root_of
from handrail.audit.trust import Trust, parse_trust
from handrail.audit.verify import require_signed, verify, verify_epochs
from handrail.audit.witness_rules import add_checkpoint, request_body
from handrail.canonical import parse
from handrail.clock import SECOND
from handrail.entry import commitment

KEY = SigningKey(name="example.com/pay", seed=bytes(range(32)))
STOLEN = SigningKey(name="example.com/pay", seed=bytes(range(32)))
WITNESS = SigningKey(name="witness.example", seed=bytes(range(1, 33)), algorithm=COSIGNATURE)
TRUST = Trust(logs=(KEY.verifier,))
WITNESSED = parse_trust(f"log {KEY.verifier.text}\nwitness w {WITNESS.verifier.text}\nquorum w\n")


def entries(count: int, *, other: int | None = None) -> list[bytes]:
    """A plain log in which nothing is wrong; with `other`, one that says something else at that index."""
    story = Story()
    while len(story.entries) < count:
        story.auto(tier="soft_review" if len(story.entries) == other else "auto_approve")
    return story.bytes()[:count]


def signed(stored: list[bytes], *keys: SigningKey) -> MemoryLog:
    log = MemoryLog(stored)
    log.sign(*(keys or (KEY,)))
    return log


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def changed(log: MemoryLog, stored: list[bytes]) -> MemoryLog:
    """The log with other entries under the old checkpoints and tiles: what somebody with database access does."""
    other = MemoryLog()
    other.stored, other.tiles, other.notes = stored, log.tiles, log.notes
    return other


def recomputed(log: MemoryLog, stored: list[bytes]) -> MemoryLog:
    """The same with every hash computed anew."""
    other = MemoryLog(stored)
    other.notes = log.notes
    return other


def test_verify_clean_logs_of_every_kind_finds_nothing() -> None:
    log = signed(clean_story(30).bytes())
    ticks = iter((1.0, 3.0))
    report = verify(log, TRUST, timer=lambda: next(ticks))
    assert report.findings == ()
    assert (report.exit_code, report.size, report.signed_size, report.trusted_size) == (0, log.size, log.size, log.size)
    assert report.root == log.root()
    assert report.replayed
    assert report.erased == 1
    assert report.leaves_per_second == log.size / 2
    for count in (0, 1, 2, 255, 256, 257, 520):
        assert verify(signed(entries(count)), TRUST).exit_code == 0


def test_flip_every_byte_of_a_small_log_is_always_caught() -> None:
    log = signed(entries(5))
    for at, entry in enumerate(log.stored):
        for position in range(len(entry)):
            flipped = bytearray(entry)
            flipped[position] ^= 1 << (position % 8)
            stored = [*log.stored[:at], bytes(flipped), *log.stored[at + 1 :]]
            for attacked in (changed(log, stored), recomputed(log, stored)):
                report = verify(attacked, TRUST)
                assert (report.exit_code, "root.differs" in codes(report)) == (1, True), (at, position)


def test_flip_a_byte_of_each_of_200_entries_and_of_their_stored_hashes_is_always_caught() -> None:
    log, mix = signed(entries(200)), random.Random(1)
    for at in range(200):
        flipped = bytearray(log.stored[at])
        flipped[mix.randrange(len(flipped))] ^= 1 << mix.randrange(8)
        stored = [*log.stored[:at], bytes(flipped), *log.stored[at + 1 :]]
        assert {"root.differs", "tile.differs"} <= codes(verify(changed(log, stored), TRUST))
        tile = bytearray(log.tiles[0, 0])
        tile[at * 32 + mix.randrange(32)] ^= 1 << mix.randrange(8)
        attacked = changed(log, log.stored)
        attacked.tiles = {(0, 0): bytes(tile)}
        assert "tile.differs" in codes(verify(attacked, TRUST))


def test_delete_reorder_or_insert_anywhere_is_always_caught() -> None:
    stored = entries(64)
    log = signed(stored)
    foreign = entries(70)[65]
    for at in range(64):
        for other in (
            stored[:at] + stored[at + 1 :],
            [*stored[:at], foreign, *stored[at:]],
            [*stored[:at], stored[at], *stored[at:]],
        ):
            report = verify(recomputed(log, other), TRUST)
            assert report.exit_code == 1
            # doubling the last entry leaves what was signed as it was
            assert {"root.differs", "log.cut"} & codes(report) or other[:64] == stored
    for first, second in combinations(range(64), 2):
        swapped = list(stored)
        swapped[first], swapped[second] = swapped[second], swapped[first]
        # the root alone must tell: 2,016 whole verifications would only repeat it
        assert root_of(map(leaf_hash, swapped)) != log.root()
    swapped = [stored[1], stored[0], *stored[2:]]
    assert "root.differs" in codes(verify(recomputed(log, swapped), TRUST))


def test_rewrite_the_tree_without_the_key_is_caught() -> None:
    log = signed(entries(20))
    other = recomputed(log, entries(20, other=7))
    assert codes(verify(other, TRUST)) == {"root.differs", "trust.not_met"}
    # with a checkpoint whose signature belongs to the old one
    fake = Checkpoint(origin=KEY.name, size=other.size, root=other.root())
    other.notes = [join_note(fake.text, [KEY.sign(b"something else\n")])]
    assert "signature.broken" in codes(verify(other, TRUST))
    # with the attacker's own key: consistent, and vouched for by nobody known
    other.notes = []
    other.sign(SigningKey(name=KEY.name, seed=b"\6" * 32))
    assert verify(other, TRUST).exit_code == 3


def test_rewrite_history_with_the_key_is_caught_by_a_receipt_a_checkpoint_and_a_witness() -> None:
    stored = entries(40)
    log = signed(stored[:30])
    receipt, kept = log.receipt(29), log.notes[0]
    log.append(*stored[30:])
    log.sign(KEY)
    assert verify(log, TRUST, against=[kept], receipts=[receipt]).exit_code == 0
    forged = signed(entries(40, other=10), STOLEN)
    assert verify(forged, TRUST).exit_code == 0
    report = verify(forged, TRUST, against=[kept])
    assert report.exit_code == 1
    assert report.findings[0].evidence == (kept.decode(), forged.notes[0].decode())
    assert verify(forged, TRUST, receipts=[receipt]).exit_code == 1
    last = {KEY.name: Checkpoint(origin=KEY.name, size=30, root=root_of(map(leaf_hash, stored[:30])))}
    body = request_body(30, forged.consistency(30, 40), forged.notes[0])
    answer = add_checkpoint(body, last=last, logs={KEY.name: [KEY.verifier]}, key=WITNESS, time=1)
    assert answer.status == 422


def test_receipt_for_another_entry_of_the_same_tree_size_is_caught_as_different() -> None:
    stored = entries(8)
    receipt = signed(stored).receipt(7)
    forged = signed(entries(8, other=7), STOLEN)
    assert {"receipt.differs", "root.differs"} <= codes(verify(forged, TRUST, receipts=[receipt]))


def test_cut_the_tail_is_caught_by_any_newer_checkpoint() -> None:
    stored = entries(30)
    log = signed(stored)
    assert "log.cut" in codes(verify(recomputed(log, stored[:29]), TRUST))
    restored = signed(stored[:20])
    assert verify(restored, TRUST).exit_code == 0
    assert "log.cut" in codes(verify(restored, TRUST, against=log.notes))
    assert verify(restored, TRUST, receipts=[log.receipt(25)]).exit_code == 1


def test_fork_shows_both_signed_heads_as_evidence() -> None:
    stored = entries(20)
    one, two = signed(stored), signed(entries(20, other=19))
    report = verify(one, TRUST, against=two.notes)
    assert report.exit_code == 1
    assert report.findings[0].evidence == (two.notes[0].decode(), one.notes[0].decode())
    # two heads of one size shown by the log itself
    one.notes.append(two.notes[0])
    assert verify(one, TRUST).exit_code == 1


def test_backdate_an_entry_is_caught_unless_the_clock_was_said_to_jump() -> None:
    story = clean_story()
    story.now -= 86_400 * SECOND
    story.auto()
    report = verify(signed(story.bytes()), TRUST)
    assert codes(report) == {"meaning.time.backwards"}
    assert report.exit_code == 1


def test_sign_a_fork_with_a_stolen_key_leaves_the_witnessed_prefix_trusted() -> None:
    stored = entries(20)
    log = MemoryLog(stored[:10])
    log.sign(KEY, WITNESS, time=1_790_000_100)
    witnessed = log.notes[0]
    fork = MemoryLog(entries(20, other=12))
    fork.notes = [witnessed]
    fork.sign(STOLEN)
    report = verify(fork, WITNESSED)
    assert (report.exit_code, report.trusted_size) == (3, 10)
    # witnessed to the end, the same log meets the trust
    fork.sign(KEY, WITNESS, time=1_790_000_101)
    assert verify(fork, WITNESSED).exit_code == 0
    # the origin of the next epoch is another log: its key is not trusted for this one, nor this one's for it
    assert verify(signed(stored, SigningKey(name=next_epoch(KEY.name), seed=KEY.seed)), TRUST).exit_code in (1, 3)


def test_rotate_a_key_trusts_the_next_one_and_revoke_it_no_longer() -> None:
    fresh = SigningKey(name=KEY.name, seed=b"\5" * 32)
    story = Story()
    story.add("key.rotated", person("p_admin"), key={"vkey": fresh.verifier.text})
    log = MemoryLog(story.bytes())
    log.sign(KEY, fresh)
    story.auto()
    log.append(story.bytes()[-1])
    log.sign(fresh)
    assert verify(log, TRUST).exit_code == 0
    assert verify(log, Trust(logs=(fresh.verifier,))).exit_code == 0
    # without the announcement under the old key, the new one is nobody
    del log.notes[0]
    assert verify(log, TRUST).exit_code == 3
    story.add("key.revoked", person("p_admin"), key={"id": KEY.verifier.key_id.hex()})
    story.auto()
    revoked = MemoryLog(story.bytes())
    revoked.sign(STOLEN)
    assert verify(revoked, TRUST).exit_code == 3


def test_consistent_lie_is_caught_by_its_meaning_though_every_hash_holds() -> None:
    story = clean_story()
    case = story.submit()
    story.open(case, excluded=["p_ann"])
    story.decide(case, [story.judge(case, "p_ann", 1)])
    report = verify(signed(story.bytes()), TRUST)
    assert report.exit_code == 1
    assert codes(report) == {"meaning.review.excluded"}
    assert {finding.idx for finding in report.findings} == {len(story.entries) - 2}


def test_entry_that_cannot_be_read_cannot_be_judged() -> None:
    stored = [*entries(3), b'{"v":2}', b"no json"]
    report = verify(signed(stored), TRUST)
    assert (report.exit_code, codes(report), report.replayed) == (2, {"entry.malformed"}, False)


def test_checkpoint_missing_malformed_or_foreign_cannot_be_judged() -> None:
    log = MemoryLog(entries(3))
    assert verify(log, TRUST).exit_code == 2
    log.notes = [b"nothing"]
    assert verify(log, TRUST).exit_code == 2
    assert verify(signed(entries(3)), TRUST, against=[b"x"]).exit_code == 2
    assert verify(signed(entries(3)), TRUST, receipts=[b"x"]).exit_code == 2
    other = SigningKey(name="example.com/other", seed=bytes(32))
    foreign = sign_checkpoint(Checkpoint(origin=other.name, size=1, root=bytes(32)), other)
    assert "origin.other" in codes(verify(signed(entries(3)), TRUST, against=[foreign]))


def test_outside_checkpoint_nobody_signed_is_told_apart_from_evidence() -> None:
    log = signed(entries(3))
    unsigned = sign_checkpoint(
        Checkpoint(origin=KEY.name, size=3, root=log.root()), SigningKey(name="x", seed=bytes(32))
    )
    assert codes(verify(log, TRUST, against=[unsigned])) == {"outside.unsigned"}


def test_tampering_wins_over_distrust() -> None:
    log = signed(entries(10), SigningKey(name=KEY.name, seed=b"\6" * 32))
    assert verify(log, TRUST).exit_code == 3
    assert verify(recomputed(log, entries(10, other=4)), TRUST).exit_code == 1


def test_entries_after_the_checkpoint_are_read_but_not_vouched_for() -> None:
    log = signed(entries(10))
    log.append(*entries(13)[10:])
    report = verify(log, TRUST)
    assert (report.exit_code, report.size, report.signed_size, report.trusted_size) == (0, 13, 10, 10)


def with_commitment(value: str, salt: bytes) -> Story:
    story = Story()
    story.auto(fields={"/arguments/to": commitment(salt=salt, path="/arguments/to", value=value)})
    return story


def test_open_a_commitment_holds_for_its_value_only() -> None:
    salt = random.Random(3).randbytes(32)
    story = with_commitment("ann@example.com", salt)
    log, id = signed(story.bytes()), story.entries[-1]["id"]
    log.opened = [Opening(entry=id, path="/arguments/to", salt=salt, value="ann@example.com")]
    assert (verify(log, TRUST).exit_code, verify(log, TRUST).openings_held) == (0, 1)
    log.opened = [Opening(entry=id, path="/arguments/to", salt=salt, value="bob@example.com")]
    assert codes(verify(log, TRUST)) == {"opening.differs"}
    log.opened = [Opening(entry=id, path="/arguments/iban", salt=salt, value="ann@example.com")]
    assert codes(verify(log, TRUST)) == {"opening.unknown"}


def test_guess_a_value_from_its_commitment_without_the_salt_finds_nothing() -> None:
    story = with_commitment("4242", random.Random(4).randbytes(32))
    committed = story.entries[-1]["fields"]["/arguments/to"]
    mix = random.Random(5)
    salts = [b"", bytes(32), story.entries[-1]["id"].encode(), bytes.fromhex(committed), mix.randbytes(32)]
    # every value there is, under every salt an auditor could think of
    for guess in range(10_000):
        for salt in salts:
            assert commitment(salt=salt, path="/arguments/to", value=str(guess)) != committed


def test_cosign_time_is_read_back() -> None:
    log = MemoryLog(entries(2))
    note = log.sign(KEY, WITNESS, time=1_790_000_000)
    assert [one.time for one in open_note(note, [WITNESS.verifier])[1]] == [1_790_000_000]
    assert SYSTEM["kind"] == "system"


class LeafLog(MemoryLog):
    """A log that keeps leaf hashes beside its entries, as a database does."""

    kept: list[bytes]

    def leaves(self, start: int, stop: int) -> list[bytes]:
        return self.kept[start:stop]


def test_flip_any_stored_leaf_hash_is_caught_where_it_stands() -> None:
    log = LeafLog(entries(300))
    log.sign(KEY)
    whole = [leaf_hash(entry) for entry in log.stored]
    log.kept = whole
    assert verify(log, TRUST).exit_code == 0
    for at in (0, 1, 255, 256, 299):
        log.kept = [*whole[:at], bytes(32), *whole[at + 1 :]]
        report = verify(log, TRUST)
        assert [(finding.code, finding.idx) for finding in report.findings] == [("hash.differs", at)]
    log.kept = whole[:-1]
    assert codes(verify(log, TRUST)) == {"hash.differs"}


def test_entry_dated_after_its_cosignature_is_not_trusted() -> None:
    log = MemoryLog(entries(3))
    written = 1_790_000_003
    log.sign(KEY, WITNESS, time=written)
    assert verify(log, WITNESSED).exit_code == 0
    early = MemoryLog(entries(3))
    early.sign(KEY, WITNESS, time=written - 3600)
    assert codes(verify(early, WITNESSED)) == {"time.after_cosignature"}


def test_mutate_a_log_in_a_thousand_ways_is_always_caught() -> None:
    """Delete, double, swap, replace or change entries, hashes or checkpoints at random."""
    log, other, mix = signed(entries(12)), entries(12, other=5), random.Random(99)
    for _ in range(1000):
        attacked = MemoryLog()
        attacked.stored, attacked.tiles, attacked.notes = list(log.stored), dict(log.tiles), list(log.notes)
        at, to = mix.randrange(12), mix.randrange(12)
        match mix.randrange(7):
            case 0:
                del attacked.stored[at]
            case 1:
                attacked.stored.insert(at, log.stored[to])
            case 2:
                attacked.stored[at], attacked.stored[to] = log.stored[to], log.stored[at]
            case 3:
                attacked.stored = [*log.stored[:5], *other[5:]]
            case 4:
                attacked.stored[at] = mutated(log.stored[at], mix)
            case 5:
                attacked.tiles[0, 0] = mutated(log.tiles[0, 0], mix)
            case _:
                attacked.notes = [mutated(log.notes[0], mix)]
        same = attacked.stored == log.stored and attacked.tiles == log.tiles and attacked.notes == log.notes
        assert (verify(attacked, TRUST).exit_code == 0) == same


def mutated(data: bytes, mix: random.Random) -> bytes:
    changed = bytearray(data)
    at = mix.randrange(len(data))
    match mix.randrange(3):
        case 0:
            changed[at] ^= 1 << mix.randrange(8)
        case 1:
            del changed[at]
        case _:
            changed.insert(at, mix.randrange(256))
    return bytes(changed)


def test_thousand_clean_logs_give_no_false_alarm() -> None:
    for seed in range(1000):
        mix = random.Random(seed)
        story = Story()
        for _ in range(mix.randrange(4)):
            case = story.approved(reviewers=mix.randrange(1, 3)) if mix.random() < 0.5 else story.auto()
            if mix.random() < 0.5:
                story.start(case)
                story.finish(case, result=mix.choice(["succeeded", "failed"]))
        assert verify(signed(story.bytes()), TRUST).findings == (), seed


@pytest.mark.parametrize("size", [300, 600])
def test_reader_that_keeps_no_partial_tiles_is_verified_by_its_entries(size: int) -> None:
    log = signed(entries(size))
    kept = log.tile
    log.tile = lambda tile: kept(tile) if tile.width == 256 else None  # type: ignore[method-assign]
    assert verify(log, TRUST).exit_code == 0
    assert log.tile(Tile(level=0, index=0)) is not None


def test_full_tile_that_is_missing_is_named_and_a_partial_one_may_be() -> None:
    log = signed(entries(600))
    del log.tiles[0, 1]
    report = verify(log, TRUST)
    assert report.exit_code == 2
    assert [(one.code, "tile/0/001" in one.text) for one in report.findings] == [("tile.missing", True)]
    log = signed(entries(600))
    del log.tiles[0, 2]
    assert verify(log, TRUST).exit_code == 0


class HeadLog(MemoryLog):
    """A log that keeps its size and frontier in columns of their own, as a database does."""

    head: tuple[int, Frontier]

    def kept_head(self) -> tuple[int, Frontier]:
        return self.head


@pytest.mark.parametrize("size", [1, 44, 256, 300, 512])
def test_head_that_is_not_what_the_entries_come_to_is_tampering(size: int) -> None:
    log = HeadLog(entries(size))
    log.sign(KEY)
    frontier = Frontier()
    frontier.extend(map(leaf_hash, log.stored))
    log.head = size, frontier
    assert verify(log, TRUST).exit_code == 0
    for counted in (-5, size - 1, 2**63 - 1):
        log.head = counted, frontier
        assert codes(verify(log, TRUST)) == {"head.differs"}
    log.head = size, Frontier(size, [bytes(32), *frontier.hashes[1:]])
    assert codes(verify(log, TRUST)) == {"head.differs"}
    # what came after the head was read is no difference
    log.head = size, frontier
    log.append(*entries(size + 3)[size:])
    assert verify(log, TRUST).exit_code == 0


# --- epochs ---

LATER = SigningKey(name=next_epoch(KEY.name), seed=b"\7" * 32)
BOTH = Trust(logs=(KEY.verifier, LATER.verifier))


def epochs(*, unsigned: int = 2) -> tuple[MemoryLog, MemoryLog]:
    """A log of 20 entries, the last few of them unsigned, and the epoch that goes on from it."""
    first = MemoryLog(entries(20 - unsigned))
    first.sign(KEY)
    first.append(*entries(20)[20 - unsigned :])
    story = later_story(first, signed=30)
    story.auto()
    second = MemoryLog(story.bytes())
    second.sign(LATER)
    return first, second


def judged(first: MemoryLog, second: MemoryLog, trust: Trust = BOTH, **more: Any) -> Report:
    def earlier(link: Link) -> MemoryLog:
        assert link.origin == KEY.name
        return first

    return verify_epochs(second, earlier, trust, **more)


def test_verify_epochs_judges_each_and_says_how_they_hang_together() -> None:
    first, second = epochs()
    report = judged(first, second)
    (past,) = report.past
    assert (report.exit_code, report.origin, past.origin) == (0, LATER.name, KEY.name)
    assert report.follows == Link(
        origin=KEY.name, signed_size=30, signed_root=digest("signed"), held_size=20, held_root=first.root().hex()
    )
    # what was written after its last checkpoint is covered by the first entry of the next epoch
    assert (past.signed_size, past.covered, past.trusted_size, past.unsigned) == (18, 20, 20, 0)
    assert past.follows is None


def test_change_any_entry_of_an_epoch_that_is_over_is_caught() -> None:
    first, second = epochs()
    for at in range(20):
        flipped = bytearray(first.stored[at])
        flipped[-20] ^= 1
        stored = [*first.stored[:at], bytes(flipped), *first.stored[at + 1 :]]
        for attacked in (changed(first, stored), recomputed(first, stored)):
            report = judged(attacked, second)
            assert (report.exit_code, report.findings) == (1, ()), at
            assert "root.differs" in codes(report.past[0])


@pytest.mark.parametrize("size", [0, 1, 18, 19])
def test_cut_an_epoch_that_is_over_is_caught(size: int) -> None:
    first, second = epochs()
    cut = recomputed(first, first.stored[:size])
    assert (judged(cut, second).exit_code, "log.cut" in codes(judged(cut, second).past[0])) == (1, True)
    # also by who puts an older checkpoint of his beside it, or none
    cut.notes = []
    assert "log.cut" in codes(judged(cut, second).past[0])


def test_epoch_over_is_trusted_by_its_own_key_or_by_the_next_epochs() -> None:
    first, second = epochs()
    report = judged(first, second, Trust(logs=(LATER.verifier,)))
    assert (report.exit_code, report.past[0].trusted_size) == (0, 20)
    # who pinned the old key only, trusts what that signed, and not what goes on from it
    report = judged(first, second, TRUST)
    assert (report.exit_code, report.trusted_size, report.past[0].trusted_size) == (3, 0, 18)
    # a checkpoint the next epoch knows nothing of
    first.sign(KEY)
    story = later_story(first, signed=19)
    other = MemoryLog(story.bytes())
    other.sign(LATER)
    assert codes(judged(first, other).past[0]) == {"epoch.differs"}


def test_first_entry_that_names_another_log_than_the_one_before_is_caught() -> None:
    first, *rest = later_story().bytes()
    named = first.replace(b'"origin":"example.com/pay"', b'"origin":"example.com/buy"')
    for stored in (Story(log=LATER.name).bytes(), [named, *rest]):
        log = signed(stored, LATER)
        assert codes(verify(log, BOTH)) == {"epoch.differs"}
        assert judged(MemoryLog(), log).past == ()
    # and one that is kept, but that nothing goes on from
    assert judged(*epochs(), logs=[KEY.name, LATER.name]).exit_code == 0
    report = judged(*epochs(), logs=[KEY.name, LATER.name, next_epoch(LATER.name)])
    assert (report.exit_code, codes(report)) == (1, {"epoch.unlinked"})


def test_checkpoint_and_receipt_of_an_earlier_epoch_are_held_against_that_epoch() -> None:
    first, second = epochs(unsigned=0)
    note, receipt = first.notes[0], first.receipt(5)
    assert judged(first, second, against=[note], receipts=[receipt]).exit_code == 0
    rewritten = MemoryLog(entries(20, other=3))
    rewritten.sign(STOLEN)
    other = MemoryLog([*later_story(rewritten, signed=30).bytes()])
    other.sign(LATER)
    assert judged(rewritten, other).exit_code == 0
    assert judged(rewritten, other, against=[note]).exit_code == 1
    assert judged(rewritten, other, receipts=[receipt]).exit_code == 1
    strange = signed(entries(3), SigningKey(name="example.com/elsewhere", seed=b"\3" * 32)).notes[0]
    assert codes(judged(first, second, against=[strange])) == {"origin.other", "outside.unsigned"}
    assert codes(judged(first, second, against=[b"x"], receipts=[b"x"])) == {
        "checkpoint.malformed", "receipt.malformed"
    }  # fmt: skip


def test_entries_newer_than_every_signature_are_counted_and_may_be_refused() -> None:
    log = signed(entries(7))
    assert (verify(log, TRUST).unsigned, verify(log, TRUST).unsigned_since) == (0, None)
    assert require_signed(verify(log, TRUST)).exit_code == 0
    log.append(*entries(9)[7:])
    report = verify(log, TRUST)
    assert (report.exit_code, report.covered, report.unsigned) == (0, 7, 2)
    assert report.unsigned_since == parse(entries(9)[7])["at"]
    refused = require_signed(report)
    assert (refused.exit_code, codes(refused)) == (3, {"unsigned"})
    # a checkpoint that somebody kept covers them as well
    kept = signed(entries(9)).notes[0]
    assert require_signed(verify(log, TRUST, against=[kept])).exit_code == 0
    # an epoch that is over, and more of it than the next one says
    first, second = epochs()
    first.append(*entries(22)[20:])
    report = judged(first, second)
    assert (report.exit_code, report.unsigned, report.past[0].unsigned) == (0, 0, 2)
    assert require_signed(report).exit_code == 3
