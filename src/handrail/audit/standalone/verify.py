#!/usr/bin/env python3
"""Checks an auditor's bundle without handrail: Python 3.11, its standard library and `cryptography`.

    python3 verify.py BUNDLE --trust TRUST [--against CHECKPOINT]... [--receipt RECEIPT]...

BUNDLE is the zip or a folder it was unpacked into. TRUST is a text file you got from somebody other than who
gave you the bundle: a line `log <vkey>`, and, if witnesses must have cosigned, lines `witness <name> <vkey>`,
`group <name> <number|any|all> <member>...`, `quorum <name>`.

It ends with 0: all held and the trust was met; 1: tampered with; 2: cannot be judged; 3: consistent, but not
vouched for by whom you trust. The lowest that applies, 0 aside, wins.

Formats: RFC 6962 (tree), C2SP signed-note, tlog-checkpoint, tlog-tiles, tlog-proof, tlog-cosignature.
This file is its own: it shares no line with the program that wrote the log.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import hmac
import html
import io
import json
import re
import sys
import zipfile
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TAMPERED, UNREADABLE, UNTRUSTED = 1, 2, 3
LIMIT = 2**63 - 1
# SHA-256 of the verify.go that is handed out with this program
GO = "1506771251bd474ae32ea8d9d45ba9bb209d69d460e438a9f0829a40bbf41a6e"
# what report.html begins and ends with
HEAD = """<!doctype html>
<html lang=en><meta charset=utf-8><title>handrail: auditor's report</title><style>\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse}td,th{border:1px solid #999;padding:.2rem .6rem;text-align:left}\
code,pre{overflow-wrap:anywhere;white-space:pre-wrap}\
</style>
<h1>Auditor's report</h1>
"""
HOW = """<h2>How to check this bundle</h2>
<p>This page proves nothing by itself. Get <code>verify.py</code> from a source you trust, not from this bundle,
and the log's key or a trust file from somebody other than who gave you the bundle. Then:</p>
<pre>python3 verify.py BUNDLE --trust TRUST [--against CHECKPOINT] [--receipt RECEIPT]</pre>
<p>It needs Python 3.11 and the package cryptography. It ends with 0: all held and the trust asked for was met;
1: tampered with; 2: cannot be judged; 3: consistent, but not vouched for by whom you trust.</p>
<p>What no log can show: a lie written when it happened, and what comes after the last checkpoint that somebody
else holds.</p>
</html>
"""


class Malformed(Exception):
    """What cannot be read."""


class Findings:
    """Collects what is wrong."""

    def __init__(self) -> None:
        self.all: list[tuple[int, str]] = []

    def add(self, exit: int, text: str) -> None:
        self.all.append((exit, text))

    @property
    def exit(self) -> int:
        return min((exit for exit, _ in self.all), default=0)


# -- tree ---------------------------------------------------------------------


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def pair(left: bytes, right: bytes) -> bytes:
    return sha(b"\x01" + left + right)


def merge(stack: list[tuple[int, bytes]], leaf: bytes) -> None:
    """Append a leaf to the stack of perfect subtrees (height, root)."""
    height = 0
    while stack and stack[-1][0] == height:
        leaf = pair(stack.pop()[1], leaf)
        height += 1
    stack.append((height, leaf))


def top(stack: list[tuple[int, bytes]]) -> bytes:
    if not stack:
        return sha(b"")
    root = stack[-1][1]
    for _, left in reversed(stack[:-1]):
        root = pair(left, root)
    return root


def roots_of(leaves: list[bytes], sizes: set[int]) -> dict[int, bytes]:
    """The root of each of these sizes, and of the whole."""
    stack: list[tuple[int, bytes]] = []
    roots = {0: top(stack)}
    for count, leaf in enumerate(leaves, 1):
        merge(stack, leaf)
        if count in sizes or count == len(leaves):
            roots[count] = top(stack)
    return roots


def included(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """Recursive form of RFC 6962, 2.1.1: which side the leaf is on, from the top."""
    if not 0 <= index < size <= LIMIT:
        return False
    sides = []
    while size > 1:
        left = 1 << ((size - 1).bit_length() - 1)
        sides.append(index < left)
        index, size = (index, left) if index < left else (index - left, size - left)
    if len(sides) != len(proof) or any(len(hash) != 32 for hash in [leaf, root, *proof]):
        return False
    for hash, on_the_left in zip(proof, reversed(sides), strict=True):
        leaf = pair(leaf, hash) if on_the_left else pair(hash, leaf)
    return leaf == root


# -- notes --------------------------------------------------------------------


def unbase64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Malformed("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Malformed("base64 in another spelling")
    return data


def number(text: str) -> int:
    if not re.fullmatch("0|[1-9][0-9]{0,18}", text) or int(text) > LIMIT:
        raise Malformed(f"{text[:30]!r} is no size")
    return int(text)


class Key:
    """A public key from a vkey: name+id+base64(type, key)."""

    def __init__(self, vkey: str) -> None:
        try:
            self.name, id, packed = vkey.split("+", 2)
        except ValueError:
            raise Malformed(f"no vkey: {vkey[:80]!r}") from None
        data = unbase64(packed)
        self.kind, self.public = data[:1], data[1:]
        self.id = sha(self.name.encode() + b"\n" + data)[:4]
        if len(data) != 33 or self.kind not in (b"\x01", b"\x04") or self.id.hex() != id:
            raise Malformed(f"the vkey of {self.name[:60]} is of another kind or has a wrong id")

    def holds(self, text: bytes, signature: bytes) -> bool:
        if self.kind == b"\x04":
            time, signature = signature[:8], signature[8:]
            text = b"cosignature/v1\ntime %d\n" % int.from_bytes(time, "big") + text
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


class Note:
    """A signed checkpoint."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        try:
            whole = data.decode()
        except UnicodeDecodeError:
            raise Malformed("a checkpoint is not UTF-8") from None
        body, blank, block = whole.rpartition("\n\n")
        lines = body.split("\n")
        if len(data) > 1_000_000 or re.search("[\x00-\x09\x0b-\x1f\x7f]", whole) or not blank or len(lines) != 3:
            raise Malformed("a checkpoint must be three lines, a blank line and signatures")
        self.text = (body + "\n").encode()
        self.origin, self.size, self.root = lines[0], number(lines[1]), unbase64(lines[2])
        if not self.origin or len(self.root) != 32:
            raise Malformed("a checkpoint lacks its origin or root")
        if not block.endswith("\n") or block.count("\n") > 100:
            raise Malformed("a checkpoint's signatures are cut off, or too many")
        self.signatures = [self._line(line) for line in block[:-1].split("\n")]
        if len({(name, id) for name, id, _ in self.signatures}) < len(self.signatures):
            raise Malformed("a checkpoint is signed twice by one key")

    @staticmethod
    def _line(line: str) -> tuple[str, bytes, bytes]:
        match = re.fullmatch("— ([^\\s+]+) ([A-Za-z0-9+/=]+)", line)
        data = unbase64(match[2]) if match else b""
        if match is None or len(data) < 5:
            raise Malformed("a signature line is malformed")
        return match[1], data[:4], data[4:]

    def signed_by(self, keys: list[Key]) -> list[tuple[Key, bool]]:
        """Each of the keys that has a line here, and whether its signature holds."""
        return [
            (key, key.holds(self.text, signature))
            for name, id, signature in self.signatures
            for key in keys
            if (key.name, key.id) == (name, id)
        ]


