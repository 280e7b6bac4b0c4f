"""The auditor's bundle: the same bytes each time, checked by three programs, and no byte of it can change."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.story import Story, clean_story, digest, person, whole_story
from handrail.audit import bundle as bundles
from handrail.audit.bundle import Files, manifest, pack, program, unpack, verify_bundle, write_bundle
from handrail.audit.checkpoint import next_epoch
from handrail.audit.log import MemoryLog, Opening
from handrail.audit.note import COSIGNATURE, SigningKey
from handrail.audit.pages import harmless
from handrail.audit.schemas import SCHEMAS
from handrail.audit.standalone import verify as outside
from handrail.audit.trust import Trust
from handrail.canonical import dumps
from handrail.entry import commitment
from handrail.errors import InvalidInput, Unreadable

KEY = SigningKey(name="example.com/pay", seed=bytes(range(32)))
LATER = SigningKey(name=next_epoch(KEY.name), seed=KEY.seed)
WITNESS = SigningKey(name="witness.example", seed=bytes(range(1, 33)), algorithm=COSIGNATURE)
TRUST = Trust(logs=(KEY.verifier,))
SALT = bytes(range(32))
POLICIES = {digest(text): text for text in ("policy", "tighter")}


def make_log(cases: int = 5) -> MemoryLog:
    story = clean_story(cases)
    story.auto(fields={"/arguments/to": commitment(salt=SALT, path="/arguments/to", value="ann")})
    log = MemoryLog(story.bytes()[:40])
    log.sign(KEY)
    log.append(*story.bytes()[40:])
    log.sign(KEY)
    log.opened = [Opening(entry=story.entries[-1]["id"], path="/arguments/to", salt=SALT, value="ann")]
    return log


LOG = make_log()
BUNDLE = write_bundle(LOG, policies=POLICIES)


def test_opening_of_an_entry_that_is_not_signed_yet_stays_out() -> None:
    story = clean_story(5)
    story.auto(fields={"/arguments/to": commitment(salt=SALT, path="/arguments/to", value="ann")})
    log = MemoryLog(story.bytes()[:-1])
    log.sign(KEY)
    log.append(story.bytes()[-1])
    log.opened = [Opening(entry=story.entries[-1]["id"], path="/arguments/to", salt=SALT, value="ann")]
    report = verify_bundle(write_bundle(log, policies=POLICIES), TRUST)
    assert (report.exit_code, report.openings_held) == (0, 0)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: abs(x) < 2**53),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(JSONS)
def test_the_stand_alone_verifier_writes_json_as_handrail_does(value: object) -> None:
    assert outside.canonical(json.loads(dumps(value))).encode() == dumps(value)


def again(files: Files) -> bytes:
    """A bundle of these files with a manifest that fits: what a careful forger hands over."""
    content = {name: data for name, data in files.items() if name != "MANIFEST"}
    return pack({**content, "MANIFEST": manifest(content)})


def codes(data: bytes) -> set[str]:
    return {finding.code for finding in verify_bundle(data, TRUST).findings}


def standalone(
    tmp_path: Path, data: bytes, *extra: str, trust: str = KEY.verifier.text
) -> subprocess.CompletedProcess[str]:
    """Run verify.py as an auditor would: alone in a folder, without handrail to import."""
    (tmp_path / "verify.py").write_bytes(program("verify.py"))
    (tmp_path / "b.zip").write_bytes(data)
    (tmp_path / "trust").write_text(trust)
    command = [sys.executable, "-P", "verify.py", "b.zip", "--trust", "trust", *extra]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)


def test_write_bundle_twice_gives_the_same_bytes_and_it_verifies(tmp_path: Path) -> None:
    assert write_bundle(make_log(), policies=POLICIES) == BUNDLE
    path = tmp_path / "bundle.zip"
    path.write_bytes(BUNDLE)
    report = verify_bundle(path, TRUST, against=[LOG.notes[0]], receipts=[LOG.receipt(3)])
    assert report.findings == ()
    assert (report.exit_code, report.size, report.openings_held) == (0, LOG.size, 1)


def test_change_any_part_of_a_bundle_is_always_caught() -> None:
    mix = random.Random(11)
    for _ in range(150):
        data = bytearray(BUNDLE)
        at = mix.randrange(len(data))
        match mix.randrange(4):
            case 0:
                data[at] ^= 1 << mix.randrange(8)
            case 1:
                del data[at : at + mix.randrange(1, 100)]
            case 2:
                data[at:at] = mix.randbytes(mix.randrange(1, 9))
            case _:
                data = data[:at]
        if bytes(data) != BUNDLE:
            assert verify_bundle(bytes(data), TRUST).exit_code in (1, 2), at


def test_change_any_file_and_its_manifest_line_is_caught() -> None:
    files = unpack(BUNDLE)
    mix = random.Random(12)
    for name in sorted(files):
        # a schema or policy text is held by the digest in its name; one of each is enough
        data = bytearray(files[name])
        data[mix.randrange(len(data))] ^= 1
        report = verify_bundle(again({**files, name: bytes(data)}), TRUST)
        if name == "MANIFEST":
            assert report.exit_code == 0  # it is made anew from the files, which are untouched
        else:
            assert report.exit_code in (1, 2, 3), name
            assert report.exit_code == 3 or name not in bundles.PROGRAMS


@pytest.mark.parametrize("name", ["checkpoint", "report.html", "entries.csv", "tile/0/000.p/101", "openings.json"])
def test_leave_a_file_out_of_a_bundle_cannot_be_judged(name: str) -> None:
    files = unpack(BUNDLE)
    name = next(file for file in files if file.startswith(name.split(".p/", maxsplit=1)[0]))
    del files[name]
    assert verify_bundle(again(files), TRUST).exit_code == 2


def test_put_a_trust_file_or_another_verifier_into_a_bundle_changes_nothing_but_is_told() -> None:
    files = unpack(BUNDLE)
    assert codes(again({**files, "trust": b"log mine"})) == {"file.unknown"}
    assert codes(again({**files, "verify.py": b"print('all held')"})) == {"program.differs"}
    other = Story()
    for _ in range(60):
        other.auto()
    forged = MemoryLog(other.bytes())
    forged.sign(SigningKey(name=KEY.name, seed=b"\6" * 32))
    data = again({**unpack(write_bundle(forged, policies=POLICIES)), "checkpoints/000000": LOG.notes[0]})
    assert verify_bundle(data, TRUST).exit_code == 1
    assert verify_bundle(write_bundle(forged, policies=POLICIES), TRUST).exit_code == 3


def test_bundle_of_another_version_or_no_bundle_cannot_be_judged() -> None:
    files = unpack(BUNDLE)
    newer = files["MANIFEST"].replace(b"bundle/1", b"bundle/2")
    for data in (pack({**files, "MANIFEST": newer}), b"", b"PK", BUNDLE[:-1], BUNDLE + b"\0", b"x" * 1000):
        assert verify_bundle(data, TRUST).exit_code == 2


def test_write_bundle_without_what_it_needs_is_refused() -> None:
    with pytest.raises(Unreadable):
        write_bundle(MemoryLog())
    short = MemoryLog(LOG.stored[:5])
    short.notes = LOG.notes
    with pytest.raises(Unreadable):
        write_bundle(short)
    with pytest.raises(InvalidInput):
        write_bundle(LOG, policies={digest("a"): "b"})


def test_write_table_quotes_what_a_spreadsheet_would_run() -> None:
    story = Story()
    story.auto(action={"name": '=HYPERLINK("http://x")', "digest": digest("x")})
    log = MemoryLog(story.bytes())
    log.sign(KEY)
    rows = list(
        csv.reader(io.StringIO(unpack(write_bundle(log, policies=POLICIES))["entries.csv"].decode(), newline=""))
    )
    assert rows[2][7] == '\'=HYPERLINK("http://x")'
    assert len(rows) == 1 + log.size
    for cell in ("=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1"):
        assert harmless(cell) == "'" + cell
    assert harmless("plain") == "plain"


def test_write_report_escapes_names(tmp_path: Path) -> None:
    story = Story()
    case = story.submit()
    story.open(case)
    story.judge(case, "<script>alert(1)</script>", 1)
    log = MemoryLog(story.bytes())
    log.sign(KEY)
    page = unpack(write_bundle(log, policies=POLICIES))["report.html"].decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_standalone_verifier_imports_only_the_standard_library_and_cryptography() -> None:
    tree = ast.parse(program("verify.py"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    foreign = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert foreign == {"cryptography"}


def test_standalone_verifier_accepts_a_clean_bundle_as_zip_and_unpacked(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(LOG.notes[0])
    (tmp_path / "receipt").write_bytes(LOG.receipt(7))
    done = standalone(tmp_path, BUNDLE, "--against", "kept", "--receipt", "receipt")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{LOG.size} entries" in done.stdout
    assert "1 openings hold" in done.stdout
    shutil.unpack_archive(tmp_path / "b.zip", tmp_path / "folder")
    command = [sys.executable, "-P", "verify.py", "folder", "--trust", "trust"]
    assert subprocess.run(command, cwd=tmp_path, check=False, timeout=60, capture_output=True).returncode == 0


def signed(story: Story) -> MemoryLog:
    log = MemoryLog(story.bytes())
    log.sign(KEY if story.log == KEY.name else LATER)
    return log


def test_standalone_verifier_knows_every_type_and_judges_no_other(tmp_path: Path) -> None:
    assert SCHEMAS.keys() == outside.TYPES
    whole = write_bundle(signed(whole_story()), policies=POLICIES)
    assert standalone(tmp_path, whole, trust=LATER.verifier.text).returncode == 0
    # nor one that goes on from another log than its name says
    lost = write_bundle(signed(Story(log=LATER.name)), policies=POLICIES)
    done = standalone(tmp_path, lost, trust=LATER.verifier.text)
    assert (done.returncode, f"by its name the log goes on from {KEY.name}" in done.stdout) == (1, True)
    assert verify_bundle(lost, Trust(logs=(LATER.verifier,))).exit_code == 1
    story = clean_story()
    story.add("case.forgotten", person("p_1"))
    # our own program would not write it
    done = standalone(tmp_path, write_bundle(signed(story), policies=POLICIES))
    assert (done.returncode, "of no type" in done.stdout) == (2, True)


def witnessed_log() -> MemoryLog:
    log = MemoryLog(LOG.stored)
    log.sign(KEY, WITNESS, time=7)
    return log


def test_standalone_verifier_agrees_on_each_kind_of_wrong(tmp_path: Path) -> None:
    files = unpack(BUNDLE)
    entry_file = next(name for name in files if name.startswith("tile/entries/"))
    tile_file = next(name for name in files if name.startswith("tile/0/"))
    flipped = bytearray(files[entry_file])
    flipped[flipped.index(b"2026")] ^= 1
    tile = bytearray(files[tile_file])
    tile[5] ^= 1
    other_key = MemoryLog(LOG.stored)
    other_key.sign(SigningKey(name=KEY.name, seed=b"\6" * 32))
    lie = clean_story()
    case = lie.submit()
    lie.open(case, reviewers=2)
    lie.decide(case, [lie.judge(case, "p_1", 1), lie.judge(case, "p_1", 2)])
    lying = MemoryLog(lie.bytes())
    lying.sign(KEY)
    hasty = clean_story()
    hasty.wake(hasty.park(hasty.submit()))
    waking = MemoryLog(hasty.bytes())
    waking.sign(KEY)
    # a log without its first label keeps every rule, but is not the one that was signed
    dropped = next(at for at, entry in enumerate(LOG.stored) if b"label.made" in entry)
    rewritten = MemoryLog([*LOG.stored[:dropped], *LOG.stored[dropped + 1 :]])
    rewritten.sign(KEY)
    (tmp_path / "kept").write_bytes(LOG.notes[0])
    (tmp_path / "receipt").write_bytes(LOG.receipt(50))
    quorum = f"log {KEY.verifier.text}\nwitness w {WITNESS.verifier.text}\nquorum w\n"
    against, receipt = ("--against", "kept"), ("--receipt", "receipt")
    for data, extra, trust, expected in (
        (again({**files, entry_file: bytes(flipped)}), (), KEY.verifier.text, 1),
        (again({**files, tile_file: bytes(tile)}), (), KEY.verifier.text, 1),
        (pack({**files, "report.html": b"fine"}), (), KEY.verifier.text, 1),
        (again({name: data for name, data in files.items() if name != entry_file}), (), KEY.verifier.text, 1),
        (again({**files, entry_file: files[entry_file][:-7]}), (), KEY.verifier.text, 1),
        (write_bundle(other_key, policies=POLICIES), (), KEY.verifier.text, 3),
        (write_bundle(lying, policies=POLICIES), (), KEY.verifier.text, 1),
        (write_bundle(waking, policies=POLICIES), (), KEY.verifier.text, 1),
        (write_bundle(rewritten, policies=POLICIES), (), KEY.verifier.text, 0),
        (write_bundle(rewritten, policies=POLICIES), against, KEY.verifier.text, 1),
        (write_bundle(rewritten, policies=POLICIES), receipt, KEY.verifier.text, 1),
        (BUNDLE, (), quorum, 3),
        (write_bundle(witnessed_log(), policies=POLICIES), (), quorum, 0),
        (BUNDLE, (), "nonsense", 2),
        (b"no zip", (), KEY.verifier.text, 2),
    ):
        done = standalone(tmp_path, data, *extra, trust=trust)
        assert done.returncode == expected, (expected, done.stdout, done.stderr)


@pytest.mark.parametrize("seed", range(2))
def test_standalone_verifier_judges_every_file_as_our_own_does(seed: int, tmp_path: Path) -> None:
    files, mix = unpack(BUNDLE), random.Random(seed)
    missing = again({name: data for name, data in files.items() if name != f"policies/{digest('policy')}.yaml"})
    assert verify_bundle(missing, TRUST).exit_code == 2
    both = [missing]
    schemas = sorted(name for name in files if name.startswith("schemas/"))
    # all schemas are judged alike
    for name in sorted(files.keys() - {"MANIFEST", *schemas[2:]}):
        data = bytearray(files[name])
        data[mix.randrange(len(data))] ^= 1
        both += [again({**files, name: bytes(data)}), again({one: files[one] for one in files if one != name})]
    foreign = ("trust", "policies/x.yaml", f"policies/{digest('x')}.yaml", "tile/0/999", "schemas/x")
    both += [again({**files, name: b"x"}) for name in foreign]
    listed = files["MANIFEST"].splitlines(keepends=True)
    for lines in (listed[:-1], [listed[0], *listed[:0:-1]], [*listed, listed[-1]], [*listed, b"\n"]):
        both.append(pack({**files, "MANIFEST": b"".join(lines)}))
    both.append(pack({**files, "extra": b"x"}))
    both.append(pack({name: data for name, data in files.items() if name != "entries.csv"}))
    (tmp_path / "trust").write_text(KEY.verifier.text)
    path = tmp_path / "b.zip"
    for bundle in both:
        path.write_bytes(bundle)
        changed = unpack(bundle)
        theirs = outside.main([str(path), "--trust", str(tmp_path / "trust")])
        differ = [name for name in sorted({*files, *changed}) if files.get(name) != changed.get(name)]
        assert verify_bundle(bundle, TRUST).exit_code == theirs, differ
    # the same files in a zip that another tool made
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    assert verify_bundle(path, TRUST).exit_code == 2
    assert outside.main([str(path), "--trust", str(tmp_path / "trust")]) == 2


@pytest.fixture(scope="session")
def go_verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """verify.go, built with Debian's golang-go and golang-golang-x-mod-dev: tools not written here."""
    go = shutil.which("go")
    source = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog")
    if go is None or not source.is_dir():
        pytest.skip("no go with golang.org/x/mod: install golang-go and golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    (folder / "verify.go").write_bytes(program("verify.go"))
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": "/usr/share/gocode",
        "GOFLAGS": "",
        "GOCACHE": str(folder / "cache"),
    }
    built = subprocess.run(
        [go, "build", "-o", "verify", "verify.go"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder / "verify"


def run_go(verifier: Path, folder: Path, *receipt: str, key: str = KEY.verifier.text) -> int:
    done = subprocess.run([verifier, folder, key, *receipt], capture_output=True, text=True, timeout=60, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode in (0, 1)
    return done.returncode


def unpacked(data: bytes, folder: Path) -> Path:
    for name, content in unpack(data).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def big_log() -> MemoryLog:
    story = Story()
    for _ in range(700):
        story.auto()
    log = MemoryLog(story.bytes()[:300])
    log.sign(KEY)
    return log


def test_go_accepts_our_log_and_a_receipt_from_an_earlier_size(go_verifier: Path, tmp_path: Path) -> None:
    log = big_log()
    (tmp_path / "receipt").write_bytes(log.receipt(123))
    log.append(*[entry + b" " for entry in log.stored])
    log.sign(KEY)
    folder = unpacked(write_bundle(log, policies=POLICIES), tmp_path / "bundle")
    assert run_go(go_verifier, folder) == 0
    assert run_go(go_verifier, folder, str(tmp_path / "receipt")) == 0
    assert run_go(go_verifier, folder, key=SigningKey(name=KEY.name, seed=b"\6" * 32).verifier.text) == 1


def test_go_accepts_a_log_of_every_type(go_verifier: Path, tmp_path: Path) -> None:
    log = signed(whole_story())
    (tmp_path / "receipt").write_bytes(log.receipt(log.size // 2))
    folder = unpacked(write_bundle(log, policies=POLICIES), tmp_path / "bundle")
    assert run_go(go_verifier, folder, str(tmp_path / "receipt"), key=LATER.verifier.text) == 0


def test_go_refuses_our_log_with_one_digit_flipped(go_verifier: Path, tmp_path: Path) -> None:
    log = big_log()
    (tmp_path / "receipt").write_bytes(log.receipt(123))
    folder = unpacked(write_bundle(log, policies=POLICIES), tmp_path / "bundle")
    for name in ("tile/entries/000", "tile/entries/001.p/44", "tile/0/000", "tile/1/000.p/1", "checkpoint"):
        path = folder / name
        whole = path.read_bytes()
        digits = [at for at, byte in enumerate(whole) if chr(byte).isdigit()] or [0]
        for at in (digits[0], digits[-1]):
            flipped = bytearray(whole)
            flipped[at] ^= 1
            path.write_bytes(flipped)
            assert run_go(go_verifier, folder) == 1, (name, at)
        path.write_bytes(whole)
    assert run_go(go_verifier, folder) == 0
    # a receipt of another history
    other = MemoryLog([person("x")["pid"].encode(), *log.stored[1:]])
    other.sign(KEY)
    (tmp_path / "receipt").write_bytes(other.receipt(0))
    assert run_go(go_verifier, folder, str(tmp_path / "receipt")) == 1
