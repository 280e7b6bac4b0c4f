"""What the reviews of one case mean under its route.

Which reviews count
    live (not withdrawn, not voided), in effect by `now`, about the current revision, with a verdict the route
    allows, by a person who holds a role the route asks for and is not excluded. `abstain` never counts.
    One person has one answer, the latest he gave; while that one can still be taken back, he has none.

What they mean, first line that fits (n = people the route needs)

    | counted answers                                   | outcome                                               |
    |---------------------------------------------------|-------------------------------------------------------|
    | a reject or redirect                              | settled: rejected or redirected, the earliest in force |
    | edits, all with the same arguments, n = 1         | settled: approved with the edited arguments           |
    | the same, n ≥ 2, fewer than n editors             | pending: make the next revision of `arguments`        |
    | edits with different arguments                    | conflict: edits_differ                                |
    | approvals of this revision by n people            | settled: approved                                     |
    | the same value from n people                      | settled: responded                                    |
    | answers that contradict each other                | conflict: answers_differ                              |
    | anything else                                     | pending                                               |

An edit voids approvals of the text it changed. The edit that made a revision (`made_by`) is its author's approval of
it; somebody else's edit of that revision differs from it, and is the conflict of two edits. A conflict goes up
(escalate). It ends by a reject, by voiding, or when further people give one answer both n supporters and more than
half of all counted people. A reject or redirect in force is never outlived by a later answer,
not even of the same person: nothing that was stopped starts again.

Stages wait in their order, but answers need not come in it: one that was given early counts when its stage comes.
One person fills one seat, whichever lets most stages be filled from the first on. An `admin` holds every role.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from handrail.canonical import JSON, dumps
from handrail.review import Review
from handrail.route import Route, Stage

State = Literal["pending", "conflict", "settled"]
SettledKind = Literal["approved", "rejected", "responded", "redirected"]
Conflict = Literal["edits_differ", "answers_differ"]

# holds every role, as everywhere in the lifecycle
ADMIN = "admin"

STOPS = {"reject": 0, "redirect": 1}
_STOPPED: dict[str, SettledKind] = {"reject": "rejected", "redirect": "redirected"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a set of reviews amounts to."""

    state: State
    # what it was settled as; None unless settled
    kind: SettledKind | None = None
    # distinct people who support the leading answer, and how many the route needs
    have: int = 0
    need: int = 1
    # ids of the reviews that count for the outcome (for a conflict: those that contradict), sorted
    counted: tuple[str, ...] = ()
    # the people who gave them, sorted
    people: tuple[str, ...] = ()
    # a person changed what will run
    edited: bool = False
    # id of the edit that must become the next revision (pending: others must then approve it; approved: at once),
    # and the arguments it holds. None: the current revision stands
    edit: str | None = None
    arguments: JSON = None
    value: JSON = None
    instruction: str | None = None
    reason: str | None = None
    note: str | None = None
    # why it is a conflict
    conflict: Conflict | None = None
    # index of the stage that waits, and the roles any of which may fill it (empty: any reviewer)
    stage: int = 0
    roles: tuple[str, ...] = ()
    # ids of live abstentions: kept, never counted
    abstained: tuple[str, ...] = ()
    # when the next review given so far takes effect: look again then
    next_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matter:
    """What the answers are about."""

    route: Route
    held: Mapping[str, Collection[str]]
    revision: int
    made: Review | None
    suggestion: JSON


@dataclass(frozen=True, slots=True)
class _Seats:
    have: int
    complete: bool
    stage: int
    roles: tuple[str, ...]
    taken: tuple[Review, ...]


def needed(route: Route) -> int:
    """How many distinct people must agree; at least one, also where the route names none."""
    return max(1, route.reviewers, sum(stage.reviewers for stage in route.stages))


def may_review(person: str, route: Route, roles: Collection[str], excluded: Collection[str] = ()) -> bool:
    """Whether this person's answer can count under the route at all, in some stage."""
    if person in excluded:
        return False
    return any(_fits(stage, route, roles) for stage in _stages(route))