class Trust:
    """Whom to trust, from a file given by the reader."""

    def __init__(self, text: str) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = "none"
        for line in text.splitlines():
            self._line([] if line.lstrip().startswith("#") else line.split())
        if not self.logs:
            raise Malformed("the trust file pins no log key")

    def _line(self, words: list[str]) -> None:
        known = {*self.witnesses, *self.groups}
        if not words:
            return
        if words[0] == "log" and len(words) in (2, 3):
            self.logs.append(Key(words[1]))
        elif len(words) == 1 and "+" in words[0]:
            self.logs.append(Key(words[0]))
        elif words[0] == "witness" and len(words) in (3, 4) and words[1] not in known:
            self.witnesses[words[1]] = Key(words[2])
        elif words[0] == "group" and len(words) > 3 and words[1] not in known and known >= set(words[3:]):
            members = words[3:]
            needed = {"any": 1, "all": len(members)}.get(words[2]) or number(words[2])
            if not 1 <= needed <= len(set(members)) == len(members):
                raise Malformed("a group in the trust file cannot be satisfied")
            self.groups[words[1]] = needed, members
        elif words[0] == "quorum" and len(words) == 2 and words[1] in {*known, "none"}:
            self.quorum = words[1]
        else:
            raise Malformed(f"the trust file has a line that cannot be read: {' '.join(words)[:80]}")

    def met(self, name: str, cosigned: set[bytes]) -> bool:
        if name == "none":
            return True
        if name in self.witnesses:
            return self.witnesses[name].public in cosigned
        needed, members = self.groups[name]
        return sum(self.met(member, cosigned) for member in members) >= needed


# -- bundle -------------------------------------------------------------------


def read_files(path: Path) -> dict[str, bytes]:
    """The files of the zip or folder."""
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    try:
        data = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(one.file_size > len(data) for one in archive.infolist()):
                raise Malformed("the bundle is no zip as handrail writes it")
            files = {one.filename: archive.read(one) for one in archive.infolist()}
        if zipped(files) != data:
            raise Malformed("the bundle is no zip as handrail writes it: it holds something beside its files")
        return files
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise Malformed(f"the bundle cannot be read: {error}") from None


