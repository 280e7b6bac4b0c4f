"""Asks the AI supervisor about proposals on their way in, before the transaction that routes them."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from handrail.channels.chat import Question, ask
from handrail.errors import HandrailError, InvalidInput, Unavailable
from handrail.lifecycle import policies, supervising
from handrail.lifecycle.submit import Submit
from handrail.policy.document import SupervisorEntry
from handrail.proposal import Proposal
from handrail.route import Reading
from handrail.store import statements
from handrail.store.engine import Store

log = logging.getLogger("handrail.supervisor")

KEYS_VARIABLE = "HANDRAIL_SUPERVISOR_KEYS"
HTTP_VARIABLE = "HANDRAIL_SUPERVISOR_ALLOW_HTTP"
AT_ONCE = 16
# how long a door believes what it last read of a workspace's policy; what it lets past meanwhile counts as unread
KNOWN_SECONDS = 1.0
# beyond the entry's own limit: name resolution and the way back
SLACK_SECONDS = 2.0

Ask = Callable[..., str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What the operator allows: hosts with their keys, ports, plain HTTP to this machine. No host: no supervisor."""

    keys: Mapping[str, str] = field(default_factory=dict)
    ports: Sequence[int] = (443, 8443)
    allow_http: bool = False


def access_from(environment: Mapping[str, str]) -> Access:
    """What HANDRAIL_SUPERVISOR_KEYS allows: a JSON object from host to key. Raises `InvalidInput`."""
    text = environment.get(KEYS_VARIABLE, "").strip() or "{}"
    try:
        keys = json.loads(text)
    except ValueError:
        keys = None
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise InvalidInput(
            f"{KEYS_VARIABLE} is no JSON object from host to key", remedy='Write {"api.example.com": "…"}.'
        )
    return Access(keys=keys, allow_http=environment.get(HTTP_VARIABLE, "").lower() in ("1", "true", "yes"))


class Supervisors:
    """The supervisors of one process's workspaces. A reading is a fact that can raise a route, whatever it says."""

    def __init__(self, store: Store, access: Access, *, ask: Ask = ask):
        self._store = store
        self.access = access
        self._ask = ask
        self._pool: ThreadPoolExecutor | None = None
        # supervisor of a workspace's policy, and until when that is believed
        self._known: dict[str, tuple[float, SupervisorEntry | None]] = {}

    def needed(self, command: Submit) -> bool:
        """Whether somebody has to read this proposal first. Cheap: most workspaces have no supervisor."""
        entry = self._entry(command.actor.workspace)
        if entry is None or command.objection or command.reading is not None:
            return False
        return not entry.actions or command.proposal.action in entry.actions

    def read(self, command: Submit) -> Submit:
        """The command with the supervisor's reading; as it is where none is needed or the proposal is known already."""
        started = self._start(command)
        return command if started is None else replace(command, reading=self._ended(command, *started))

    async def aread(self, command: Submit) -> Submit:
        """The same for an event loop."""
        if not self.needed(command):
            return command
        return await asyncio.to_thread(self.read, command)

    def close(self) -> None:
        """Wait for nothing; what is under way ends by its own limit."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, command: Submit) -> tuple[SupervisorEntry, Future[Reading]] | None:
        if not self.needed(command) or self._is_replay(command):
            return None
        entry = self._entry(command.actor.workspace)
        assert entry is not None
        if self._pool is None:
            self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="handrail-supervise")
        return entry, self._pool.submit(self._reading, entry, command.proposal)

    def _ended(self, command: Submit, entry: SupervisorEntry, future: Future[Reading]) -> Reading:
        try:
            return future.result(entry.timeout_seconds + SLACK_SECONDS)
        except Late:
            future.cancel()
            return self._noted(command.proposal, supervising.unread(entry, "it was too busy to answer in time"))

    def _reading(self, entry: SupervisorEntry, proposal: Proposal) -> Reading:
        begun = time.monotonic()
        try:
            system, user = supervising.question(entry, proposal)
            asked = Question(
                endpoint=entry.endpoint, model=entry.model, system=system, user=user, key=self._key(entry.endpoint)
            )
            words = self._ask(
                asked, seconds=entry.timeout_seconds, ports=self.access.ports, allow_http=self.access.allow_http
            )
            reading = supervising.read_answer(entry, words)
        except HandrailError as error:
            reading = supervising.unread(entry, str(error))
        except Exception:
            log.exception("asking the supervisor failed")
            reading = supervising.unread(entry, "asking it failed")
        return self._noted(proposal, replace(reading, seconds=round(time.monotonic() - begun, 3)))

    def _noted(self, proposal: Proposal, reading: Reading) -> Reading:
        if reading.verdict == "unread":
            log.warning("the supervisor did not read a proposal of %s: %s", proposal.action, reading.problem)
        return reading

    def _key(self, endpoint: str) -> str:
        """The key of exactly this host: a policy cannot send another's anywhere. Raises `Unavailable`."""
        try:
            host = (urlsplit(endpoint).hostname or "").rstrip(".")
        except ValueError:
            host = ""
        if host not in self.access.keys:
            raise Unavailable(f"the operator has not named {host!r} as a supervisor's host")
        return self.access.keys[host]

    def _entry(self, workspace: str) -> SupervisorEntry | None:
        until, entry = self._known.get(workspace, (0.0, None))
        if time.monotonic() < until:
            return entry
        found = self._store.read_hot(statements.workspace_get, id=workspace)
        entry = None
        if found and found[0][4] is not None:
            text = self._store.read_hot(statements.policy_get, workspace=workspace, digest=found[0][4])
            entry = policies.compiled(text[0][0], text[0][1]).document.supervisor if text else None
        self._known[workspace] = (time.monotonic() + KNOWN_SECONDS, entry)
        return entry

    def _is_replay(self, command: Submit) -> bool:
        return command.identity is not None and bool(
            self._store.read_hot(
                statements.proposal_by_identity, workspace=command.actor.workspace, identity=command.identity
            )
        )