def settle(
    reviews: Iterable[Review],
    route: Route,
    revision: int,
    now: int,
    *,
    roles: Mapping[str, Collection[str]] | None = None,
    excluded: Collection[str] = (),
    made_by: str | None = None,
    suggestion: JSON = None,
) -> Outcome:
    """Decide what the reviews of one case amount to at `now`. The order of `reviews` does not matter.

    `roles` maps reviewer to the roles held; a person missing from it holds none. `excluded` are the people who may
    not judge (requester, owners, delegates). `made_by` is the id of the edit that made the current revision.
    `suggestion` is the model's answer where approving means giving that same answer (annotation, comparison).
    """
    held = roles or {}
    live = [r for r in reviews if r.withdrawn_at is None and r.voided_at is None and r.given_at <= now]
    abstained = tuple(sorted(r.id for r in live if r.verdict == "abstain" and r.revision == revision))
    live = [
        r
        for r in live
        if r.verdict != "abstain"
        and r.verdict in route.verdicts
        and may_review(r.reviewer, route, held.get(r.reviewer, ()), excluded)
    ]
    made = next((r for r in live if r.id == made_by and r.verdict == "edit"), None)
    live = [r for r in live if r.revision == revision or _edited_same_base(r, made, revision)]
    later = [r.effective_at for r in live if r.effective_at > now]
    # what every outcome says
    frame: dict[str, Any] = {"need": needed(route), "abstained": abstained, "next_at": min(later, default=None)}
    stops = [r for r in live if r.verdict in STOPS and r.effective_at <= now and r.revision == revision]
    if stops:
        first = min(stops, key=lambda r: (r.effective_at, STOPS[r.verdict], r.id))
        waiting = _seats((), route, held)
        return Outcome(
            **frame,
            state="settled",
            kind=_STOPPED[first.verdict],
            have=1,
            stage=waiting.stage,
            roles=waiting.roles,
            counted=(first.id,),
            people=(first.reviewer,),
            instruction=first.instruction,
            reason=first.reason,
            note=first.note,
        )
    matter = _Matter(route=route, held=held, revision=revision, made=made, suggestion=suggestion)
    return _weigh(_standing(live, now), matter, frame)


def _weigh(standing: Sequence[Review], matter: _Matter, frame: dict[str, Any]) -> Outcome:
    fresh_edit = any(_is_fresh_edit(r, matter) for r in standing)
    positions: dict[bytes, list[Review]] = {}
    for review in standing:
        # a fresh edit changed the very text that the others approved; whoever wrote that text still stands by it
        if not fresh_edit or review.verdict in ("respond", "edit"):
            positions.setdefault(_position(review, matter), []).append(review)
    if not positions:
        waiting = _seats((), matter.route, matter.held)
        return Outcome(**frame, state="pending", stage=waiting.stage, roles=waiting.roles)
    count = sum(map(len, positions.values()))
    ranked = sorted(positions.items(), key=lambda item: (-len(item[1]), item[0]))
    key, leaders = ranked[0]
    seats = _seats(leaders, matter.route, matter.held)
    if seats.complete and (len(positions) == 1 or 2 * len(leaders) > count):
        return _settled(frame | {"have": seats.have}, key, seats.taken, leaders)
    frame = frame | {"have": seats.have, "stage": seats.stage, "roles": seats.roles}
    if len(positions) > 1:
        editing = sum(any(r.verdict == "edit" for r in group) for group in positions.values())
        differ: Conflict = "edits_differ" if editing > 1 else "answers_differ"
        return Outcome(**frame, state="conflict", conflict=differ, **_counted(standing))
    if key.startswith(b"edit") and fresh_edit:
        first = min(leaders, key=lambda r: (r.effective_at, r.id))
        return Outcome(**frame, state="pending", edit=first.id, arguments=first.arguments, **_counted(leaders))
    return Outcome(**frame, state="pending", **_counted(leaders))


def _settled(frame: dict[str, Any], key: bytes, taken: Sequence[Review], leaders: Sequence[Review]) -> Outcome:
    first = min(taken, key=lambda r: (r.effective_at, r.id))
    done: dict[str, Any] = {**frame, "state": "settled", "note": first.note, **_counted(taken)}
    if key.startswith(b"edit"):
        return Outcome(**done, kind="approved", edited=True, edit=first.id, arguments=first.arguments)
    answered = next((r for r in sorted(leaders, key=lambda r: r.id) if r.verdict == "respond"), None)
    if answered is not None:
        return Outcome(**done, kind="responded", value=answered.value)
    return Outcome(**done, kind="approved", edited=any(r.verdict == "edit" for r in taken))


