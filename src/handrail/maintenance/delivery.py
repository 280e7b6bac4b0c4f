"""Delivery: webhooks out of the outbox. At least once, in order within a case, a slow receiver in nobody's way."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from handrail.channels.webhook import Message, Sent, send
from handrail.clock import SECOND, Clock
from handrail.errors import HandrailError
from handrail.maintenance.loop import Loop
from handrail.store import statements
from handrail.store.engine import Store
from handrail.store.tx import Tx
from handrail.store.writer import Writer

log = logging.getLogger("handrail.delivery")

Send = Callable[..., Sent]

# seconds before each further try; after the last one the message is given up
BACKOFF = (5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 50_400, 72_000)
# a try that nobody reports on is taken up again after this long
LEASE_SECONDS = 60
AT_ONCE = 16
AT_ONCE_EACH = 4
KEEP_SECONDS = 7 * 86_400
PRUNE_SECONDS = 3600


class Delivery(Loop):
    """Sends what is due on a few threads. Any number of replicas may run it: a message is taken before it is sent."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        clock: Clock,
        *,
        ports: Sequence[int] = (443, 8443),
        allow_http: bool = False,
        send: Send = send,
        jitter: Callable[[], float] = random.random,
    ):
        super().__init__("delivery", self._pick, 0.2)
        self._store = store
        self._writer = writer
        self._clock = clock
        self._ports = tuple(ports)
        self._allow_http = allow_http
        self._send = send
        self._jitter = jitter
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="handrail-deliver")
        self._guard = threading.Lock()
        self._busy: dict[Future[None], str] = {}
        self._pruned_at = 0

    def stop(self) -> None:
        super().stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def drain(self) -> None:
        """Wait until nothing is under way. For tests."""
        with self._guard:
            waiting = list(self._busy)
        wait(waiting)

    def _pick(self) -> int:
        """Take what is due and hand it to the threads; how many messages."""
        now = self._clock.now()
        self._prune(now)
        with self._guard:
            busy = Counter(self._busy.values())
        free = AT_ONCE - sum(busy.values())
        if free <= 0:
            return 0
        picked = 0
        for row in self._store.read_hot(statements.outbox_due, now=now, limit=AT_ONCE * 4):
            id, webhook, _, body, attempts, next_at, url, secret = row
            if busy[webhook] >= AT_ONCE_EACH or picked >= free:
                continue
            if not self._writer.run(_take, (id, webhook, next_at, now + LEASE_SECONDS * SECOND)):
                continue
            message = Message(id=id, body=bytes(body), url=url, secrets=tuple(secret.split(" ")))
            busy[webhook] += 1
            picked += 1
            future = self._pool.submit(self._deliver, message, webhook, attempts)
            with self._guard:
                self._busy[future] = webhook
            future.add_done_callback(self._done)
        return picked

    def _deliver(self, message: Message, webhook: str, attempts: int) -> None:
        now = self._clock.now()
        sent = self._send(message, timestamp=now // SECOND, ports=self._ports, allow_http=self._allow_http)
        try:
            self._writer.run(_settle, (message.id, webhook, sent.error, self._next(sent, attempts)))
        except HandrailError:
            # the lease runs out and the message goes again: twice is allowed, never is not
            log.warning("the end of message %s could not be recorded", message.id, exc_info=True)

    def _next(self, sent: Sent, attempts: int) -> int | None:
        """Seconds until the next try, with up to a fifth of jitter; None: it is over."""
        if sent.ok or attempts >= len(BACKOFF):
            return None
        # 410 Gone: the receiver asks not to be called again
        if sent.status == 410:
            return None
        return max(1, int(BACKOFF[attempts] * (0.9 + 0.2 * self._jitter())))

    def _done(self, future: Future[None]) -> None:
        with self._guard:
            self._busy.pop(future, None)
        if not future.cancelled() and future.exception() is not None:
            log.error("a delivery failed", exc_info=future.exception())

    def _prune(self, now: int) -> None:
        if now - self._pruned_at >= PRUNE_SECONDS * SECOND:
            self._pruned_at = now
            self._writer.run(_forget, now - KEEP_SECONDS * SECOND)


def _take(tx: Tx, command: tuple[str, str, int, int]) -> bool:
    id, webhook, seen, until = command
    return bool(tx.run(statements.outbox_take, id=id, webhook=webhook, seen=seen, until=until))


def _settle(tx: Tx, command: tuple[str, str, str | None, int | None]) -> None:
    id, webhook, error, wait_seconds = command
    if error is None:
        tx.run(statements.outbox_done, id=id, webhook=webhook, now=tx.now)
    else:
        next_at = None if wait_seconds is None else tx.now + wait_seconds * SECOND
        tx.run(statements.outbox_retry, id=id, webhook=webhook, next_at=next_at, error=error[:300])


def _forget(tx: Tx, before: int) -> None:
    tx.run(statements.outbox_prune, before=before)
