"""What `handrail audit verify` is given: a database, a server's log, or a bundle; and the log's own key."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx2

from handrail.audit.bundle import read_size
from handrail.audit.checkpoint import split_epoch
from handrail.audit.log import Opening
from handrail.audit.note import VerifierKey, parse_skey
from handrail.audit.report import Link
from handrail.audit.tile import WIDTH, Tile, split_bundle
from handrail.canonical import parse
from handrail.cli.failing import first_line, from_driver
from handrail.errors import HandrailError, InvalidInput, MalformedJSON, Unavailable, Unreadable
from handrail.lifecycle.opening import OpenedLog
from handrail.lifecycle.worded import WordedLog
from handrail.maintenance.plane import keys_beside
from handrail.maintenance.sealing import key_file
from handrail.store import statements
from handrail.store.engine import Store
from handrail.store.logbook import Logbook
from handrail.store.open import open_store

SQLITE_MAGIC = b"SQLite format 3\0"
ZIP_MAGIC = b"PK\x03\x04"
ENTRIES = -1


def kind_of(place: str) -> str:
    """`url`, `database` or `bundle`. Raises `Unreadable` for what is none of them."""
    if place.startswith(("http://", "https://")):
        return "url"
    if place.startswith(("postgresql://", "postgres://", "postgresql+psycopg://", "sqlite://")):
        return "database"
    try:
        with Path(place).open("rb") as file:
            begins = file.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise Unreadable(f"{place}: {error.strerror or error}") from None
    if begins == SQLITE_MAGIC:
        return "database"
    if begins.startswith(ZIP_MAGIC):
        return "bundle"
    raise Unreadable(f"{place} is neither a database nor a bundle", remedy="Name handrail's database, URL or zip.")


@contextlib.contextmanager
def open_database(place: str, *, allow_unsafe: bool = True) -> Iterator[Store]:
    """A database to look at; nothing is written. What its driver cannot read is `Unreadable`."""
    try:
        store = open_store(place, allow_unsafe=allow_unsafe)
    except InvalidInput as error:
        raise Unreadable(str(error), remedy=error.remedy) from None
    try:
        yield store
    except Unavailable as error:
        raise Unreadable(f"{place} cannot be read as handrail's database: {error}") from error
    except HandrailError:
        raise
    except Exception as error:
        # the driver's own errors: a torn page, a missing table
        if not from_driver(error):
            raise
        raise Unreadable(f"{place} cannot be read as handrail's database: {first_line(error)}") from error
    finally:
        store.close()


def logbook(store: Store, workspace: str, *, opened: bool = False, worded: bool = False) -> Logbook:
    """The log of a workspace, `opened` with the personal values it committed to, `worded` with all it committed to.

    Raises `Unreadable` for none.
    """
    found = store.read_hot(statements.workspace_get, id=workspace)
    if not found:
        raise Unreadable(f"the database has no workspace {workspace!r}", remedy="Give --workspace.")
    if worded:
        return WordedLog(store, found[0][1], workspace)
    return OpenedLog(store, found[0][1], workspace) if opened else Logbook(store, found[0][1])


def own_key(store: Store, log: str, keys: Path | None) -> VerifierKey | None:
    """The public half of the key that signs this log on this machine, or None if it is not here."""
    path = key_file(store, keys or keys_beside(store.url), log)
    try:
        return parse_skey(path.read_text(encoding="utf-8")).verifier
    except (OSError, InvalidInput):
        return None


class ServedLog:
    """A log behind HTTP as C2SP tlog-tiles, the way a handrail server gives it at `/audit/<log>`.

    Of a server's bare address, the log is the one its key belongs to. It is read as far as the server says it
    reaches, signed or not. Raises `Unreadable`.
    """

    def __init__(self, url: str, key: str | None, *, transport: httpx2.BaseTransport | None = None):
        self.url = url.rstrip("/")
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._client = httpx2.Client(headers=headers, timeout=30.0, transport=transport)
        self._notes: list[bytes] | None = None
        self._size: int | None = None
        if urlsplit(self.url).path in ("", "/"):
            try:
                self.url = f"{self.url}/audit/{self._own_log()}"
            except Unreadable:
                self.close()
                raise

    @property
    def log(self) -> str:
        """The log's name as its address says."""
        return unquote(urlsplit(self.url).path).partition("/audit/")[2]

    def earlier(self, link: Link) -> ServedLog:
        """The epoch before, as far as the one after says that it reached."""
        made, common, epoch = copy.copy(self), split_epoch(self.url)[0], split_epoch(link.origin)[1]
        made.url = common if epoch == 1 else f"{common}/e{epoch}"
        made._notes, made._size = None, link.held_size
        return made

    def checkpoints(self) -> Sequence[bytes]:
        """The newest; read once, so that the log may grow meanwhile."""
        if self._notes is None:
            found = self._get("checkpoint")
            self._notes = [] if found is None else [found]
        return self._notes

    def tile(self, tile: Tile) -> bytes | None:
        """A tile's hashes."""
        return self._get(tile.path)

    def entries(self) -> Iterable[bytes]:
        """What the newest checkpoint covers and what was written since, in bundles of 256."""
        size = max([self._reach(), *map(read_size, self.checkpoints())])
        for n in range((size + WIDTH - 1) // WIDTH):
            tile = Tile(level=ENTRIES, index=n, width=min(WIDTH, size - n * WIDTH))
            data = self._get(tile.path)
            if data is None:
                raise Unreadable(f"{self.url} lacks {tile.path}")
            found = split_bundle(data)
            if len(found) != tile.width:
                raise Unreadable(f"{tile.path} holds {len(found)} entries")
            yield from found

    def openings(self) -> Iterable[Opening]:
        """A server gives none here."""
        return ()

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _reach(self) -> int:
        """How many entries the server says there are, signed or not; 0 where it does not say."""
        if self._size is None:
            self._size = 0
            server, mark, log = self.url.partition("/audit/")
            with contextlib.suppress(Unreadable, MalformedJSON, TypeError, KeyError, ValueError):
                head = parse(self._fetch(f"{server}/v1/audit/head") or b"") if mark else {}
                if head["log"] == unquote(log):
                    self._size = int(head["size"])
        return self._size

    def _own_log(self) -> str:
        named = self._get("v1/audit/key")
        try:
            return str(parse(named or b"")["log"])
        except (MalformedJSON, TypeError, KeyError):
            raise Unreadable(f"{self.url} names no log", remedy="Give http(s)://SERVER/audit/LOG.") from None

    def _get(self, path: str) -> bytes | None:
        return self._fetch(f"{self.url}/{path}")

    def _fetch(self, url: str) -> bytes | None:
        try:
            response = self._client.get(url)
        except httpx2.HTTPError as error:
            raise Unreadable(f"{self.url} cannot be reached: {error}") from None
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            remedy = "Give --key with the admin scope." if response.status_code in (401, 403) else ""
            raise Unreadable(f"{url} answered {response.status_code}", remedy=remedy)
        return bytes(response.content)


def read_files(places: Sequence[Path]) -> list[bytes]:
    """The bytes of checkpoints or receipts kept elsewhere. Raises `Unreadable`."""
    made = []
    for place in places:
        try:
            made.append(place.read_bytes())
        except OSError as error:
            raise Unreadable(f"{place}: {error.strerror or error}") from None
    return made