def zipped(files: dict[str, bytes]) -> bytes:
    """The one zip of these files: by name, not compressed, without times."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", allowZip64=False) as archive:
        for name, data in sorted(files.items()):
            about = zipfile.ZipInfo(name)
            about.create_system, about.external_attr = 3, 0o644 << 16
            archive.writestr(about, data)
    return whole.getvalue()


def check_manifest(files: dict[str, bytes], findings: Findings) -> None:
    lines = files.get("MANIFEST", b"").decode("utf-8", "replace").splitlines()
    if not lines or lines[0] != "handrail/bundle/1":
        raise Malformed("the bundle is of no version this program knows")
    there = {f"{sha(data).hex()} {name}" for name, data in files.items() if name != "MANIFEST"}
    for line in sorted(there ^ set(lines[1:])):
        findings.add(TAMPERED, f"MANIFEST and the files differ in {line.partition(' ')[2][:80]}")
    wanted = [lines[0], *sorted(there, key=lambda line: line.partition(" ")[2])]
    if files["MANIFEST"] != "".join(f"{line}\n" for line in wanted).encode():
        findings.add(TAMPERED, "MANIFEST is not the list of these files as handrail writes it")


def check_files(files: dict[str, bytes], size: int, findings: Findings) -> None:
    """Are these the files of a log of that size, and do those named by a digest have it?"""
    known = {"MANIFEST", "checkpoint", "openings.json", "report.html", "entries.csv", "verify.py", "verify.go"}
    level, count = 0, size
    while count:
        for at in range(0, count, 256):
            width = min(256, count - at)
            known.add(tile_path(level, at // 256, width))
            if level == 0:
                known.add(tile_path("entries", at // 256, width))
        level, count = level + 1, count // 256
    for name in sorted(known - files.keys()):
        findings.add(UNREADABLE, f"{name} is missing")
    for name in sorted(files.keys() - known):
        folder, _, rest = name.partition("/")
        if folder not in ("checkpoints", "policies", "schemas"):
            findings.add(UNREADABLE, f"{name[:80]} is no part of a bundle")
        elif folder != "checkpoints" and rest.partition(".")[0] != sha(files[name]).hex():
            findings.add(TAMPERED, f"{name[:80]} does not have the digest in its name")
    for name, digest in {"verify.py": sha(Path(__file__).read_bytes()).hex(), "verify.go": GO}.items():
        if sha(files.get(name, b"")).hex() != digest:
            findings.add(UNTRUSTED, f"{name} in the bundle is not the one that belongs to this program")


def check_named(files: dict[str, bytes], read: list[dict[str, Any]], findings: Findings) -> None:
    """Are the policies and schemas there that the entries go by?"""
    for name in sorted({f"policies/{entry['policy']['digest']}.yaml" for entry in read if "policy" in entry}):
        if name not in files:
            findings.add(UNREADABLE, f"{name}, which an entry names, is missing")
    schemas = [data for name, data in files.items() if name.startswith("schemas/")]
    for type in sorted({entry["type"] for entry in read}):
        if not any(b'"type":{"const":"%s"}' % type.encode() in data for data in schemas):
            findings.add(UNREADABLE, f"the schema of {type} is missing")


def check_pages(
    files: dict[str, bytes], newest: Note, entries: list[bytes], read: list[dict[str, Any]], findings: Findings
) -> None:
    """Do the table and the report tell what the entries say?"""
    for name, data in {"entries.csv": table(entries, read), "report.html": report(newest, read)}.items():
        if files.get(name, data) != data:
            findings.add(TAMPERED, f"{name} does not tell what the entries say")


def table(entries: list[bytes], read: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    rows = csv.writer(out, quoting=csv.QUOTE_ALL)
    rows.writerow("idx at type actor_kind actor case revision action tier result id leaf".split())
    for idx, (data, entry) in enumerate(zip(entries, read, strict=True)):
        actor, case, action = (entry.get(name, {}) for name in ("actor", "case", "action"))
        plain = [entry.get(name, "") for name in ("tier", "result", "id")]
        cells = [idx, entry["at"], entry["type"], actor.get("kind", ""), actor.get("pid", "")]
        cells += [case.get("id", ""), case.get("rev", ""), action.get("name", ""), *plain, sha(b"\0" + data).hex()]
        # an apostrophe keeps a spreadsheet from running it
        rows.writerow([re.sub(r"\A(?= *[-=+@\t\r\n])", "'", str(cell)) for cell in cells])
    return out.getvalue().encode()


def report(newest: Note, read: list[dict[str, Any]]) -> bytes:
    def counts(title: str, values: list[str]) -> str:
        rows = "".join(f"<tr><td>{html.escape(what)}<td>{count}" for what, count in sorted(Counter(values).items()))
        return f"<h2>{title}</h2>\n<table><tr><th>what<th>how many{rows}</table>\n"

    def of(type: str) -> list[dict[str, Any]]:
        return [entry for entry in read if entry["type"] == type]

    first, last = (html.escape(read[at]["at"]) if read else "none" for at in (0, -1))
    return (
        HEAD
        + f"<p>Log <code>{html.escape(newest.origin)}</code>, {newest.size} entries, {first} to {last}.</p>\n"
        + f"<p>Root <code>{base64.b64encode(newest.root).decode()}</code></p>\n"
        + counts("Entries by type", [entry["type"] for entry in read])
        + counts("Decisions", [f"{one.get('tier', '')} {one.get('result')}" for one in of("decision.made")])
        + counts("Reviews by person", [str(one.get("actor", {}).get("pid", "")) for one in of("review.given")])
        + counts("Executions", [str(one.get("result")) for one in of("execution.finished")])
        + HOW
    ).encode("utf-8", "backslashreplace")


def tile_path(level: int | str, index: int, width: int) -> str:
    name = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        name = f"x{index % 1000:03d}/{name}"
    return f"tile/{level}/{name}" + ("" if width == 256 else f".p/{width}")


def read_entries(files: dict[str, bytes], size: int, findings: Findings) -> list[bytes]:
    """The entries up to the first file that is not whole: what is signed beyond it was cut off."""
    entries: list[bytes] = []
    while len(entries) < size:
        width = min(256, size - len(entries))
        name = tile_path("entries", len(entries) // 256, width)
        try:
            entries += read_bundle(name, files.get(name), width)
        except Malformed as error:
            findings.add(UNREADABLE, str(error))
            break
    return entries


def read_bundle(name: str, data: bytes | None, width: int) -> list[bytes]:
    if data is None:
        raise Malformed(f"{name} is missing")
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            raise Malformed(f"{name} ends in the middle of an entry")
        entries.append(data[at + 2 : end])
        at = end
    if len(entries) != width:
        raise Malformed(f"{name} holds {len(entries)} entries, not {width}")
    return entries


def check_tiles(files: dict[str, bytes], leaves: list[bytes], findings: Findings) -> None:
    level, row = 0, leaves
    while row:
        for at in range(0, len(row), 256):
            part = row[at : at + 256]
            name = tile_path(level, at // 256, len(part))
            if files.get(name, b"".join(part)) != b"".join(part):
                findings.add(TAMPERED, f"{name} does not hold the hashes of the entries")
        row = [roots_of(row[at : at + 256], set())[256] for at in range(0, len(row) - 255, 256)]
        level += 1


# -- meaning ------------------------------------------------------------------

TYPES = set(
    """
    proposal.submitted proposal.routed proposal.revised proposal.refused case.opened case.escalated case.closed
    claim.taken claim.released claim.lapsed review.given review.withdrawn review.voided decision.made
    execution.started execution.finished execution.unknown execution.settled execution.voided
    run.parked run.woken run.abandoned run.retried outcome.recorded label.made policy.changed calibrator.changed
    training.due training.done learning.begun learning.asked learning.ended gold.changed reviewer.flagged
    reviewer.cleared grant.issued grant.ended cell.laid cell.restarted promotion.proposed promotion.accepted
    promotion.declined promotion.ended access.changed access.refused halt.set halt.lifted alarm.raised alarm.lifted
    overflow.entered overflow.left capacity.priced incident.flagged value.viewed value.erased export.made key.rotated
    key.revoked epoch.opened clock.jumped
    """.split()
)
# seconds that clocks of one service may differ, and that a policy or alarm may take to reach all of it
CLOCKS, SPREAD = 5, 60
ALWAYS = float("inf")


def parse_entry(data: bytes) -> dict[str, Any]:
    """An entry, if these bytes are its canonical form: sorted compact JSON without floats."""

    def no_float(text: str) -> None:
        raise Malformed(f"a number an entry may not hold: {text[:30]}")

    try:
        entry = json.loads(data, parse_float=no_float, parse_constant=no_float)
        plain = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if plain != data or not isinstance(entry, dict):
        raise Malformed("not in canonical form")
    if entry.get("v") != 1 or not all(isinstance(entry.get(name), str) for name in ("log", "id", "type", "at")):
        raise Malformed("of no version this program knows")
    if entry["type"] not in TYPES:
        raise Malformed("of no type this program knows")
    return entry


def earlier(log: str) -> str | None:
    """The epoch before the one of this name; None of the first."""
    found = re.fullmatch(r"(.+)/e([1-9][0-9]{0,8})", log, re.ASCII)
    if not found or found[2] == "1":
        return None
    return found[1] if found[2] == "2" else f"{found[1]}/e{int(found[2]) - 1}"


def before(entry: dict[str, Any]) -> str | None:
    """The epoch that a first entry goes on from."""
    return entry["epoch"]["origin"] if entry["type"] == "epoch.opened" else None


def goes_on_from(read: list[dict[str, Any]]) -> str:
    """A line on the epoch before, which is not in this bundle."""
    if not read or read[0]["type"] != "epoch.opened":
        return ""
    was, held = read[0]["epoch"], read[0]["held"]
    return (
        f"\ngoes on from {was['origin']}, which is not in this bundle: {was['size']} entries of it had been signed; "
        f"the copy put back held {held['size']}, root {base64.b64encode(bytes.fromhex(held['root'])).decode()}"
    )


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class Case:
    """What is known of one case."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.digest = entry["action"]["digest"]
        # what halts are set over
        self.asked = {"action": entry["action"]["name"], "run": entry.get("run"), "agent": entry.get("agent")}
        self.rev, self.state, self.result, self.after = 1, "new", None, False
        self.needed, self.excluded, self.expiry = 0, set[str](), "reject"
        self.deadline: float | None = None
        # who may judge it; one of whom must be among those who let it run
        self.roles, self.among = set[str](), set[str]()
        # fence, person, until when nobody else may take it
        self.claim: list[Any] = [0, "", 0.0]
        # review: [person, verdict, revision, effective, still counts, roles then or None]
        self.reviews: dict[str, list[Any]] = {}
        self.execution, self.fence, self.expires, self.objected = "none", 0, 0.0, False


