"""The auditor's bundle: a log and all that is needed to check it, in one zip that is the same each time.

Inside stand the files of a tlog-tiles log (`checkpoint`, `tile/…`, `tile/entries/…`), older checkpoints, the
openings this auditor may see, policy texts and schemas by digest, a report, a table, and two programs that
check it without handrail. `MANIFEST` lists the SHA-256 of each. Nothing in it says whom to trust.
"""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from itertools import islice
from pathlib import Path

from handrail.audit.checkpoint import Checkpoint, parse_checkpoint
from handrail.audit.log import LogReader, Opening
from handrail.audit.meaning import read_entry
from handrail.audit.note import split_note
from handrail.audit.pages import csv_table, html_report
from handrail.audit.report import TAMPERED, UNREADABLE, UNTRUSTED, Finding, Report
from handrail.audit.schemas import DIGESTS, SCHEMAS
from handrail.audit.tile import WIDTH, Edge, Tile, bundle_entries, split_bundle, tiles_of
from handrail.audit.tree import leaf_hash
from handrail.audit.trust import Trust
from handrail.audit.verify import verify
from handrail.canonical import digest, dumps, parse
from handrail.errors import InvalidInput, MalformedJSON, Unreadable

VERSION = "handrail/bundle/1"
# a zip without its 64-bit extension ends here
MAX_FILES = 65_000
MAX_BYTES = 2**31
PROGRAMS = ("verify.py", "verify.go")

Files = dict[str, bytes]


def write_bundle(reader: LogReader, *, policies: Mapping[str, str] | None = None) -> bytes:
    """The bundle of everything its newest checkpoint covers, as bytes.

    `policies`: text by digest (SHA-256 of the text). Raises `Unreadable` if the log lacks what its
    checkpoint covers, `InvalidInput` if it is too large for one bundle or a policy's digest is wrong.
    """
    notes = sorted(set(reader.checkpoints()), key=lambda note: (read_size(note), note))
    if not notes:
        raise Unreadable("the log shows no signed checkpoint", remedy="Sign one first.")
    newest = parse_checkpoint(split_note(notes[-1])[0])
    entries = list(islice(reader.entries(), newest.size))
    if len(entries) < newest.size:
        raise Unreadable(f"the log holds {len(entries)} entries, but its checkpoint has {newest.size}")
    files: Files = {"checkpoint": notes[-1]}
    files |= {f"checkpoints/{at:06d}": note for at, note in enumerate(notes[:-1])}
    files |= _tree_files(entries)
    files["openings.json"] = dumps(_openings(reader, entries))
    files |= _policy_files(policies or {})
    files |= {f"schemas/{DIGESTS[type]}.json": dumps(schema) for type, schema in SCHEMAS.items()}
    files |= _derived(newest, entries)
    files |= {name: program(name) for name in PROGRAMS}
    return pack({"MANIFEST": manifest(files), **files})


def program(name: str) -> bytes:
    """The source of a stand-alone verifier: `verify.py` or `verify.go`."""
    return (resources.files("handrail.audit.standalone") / name).read_bytes()


def read_size(note: bytes) -> int:
    """The size a signed checkpoint speaks of. Raises `Unreadable`."""
    return parse_checkpoint(split_note(note)[0]).size


def manifest(files: Mapping[str, bytes]) -> bytes:
    """A line of version, then `<sha256> <path>` for each file, by path."""
    return "".join([f"{VERSION}\n", *(f"{digest(files[name])} {name}\n" for name in sorted(files))]).encode()


def pack(files: Mapping[str, bytes]) -> bytes:
    """A zip whose bytes follow from its files: sorted, not compressed, no times."""
    if len(files) > MAX_FILES or sum(map(len, files.values())) > MAX_BYTES:
        raise InvalidInput("the log is too large for one bundle")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, files[name])
    return out.getvalue()


