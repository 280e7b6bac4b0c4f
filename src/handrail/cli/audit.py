"""`handrail audit`: judge a log, hand it to an auditor, show its key, witness other logs.

`verify` ends with 0: all held and the trust asked for was met; 1: tampered with; 2: cannot be judged;
3: consistent, but not vouched for by whom you trust.

Of a database and of a server every epoch of the log is judged; a bundle holds one. What no signature covers yet, for
the next checkpoint is up to a second away, is counted and said; with --require-signed it ends with 3.

Without a trust file a database is judged by the key that lies beside it, and 0 then means no more than that
nothing is damaged; a bundle or a URL comes with no key of its own, and ends with 3 at best.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from handrail.audit.bundle import verify_bundle, write_bundle
from handrail.audit.note import VerifierKey, parse_vkey
from handrail.audit.report import OK, TAMPERED, UNREADABLE, UNTRUSTED, Finding, Link, Report
from handrail.audit.trust import Trust, parse_trust
from handrail.audit.verify import first_link, require_signed, verify_epochs
from handrail.cli import witnessing
from handrail.cli.failing import stop
from handrail.cli.material import ServedLog, kind_of, logbook, open_database, own_key, read_files
from handrail.cli.options import Workspace, settings_from
from handrail.cli.printing import AsJson, print_json, visible
from handrail.clock import SystemClock
from handrail.errors import HandrailError, InvalidInput, NotFound, Unreadable
from handrail.lifecycle.opening import OpenedLog
from handrail.maintenance.reconcile import reconcile as reconciled
from handrail.store import reads

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Verify, export and witness the audit log.",
)  # fmt: skip

MOST_SHOWN = 20
WORDS = {0: "holds", TAMPERED: "TAMPERED WITH", UNREADABLE: "CANNOT BE JUDGED", UNTRUSTED: "NOT VOUCHED FOR"}
OWN = (
    "No --trust was given, so this was checked against the key that lies beside the database. That shows damage and "
    "clumsy changes; whoever holds this machine could have signed anything. Pin the key elsewhere: handrail audit key."
)
NONE = "No --trust was given, so nobody you trust vouches for this: the answer is 3 at best."

Keys = Annotated[Path | None, typer.Option("--keys", help="Folder of the log's signing keys.")]
ServerKey = Annotated[
    str | None, typer.Option("--key", envvar="HANDRAIL_KEY", help="API key with the admin scope, for a URL.")
]
Place = Annotated[str, typer.Argument(help="Path or URL of the database.", show_default=False)]


@app.command()
def verify(
    material: Annotated[
        str, typer.Argument(help="A database, http(s)://SERVER[/audit/LOG], or a bundle.", show_default=False)
    ],
    trust: Annotated[Path | None, typer.Option(help="File that says whom you trust; from outside.")] = None,
    against: Annotated[list[Path] | None, typer.Option(help="A signed checkpoint kept elsewhere.")] = None,
    receipt: Annotated[list[Path] | None, typer.Option(help="A receipt (tlog-proof) kept elsewhere.")] = None,
    *,
    signed: Annotated[bool, typer.Option("--require-signed", help="End with 3 if anything is not signed yet.")] = False,
    workspace: Workspace = None,
    keys: Keys = None,
    key: ServerKey = None,
    as_json: AsJson = False,
) -> None:
    """Judge a log: hashes, signatures, openings, and whether what its entries say could have happened.

    Every epoch of it is judged, each by itself and by what the next one's first entry says that it held; of a bundle,
    the one it holds. Entries newer than the newest checkpoint are told apart: no signature vouches for them yet.

    Ends with 0: it holds, and the trust asked for was met; 1: tampered with; 2: cannot be judged; 3: consistent, but
    not vouched for by whom you trust. Without --trust a database is judged by the key beside it, which is no outside
    trust.
    """
    try:
        given = None if trust is None else parse_trust(read_files([trust])[0].decode())
        kept = {"against": read_files(against or ()), "receipts": read_files(receipt or ())}
        report, whose = _judged(material, given, kept, settings_from(workspace=workspace).workspace, keys, key)
    except (Unreadable, InvalidInput, UnicodeDecodeError) as error:
        text = str(error)
        report, whose = _unreadable(text, error.remedy if isinstance(error, HandrailError) else ""), "none"
    if signed:
        report = require_signed(report)
    _tell(material, report, whose, as_json)
    raise typer.Exit(report.exit_code)


@app.command()
def export(
    database: Place,
    output: Annotated[Path, typer.Option(help="The bundle to write, a zip.")],
    *,
    with_values: Annotated[
        bool, typer.Option("--with-values", help="Put in the personal values that the log commits to.")
    ] = False,
    with_words: Annotated[
        bool, typer.Option("--with-words", help="Put in what was proposed, answered and decided, with personal values.")
    ] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Write an auditor's bundle: what the newest checkpoint covers, with a verifier that does not need handrail.

    Words and personal values stay out unless asked for; the commitments to them are always there, and the verifier
    holds each that is put in against its own.
    """
    name = settings_from(workspace=workspace).workspace
    with open_database(database) as store:
        book = logbook(store, name, opened=with_values, worded=with_words)
        policies = {row.digest: row.text for row in reads.policy_versions(store, name)}
        size = book.head()[0]
        data = write_bundle(book, policies=policies)
        signed = store_signed(book)
        link = first_link(book)
    try:
        output.write_bytes(data)
    except OSError as error:
        stop(f"{output}: {error.strerror or error}")
    if as_json:
        print_json({
            "output": str(output), "bytes": len(data), "entries": signed, "not_covered": size - signed,
            "log": book.log, "follows": link and asdict(link),
        })  # fmt: skip
        return
    typer.echo(f"{output}: {signed} entries, {len(data)} bytes")
    if size > signed:
        typer.echo(f"{size - signed} newer entries have no checkpoint yet and are not in it", err=True)
    if link is not None:
        typer.echo(f"It holds {book.log} only, which {_goes_on(link)}; that is not in it.", err=True)


