"""What stands over cases while a log is replayed: policies in force, grants, halts, and the roles people hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from handrail.clock import SECOND, from_iso
from handrail.route import SEVERITY

Entry = dict[str, Any]
Say = Callable[[str, str], None]

# how far clocks of replicas may differ
TOLERANCE = 5 * SECOND
# how long a replica may still route by the policy that was just replaced
POLICY_GRACE = 60 * SECOND


class Standing:
    """Takes the entries that change what stands, and answers what stood. `say(code, text)` reports a violation."""

    def __init__(self, say: Say) -> None:
        self._say = say
        # (name, digest) → when it was replaced, None while in force
        self._policies: dict[tuple[str, str], int | None] = {}
        self._in_force: dict[str, str] = {}
        self._grants: dict[str, tuple[str, int]] = {}
        # approvals for a run: the run and agent, and how often each may still be used
        self._run_grants: dict[str, tuple[str, str | None]] = {}
        self._uses: dict[str, int] = {}
        self._halts: dict[str, tuple[str, str | None]] = {}
        self._roles: dict[str, frozenset[str]] = {}
        # standing alarms: action ("" for all), the least tier it leaves open (None: it only tells), since when
        self._alarms: dict[str, tuple[str, str | None, int]] = {}
        self._overflows = False

    def policy_changed(self, entry: Entry, now: int) -> None:
        """From now on this is the policy of that name."""
        name, digest = entry["policy"]["name"], entry["policy"]["digest"]
        before = self._in_force.get(name)
        if before is not None:
            self._policies[name, before] = now
        self._in_force[name] = digest
        self._policies[name, digest] = None

    def grant_issued(self, entry: Entry, now: int) -> None:
        """A grant begins."""
        grant = entry["grant"]
        if grant["id"] in self._grants:
            self._say("grant.doubled", f"the grant {grant['id']} stands twice")
        self._grants[grant["id"]] = grant["action"], from_iso(grant["expires"])
        if "run" in grant:
            self._run_grants[grant["id"]] = grant["run"], grant.get("agent")
            self._uses[grant["id"]] = grant.get("uses", 0)

    def grant_ended(self, entry: Entry, now: int) -> None:
        """A grant ends, before its time or at it."""
        id = entry["grant"]["id"]
        if id not in self._grants:
            self._say("grant.unknown", f"the grant {id} was never issued")
            return
        action, expires = self._grants[id]
        self._grants[id] = action, min(expires, now - TOLERANCE - 1)

    def access_changed(self, entry: Entry, now: int) -> None:
        """From now on this person holds these roles."""
        access = entry["access"]
        self._roles[access["pid"]] = frozenset(access["roles"] if access.get("active", True) else ())

    def halt_set(self, entry: Entry, now: int) -> None:
        """A halt begins."""
        halt = entry["halt"]
        if halt["id"] in self._halts:
            self._say("halt.doubled", f"the halt {halt['id']} stands already")
        self._halts[halt["id"]] = halt["scope"], halt.get("value")

    def halt_lifted(self, entry: Entry, now: int) -> None:
        """A halt ends."""
        if self._halts.pop(entry["halt"]["id"], None) is None:
            self._say("halt.unknown", f"the halt {entry['halt']['id']} does not stand")

    def alarm_raised(self, entry: Entry, now: int) -> None:
        """A monitor alarms."""
        alarm = entry["alarm"]
        if alarm["id"] in self._alarms:
            self._say("alarm.doubled", f"the alarm {alarm['id']} stands already")
        self._alarms[alarm["id"]] = alarm.get("action", ""), alarm.get("tier"), now

    def alarm_lifted(self, entry: Entry, now: int) -> None:
        """A person lifts an alarm, with evidence where it was raised for errors."""
        alarm = self._alarms.pop(entry["alarm"]["id"], None)
        if alarm is None:
            self._say("alarm.unknown", f"the alarm {entry['alarm']['id']} does not stand")
            return
        if entry["actor"]["kind"] != "person":
            self._say("alarm.lifted_by", f"lifted by a {entry['actor']['kind']}; only a person can")
        held = self.roles_of(entry["actor"]["pid"])
        if held is not None and not held & {"lead", "admin"}:
            self._say("alarm.lifted_by", "lifted by a person who is neither lead nor admin")
        if alarm[1] == "hard_gate" and "certificate" not in entry:
            self._say("alarm.without_evidence", "lifted without a certificate from checks after the alarm")

    def overflow_entered(self, entry: Entry, now: int) -> None:
        """The queue is at its limit."""
        if self._overflows:
            self._say("overflow.doubled", "the queue overflows already")
        self._overflows = True

    def overflow_left(self, entry: Entry, now: int) -> None:
        """The queue has come down."""
        if not self._overflows:
            self._say("overflow.unknown", "the queue did not overflow")
        self._overflows = False

    def _check_alarms(self, entry: Entry, now: int) -> None:
        """Nothing goes further by itself than a standing alarm leaves open; but an objection is its own reason."""
        if "undoes" in entry:
            return
        for id, (action, tier, since) in self._alarms.items():
            concerned = action in ("", entry["action"]["name"]) and tier is not None and now > since + POLICY_GRACE
            if concerned and SEVERITY[entry["tier"]] < SEVERITY[tier or ""]:
                self._say("alarm.ignored", f"let go at tier {entry['tier']} while the alarm {id} asks for {tier}")

    def check_route(self, entry: Entry, now: int) -> None:
        """Was the policy it names in force, and the grant it names live? Does no alarm stand against its tier?"""
        self._check_alarms(entry, now)
        policy = entry.get("policy")
        if policy is None:
            self._say("policy.missing", "it names no policy")
        else:
            replaced = self._policies.get((policy["name"], policy["digest"]), 0)
            if replaced is not None and (replaced == 0 or now > replaced + POLICY_GRACE):
                self._say("policy.not_in_force", f"policy {policy['name']} with this digest was not in force")
        if "grant" in entry:
            action, expires = self._grants.get(entry["grant"], ("", 0))
            if action != entry["action"]["name"] or now > expires + TOLERANCE:
                self._say("grant.not_live", f"the grant {entry['grant']} was not live for this action")
            self._check_run_grant(entry)

    def _check_run_grant(self, entry: Entry) -> None:
        """An approval for a run covers its own run and agent only, and so many uses."""
        id = entry["grant"]
        if id not in self._run_grants:
            return
        self._uses[id] -= 1
        if self._run_grants[id] != (entry.get("run"), entry.get("agent")):
            self._say("grant.not_covered", f"the grant {id} was given for another run or agent")
        if self._uses[id] < 0:
            self._say("grant.used_up", f"the grant {id} was used more often than it allows")

    def roles_of(self, pid: str) -> frozenset[str] | None:
        """The roles the log gave this person; None if it never spoke of him."""
        return self._roles.get(pid)

    def halts_over(self, *, action: str, run: str | None, agent: str | None) -> Iterator[tuple[str, str]]:
        """(id, scope) of each halt that stands over this."""
        named = {"action": action, "run": run, "agent": agent}
        for id, (scope, value) in self._halts.items():
            if scope == "workspace" or (value is not None and named[scope] == value):
                yield id, scope