def unpack(data: bytes) -> Files:
    """The files of a bundle. Raises `Unreadable` unless `pack` gives exactly these bytes back."""
    if len(data) > MAX_BYTES + 2**28:
        raise Unreadable("the bundle is too large")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > MAX_FILES or any(info.file_size > len(data) for info in infos):
                raise Unreadable("the bundle is no zip as handrail writes it")
            files = {info.filename: archive.read(info) for info in infos}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise Unreadable(f"the bundle is no readable zip: {error}") from None
    if pack(files) != data:
        raise Unreadable("the bundle is no zip as handrail writes it: it holds something beside its files")
    return files


class BundleReader:
    """A bundle as a log to verify."""

    def __init__(self, files: Mapping[str, bytes]):
        self.files = files
        if "checkpoint" not in files:
            raise Unreadable("the bundle holds no checkpoint")
        self.size = read_size(files["checkpoint"])

    def checkpoints(self) -> Sequence[bytes]:
        """Every signed checkpoint in it."""
        older = [self.files[name] for name in sorted(self.files) if name.startswith("checkpoints/")]
        return [*older, self.files["checkpoint"]]

    def tile(self, tile: Tile) -> bytes | None:
        """A stored tile."""
        return self.files.get(tile.path)

    def entries(self) -> Iterable[bytes]:
        """The entries. Raises `Unreadable` where a file is missing or malformed."""
        for tile in _bundles(self.size):
            if tile.path not in self.files:
                raise Unreadable(f"the bundle lacks {tile.path}")
            found = split_bundle(self.files[tile.path])
            if len(found) != tile.width:
                raise Unreadable(f"{tile.path} holds {len(found)} entries")
            yield from found

    def openings(self) -> Iterable[Opening]:
        """The openings in it."""
        try:
            return [_opening(one) for one in parse(self.files.get("openings.json", b"[]"))]
        except (MalformedJSON, KeyError, TypeError, binascii.Error, ValueError) as error:
            raise Unreadable(f"the bundle's openings are malformed: {error}") from None


def verify_bundle(
    bundle: Path | bytes,
    trust: Trust,
    *,
    against: Sequence[bytes] = (),
    receipts: Sequence[bytes] = (),
    timer: Callable[[], float] | None = None,
) -> Report:
    """Judge a bundle as `verify` judges a log, and whether its files are what they say."""
    data = bundle if isinstance(bundle, bytes) else bundle.read_bytes()
    try:
        files = unpack(data)
        _check_version(files)
        reader = BundleReader(files)
    except Unreadable as error:
        return _unreadable(str(error))
    report = verify(reader, trust, against=against, receipts=receipts, timer=timer)
    return replace(report, findings=(*report.findings, *_check_files(files, reader)))


def _check_version(files: Files) -> None:
    first = files.get("MANIFEST", b"").split(b"\n", 1)[0]
    if first != VERSION.encode():
        raise Unreadable(f"the bundle is of no known version: {first[:40]!r}")


def _check_files(files: Files, reader: BundleReader) -> Iterable[Finding]:
    content = {name: data for name, data in files.items() if name != "MANIFEST"}
    if files["MANIFEST"] != manifest(content):
        yield _finding(TAMPERED, "manifest.differs", "the files are not those the manifest lists")
    for name, data in content.items():
        folder, _, rest = name.partition("/")
        if folder in ("policies", "schemas") and rest.partition(".")[0] != digest(data):
            yield _finding(TAMPERED, "digest.differs", f"{name} does not have the digest in its name")
    yield from _check_named(content, reader)
    for name in PROGRAMS:
        if content.get(name) != program(name):
            text = f"{name} in the bundle is not the one this version ships: take the program from elsewhere"
            yield _finding(UNTRUSTED, "program.differs", text)
    try:
        entries = list(reader.entries())
    except Unreadable:
        return  # said before
    known = {*_tree_files(entries), "checkpoint", "openings.json", "report.html", "entries.csv", *PROGRAMS}
    for name in sorted(known - content.keys()):
        yield _finding(UNREADABLE, "file.missing", f"the bundle lacks {name}")
    for name in sorted(content.keys() - known):
        if name.partition("/")[0] not in ("checkpoints", "policies", "schemas"):
            yield _finding(UNREADABLE, "file.unknown", f"the bundle holds {name[:80]!r}, which is no part of one")
    for name, data in _derived(parse_checkpoint(split_note(files["checkpoint"])[0]), entries).items():
        if content.get(name, data) != data:
            yield _finding(TAMPERED, "derived.differs", f"{name} does not tell what the entries say")