SAYS = {
    "approved": {"approve", "edit"},
    "rejected": {"reject"},
    "responded": {"respond", "approve", "edit"},
    "redirected": {"redirect"},
}
TIERS = ["auto_approve", "soft_review", "hard_gate", "deny"]
RUNS = {
    "none": {"started", "voided"},
    "started": {"started", "succeeded", "failed", "unknown"},
    "unknown": {"settled"},
}


class Meaning:
    """What a log must mean: transitions, quorum, distinct people, decision before execution, and what stood over them:
    policies, grants, halts, alarms, roles."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.cases: dict[str, Case] = {}
        # policy (name, digest): when it was replaced
        self.policies: dict[tuple[str, str], float] = {}
        # grant: [action, until, run it is for or None, its agent, uses left]
        self.grants: dict[str, list[Any]] = {}
        # halt: [scope, value]
        self.halts: dict[str, list[Any]] = {}
        # person: roles, if the log ever spoke of them
        self.roles: dict[str, set[str]] = {}
        # parked run: [all or any, its cases, newest fence, (framework, run), given up]
        self.parks: dict[str, list[Any]] = {}
        # standing alarm: [action or "" for all, least tier it leaves open, since]
        self.alarms: dict[str, list[Any]] = {}
        self.overflows = False
        # promotion: [who proposed it, its cell, its state]; grant that stands on one: that promotion
        self.promotions: dict[str, list[str]] = {}
        self.earned: dict[str, str] = {}
        self.ids: set[str] = set()
        self.log: str | None = None
        self.now = self.latest = 0.0
        self.idx = 0
        self.continues = False

    def say(self, text: str) -> None:
        self.findings.add(TAMPERED, f"entry {self.idx}: {text}")

    def feed(self, entry: dict[str, Any]) -> None:
        self.now = seconds(entry["at"])
        self.log = self.log or entry["log"]
        if entry["log"] != self.log or entry["id"] in self.ids:
            self.say("of another log, or doubled")
        self.ids.add(entry["id"])
        if entry["type"] != "clock.jumped" and self.now < self.latest - 5:
            self.say("its time goes back by more than 5 s")
        self.latest = self.now if entry["type"] == "clock.jumped" else max(self.latest, self.now)
        if self.idx == 0 and before(entry) != earlier(entry["log"]):
            self.say(f"by its name the log goes on from {earlier(entry['log'])}, by this entry from {before(entry)}")
        judge = getattr(self, entry["type"].replace(".", "_"), None)
        self.continues = self.continues or (self.idx == 0 and entry["type"] == "epoch.opened")
        if judge and "case" in entry:
            case = self.cases.get(entry["case"]["id"])
            begins = entry["type"] == "proposal.submitted" or entry.get("from") == "new"
            # a log that goes on from an earlier epoch speaks of cases that were submitted there
            if case or begins or not self.continues:
                judge(entry, case)
        elif judge:
            judge(entry, None)
        self.idx += 1

    def policy_changed(self, entry: dict[str, Any], case: Case | None) -> None:
        name, digest = entry["policy"]["name"], entry["policy"]["digest"]
        for held in self.policies:
            if held[0] == name:
                self.policies[held] = min(self.policies[held], self.now)
        self.policies[name, digest] = ALWAYS

    def access_changed(self, entry: dict[str, Any], case: Case | None) -> None:
        access = entry["access"]
        self.roles[access["pid"]] = set(access["roles"] if access.get("active", True) else ())

    def holds(self, pid: str, roles: set[str]) -> bool:
        """False if the log gave this person roles, and none of these."""
        return pid not in self.roles or bool(self.roles[pid] & roles)

    def halt_set(self, entry: dict[str, Any], case: Case | None) -> None:
        self.halts[entry["halt"]["id"]] = [entry["halt"]["scope"], entry["halt"].get("value")]

    def halt_lifted(self, entry: dict[str, Any], case: Case | None) -> None:
        if self.halts.pop(entry["halt"]["id"], None) is None:
            self.say("a halt is lifted that does not stand")

    def grant_issued(self, entry: dict[str, Any], case: Case | None) -> None:
        grant = entry["grant"]
        uses = grant.get("uses", 0) if "run" in grant else ALWAYS
        self.grants[grant["id"]] = [
            grant["action"], seconds(grant["expires"]), grant.get("run"), grant.get("agent"), uses
        ]  # fmt: skip
        if "promotion" in grant:
            self.earned[grant["id"]] = grant["promotion"]

    def grant_ended(self, entry: dict[str, Any], case: Case | None) -> None:
        if entry["grant"]["id"] not in self.grants:
            self.say("a grant ends that was never issued")
        self.grants.pop(entry["grant"]["id"], None)
        self.earned.pop(entry["grant"]["id"], None)

    def routed(self, entry: dict[str, Any]) -> None:
        """Was the policy in force, the grant live, and does no alarm stand against its tier?"""
        self.raised(entry)
        policy = entry.get("policy", {})
        if self.now > self.policies.get((policy.get("name"), policy.get("digest")), 0.0) + SPREAD:
            self.say("routed by a policy that was not in force")
        if "grant" not in entry:
            return
        action, until, run, agent, left = self.grants.get(entry["grant"], ["", 0.0, None, None, 0])
        if action != entry["action"]["name"] or self.now > until + CLOCKS:
            self.say("let through by a grant that was not live for it")
            return
        self.grants[entry["grant"]][4] = left - 1
        if left < 1 or (run is not None and (run, agent) != (entry.get("run"), entry.get("agent"))):
            self.say("let through by a grant of another run, or one that was used up")

    def value_erased(self, entry: dict[str, Any], case: Case | None) -> None:
        if not self.continues and not self.ids.issuperset(entry["entries"]):
            self.say("a value is erased of an entry that is not there")

    def epoch_opened(self, entry: dict[str, Any], case: Case | None) -> None:
        if self.idx:
            self.say("an epoch opens in the middle of a log")

    def promotion_proposed(self, entry: dict[str, Any], case: Case | None) -> None:
        id, cell = entry["promotion"]["id"], entry["promotion"]["cell"]
        if id in self.promotions or any(
            held[1] == cell and held[2] in {"proposed", "accepted"} for held in self.promotions.values()
        ):
            self.say("a promotion of a cell that has one")
        self.promotions[id] = [entry["actor"]["pid"], cell, "proposed"]

    def promotion_accepted(self, entry: dict[str, Any], case: Case | None) -> None:
        id = entry["promotion"]["id"]
        if self.promotion_is(id, entry, "proposed", "accepted") == entry["actor"]["pid"]:
            self.say("who proposed a promotion accepted it too")
        if self.earned.get(entry["promotion"]["grant"]) != id:
            self.say("a promotion without its grant")

    def promotion_declined(self, entry: dict[str, Any], case: Case | None) -> None:
        self.promotion_is(entry["promotion"]["id"], entry, "proposed", "declined")

    def promotion_ended(self, entry: dict[str, Any], case: Case | None) -> None:
        id = entry["promotion"]["id"]
        self.promotion_is(id, entry, "proposed accepted", "ended")
        if id in self.earned.values():
            self.say("a promotion ended and its grant did not")

    def promotion_is(self, id: str, entry: dict[str, Any], before: str, after: str) -> str | None:
        """Move a promotion on; who proposed it."""
        held = self.promotions.get(id)
        actor = entry["actor"]
        if after != "ended" and (actor["kind"] != "person" or not self.holds(actor["pid"], {"lead", "admin"})):
            self.say("nobody who may answered a promotion")
        if held is None:
            if not self.continues:
                self.say("a promotion nobody proposed")
            return None
        if held[2] not in before.split():
            self.say("a promotion that is over")
        held[2] = after
        return held[0]

    def alarm_raised(self, entry: dict[str, Any], case: Case | None) -> None:
        alarm = entry["alarm"]
        if alarm["id"] in self.alarms:
            self.say("an alarm is raised twice")
        self.alarms[alarm["id"]] = [alarm.get("action", ""), alarm.get("tier"), self.now]

    def alarm_lifted(self, entry: dict[str, Any], case: Case | None) -> None:
        alarm = self.alarms.pop(entry["alarm"]["id"], None)
        actor = entry["actor"]
        if alarm is None or actor["kind"] != "person" or not self.holds(actor["pid"], {"lead", "admin"}):
            self.say("an alarm is lifted that does not stand, or by somebody who may not")
        elif alarm[1] == "hard_gate" and "certificate" not in entry:
            self.say("an alarm is lifted without evidence")

    def overflow_entered(self, entry: dict[str, Any], case: Case | None) -> None:
        if self.overflows:
            self.say("the queue overflows twice")
        self.overflows = True

    def overflow_left(self, entry: dict[str, Any], case: Case | None) -> None:
        if not self.overflows:
            self.say("the queue leaves an overflow it never entered")
        self.overflows = False

    def raised(self, entry: dict[str, Any]) -> None:
        """Nothing is let go below the tier of an alarm that has stood for a minute."""
        for action, tier, since in self.alarms.values():
            if "undoes" in entry or tier is None or self.now <= since + SPREAD:
                continue
            if action in ("", entry["action"]["name"]) and TIERS.index(entry["tier"]) < TIERS.index(tier):
                self.say("a proposal is let go below the tier that an alarm asks for")

    def proposal_submitted(self, entry: dict[str, Any], case: Case | None) -> None:
        self.routed(entry)
        if case:
            self.say("a case is submitted twice")
        self.cases[entry["case"]["id"]] = Case(entry)

    def case_opened(self, entry: dict[str, Any], case: Case | None) -> None:
        after = bool(entry.get("soft") or entry.get("spot"))
        if case is None or case.needed or after != (case.result is not None) or entry["reviewers"] < 1:
            self.say("a case is opened that may not be")
            return
        case.state, case.needed, case.after = "open", entry["reviewers"], after
        case.excluded, case.expiry = set(entry["excluded"]), entry.get("on_expiry", "reject")
        case.deadline = seconds(entry["deadline"]) if "deadline" in entry else None
        case.roles = set(entry.get("roles", ()))

    def case_escalated(self, entry: dict[str, Any], case: Case | None) -> None:
        if case is None or case.state != "open" or entry["reviewers"] < case.needed:
            self.say("an escalation of a case that is not open, or one that asks for fewer people")
            return
        case.needed, case.expiry = entry["reviewers"], entry.get("on_expiry", case.expiry)
        case.claim = [case.claim[0], "", 0.0]
        case.deadline = seconds(entry["deadline"]) if "deadline" in entry else case.deadline
        case.roles, case.among = set(entry.get("roles", case.roles)), set(entry.get("among", case.among))

    def proposal_revised(self, entry: dict[str, Any], case: Case | None) -> None:
        if case is None or case.state != "open" or entry["case"]["rev"] != case.rev + 1:
            self.say("a revision out of order")
            return
        for id in (entry.get("cause", ""), *entry.get("also", ())):
            cause = case.reviews.get(id)
            if cause is None or cause[1] != "edit" or not cause[4] or cause[2] != case.rev:
                self.say("a revision without a live edit")
            else:
                cause[2] = entry["case"]["rev"]
        case.rev, case.digest = entry["case"]["rev"], entry["action"]["digest"]

    def case_closed(self, entry: dict[str, Any], case: Case | None) -> None:
        if case is None or case.state != "open" or not case.after or entry["to"] != "reviewed":
            self.say("a case is closed that may not be")
            return
        case.state, case.objected = "reviewed", entry["result"] == "objected"
        live = [review for review in case.reviews.values() if review[4] and review[3] <= self.now]
        if entry["result"] in ("confirmed", "objected") and not live:
            self.say(f"{entry['result']} without a review")

    def claim_taken(self, entry: dict[str, Any], case: Case | None) -> None:
        if case is None or case.state != "open" or entry["fence"] <= case.claim[0]:
            self.say("a claim that may not be")
            return
        if entry["actor"]["kind"] != "person" or self.now < case.claim[2] - CLOCKS:
            self.say("a claim by no person, or of what another holds")
        until = seconds(entry["expires"]) if "expires" in entry else ALWAYS
        case.claim = [entry["fence"], entry["actor"]["pid"], until]

    def claim_lapsed(self, entry: dict[str, Any], case: Case | None) -> None:
        if case and case.claim[0] == entry["fence"]:
            case.claim = [entry["fence"], "", 0.0]

    claim_released = claim_lapsed

    def review_given(self, entry: dict[str, Any], case: Case | None) -> None:
        pid = entry["actor"]["pid"]
        if case is None or case.state != "open":
            self.say("a review of a case that is not open")
            return
        if entry["actor"]["kind"] != "person" or {pid, *entry.get("handles", ())} & case.excluded:
            self.say(f"a review by {pid}, who may not judge it")
        if case.roles and not self.holds(pid, {*case.roles, "admin"}):
            self.say(f"a review by {pid}, who holds no role that may judge it")
        if case.claim[:2] != [entry["fence"], pid]:
            self.say("a review without a live claim")
        else:
            case.claim[2] = 0.0  # answered: another may take it
        if entry["case"]["rev"] != case.rev or (
            entry["action"]["digest"] != case.digest and entry["verdict"] != "edit"
        ):
            self.say("a review of another revision or action")
        if case.deadline is not None and self.now > case.deadline + CLOCKS and case.expiry == "reject":
            self.say("a review after the deadline")
        effective = seconds(entry["effective"])
        if effective < self.now - CLOCKS or entry["review"] in case.reviews:
            self.say("a review given twice, or effective before it was given")
        held = self.roles.get(pid)
        case.reviews[entry["review"]] = [pid, entry["verdict"], entry["case"]["rev"], effective, True, held]

    def review_voided(self, entry: dict[str, Any], case: Case | None) -> None:
        review = case.reviews.get(entry["review"]) if case else None
        if review is None or not review[4]:
            self.say("a review is taken back that does not stand")
        else:
            review[4] = False

    def review_withdrawn(self, entry: dict[str, Any], case: Case | None) -> None:
        self.review_voided(entry, case)
        review = case.reviews.get(entry["review"]) if case else None
        if review and (entry["actor"]["pid"] != review[0] or self.now > review[3]):
            self.say("a review is taken back by another, or after it took effect")

    def named(self, entry: dict[str, Any], case: Case | None) -> None:
        if case is None:
            self.say("it speaks of a case nobody submitted")

    outcome_recorded = label_made = named

    def decision_made(self, entry: dict[str, Any], case: Case | None) -> None:
        by, result = entry["actor"]["kind"], entry["result"]
        if case and case.result:
            self.say("a second decision")
            return
        if case is None and entry["from"] == "new":
            self.routed(entry)
            case = self.cases[entry["case"]["id"]] = Case(entry)
        if case is None or entry["from"] != case.state or entry["to"] != "decided":
            self.say("a decision out of order")
            return
        if entry["action"]["digest"] != case.digest:
            self.say("it decides another action than the one proposed")
        was_open, case.state, case.result = case.state == "open", "decided", result
        if not was_open:
            policy = by == "policy" and entry.get("tier") in ("auto_approve", "soft_review")
            if result not in ("rejected", "expired", "cancelled") and not (policy and result == "approved"):
                self.say(f"{result} without people")
        elif result == "expired" or (result == "approved" and by == "system" and not entry.get("reviews")):
            if result == "approved" and case.expiry != "unsafe_approve":
                self.say("approved without people")
            if case.deadline is None or self.now < case.deadline - CLOCKS:
                self.say("expired before its deadline")
        elif entry.get("reviews") or result in ("approved", "responded", "redirected"):
            self.quorum(entry, case)
        elif result == "rejected" and by == "person":
            self.say("rejected by a person without a review")

    def quorum(self, entry: dict[str, Any], case: Case) -> None:
        counted = [case.reviews.get(id) for id in entry.get("reviews", [])]
        for review in counted:
            if review is None or not review[4] or review[3] > self.now or review[2] != case.rev:
                self.say("it counts a review that was not given, taken back, not yet effective, or of another revision")
        agrees = [one for one in counted if one and one[4] and one[1] in SAYS.get(entry["result"], ())]
        agreeing = [one[0] for one in agrees]
        if entry["result"] == "approved" and len(agreeing) < len(counted):
            self.say("approved, counting a review that says otherwise")
        needed = case.needed if entry["result"] in ("approved", "responded") else 1
        if len(set(agreeing)) < max(needed, len(agreeing)) or set(agreeing) & case.excluded:
            self.say(f"{entry['result']} by {len(set(agreeing))} different people of {needed} needed")
        among = {*case.among, "admin"} if case.among and entry["result"] in ("approved", "responded") else set()
        if among and agrees and all(held is not None and not held & among for *_, held in agrees):
            self.say("let run by nobody who holds a role it went up to")

    def run(self, case: Case | None, state: str) -> bool:
        if case is None or state not in RUNS.get(case.execution, ()):
            self.say(f"an execution is {state} that was {case.execution if case else 'unknown'}")
            return False
        case.execution = state
        return True

    def execution_started(self, entry: dict[str, Any], case: Case | None) -> None:
        if case and case.execution == "started" and self.now < case.expires - CLOCKS:
            self.say("executed again while the last start was live")
        if not self.run(case, "started") or case is None:
            return
        if any(scope == "workspace" or case.asked[scope] == value for scope, value in self.halts.values()):
            self.say("executed under a halt")
        if case.result != "approved" or case.objected:
            self.say("executed without an approval")
        if entry["action"]["digest"] != case.digest or entry["fence"] <= case.fence:
            self.say("executed with another action than approved, or again under one fence")
        case.fence, case.expires = entry["fence"], seconds(entry["expires"])
        if case.expires < self.now:
            self.say("executed after it had expired")

    def execution_finished(self, entry: dict[str, Any], case: Case | None) -> None:
        if self.run(case, entry["result"]) and case and entry["fence"] != case.fence:
            self.say("finished under another fence than started")

    def execution_unknown(self, entry: dict[str, Any], case: Case | None) -> None:
        self.run(case, "unknown")

    def execution_settled(self, entry: dict[str, Any], case: Case | None) -> None:
        if self.run(case, "settled") and entry["actor"]["kind"] != "person":
            self.say("settled by something that is no person")

    def execution_voided(self, entry: dict[str, Any], case: Case | None) -> None:
        self.run(case, "voided")

    def run_parked(self, entry: dict[str, Any], case: Case | None) -> None:
        self.parks.pop(entry.get("supersedes", ""), None)
        if not self.continues and not self.cases.keys() >= set(entry["cases"]):
            self.say("a run is parked on a case nobody submitted")
        park, run = entry["park"], (entry["park"]["framework"], entry["park"]["run"])
        if park["id"] in self.parks or any(held[3] == run for held in self.parks.values()):
            self.say("a run is parked that is parked already")
        self.parks[park["id"]] = [park["wakes"], entry["cases"], 0, run, False]

    def run_woken(self, entry: dict[str, Any], case: Case | None) -> None:
        park = self.parks.get(entry["park"]["id"])
        if park is None:
            if not self.continues:
                self.say("a run is woken that is not parked")
            return
        decided = [id not in self.cases or self.cases[id].result is not None for id in park[1]]
        if not (all(decided) if park[0] == "all" else any(decided)):
            self.say("a run is woken before its cases are decided")
        if entry["fence"] <= park[2] or park[4]:
            self.say("a run is woken under an old fence, or after it was given up")
        park[2], park[4] = entry["fence"], entry["result"] == "failed"
        if entry["result"] == "woken":
            del self.parks[entry["park"]["id"]]

    def run_abandoned(self, entry: dict[str, Any], case: Case | None) -> None:
        if self.parks.pop(entry["park"]["id"], None) is None and not self.continues:
            self.say("a run is abandoned that is not parked")

    def run_retried(self, entry: dict[str, Any], case: Case | None) -> None:
        park = self.parks.get(entry["park"]["id"])
        if (park is None and not self.continues) or (park and not park[4]):
            self.say("a run is tried again that was not given up")
        if park:
            park[4] = False


# -- all of it ----------------------------------------------------------------


def read_meaning(entries: list[bytes], findings: Findings) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = []
    scratch = Findings()
    meaning = Meaning(scratch)
    for idx, data in enumerate(entries):
        try:
            read.append(parse_entry(data))
            meaning.feed(read[-1])
        except (Malformed, KeyError, TypeError, ValueError, AttributeError) as error:
            findings.add(UNREADABLE, f"entry {idx} cannot be read: {error}")
            return read
    findings.all += scratch.all
    return read


def check_receipt(data: bytes, leaves: list[bytes], findings: Findings) -> Note | None:
    head, _, signed = data.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    if lines[0] != "c2sp.org/tlog-proof@v1" or len(lines) < 3 or not lines[1].startswith("extra "):
        raise Malformed("a receipt is malformed, or holds no entry")
    if not lines[2].startswith("index "):
        raise Malformed("a receipt has no index")
    leaf, index, note = sha(b"\0" + unbase64(lines[1][6:])), number(lines[2][6:]), Note(signed)
    if not included(leaf, index, note.size, [unbase64(line) for line in lines[3:]], note.root):
        findings.add(TAMPERED, "a receipt's proof does not hold")
        return None
    if index < len(leaves) and leaves[index] != leaf:
        findings.add(TAMPERED, f"another entry stands at {index} than a receipt proves")
    return note


def check_openings(files: dict[str, bytes], read: list[dict[str, Any]], findings: Findings) -> int:
    fields = {entry["id"]: entry.get("fields", {}) for entry in read}
    held = 0
    for opening in json.loads(files.get("openings.json", b"[]")):
        message = b"handrail/field/v1\0" + opening["path"].encode() + b"\0" + canonical(opening["value"]).encode()
        mac = hmac.new(unbase64(opening["salt"]), message, hashlib.sha256).hexdigest()
        committed = fields.get(opening["entry"], {}).get(opening["path"])
        if committed is None:
            findings.add(UNREADABLE, f"no commitment stands at {opening['path']} of entry {opening['entry']}")
        elif committed == mac:
            held += 1
        else:
            findings.add(TAMPERED, f"the value shown for {opening['path']} is not the one committed to")
    return held


def canonical(value: Any) -> str:
    """RFC 8785: keys by their UTF-16 units, numbers as ECMAScript writes them."""
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be"))
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{canonical(one)}" for key, one in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return ecmascript(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def ecmascript(value: float) -> str:
    """A number as Number::toString of ECMA-262 writes it. Python finds the same shortest digits."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("a number is not finite")
    text, minus = "".join(map(str, digits)), "-" if sign and any(digits) else ""
    # where the point stands, counted from the first digit
    point = len(text) + exponent
    if 0 < point <= 21:
        whole, rest = text[:point].ljust(point, "0"), text[point:]
        return minus + whole + ("." + rest if rest else "")
    if -6 < point <= 0:
        return "0" if text == "0" else minus + "0." + "0" * -point + text
    return minus + text[0] + ("." + text[1:] if text[1:] else "") + f"e{point - 1:+d}"


