"""Serving one client on this process's stdin and stdout. Everything else that is said goes to stderr."""

from __future__ import annotations

import signal
from typing import Any

import anyio
import anyio.abc
from mcp.server.stdio import stdio_server

from handrail.client.client import Client
from handrail.integrations.mcp.gateway import Gateway, Terms
from handrail.integrations.mcp.upstream import Target


def serve(client: Client, target: Target, terms: Terms) -> None:
    """Stand before `target` until the client goes away or asks us to stop."""
    anyio.run(_serve, Gateway(client, target, terms))


async def _serve(gateway: Gateway) -> None:
    async with stdio_server() as (read, write), gateway.open() as front, anyio.create_task_group() as group:
        group.start_soon(_until_told, group.cancel_scope)
        await front.run(read, write, gateway.options(front))
        group.cancel_scope.cancel()


async def _until_told(scope: anyio.CancelScope, *, status: Any = None) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            return
