"""Links that sign in one person once: shown when a server starts for the first time. Kept in memory only."""

from __future__ import annotations

import secrets
import time

from handrail.lifecycle.access import token_digest

LIFETIME_SECONDS = 15 * 60


class Once:
    """Tokens by digest. Looking at one does not use it; taking it does."""

    def __init__(self) -> None:
        self._people: dict[str, tuple[str, float]] = {}

    def make(self, person: str) -> str:
        """A fresh token for this person, good for 15 minutes."""
        token = secrets.token_urlsafe(32)
        self._people[token_digest(token)] = (person, time.monotonic() + LIFETIME_SECONDS)
        return token

    def known(self, token: str) -> bool:
        found = self._people.get(token_digest(token))
        return found is not None and found[1] > time.monotonic()

    def take(self, token: str) -> str | None:
        """The person, and the token is used; None for an unknown, used or old one."""
        found = self._people.pop(token_digest(token), None)
        return found[0] if found is not None and found[1] > time.monotonic() else None
