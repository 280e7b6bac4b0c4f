"""What an entry of each type may hold: closed JSON Schemas, kept as data, each with its digest.

`check` is a small compiled reader of just the keywords used here, since a verifier asks it a million
times; tests compare it with a full JSON Schema implementation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from handrail.canonical import digest, dumps

Schema = dict[str, Any]

_UUID = {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"}
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TIME = {
    "type": "string",
    "pattern": "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9][.][0-9]{6}Z$",
}
# a stable code, never a sentence
_CODE = {"type": "string", "pattern": "^[A-Za-z0-9_.:/-]{1,128}$"}
# a name or pseudonym: no control characters, short
_NAME = {"type": "string", "pattern": "^[^\\u0000-\\u001f\\u007f]{1,256}$"}
_POINTER = {"type": "string", "pattern": "^(/[^\\u0000-\\u001f]{0,256})?$"}
_COUNT = {"type": "integer", "minimum": 0, "maximum": 9007199254740991}
_POSITIVE = {"type": "integer", "minimum": 1, "maximum": 9007199254740991}
_FLAG = {"type": "boolean"}
_TIER = {"enum": ["auto_approve", "soft_review", "hard_gate", "deny"]}


def _object(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": sorted(required),
        "additionalProperties": False,
    }


def _list(item: Schema, most: int = 1000) -> Schema:
    return {"type": "array", "items": item, "maxItems": most}


_CASE = _object({"id": _UUID}, {"rev": _POSITIVE})
_CASE_REV = _object({"id": _UUID, "rev": _POSITIVE})
_ACTION = _object({"name": _NAME, "digest": _DIGEST})
_POLICY = _object({"name": _NAME, "digest": _DIGEST})
_DIGEST_ONLY = _object({"digest": _DIGEST}, {"name": _NAME})
_ACTOR = _object({"kind": {"enum": ["person", "agent", "policy", "system"]}, "pid": _NAME}, {"auth": _CODE})
_PARK = _object({"id": _UUID})
_PROMOTION = _object({"id": _UUID, "action": _NAME, "cell": _UUID})
_FIELDS = {"type": "object", "propertyNames": _POINTER, "additionalProperties": _DIGEST}
_STATE = {"enum": ["new", "open", "decided", "reviewed"]}
_RESULT = {"enum": ["approved", "rejected", "responded", "redirected", "expired", "cancelled"]}
_VERDICT = {"enum": ["approve", "edit", "reject", "respond", "redirect", "abstain"]}
_EXPIRY = {"enum": ["reject", "escalate", "hold", "unsafe_approve"]}
_SCOPE = {"enum": ["agent", "action", "run", "workspace"]}

# who asks, for what run, and which grant loosened the route: what halts and grants are judged by
_ASKED = {"run": _NAME, "agent": _NAME, "undoes": _UUID, "grant": _CODE, "reasons": _list(_CODE), "tool_class": _CODE}

# type: (fields that must stand, fields that may)
_BODIES: dict[str, tuple[Mapping[str, Schema], Mapping[str, Schema]]] = {
    "proposal.submitted": (
        {"case": _CASE_REV, "action": _ACTION, "policy": _POLICY, "tier": _TIER},
        {**_ASKED, "kind": _CODE},
    ),
    "proposal.routed": ({"case": _CASE, "tier": _TIER, "policy": _POLICY}, {**_ASKED, "action": _ACTION}),
    "proposal.revised": ({"case": _CASE_REV, "action": _ACTION}, {"also": _list(_UUID)}),
    "proposal.refused": ({"reason": _CODE}, {"case": _CASE, "action": _DIGEST_ONLY, "policy": _POLICY, "tier": _TIER}),
    "case.opened": (
        {"case": _CASE, "tier": _TIER, "from": _STATE, "to": _STATE, "reviewers": _COUNT, "excluded": _list(_NAME)},
        {"deadline": _TIME, "on_expiry": _EXPIRY, "soft": _FLAG, "spot": _FLAG, "queue": _NAME, "roles": _list(_NAME)},
    ),
    "case.escalated": (
        {"case": _CASE, "from": _STATE, "to": _STATE, "reviewers": _COUNT},
        {
            "reason": _CODE,
            "deadline": _TIME,
            "on_expiry": _EXPIRY,
            "queue": _NAME,
            "roles": _list(_NAME),
            "among": _list(_NAME),
        },
    ),
    "case.closed": (
        {
            "case": _CASE,
            "from": _STATE,
            "to": _STATE,
            "result": {"enum": ["confirmed", "objected", "expired", "cancelled"]},
        },
        {"reviews": _list(_UUID), "reason": _CODE},
    ),
    "claim.taken": ({"case": _CASE, "fence": _POSITIVE}, {"expires": _TIME}),
    "claim.released": ({"case": _CASE, "fence": _POSITIVE}, {}),
    "claim.lapsed": ({"case": _CASE, "fence": _POSITIVE}, {}),
    "review.given": (
        {
            "case": _CASE_REV,
            "review": _UUID,
            "verdict": _VERDICT,
            "fence": _POSITIVE,
            "effective": _TIME,
            "action": _DIGEST_ONLY,
        },
        {
            "reason": _CODE,
            "blind": _FLAG,
            "batch": _CODE,
            "handles": _list(_NAME, 10),
            "scope": {"enum": ["action", "run"]},
        },
    ),
    "review.withdrawn": ({"case": _CASE, "review": _UUID}, {}),
    "review.voided": ({"case": _CASE, "review": _UUID}, {"reason": _CODE}),
    "decision.made": (
        {"case": _CASE_REV, "action": _ACTION, "from": _STATE, "to": _STATE, "result": _RESULT},
        {
            **_ASKED,
            "policy": _POLICY,
            "tier": _TIER,
            "submitted": _FLAG,
            "submitter": _NAME,
            "reviews": _list(_UUID),
            "reason": _CODE,
            "edited": _FLAG,
            "halted": _FLAG,
            "expires": _TIME,
        },
    ),
    "execution.started": ({"case": _CASE, "action": _ACTION, "fence": _POSITIVE, "expires": _TIME}, {}),
    "execution.finished": (
        {"case": _CASE, "fence": _POSITIVE, "result": {"enum": ["succeeded", "failed"]}},
        {"outcome": _DIGEST},
    ),
    "execution.unknown": ({"case": _CASE, "fence": _POSITIVE}, {"reason": _CODE}),
    "execution.settled": ({"case": _CASE, "happened": _FLAG}, {"fence": _POSITIVE}),
    "execution.voided": ({"case": _CASE, "reason": _CODE}, {}),
    # `state`: SHA-256 of the framework's snapshot, which itself never stands here
    "run.parked": (
        {
            "park": _object(
                {"id": _UUID, "run": _NAME, "framework": _CODE, "wakes": {"enum": ["all", "any"]}}, {"state": _DIGEST}
            ),
            "cases": _list(_UUID, 200),
        },
        {"supersedes": _UUID},
    ),
    "run.woken": (
        {"park": _PARK, "fence": _POSITIVE, "result": {"enum": ["woken", "released", "failed"]}},
        {},
    ),
    "run.abandoned": ({"park": _PARK}, {}),
    "run.retried": ({"park": _PARK}, {}),
    "outcome.recorded": ({"case": _CASE, "outcome": _DIGEST}, {"source": _CODE}),
    "label.made": ({"case": _CASE, "label": _UUID}, {"source": _CODE}),
    "policy.changed": ({"policy": _POLICY}, {"approved_by": _list(_NAME), "previous": _DIGEST}),
    "calibrator.changed": ({"calibrator": _object({"name": _NAME, "version": _POSITIVE, "digest": _DIGEST})}, {}),
    "training.due": (
        {"training": _object({"action": _NAME, "labels": _COUNT}, {"batch": _UUID, "state": _CODE})},
        {},
    ),
    "training.done": ({"training": _object({"action": _NAME, "round": _COUNT, "outcome": _DIGEST})}, {}),
    # terms, picks: of the pool and the terms, of what is asked in this round
    "learning.begun": ({"learning": _object({"id": _UUID, "action": _NAME, "terms": _DIGEST})}, {}),
    "learning.asked": ({"learning": _object({"id": _UUID, "round": _COUNT, "size": _COUNT, "picks": _DIGEST})}, {}),
    "learning.ended": ({"learning": _object({"id": _UUID, "rounds": _COUNT})}, {}),
    # the pool of golds; which case was one stands in no entry, since reviewers may read a case's history
    "gold.changed": ({"gold": _object({"id": _UUID, "action": _NAME, "state": {"enum": ["added", "retired"]}})}, {}),
    "reviewer.flagged": ({"reviewer": _object({"pid": _NAME, "code": _CODE}, {"n": _COUNT})}, {}),
    "reviewer.cleared": ({"reviewer": _object({"pid": _NAME, "code": _CODE}, {"n": _COUNT})}, {}),
    # run, uses and case: an approval for one run, and the case it was given with; promotion: what was earned
    "grant.issued": (
        {
            "grant": _object(
                {"id": _CODE, "action": _NAME, "expires": _TIME},
                {"run": _NAME, "agent": _NAME, "uses": _COUNT, "case": _UUID, "promotion": _UUID, "digest": _DIGEST},
            )
        },
        {},
    ),
    "grant.ended": ({"grant": _object({"id": _CODE}, {"action": _NAME, "expires": _TIME})}, {}),
    # cells a promotion may be earned in: how many, and the digest of what belongs to each
    "cell.laid": ({"cells": _object({"action": _NAME, "count": _POSITIVE, "digest": _DIGEST})}, {}),
    "cell.restarted": ({"cell": _object({"id": _UUID, "action": _NAME, "round": _POSITIVE}, {"case": _UUID})}, {}),
    "promotion.proposed": ({"promotion": _PROMOTION}, {}),
    "promotion.accepted": (
        {"promotion": _object({"id": _UUID, "action": _NAME, "cell": _UUID, "grant": _UUID})},
        {},
    ),
    "promotion.declined": ({"promotion": _PROMOTION}, {}),
    "promotion.ended": ({"promotion": _PROMOTION, "reason": _CODE}, {}),
    "access.changed": (
        {"access": _object({"pid": _NAME, "roles": _list(_NAME)}, {"active": _FLAG, "digest": _DIGEST})},
        {"what": _CODE, "scopes": _list(_CODE)},
    ),
    "access.refused": ({"reason": _CODE}, {"case": _CASE, "verb": _CODE}),
    "halt.set": ({"halt": _object({"id": _CODE, "scope": _SCOPE}, {"value": _NAME})}, {"reason": _CODE}),
    "halt.lifted": ({"halt": _object({"id": _CODE}, {"scope": _SCOPE, "value": _NAME})}, {"reason": _CODE}),
    # a monitor found that something is no longer as promised; with a tier, what that action may do by itself is raised.
    # Without an action it is of the whole workspace. Numbers that are not counts stand as text
    "alarm.raised": (
        {
            "alarm": _object(
                {"id": _UUID, "monitor": _CODE, "n": _COUNT, "log_e": _CODE, "line": _CODE},
                {"action": _NAME, "tier": _TIER},
            )
        },
        {},
    ),
    "alarm.lifted": (
        {"alarm": _object({"id": _UUID}, {"action": _NAME})},
        {"certificate": _object({"checks": _COUNT, "wrong": _COUNT, "limit": _CODE, "delta": _CODE})},
    ),
    "overflow.entered": (
        {"overflow": _object({"open": _COUNT, "limit": _COUNT, "soft_review": _CODE, "hard_gate": _CODE})},
        {},
    ),
    "overflow.left": ({"overflow": _object({"open": _COUNT, "limit": _COUNT})}, {}),
    # how many times its price a review counts from now on, since people are few, for one agent or for all that have no
    # price of their own; `asked`: reviews of the last day
    "capacity.priced": (
        {
            "capacity": _object(
                {"factor": _CODE, "before": _CODE, "asked": _COUNT}, {"reviews_per_day": _CODE, "agent": _NAME}
            )
        },
        {},
    ),
    "incident.flagged": ({"incident": _object({"id": _CODE, "code": _CODE})}, {"case": _CASE}),
    "value.viewed": ({"entries": _list(_UUID)}, {"paths": _list(_POINTER), "case": _CASE, "reason": _CODE}),
    "value.erased": ({"entries": _list(_UUID), "paths": _list(_POINTER), "basis": _CODE}, {}),
    "export.made": ({"export": _object({"size": _COUNT}, {"digest": _DIGEST, "openings": _COUNT})}, {}),
    "key.rotated": ({"key": _object({"vkey": _NAME})}, {}),
    "key.revoked": ({"key": _object({"id": _CODE}, {"vkey": _NAME, "since": _COUNT})}, {"reason": _CODE}),
    "epoch.opened": (
        # `epoch`: what was signed last of the one before; `held`: what the copy of it held that was put back
        {
            "epoch": _object({"origin": _NAME, "size": _COUNT, "root": _DIGEST}),
            "held": _object({"size": _COUNT, "root": _DIGEST}),
        },
        {"reason": _CODE},
    ),
    "clock.jumped": ({"before": _TIME}, {}),
}


def _schema(type: str) -> Schema:
    required, optional = _BODIES[type]
    always: dict[str, Schema] = {
        "v": {"const": 1},
        "log": _NAME,
        "id": _UUID,
        "type": {"const": type},
        "at": _TIME,
        "actor": _ACTOR,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": type,
        **_object({**always, **required}, {"cause": _UUID, "fields": _FIELDS, "card": _DIGEST, **optional}),
    }


SCHEMAS: dict[str, Schema] = {type: _schema(type) for type in _BODIES}
DIGESTS: dict[str, str] = {type: digest(dumps(schema)) for type, schema in SCHEMAS.items()}

_Check = Callable[[Any], str | None]


def check(entry: Any) -> str | None:
    """What is wrong with a parsed entry, in words; None if it is as its type's schema says."""
    if type(entry) is not dict:
        return "an entry must be an object"
    kind = entry.get("type")
    compiled = _COMPILED.get(kind) if isinstance(kind, str) else None
    return compiled(entry) if compiled else f"unknown entry type {str(kind)[:60]!r}"


