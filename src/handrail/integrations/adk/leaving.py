"""Users who go on with something else: what their session waited for is taken back."""

from __future__ import annotations

import logging

from google.adk.agents.invocation_context import InvocationContext
from google.adk.plugins.base_plugin import BasePlugin
from google.genai import types

from handrail.client.client import Client
from handrail.integrations.adk.pending import is_said
from handrail.integrations.adk.place import FRAMEWORK, run_of

log = logging.getLogger("handrail.adk")


def plugin(hr: Client) -> BasePlugin:
    """`App(plugins=[plugin(hr)])`: a new message of the user on a parked session cancels the cases it waited for."""
    return _Leaving(hr)


class _Leaving(BasePlugin):
    def __init__(self, hr: Client):
        super().__init__(name="handrail")
        self._hr = hr

    async def on_user_message_callback(
        self, *, invocation_context: InvocationContext, user_message: types.Content
    ) -> types.Content | None:
        if is_said(user_message):
            run = run_of(invocation_context.session)
            try:
                await self._hr.aio.abandon(run, FRAMEWORK, reason="the user said something else")
            except Exception as error:
                # where handrail cannot be reached every call is refused; the conversation may go on
                log.warning("what the session %s waited for could not be taken back: %s", run, error)
        return None
