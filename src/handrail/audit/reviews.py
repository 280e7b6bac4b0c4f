"""Claims and reviews while a log is replayed: given by a person under a live claim, in time, of what stands."""

from __future__ import annotations

from handrail.audit.cases import Cases, Claim, People, Review
from handrail.audit.standing import TOLERANCE, Entry, Say, Standing
from handrail.clock import from_iso


class Reviews:
    """Takes the entries about claims and reviews. `say(code, text)` reports a violation."""

    def __init__(self, say: Say, cases: Cases, standing: Standing) -> None:
        self._say = say
        self._cases = cases
        self._standing = standing
        self._ids: set[str] = set()

    def taken(self, entry: Entry, now: int) -> None:
        """A person claims a case."""
        found = self._cases.open(entry)
        if found is None:
            return
        people, fence = found[1], entry["fence"]
        if entry["actor"]["kind"] != "person":
            self._say("claim.not_person", "only a person can claim a case")
        if fence <= people.top_fence:
            self._say("claim.fence", f"fence {fence} after {people.top_fence}")
        held = people.claim
        if held and not held.answered and (held.expires is None or now < held.expires - TOLERANCE):
            self._say("claim.overlap", f"taken while {held.pid} held it")
        people.top_fence = max(people.top_fence, fence)
        expires = from_iso(entry["expires"]) if "expires" in entry else None
        people.claim = Claim(fence=fence, pid=entry["actor"]["pid"], expires=expires)

    def let_go(self, entry: Entry, now: int) -> None:
        """A claim ends."""
        case = self._cases.find(entry)
        if case is None or case.people is None:
            return
        if entry["fence"] > case.people.top_fence:
            self._say("claim.fence", f"fence {entry['fence']} was never given out")
        if case.people.claim and case.people.claim.fence == entry["fence"]:
            case.people.claim = None

    def given(self, entry: Entry, now: int) -> None:
        """A person answers."""
        found = self._cases.open(entry)
        if found is None:
            return
        case, people = found
        pid = entry["actor"]["pid"]
        if entry["actor"]["kind"] != "person":
            self._say("review.not_person", f"a review by a {entry['actor']['kind']}")
        if not people.excluded.isdisjoint((pid, *entry.get("handles", ()))):
            self._say("review.excluded", f"{pid} asked for it, owns it or delegated it")
        self._check_claim(people, entry)
        self._check_roles(people, pid)
        if entry["review"] in self._ids:
            self._say("review.doubled", "the review id stands twice")
        self._ids.add(entry["review"])
        effective = from_iso(entry["effective"])
        if effective < now - TOLERANCE:
            self._say("review.effective", "effective before it was given")
        if people.deadline is not None and now > people.deadline + TOLERANCE and people.on_expiry == "reject":
            self._say("review.late", "given after the deadline")
        if entry["case"]["rev"] != case.rev:
            self._say("review.revision", f"of revision {entry['case']['rev']}, but the case stands at {case.rev}")
        if entry["action"]["digest"] != case.digest and entry["verdict"] != "edit":
            self._say("review.digest", "the reviewer judged another action than the one proposed")
        people.reviews[entry["review"]] = Review(
            pid=pid,
            held=self._standing.roles_of(pid),
            verdict=entry["verdict"],
            rev=entry["case"]["rev"],
            effective=effective,
            card=entry.get("card"),
        )

    def _check_claim(self, people: People, entry: Entry) -> None:
        claim = people.claim
        if claim is None or claim.fence != entry["fence"] or claim.pid != entry["actor"]["pid"]:
            self._say("review.no_claim", "given without a live claim of this person and fence")
        else:
            claim.answered = True

    def _check_roles(self, people: People, pid: str) -> None:
        held = self._standing.roles_of(pid)
        # an admin may judge anything; of people the log never gave roles to, it cannot tell
        if people.roles and held is not None and not held & {*people.roles, "admin"}:
            self._say("review.role", f"{pid} held none of the roles {sorted(people.roles)}")

    def _live_review(self, entry: Entry) -> tuple[People, Review] | None:
        case = self._cases.find(entry)
        review = case.people.reviews.get(entry["review"]) if case and case.people else None
        if case is None or case.people is None or review is None or not review.counts:
            if case is not None:
                self._say("review.unknown", f"{entry['type']} of a review that does not stand")
            return None
        return case.people, review

    def withdrawn(self, entry: Entry, now: int) -> None:
        """An answer is taken back by who gave it."""
        found = self._live_review(entry)
        if found is None:
            return
        review = found[1]
        review.counts = False
        if entry["actor"]["pid"] != review.pid:
            self._say("review.withdrawn_by_other", f"given by {review.pid}")
        if now > review.effective:
            self._say("review.withdrawn_late", "withdrawn after it took effect")

    def voided(self, entry: Entry, now: int) -> None:
        """An answer counts no longer."""
        found = self._live_review(entry)
        if found:
            found[1].counts = False
