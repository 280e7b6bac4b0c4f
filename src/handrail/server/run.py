"""Run the server: one process, uvloop and httptools, a stop that ends waiting requests first."""

from __future__ import annotations

import contextlib
import functools
import gc
import ipaddress
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator

import uvicorn

from handrail.errors import InvalidInput
from handrail.maintenance.delivery import Delivery
from handrail.maintenance.plane import Plane, policy_from
from handrail.maintenance.supervisors import Access
from handrail.server.app import create_app
from handrail.server.desk import Desk
from handrail.server.settings import LOOPBACK, Settings
from handrail.server.shortcut import Shared, ShortCut

log = logging.getLogger("handrail.server")

GRACE_SECONDS = 5
# between the event loop and the writer's thread: shorter turns than Python's 5 ms answer sooner
SWITCH_SECONDS = 0.001
# objects made and not yet let go: what a group of requests holds is not worth a search for cycles
COLLECT_AFTER = 10_000


def open_plane(settings: Settings) -> Plane:
    """The plane that these settings describe, with delivery among its loops; they run."""
    policy = None if settings.policy is None else policy_from(settings.policy)
    plane = Plane(
        settings.database, policy=policy, workspace_id=settings.workspace, host=settings.log_host, keys=settings.keys,
        writer_threads=settings.writer_threads, allow_unsafe=settings.allow_unsafe, auto_migrate=settings.auto_migrate,
        loops=False, supervisor=Access(
            keys=settings.supervisor_keys, ports=settings.supervisor_ports, allow_http=settings.supervisor_allow_http
        ),
    )  # fmt: skip
    add_delivery(plane, settings)
    plane.start()
    return plane


def add_delivery(plane: Plane, settings: Settings) -> Delivery:
    """Give a plane the loop that sends webhooks; it starts with the others."""
    delivery = Delivery(
        plane.store, plane.writer, plane.clock, ports=settings.webhook_ports, allow_http=settings.webhook_allow_http
    )
    plane.loops.append(delivery)
    return delivery


def check(settings: Settings) -> None:
    """Raise `InvalidInput` for settings under which people's words would travel in the clear, or work be lost."""
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise InvalidInput("TLS needs both a certificate and its key", remedy="Give --tls-certificate and --tls-key.")
    if not is_loopback(settings.host) and not settings.secure:
        raise InvalidInput(
            f"{settings.host} is not loopback and there is no TLS",
            remedy="Give --tls-certificate and --tls-key, or --insecure-behind-proxy if a proxy speaks TLS for it.",
        )
    if settings.workers > 1:
        one_writer = not settings.database.startswith(("postgresql://", "postgres://", "postgresql+psycopg://"))
        why = "SQLite takes one writing server" if one_writer else "each server is one process"
        raise InvalidInput(
            f"{settings.workers} workers: {why}",
            remedy="Use --workers 1; on PostgreSQL start one server per core, each on its own port.",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return host in LOOPBACK or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Server(uvicorn.Server):
    """Ends waiting requests as soon as a stop is asked for."""

    def __init__(self, config: uvicorn.Config, desk: Desk, ready: Callable[[str], None] | None = None):
        super().__init__(config)
        self.desk = desk
        self._announce = ready

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started and self._announce is not None:
            self._announce(self.address)

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self.desk.close()
        await super().shutdown(sockets)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal and return, rather than die of it: the plane is still to be closed and the log signed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def address(self) -> str:
        """Where it listens, as an address to open."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self.config.is_ssl else 'http'}://{shown}:{port}"


def server_of(plane: Plane, settings: Settings, *, ready: Callable[[str], None] | None = None) -> Server:
    """A server that is ready to run. Raises `InvalidInput` for settings that are refused."""
    check(settings)
    app = create_app(plane, settings)
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS, timeout_keep_alive=75, h11_max_incomplete_event_size=32 * 1024,
        ssl_certfile=settings.tls_certificate, ssl_keyfile=settings.tls_key, lifespan="off", backlog=4096,
        proxy_headers=settings.insecure_behind_proxy,
        http=functools.partial(ShortCut, shared=Shared(app.state.desk)),  # type: ignore[arg-type]
    )  # fmt: skip
    return Server(config, app.state.desk, ready)


def serve_app(server: Server) -> None:
    """Serve until a signal."""
    sys.setswitchinterval(SWITCH_SECONDS)
    # what is loaded by now stays loaded: no collection is to walk through it again
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    server.run()


def serve(plane: Plane, settings: Settings, *, ready: Callable[[str], None] | None = None) -> None:
    """Serve until a signal; `ready` is called with the address. The plane is left open."""
    serve_app(server_of(plane, settings, ready=ready))


@contextlib.contextmanager
def served(plane: Plane, settings: Settings | None = None) -> Iterator[str]:
    """Serve on a thread for as long as the block lasts; yields the address. For demos and tests."""
    with running(plane, settings or Settings(port=0)) as server:
        yield server.address


@contextlib.contextmanager
def running(plane: Plane, settings: Settings) -> Iterator[Server]:
    """The same, yielding the server."""
    server = server_of(plane, settings)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            server.run()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="handrail-server", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError(f"the server did not start: {failed}")
        thread.join(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(GRACE_SECONDS + 5)