def _compile(schema: Schema) -> _Check:
    if "const" in schema:
        return _one_of([schema["const"]])
    if "enum" in schema:
        return _one_of(schema["enum"])
    return _KINDS[schema["type"]](schema)


def _one_of(values: list[Any]) -> _Check:
    # True == 1 in Python; a JSON reader tells them apart
    allowed = {(type(value), value) for value in values}

    def one_of(value: Any) -> str | None:
        if type(value) in (str, int) and (type(value), value) in allowed:
            return None
        return f"must be one of {values}"

    return one_of


def _string(schema: Schema) -> _Check:
    # Python's $ also stands before a last newline, and fullmatch does not need it
    matches = re.compile(schema["pattern"].removeprefix("^").removesuffix("$")).fullmatch

    def string(value: Any) -> str | None:
        if type(value) is str and matches(value):
            return None
        return f"must match {schema['pattern']}"

    return string


def _integer(schema: Schema) -> _Check:
    least, most = schema["minimum"], schema["maximum"]

    def integer(value: Any) -> str | None:
        if type(value) is int and least <= value <= most:
            return None
        return f"must be an integer of {least} to {most}"

    return integer


def _boolean(schema: Schema) -> _Check:
    return lambda value: None if type(value) is bool else "must be true or false"


def _array(schema: Schema) -> _Check:
    item, most = _compile(schema["items"]), schema["maxItems"]

    def array(value: Any) -> str | None:
        if type(value) is not list or len(value) > most:
            return f"must be a list of at most {most}"
        return next((f"[{at}] {wrong}" for at, one in enumerate(value) if (wrong := item(one))), None)

    return array