@app.command("key")
def show_key(database: Place, *, workspace: Workspace = None, keys: Keys = None) -> None:
    """Print the log's public key (vkey). A trust file begins with it: `log <vkey>`."""
    with open_database(database) as store:
        book = logbook(store, settings_from(workspace=workspace).workspace)
        found = own_key(store, book.log, keys)
    if found is None:
        raise NotFound(
            f"the key of {book.log} is not on this machine", remedy="Give --keys, or ask where the server runs."
        )
    typer.echo(found.text)


@app.command()
def reconcile(database: Place, *, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Compare the tables with the log: a row that no entry explains was changed by other means. 1 if one was."""
    with open_database(database) as store:
        found = reconciled(store, settings_from(workspace=workspace).workspace, SystemClock())
    if as_json:
        print_json(asdict(found) | {"differences": [one._asdict() for one in found.differences]})
    else:
        for one in found.differences[:MOST_SHOWN]:
            typer.echo(visible(str(one)))
        if len(found.differences) > MOST_SHOWN:
            typer.echo(f"… and {len(found.differences) - MOST_SHOWN} more; --json shows all")
        typer.echo(
            f"{found.entries} entries, {found.cases} cases, {len(found.differences)} differences"
            + (f"; {found.moving} cases changed meanwhile and were left out" if found.moving else "")
            + (f"; not compared, for it changed meanwhile: {', '.join(found.skipped)}" if found.skipped else "")
        )
    raise typer.Exit(1 if found.differences else 0)


@app.command()
def witness(
    log: Annotated[list[str], typer.Option(help="vkey of a log to cosign.")],
    key_file: Annotated[Path, typer.Option("--key", help="The witness's own key; made if it is not there.")],
    state: Annotated[Path, typer.Option(help="What it cosigned last; keep it.")],
    name: Annotated[str, typer.Option(help="The witness's name, for a new key.")] = "witness.local",
    *,
    listen: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1:8421",
) -> None:
    """Cosign checkpoints of other people's logs (C2SP tlog-witness), and never two that disagree."""
    host, _, port = listen.rpartition(":")
    if not port.isdigit() or not host:
        raise InvalidInput(f"{listen!r} is no address", remedy="Write --listen 127.0.0.1:8421.")
    own = witnessing.key_of(key_file, name)
    logs: dict[str, list[VerifierKey]] = {}
    for text in log:
        pinned = parse_vkey(text)
        logs.setdefault(pinned.name, []).append(pinned)
    server = witnessing.server_of((host.strip("[]"), int(port)), state, own, logs)
    with server:
        typer.echo(f"witness {own.verifier.text}")
        typer.echo(f"listens at http://{host}:{server.server_address[1]}/add-checkpoint")
        server.serve_forever()


def store_signed(book: Any) -> int:
    """How many entries the newest checkpoint covers."""
    note = book.checkpoint()
    return 0 if note is None else int(note.split(b"\n")[1])


def _judged(
    material: str, trust: Trust | None, kept: dict[str, list[bytes]], workspace: str, keys: Path | None,
    key: str | None,
) -> tuple[Report, str]:  # fmt: skip
    kind = kind_of(material)
    nobody = Trust(logs=())
    whose = "none" if trust is None else "file"
    if kind == "bundle":
        return verify_bundle(Path(material), trust or nobody, timer=time.perf_counter, **kept), whose
    if kind == "url":
        served = ServedLog(material, key)
        try:
            report = verify_epochs(
                served, served.earlier, trust or nobody, against=kept["against"], receipts=kept["receipts"],
                timer=time.perf_counter,
            )  # fmt: skip
            return report, whose
        finally:
            served.close()
    with open_database(material) as store:
        book = logbook(store, workspace, opened=True)
        logs = {book.log, *reads.epochs(store, book.log)}
        own = [known for log in sorted(logs) if (known := own_key(store, log, keys)) is not None]
        if trust is None and own:
            trust, whose = Trust(logs=tuple(own)), "own key"
        report = verify_epochs(
            book, lambda link: OpenedLog(store, link.origin, workspace), trust or nobody, logs=logs,
            against=kept["against"], receipts=kept["receipts"], timer=time.perf_counter,
        )  # fmt: skip
        return report, whose


def _unreadable(text: str, remedy: str) -> Report:
    finding = Finding(exit=UNREADABLE, code="unreadable", text=f"{text} {remedy}".strip())
    return Report(
        findings=(finding,), origin=None, size=0, root=b"", signed_size=0, trusted_size=0, openings_held=0, erased=0,
        replayed=False, leaves_per_second=0.0,
    )  # fmt: skip


def _tell(material: str, report: Report, whose: str, as_json: bool) -> None:
    if as_json:
        print_json(_told(report) | {"trust": whose})
        return
    said = WORDS[report.exit_code]
    if report.exit_code == OK and any(each.unsigned for each in (report, *report.past)):
        said = "holds as far as it is signed; the newest entries are NOT SIGNED"
    typer.echo(f"{material}: {said}")
    _tell_log("log", report)
    for each in report.past:
        _tell_log("earlier log", each)
    if report.follows is not None and not report.past:
        typer.echo("  the epoch before is not in what was given, so it was not judged")
    if whose != "file":
        typer.echo(OWN if whose == "own key" else NONE, err=True)


def _tell_log(what: str, report: Report) -> None:
    """One epoch: how far it is signed, by whom, and what is wrong with it."""
    if report.origin is not None:
        signed = "all signed" if not report.unsigned else f"the first {report.covered} signed"
        typer.echo(
            f"  {what} {visible(report.origin)}: {report.size} entries, {signed}; "
            f"{report.trusted_size} vouched for by whom you trust"
        )
        if report.unsigned:
            since = "" if report.unsigned_since is None else f", the first written at {visible(report.unsigned_since)}"
            typer.echo(
                f"  NOT SIGNED: the newest {report.unsigned} entries{since}; "
                "who can write here can still change them unseen"
            )
        if report.follows is not None:
            typer.echo(f"  {_goes_on(report.follows)}")
        typer.echo(f"  root {report.root.hex()}")
    for finding in report.findings[:MOST_SHOWN]:
        at = "" if finding.idx is None else f"entry {finding.idx}: "
        typer.echo(f"  {at}{visible(finding.text)} [{finding.code}]")
    if len(report.findings) > MOST_SHOWN:
        typer.echo(f"  … and {len(report.findings) - MOST_SHOWN} more; --json shows all")


def _goes_on(link: Link) -> str:
    return (
        f"goes on from {visible(link.origin)}, of which {link.signed_size} entries had been signed; "
        f"the copy put back held {link.held_size}"
    )


def _told(report: Report) -> dict[str, Any]:
    made = asdict(report) | {"root": report.root.hex(), "exit_code": report.exit_code, "unsigned": report.unsigned}
    return made | {
        "leaves_per_second": round(report.leaves_per_second), "past": [_told(each) for each in report.past],
    }  # fmt: skip
