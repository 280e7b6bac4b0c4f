"""Serving one client on this process's stdin and stdout. Everything else that is said goes to stderr."""

from __future__ import annotations

import os
import signal

import anyio
import anyio.abc
from mcp.server.stdio import stdio_server

from handrail.client.client import Client
from handrail.integrations.mcp.gateway import Gateway, Terms
from handrail.integrations.mcp.upstream import Target


def serve(client: Client, target: Target, terms: Terms) -> None:
    """Stand before `target` until the client goes away or asks us to stop."""
    anyio.run(_serve, client, Gateway(client, target, terms))


async def _serve(client: Client, gateway: Gateway) -> None:
    async with stdio_server() as (read, write):
        told = anyio.Event()
        async with gateway.open() as front, anyio.create_task_group() as group:
            group.start_soon(_listen, told, group.cancel_scope)
            await front.run(read, write, gateway.options(front))
            group.cancel_scope.cancel()
        if told.is_set():
            # a thread still reads stdin, and would keep the process until the client closes it
            client.close()
            os._exit(0)


async def _listen(told: anyio.Event, scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            told.set()
            scope.cancel()
            return
