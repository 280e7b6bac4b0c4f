"""Passwords: Argon2id, hashed in a thread, few at a time because each takes 64 MiB."""

from __future__ import annotations

import asyncio
import secrets

import argon2

HASHER = argon2.PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1, type=argon2.Type.ID)
# what an unknown account is checked against, so that it takes as long as a known one
NOBODY = HASHER.hash(secrets.token_hex(16))
MOST_CHARACTERS = 256
LEAST_CHARACTERS = 8
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class Passwords:
    """Hashes and checks, at most `at_once` together."""

    def __init__(self, at_once: int = 2):
        self._turn = asyncio.Semaphore(at_once)

    async def hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(hashed, password)

    async def fits(self, password: str, stored: str | None) -> bool:
        """Whether the password is the one; takes the same time for an account that has none."""
        async with self._turn:
            right = await asyncio.to_thread(_fits, password, stored or NOBODY)
        return right and stored is not None


def hashed(password: str) -> str:
    """The Argon2id hash to store."""
    return HASHER.hash(password)


def fresh() -> str:
    """A password nobody has to invent: 20 characters, 99 bits, none that look alike."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(4))


def _fits(password: str, stored: str) -> bool:
    try:
        return HASHER.verify(stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
