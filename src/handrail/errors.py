"""What can go wrong, as one tree; and what is not an error at all.

HandrailError                     every error of ours; has a stable `code` and a `remedy`
├── InvalidInput                  the request itself is wrong; repeating it will not help
│   ├── MalformedJSON             not acceptable JSON (duplicate key, NaN, lone surrogate, too deep …)
│   ├── InvalidPolicy             a policy file has a mistake; carries file, line and field
│   ├── InvalidProof              a hash, proof or signature does not hold
│   ├── NotEnoughEvidence         too few labels, or labels that cannot say; fit or certify later
│   └── VerdictNotAllowed         the route of this case does not allow that verdict
├── Conflict                      somebody else was first; look again
│   ├── KeyReused                 the same key was used for a different proposal
│   ├── ClaimLost                 the claim lapsed, was released, or its fence is stale
│   ├── CardChanged               the case was revised since the reviewer saw it
│   ├── AlreadyDecided            the case has its decision
│   ├── LogRewound                the log is shorter than, or differs from, what was signed before
│   └── NotExecutable             no live approval for exactly this, or it was used
├── NotFound                      no such thing in this workspace
├── Forbidden                     known, but not allowed to do this
├── Unauthenticated               not known
├── TooSoon                       the card was before this person for too short a time
├── Unavailable                   the store or server cannot answer now; safe to repeat
├── UnsafeStore                   the database is set up so that acknowledged work could be lost
├── ToolFailed                    the tool ran before and reported an error
├── TrainingFailed                a training command gave no usable scores; answers are kept
├── OutcomeUnknown                whether the effect happened must be settled by a person
└── Unreadable                    a bundle or database cannot be judged

NotApproved                       control flow, not an error: the decision was not an approval
├── Rejected   Redirected   Expired   Cancelled   Halted
"""

from __future__ import annotations

from typing import Any


class HandrailError(Exception):
    """Something failed. `code` is stable, `remedy` says what to do next."""

    code = "error"
    status = 500
    remedy = ""

    def __init__(self, message: str | None = None, *, remedy: str | None = None, **context: Any):
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])
        if remedy is not None:
            self.remedy = remedy
        if self.remedy:
            # a traceback then ends with what to do next
            self.add_note(self.remedy)
        self.context = context


class InvalidInput(HandrailError):
    """The request is not acceptable as it stands."""

    code = "invalid_input"
    status = 422
    remedy = "Correct the request; repeating it unchanged will fail again."


class MalformedJSON(InvalidInput):
    """The text is not acceptable JSON."""

    code = "malformed_json"
    status = 400


class InvalidPolicy(InvalidInput):
    """The policy has a mistake."""

    code = "invalid_policy"


class VerdictNotAllowed(InvalidInput):
    """This case does not allow that verdict."""

    code = "verdict_not_allowed"


class InvalidProof(InvalidInput):
    """A hash, proof or signature does not hold."""

    code = "invalid_proof"
    remedy = "Do not trust this material; compare it with a checkpoint or receipt kept elsewhere."


class NotEnoughEvidence(InvalidInput):
    """Not enough evidence yet. `context` holds `have` and `need` where counts decide."""

    code = "not_enough_evidence"
    remedy = "Collect more labels of this action, then try again."


class Conflict(HandrailError):
    """The state has moved on; look again."""

    code = "conflict"
    status = 409
    remedy = "Read the case again and decide what to do from its present state."


class KeyReused(Conflict):
    """That key was already used for a different proposal."""

    code = "key_reused"
    remedy = "Use a new key for a new proposal, or send the first proposal unchanged."


class ClaimLost(Conflict):
    """The claim is no longer held."""

    code = "claim_lost"
    remedy = "Claim the case again; the draft was not recorded."


class CardChanged(Conflict):
    """The case was revised since it was shown."""

    code = "card_changed"
    status = 412
    remedy = "Read the new card before answering."


class AlreadyDecided(Conflict):
    """The case already has its decision."""

    code = "already_decided"


class LogRewound(Conflict):
    """The log does not extend what was signed before."""

    code = "log_rewound"
    remedy = "Restore the newest database, or open a new epoch (a new origin) and say why."


class NotExecutable(Conflict):
    """There is no unused, live approval for exactly this."""

    code = "not_executable"
    remedy = "Submit a new proposal if the effect is still wanted."


class NotFound(HandrailError):
    """There is no such thing here."""

    code = "not_found"
    status = 404
    remedy = "Check the id and the workspace."


class Unauthenticated(HandrailError):
    """The caller is not signed in and gave no valid key."""

    code = "unauthenticated"
    status = 401
    remedy = "Sign in, or send a valid API key."


class Forbidden(HandrailError):
    """The caller may not do this."""

    code = "forbidden"
    status = 403
    remedy = "Ask somebody with the needed role."


class TooSoon(HandrailError):
    """A high-stakes card is read before it is let through."""

    code = "too_soon"
    status = 409
    remedy = "Read the card, then send the same answer again."


class Unavailable(HandrailError):
    """The answer cannot be had now; it is safe to repeat the request."""

    code = "unavailable"
    status = 503
    remedy = "Repeat the same request, with the same key, in a moment."


class UnsafeStore(HandrailError):
    """The database settings could lose acknowledged work."""

    code = "unsafe_store"
    remedy = "Change the setting named above, or accept the risk in so many words with allow_unsafe=True."


class Unreadable(HandrailError):
    """The material cannot be judged."""

    code = "unreadable"
    status = 422


class ToolFailed(HandrailError):
    """The tool ran before and reported an error."""

    code = "tool_failed"
    remedy = "Submit a new proposal if the effect is still wanted; this approval is used."


class TrainingFailed(HandrailError):
    """A training command or function failed, took too long, or gave no scores that can be used."""

    code = "training_failed"
    remedy = "Every answer is kept: mend the training and run again; nobody is asked twice."


class OutcomeUnknown(HandrailError):
    """Whether the effect happened is not known; a person settles it."""

    code = "outcome_unknown"
    remedy = "A reviewer settles it in the console; do not run the tool again by hand."


class Uncertain(Exception):
    """Raise this in a tool that cannot tell whether its effect happened; a person then settles it."""


class NotApproved(Exception):
    """The decision was not an approval. Control flow, not an error.

    `decision` is the whole decision; `reason` what was said; `case_id` the case.
    """

    def __init__(self, decision: Any):
        self.decision = decision
        self.case_id: str = decision.case_id
        self.reason: str = decision.reason or ""
        super().__init__(f"{type(self).__name__.lower()}: {self.reason or decision.kind} (case {decision.case_id})")


class Rejected(NotApproved):
    """A person or the policy said no; `reason` says why."""


class Redirected(NotApproved):
    """A person asked for something else; `instruction` says what."""

    @property
    def instruction(self) -> str:
        return self.decision.instruction or ""


class Expired(NotApproved):
    """Nobody settled it in time."""


class Cancelled(NotApproved):
    """The proposal was withdrawn."""


class Halted(NotApproved):
    """A halt switch stands over this agent, action, run or workspace."""