def _check_named(content: Files, reader: BundleReader) -> Iterable[Finding]:
    """Is the text of each policy that an entry names in it, and the schema of each type that occurs?"""
    policies, types = set[str](), set[str]()
    try:
        for data in reader.entries():
            entry = read_entry(data)
            types.add(entry["type"])
            if "policy" in entry:
                policies.add(entry["policy"]["digest"])
    except (Unreadable, InvalidInput):
        return  # said before
    for name in sorted(f"policies/{policy}.yaml" for policy in policies):
        if name not in content:
            yield _finding(UNREADABLE, "file.missing", f"the bundle lacks {name}, which an entry names")
    schemas = [data for name, data in content.items() if name.startswith("schemas/")]
    for type in sorted(types):
        if not any(b'"type":{"const":"%s"}' % type.encode() in schema for schema in schemas):
            yield _finding(UNREADABLE, "file.missing", f"the bundle lacks the schema of {type}")


def _finding(exit: int, code: str, text: str) -> Finding:
    return Finding(exit=exit, code=code, text=text)


def _unreadable(text: str) -> Report:
    return Report(
        findings=(_finding(UNREADABLE, "bundle.unreadable", text),),
        origin=None,
        size=0,
        root=b"",
        signed_size=0,
        trusted_size=0,
        openings_held=0,
        erased=0,
        replayed=False,
        leaves_per_second=0.0,
    )


def _tree_files(entries: Sequence[bytes]) -> Files:
    edge, kept = Edge(), dict[tuple[int, int], bytes]()
    edge.extend([leaf_hash(entry) for entry in entries])
    kept |= edge.take_changed()
    files = {tile.path: kept[tile.level, tile.index] for tile in tiles_of(edge.size)}
    for tile in _bundles(edge.size):
        files[tile.path] = bundle_entries(entries[tile.index * WIDTH : tile.index * WIDTH + tile.width])
    return files


def _bundles(size: int) -> list[Tile]:
    """The entry bundles of a log of that size."""
    return [Tile(level=-1, index=index, width=min(WIDTH, size - index * WIDTH)) for index in range(-(-size // WIDTH))]


def _derived(newest: Checkpoint, entries: Sequence[bytes]) -> Files:
    return {"report.html": html_report(newest, entries), "entries.csv": csv_table(entries)}


def _policy_files(policies: Mapping[str, str]) -> Files:
    for name, text in policies.items():
        # SQLite takes a value of any type in any column
        if not isinstance(text, str):
            raise Unreadable(f"the text of policy {name[:12]} is no text")
        if digest(text.encode()) != name:
            raise InvalidInput(f"a policy text does not have the digest {name[:70]}")
    return {f"policies/{name}.yaml": text.encode() for name, text in policies.items()}


def _openings(reader: LogReader, entries: Sequence[bytes]) -> list[dict[str, object]]:
    """The openings of what it holds: the log may have gone on."""
    found = list(reader.openings())
    held = {parse(data)["id"] for data in entries} if found else set()
    return [_opening_json(opening) for opening in found if opening.entry in held]


def _opening_json(opening: Opening) -> dict[str, object]:
    salt = base64.b64encode(opening.salt).decode()
    return {"entry": opening.entry, "path": opening.path, "salt": salt, "value": opening.value}


def _opening(one: dict[str, str]) -> Opening:
    if set(one) != {"entry", "path", "salt", "value"} or not isinstance(one["entry"] + one["path"], str):
        raise ValueError("an opening has entry, path, salt and value")
    salt = base64.b64decode(one["salt"], validate=True)
    if base64.b64encode(salt).decode() != one["salt"]:
        raise ValueError("a salt is base64 in another spelling")
    return Opening(entry=one["entry"], path=one["path"], salt=salt, value=one["value"])