def check_notes(
    own: list[Note], outside: list[Note], roots: dict[int, bytes], read: list[dict[str, Any]], trust: Trust
) -> Findings:
    """Roots first, then signatures, smallest first: a log announces its next key before it uses it."""
    findings, newest = Findings(), max(own, key=lambda note: note.size)
    logs, vouched = list(trust.logs), -1
    if read and read[0]["log"] != newest.origin:
        findings.add(TAMPERED, f"the entries belong to {read[0]['log']}, the checkpoint to {newest.origin}")
    for note in sorted(own + outside, key=lambda note: note.size):
        if note.origin != newest.origin:
            findings.add(UNREADABLE, f"a checkpoint of {note.origin} says nothing on this log")
            continue
        if roots.get(note.size) != note.root:
            text = f"the log differs from a checkpoint of size {note.size}:\n{note.data.decode()}"
            findings.add(TAMPERED, f"{text}\nand shows itself as\n{newest.data.decode()}")
            continue
        revoked = {e["key"]["id"] for e in read[: max(note.size - 1, 0)] if e["type"] == "key.revoked"}
        usable = [key for key in logs if key.name == note.origin and key.id.hex() not in revoked]
        judged = note.signed_by([*usable, *trust.witnesses.values()])
        if not all(good for _, good in judged):
            findings.add(TAMPERED, f"a signature on the checkpoint of size {note.size} does not hold")
            continue
        if not any(key.kind == b"\x01" for key, _ in judged):
            if note in outside:
                findings.add(UNTRUSTED, f"an outside checkpoint of size {note.size} bears no trusted signature")
            continue
        logs += [Key(e["key"]["vkey"]) for e in read[: note.size] if e["type"] == "key.rotated"]
        if trust.met(trust.quorum, {key.public for key, _ in judged if key.kind == b"\x04"}):
            vouched = note.size
    if vouched < newest.size:
        findings.add(UNTRUSTED, f"the signatures asked for vouch for {max(vouched, 0)} of {newest.size} entries")
    return findings