def _counted(reviews: Iterable[Review]) -> dict[str, Any]:
    reviews = list(reviews)
    return {
        "counted": tuple(sorted(r.id for r in reviews)),
        "people": tuple(sorted(r.reviewer for r in reviews)),
    }


def _is_fresh_edit(review: Review, matter: _Matter) -> bool:
    """An edit of the current revision. One that changes nothing of what an earlier edit made agrees with that."""
    if review.verdict != "edit" or review.revision != matter.revision:
        return False
    return matter.made is None or dumps(review.arguments) != dumps(matter.made.arguments)


def _position(review: Review, matter: _Matter) -> bytes:
    """Two answers agree exactly when these bytes are equal."""
    if review.verdict == "respond":
        return b"respond" + dumps(review.value)
    if _is_fresh_edit(review, matter) or _departs(review, matter.made):
        return b"edit" + dumps(review.arguments)
    return b"approve" if matter.suggestion is None else b"respond" + dumps(matter.suggestion)


def _departs(review: Review, made: Review | None) -> bool:
    """An edit of the last revision that is not the one which became this revision."""
    return review.verdict == "edit" and made is not None and dumps(review.arguments) != dumps(made.arguments)


def _standing(live: Sequence[Review], now: int) -> list[Review]:
    """Each person's latest answer, if it is in effect. A stopping answer still in its window already silences him."""
    latest: dict[str, Review] = {}
    for review in live:
        known = latest.get(review.reviewer)
        if known is None or _age(review) > _age(known):
            latest[review.reviewer] = review
    return [r for r in latest.values() if r.effective_at <= now and r.verdict not in STOPS]


def _age(review: Review) -> tuple[int, int, int, str]:
    # at the same microsecond the stricter verdict is taken for the later one
    strict = {"reject": 4, "redirect": 3, "edit": 2, "respond": 1}.get(review.verdict, 0)
    return (review.revision, review.given_at, strict, review.id)


def _edited_same_base(review: Review, made: Review | None, revision: int) -> bool:
    return made is not None and review.verdict == "edit" and review.revision == made.revision < revision


def _seats(supporters: Sequence[Review], route: Route, held: Mapping[str, Collection[str]]) -> _Seats:
    """Put supporters (one review per person) into the route's stages, the first stages first.

    Somebody who fits several seats moves on when another can only have his: a matching by augmenting paths.
    """
    stages = _stages(route)
    seats = [index for index, stage in enumerate(stages) for _ in range(stage.reviewers)]
    people = sorted(supporters, key=lambda r: (r.effective_at, r.given_at, r.id))
    seat_of: dict[str, int] = {}

    def fill(seat: int, tried: set[str]) -> bool:
        for review in people:
            if review.id in tried or not _fits(stages[seats[seat]], route, held.get(review.reviewer, ())):
                continue
            tried.add(review.id)
            if review.id not in seat_of or fill(seat_of[review.id], tried):
                seat_of[review.id] = seat
                return True
        return False

    missing = [seats[seat] for seat in range(len(seats)) if not fill(seat, set())]
    taken = [review for review in people if review.id in seat_of]
    if not missing:
        # another rule may ask for more people than the stages seat
        taken += [review for review in people if review.id not in seat_of][: max(0, needed(route) - len(taken))]
    waits = missing[0] if missing else len(stages) - 1
    complete = not missing and len(taken) >= needed(route)
    return _Seats(len(taken), complete, waits, stages[waits].roles or route.roles, tuple(taken))


def _stages(route: Route) -> tuple[Stage, ...]:
    return route.stages or (Stage(roles=route.roles, reviewers=max(1, route.reviewers)),)


def _fits(stage: Stage, route: Route, roles: Collection[str]) -> bool:
    asked = stage.roles or route.roles
    return not asked or ADMIN in roles or any(role in asked for role in roles)
