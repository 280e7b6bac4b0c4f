"""What the tables keep in words and numbers, committed to in the log: the proposal, its route, answers, the decision.

Each entry that changes one of them holds its commitment, salted from a secret of the case; so `reconcile` finds words
that were altered beside the log, and who reads the log alone learns nothing. Erasing forgets the secret.
"""

from __future__ import annotations

import hmac

from handrail.canonical import JSON, dumps
from handrail.clock import Random
from handrail.entry import commitment_of
from handrail.lifecycle import raised, rows
from handrail.lifecycle.rows import ProposalRow
from handrail.route import Route

# where an entry holds each, as `entry.KEPT` has them
PROPOSAL, ROUTE, ANSWER, DECISION = "/proposal", "/route", "/answer", "/decision"
_SALT = 32
_secrets = Random(3 * _SALT)


# what is kept of a decision that nobody was asked for: it says nothing that its entry does not
BY_POLICY = dumps({"by": ["policy"]})


def new_secret() -> bytes:
    """96 random bytes: the salts of a case's proposal and route, and from what its other salts are made."""
    return _secrets.take()


def to_proposal(secret: bytes, data: bytes) -> dict[str, JSON]:
    """The commitment to a proposal's canonical bytes at any of its revisions."""
    return {PROPOSAL: _made(secret, PROPOSAL, "", data)}


def to_route(secret: bytes, data: bytes) -> dict[str, JSON]:
    """The commitment to a route that people are asked by, of its `route_data`."""
    return {ROUTE: _made(secret, ROUTE, "", data)}


def route_data(route: Route) -> bytes:
    """The canonical bytes of a route that are committed to."""
    # who may take a case that has gone up changes with its answers, without an entry
    return rows.route_bytes(raised.keep_for_leads(route) if raised.is_raised(route) else route)


def to_answer(secret: bytes, data: bytes, review_id: str) -> dict[str, JSON]:
    """The commitment to the canonical bytes of what somebody answered."""
    return {ANSWER: _made(secret, ANSWER, review_id, data)}


def to_decision(secret: bytes, data: bytes) -> dict[str, JSON]:
    """The commitment to the canonical bytes of what was decided and why."""
    return {} if data == BY_POLICY else {DECISION: _made(secret, DECISION, "", data)}


def of_case(row: ProposalRow) -> bytes:
    """The case's secret; made-up bytes where it was erased, since what stands there then may be found out by nobody."""
    return new_secret() if row.secret is None else bytes(row.secret)


def salt(secret: bytes, path: str, of: str) -> bytes:
    """The salt of one commitment: who is shown one guesses no other. `of`: a review's id, or nothing."""
    # every submission needs the first two, so those cost nothing more
    if path == PROPOSAL:
        return secret[:_SALT]
    if path == ROUTE:
        return secret[_SALT : 2 * _SALT]
    return hmac.digest(secret[2 * _SALT :], f"{path}\0{of}".encode(), "sha256")


def _made(secret: bytes, path: str, of: str, data: bytes) -> str:
    return commitment_of(data, salt=salt(secret, path, of), path=path)