def check(files: dict[str, bytes], trust: Trust, against: list[bytes], receipts: list[bytes]) -> tuple[Findings, str]:
    """All checks. Gives the findings and a line about what was read."""
    findings = Findings()
    check_manifest(files, findings)
    own = [Note(files[name]) for name in sorted(files) if name == "checkpoint" or name.startswith("checkpoints/")]
    if "checkpoint" not in files:
        raise Malformed("the bundle holds no checkpoint")
    newest = max(own, key=lambda note: note.size)
    entries = read_entries(files, newest.size, findings)
    leaves = [sha(b"\0" + entry) for entry in entries]
    check_tiles(files, leaves, findings)
    shown = Note(files["checkpoint"])
    check_files(files, shown.size, findings)
    read = read_meaning(entries, findings)
    if len(read) == len(entries):
        check_named(files, read, findings)
        check_pages(files, shown, entries, read, findings)
    outside = [Note(data) for data in against]
    outside += [note for data in receipts if (note := check_receipt(data, leaves, findings))]
    roots = roots_of(leaves, {note.size for note in own + outside})
    findings.all += check_notes(own, outside, roots, read, trust).all
    held = check_openings(files, read, findings)
    root = base64.b64encode(roots[len(leaves)]).decode()
    summary = f"{newest.origin}: {len(entries)} entries, root {root}, {held} openings hold"
    return findings, summary + goes_on_from(read)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, check, print, and give the exit code."""
    parser = argparse.ArgumentParser(description="Checks an auditor's bundle. Exit: 0 ok, 1 tampered, 2, 3: see top.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--trust", type=Path, required=True)
    parser.add_argument("--against", type=Path, action="append", default=[])
    parser.add_argument("--receipt", type=Path, action="append", default=[])
    given = parser.parse_args(arguments)
    try:
        trust = Trust(given.trust.read_text(encoding="utf-8"))
        outside = [file.read_bytes() for file in given.against], [file.read_bytes() for file in given.receipt]
        findings, summary = check(read_files(given.bundle), trust, *outside)
    except (Malformed, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"cannot be judged: {error}")
        return UNREADABLE
    print(summary)
    words = {TAMPERED: "TAMPERED", UNREADABLE: "UNREADABLE", UNTRUSTED: "NOT TRUSTED"}
    for exit, text in findings.all[:100]:
        print(f"{words[exit]}: {text}")
    print(
        ["all held, and the trust asked for was met", "tampered with", "cannot be judged", "not trusted"][findings.exit]
    )
    return findings.exit


if __name__ == "__main__":
    sys.exit(main())