def _map(schema: Schema) -> _Check:
    name, item = _compile(schema["propertyNames"]), _compile(schema["additionalProperties"])

    def map(value: Any) -> str | None:
        if type(value) is not dict:
            return "must be an object"
        for key, one in value.items():
            wrong = name(key) or item(one)
            if wrong:
                return f"{key[:60]}: {wrong}"
        return None

    return map


def _object_check(schema: Schema) -> _Check:
    if "properties" not in schema:
        return _map(schema)
    required = frozenset(schema["required"])
    checks = {name: _compile(one) for name, one in schema["properties"].items()}

    def object(value: Any) -> str | None:
        if type(value) is not dict:
            return "must be an object"
        if not required <= value.keys():
            return f"lacks {', '.join(sorted(required - value.keys()))}"
        for key, one in value.items():
            known = checks.get(key)
            if known is None:
                return f"has an unknown field {key[:60]!r}"
            wrong = known(one)
            if wrong:
                return f"{key}: {wrong}"
        return None

    return object


_KINDS: dict[str, Callable[[Schema], _Check]] = {
    "string": _string,
    "integer": _integer,
    "boolean": _boolean,
    "array": _array,
    "object": _object_check,
}
_COMPILED: dict[str, _Check] = {type: _compile(schema) for type, schema in SCHEMAS.items()}
